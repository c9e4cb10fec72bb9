"""Numbers that change during training: functions (iteration, epoch) -> float, both counted from 0.

Wherever an optimizer takes a number, it takes such a function too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..graph.arguments import natural, positive_int
from ..graph.errors import ArgumentError, DTypeError, call_site, message
from ..text import quoted

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
    return _Told(repr(value), partial(_constant, number(value, "constant: value")))


def by_epoch(start: float, factor: float) -> Schedule:
    """`start`, multiplied by `factor` after each epoch: the tutorial halves its rate.

    Examples
    --------
    >>> rate = by_epoch(0.1, 0.5)
    >>> rate(0, 0), rate(500, 2)
    (0.1, 0.025)
    """
    first, times = number(start, "by_epoch: start"), number(factor, "by_epoch: factor")
    return _Told(f"by_epoch({start!r}, {factor!r})", partial(_by_epoch, first, times))


def piecewise(values: Mapping[int, float]) -> Schedule:
    """The value of the last iteration in `values` that has been reached.

    Examples
    --------
    >>> momentum = piecewise({0: 0.5, 20: 0.95})
    >>> momentum(19, 0), momentum(20, 0)
    (0.5, 0.95)
    """
    if not isinstance(values, Mapping):
        problem = f"piecewise takes {{iteration: value}}, got {quoted(values)}"
        raise DTypeError(message(problem, site=call_site()))
    known = {
        natural(k, "piecewise: an iteration"): number(v, f"piecewise: the value from {k} on") for k, v in values.items()
    }
    if 0 not in known:
        problem = f"piecewise needs a value for iteration 0; it has {sorted(known)}"
        raise ArgumentError(message(problem, site=call_site()))
    return _Told(f"piecewise({values!r})", partial(_piecewise, known))


def cosine(start: float, iterations: int, end: float = 0.0) -> Schedule:
    """From `start` to `end` along half a cosine, in so many iterations (Loshchilov and Hutter, 2017)."""
    length = positive_int(iterations, "cosine: iterations")
    first, last = number(start, "cosine: start"), number(end, "cosine: end")
    return _Told(f"cosine({start!r}, {iterations!r}, {end!r})", partial(_cosine, first, length, last))


def as_schedule(value: float | Schedule) -> Schedule:
    """A number as a constant schedule."""
    return value if callable(value) else constant(number(value, "a setting", or_schedule=True))


def number(value: object, what: str, or_schedule: bool = False) -> float:
    """`value` as a float, where it is a number: text and booleans are none. `what` says in errors what it is."""
    try:
        if isinstance(value, str | bytes | bool | np.bool_):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        problem = f"{what} is {quoted(value)}; expected a number"
        if or_schedule:
            schedule = "a schedule, a function (iteration, epoch) -> number"
            problem = f"{what}: {quoted(value)} is neither a number nor {schedule}"
        raise DTypeError(message(problem, site=call_site())) from None


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
