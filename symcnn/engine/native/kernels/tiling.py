"""How many results are kept in registers at a time, so that each number that is loaded is used often."""

from __future__ import annotations

from functools import cache

from ...patterns import LONG
from ..cpu import Cpu
from .winograd import ADDITIONS, PRODUCTS, threes

_LATENCY = 8
"""So many sums must be under way to keep two multipliers of four cycles busy."""
_ALL_UNITS = 0.65
"""Half cycles of a multiply-add or an addition, where four units do both: 0.5 if all were always busy, and this is what
convolutions with different tiles came to on a Zen 5."""
_MOST_ROWS, _MOST_COLUMNS = 16, 14
"""Larger tiles are not looked at."""


def rectangle(rows: int, columns: int, registers: int) -> tuple[int, int]:
    """A tile of a rows x columns problem in which each row and column of the tile is loaded once a step.

    The tile's sums, its columns and one row fit the registers; what the last tiles of a row or column waste is counted.

    Examples
    --------
    >>> rectangle(20, 20, 32), rectangle(2, 5, 16), rectangle(1, 100, 32)
    ((5, 5), (2, 5), (1, 13))
    """
    return _rectangle(rows, columns, registers)[1]


@cache
def _rectangle(rows: int, columns: int, registers: int) -> tuple[float, tuple[int, int]]:
    """What each step of the best tiles costs, and the tile."""
    best, tile = float("inf"), (1, 1)
    for r in range(1, min(rows, _MOST_ROWS) + 1):
        for c in range(1, min(columns, _MOST_COLUMNS) + 1):
            if r * c + c + 1 > registers:
                continue
            cost = sum(n * m * _half_cycles(h * w, h + w) for n, h in _parts(rows, r) for m, w in _parts(columns, c))
            if cost < best:
                best, tile = cost, (r, c)
    return best, tile


def _parts(length: int, size: int) -> list[tuple[int, int]]:
    """How many full tiles there are, and the rest."""
    return [(length // size, size), *([(1, length % size)] if length % size else [])]


def _half_cycles(products: int, loads: int, additions: int = 0) -> float:
    """How long a step takes that adds a product to each of so many sums.

    Two multiply-adds and two loads fit into a cycle. Additions are only asked for where they have units of their own.
    """
    return max(products, loads, _LATENCY, _ALL_UNITS * (products + additions)) + 0.05 * loads


def row_tile(length: int, registers: int) -> int:
    """How many sums of a row to keep: a divisor of its length, if there is a good one.

    Examples
    --------
    >>> row_tile(10, 32), row_tile(2000, 32), row_tile(7, 16)
    (10, 20, 7)
    """
    most = max(1, min(length, registers - 8, 24))
    dividing = [n for n in range(most, 0, -1) if length % n == 0]
    return dividing[0] if dividing[0] >= min(most, _LATENCY) else most


# Pairs of columns ------------------------------------------------------------------------------

_GAIN = 0.95
"""Pairs must promise to take no more than this part of the time of single columns."""


@cache
def pairs_tile(filters: int, columns: int, taps: int, depth: int, cpu: Cpu) -> tuple[int, int] | None:
    """How many filters and how many pairs of columns are computed together; None if single columns are as fast.

    Parameters
    ----------
    filters, columns : int
        Of the results.
    taps : int
        Columns of a filter.
    depth : int
        So many rows of taps are added up before the sums are made results.
    cpu : Cpu

    Examples
    --------
    >>> zen = Cpu.of("znver5", "+avx512f")
    >>> pairs_tile(20, 20, 9, 9, zen), pairs_tile(20, 20, 1, 9, zen)
    ((3, 2), None)
    """
    if columns < 2 or not 3 <= taps <= LONG or not cpu.adders:
        return None
    sizes = [size for _, size in threes(taps)]

    def cost(f: int, p: int) -> float:
        steps = [
            _half_cycles(len(PRODUCTS[t]) * f * p, len(PRODUCTS[t]) * f + 2 * p + t - 1, ADDITIONS[t] * p)
            for t in sizes
        ]
        return sum(steps) + 4 * f * p / depth

    best, tile = _GAIN * taps * _rectangle(filters, columns, cpu.registers)[0], None
    for f in range(1, min(filters, _MOST_ROWS) + 1):
        for p in range(1, min(columns, _MOST_COLUMNS) // 2 + 1):  # the first tile of a row is whole
            if 4 * f * p + 3 * p + 1 > cpu.registers:  # sums; two values and their sum for each pair; a weight
                continue
            total = sum(n * m * cost(h, w) for n, h in _parts(filters, f) for m, w in _parts((columns + 1) // 2, p))
            if total < best:
                best, tile = total, (f, p)
    return tile


@cache
def pairs_gradient_tiles(
    filters: int, columns: int, taps: int, rows: int, cpu: Cpu
) -> list[tuple[list[tuple[int, int]], int]] | None:
    """The threes of a row of taps in parts, each with how many filters are computed together; None if as fast singly.

    Parameters
    ----------
    filters, taps : int
        Filters, and columns of each.
    rows, columns : int
        Of the errors.
    cpu : Cpu

    Examples
    --------
    >>> pairs_gradient_tiles(20, 20, 9, 20, Cpu.of("znver5", "+avx512f"))
    [([(0, 3), (3, 3)], 2), ([(6, 3)], 4)]
    """
    if columns < 2 or not 3 <= taps <= LONG or not cpu.adders:
        return None
    steps, every = rows * ((columns + 1) // 2), threes(taps)

    def cost(part: list[tuple[int, int]], f: int) -> float:
        products = f * sum(len(PRODUCTS[t]) for _, t in part)
        additions = 2 * f + sum(ADDITIONS[t] for _, t in part)
        loads = 2 * f + sum(t for _, t in part) + 1
        return steps * _half_cycles(products, loads, additions) + 2 * products

    def best_of(part: list[tuple[int, int]]) -> tuple[float, int]:
        products, values = sum(len(PRODUCTS[t]) for _, t in part), sum(t for _, t in part) - 1
        # in registers: sums; two errors for each filter; the values but the first and the last; a sum of values
        fitting = [f for f in range(1, filters + 1) if f * products + 2 * f + values + 1 <= cpu.registers]
        totals = [(sum(n * cost(part, h) for n, h in _parts(filters, f)), f) for f in fitting]
        return min(totals, default=(float("inf"), 1))

    best = _GAIN * rows * columns * _rectangle(filters, taps, cpu.registers)[0]
    tiles: list[tuple[list[tuple[int, int]], int]] | None = None
    for size in range(1, len(every) + 1):
        split = [every[n : n + size] for n in range(0, len(every), size)]
        found = [best_of(part) for part in split]
        if (total := sum(costs for costs, _ in found)) < best:
            best, tiles = total, [(part, f) for part, (_, f) in zip(split, found, strict=True)]
    return tiles
