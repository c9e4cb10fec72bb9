"""`Run`: whole numbers that differ from lane to lane, where the lanes of a vector are neighbours in one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .loops import Index, Position


class Irregular(Exception):
    """Numbers that do not grow evenly from lane to lane: each lane must be computed for itself."""


@dataclass(frozen=True)
class Run:
    """Whole numbers that grow evenly from lane to lane: `first`, `first` + `step`, ...

    The places that a vector covers when its lanes are neighbours in one image; arithmetic with what all lanes share
    gives a run again.

    Examples
    --------
    >>> Run(3, 1) * 2 + 1
    Run(first=7, step=2)
    >>> (Run(6, 2) // 2, Run(6, 2) % 2)
    (Run(first=3, step=1), 0)
    """

    first: Index
    step: int

    def __add__(self, other: Position) -> Run:
        if isinstance(other, Run):
            raise Irregular
        return Run(self.first + other, self.step)

    __radd__ = __add__

    def __mul__(self, other: Position) -> Run:
        if not isinstance(other, int):
            raise Irregular
        return Run(self.first * other, self.step * other)

    __rmul__ = __mul__

    def __sub__(self, other: Position) -> Run:
        if isinstance(other, Run):
            raise Irregular
        return Run(self.first - other, self.step)

    def __rsub__(self, other: Index) -> Run:
        return Run(other - self.first, -self.step)

    def quotient(self, by: int) -> tuple[Position, Index]:
        """The whole quotients, and the rest, which must be the same in all lanes."""
        if by == 1:
            return self, 0
        if self.step % by:
            raise Irregular
        return Run(self.first // by, self.step // by), self.first % by

    def __floordiv__(self, by: int) -> Position:
        return self.quotient(by)[0]

    def __mod__(self, by: int) -> Index:
        return self.quotient(by)[1]

    def at(self, lane: int) -> Index:
        """The number of a lane."""
        return self.first + lane * self.step
