"""Two lanes with a grid of their own each, and columns in common: the forward pass, and the whole backward graph below.

The lower lane runs from right to left. It is a lane like the upper one, turned by half a turn: its columns are counted
from the right.
"""

from __future__ import annotations

from typing import NamedTuple

from ...canvas.geometry import Path, Rect, Text
from ...canvas.text_metrics import text_width
from ..model import Below, DiagramModel
from .band import BandBuilder
from .measures import ARROW, MARGIN, Column, Measures
from .placement import EDGE, Layout, Placed
from .ranks import levels

_INSIDE = 4
"""As many edges it costs to cut through what one rule made."""


def measures_of(story: DiagramModel) -> Measures:
    """The measures of a story, of whichever zoom."""
    return Measures(story) if story.below is None else LaneMeasures(story, story.below)


def builder_of(measures: Measures, band: range) -> BandBuilder:
    """What places a band of it."""
    return LanesBuilder(measures, band) if isinstance(measures, LaneMeasures) else BandBuilder(measures, band)


# Columns ------------------------------------------------------------------------------------------------------


class Columns(NamedTuple):
    """The columns of the upper boxes, and those of the lower ones, from the left; where levels start; how many."""

    upper: dict[str, int]
    lower: dict[str, int]
    starts: list[int]
    total: int


def shared_columns(story: DiagramModel, below: Below) -> Columns:
    """The columns of both lanes.

    An upper box has as many columns as what stands below it is deep; it stands over the middle one.
    """
    level = levels([box.key for box in story.boxes], story.edges)
    at = _below_level(below, level)
    depth = _depths(below, at)
    sizes = [1] * (max(level.values(), default=0) + 1)
    for key, deep in depth.items():
        sizes[at[key]] = max(sizes[at[key]], deep + 1)
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    upper = {key: starts[n] + (sizes[n] - 1) // 2 for key, n in level.items()}
    lower = {key: starts[at[key]] + sizes[at[key]] - 1 - deep for key, deep in depth.items()}
    return Columns(upper, lower, starts, sum(sizes))


def _below_level(below: Below, level: dict[str, int]) -> dict[str, int]:
    """Below which level of the upper lane each lower box stands.

    It is that of the box whose rule made it. What several rules share stands where it is needed first, and a sum of
    errors where the last of them has come.
    """
    at = {key: level[home] for key, home in below.homes.items()}
    wish = dict(at)
    for source, reader in below.edges:
        if reader not in below.sums:
            wish[source] = max(wish[source], at[reader])
    read = _ends(below, backward=True)
    for box in below.boxes:
        wish[box.key] = min([wish[box.key], *(wish[source] for source in read[box.key])])
    return wish


def _depths(below: Below, at: dict[str, int]) -> dict[str, int]:
    """How many columns left of the first one of its level each box stands; what reads nothing, near its reader."""
    read, readers = _ends(below, backward=True), _ends(below, backward=False)
    depth: dict[str, int] = {}
    loose: dict[str, bool] = {}
    for box in below.boxes:
        here = [source for source in read[box.key] if at[source] == at[box.key]]
        depth[box.key] = max((depth[source] + 1 for source in here), default=0)
        loose[box.key] = len(here) == len(read[box.key]) and all(loose[source] for source in here)
    for box in reversed(below.boxes):
        near = [depth[reader] for reader in readers[box.key] if at[reader] == at[box.key]]
        if loose[box.key] and near:
            depth[box.key] = min(near) - 1
    return depth


def _ends(below: Below, backward: bool) -> dict[str, list[str]]:
    """For each box what it reads, or what reads it."""
    found: dict[str, list[str]] = {box.key: [] for box in below.boxes}
    for source, reader in below.edges:
        if backward:
            found[reader].append(source)
        else:
            found[source].append(reader)
    return found


# Room across --------------------------------------------------------------------------------------------------


class LaneMeasures(Measures):
    """The measures of two lanes: a column, and what is between two of them, is as wide as the wider lane needs."""

    def __init__(self, story: DiagramModel, below: Below) -> None:
        upper, lower, self.starts, self.count = shared_columns(story, below)
        self.below = Measures(below, {key: self.mirrored(n) for key, n in lower.items()}, self.count)
        super().__init__(story, upper, self.count)

    def mirrored(self, n: int) -> int:
        """The number of a column in the other lane."""
        return self.count - 1 - n

    def column(self, n: int, x: float, last: bool = False) -> Column:
        column = super().column(n, x, last)
        if not last and n + 1 < self.count:
            following = self.below.column(self.mirrored(n + 1), 0.0)
            more = max(0.0, following.end - following.right - (column.end - column.right))
            column.labels += more
            column.end += more
        return column

    def zone(self, n: int) -> tuple[float, float, float, float]:
        left, zone, width, strip = super().zone(n)
        wide = max(zone, self.below.zone(self.mirrored(n))[1])
        return left + (wide - zone) / 2, wide, width, strip

    def last_width(self, n: int) -> float:
        entry = self.below.entry(self.mirrored(n)) if n + 1 < self.count else 0.0
        return max(super().last_width(n), self.column(n, 0.0, last=True).right + entry)

    def entry(self, n: int) -> float:
        leaving = self.below.column(self.mirrored(n), 0.0, last=True)
        return max(super().entry(n), leaving.labels + ARROW - leaving.right)

    def cost(self, n: int) -> int:
        inside = 0 if n in self.starts else _INSIDE
        return super().cost(n) + self.below.cost(self.mirrored(n) + 1) + inside


# Places -------------------------------------------------------------------------------------------------------


class LanesBuilder(BandBuilder):
    """Places the columns of a band in both lanes."""

    measures: LaneMeasures

    def assemble(self) -> None:
        """Place the upper lane, and turn the lower one into its place below."""
        super().assemble()
        lower = _LowerBuilder(self)
        lower.assemble()
        _turn_into(self.layout, lower.layout)


class _LowerBuilder(BandBuilder):
    """Places the lower lane of a band as if it were an upper one, from left to right."""

    def __init__(self, upper: LanesBuilder) -> None:
        measures = upper.measures
        super().__init__(measures.below, range(measures.count - upper.band.stop, measures.count - upper.band.start))
        self.zones = {measures.mirrored(n): (-c.right, -c.left) for n, c in upper.columns.items()}

    def assemble(self) -> None:
        self._place_columns()
        self._place_rows()
        self._place_boxes()
        self._route_edges()
        self._place_names()

    def _place_columns(self) -> None:
        """In the columns of the upper lane."""
        self.columns = {}
        for n in self.band:
            own = self.measures.column(n, 0.0, n == self.band[-1])
            left, right = self.zones[n]
            column = Column(left, right, (left + right - own.width) / 2, own.width, own.strip)
            room = own.end - own.labels
            column.end = self.zones[n + 1][0] if n + 1 in self.zones else right + own.end - own.right
            column.labels = column.end - room
            self.columns[n] = column
        start = self.band.start
        texts = [t for key, _ in self.coming for t in self._again(key)]
        self.begin = self.columns[start].left - (self.measures.entry(start) if start else MARGIN)
        self.entry = self.begin + max((text_width(t, EDGE) for t in texts), default=0.0) + 24
        self.exit = self.columns[self.band[-1]].labels + ARROW


def _turn_into(layout: Layout, lane: Layout) -> None:
    """Add a lane to a layout, below 0 and from right to left."""
    for key, placed in lane.forward.items():
        r = placed.rect
        layout.backward[key] = Placed(Rect(-r.right, -r.bottom, r.width, r.height), placed.size)
    for edge, pieces in lane.edges.items():
        layout.flows[edge] = [_turned(piece) for piece in pieces]
    layout.errors.update({key: _turned_text(text) for key, text in lane.names.items()})
    layout.errors_again.update({key: _turned_text(text) for key, text in lane.names_again.items()})


def _turned(path: Path) -> Path:
    steps = [tuple((-x, -y) for x, y in step) for step in path.steps]
    return Path((-path.start[0], -path.start[1]), steps)


def _turned_text(text: Text) -> Text:
    return Text(-text.x, -text.rect.bottom, text.lines, text.size)
