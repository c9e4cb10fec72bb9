"""`Window`: which part of one axis of an input a unit of a node reads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..text import quoted
from .errors import ArgumentError, DTypeError, call_site, message
from .spec import Dim, Shape


@dataclass(frozen=True, slots=True)
class Window:
    """The positions along one axis of an input that a unit of a node reads.

    The unit with index i along the node's axis `axis` reads the positions
    ``floor((step * i + start) / per)`` to ``floor((step * i + start + size - 1) / per)``, of those that there are:
    what lies outside the input is a border, and nothing is read there.

    Parameters
    ----------
    axis : int or None
        Of the node. None: each unit reads the same part, from `low` to `high`.
    step, start, size : int
        A unit's window is `size` wide, and `step` further on than that of the unit before; `start` is where
        unit 0 reads. A negative step reads backwards.
    per : int
        How many units share a position: the window is measured in parts of 1/per of a position. A window
        that holds no whole step (``size`` below 1) is empty.
    low, high : int or None
        Nothing outside these positions is read; None is the axis' end.

    Examples
    --------
    A convolution with filters of 3, a mean over windows of 2, and its upsampled error:

    >>> Window(0, size=3).span(4, 10), Window(0, step=2, size=2).span(4, 10), Window(0, per=2).span(4, 10)
    (range(4, 7), range(8, 10), range(2, 3))

    A border of 2, and an axis that is read as a whole:

    >>> Window(0, start=-2).span(0, 10), Window(None).span(0, 10)
    (range(0, 0), range(0, 10))
    """

    axis: int | None
    step: int = 1
    start: int = 0
    size: int = 1
    per: int = 1
    low: int = 0
    high: int | None = None

    def __post_init__(self) -> None:
        numbers = (self.step, self.start, self.size, self.per, self.low)
        optional = [n for n in (self.axis, self.high) if n is not None]
        if any(type(n) is not int for n in (*numbers, *optional)):
            given = (self.axis, *numbers, self.high)
            raise DTypeError(message(f"a window is made of whole numbers, got {quoted(given)}", site=call_site()))
        if self.step == 0 or self.per < 1:
            what = f"a window with step {self.step}, {self.per} units for a position"
            hint = "a part that all units read is Window(None, low=..., high=...)"
            raise ArgumentError(message(what, "the step is not 0, per is at least 1", hint, site=call_site()))

    def span(self, index: int, length: int) -> range:
        """The positions, of `length` that there are, that the unit with this index along `axis` reads."""
        first, last = (self.low, self.high) if self.axis is None else self._edges(index)
        ends = [n for n in (last, self.high, length - 1) if n is not None]
        start = max(first, self.low, 0)
        return range(start, max(start, min(ends) + 1))

    def inverse(self, axis: int) -> Window:
        """Which units along `self.axis` read a position along the input's axis `axis`: a window, too.

        `low` and `high` are not asked: they say of which positions there is anything to ask.

        Examples
        --------
        A subsampled axis is read at each third position only:

        >>> back = Window(0, step=3).inverse(0)
        >>> [list(back.span(position, 3)) for position in range(5)]
        [[0], [], [], [1], []]
        """
        wide = abs(self.step)
        before = wide - self.start - self.size if self.step > 0 else wide - self.per + self.start
        sign = 1 if self.step > 0 else -1
        return Window(axis, sign * self.per, before, self.per - wide + self.size, per=wide)

    def then(self, inner: Window, length: Dim) -> Window:
        """What a unit reads that reads `self` of an axis of `length` units, which read `inner` of theirs.

        Where no window says exactly that, it is the narrowest one that covers it.

        Examples
        --------
        >>> conv, pool = Window(0, size=3), Window(0, step=2, size=2)
        >>> pool.then(conv, 8) == Window(0, step=2, size=4, high=9)
        True
        """
        if inner.axis is None:
            return inner
        low, high = inner._between(self.low, _least(self.high, None if length is None else length - 1))
        if self.axis is None:
            return Window(None, low=low, high=high)
        first, last = (self.start, self.start + self.size - 1)[:: 1 if inner.step > 0 else -1]
        spare = (self.per - 1) * (abs(inner.step) if inner.step < 0 else 1 - inner.step)
        before = inner.step * first + inner.start * self.per
        after = inner.step * last + (inner.start + inner.size - 1) * self.per
        before, after = (before + spare, after) if inner.step > 0 else (before + self.per - 1, after + spare)
        step, per = self.step * inner.step, self.per * inner.per
        common = math.gcd(step, per)
        start, end = before // common, after // common
        return Window(self.axis, step // common, start, end - start + 1, per // common, low, high)

    def joined(self, other: Window, units: Shape) -> Window:
        """The narrowest window that covers both, for a node of the shape `units`.

        Windows that move differently are covered by one part for all units.
        """
        low = min(self.low, other.low)
        high = None if self.high is None or other.high is None else max(self.high, other.high)
        if (self.axis, self.step, self.per) == (other.axis, other.step, other.per) and self.axis is not None:
            start = min(self.start, other.start)
            end = max(self.start + self.size, other.start + other.size)
            return Window(self.axis, self.step, start, end - start, self.per, low, high)
        if self.axis is not None or other.axis is not None:
            return self._of_all(units).joined(other._of_all(units), units)
        return Window(None, low=low, high=high)

    def within(self, length: Dim) -> Window:
        """The same window, without a `high` that an axis of `length` has anyway."""
        if length is None or self.high is None or self.high < length - 1:
            return self
        return Window(self.axis, self.step, self.start, self.size, self.per, self.low)

    def _edges(self, index: int) -> tuple[int, int]:
        """The first and the last position for a unit, whether they are there or not."""
        first = self.step * index + self.start
        return first // self.per, (first + self.size - 1) // self.per

    def _between(self, first: int, last: int | None) -> tuple[int, int | None]:
        """The first and the last position that the units from `first` to `last` read: `low` and `high` at most."""
        head, tail = (first, last) if self.step > 0 else (last, first)
        low = self.low if head is None else max(self.low, self._edges(head)[0])
        high = self.high if tail is None else _least(self.high, self._edges(tail)[1])
        return low, high

    def _of_all(self, units: Shape) -> Window:
        """The part that all units together read."""
        if self.axis is None:
            return self
        count = units[self.axis]
        low, high = self._between(0, None if count is None else count - 1)
        return Window(None, low=low, high=high)


Influence = float | str | None
"""What a unit counts in the units that read it; see `Node.influence`."""

Windows = tuple[Window | None, ...]
"""One window for each axis of an input. None: not said, it may be any part."""

WHOLE = Window(None)


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def broadcast_windows(shape: Shape, result: Shape) -> Windows:
    """What a unit of a result of shape `result` reads of an input that NumPy's rule stretches to it.

    Examples
    --------
    >>> broadcast_windows((3, 1), (None, 3, 4)) == (Window(1), Window(None))
    True
    """
    lead = len(result) - len(shape)
    return tuple(Window(lead + k) if d == result[lead + k] else WHOLE for k, d in enumerate(shape))


def misfit(declared: object, shapes: Sequence[Shape], ndim: int) -> str:
    """What is wrong with the windows of a node of `ndim` axes over inputs of `shapes`; "" for nothing."""
    if not isinstance(declared, tuple) or not all(isinstance(windows, tuple) for windows in declared):
        return f"windows returned {quoted(declared)}; expected a tuple an input, with a Window or None for each axis"
    counts, expected = tuple(map(len, declared)), tuple(map(len, shapes))
    if counts != expected:
        return f"windows returned {counts} windows for inputs that have {expected} axes"
    for window in (w for windows in declared for w in windows if w is not None):
        if not isinstance(window, Window) or not (window.axis is None or 0 <= window.axis < ndim):
            return f"windows names {quoted(window)} for a node that has {ndim} axes"
    return ""


def row_windows(shape: Shape, result: Shape) -> Windows:
    """What is known of any input whose rows are independent: a row of the result reads a row of the input."""
    rows = result.index(None) if None in result else None
    return tuple(None if rows is None or d is not None else Window(rows) for d in shape)


def reshape_windows(old: Shape, new: Shape) -> Windows:
    """What a unit reads of an array that was reshaped.

    Of axes that together become others, it is told along the first one only; the batch axis stays what it is.

    Examples
    --------
    >>> reshape_windows((None, 20, 10, 10), (None, 2000)) == (Window(0), Window(1, per=100), None, None)
    True
    """
    found = [WHOLE if d == 1 else None for d in old]
    for before, after in _together(old, new):
        size = _size(old, before)
        stride, per = size // (new[after[0]] or 1), size // (old[before[0]] or 1)
        found[before[0]] = Window(after[0], stride, size=stride, per=per)
    return tuple(found)


def _together(old: Shape, new: Shape) -> Iterator[tuple[list[int], list[int]]]:
    """Axes of `old` and the axes of `new` that they become, as few at a time as can be; those of length 1 apart."""
    if 0 in old:
        return
    left, right = ([k for k, d in enumerate(shape) if d != 1] for shape in (old, new))
    while left:
        before, after = [left.pop(0)], [right.pop(0)]
        while (a := _size(old, before)) != (b := _size(new, after)):
            if a < b:
                before.append(left.pop(0))
            else:
                after.append(right.pop(0))
        yield before, after


def _size(shape: Shape, axes: list[int]) -> int:
    """How many elements there are along some axes, for a row of the batch."""
    return math.prod(shape[k] or 1 for k in axes)


def index_window(axis: int, index: Sequence[int]) -> Window | None:
    """What is read along `axis` of which the elements `index` are taken; None where they come in unequal steps.

    Examples
    --------
    >>> index_window(0, [6, 4, 2]) == Window(0, step=-2, start=6), index_window(0, [2, 0, 2]) is None
    (True, True)
    """
    steps = {b - a for a, b in pairwise(index)} or {1}
    if len(steps) > 1 or not len(index):
        return None
    (step,), first = steps, index[0]
    return Window(axis, step, first) if step else Window(None, low=first, high=first)
