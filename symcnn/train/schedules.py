"""Numbers that change during training: functions (iteration, epoch) -> float, both counted from 0.

Wherever an optimizer takes a number, it takes such a function too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..graph.errors import DTypeError, call_site, explain, quoted

Schedule = Callable[[int, int], float]


@dataclass(frozen=True)
class _Told:
    """A schedule that prints as it was made, so that an optimizer does."""

    words: str
    rule: Schedule

    def __call__(self, iteration: int, epoch: int) -> float:
        return self.rule(iteration, epoch)

    def __repr__(self) -> str:
        return self.words


def constant(value: float) -> Schedule:
    """Always `value`."""
    return _Told(repr(value), lambda iteration, epoch: value)


def by_epoch(start: float, factor: float) -> Schedule:
    """`start`, multiplied by `factor` after each epoch: the tutorial halves its rate.

    Examples
    --------
    >>> rate = by_epoch(0.1, 0.5)
    >>> rate(0, 0), rate(500, 2)
    (0.1, 0.025)
    """
    return _Told(f"by_epoch({start!r}, {factor!r})", lambda iteration, epoch: start * factor**epoch)


def piecewise(values: Mapping[int, float]) -> Schedule:
    """The value of the last iteration in `values` that has been reached.

    Examples
    --------
    >>> momentum = piecewise({0: 0.5, 20: 0.95})
    >>> momentum(19, 0), momentum(20, 0)
    (0.5, 0.95)
    """
    if 0 not in values:
        raise ValueError(f"piecewise needs a value for iteration 0; it has {sorted(values)}")
    starts = sorted(values)
    return _Told(f"piecewise({values!r})", lambda iteration, epoch: values[max(s for s in starts if s <= iteration)])


def cosine(start: float, iterations: int, end: float = 0.0) -> Schedule:
    """From `start` to `end` along half a cosine, in so many iterations (Loshchilov and Hutter, 2017)."""
    if iterations < 1:
        raise ValueError(f"cosine needs at least 1 iteration, not {iterations}")

    def value(iteration: int, epoch: int) -> float:
        share = min(iteration / iterations, 1.0)
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

    return _Told(f"cosine({start!r}, {iterations!r}, {end!r})", value)


def as_schedule(value: float | Schedule) -> Schedule:
    """A number as a constant schedule."""
    if callable(value):
        return value
    try:
        return constant(float(value))
    except (TypeError, ValueError):
        problem = f"{quoted(value)} is neither a number nor a schedule, a function (iteration, epoch) -> number"
        raise DTypeError(explain(problem, site=call_site())) from None
