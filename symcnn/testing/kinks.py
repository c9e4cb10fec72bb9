"""Numerical derivatives that see kinks: places where the slope to the left is not that to the right.

The central difference at a kink of relu, abs or max is the mean of two slopes, and no gradient of the function. With
a smaller step, a difference across a smooth place stays what it is, one across a kink that was only near becomes that
of one side, and the slopes at a kink stay as far apart as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..graph.errors import GradientError, message
from ..graph.leaves import Param
from .cases import Array

_SHRUNK = (1.0, 0.1, 0.01, 0.001)
"""The steps with which an entry is looked at again, in parts of the given one."""
_ROUNDING = 64 * float(np.finfo("float64").eps)
"""How far values of J that are equal may be apart, in parts of their size: they are sums of many numbers."""

_BESIDE = 32
"""At how many points beside a kink gradients are looked at."""


@dataclass(frozen=True)
class Entry:
    """What is known of one entry of a parameter.

    Attributes
    ----------
    difference : float
        The central difference, of all steps that were tried the one nearest to the gradient.
    sides : (float, float) or None
        The slopes to the left and to the right, where the entry is at a kink.
    slack : float
        How exactly the slopes are known.
    """

    difference: float
    sides: tuple[float, float] | None = None
    slack: float = 0.0

    def allows(self, gradient: float, tolerance: float, beside: Array | None = None) -> bool:
        """Whether `gradient` is at or between the slopes of a kink, and those `beside` it where there are some."""
        assert self.sides is not None
        slopes = [*self.sides, *(() if beside is None else beside)]
        room = self.slack + tolerance * max(map(abs, slopes))
        return bool(min(slopes) - room <= gradient <= max(slopes) + room)


def gradients_beside(params: Sequence[Param], gradients: Callable[[], Sequence[Array]], step: float) -> list[Array]:
    """The gradients at a few points right beside the values of the parameters, stacked: an array for each parameter.

    Where several kinks are at one place, as in two layers of relu whose biases are 0, each of them has a slope to one
    side and one to the other, and moving one parameter shows two combinations only; here all of them are moved.
    """
    kept = [param.value.copy() for param in params]
    rng = np.random.default_rng(0)
    found: list[Sequence[Array]] = []
    try:
        for _ in range(_BESIDE):
            for param, value in zip(params, kept, strict=True):
                moved = value + step * rng.uniform(-1, 1, value.shape)
                param.value[...] = moved if param.mask is None else np.where(param.mask, moved, value)
            found.append(gradients())
    finally:
        for param, value in zip(params, kept, strict=True):
            param.value[...] = value
    return [np.stack(arrays) for arrays in zip(*found, strict=True)]


class Differences:
    """J around the values that one parameter has, entry by entry.

    Parameters
    ----------
    value : callable
        () -> J.
    param : Param
        Its array is written into, and is as before after each call.
    step : float
    """

    def __init__(self, value: Callable[[], float], param: Param, step: float) -> None:
        self._value = value
        self._param = param
        self._step = step
        self._here = value()

    @property
    def noise(self) -> float:
        """How far a central difference can be from the slope by rounding alone."""
        return _ROUNDING * abs(self._here) / self._step

    def central(self, place: tuple[int, ...]) -> float:
        """The central difference by an entry."""
        below, above = self._around(place, self._step)
        return (above - below) / (2 * self._step)

    def looked_at(self, place: tuple[int, ...], gradient: float) -> Entry:
        """An entry whose central difference is not its gradient, looked at with smaller steps."""
        steps = [self._step * part for part in _SHRUNK]
        slopes = [self._sides(place, step) for step in steps]
        off = abs(sum(slopes[0]) / 2 - gradient)
        noise = [2 * _ROUNDING * abs(self._here) / step for step in steps]
        usable = [n for n, noisy in enumerate(noise) if 8 * noisy < off] or [0]
        central = [sum(slopes[n]) / 2 for n in usable]
        if len(usable) == 1:
            return Entry(central[0], None, noise[0])
        central.append(central[-1] + (central[-1] - central[-2]) / 9)  # one-sided curvature has an error like the step
        nearest = min(central, key=lambda slope: abs(slope - gradient))
        (left, right), before = slopes[usable[-1]], slopes[usable[-2]]
        gap, gap_before = right - left, before[1] - before[0]
        moved = max(abs(left - before[0]), abs(right - before[1]))
        stays = bool(gap_before) and moved < abs(gap) / 2 and 1 / 2 < gap / gap_before < 2
        if not stays or abs(gap) <= 8 * noise[usable[-1]]:
            return Entry(nearest, None, 2 * noise[usable[-1]])
        return Entry(nearest, (left, right), moved + noise[usable[-1]])

    def _sides(self, place: tuple[int, ...], step: float) -> tuple[float, float]:
        """The slopes to the left and to the right."""
        below, above = self._around(place, step)
        return (self._here - below) / step, (above - self._here) / step

    def _around(self, place: tuple[int, ...], step: float) -> tuple[float, float]:
        """J with the entry moved down, and up by `step`."""
        kept = self._param.value[place]
        found = []
        try:
            for moved in (-step, step):
                self._param.value[place] = kept + moved
                found.append(self._value())
        finally:
            self._param.value[place] = kept
        for moved, value in zip((-step, step), found, strict=True):
            if not np.isfinite(value):
                entry = f"entry {', '.join(map(str, place))}" if place else "it"
                problem = f"J is {value} where {entry} is moved from {kept:g} by {moved:g}, and {self._here:g} before"
                hint = "there is no numerical derivative: take a smaller step=, or other values"
                raise GradientError(message(problem, hint, node=self._param))
        return found[0], found[1]
