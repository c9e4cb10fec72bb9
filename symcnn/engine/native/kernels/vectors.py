"""Numbers side by side in memory, in whole vectors and in parts of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..ir.loops import Index, Value
from .kernel import Kernel


def stretches(length: int, wide: int) -> Iterator[tuple[int, int, int]]:
    """A length in full vectors, then a half, a quarter, ...: the first number of each kind, how many, and their lanes.

    Examples
    --------
    >>> list(stretches(37, 16))
    [(0, 2, 16), (32, 1, 4), (36, 1, 1)]
    """
    first, lanes = 0, wide
    while lanes:
        count = (length - first) // lanes
        if count:
            yield first, count, lanes
        first, lanes = first + count * lanes, lanes // 2


def runs(k: Kernel, length: int) -> Iterator[tuple[Index, int]]:
    """A length in vectors, each by its first number and its lanes: a loop over full ones, then halves, quarters, ..."""
    for first, count, lanes in stretches(length, k.wide):
        if count == 1:
            yield first, lanes
        else:
            with k.b.loop(first, first + count * lanes, lanes) as i:
                yield i, lanes


def copy(k: Kernel, source: Value, start: Index, target: Value, goal: Index, count: int) -> None:
    """`count` numbers from one place to another."""
    for i, lanes in runs(k, count):
        k.b.store(target, goal + i, k.b.load(source, start + i, k.b.reals(lanes)))


def load_some(k: Kernel, pointer: Value, start: Index, count: int) -> Value:
    """A full vector of which the first `count` numbers are loaded, and the others are 0."""
    b, lanes = k.b, k.wide
    if count == lanes:
        return b.load(pointer, start, k.b.reals(lanes))
    whole, done, size = b.number(0, lanes), 0, lanes // 2
    while done < count:
        if done + size <= count:
            part = b.load(pointer, start + done, k.b.reals(size))
            if size == 1:
                part = b.vector([part, b.number(0)])
            width = part.type.lanes
            wider = b.shuffle(part, part, [n % width for n in range(lanes)])
            order = [n + lanes if done <= n < done + size else n for n in range(lanes)]
            moved = b.shuffle(wider, wider, [max(n - done, 0) % lanes for n in range(lanes)]) if done else wider
            whole = b.shuffle(whole, moved, order)
            done += size
        size //= 2
    return whole


def store_some(k: Kernel, pointer: Value, start: Index, value: Value, count: int) -> None:
    """Write the first `count` numbers of a full vector."""
    b, done, size = k.b, 0, k.wide
    while done < count:
        if done + size <= count:
            part = value if size == k.wide else b.shuffle(value, value, range(done, done + size))
            b.store(pointer, start + done, b.lane(value, done) if size == 1 else part)
            done += size
        size //= 2


def totals(k: Kernel, values: Sequence[Value]) -> Value:
    """The sums of the lanes of some vectors, no more than there are lanes: one in each lane, and zeros.

    Two vectors become one that holds the halves of both, added up, until one is left: a third of the work of adding
    up each for itself.
    """
    b, lanes = k.b, k.wide
    count = 1 << (len(values) - 1).bit_length()
    left = [*values, *[b.number(0, lanes)] * (count - len(values))]
    part = lanes  # so many lanes belong to one of the values
    while part > 1:
        part //= 2
        low = [n for n in range(2 * lanes) if n % (2 * part) < part]
        high = [n + part for n in low]
        pairs = zip(left[::2], left[1::2], strict=True) if len(left) > 1 else [(left[0], left[0])]
        left = [b.binary("fadd", b.shuffle(x, y, low), b.shuffle(x, y, high)) for x, y in pairs]
    order = [n if n < len(values) else lanes for n in range(lanes)]
    return left[0] if len(values) == lanes else b.shuffle(left[0], b.number(0, lanes), order)


def add_some(k: Kernel, pointer: Value, start: Index, values: Sequence[Value]) -> None:
    """Add the sum of each vector's lanes to a number, side by side in memory."""
    for first in range(0, len(values), k.wide):
        some = values[first : first + k.wide]
        before = load_some(k, pointer, start + first, len(some))
        store_some(k, pointer, start + first, k.b.binary("fadd", before, totals(k, some)), len(some))
