"""What a node makes of the units of a row, by the windows that its type declares: a layer, or the same units."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ...graph.declared import influence_of, windows_of
from ...graph.node import Node
from ...graph.spec import Shape
from ...graph.window import WHOLE, Window, Windows, reshape_windows
from .rows import Axis, Row

IDENTITY = tuple(Window(k) for k in range(4))
"""Each unit at its own place."""


@dataclass(frozen=True)
class Units:
    """A value whose elements are units of a row, at other positions perhaps, with borders around them perhaps.

    Attributes
    ----------
    row : Row
    shape : tuple of int
        How many maps, rows and columns of positions there are.
    at : tuple of Window
        Which image, map, row and column of the row is at a position of the value.
    flat : bool
        Whether the value has another shape: such as (N, features), which a dense layer reads.
    """

    row: Row
    shape: tuple[int, ...]
    at: tuple[Window, ...] = IDENTITY
    flat: bool = False
    how: tuple[str, ...] = field(default=(), compare=False)
    names: tuple[str, ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def batch(self) -> int:
        """The axis of the value along which the examples are."""
        return self.at[0].axis or 0

    @property
    def is_whole(self) -> bool:
        """Whether it is the row as it is."""
        return self.at == IDENTITY and self.shape == (self.row.maps, *self.row.size)


@dataclass(frozen=True)
class Layer:
    """What a layer has computed, not yet in the shape of maps, as it is between the groups of a convolution.

    Attributes
    ----------
    node, x : Node
        The layer and what it reads.
    units : Units
        Those of x.
    reads : tuple of Window
        What an element reads of x, for each axis of it.
    """

    node: Node
    x: Node
    units: Units
    reads: Windows

    @property
    def batch(self) -> int:
        """The axis of x along which the examples are."""
        return self.units.batch


def first_row(node: Node, value: Node) -> Units | None:
    """The units of an input, where `value` has the shape of maps: (N, channels, height, width)."""
    if value.ndim != 4 or None in value.shape[1:] or 0 in value.shape[1:]:
        return None
    maps, height, width = (d or 0 for d in value.shape[1:])
    return Units(Row("input", node, maps, (height, width)), (maps, height, width))


def weights(node: Node, fed: Sequence[Node], batch: int = 0) -> list[tuple[Node, Windows]]:
    """What a node combines the units of `fed` with, the same for every example, and which part of it a unit reads.

    `batch` is the axis of `fed` along which the examples are.
    """
    declared = list(zip(node.inputs, windows_of(node), strict=True))
    examples = {w.axis for i, windows in declared if i in fed and (w := windows[batch]) and w.axis is not None}
    return [(i, ws) for i, ws in declared if i not in fed and all(w is None or w.axis not in examples for w in ws)]


def is_layer(node: Node, fed: Sequence[Node]) -> bool:
    """Whether a figure would show a node as a row: it has weights, or its units read windows along the maps."""
    if node.elementwise or node.ndim < 2:
        return False
    read = [windows for i, windows in zip(node.inputs, windows_of(node), strict=True) if i in fed]
    along = any(w is not None and w.axis is not None and w.size > 1 for windows in read for w in windows[2:])
    return along or bool(weights(node, fed))


def rearranges(node: Node, x: Node) -> bool:
    """Whether the node has the units of `x`, all of them in their order, in another shape."""
    is_as_large = math.prod(x.spec.bind(1)) == math.prod(node.spec.bind(1))
    if len(node.inputs) > 1 or not is_as_large or (None in x.shape) != (None in node.shape):
        return False
    return windows_of(node)[0] == reshape_windows(x.shape, node.shape)


def why_not(node: Node, fed: Sequence[Node]) -> str:
    """Why the units of `node`, which reads `fed`, are not drawn: a sentence."""
    if len(fed) > 1 or node.elementwise:
        return f"{node.label} joins units of different places."
    windows = windows_of(node)[node.inputs.index(fed[0])]
    if windows[0] == WHOLE:
        return f"A unit of {node.label} reads several examples."
    if None in windows:
        return f"{node.label} does not declare which units it reads."
    return f"The units of {node.label} do not read one window of each map."


def noted(node: Node, units: Units) -> Units:
    """The same units with one more function: arithmetic has no name of its own."""
    is_arithmetic = type(node).__module__.endswith("symcnn.graph.algebra")
    note = node.name if node.name.strip() else "" if is_arithmetic else type(node).__name__
    return replace(units, notes=tuple(dict.fromkeys([*units.notes, *([note] if note else [])])))


def units_of(node: Node, x: Node, state: Units | Layer) -> Units | Layer | None:
    """What the units of `node` are, which reads `x`; None where they are no units of a row and make none.

    Parameters
    ----------
    node : Node
        Not one that works element by element.
    x : Node
        The only input of it that is made of units.
    state : Units or Layer
        What x is.
    """
    others = weights(node, [x], state.batch)
    if node.inputs.count(x) != 1 or len(others) + 1 != len(node.inputs):
        return None
    windows = windows_of(node)[node.inputs.index(x)]
    if isinstance(state, Layer):
        if others or node.ndim < 3:
            return None
        return _made(replace(state, reads=_composed(windows, x.shape, state.reads, state.x.shape)), node)
    if rearranges(node, x) and node.shape != x.shape:
        return _reshaped(node, x, state, windows)
    if not others and node.shape == x.shape and windows == tuple(Window(k) for k in range(node.ndim)):
        return state if rearranges(node, x) and not node.name.strip() else noted(node, state)
    layer = Layer(node, x, state, windows)
    if state.flat:
        is_dense = others and node.ndim == 2 and windows[0] == Window(0) and windows[1] in (None, WHOLE)
        return _row(layer, node.shape[1] or 0, (1, 1), (WHOLE, WHOLE), WHOLE) if is_dense and node.shape[1] else None
    if not others and all(map(_is_single, windows)):
        return _moved(node, x, state, windows)
    return _made(layer, node)


# The same units ------------------------------------------------------------------------------


def _composed(outer: Windows, middle: Shape, inner: Windows, below: Shape) -> Windows:
    """What is read through two nodes: `outer` of a value of shape `middle`, which reads `inner` of one of `below`."""
    found = []
    for window, length in zip(inner, below, strict=True):
        if window is not None and window.axis is not None:
            first = outer[window.axis]
            window = None if first is None else first.then(window, middle[window.axis]).within(length)
        found.append(window)
    return tuple(found)


def _is_single(window: Window | None) -> bool:
    """Whether a unit reads one position at most; or one of a window that is laid out over several units."""
    return window is not None and window.axis is not None and (window.size <= 1 or window.per > 1)


def _reshaped(node: Node, x: Node, units: Units, windows: Windows) -> Units | None:
    """The units in another shape."""
    row = units.row
    if row.kind == "input" and units.is_whole and (again := first_row(row.node, node)) is not None:
        return replace(again, names=units.names, notes=units.notes)
    if node.ndim < 4 or None in windows or units.flat:
        return replace(units, flat=node.shape[1:] != units.shape)
    at = tuple(w or WHOLE for w in _composed(windows, x.shape, units.at, _shape(row)))
    return replace(units, at=at)


def _moved(node: Node, x: Node, units: Units, windows: Windows) -> Units:
    """The same units at other positions, with borders around them, or some of them only."""
    at = tuple(w or WHOLE for w in _composed(windows, x.shape, units.at, _shape(units.row)))
    if node.ndim != 4:
        return replace(units, at=at)
    maps, *counts = (d or 0 for d in node.shape[1:])
    sides, size, row = [w or WHOLE for w in windows[2:]], (counts[0], counts[1]), units.row
    how = [] if any(w.size > 1 for w in sides) else arrangement(sides, units.shape[1:], size, (1, 1))
    if units.is_whole and row.below and len(how) == 1 and how[0].startswith("stride"):
        return Units(row.thinned(sides, size, how), (maps, *size), names=units.names, notes=units.notes)
    return replace(units, shape=(maps, *size), at=at, how=(*units.how, *how))


def _shape(row: Row) -> Shape:
    return (None, row.maps, *row.size)


# Layers --------------------------------------------------------------------------------------


def _made(layer: Layer, value: Node) -> Units | Layer | None:
    """The row of a layer, once `value` has the shape of its maps."""
    if value.ndim > 4:
        return layer
    units, size = layer.units, tuple(d or 0 for d in value.shape[2:]) or (1, 1)
    images, channels, *sides = _composed(layer.reads, layer.x.shape, units.at, _shape(units.row))
    if images != Window(0) or value.ndim == 3 or not value.shape[1]:
        return None
    if any(w is None or (w.axis != k and (w.axis, size[k - 2]) != (None, 1)) for k, w in enumerate(sides, 2)):
        return None
    own = [WHOLE if at.axis is None else layer.reads[at.axis] or WHOLE for at in units.at[2:]]
    return _row(layer, value.shape[1], (size[0], size[1]), own, channels)


def _row(
    layer: Layer, maps: int, size: tuple[int, int], own: Sequence[Window], channels: Window | None
) -> Units | None:
    """A new row over that of a layer's units, with its kind and how its windows lie."""
    units, below = layer.units, layer.units.row
    axes = [_axis(*each) for each in zip(own, units.at[2:], units.shape[1:], below.size, strict=True)]
    if None in axes:
        return None
    row = Row("pool", layer.node, maps, size, below, tuple(a for a in axes if a), channels or WHOLE)
    row.names, row.notes = units.names, units.notes
    others = weights(layer.node, [layer.x], layer.units.batch)
    is_flat = units.flat or (layer.node.ndim == 2)
    if others:
        row.kind = "dense" if is_flat else "conv" if _is_tied(layer, others) else "local"
        row.filters = others[0][0] if row.kind == "conv" else None
        row.has_bias = len(others) > 1 and math.prod(others[1][0].spec.bind(1)) == maps
    elif channels is None or (channels.axis != 1 and not any(w.axis is not None and w.size > 1 for w in own)):
        return None
    else:
        row.mode = _mode(layer.node, row)
    natural = row.window if row.kind == "pool" else (1, 1)
    windows = [axis.window for axis in row.axes]
    row.how = (*units.how, *arrangement(windows, [axis.length for axis in row.axes], size, natural))
    return Units(row, (maps, *size), flat=is_flat)


def _axis(own: Window, at: Window, length: int, below: int) -> Axis | None:
    """What is read along an axis; None where the windows say no more than around where that is."""
    if at.axis is None or at.size <= 1:
        return Axis(own, at, length, below)
    through = own.then(at, length).within(below)
    return Axis(through, Window(0), below, below) if (through.size, through.per) == (own.size, 1) else None


def _is_tied(layer: Layer, others: Sequence[tuple[Node, Windows]]) -> bool:
    """Whether all positions read the same weights."""
    read = windows_of(layer.node)[layer.node.inputs.index(layer.x)]
    spatial = {w.axis for at in layer.units.at[2:] if at.axis is not None and (w := read[at.axis])}
    return all(w is not None and (w.axis is None or w.axis not in spatial) for _, ws in others for w in ws)


def _mode(node: Node, row: Row) -> str:
    """What is made of a window, in a word."""
    (counts,) = influence_of(node)
    if counts == "first maximum":
        return "max"
    if isinstance(counts, float) and row.is_map_by_map and math.isclose(counts * math.prod(row.window), 1):
        return "mean"
    return type(node).__name__.lower() if type(node).__module__.startswith("symcnn.") else type(node).__name__


# Words ---------------------------------------------------------------------------------------


def arrangement(windows: Sequence[Window], lengths: Sequence[int], counts: Sequence[int],
                natural: tuple[int, int]) -> list[str]:  # fmt: skip
    """How windows lie, in words: what is done with the borders, and the stride, where it is not the `natural` one."""
    of_all = [window.axis is None for window in windows]
    steps = [n if fixed else abs(w.step) for w, fixed, n in zip(windows, of_all, natural, strict=True)]
    widths = [(0, 0) if fixed else _border(w, length, n)
              for w, fixed, length, n in zip(windows, of_all, lengths, counts, strict=True)]  # fmt: skip
    found = ["reversed"] if any(w.step < 0 for w in windows) else []
    if any(w.per > 1 for w in windows):
        way = "upsampled by" if all(w.size > 0 for w in windows) else "zeros between, spread by"
        found.append(f"{way} {_numbers([str(w.per) for w in windows], lengths)}")
    else:
        for sign, what in ((1, "padding"), (-1, "cropped by")):
            kept = [(max(sign * a, 0), max(sign * b, 0)) for a, b in widths]
            if any(map(any, kept)):
                texts = [str(a) if a == b else f"{a}+{b}" for a, b in kept]
                found.append(f"{what} {_numbers(texts, lengths, ' and ')}")
    if steps != list(natural):
        found.append(f"stride {_numbers(map(str, steps), lengths)}")
    return found


def _border(window: Window, length: int, count: int) -> tuple[int, int]:
    """How many positions are read before the first and behind the last one; less than 0 where some are not read."""
    if window.step < 0:
        return 0, 0
    behind = window.step * (count - 1) + window.start + window.size - length
    return -window.start, behind if window.step == 1 or behind > 0 or behind <= -window.step else 0


def _numbers(texts: Iterable[str], lengths: Sequence[int], between: str = "×") -> str:
    """What is said of rows and of columns: once where it is the same, or the maps are one unit wide."""
    both = list(texts)
    kept = [text for text, n in zip(both, lengths, strict=True) if n > 1 or text not in ("0", "1")] or both
    return between.join(dict.fromkeys(kept))
