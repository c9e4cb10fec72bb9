"""How filters slide along one axis of maps: strides, borders, dilations, zeros between units, as one rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd


@dataclass(frozen=True)
class Slide:
    """Result i is the sum over k of w[k] x[(step i + gap k - before) / spread], where that is a unit of x.

    Where the division leaves a rest, or there is no such unit, it is the 0 of a dilation or of a border.

    Attributes
    ----------
    length, taps, results : int
        How many units, weights and results there are.
    step : int
        The stride.
    gap : int
        How far apart the units are that neighbouring weights see: the dilation.
    before : int
        How wide the border is in front.
    spread : int
        How far apart the units of x stand.
    """

    length: int
    taps: int
    results: int
    step: int = 1
    gap: int = 1
    before: int = 0
    spread: int = 1

    def phases(self) -> Iterator[Phase]:
        """The results by which units they see, so that no zero of a dilation is computed with.

        Examples
        --------
        Of a map with a zero after each unit, every other result sees the weights 0 and 2, the others weight 1:

        >>> [(p.results, p.taps) for p in Slide(length=3, taps=3, results=7, before=2, spread=2).phases()]
        [(range(0, 7, 2), range(0, 3, 2)), (range(1, 7, 2), range(1, 3, 2))]
        """
        common = gcd(self.step, self.spread)
        for first in range(min(self.spread // common, self.results)):
            results = range(first, self.results, self.spread // common)
            start = self.step * first - self.before
            met = [k for k in range(min(self.taps, self.spread)) if (start + self.gap * k) % self.spread == 0]
            every = self.spread // gcd(self.gap, self.spread)
            taps = range(met[0], self.taps, every) if met else range(0)
            origin = (start + self.gap * taps.start) // self.spread if met else 0
            yield Phase(results, taps, origin, self.step // common, self.gap * every // self.spread, self.length)

    @property
    def plain(self) -> bool:
        """Whether weights meet the units one after the other, without a border or a gap."""
        return (self.step, self.gap, self.before, self.spread) == (1, 1, 0, 1)


@dataclass(frozen=True)
class Phase:
    """Some of the results, and some of the weights: number j of the results sees unit origin + across j + along t by
    number t of the weights."""

    results: range
    taps: range
    origin: int
    across: int
    along: int
    length: int

    @property
    def reach(self) -> tuple[int, int]:
        """The first and the last unit that are seen, whether they are there or not."""
        last = self.across * (len(self.results) - 1) + self.along * (len(self.taps) - 1)
        return self.origin, self.origin + last

    @property
    def inside(self) -> bool:
        """Whether all of them are there."""
        first, last = self.reach
        return first >= 0 and last < self.length

    @property
    def dense(self) -> bool:
        """Whether neighbouring results see neighbouring units, by neighbouring weights, and stand side by side."""
        return self.across == self.along == self.results.step == self.taps.step == 1
