"""The chain of layers that a figure of units shows, read from a graph."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...graph.errors import GraphError, message
from ...graph.graph import Graph
from ...graph.leaves import Input, Leaf, Param
from ...graph.node import Node
from ...nodes.shape import Reshape
from ...text import shown
from .layers import first_row, is_layer, noted, rearranges, units_of, why_not
from .rows import Grid, Row

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
    why: str

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
        If no layer reads windows of an input's maps, or the layers are no chain.
    """

    def __init__(self, J: Node) -> None:
        self.J = J
        self.graph = Graph(J)
        self.states: dict[Node, State] = {}
        self.rows: list[Row] = []
        self.replaced: set[Row] = set()
        self.ends: dict[Row, list[Node]] = {}
        """For each row, the layers above it that cannot be drawn, each after what stands between."""
        self.reasons: dict[Row, str] = {}

    def chain(self) -> Chain:
        """The rows from the first input that has layers of convolution or pooling."""
        for node in self.graph.order:
            state = self._state(node)
            if state is not None:
                self.states[node] = state
        roots = dict.fromkeys(_root(row) for row in self.rows if row.kind not in ("input", "dense"))
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
            grid = first_row(node, node.shape)
            return Raw(node) if grid is None else self._known(grid)
        fed = list(dict.fromkeys(i for i in node.inputs if i in self.states))
        if isinstance(node, Leaf) or not fed:
            return None
        if node.elementwise:
            return self._each(node, fed)
        state = self.states[fed[0]]
        grid = None
        if isinstance(state, Raw) and len(fed) == 1:
            grid = first_row(state.input, node.shape) if rearranges(node, fed[0]) else None
            return state if grid is None else self._known(grid)
        if isinstance(state, Grid) and len(fed) == 1:
            grid = units_of(node, fed[0], state)
            if grid is not None and grid.row is not state.row and grid.row.node is state.row.node:
                self.replaced.add(state.row)
        return self._ended(node, fed) if grid is None else self._known(grid)

    def _known(self, grid: Grid) -> Grid:
        """The grid, after its row was noted."""
        if grid.row not in self.rows:
            self.rows.append(grid.row)
        return grid

    def _ended(self, node: Node, fed: list[Node]) -> State:
        states = [self.states[i] for i in fed]
        sources = dict.fromkeys(s for t in states if not isinstance(t, Raw) for s in _sources(t))
        if not sources:
            return states[0]
        before = next((s for s in states if isinstance(s, Ended) and len(s.sources) == len(sources)), None)
        by, why = (before.by, before.why) if before else (node, why_not(node, fed))
        if is_layer(node, fed):
            if len(sources) > 1:
                raise self._branches(by, list(sources))
            row = next(iter(sources))
            self.ends.setdefault(row, []).extend([by, node])
            self.reasons.setdefault(row, why)
        return Ended(by, tuple(sources), why)

    def _each(self, node: Node, fed: list[Node]) -> State:
        """Element by element: the same units, where all that it reads has the same."""
        states = [self.states[i] for i in fed]
        first = states[0]
        if not isinstance(first, Grid) or any(s != first for s in states) or node.shape != fed[0].shape:
            return first if all(isinstance(s, Raw) for s in states) else self._ended(node, fed)
        grids = [s for s in states if isinstance(s, Grid)]
        names = dict.fromkeys([*(n for g in grids for n in g.names), *_scale_names(node)])
        notes = dict.fromkeys(n for g in grids for n in g.notes)
        return noted(node, replace(first, names=tuple(names), notes=tuple(notes)))

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
        for kind in ("conv", "local", "pool", "dense"):
            alike = [row for row in rows if row.kind == kind and not row.node.name and not row.names]
            for number, row in enumerate(alike, 1):
                row.number = number if len(alike) > 1 else 0

    def _rest(self, rows: list[Row]) -> str:
        found = dict.fromkeys(node for row in rows for node in self.ends.get(row, ()))
        reasons = dict.fromkeys(self.reasons[row] for row in rows if row in self.reasons)
        return " ".join([f"Not drawn: {', '.join(shown(n.label) for n in found)}.", *reasons]) if found else ""


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


def _scale_names(node: Node) -> list[str]:
    """The name of a layer that multiplies or adds parameters: S2 of S2.g."""
    found = (i.x if isinstance(i, Reshape) else i for i in node.inputs)
    return [name for i in found if isinstance(i, Param) and (name := i.name.rpartition(".")[0])]
