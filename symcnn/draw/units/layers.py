"""What a node makes of the units of a row, from the windows that its type declares: a layer, or the same units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ...graph.declared import influence_of, windows_of
from ...graph.leaves import Input
from ...graph.node import Node
from ...graph.spec import Shape
from ...graph.window import WHOLE, Window, Windows, reshape_windows
from .rows import Grid, Pair, Row, Side


def first_row(x: Input, shape: Shape) -> Grid | None:
    """The row of an input, where `shape` is that of maps: (N, channels, height, width)."""
    if len(shape) != 4 or None in shape[1:] or 0 in shape[1:]:
        return None
    maps, height, width = (d for d in shape[1:] if d is not None)
    row = Row("input", x, maps, (Side.of(height), Side.of(width)))
    return Grid(row, row.sides)


def weights(node: Node, fed: Sequence[Node]) -> list[tuple[Node, Windows]]:
    """What a node combines the units of `fed` with, the same for every example, and which part of it a unit reads."""
    others = zip(node.inputs, windows_of(node), strict=True)
    return [(i, w) for i, w in others if i not in fed and all(v is None or v.axis != 0 for v in w)]


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


def units_of(node: Node, x: Node, grid: Grid) -> Grid | None:
    """What the units of `node` are, which reads `x`; None where they are no units of a row and make none.

    Parameters
    ----------
    node : Node
        Not one that works element by element.
    x : Node
        The only input of it that is made of units.
    grid : Grid
        The units of `x`.
    """
    if node.inputs.count(x) != 1 or len(weights(node, [x])) + 1 != len(node.inputs):
        return None
    windows = windows_of(node)[node.inputs.index(x)]
    if rearranges(node, x) and node.shape != x.shape:
        return _reshaped(node, grid)
    if windows[0] != Window(0) or node.ndim < 2:
        return None
    if node.shape == x.shape and windows == tuple(Window(k) for k in range(node.ndim)):
        return grid if rearranges(node, x) and not node.name.strip() else noted(node, grid)
    if node.ndim == 2:
        return _features(node, x, grid, windows)
    pair = None if grid.flat else _pair(node, windows)
    if pair is None:
        return None
    moved = _moved(node, x, grid, windows, pair)
    return moved or _layer(node, x, grid, windows, pair)


def noted(node: Node, grid: Grid) -> Grid:
    """The same units with one more function: arithmetic has no name of its own."""
    is_arithmetic = type(node).__module__.endswith("symcnn.graph.algebra")
    note = node.name if node.name.strip() else "" if is_arithmetic else type(node).__name__
    return replace(grid, notes=tuple(dict.fromkeys([*grid.notes, *([note] if note else [])])))


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


# Kinds of nodes ----------------------------------------------------------------------------


def _reshaped(node: Node, grid: Grid) -> Grid | None:
    """The units in another shape: as features, or an input as other maps."""
    row = grid.row
    if row.kind == "input" and grid.is_whole:
        assert isinstance(row.node, Input)
        again = first_row(row.node, node.shape)
        if again is not None:
            return replace(again, names=grid.names, notes=grid.notes)
    features = row.maps * math.prod(grid.size)
    return replace(grid, flat=True) if not grid.flat and node.shape[1:] == (features,) else None


def _features(node: Node, x: Node, grid: Grid, windows: Windows) -> Grid | None:
    """A dense layer; or one unit made of each map."""
    if any(w is not None and w.axis is not None for w in windows[2:]):
        return None
    if not grid.flat and windows[1] == Window(1) and None not in windows:
        made = _layer(node, x, grid, windows, (WHOLE, WHOLE))
        return made if made is None else replace(made, flat=True)
    if windows[1] not in (None, WHOLE) or len(node.inputs) == 1 or not node.shape[1]:
        return None
    sides = (Side.of(1), Side.of(1))
    return _grid(Row("dense", node, node.shape[1], sides, grid.row, grid.sides, onto=grid.onto), grid, flat=True)


def _pair(node: Node, windows: Windows) -> Pair | None:
    """The windows along rows and columns, where they are those of maps."""
    rows, columns = windows[2:] if node.ndim == len(windows) == 4 else (None, None)
    for k, window in ((2, rows), (3, columns)):
        if window is None or window.axis not in (k, None) or (window.axis is None and node.shape[k] != 1):
            return None
    assert rows is not None and columns is not None
    return rows, columns


def _moved(node: Node, x: Node, grid: Grid, windows: Windows, pair: Pair) -> Grid | None:
    """The same units at other positions, with borders around them, or some of them only."""
    is_alone = len(node.inputs) == 1 and influence_of(node)[0] == 1.0 and windows[1] == Window(1)
    counts = _counts(node)
    if not is_alone or any(len(held) > 1 for s, w, n in zip(grid.sides, pair, counts, strict=True)
                           for held in s.read(w, n)):  # fmt: skip
        return None
    rows, columns = (side.moved(w, n) for side, w, n in zip(grid.sides, pair, counts, strict=True))
    stride, onto = arrangement(pair, grid, counts, (1, 1))
    row = grid.row
    if row.kind == "conv" and grid.is_whole and stride and not onto and not row.stride:
        return _grid(row.thinned(pair, stride), replace(grid, onto=()), names=grid.names, notes=grid.notes)
    return replace(grid, sides=(rows, columns), onto=(*grid.onto, *onto, *([stride] if stride else [])))


def _layer(node: Node, x: Node, grid: Grid, windows: Windows, pair: Pair) -> Grid | None:
    """A layer of maps: with filters, with weights of its own at each position, or without weights."""
    counts = _counts(node)
    sides = [side.above(w, n) for side, w, n in zip(grid.sides, pair, counts, strict=True)]
    channels = windows[1] or WHOLE
    maps = node.shape[1]
    assert maps is not None
    others = weights(node, [x])
    row = Row("pool", node, maps, (sides[0], sides[1]), grid.row, grid.sides, pair, channels)
    if others:
        row.kind = "conv" if all(_is_tied(w) for _, w in others) else "local"
        row.filters = others[0][0] if row.kind == "conv" else None
        row.has_bias = len(others) > 1 and others[1][0].ndim == 1
    elif not _is_pooling(node, row):
        return None
    else:
        row.mode = _mode(node, row)
    natural = row.window if row.kind == "pool" else (1, 1)
    row.stride, onto = arrangement(pair, grid, counts, natural)
    row.onto = (*grid.onto, *onto)
    return _grid(row, grid)


def _grid(row: Row, below: Grid, flat: bool = False, names: Sequence[str] = (), notes: Sequence[str] = ()) -> Grid:
    """The units of a new row; what was noted of the row below is handed to that one in the end."""
    row.names, row.notes = below.names, below.notes
    return Grid(row, row.sides, flat, names=tuple(names), notes=tuple(notes))


def _counts(node: Node) -> tuple[int, int]:
    """How many rows and columns there are; one of each where the maps were reduced."""
    height, width = node.shape[2:] if node.ndim == 4 else (1, 1)
    return height or 0, width or 0


def _is_tied(windows: Windows) -> bool:
    """Whether all positions read the same weights of an input with these windows."""
    moving = [w for w in windows[1:] if w is None or w.axis is not None]
    return not moving and (not windows or (windows[0] is not None and windows[0].axis in (None, 1)))


def _is_pooling(node: Node, row: Row) -> bool:
    """Whether units without weights are a layer: they read windows, or each of them reads maps of its own."""
    if row.is_map_by_map:
        return True
    is_choice = influence_of(node)[0] == 1.0 and row.window == (1, 1)  # maps that are taken, in another order
    return not is_choice and (row.channels.axis == 1 or any(w.axis is not None and w.size > 1 for w in row.windows))


def _mode(node: Node, row: Row) -> str:
    """What is made of a window, in a word."""
    (counts,) = influence_of(node)
    units = math.prod(row.window)
    if counts == "first maximum":
        return "max"
    if isinstance(counts, float) and row.is_map_by_map and math.isclose(counts * units, 1):
        return "mean"
    return type(node).__name__.lower() if type(node).__module__.startswith("symcnn.") else type(node).__name__


# Words -------------------------------------------------------------------------------------


def arrangement(pair: Pair, grid: Grid, counts: tuple[int, int], natural: tuple[int, int]) -> tuple[str, list[str]]:
    """In words: the stride, where it is not the `natural` one, and what is done with the borders first."""
    size = grid.row.size
    moving = [w.axis is not None for w in pair]
    steps = [abs(w.step) if m else n for w, m, n in zip(pair, moving, natural, strict=True)]
    widths = [
        _border_of(w, length, n) if m else (0, 0)
        for w, m, length, n in zip(pair, moving, grid.size, counts, strict=True)
    ]
    found = []
    if any(w.step < 0 for w in pair):
        found.append("reversed")
    if any(w.per > 1 for w in pair):
        way = "upsampled by" if all(w.size > 0 for w in pair) else "zeros between, spread by"
        found.append(f"{way} {_sizes((pair[0].per, pair[1].per), size)}")
    else:
        for sign, text in ((1, "padding"), (-1, "cropped by")):
            kept = tuple((max(sign * a, 0), max(sign * b, 0)) for a, b in widths)
            if any(map(any, kept)):
                found.append(f"{text} {_border(kept, size)}")
    stride = "" if tuple(steps) == tuple(natural) else f"stride {_sizes((steps[0], steps[1]), size)}"
    return stride, found


def _border_of(window: Window, length: int, count: int) -> tuple[int, int]:
    """How many positions are read before the first and behind the last one; less than 0 where some are not read."""
    if window.step < 0:
        return 0, 0
    behind = window.step * (count - 1) + window.start + window.size - length
    return -window.start, behind if window.step == 1 or behind > 0 or behind <= -window.step else 0


def _sizes(pair: tuple[int, int], size: tuple[int, int]) -> str:
    """Two numbers, or one where both are the same or there is one axis only."""
    if pair[0] == pair[1] or size[0] == 1:
        return str(pair[1])
    return str(pair[0]) if size[1] == 1 else f"{pair[0]}×{pair[1]}"


def _border(widths: tuple[tuple[int, int], ...], size: tuple[int, int]) -> str:
    """How wide a border is: one number where it is the same on all sides that there are."""
    if len({n for w in widths for n in w}) == 1:
        return str(widths[0][0])
    sides = [w for w, d in zip(widths, size, strict=True) if d > 1 or any(w)] or list(widths)
    return " and ".join(dict.fromkeys(str(a) if a == b else f"{a}+{b}" for a, b in sides))
