"""The chain of layers that a figure of units shows, read from a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ...graph.errors import GraphError, message
from ...graph.graph import Graph
from ...graph.leaves import Input, Leaf, Param
from ...graph.node import Node
from ...graph.spec import Shape
from ...nodes.border import Crop, Pad, Subsample
from ...nodes.conv import Conv
from ...nodes.dense import Dense, MatMul
from ...nodes.pool import Pool
from ...nodes.reduce import Max, Mean
from ...nodes.shape import Reshape
from ...text import shown
from .rows import Axis, Grid, Row, existing

_LAYERS = (Conv, Pool, Dense, MatMul)
_OTHER_WAY = "sc.draw(...) draws any graph"


@dataclass(frozen=True)
class Raw:
    """An input that has not the shape of maps yet."""

    input: Input


@dataclass(frozen=True)
class Ended:
    """A value that is made of units, but not unit by unit: `by` made it so, from `sources`."""

    by: Node
    sources: tuple[Row, ...]

    @property
    def row(self) -> Row:
        """The row from which it comes."""
        return self.sources[0]


State = Grid | Raw | Ended


@dataclass
class Chain:
    """The rows of a figure, the input first.

    Attributes
    ----------
    rows : list of Row
    rest : str
        What is not drawn, if anything: a sentence.
    """

    rows: list[Row]
    rest: str = ""


class Reader:
    """Follows the units of a network from its inputs upwards.

    Parameters
    ----------
    J : Node

    Raises
    ------
    GraphError
        Where there is no layer of convolution or pooling, or the layers are no chain.
    """

    def __init__(self, J: Node) -> None:
        self.J = J
        self.graph = Graph(J)
        self.states: dict[Node, State] = {}
        self.rows: list[Row] = []
        self.replaced: set[Row] = set()
        self.ends: dict[Row, list[Node]] = {}
        """For each row, the layers above it that cannot be drawn, each after what stands between."""

    def chain(self) -> Chain:
        """The rows from the first input that has layers of convolution or pooling."""
        for node in self.graph.order:
            state = self._state(node)
            if state is not None:
                self.states[node] = state
        roots = dict.fromkeys(_root(row) for row in self.rows if row.kind in ("conv", "pool"))
        if not roots:
            problem = "there is no convolution and no pooling of an input's maps: no units to draw"
            hint = f"expected an input (N, channels, height, width) that sc.conv reads; {_OTHER_WAY}"
            raise GraphError(message(problem, hint, node=self.J))
        first = min(roots, key=lambda row: row.node.serial)
        rows = _downwards([row for row in self.rows if _root(row) is first][-1])
        self._check_no_branch(first, rows)
        self._finish(rows)
        return Chain(rows, self._rest(rows))

    # One node --------------------------------------------------------------------------------

    def _state(self, node: Node) -> State | None:
        """What a node's elements are; None where no input has a part in them."""
        if isinstance(node, Input):
            return self._started(node, node.shape) or Raw(node)
        fed = dict.fromkeys(i for i in node.inputs if i in self.states)
        if isinstance(node, Leaf) or not fed:
            return None
        first = next(iter(fed))
        state = self.states[first]
        if node.elementwise:
            return self._each(node, list(fed))
        if len(fed) == 1 and first is node.inputs[0]:
            if isinstance(state, Raw):
                started = self._started(state.input, node.shape) if isinstance(node, Reshape) else None
                return started or state
            if isinstance(state, Grid):
                made = self._read(node, state)
                if made is not None:
                    return made
        return self._ended(node, list(fed))

    def _started(self, node: Input, shape: Shape) -> Grid | None:
        """The first row, where `shape` is that of maps."""
        if len(shape) != 4 or None in shape[1:] or 0 in shape[1:]:
            return None
        maps, height, width = (d for d in shape[1:] if d is not None)
        return self._new(Row("input", node, maps, (Axis.of(height), Axis.of(width))))

    def _new(self, row: Row) -> Grid:
        self.rows.append(row)
        return Grid(row, row.sides, flat=row.kind == "dense")

    def _ended(self, node: Node, fed: list[Node]) -> State:
        states = [self.states[i] for i in fed]
        sources = dict.fromkeys(s for t in states if not isinstance(t, Raw) for s in _sources(t))
        if not sources:
            return states[0]
        before = next((s for s in states if isinstance(s, Ended) and len(s.sources) == len(sources)), None)
        by = before.by if before else node
        if isinstance(node, _LAYERS):
            if len(sources) > 1:
                raise self._branches(by, list(sources))
            self.ends.setdefault(next(iter(sources)), []).extend([by, node])
        return Ended(by, tuple(sources))

    def _each(self, node: Node, fed: list[Node]) -> State:
        """Element by element: the same units, where all that it reads has the same."""
        states = [self.states[i] for i in fed]
        first = states[0]
        if not isinstance(first, Grid) or any(s != first for s in states) or node.shape != fed[0].shape:
            return first if all(isinstance(s, Raw) for s in states) else self._ended(node, fed)
        grids = [s for s in states if isinstance(s, Grid)]
        names = [*(n for g in grids for n in g.names), *_scale_names(node)]
        notes = [*(n for g in grids for n in g.notes), *_notes(node)]
        return replace(first, names=tuple(dict.fromkeys(names)), notes=tuple(dict.fromkeys(notes)))

    def _read(self, node: Node, x: Grid) -> State | None:
        """What a node that reads units of one row makes of them; None where no rule is known."""
        for kind, rule in self._rules():
            if isinstance(node, kind):
                return rule(node, x)
        return None

    def _rules(self) -> tuple[tuple[type[Node], Callable[[Any, Grid], State | None]], ...]:
        return (
            (Conv, self._conv), (Pool, self._pool), (Mean, self._whole_maps), (Max, self._whole_maps),
            (Dense, self._dense), (MatMul, self._dense), (Reshape, self._reshape),
            (Pad, _padded), (Crop, _cropped), (Subsample, self._subsample),
        )  # fmt: skip

    # Node types ------------------------------------------------------------------------------

    def _layer(self, kind: str, node: Node, x: Grid, size: tuple[int, int], pace: tuple[int, int]) -> Row:
        rows, columns = x.sides
        sides = rows.above(size[0], pace[0]), columns.above(size[1], pace[1])
        reads = rows.windows(size[0], pace[0]), columns.windows(size[1], pace[1])
        row = Row(kind, node, x.row.maps, sides, size, reads, below=x.row, onto=x.onto)
        row.names, row.notes = x.names, x.notes  # of the row below: `_finish` hands them down
        return row

    def _conv(self, node: Conv, x: Grid) -> State:
        exists = existing(node.w)
        row = self._layer("conv", node, x, (exists.shape[2], exists.shape[3]), (1, 1))
        row.maps, row.exists = exists.shape[0], exists
        return self._new(row)

    def _pool(self, node: Pool, x: Grid) -> State | None:
        if x.flat or node.ndim != 4:
            return None
        row = self._layer("pool", node, x, node.size, node.size)
        row.mode = node.mode
        return self._new(row)

    def _whole_maps(self, node: Mean | Max, x: Grid) -> State | None:
        """The mean or the maximum of each map: a pool with one window."""
        if x.flat or node.reduced != (2, 3):
            return None
        height, width = (len(side.held) for side in x.sides)
        row = self._layer("pool", node, x, (height, width), (1, 1))
        row.mode = "mean" if isinstance(node, Mean) else "max"
        return replace(self._new(row), flat=not node.keepdims)

    def _dense(self, node: Dense | MatMul, x: Grid) -> State | None:
        units = node.shape[-1]
        if not x.flat or node.ndim != 2 or not units:
            return None
        row = self._layer("dense", node, x, (1, 1), (1, 1))
        row.maps, row.sides = units, (Axis.of(1), Axis.of(1))
        row.reads = (x.sides[0].held,), (x.sides[1].held,)
        return self._new(row)

    def _reshape(self, node: Reshape, x: Grid) -> State | None:
        if node.shape == node.x.shape:
            return x
        if x.row.kind == "input" and x.is_whole and (again := self._started_again(node, x)) is not None:
            return again
        features = x.row.maps * len(x.sides[0].held) * len(x.sides[1].held)
        return replace(x, flat=True) if not x.flat and node.shape[1:] == (features,) else None

    def _started_again(self, node: Reshape, x: Grid) -> Grid | None:
        """The input as maps of another shape."""
        assert isinstance(x.row.node, Input)
        grid = self._started(x.row.node, node.shape)
        if grid is not None:
            self.replaced.add(x.row)
        return grid if grid is None else replace(grid, names=x.names, notes=x.notes)

    def _subsample(self, node: Subsample, x: Grid) -> State | None:
        if x.flat or node.ndim != 4 or node.steps[:2] != (1, 1):
            return None
        steps = (node.steps[2], node.steps[3])
        text = f"stride {_sizes(steps, x.row.size)}"
        if x.row.kind == "conv" and x.is_whole and not x.row.thin:
            thin = x.row.thinned(steps, text)
            self.replaced.add(x.row)
            return replace(self._new(thin), names=x.names, notes=x.notes)
        sides = (x.sides[0].every(steps[0]), x.sides[1].every(steps[1]))
        return replace(x, sides=sides, onto=(*x.onto, text))

    # The whole -------------------------------------------------------------------------------

    def _check_no_branch(self, first: Row, rows: list[Row]) -> None:
        drawn = set(rows)
        for row in self.rows:
            if _root(row) is first and row not in drawn and row not in self.replaced:
                raise self._branches(row.node, [rows[-1], row])

    def _branches(self, by: Node, sources: list[Row]) -> GraphError:
        """The error for rows that are no chain: they meet in `by`, or two of them read one row."""
        ways = [_downwards(row) for row in sources[:2]]
        below = {row.node for row in ways[0]}
        common = next((row.node for row in reversed(ways[1]) if row.node in below), None)
        hint = f"this figure shows a chain of layers from one input; {_OTHER_WAY}"
        if common is None:
            inputs = " and ".join(way[0].node.label for way in ways)
            return GraphError(message(f"{inputs} meet here", hint, node=by))
        above = [[row.node for row in way if row.below is not None and row.below.node is common] for way in ways]
        readers = sorted((found[0] if found else by for found in above), key=lambda node: node.serial)
        names = " and ".join(node.label for node in readers)
        return GraphError(message(f"the layers branch here: {names} read it", hint, node=common))

    def _finish(self, rows: list[Row]) -> None:
        """Names and functions were noted with the row that reads them: now each row gets its own."""
        last = rows[-1]
        tops = [s for s in self.states.values() if isinstance(s, Grid) and s.row is last]
        most = max(tops, key=lambda grid: len(grid.notes) + len(grid.names))
        after = [(row.names, row.notes) for row in rows[1:]]
        for row, (names, notes) in zip(rows, [*after, (most.names, most.notes[:1])], strict=True):
            row.names, row.notes = names, notes
        for kind in ("conv", "pool", "dense"):
            alike = [row for row in rows if row.kind == kind and not row.node.name and not row.names]
            for number, row in enumerate(alike, 1):
                row.number = number if len(alike) > 1 else 0

    def _rest(self, rows: list[Row]) -> str:
        found = dict.fromkeys(node for row in rows for node in self.ends.get(row, ()))
        return f"Not drawn: {', '.join(shown(node.label) for node in found)}." if found else ""


def _sources(state: Grid | Ended) -> tuple[Row, ...]:
    return state.sources if isinstance(state, Ended) else (state.row,)


def _root(row: Row) -> Row:
    while row.below is not None:
        row = row.below
    return row


def _downwards(row: Row) -> list[Row]:
    """The rows from the input up to `row`."""
    found = [row]
    while (row := found[-1].below) is not None:  # type: ignore[assignment]
        found.append(row)
    return found[::-1]


def _padded(node: Pad, x: Grid) -> State | None:
    if x.flat or node.ndim != 4 or any(map(any, node.widths[:2])):
        return None
    (above, beneath), (left, right) = node.widths[2:]
    sides = (x.sides[0].padded(above, beneath), x.sides[1].padded(left, right))
    return replace(x, sides=sides, onto=(*x.onto, f"padding {_border(node.widths[2:], x.row.size)}"))


def _cropped(node: Crop, x: Grid) -> State | None:
    if x.flat or node.ndim != 4 or any(map(any, node.widths[:2])):
        return None
    (above, beneath), (left, right) = node.widths[2:]
    sides = (x.sides[0].cropped(above, beneath), x.sides[1].cropped(left, right))
    return replace(x, sides=sides, onto=(*x.onto, f"cropped by {_border(node.widths[2:], x.row.size)}"))


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


def _notes(node: Node) -> list[str]:
    """What an element-wise node is called in a figure: arithmetic has no name of its own."""
    if node.name.strip():
        return [node.name]
    return [] if type(node).__module__.endswith("symcnn.graph.algebra") else [type(node).__name__]


def _scale_names(node: Node) -> list[str]:
    """The name of a layer that multiplies or adds parameters: S2 of S2.g."""
    found = (i.x if isinstance(i, Reshape) else i for i in node.inputs)
    return [name for i in found if isinstance(i, Param) and (name := i.name.rpartition(".")[0])]
