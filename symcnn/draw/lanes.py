"""Two lanes with graphs of their own above each other: the columns of both stand at the same places.

Edges run to the right in the upper lane and to the left in the lower one, which is laid out as if they ran to the
right, too, and then mirrored: its first column is the last one of the picture.
"""

from __future__ import annotations

from dataclasses import replace

from .measures import MARGIN, Column, Frame, Measures
from .ranks import Grid
from .story import Bundle, Slots, Story

_INSIDE = 5
"""A cut between the nodes of one rule costs as much as so many edges."""


class TwoLanes:
    """The room that two lanes take across: in each column, and in each gap, that of the lane that needs more."""

    def __init__(self, story: Story, lower: Story, slots: Slots) -> None:
        self.upper = Measures(story)
        self.lower = Measures(lower, reached=False)
        self.inside = slots.inside
        self.count = slots.count
        self._zones = [max(self._own_zones(n)) for n in range(self.count)]

    @property
    def grid(self) -> Grid:
        """The columns of the upper lane, to which parameters belong."""
        return self.upper.grid

    @property
    def bundles(self) -> dict[str, Bundle]:
        """The parameters."""
        return self.upper.bundles

    def set_bundles(self, bundles: list[Bundle]) -> None:
        """Measure the parameters."""
        self.upper.set_bundles(bundles)
        self._zones = [max(self._own_zones(n)) for n in range(self.count)]

    # What bands are cut from -----------------------------------------------------------------

    def pitch(self, n: int) -> float:
        """From where a column begins to where the next one does."""
        gaps = [self.upper.gap(n)]
        if n + 1 < self.count:
            gaps.append(self.lower.gap(self.count - 2 - n))
        return self._zones[n] + max(gaps)

    def tail(self, n: int) -> float:
        """The width of a column at the end of a band, with room for edges that leave there or come from there."""
        return self._zones[n] + max(self.upper.leaving(n), self.lower.entry(self.count - 1 - n))

    def entry(self, n: int) -> float:
        """The room that a band needs before column n, for edges that come from there or leave there."""
        return max(self.upper.entry(n), self.lower.leaving(self.count - 1 - n))

    def cut_edges(self, n: int) -> int:
        """How many edges a cut before column n cuts; it is better beside the nodes of one rule than between them."""
        return self.upper.cut_edges(n) + self.lower.cut_edges(self.count - n) + _INSIDE * (n in self.inside)

    def _own_zones(self, n: int) -> tuple[float, float]:
        return self.upper.column(n, 0.0).right, self.lower.column(self.count - 1 - n, 0.0).right

    # A band ------------------------------------------------------------------------------------

    def twin(self, band: range) -> range:
        """The columns of a band as the lower lane counts them."""
        return range(self.count - band.stop, self.count - band.start)

    def frames(self, band: range) -> tuple[Frame, Frame]:
        """The columns of a band in both lanes; those of the lower one mirrored, from right to left."""
        upper, lower = {}, {}
        x = MARGIN + self.entry(band.start)
        for n in band:
            right = x + self._zones[n]
            at = self.count - 1 - n
            upper[n] = _centred(self.upper.column(n, 0.0, n == band[-1]), x, right)
            lower[at] = _centred(self.lower.column(at, 0.0, n == band[0]), -right, -x)
            end = x + self.tail(n)
            x += self.pitch(n)
        return Frame(MARGIN, upper, end), Frame(-end, lower, -MARGIN)


def _centred(column: Column, left: float, right: float) -> Column:
    """A column that begins at 0, in the middle of a zone that may be wider."""
    first = left + (right - left - column.right) / 2 + column.first
    return replace(column, left=left, right=right, first=first, labels=right + column.labels - column.right)
