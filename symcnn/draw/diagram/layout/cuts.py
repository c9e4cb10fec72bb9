"""Where a wide picture is cut into bands, which stand below each other like the systems of sheet music."""

from __future__ import annotations

from dataclasses import replace

from ..model import Bundle
from .measures import MARGIN, Measures

_CROSSING = 0.03
"""What each edge that is cut costs, beside a band that is not full."""


def bands_of(measures: Measures, width: float | None) -> list[range]:
    """The columns of each band, none wider than `width` unless a single column is; as few bands as can be.

    Afterwards `measures` has a copy of each shared parameter for each band that reads it.
    """
    bundles = list(measures.bundles.values())
    limit = width
    while True:
        bands = _cut(measures, limit)
        measures.set_bundles(copied(measures, bundles, bands))
        wide = max(_width(measures, band) for band in bands)
        if width is None or limit is None or wide <= width or all(len(band) == 1 for band in bands):
            return bands
        limit *= 0.95  # copies of parameters may have made a band too wide
        measures.set_bundles(bundles)


def _width(measures: Measures, band: range) -> float:
    """The width of a band: with its margins, the names where it begins, and the room where edges leave it."""
    entry = measures.entry(band.start) if band.start else 0.0
    inside = sum(measures.column(n, 0.0).end for n in band[:-1])
    return 2 * MARGIN + entry + inside + measures.last_width(band[-1])


def _cut(measures: Measures, width: float | None) -> list[range]:
    """Cuts that leave the bands most alike: the least sum of squares of what is not filled, by dynamic programming."""
    count = len(measures.stacks)
    ends = [measures.column(n, 0.0).end for n in range(count)]
    more = [measures.last_width(n) - ends[n] for n in range(count)]
    whole = range(count)
    if width is None or _width(measures, whole) <= width:
        return [whole]
    entries = [measures.entry(n) if n else 0.0 for n in range(count)]
    # best[n]: the fewest bands for the columns before n, what they cost, and where the last of them begins.
    best: list[tuple[int, float, int]] = [(0, 0.0, 0)]
    for stop in range(1, count + 1):
        found: tuple[int, float, int] | None = None
        inside = 2 * MARGIN + more[stop - 1]
        for start in range(stop - 1, -1, -1):
            inside += ends[start]
            full = (inside + entries[start]) / width
            if full > 1 and found is not None:
                break
            cut = _CROSSING * measures.cost(start)
            choice = best[start][0] + 1, best[start][1] + (1 - full) ** 2 + cut, start
            found = choice if found is None else min(found, choice)
        assert found is not None
        best.append(found)
    bands, stop = [], count
    while stop:
        start = best[stop][2]
        bands.append(range(start, stop))
        stop = start
    return bands[::-1]


def copied(measures: Measures, bundles: list[Bundle], bands: list[range]) -> list[Bundle]:
    """The parameters with a copy for each band that reads them; a copy says that it is one."""
    found = []
    for bundle in bundles:
        first = True
        for number, band in enumerate(bands, start=1):
            readers = [r for r in bundle.readers if measures.grid.column[r] in band]
            if not readers:
                continue
            again = [] if first else ["again, the same:"]
            key = bundle.key if first else f"{bundle.key}-band{number}"
            gradients = [*again, *bundle.gradients] if bundle.gradients else []
            copy = replace(bundle, key=key, readers=readers, lines=[*again, *bundle.lines], gradients=gradients)
            found.append(copy if first else replace(copy, pictures=[], gradient_pictures=[]))
            first = False
    return found
