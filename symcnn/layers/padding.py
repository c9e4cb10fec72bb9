"""Borders around arrays: of a number, of their edge, of their reflection, or of their other end."""

from __future__ import annotations

import numpy as np

from ..graph.arguments import chosen, items, natural
from ..graph.errors import ArgumentError, DTypeError, ShapeError, call_site, message
from ..graph.leaves import Const
from ..graph.node import Node, as_node
from ..graph.operators import is_node
from ..nodes import border
from ..nodes.border import Widths
from ..nodes.indexing import take
from ..nodes.select import where
from ..text import quoted

MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def pad(x: Node, widths: int | Widths, mode: str = "constant", *, value: float = 0) -> Node:
    """`x` with a border around it.

    Parameters
    ----------
    x : Node
    widths : int, or (before, after) for each axis
        One number pads the last two axes, the height and the width, on all four sides.
    mode : "constant", "edge", "reflect", "symmetric" or "wrap"
        What the border is made of, in NumPy's words: `value`; the nearest element; what is seen in a mirror at the
        edge, without the edge itself or with it; the other end.
    value : number
        For "constant".

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.pad(sc.Input("x", (None, 1, 28, 28)), 2).shape
    (None, 1, 32, 32)
    >>> sc.compile(sc.pad(sc.Input("x", (3,)), ((2, 1),), "reflect"))(x=[1, 2, 3])
    array([3., 2., 1., 2., 3., 2.], dtype=float32)
    """
    x = as_node(x)
    chosen(mode, MODES, "pad: mode")
    if is_node(value) or isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise DTypeError(message(f"pad: value is {quoted(value)}; expected a number", site=call_site()))
    padded = border.pad(x, widths)  # which looks at the widths, too
    if mode == "constant":
        return padded if value == 0 or padded is x else _filled(x, padded, widths, value)
    if value != 0:
        raise ArgumentError(message(f"pad: a border of mode {mode!r} is not made of value={value}", site=call_site()))
    for axis, (before, after) in enumerate(_sides(x, widths)):
        size = x.shape[axis]
        if size is None or not before + after:
            continue
        if size == 0:
            raise ShapeError(message(f"pad: axis {axis} of {x.shape} has nothing to make a border of", node=x))
        x = take(x, np.pad(np.arange(size), (before, after), mode), axis)  # type: ignore[call-overload]
    return x


def _filled(x: Node, padded: Node, widths: int | Widths, value: float) -> Node:
    """`value` instead of the zeros of the border."""
    inside = np.ones([1 if d is None else d for d in x.shape], bool)
    return where(Const(np.pad(inside, _sides(x, widths))), padded, value)


def _sides(x: Node, widths: int | Widths) -> Widths:
    if items(widths) is None:
        return ((0, 0),) * (x.ndim - 2) + ((natural(widths, "pad: widths"),) * 2,) * 2
    return tuple((a, b) for a, b in widths)  # type: ignore[union-attr]
