"""Sequences, step by step: a cell is applied to one step after the other, and each is a part of the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..graph.arguments import flag, items, positive_int
from ..graph.errors import ArgumentError, DTypeError, ShapeError, call_site, message
from ..graph.leaves import Const
from ..graph.node import Node, as_node
from ..graph.operators import Operand
from ..nodes.select import Greater, where
from ..nodes.shape import concat, reshape
from ..text import quoted

Nodes = Node | tuple[Node, ...]
"""What goes through a cell: one node, or several."""


def scan(
    cell: Callable[[Any, Any], tuple[Any, Any]],
    xs: Nodes,
    state: Nodes,
    *,
    lengths: Operand | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Apply `cell` to each step of a sequence, which hands a state on to the next one.

    The steps are unrolled: each of them is made of nodes of its own, so the gradient is that of any other graph, and it
    can be drawn, printed and differentiated again. Parameters that the cell is to share among its steps are made
    outside of it.

    Parameters
    ----------
    cell : callable
        (x_t, state) -> (output, new state). It is called once for each step.
    xs : Node, or tuple of Node
        (N, T, ...). Of several, the cell gets a tuple of steps.
    state : Node, or tuple of Node
        What the first step is given. Its shapes and dtypes are those of what each step returns.
    lengths : Node, optional
        (N,), integers: how many steps of each sequence there are. From there on its state stays as it is, and its
        outputs are 0.
    reverse : bool
        Whether the last step comes first; outputs stay where their inputs are.

    Returns
    -------
    outputs : Node, or tuple of Node
        (N, T, ...): what the cell has returned, stacked along axis 1.
    state : Node, or tuple of Node
        What the step that came last has returned.

    Raises
    ------
    ShapeError, DTypeError
        Where `xs` are no sequences of one length, or a step returns a state of another shape or dtype.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, start = sc.Input("x", (None, 4)), sc.Input("start", (None,))
    >>> sums, last = sc.scan(lambda x_t, s: (x_t + s, x_t + s), x, start)
    >>> sums.shape, last.shape
    ((None, 4), (None,))
    >>> sc.compile(sums)(x=[[1, 2, 3, 4]], start=[10])
    array([[11., 13., 16., 20.]], dtype=float32)
    """
    parts = _tuple_of(xs, "scan: xs")
    steps = _steps(parts)
    known = None if lengths is None else _lengths(lengths, parts[0], "scan")
    now = _tuple_of(state, "scan: state")
    alone = items(state) is None
    outputs: dict[int, Any] = {}
    for t in reversed(range(steps)) if flag(reverse, "scan: reverse") else range(steps):
        at_t = tuple(x[:, t] for x in parts)
        made = cell(at_t[0] if items(xs) is None else at_t, now[0] if alone else now)
        if not isinstance(made, tuple | list) or len(made) != 2:
            problem = f"scan: the cell returned {quoted(made)}; expected (output, state)"
            raise DTypeError(message(problem, site=call_site()))
        output, new = made[0], _returned(made[1], now, alone, t)
        if known is not None:
            there = Greater(known, Const(t))
            new = tuple(_held(there, a, b) for a, b in zip(new, now, strict=True))
            output = _ended(there, output)
        outputs[t], now = output, new
    return _stacked([outputs[t] for t in range(steps)]), now[0] if alone else now


def sequence_mask(lengths: Operand, steps: int) -> Node:
    """Which steps of each sequence there are: True at (n, t) where t is below ``lengths[n]``.

    Parameters
    ----------
    lengths : Node
        (N,), integers.
    steps : int
        T.

    Returns
    -------
    Node
        (N, T), booleans.

    Examples
    --------
    >>> import symcnn as sc
    >>> lengths = sc.Input("lengths", (None,), dtype="int64")
    >>> sc.compile(sc.sequence_mask(lengths, 4))(lengths=[2, 4]).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 1]])
    """
    steps, lengths = positive_int(steps, "sequence_mask: steps"), _lengths(lengths, None, "sequence_mask")
    return Greater(reshape(lengths, (lengths.shape[0], 1)), Const(range(steps)))


def _lengths(lengths: Operand, x: Node | None, what: str) -> Node:
    """Lengths of sequences, of those in `x`, if it is given; checked."""
    node = as_node(lengths, what=f"{what}: lengths")
    if node.dtype.kind not in "iu":
        hint = 'sc.Input("lengths", (None,), dtype="int64")'
        raise DTypeError(message(f"{what}: lengths are {node.dtype}; expected integers", hint, node=node))
    if node.ndim != 1 or (x is not None and node.shape != x.shape[:1]):
        expected = "(N,)" if x is None else f"{x.shape[:1]}, one for each sequence of {x.shape}"
        raise ShapeError(message(f"{what}: lengths have shape {node.shape}; expected {expected}", node=node))
    return node


def _tuple_of(value: Any, what: str) -> tuple[Node, ...]:
    given = items(value) if not isinstance(value, Node) else None
    nodes = tuple(as_node(n, what=what) for n in ([value] if given is None else given))
    if not nodes:
        raise ArgumentError(message(f"{what}: there is none", "give a node, or a tuple of nodes", site=call_site()))
    return nodes


def _steps(xs: tuple[Node, ...]) -> int:
    """How many steps the sequences have."""
    for x in xs:
        if x.ndim < 2 or None in x.shape[1:2] or x.shape[:2] != xs[0].shape[:2]:
            listed = ", ".join(str(x.shape) for x in xs)
            problem = f"scan: xs have the shapes {listed}; expected (N, T, ...), with the same N and T"
            raise ShapeError(message(problem, "the steps are axis 1, and their number must be known", node=x))
    steps = xs[0].shape[1]
    if not steps:
        raise ShapeError(message(f"scan: there is no step in {xs[0].shape}", node=xs[0]))
    return steps


def _returned(state: Any, before: tuple[Node, ...], alone: bool, t: int) -> tuple[Node, ...]:
    """The state that step t has returned, which must be like the one that it was given."""
    new = _tuple_of(state, f"scan: the state after step {t}")
    if len(new) != len(before) or (items(state) is None) != alone:
        problem = f"scan: step {t} returned a state of {len(new)} nodes; it was given one of {len(before)}"
        raise ShapeError(message(problem, site=call_site()))
    for a, b in zip(new, before, strict=True):
        if a.spec != b.spec:
            problem = f"scan: step {t} was given a state of {b.spec}, and returned one of {a.spec}"
            hint = "a state keeps shape and dtype: sc.broadcast_to and sc.cast make the first one fit"
            raise ShapeError(message(problem, hint, node=a))
    return new


def _held(there: Node, new: Node, otherwise: Operand) -> Node:
    """`new` where a sequence has the step, else something else."""
    return where(reshape(there, (there.shape[0], *(1,) * (new.ndim - 1))), new, otherwise)


def _ended(there: Node, output: Any) -> Any:
    """An output, or each of several, where a sequence has the step, else 0."""
    if items(output) is not None:
        return tuple(_ended(there, o) for o in output)
    return _held(there, as_node(output, what="scan: an output"), 0)


def _stacked(outputs: Sequence[Any]) -> Any:
    """What all steps have returned, along a new axis 1."""
    if items(outputs[0]) is not None:
        return tuple(_stacked(some) for some in zip(*outputs, strict=True))
    nodes = [as_node(o, what="scan: an output") for o in outputs]
    if any(o.ndim == 0 for o in nodes):
        raise ShapeError(message("scan: an output is a scalar; expected (N, ...)", site=call_site()))
    return concat([reshape(o, (o.shape[0], 1, *o.shape[1:])) for o in nodes], axis=1)
