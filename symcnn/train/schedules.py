"""Numbers that change during training: functions (iteration, epoch) -> float, both counted from 0.

Wherever an optimizer takes a number, it takes such a function too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

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
    return _Told(repr(value), partial(_constant, value))


def by_epoch(start: float, factor: float) -> Schedule:
    """`start`, multiplied by `factor` after each epoch: the tutorial halves its rate.

    Examples
    --------
    >>> rate = by_epoch(0.1, 0.5)
    >>> rate(0, 0), rate(500, 2)
    (0.1, 0.025)
    """
    return _Told(f"by_epoch({start!r}, {factor!r})", partial(_by_epoch, start, factor))


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
    return _Told(f"piecewise({values!r})", partial(_piecewise, dict(values)))


def cosine(start: float, iterations: int, end: float = 0.0) -> Schedule:
    """From `start` to `end` along half a cosine, in so many iterations (Loshchilov and Hutter, 2017)."""
    if iterations < 1:
        raise ValueError(f"cosine needs at least 1 iteration, not {iterations}")
    return _Told(f"cosine({start!r}, {iterations!r}, {end!r})", partial(_cosine, start, iterations, end))


def as_schedule(value: float | Schedule) -> Schedule:
    """A number as a constant schedule."""
    if callable(value):
        return value
    try:
        return constant(float(value))
    except (TypeError, ValueError):
        problem = f"{quoted(value)} is neither a number nor a schedule, a function (iteration, epoch) -> number"
        raise DTypeError(explain(problem, site=call_site())) from None


# The rules stand here by name, so that a schedule, and what is trained with it, can be pickled.


def _constant(value: float, iteration: int, epoch: int) -> float:
    return value


def _by_epoch(start: float, factor: float, iteration: int, epoch: int) -> float:
    return start * factor**epoch


def _piecewise(values: Mapping[int, float], iteration: int, epoch: int) -> float:
    return values[max(start for start in values if start <= iteration)]


def _cosine(start: float, iterations: int, end: float, iteration: int, epoch: int) -> float:
    share = min(iteration / iterations, 1.0)
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
