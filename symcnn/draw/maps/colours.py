"""Colour scales: which colour a number has in a small picture.

Signed numbers go from blue over white, which is 0, to vermilion; numbers of one sign from dark blue to yellow
(cividis). NaN and infinity have colours that are in neither, and never move the scale of the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 251
"""Colours of a scale: an odd number, so that white stands exactly in its middle."""
NAN, INF, MINUS_INF, EMPTY, INK = range(LEVELS, LEVELS + 5)
"""The levels after those: what is no number of the scale, no number at all, and the ink that marks it."""

_SIGNED = ("0072B2", "FFFFFF", "D55E00")
_ONE_SIGNED = ("00224E", "003171", "2B406D", "434E6C", "575D6D", "6A6C71", "7C7B78", "908B78", "A59C74", "BBAD6C",
               "D2BF60", "E9D24E", "FEE838")  # fmt: skip
_SPECIAL = ("FF00FF", "39FF14", "000000", "FFFFFF", "000000")

Levels = NDArray[np.uint8]


@dataclass(frozen=True)
class Scale:
    """From numbers to levels, and from levels to colours.

    Attributes
    ----------
    low, high : float
        The numbers at the ends; of a signed scale ``-high`` and ``high``.
    signed : bool

    Examples
    --------
    >>> scale = Scale.of([np.array([-1.0, 4.0, np.nan])])
    >>> scale
    Scale(low=-4.0, high=4.0, signed=True)
    >>> scale.levels(np.array([-4.0, 0.0, 4.0, np.nan, np.inf])).tolist()
    [0, 125, 250, 251, 252]
    """

    low: float
    high: float
    signed: bool

    @classmethod
    def of(cls, arrays: Iterable[NDArray[Any]], signed: bool = False) -> Scale:
        """The scale that just holds all finite numbers of `arrays`: a signed one where any is below 0, or if asked."""
        finite = [a[np.isfinite(a)].astype(np.float64) for a in arrays]
        low = min((float(a.min()) for a in finite if a.size), default=0.0)
        high = max((float(a.max()) for a in finite if a.size), default=0.0)
        if signed or low < 0:
            most = max(abs(low), abs(high))
            return cls(-most if most else 0.0, most, True)
        return cls(low if low < high else 0.0, high, False)

    def levels(self, numbers: NDArray[Any]) -> Levels:
        """The level of each number: 0 at the low end, ``LEVELS - 1`` at the high end."""
        values = np.asarray(numbers, dtype=np.float64)
        most = max(abs(self.low), abs(self.high)) or 1.0
        with np.errstate(all="ignore"):
            low, high = self.low / most, self.high / most  # divided first: high - low may overflow
            span = high - low or 1.0
            share = (values / most - low) / span if self.high else np.full_like(values, 0.5 if self.signed else 0.0)
            levels: Levels = np.rint(np.where(np.isfinite(values), share, 0.0) * (LEVELS - 1)).astype(np.uint8)
        levels[np.isnan(values)] = NAN
        levels[values == np.inf] = INF
        levels[values == -np.inf] = MINUS_INF
        return levels

    def palette(self) -> Levels:
        """Red, green and blue of each level, (256, 3)."""
        stops = _SIGNED if self.signed else _ONE_SIGNED
        return np.concatenate([_between(stops, LEVELS), _colours(_SPECIAL)])


def _colours(texts: Iterable[str]) -> Levels:
    return np.array([list(bytes.fromhex(text)) for text in texts], dtype=np.uint8)


def _between(stops: Iterable[str], count: int) -> Levels:
    """`count` colours on the straight lines from stop to stop."""
    colours = _colours(stops).astype(np.float64)
    at, places = np.linspace(0, len(colours) - 1, count), np.arange(len(colours))
    mixed: Levels = np.rint(np.stack([np.interp(at, places, channel) for channel in colours.T], axis=1)).astype(
        np.uint8
    )
    return mixed
