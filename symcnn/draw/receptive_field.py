"""Which units of other values a unit of a value reads, through all the nodes between them.

What node types declare (`Node.windows`) is composed along each path, and what several paths read is covered by one
window an axis. Nothing that is read is left out. What a window cannot say, it covers: gaps between strides, upsampled
means, paths that move differently, maps that were joined, what was not declared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from ..equations.names import Values
from ..graph.declared import windows_of
from ..graph.graph import Graph
from ..graph.node import Node
from ..graph.spec import Shape
from ..graph.window import WHOLE, Window, Windows

Box = tuple[Window, ...]
"""A window for each axis of the value that is read."""
Span = tuple[range, ...]
"""Positions or units, as one range an axis."""


def named_reach(values: Values, node: Node) -> dict[Node, Box]:
    """What a unit of a named value reads of the values that its formula is made of, in their order.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 28, 28))
    >>> z = sc.conv(x, filters=4, size=5, stride=2, pad=1, seed=0)
    >>> values = Values(z.graph().order)
    >>> rows = named_reach(values, z)[x][2]
    >>> rows.step, rows.start, rows.size
    (2, -1, 5)
    """
    inner = values.inner(node)
    boxes = _composed(node, inner)
    return {source: boxes[source] for source in values.sources(node)}


def reach(node: Node, sources: Iterable[Node] | None = None) -> dict[Node, Box]:
    """What a unit of `node` reads of the nodes upstream, by default of all of them: its receptive fields.

    Parameters
    ----------
    node : Node
    sources : iterable of Node, optional
        Those of them that are not upstream are left out: they are not read.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 28, 28))
    >>> p = sc.mean_pool(sc.sigmoid(sc.conv(x, filters=4, size=9, seed=0)), 2)
    >>> window = reach(p)[x][2]
    >>> window.step, window.size
    (2, 10)
    """
    boxes = _composed(node, Graph(node).order)
    return {source: boxes[source] for source in (boxes if sources is None else sources) if source in boxes}


def _composed(node: Node, order: Sequence[Node]) -> dict[Node, Box]:
    """The boxes of `order`, which ends with `node`, and of what it reads; each is whole before it is passed on."""
    boxes: dict[Node, Box] = {node: tuple(Window(k) for k in range(node.ndim))}
    for middle in reversed(order):
        for i, windows in zip(middle.inputs, windows_of(middle), strict=True):
            box = _through(boxes[middle], middle.shape, windows, i.shape)
            if i in boxes:
                box = tuple(a.joined(b, node.shape) for a, b in zip(boxes[i], box, strict=True))
            boxes[i] = box
    return boxes


def _through(box: Box, shape: Shape, windows: Windows, read: Shape) -> Box:
    """What is read of an input of shape `read` by units in `box`, of a value of `shape`, that read `windows` of it."""
    found = []
    for window, length in zip(windows, read, strict=True):
        if window is not None and window.axis is not None:
            window = box[window.axis].then(window, shape[window.axis])
        found.append((WHOLE if window is None else window).within(length))
    return tuple(found)


def reads(box: Box, unit: Sequence[int], shape: Sequence[int]) -> Span:
    """The positions, one range an axis, that a unit reads of a value of `shape`.

    If one of the ranges is empty, nothing is read: the unit sees only borders.

    Examples
    --------
    >>> reads((Window(1, step=2, start=-1, size=3), Window(None)), (7, 0), (10, 4))
    (range(0, 2), range(0, 4))
    """
    units = (0 if window.axis is None else unit[window.axis] for window in box)
    return tuple(w.span(i, length) for w, i, length in zip(box, units, shape, strict=True))


def readers(box: Box, position: Sequence[int], shape: Sequence[int]) -> Span:
    """The units, one range an axis of `shape`, that read a position: `reads` the other way round.

    Examples
    --------
    >>> readers((Window(1, step=2, start=-1, size=3), Window(None)), (1, 3), (10, 5))
    (range(0, 10), range(0, 2))
    """
    found = [range(length) for length in shape]
    for window, at in zip(box, position, strict=True):
        if at < window.low or (window.high is not None and at > window.high):
            return (range(0),) * len(shape)
        if (axis := window.axis) is not None:
            span = window.inverse(0).span(at, shape[axis])
            found[axis] = range(max(found[axis].start, span.start), min(found[axis].stop, span.stop))
    return tuple(found)


def table(box: Box) -> list[dict[str, int | None]]:
    """A box in plain numbers, for a page: one record an axis, with the fields of `Window`.

    With ``floor``, a script does from these numbers what `Window.span` and `readers` do.

    Examples
    --------
    >>> table((Window(2, size=9),))
    [{'axis': 2, 'step': 1, 'start': 0, 'size': 9, 'per': 1, 'low': 0, 'high': None}]
    """
    return [dataclasses.asdict(window) for window in box]
