"""The cells of recurrent layers: what becomes of the state in one step.

Weights are (units, inputs), as those of dense layers are, with the gates below each other in the order of PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable

from ..graph.arguments import items
from ..graph.errors import ArgumentError, DTypeError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.node import Node, as_node
from ..nodes.dense import Dense
from ..nodes.sigmoid import sigmoid, tanh
from ..text import quoted


@layer(title="RNN cell", symbol="h")
def rnn_cell(
    x: Node, state: Node, w: Node, u: Node, b: Node | None = None, *, activation: Callable[[Node], Node] = tanh
) -> Node:
    """One step of a plain recurrent layer: h' = f(W x + U h + b).

    Parameters
    ----------
    x : Node
        (N, D).
    state : Node
        h, (N, H).
    w, u : Node
        (H, D) and (H, H).
    b : Node, optional
        (H,).
    activation : callable
        f: `symcnn.tanh`, `symcnn.relu`, or another function of a node.

    Returns
    -------
    Node
        The next state, (N, H).

    Notes
    -----
    Elman, "Finding Structure in Time" (1990).

    Examples
    --------
    >>> import numpy as np
    >>> import symcnn as sc
    >>> x, h = sc.Input("x", (None, 2)), sc.Input("h", (None, 1))
    >>> sc.compile(sc.rnn_cell(x, h, [[1, 2]], [[3]], activation=sc.relu))(x=[[1, 1]], h=[[2]])
    array([[9.]], dtype=float32)
    """
    if not callable(activation):
        problem = f"rnn_cell: the activation is {quoted(activation)}; expected a function, such as sc.tanh"
        raise DTypeError(message(problem, site=call_site()))
    return activation(_sums(x, w, b, state, 1) + _sums(state, u, None, state, 1))


@layer(title="LSTM cell", symbol=("h", "c"))
def lstm_cell(x: Node, state: tuple[Node, Node], w: Node, u: Node, b: Node | None = None) -> tuple[Node, Node]:
    """One step of an LSTM: c' = f c + i g, and h' = o tanh(c').

    Parameters
    ----------
    x : Node
        (N, D).
    state : (Node, Node)
        (h, c), both (N, H).
    w, u : Node
        (4 H, D) and (4 H, H): rows of the input gate i, the forget gate f, the candidate g and the output gate o.
    b : Node, optional
        (4 H,).

    Returns
    -------
    (Node, Node)
        The next state (h', c').

    Notes
    -----
    i, f and o are sigmoids, g is a tanh, of W x + U h + b. Hochreiter & Schmidhuber, "Long Short-Term Memory" (1997),
    with the forget gate of Gers et al. (2000).

    Examples
    --------
    >>> import numpy as np
    >>> import symcnn as sc
    >>> x, h, c = sc.Input("x", (None, 3)), sc.Input("h", (None, 2)), sc.Input("c", (None, 2))
    >>> w, u = sc.Param("W", np.ones((8, 3))), sc.Param("U", np.ones((8, 2)))
    >>> new_h, new_c = sc.lstm_cell(x, (h, c), w, u)
    >>> new_h.shape, new_c.shape
    ((None, 2), (None, 2))
    """
    h, c = pair_of_states(state, "lstm_cell")
    i, f, g, o = _gates(_sums(x, w, b, h, 4) + _sums(h, u, None, h, 4), 4)
    new = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(new), new


@layer(title="GRU cell", symbol="h")
def gru_cell(x: Node, state: Node, w: Node, u: Node, b: Node | None = None, c: Node | None = None) -> Node:
    """One step of a GRU: h' = z h + (1 - z) n.

    Parameters
    ----------
    x : Node
        (N, D).
    state : Node
        h, (N, H).
    w, u : Node
        (3 H, D) and (3 H, H): rows of the reset gate r, the update gate z and the candidate n.
    b, c : Node, optional
        (3 H,), added to W x and to U h.

    Returns
    -------
    Node
        The next state, (N, H).

    Notes
    -----
    r and z are sigmoids of W x + b + U h + c, and n = tanh(W x + b + r (U h + c)), each with its own rows. Cho et al.,
    "Learning Phrase Representations using RNN Encoder-Decoder" (2014), with r after the product, as PyTorch and Keras
    have it.

    Examples
    --------
    >>> import numpy as np
    >>> import symcnn as sc
    >>> x, h = sc.Input("x", (None, 3)), sc.Input("h", (None, 2))
    >>> sc.gru_cell(x, h, sc.Param("W", np.ones((6, 3))), sc.Param("U", np.ones((6, 2)))).shape
    (None, 2)
    """
    (rx, zx, nx), (rh, zh, nh) = _gates(_sums(x, w, b, state, 3), 3), _gates(_sums(state, u, c, state, 3), 3)
    z = sigmoid(zx + zh)
    n = tanh(nx + sigmoid(rx + rh) * nh)
    return z * state + (1 - z) * n


def pair_of_states(state: object, what: str) -> list[Node]:
    """The (h, c) that an LSTM is given."""
    given = items(state) if not isinstance(state, Node) else None
    if given is None or len(given) != 2:
        raise ArgumentError(message(f"{what}: the state is (h, c), two nodes", site=call_site()))
    return given


def _sums(x: Node, w: Node, b: Node | None, state: Node, gates: int) -> Node:
    """W x + b, for all gates of the state's units."""
    z, units = Dense(x, w, b), as_node(state).shape[-1]
    if z.shape[1] != gates * (units or 0):
        problem = f"weights of shape {as_node(w).shape} have no rows for {gates} gates of {units} units"
        raise ShapeError(message(problem, f"the state has shape {as_node(state).shape}", node=z))
    return z


def _gates(z: Node, count: int) -> list[Node]:
    """Each gate's part of (N, gates * H)."""
    units = (z.shape[1] or 0) // count
    return [z[:, n * units : (n + 1) * units] for n in range(count)]
