"""The chain of layers that a figure of units shows, read from a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...graph.errors import GraphError, message
from ...graph.graph import Graph
from ...graph.leaves import Input, Leaf, Param
from ...graph.node import Node
from ...nodes.shape import Reshape
from ...text import shown
from .layers import Layer, Units, first_row, is_layer, noted, rearranges, units_of, why_not
from .rows import Row

_HINT = "this figure shows a chain of layers from one input; sc.draw(...) draws any graph"


@dataclass(frozen=True)
class Ended:
    """A value that is made of units, but not unit by unit: `by` made it so, from `rows`."""

    by: Node
    rows: tuple[Row, ...]
    why: str


State = Units | Layer | Ended | Input
"""What a value is; an input where it does not have the shape of maps yet."""


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
        self.states: dict[Node, State] = {}
        self.rows: dict[Row, None] = {}
        self.ends: dict[Row, list[Node]] = {}
        """For each row, the layers above it that cannot be drawn, each after what stands between."""
        self.reasons: dict[Row, str] = {}

    def chain(self) -> Chain:
        """The rows from the first input that has layers of convolution or pooling."""
        for node in Graph(self.J).order:
            state = self._state(node)
            if state is not None:
                self.states[node] = state
            if isinstance(state, Units):
                self.rows[state.row] = None
        roots = [_downwards(row)[0] for row in self.rows if row.kind not in ("input", "dense")]
        if not roots:
            problem = "there is no convolution and no pooling of an input's maps: no units to draw"
            hint = "expected an input (N, channels, height, width) that sc.conv reads; sc.draw(...) draws any graph"
            raise GraphError(message(problem, hint, node=self.J))
        first = min(roots, key=lambda row: row.node.serial)
        ways = [way for row in self.rows if (way := _downwards(row))[0] is first]
        nodes = {row.node for row in ways[-1]}
        for way in ways:
            if way[-1].node not in nodes:
                raise _branches(way[-1].node, [ways[-1], way])
        self._finish(ways[-1])
        return Chain(ways[-1], self._rest(ways[-1]))

    # One node --------------------------------------------------------------------------------

    def _state(self, node: Node) -> State | None:
        """What a node's elements are; None where no input has a part in them."""
        if isinstance(node, Input):
            return first_row(node, node) or node
        fed = list(dict.fromkeys(i for i in node.inputs if i in self.states))
        if isinstance(node, Leaf) or not fed:
            return None
        found: State | None = None
        if node.elementwise:
            found = self._each(node, fed)
        elif len(fed) == 1:
            state = self.states[fed[0]]
            if isinstance(state, Input):
                found = first_row(state, node) if rearranges(node, fed[0]) else None
            elif not isinstance(state, Ended):
                found = units_of(node, fed[0], state)
        return found or self._ended(node, fed)

    def _each(self, node: Node, fed: Sequence[Node]) -> State | None:
        """Element by element: the same units, where all that it reads has the same."""
        states = [self.states[i] for i in fed]
        units = [s for s in states if isinstance(s, Units) and s == states[0]]
        if len(units) < len(states) or node.shape != fed[0].shape:
            return None
        scales = (i.x if isinstance(i, Reshape) else i for i in node.inputs)
        own = [i.name.rpartition(".")[0] for i in scales if isinstance(i, Param)]  # S2 of S2.g
        names = dict.fromkeys(name for name in [*(n for u in units for n in u.names), *own] if name)
        notes = dict.fromkeys(n for u in units for n in u.notes)
        return noted(node, replace(units[0], names=tuple(names), notes=tuple(notes)))

    def _ended(self, node: Node, fed: Sequence[Node]) -> State:
        """Note that the units end here."""
        states = [self.states[i] for i in fed]
        rows = tuple(dict.fromkeys(row for state in states for row in _rows(state)))
        if not rows:
            return states[0]
        before = next((s for s in states if isinstance(s, Ended) and len(s.rows) == len(rows)), None)
        end = before or Ended(node, rows, why_not(node, fed))
        if is_layer(node, fed):
            if len(rows) > 1:
                raise _branches(end.by, [_downwards(row) for row in rows[:2]])
            self.ends.setdefault(rows[0], []).extend([end.by, node])
            self.reasons.setdefault(rows[0], end.why)
        return Ended(end.by, rows, end.why)

    # The whole -------------------------------------------------------------------------------

    def _finish(self, rows: list[Row]) -> None:
        """Names and functions were noted with the row that reads them: now each row gets its own."""
        tops = [s for s in self.states.values() if isinstance(s, Units) and s.row is rows[-1]]
        most = max(tops, key=lambda units: len(units.notes) + len(units.names))
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


def _rows(state: State) -> tuple[Row, ...]:
    """The rows that a value is made of."""
    if isinstance(state, Ended):
        return state.rows
    return () if isinstance(state, Input) else ((state.units if isinstance(state, Layer) else state).row,)


def _downwards(row: Row) -> list[Row]:
    """The rows from the input up to `row`."""
    found = [row]
    while (below := found[-1].below) is not None:
        found.append(below)
    return found[::-1]


def _branches(by: Node, ways: Sequence[list[Row]]) -> GraphError:
    """The error for rows that are no chain: they meet in `by`, or two of them read one row."""
    shared = {row.node for row in ways[0]}
    common = next((row.node for row in reversed(ways[1]) if row.node in shared), None)
    if common is None:
        inputs = " and ".join(way[0].node.label for way in ways)
        return GraphError(message(f"{inputs} meet here", _HINT, node=by))
    above = [[row.node for row in way if row.below is not None and row.below.node is common] for way in ways]
    readers = sorted((found[0] if found else by for found in above), key=lambda node: node.serial)
    names = " and ".join(node.label for node in readers)
    return GraphError(message(f"the layers branch here: {names} read it", _HINT, node=common))
