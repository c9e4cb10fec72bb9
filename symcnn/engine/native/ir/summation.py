"""Sums of many numbers: a few at a time as they are, and these sums in doubles.

The sum of n float32 numbers, one after the other, can be off by n / 2 roundings; so it is off by `RUN` / 2 at most, and
that costs nothing: a double is added once for `RUN` numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from .loops import DOUBLE, FLOAT, INDEX, SIZES, Builder, Index, Type, Value

RUN = 32
"""How many float32 numbers are added up before their sum is added to a double."""


class Total:
    """A sum over all places of some loops, in lanes.

    Parameters
    ----------
    b : Builder
    lanes : int
    lengths : tuple of int
        Of the loops: none for a single number.

    Examples
    --------
    >>> from symcnn.engine.native.ir.loops import INDEX, POINTER
    >>> b = Builder("mean", {"x": POINTER, "y": POINTER})
    >>> x, y = b.parameters
    >>> total = Total(b, 1, (1000,))
    >>> with total.loops() as (i,):
    ...     total.add(b.load(x, i, b.reals()))
    >>> b.store(y, 0, b.binary("fdiv", total.value, b.number(1000)))
    >>> from symcnn.engine.native.ir.printing import printed
    >>> print(printed(b.function))
    mean(x, y)
      r0 <- 0.0 : float
      r1 <- 0.0 : double
      for i0 in 0 .. 1000 step 32
        for i1 in i0 .. min(i0 + 32, 1000)
          r0 <- fadd r0 x[i1] : float
        v0 = fpext r0 : double
        r1 <- fadd r1 v0 : double
        r0 <- 0.0 : float
      v1 = fptrunc r1 : float
      y[0] = fdiv v1 1000.0 : float
    """

    def __init__(self, b: Builder, lanes: int, lengths: tuple[int, ...]) -> None:
        self._b, self._lanes, self._lengths = b, lanes, lengths
        self._part = b.register(b.number(0, lanes))
        self._whole = None
        if b.real == FLOAT and math.prod(lengths) > RUN:
            with b.computing(DOUBLE):
                self._whole = b.register(b.number(0, lanes))

    def add(self, value: Value) -> None:
        """One more number in each lane, from the body of the loops."""
        self._b.set(self._part, self._b.binary("fadd", self._b.get(self._part), value))

    @contextmanager
    def loops(self) -> Iterator[tuple[Index, ...]]:
        """The loops within each other; the last of them, as many as are one run, are gone through at a time."""
        b, size = self._b, 1
        outer: list[int] = list(self._lengths)
        inner: list[int] = []
        while outer and (self._whole is None or size * outer[-1] <= RUN):
            size *= outer[-1]
            inner.insert(0, outer.pop())
        with ExitStack() as stack:

            def loop(length: int) -> Index:
                return 0 if length == 1 else stack.enter_context(b.loop(0, length))

            places: list[Index] = []
            if outer:
                length, step = outer.pop(), RUN // size
                places += map(loop, outer)
                first = stack.enter_context(b.loop(0, length, step))
                stack.callback(self._carry)
                end = first + step if length % step == 0 else b.smaller(first + step, length)
                places.append(first if step == 1 else stack.enter_context(b.loop(first, end)))
            places += map(loop, inner)
            yield tuple(places)

    def _carry(self) -> None:
        """A run is over."""
        b = self._b
        assert self._whole is not None
        b.set(self._whole, b.binary("fadd", b.get(self._whole), b.convert("fpext", b.get(self._part), DOUBLE)))
        b.set(self._part, b.number(0, self._lanes))

    @property
    def value(self) -> Value:
        """The sum in each lane, after the loops."""
        b = self._b
        return b.get(self._part) if self._whole is None else b.convert("fptrunc", b.get(self._whole), FLOAT)


@contextmanager
def in_runs(b: Builder, sums: Value, count: int, first: Index, last: Index) -> Iterator[Index]:
    """A loop from `first` to below `last` whose body adds to `count` sums in memory, which are 0 before.

    After each run they are added to doubles, which lie behind them, and are 0 again; not where one run is all.
    `count` is a multiple of 16.
    """
    if b.real != FLOAT:
        with b.loop(first, last) as number:
            yield number
        return
    more = b.compare("ugt", b.splat(b.index("sub", last, first), 1), b.integer(RUN, 1, INDEX))
    end, whole = b.convert("zext", more, INDEX) * count, b.offset(sums, count)
    some, wide = Type(FLOAT, 16), Type(DOUBLE, 16)
    with b.computing(DOUBLE):
        zero = b.number(0, 16)
    with b.loop(0, end, 16) as i:
        b.store(whole, i, zero)
    with b.loop(first, last, RUN) as start:
        with b.loop(start, b.smaller(start + RUN, last)) as number:
            yield number
        with b.loop(0, end, 16) as i:
            part = b.convert("fpext", b.load(sums, i, some), DOUBLE)
            b.store(whole, i, b.binary("fadd", b.load(whole, i, wide), part))
            b.store(sums, i, b.number(0, 16))
    with b.loop(0, end, 16) as i:
        b.store(sums, i, b.convert("fptrunc", b.load(whole, i, wide), FLOAT))


def room(real: str, count: int) -> int:
    """How many numbers of the kind `real` `in_runs` needs for `count` sums."""
    return count if real != FLOAT else count * (1 + SIZES[DOUBLE] // SIZES[FLOAT])
