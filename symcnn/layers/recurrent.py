"""Recurrent layers: sequences through cells, with weights that all steps share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph.algebra import broadcast_to
from ..graph.arguments import chosen, flag, items, positive_int
from ..graph.errors import ArgumentError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.leaves import Const, Param
from ..graph.node import Node, as_node
from ..graph.operators import Operand
from ..graph.spec import DType, Shape, promote
from ..nodes.initial import Initializer, uniform
from ..nodes.sigmoid import tanh
from ..nodes.weights import drawn, generator, prefixed
from ..text import called
from .cells import gru_cell, lstm_cell, pair_of_states, rnn_cell
from .scan import scan

Weights = Sequence[Any]
"""Nodes, or arrays, of given weights."""


@layer(title="RNN", symbol="h")
def rnn(
    x: Node,
    units: int | None = None,
    *,
    activation: Callable[[Node], Node] = tanh,
    state: Operand | None = None,
    lengths: Operand | None = None,
    reverse: bool = False,
    returns: str = "sequence",
    weights: Weights | None = None,
    bias: bool = True,
    init: Initializer | None = None,
    seed: int | None = None,
    name: str = "",
) -> Any:
    """A plain recurrent layer: h_t = f(W x_t + U h_(t-1) + b).

    Parameters
    ----------
    x : Node
        (N, T, D).
    units : int
        H; it may be left out where weights are given.
    activation : callable
        f: `symcnn.tanh`, `symcnn.relu`, or another function of a node.
    state : Node, optional
        The first one, (N, H), or (H,) for all sequences; default: 0.
    lengths : Node, optional
        (N,), integers: how many steps each sequence has. From there on its state stays as it is, and outputs are 0.
    reverse : bool
        Whether the last step comes first; outputs stay where their inputs are.
    returns : "sequence", "last" or "both"
        The outputs of all steps, (N, T, H); the last one, (N, H), which is that of the first step where `reverse` is
        true; or (sequence, state), where the state is what `state` takes.
    weights : sequence of Node or array, optional
        W (H, D), U (H, H) and b (H,), which may be left out, in place of parameters that the layer makes.
    bias : bool
        Whether there is a bias, 0 at first.
    init : callable, optional
        (rng, shape) -> the first W and U, of one gate at a time; default: uniform within 1 / sqrt(H), as in PyTorch.
    seed : int, optional
        Makes them repeatable.
    name : str, optional
        The parameters are called ``name.W``, ``name.U`` and ``name.b``.

    Returns
    -------
    Node, or (Node, Node)
        See `returns`.

    Notes
    -----
    PyTorch's layer is this one with ``weights=[weight_ih_l0, weight_hh_l0, bias_ih_l0 + bias_hh_l0]``. Layers on top of
    each other, and in two directions, are made by composition, as below.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 20, 12))
    >>> h = sc.rnn(x, 8, name="rnn1", seed=0)
    >>> h.shape, [(p.name, p.value.shape) for p in h.params]
    ((None, 20, 8), [('rnn1.W', (8, 12)), ('rnn1.U', (8, 8)), ('rnn1.b', (8,))])
    >>> both = sc.concat([sc.rnn(h, 8), sc.rnn(h, 8, reverse=True)], axis=2)
    >>> both.shape
    (None, 20, 16)
    """
    form = _Form("rnn", name, gates=1)
    x, shared = form.prepared(x, units, weights, bias, init, seed)

    def cell(x_t: Node, h: Node) -> tuple[Node, Node]:
        new = rnn_cell(x_t, h, *shared, activation=activation)
        return new, new

    return form.scanned(cell, x, form.start(x, shared, state), lengths, reverse, returns)


@layer(title="LSTM", symbol="h")
def lstm(
    x: Node,
    units: int | None = None,
    *,
    state: tuple[Operand, Operand] | None = None,
    lengths: Operand | None = None,
    reverse: bool = False,
    returns: str = "sequence",
    weights: Weights | None = None,
    bias: bool = True,
    forget_bias: float = 1.0,
    init: Initializer | None = None,
    seed: int | None = None,
    name: str = "",
) -> Any:
    """A layer of long short-term memory; see `lstm_cell` for its formula, and `rnn` for the arguments.

    Parameters
    ----------
    x : Node
        (N, T, D).
    state : (Node, Node), optional
        The first (h, c), each (N, H) or (H,); default: 0.
    weights : sequence of Node or array, optional
        W (4 H, D), U (4 H, H) and b (4 H,), which may be left out: rows of the gates i, f, g, o, as in PyTorch.
    forget_bias : float
        The forget gate's bias at first (Jozefowicz et al., 2015); the others are 0.

    Returns
    -------
    Node, or (Node, (Node, Node))
        (N, T, H), or (N, H): see `returns` of `rnn`.

    Notes
    -----
    PyTorch's layer is this one with ``weights=[weight_ih_l0, weight_hh_l0, bias_ih_l0 + bias_hh_l0]``.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, lengths = sc.Input("x", (None, 29, 12)), sc.Input("lengths", (None,), dtype="int64")
    >>> h = sc.lstm(x, 16, lengths=lengths, returns="last", name="lstm1", seed=0)
    >>> h.shape, [(p.name, p.value.shape) for p in h.params]
    ((None, 16), [('lstm1.W', (64, 12)), ('lstm1.U', (64, 16)), ('lstm1.b', (64,))])
    """
    form = _Form("lstm", name, gates=4)
    first = np.array([0, float(forget_bias), 0, 0])
    x, shared = form.prepared(x, units, weights, bias, init, seed, first)
    h, c = (None, None) if state is None else pair_of_states(state, form.what)

    def cell(x_t: Node, before: tuple[Node, Node]) -> tuple[Node, tuple[Node, Node]]:
        new = lstm_cell(x_t, before, *shared)
        return new[0], new

    return form.scanned(cell, x, (form.start(x, shared, h), form.start(x, shared, c)), lengths, reverse, returns)


@layer(title="GRU", symbol="h")
def gru(
    x: Node,
    units: int | None = None,
    *,
    state: Operand | None = None,
    lengths: Operand | None = None,
    reverse: bool = False,
    returns: str = "sequence",
    weights: Weights | None = None,
    bias: bool = True,
    init: Initializer | None = None,
    seed: int | None = None,
    name: str = "",
) -> Any:
    """A layer of gated recurrent units; see `gru_cell` for its formula, and `rnn` for the arguments.

    Parameters
    ----------
    x : Node
        (N, T, D).
    weights : sequence of Node or array, optional
        W (3 H, D), U (3 H, H), and the biases b and c, (3 H,), which may be left out: rows of the gates r, z, n, as in
        PyTorch.
    name : str, optional
        The parameters are called ``name.W``, ``name.U``, ``name.b`` and ``name.c``.

    Returns
    -------
    Node, or (Node, Node)
        (N, T, H), or (N, H): see `returns` of `rnn`.

    Notes
    -----
    PyTorch's layer is this one with ``weights=[weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0]``.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 20, 12))
    >>> h, last = sc.gru(x, 16, returns="both", seed=0)
    >>> h.shape, last.shape, [p.value.shape for p in h.params]
    ((None, 20, 16), (None, 16), [(48, 12), (48, 16), (48,), (48,)])
    """
    form = _Form("gru", name, gates=3, biases="bc")
    x, shared = form.prepared(x, units, weights, bias, init, seed)

    def cell(x_t: Node, h: Node) -> tuple[Node, Node]:
        new = gru_cell(x_t, h, *shared)
        return new, new

    return form.scanned(cell, x, form.start(x, shared, state), lengths, reverse, returns)


@dataclass(frozen=True)
class _Form:
    """What a recurrent layer is called, how many gates it has, and the names of its biases."""

    kind: str
    name: str
    gates: int
    biases: str = "b"

    @property
    def what(self) -> str:
        """How errors call it."""
        return called(self.kind, self.name)

    def prepared(
        self,
        x: Node,
        units: int | None,
        weights: Weights | None,
        bias: object,
        init: Initializer | None,
        seed: int | None,
        first: Any = 0.0,
    ) -> tuple[Node, list[Node]]:
        """The sequences and the weights, checked; new weights where none are given."""
        x = as_node(x)
        if x.ndim != 3 or None in x.shape[1:]:
            problem = f"{self.what} reads (N, T, D), with T and D known; this has shape {x.shape}"
            raise ShapeError(message(problem, node=x))
        if weights is not None:
            return x, self._given(x, units, weights)
        if units is None:
            raise ArgumentError(message(f"{self.what}: say how many units it has", site=call_site()))
        units = positive_int(units, f"{self.what}: units")
        shapes, dtype = self._shapes(x, units), promote(x.dtype)
        init = uniform(1 / math.sqrt(units)) if init is None else init
        seeds = generator(seed, self.what).integers(2**31, size=2)
        made: list[Node] = [
            self._param(letter, self._drawn(init, int(s), shape, dtype), dtype)
            for letter, s, shape in zip("WU", seeds, shapes, strict=False)
        ]
        if flag(bias, f"{self.what}: bias"):
            made += [
                self._param(letter, np.repeat(first * np.ones(self.gates), units), dtype) for letter in self.biases
            ]
        return x, made

    def _drawn(self, init: Initializer, seed: int, shape: tuple[int, ...], dtype: DType) -> Any:
        """Gate by gate, as each of them is a layer of its own."""
        one = (shape[0] // self.gates, shape[1])
        seeds = generator(seed, self.what).integers(2**31, size=self.gates)
        return np.concatenate([drawn(init, int(s), one, dtype, self.what) for s in seeds])

    def _param(self, letter: str, value: Any, dtype: DType) -> Param:
        return Param(prefixed(self.name, letter), value.astype(dtype), layer=self.kind)

    def _shapes(self, x: Node, units: int) -> list[tuple[int, ...]]:
        """Those of W, U and the biases."""
        rows, features = self.gates * units, x.shape[2]
        assert features is not None
        return [(rows, features), (rows, units), *((rows,) for _ in self.biases)]

    def _given(self, x: Node, units: int | None, weights: Weights) -> list[Node]:
        """Weights of the caller, which must fit x and each other."""
        listed = items(weights) or []
        names = ("W", "U", *self.biases)
        if len(listed) not in (2, len(names)):
            problem = f"{self.what}: {len(listed)} weights were given; expected {', '.join(names)}, or W and U"
            raise ArgumentError(message(problem, site=call_site()))
        nodes = [as_node(w, what=f"{self.what}: a weight") for w in listed]
        known = nodes[1].shape[-1] if nodes[1].ndim else None
        expected = self._shapes(x, known or 1)
        for letter, node, shape in zip(names, nodes, expected, strict=False):
            if node.shape != shape:
                problem = f"{self.what}: {letter} has shape {node.shape}; expected {shape}, as x is {x.shape}"
                raise ShapeError(message(problem, f"U is {nodes[1].shape}: ({self.gates} H, H)", node=node))
        if units is not None and units != known:
            raise ArgumentError(message(f"{self.what}: {units} units, but U is for {known}", site=call_site()))
        return nodes

    def start(self, x: Node, shared: list[Node], state: Operand | None) -> Node:
        """The first state, for each sequence."""
        units, dtype = shared[1].shape[1], promote(x.dtype, *(w.dtype for w in shared))
        wanted: Shape = (x.shape[0], units)
        node = as_node(Const(np.zeros(wanted[1:], dtype)) if state is None else state, what=f"{self.what}: state")
        if node.shape not in (wanted, wanted[1:]):
            problem = f"{self.what}: the state has shape {node.shape}; expected {wanted}, or {wanted[1:]} for all"
            raise ShapeError(message(problem, node=node))
        return broadcast_to(node, wanted)

    def scanned(
        self, cell: Callable[..., Any], x: Node, state: Any, lengths: Operand | None, reverse: bool, returns: str
    ) -> Any:
        """What is asked for of a scan."""
        chosen(returns, ("sequence", "last", "both"), f"{self.what}: returns")
        outputs, last = scan(cell, x, state, lengths=lengths, reverse=reverse)
        if returns == "last":
            return last[0] if isinstance(last, tuple) else last
        return (outputs, last) if returns == "both" else outputs
