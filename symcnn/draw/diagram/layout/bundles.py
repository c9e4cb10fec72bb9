"""Where parameters stand: above what reads them first, and their gradients as far below.

A parameter right above its only reader is joined to it by a straight line. All other lines run down to a height of
their own, across, and down again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ...canvas.geometry import Path, Point, Rect
from ..model import Bundle
from .placement import PAD, Layout, Placed, Size

_LEVEL = 8.0
_GAP = 22.0
_BUCKET = 200.0

Edge = tuple[str, str]
"""The keys of a bundle and of a box that reads it."""


@dataclass
class Shelf:
    """The room above a column.

    Attributes
    ----------
    left, right : float
        Its sides.
    boxes : list of (str, float, float)
        The column's boxes, innermost first, and the part of each that can be reached from above.
    """

    left: float
    right: float
    boxes: list[tuple[str, float, float]]


def place_bundles(
    layout: Layout, bundles: list[Bundle], params: dict[str, Size], gradients: dict[str, Size], shelves: list[Shelf]
) -> None:
    """Put parameters and gradients, and the lines to and from them, into a layout of the two lanes."""
    _Placer(layout, bundles, params, gradients, shelves).place()


class _Placer:
    def __init__(
        self,
        layout: Layout,
        bundles: list[Bundle],
        params: dict[str, Size],
        gradients: dict[str, Size],
        shelves: list[Shelf],
    ) -> None:
        self.layout = layout
        self.bundles = {bundle.key: bundle for bundle in bundles}
        self.params, self.gradients, self.shelves = params, gradients, shelves
        self.reach = {key: (left, right) for shelf in shelves for key, left, right in shelf.boxes}
        self.ground = _Ground(layout)
        self.x = self._across()
        self.entries = self._entries()
        bent = {edge: (self.x[edge[0]], x) for edge, x in self.entries.items() if abs(self.x[edge[0]] - x) > 0.5}
        self.spans = [(min(span), max(span)) for span in bent.values()]
        self.bent = {edge[0] for edge in bent}
        self.level = _levels(bent)

    def place(self) -> None:
        """Place every bundle, its gradients, and its lines."""
        depth = _GAP + _LEVEL * (max(self.level.values(), default=-1) + 1)
        for key, x in self.x.items():
            above, below = self._heights(key, depth)
            size = self.params[key]
            rect = Rect(x - size.width / 2, above - size.height, size.width, size.height)
            self.layout.params[key] = Placed(rect, size)
            if key in self.gradients:
                size = self.gradients[key]
                rect = Rect(x - size.width / 2, below, size.width, size.height)
                self.layout.gradients[key] = Placed(rect, size)
        for edge in self.entries:
            self._join(edge)

    # Across --------------------------------------------------------------------------------

    def _across(self) -> dict[str, float]:
        """The middle of each bundle."""
        found: dict[str, float] = {}
        column = {key: n for n, shelf in enumerate(self.shelves) for key, _, _ in shelf.boxes}
        place = {key: n for shelf in self.shelves for n, (key, _, _) in enumerate(shelf.boxes)}
        homes: list[list[str]] = [[] for _ in self.shelves]
        for key, bundle in self.bundles.items():
            homes[min(column[reader] for reader in bundle.readers)].append(key)
        for n, keys in enumerate(homes):
            here = {key: [r for r in self.bundles[key].readers if column[r] == n] for key in keys}
            keys.sort(key=lambda key: min(place[r] for r in here[key]))
            if keys:
                first = min(here[keys[0]], key=place.__getitem__)
                found.update(self._in_a_row(keys, self._wanted(first), self.shelves[n]))
        return found

    def _wanted(self, reader: str) -> float:
        """Where a bundle stands best above its reader: above the middle, where that can be reached."""
        left, right = self.reach[reader]
        middle = self.layout.forward[reader].rect.centre[0]
        return middle if left <= middle <= right else (left + right) / 2

    def _in_a_row(self, keys: list[str], middle: float, shelf: Shelf) -> dict[str, float]:
        widths = [max(s[key].width for s in (self.params, self.gradients) if key in s) for key in keys]
        total = sum(widths) + PAD * (len(keys) - 1)
        x = max(shelf.left, min(middle - total / 2, shelf.right - total))
        found = {}
        for key, width in zip(keys, widths, strict=True):
            found[key] = x + width / 2
            x += width + PAD
        return found

    def _entries(self) -> dict[Edge, float]:
        """Where each line meets its reader."""
        reading: dict[str, list[str]] = {}
        for key, bundle in self.bundles.items():
            for reader in bundle.readers:
                reading.setdefault(reader, []).append(key)
        entries = {}
        for reader, keys in reading.items():
            left, right = self.reach[reader]
            keys.sort(key=lambda key: self.x[key])
            straight = len(keys) == 1 and left <= self.x[keys[0]] <= right
            for n, key in enumerate(keys):
                spread = left + (right - left) * (n + 1) / (len(keys) + 1)
                entries[key, reader] = self.x[key] if straight else spread
        return entries

    # Up and down ---------------------------------------------------------------------------

    def _heights(self, key: str, depth: float) -> tuple[float, float]:
        """The lower side of a bundle, and the upper side of its gradients."""
        width = max(s[key].width for s in (self.params, self.gradients) if key in s)
        left, right = self.x[key] - width / 2 - PAD, self.x[key] + width / 2 + PAD
        crossed = any(low < right and left < high for low, high in self.spans)
        if key in self.bent or crossed:
            return self.ground.top - depth, self.ground.bottom + depth
        top, bottom = self.ground.between(left, right)
        return top - _GAP, bottom + _GAP

    def _join(self, edge: Edge) -> None:
        key, reader = edge
        bus = 12 + _LEVEL * self.level.get(edge, 0)
        start = (self.x[key], self.layout.params[key].rect.bottom)
        end = (self.entries[edge], self.layout.forward[reader].rect.y)
        self.layout.fed[edge] = _joined(start, self.ground.top - bus, end)
        if key in self.layout.gradients and reader in self.layout.backward:
            start = (self.x[key], self.layout.gradients[key].rect.y)
            end = (self.entries[edge], self.layout.backward[reader].rect.bottom)
            self.layout.learned[edge] = _joined(start, self.ground.bottom + bus, end)


class _Ground:
    """How far up and down the two lanes reach."""

    def __init__(self, layout: Layout) -> None:
        rects = [p.rect for placed in (layout.forward, layout.backward) for p in placed.values()]
        rects += [t.rect for texts in layout.texts for t in texts.values()]
        for paths in (layout.edges, layout.returns):
            rects += [r for pieces in paths.values() for piece in pieces for r in _boxes_around(piece.flat())]
        self.top = min(r.y for r in rects)
        self.bottom = max(r.bottom for r in rects)
        self._buckets: dict[int, list[Rect]] = {}
        for rect in rects:
            for n in range(int(rect.x // _BUCKET), int(rect.right // _BUCKET) + 1):
                self._buckets.setdefault(n, []).append(rect)

    def between(self, left: float, right: float) -> tuple[float, float]:
        """The same between two verticals."""
        numbers = range(int(left // _BUCKET), int(right // _BUCKET) + 1)
        near = [r for n in numbers for r in self._buckets.get(n, ()) if r.x < right and left < r.right]
        return min((r.y for r in near), default=0.0), max((r.bottom for r in near), default=0.0)


def _boxes_around(points: list[Point]) -> list[Rect]:
    pairs = pairwise(points)
    return [Rect(min(a[0], b[0]), min(a[1], b[1]), abs(a[0] - b[0]), abs(a[1] - b[1])) for a, b in pairs]


def _joined(start: Point, bus: float, end: Point) -> Path:
    """From `start` to `end` below or above it, with the way across at the height `bus`."""
    path = Path(start)
    if abs(start[0] - end[0]) > 0.5:
        path.to((start[0], bus))
        path.to((end[0], bus))
    path.to((end[0], end[1]))
    return path


def _levels(spans: dict[Edge, tuple[float, float]]) -> dict[Edge, int]:
    """A height for each way across: ways that overlap have different ones, but those from one bundle share one."""
    level: dict[Edge, int] = {}
    busy: list[list[tuple[float, float, str]]] = []
    for edge, (a, b) in sorted(spans.items(), key=lambda item: (min(item[1]), max(item[1]), item[0])):
        low, high = min(a, b) - 4, max(a, b) + 4
        fits = (n for n, taken in enumerate(busy) if _is_free(taken, low, high, edge[0]))
        level[edge] = next(fits, len(busy))
        busy.extend([] for _ in range(level[edge] + 1 - len(busy)))
        busy[level[edge]].append((low, high, edge[0]))
    return level


def _is_free(taken: list[tuple[float, float, str]], low: float, high: float, bundle: str) -> bool:
    return all(key == bundle or high < start or low > end for start, end, key in taken)
