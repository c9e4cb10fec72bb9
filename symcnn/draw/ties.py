"""Dotted lines from forward nodes to what their rules made below them, where there is a free way straight down."""

from __future__ import annotations

from itertools import pairwise

from .geometry import Path, Rect, Text, line_height
from .lanes import TwoLanes
from .metrics import wrapped
from .places import NOTE, Layout

_BUCKET = 100.0


def tie(layout: Layout, lanes: TwoLanes, right: float) -> None:
    """Join each box that its rule reads something for to a node of the rule, if the way down crosses nothing.

    Where there is no such way, the formulas of the nodes below say what they read. `right` is where the band ends.
    """
    things = _Things(layout)
    for key, placed in layout.forward.items():
        reads = lanes.upper.boxes[key].reads
        if not reads:
            continue
        box = placed.rect
        lines = tuple(wrapped(reads, NOTE, 150, 1))
        for part in (0.5, 0.35, 0.65, 0.2, 0.8):
            x = box.x + part * box.width
            below = things.first_below(x, box.bottom)
            note = Text(x + 7, -len(lines) * line_height(NOTE) / 2, lines, NOTE, "start")
            is_own = below and lanes.lower.boxes[below].under == key
            if is_own and note.rect.right <= right and things.are_clear_of(note.rect):
                layout.reads[key] = Path((x, box.bottom), [((x, layout.backward[below].rect.y),)])
                layout.notes[key] = note
                things.add("", note.rect)
                break


class _Things:
    """All that stands in a band, by where it stands across."""

    def __init__(self, layout: Layout) -> None:
        self._buckets: dict[int, list[tuple[str, Rect]]] = {}
        for key, placed in layout.backward.items():
            self.add(key, placed.rect)
        for placed in layout.forward.values():
            self.add("", placed.rect)
        for texts in layout.texts:
            for text in texts.values():
                self.add("", text.rect)
        for line in layout.lines:
            for a, b in pairwise(line.flat(4)):
                left, top = min(a[0], b[0]), min(a[1], b[1])
                self.add("", Rect(left - 2, top - 2, abs(a[0] - b[0]) + 4, abs(a[1] - b[1]) + 4))

    def add(self, key: str, rect: Rect) -> None:
        """Something that stands in the way; a box of the lower lane has a key."""
        for n in range(int(rect.x // _BUCKET), int(rect.right // _BUCKET) + 1):
            self._buckets.setdefault(n, []).append((key, rect))

    def first_below(self, x: float, y: float) -> str:
        """The key of the first thing below a point, if it is a box of the lower lane."""
        near = [(r.y, key) for key, r in self._buckets.get(int(x // _BUCKET), ()) if r.x < x < r.right and r.bottom > y]
        return min(near, default=(0.0, ""))[1]

    def are_clear_of(self, rect: Rect) -> bool:
        """Whether nothing stands where `rect` is."""
        numbers = range(int(rect.x // _BUCKET), int(rect.right // _BUCKET) + 1)
        return not any(r.overlaps(rect) for n in numbers for _, r in self._buckets.get(n, ()))
