"""Folding: a long sequence of items, each reading from items before it, as a short sequence of runs.

It knows nothing of nodes: an item is described by a `Piece`. A run is an interval of the sequence. The sequence is
a topological order, so a graph that is contracted by its runs has no cycle: an edge between two runs goes on to
the later one.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 60
"""A picture of more boxes than this is folded by default."""
ENDS = 20
"""How many boxes are left at each end where the middle is left out."""
PERIOD = 64
"""The largest block whose repetitions are looked for."""


@dataclass(frozen=True)
class Piece:
    """What an item of a sequence looks like, for those who look for repetitions.

    Attributes
    ----------
    look : hashable
        Equal for items that could stand for each other: types, attributes, shapes.
    reads : tuple of int
        What it reads, in an order that its look fixes. From 0 on: the place of an item in the sequence. Below 0: the
        number of something from outside, such as a parameter.
    layer : int
        The number of its layer, which never goes down along the sequence; 0 where it belongs to none.
    begins : bool
        Whether a block had better begin here: it has parameters.
    """

    look: Hashable
    reads: tuple[int, ...]
    layer: int = 0
    begins: bool = False


@dataclass(frozen=True)
class Run:
    """The items from `start` up to, not including, `stop`, which are drawn as one.

    Attributes
    ----------
    kind : "one", "repeat", "layer" or "middle"
    copies : int
        How many times a block comes: 1 unless it is a repeat.
    """

    start: int
    stop: int
    kind: str = "one"
    copies: int = 1

    @property
    def period(self) -> int:
        """How many items a block has."""
        return (self.stop - self.start) // self.copies


def folded(pieces: Sequence[Piece], fixed: Collection[int] = (), room: int = MOST, layers: bool = False) -> list[Run]:
    """The sequence as runs: repeats first; where that is not enough, layers; and else without its middle.

    Parameters
    ----------
    pieces : sequence of Piece
    fixed : collection of int
        The places of items that stay by themselves.
    room : int
        How many runs there may be; at least 3.
    layers : bool
        Whether to fold layers in any case.

    Examples
    --------
    Eight times a block of two, each of which reads the one before, and what comes of it:

    >>> chain = [Piece("product" if n % 2 == 0 else "tanh", (n - 1,)) for n in range(16)]
    >>> folded([*chain, Piece("sum", (15,))])
    [Run(start=0, stop=16, kind='repeat', copies=8), Run(start=16, stop=17, kind='one', copies=1)]
    """
    alone = frozenset(fixed)
    runs = _Repeats(pieces, alone).runs()
    if layers or len(runs) > room:
        runs = _by_layer(runs, pieces, alone)
    return runs if len(runs) <= room else _without_middle(runs, room, alone)


def _by_layer(runs: list[Run], pieces: Sequence[Piece], alone: frozenset[int]) -> list[Run]:
    """Items of one layer that come one after the other as one run."""
    found: list[Run] = []
    for run in runs:
        last = found[-1] if found else run
        layer = pieces[run.start].layer
        single = run.kind == "one" and last.kind in ("one", "layer") and not {run.start, last.start} & alone
        if found and single and layer and pieces[last.start].layer == layer:
            found[-1] = Run(last.start, run.stop, "layer")
        else:
            found.append(run)
    return found


def _without_middle(runs: list[Run], room: int, alone: frozenset[int]) -> list[Run]:
    """The runs at both ends, and one for all between; what stays by itself parts it."""
    ends = min(ENDS, max(room - 1, 2) // 2)
    found = runs[:ends]
    for run in runs[ends:-ends]:
        if run.start in alone:
            found.append(run)
        elif found[-1].kind == "middle":
            found[-1] = Run(found[-1].start, run.stop, "middle")
        else:
            found.append(Run(run.start, run.stop, "middle"))
    return found + runs[-ends:]


class _Repeats:
    """Finds blocks that come several times in a row.

    Two items are alike if they look alike and read alike: what one reads was made, or read, as many items ago as what
    the other reads. So the items of two copies read alike if each copy reads its own parameters, or all read the same
    ones, and if each reads the copy before it, or what all of them read. The first copy may read anything instead of
    the copy before it.
    """

    def __init__(self, pieces: Sequence[Piece], alone: frozenset[int]) -> None:
        self.pieces = pieces
        looks: dict[Hashable, int] = {}
        look = [-1 - n if n in alone else looks.setdefault(p.look, len(looks)) for n, p in enumerate(pieces)]
        self.look = np.array(look, dtype=np.int64)
        self.mentions = _mentions(pieces)
        reading: dict[Hashable, int] = {}
        rows = zip(look, self.mentions, strict=True)
        alike = np.array([reading.setdefault(row, len(reading)) for row in rows], dtype=np.int64)
        most = min(PERIOD, len(pieces) // 2)
        self.looking = {p: _run_lengths(self.look, p) for p in range(1, most + 1)}
        self.looking = {p: lengths for p, lengths in self.looking.items() if np.any(lengths >= p)}
        self.alike = {p: _run_lengths(alike, p) for p in self.looking}
        self.hopeful = np.zeros(len(pieces), dtype=bool)
        for p, lengths in self.looking.items():
            self.hopeful[: len(lengths)] |= lengths >= p
        self._best: dict[int, tuple[int, int, int]] = {}

    def runs(self) -> list[Run]:
        """The whole sequence as runs."""
        found: list[Run] = []
        at = 0
        while at < len(self.pieces):
            score, covered, period = self.best(at)
            inside = range(at + 1, at + min(covered, PERIOD))
            if not covered or any(self.best(n)[:2] > (score, covered) for n in inside):
                found.append(Run(at, at + 1))
                at += 1
                continue
            start = self._aligned(at, period, covered // period)
            found += [Run(n, n + 1) for n in range(at, start)]
            at = start + covered
            found.append(Run(start, at, "repeat", covered // period))
        return found

    def best(self, at: int) -> tuple[int, int, int]:
        """The best repeat that begins at an item: how good it is, how much it covers, its period; zeros for none.

        Large blocks cost: they are read as a whole.
        """
        if at >= len(self.pieces) or not self.hopeful[at]:
            return 0, 0, 0
        if at not in self._best:
            best = (-1, 0, 0)
            for p, lengths in self.looking.items():
                if at < len(lengths) and lengths[at] >= p and self._value(p, int(lengths[at]) // p + 1) > best[:2]:
                    copies = self.copies(at, p)
                    if self._value(p, copies) > best[:2]:
                        best = (*self._value(p, copies), p)
            self._best[at] = best if best[1] else (0, 0, 0)
        return self._best[at]

    @staticmethod
    def _value(period: int, copies: int) -> tuple[int, int]:
        covered = period * copies
        return (covered - 2 * period, covered) if copies > 1 and covered > 2 else (-1, 0)

    def copies(self, at: int, period: int) -> int:
        """How many times the block of `period` items from `at` on comes in a row."""
        lengths = self.looking[period]
        if at >= len(lengths) or lengths[at] < period or not self._begins(at, period):
            return 1
        alike = self.alike[period]
        return 2 + (int(alike[at + period]) // period if at + period < len(alike) else 0)

    def _begins(self, at: int, period: int) -> bool:
        """Whether the second copy reads as the first one does, or from the first one what that has from before."""
        for n in range(at, at + period):
            pairs = zip(self.pieces[n].reads, self.pieces[n + period].reads, strict=True)
            for slot, (first, second) in enumerate(pairs):
                if second >= at:  # from the first copy, or from its own
                    fits = first < at if second < at + period else first - n == second - n - period
                else:
                    outside = first < 0 and second < 0
                    own = outside and self.mentions[n][slot] == self.mentions[n + period][slot]
                    fits = first == second or own
                if not fits:
                    return False
        return True

    def _aligned(self, at: int, period: int, copies: int) -> int:
        """Where to begin, if the repeat could as well begin a little later: few values go from copy to copy."""
        starts = [n for n in range(at, at + period) if self.copies(n, period) >= copies]
        return min(starts, key=lambda n: (self._carried(n, period), not self.pieces[n].begins, n))

    def _carried(self, at: int, period: int) -> int:
        """How many values the second copy reads from the first one."""
        second = self.pieces[at + period : at + 2 * period]
        return len({r for piece in second for r in piece.reads if at <= r < at + period})


def _mentions(pieces: Sequence[Piece]) -> list[tuple[tuple[int, int], ...]]:
    """For all that each item reads: how many items ago it was made or read last, and there by which slot.

    A slot of -1: it was made there. (0, sort) for what is read for the first time: 0 ago.
    """
    last: dict[int, tuple[int, int]] = {}
    found = []
    for n, piece in enumerate(pieces):
        row = []
        for slot, read in enumerate(piece.reads):
            place, by = last.get(read, (n, -1))
            row.append((n - place, by))
            last[read] = (n, slot)
        found.append(tuple(row))
        last[n] = (n, -1)
    return found


def _run_lengths(marks: NDArray[np.int64], period: int) -> NDArray[np.int32]:
    """For each item, how many items from it on equal those `period` later."""
    same = marks[:-period] == marks[period:]
    places = np.arange(len(same), dtype=np.int32)
    breaks = np.where(same, np.int32(len(same)), places)
    nearest = np.minimum.accumulate(breaks[::-1])[::-1]
    return np.asarray(nearest - places, dtype=np.int32)
