"""How many results are kept in registers at a time, so that each number that is loaded is used often."""

from __future__ import annotations

from functools import cache

_LATENCY = 8
"""So many sums must be under way to keep two multipliers of four cycles busy."""


@cache
def rectangle(rows: int, columns: int, registers: int) -> tuple[int, int]:
    """A tile of a rows x columns problem in which each row and column of the tile is loaded once a step.

    The tile's sums, its columns and one row fit the registers; what the last tiles of a row or column waste is counted.

    Examples
    --------
    >>> rectangle(20, 20, 32), rectangle(2, 5, 16), rectangle(1, 100, 32)
    ((5, 5), (2, 5), (1, 13))
    """
    best, tile = float("inf"), (1, 1)
    for r in range(1, min(rows, 16) + 1):
        for c in range(1, min(columns, 14) + 1):
            if r * c + c + 1 > registers:
                continue
            cost = sum(n * m * _cycles(h, w) for n, h in _parts(rows, r) for m, w in _parts(columns, c))
            if cost < best:
                best, tile = cost, (r, c)
    return tile


def _parts(length: int, size: int) -> list[tuple[int, int]]:
    """How many full tiles there are, and the rest."""
    return [(length // size, size), *([(1, length % size)] if length % size else [])]


def _cycles(rows: int, columns: int) -> float:
    """Half cycles of one step: sums that are added to, or loads, whatever takes longer; and a little for each load."""
    loads = rows + columns
    return max(rows * columns, _LATENCY, loads) + 0.05 * loads


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
