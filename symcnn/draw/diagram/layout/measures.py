"""How much room the parts of a picture take across: boxes, the names right of them, and the bends of edges."""

from __future__ import annotations

from dataclasses import dataclass

from ...canvas.text_metrics import text_width, wrapped
from ..model import Bundle, DiagramModel
from .placement import EDGE, NOTE, PAD, measured
from .ranks import Grid, Item, arranged

MARGIN = 12.0
ARROW = 12.0
"""The room for an arrow head before a box."""
_PORT = 12.0
_STRIP = 28.0
_BEND = 26.0


@dataclass
class Column:
    """The sides of a column.

    Attributes
    ----------
    left, right : float
        Of the zone in which its boxes and bundles stand.
    first : float
        The left side of its innermost box.
    width : float
        The room for each box.
    strip : float
        By how much an outer box stands further to the right.
    labels : float
        Where the zone of names right of it ends, and bends begin.
    end : float
        Where the next column begins.
    """

    left: float
    right: float
    first: float
    width: float
    strip: float
    labels: float = 0.0
    end: float = 0.0


class Measures:
    """The sizes of everything that a story tells, and the grid in which it stands.

    Parameters
    ----------
    story : DiagramModel
    column : {key: int}, optional
        The columns of boxes, where they are settled already.
    count : int
        How many columns there are at least.
    """

    def __init__(self, story: DiagramModel, column: dict[str, int] | None = None, count: int = 1) -> None:
        self.story = story
        self.boxes = {box.key: box for box in story.boxes}
        self.named = {source for source, _ in story.edges}
        self.returning = {source for source, _ in story.sent}
        self.grid: Grid = arranged(list(self.boxes), story.edges, column, count)
        self.sizes = {key: measured(b.title, b.lines, b.pictures) for key, b in self.boxes.items()}
        self.twins = {k: measured(b.twin.title, b.twin.lines, b.twin.pictures) for k, b in self.boxes.items() if b.twin}
        self.notes = {k: tuple(wrapped(b.twin.reads, NOTE, 150, 3)) for k, b in self.boxes.items() if b.twin}
        self.stacks = [self.grid.boxes_in(n) for n in range(len(self.grid.links))]
        self.ports = self._ports()
        self._grow_for_ports()
        self.set_bundles(story.bundles)

    def set_bundles(self, bundles: list[Bundle]) -> None:
        """Measure the parameters, which are others once shared ones have a copy in each band."""
        self.bundles = {bundle.key: bundle for bundle in bundles}
        self.params = {key: measured("", b.lines, b.pictures) for key, b in self.bundles.items()}
        self.gradients = {
            key: measured("", b.gradients, b.gradient_pictures) for key, b in self.bundles.items() if b.gradients
        }
        self.readers = {reader for bundle in bundles for reader in bundle.readers}
        self._over: list[list[str]] = [[] for _ in self.stacks]
        for key, bundle in self.bundles.items():
            self._over[min(self.grid.column[r] for r in bundle.readers)].append(key)

    # Across --------------------------------------------------------------------------------

    def column(self, n: int, x: float, last: bool = False) -> Column:
        """The n-th column, which begins at x; `last` in its band."""
        left, zone, width, strip = self.zone(n)
        column = Column(x, x + zone, x + left, width, strip)
        straight = not last and self.is_straight(n)
        column.labels = column.right + (self._narrow_gap(n) if straight else self._names_width(self.stacks[n]))
        column.end = column.labels + self._bend_width(n) + ARROW
        return column

    def zone(self, n: int) -> tuple[float, float, float, float]:
        """Of a column: where its innermost box begins in its zone, the zone's width, that of a box, and the strip's."""
        stack, bundles = self.stacks[n], self._over[n]
        widths = [s[key].width for key in stack for s in (self.sizes, self.twins) if key in s]
        notes = [max((text_width(line, NOTE) for line in self.notes.get(key, ())), default=0.0) for key in stack]
        is_reached = bool(self.notes) or not self.readers.isdisjoint(stack)
        strip = max(_STRIP, *(w + 20 for w in notes[1:])) if len(stack) > 1 and is_reached else 0.0
        width = max([*widths, *(2 * note + 20 for note in notes[:1])], default=0.0)
        own = width + max(len(stack) - 1, 0) * strip
        above = sum(self._bundle_width(key) for key in bundles) + PAD * max(len(bundles) - 1, 0)
        zone = max(own, above)
        return (zone - own) / 2, zone, width, strip

    def is_straight(self, n: int) -> bool:
        """Whether all there is between a column and the next is one edge, from its only box to an innermost one."""
        if n + 1 >= len(self.stacks) or len(self.grid.links[n]) != 1:
            return False
        ((a, b),) = self.grid.links[n]
        alone = self.stacks[n] == [a[0]] and self.stacks[n + 1][:1] == [b[0]]
        return alone and self.grid.row[a] == self.grid.row[b] and not self.ports.get((a, b))

    def _narrow_gap(self, n: int) -> float:
        """The room for names right of a straight column: beside a box that is narrower than its twin there is some."""
        ((a, b),) = self.grid.links[n]
        zone = self.zone(n)[1]
        left, _, room, _ = self.zone(n + 1)
        needed = []
        for sizes, texts in ((self.sizes, self.name(a[0])), (self.twins, self.error(a[0]))):
            box = sizes[a[0]].width if a[0] in sizes else zone
            next_box = sizes[b[0]].width if b[0] in sizes else room
            is_wide = len(self.stacks[n + 1]) > 1 and b[0] in self.readers
            spare = (zone - box) / 2 + left + (0.0 if is_wide else (room - next_box) / 2)
            needed.append(max((text_width(t, EDGE) for t in texts), default=0.0) + 8 - spare)
        return max(*needed, 12.0)

    def _bundle_width(self, key: str) -> float:
        return max(s[key].width for s in (self.params, self.gradients) if key in s)

    def last_width(self, n: int) -> float:
        """The width of a column at the end of a band: with room for the names of the edges that leave it."""
        column = self.column(n, 0.0, last=True)
        return column.labels + ARROW if n + 1 < len(self.stacks) else column.right

    def entry(self, n: int) -> float:
        """The room that a band needs before column n: for the names of the edges that come from the band above."""
        texts = [t for key, _ in self.coming(n) for t in (*self.name(key), *self.error(key))]
        return max((text_width(t, EDGE) for t in texts), default=0.0) + 24 + self._bend_width(n - 1) + ARROW

    def coming(self, n: int) -> list[Item]:
        """What of the column before column n has edges into it."""
        return list(dict.fromkeys(a for a, _ in self.grid.links[n - 1])) if n else []

    def cost(self, n: int) -> int:
        """How many values go over the cut before column n."""
        return len(self.coming(n))

    def _names_width(self, stack: list[str]) -> float:
        texts = [t for key in stack for t in (*self.name(key), *self.error(key))]
        return max((text_width(t, EDGE) for t in texts), default=0.0) + 14

    def name(self, key: str) -> tuple[str, ...]:
        """What stands on the edges from a box."""
        box = self.boxes[key]
        return tuple(text for text in (box.symbol, box.shape, box.norm) if text) if key in self.named else ()

    def error(self, key: str) -> tuple[str, ...]:
        """What stands on the edges back to its twin."""
        box = self.boxes[key]
        return tuple(text for text in (box.error, box.error_norm) if text) if key in self.returning else ()

    def _bend_width(self, column: int) -> float:
        jumps = [abs(self.grid.row[a] - self.grid.row[b]) for a, b in self.grid.links[column]]
        ports = any(self.ports.get((a, b), 0.0) for a, b in self.grid.links[column])
        most = max(jumps, default=0)
        return min(_BEND + 10 * most, 130.0) if most or ports else 4.0

    # Ports ---------------------------------------------------------------------------------

    def _ports(self) -> dict[tuple[Item, Item], float]:
        """By how much each edge meets its reader further out (or in) than the middle of its side."""
        arriving: dict[Item, list[Item]] = {}
        for links in self.grid.links:
            for a, b in links:
                if b[0] != a[0]:
                    arriving.setdefault(b, []).append(a)
        ports = {}
        for item, sources in arriving.items():
            own = self.grid.row[item]
            nearest = min(sources, key=lambda s: (abs(self.grid.row[s] - own), self.grid.row[s]))
            middle = self.grid.row[nearest]
            for side in (1, -1):
                away = [s for s in sources if (self.grid.row[s] - middle) * side > 0]
                for n, source in enumerate(sorted(away, key=lambda s: abs(self.grid.row[s] - middle))):
                    ports[source, item] = side * (n + 1) * _PORT
        return ports

    def _grow_for_ports(self) -> None:
        for (_, item), shift in self.ports.items():
            for sizes in (self.sizes, self.twins):
                if item[0] in sizes:
                    sizes[item[0]].height = max(sizes[item[0]].height, 2 * abs(shift) + 16)
