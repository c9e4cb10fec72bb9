"""Where everything in a picture stands.

The forward lane is above, its mirror image below: the twin of a box is exactly under it. Boxes of one column
stand in rows, outer rows a little further to the right, so that a vertical from below reaches every box past
the right ends of the others, and one from above past their left ends. Between two columns there is room for
the names of the values, then for the bends of the edges. So nothing crosses a box, and no text lies on another.
"""

from __future__ import annotations

from dataclasses import dataclass

from .bundles import Shelf, place_bundles
from .geometry import Path, Rect, Text, line_height
from .metrics import text_width, wrapped
from .places import EDGE, NOTE, PAD, Layout, Placed, Size, measured
from .ranks import Grid, Item, arranged
from .story import Story

_MARGIN = 18.0
_ROW_GAP = 26.0
_PORT = 12.0
_STRIP = 28.0
_BEND = 34.0
_ARROW = 16.0


def laid_out(story: Story) -> Layout:
    """The layout of a story."""
    return _Builder(story).build()


@dataclass
class _Column:
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
    """

    left: float
    right: float
    first: float
    width: float
    strip: float
    labels: float = 0.0


class _Builder:
    def __init__(self, story: Story) -> None:
        self.story = story
        self.boxes = {box.key: box for box in story.boxes}
        self.grid: Grid = arranged(list(self.boxes), story.edges)
        self.sizes = {key: measured(b.title, b.lines, b.pictures) for key, b in self.boxes.items()}
        self.twins = {
            key: measured(b.twin.title, b.twin.lines, b.twin.pictures) for key, b in self.boxes.items() if b.twin
        }
        self.notes = {k: tuple(wrapped(b.twin.reads, NOTE, 150, 3)) for k, b in self.boxes.items() if b.twin}
        self.bundles = {bundle.key: bundle for bundle in story.bundles}
        self.params = {key: measured("", b.lines, b.pictures) for key, b in self.bundles.items()}
        self.gradients = {
            key: measured("", b.gradients, b.gradient_pictures) for key, b in self.bundles.items() if b.gradients
        }
        self.stacks = [self.grid.boxes_in(n) for n in range(len(self.grid.links))]
        self.readers = {reader for bundle in story.bundles for reader in bundle.readers}
        self.ports = self._ports()
        self._grow_for_ports()
        self.layout = Layout()

    def build(self) -> Layout:
        self.columns = self._place_columns()
        self._place_rows()
        self._place_boxes()
        self._route_edges()
        self._place_names()
        self._route_reads()
        self._place_bundles()
        self._finish()
        return self.layout

    # Across --------------------------------------------------------------------------------

    def _bundles_over(self, column: int) -> list[str]:
        """The bundles above a column: those whose first reader stands there."""
        first = {key: min(self.grid.column[r] for r in bundle.readers) for key, bundle in self.bundles.items()}
        return [key for key, at in first.items() if at == column]

    def _bundle_width(self, key: str) -> float:
        return max(s[key].width for s in (self.params, self.gradients) if key in s)

    def _place_columns(self) -> list[_Column]:
        columns = []
        x = _MARGIN
        for n, stack in enumerate(self.stacks):
            column = self._column(x, stack, self._bundles_over(n))
            column.labels = column.right + self._names_width(stack)
            columns.append(column)
            x = column.labels + self._bend_width(n) + _ARROW
        return columns

    def _column(self, x: float, stack: list[str], bundles: list[str]) -> _Column:
        widths = [s[key].width for key in stack for s in (self.sizes, self.twins) if key in s]
        notes = [max((text_width(line, NOTE) for line in self.notes.get(key, ())), default=0.0) for key in stack]
        strip = max(_STRIP, *(w + 20 for w in notes[1:])) if len(stack) > 1 else 0.0
        width = max(*widths, 2 * notes[0] + 20)
        own = width + (len(stack) - 1) * strip
        above = sum(self._bundle_width(key) for key in bundles) + PAD * max(len(bundles) - 1, 0)
        zone = max(own, above)
        return _Column(x, x + zone, x + (zone - own) / 2, width, strip)

    def _names_width(self, stack: list[str]) -> float:
        texts = [t for key in stack for t in (*self._name(key), *self._error(key))]
        return max((text_width(t, EDGE) for t in texts), default=0.0) + 16

    def _name(self, key: str) -> tuple[str, ...]:
        box = self.boxes[key]
        if not any(source == key for source, _ in self.story.edges):
            return ()
        return tuple(text for text in (box.symbol, box.shape, box.norm) if text)

    def _error(self, key: str) -> tuple[str, ...]:
        if not any(source == key for source, _ in self.story.sent):
            return ()
        box = self.boxes[key]
        return (box.error, box.error_norm) if box.error_norm else (box.error,)

    def _bend_width(self, column: int) -> float:
        jumps = [abs(self.grid.row[a] - self.grid.row[b]) for a, b in self.grid.links[column]]
        ports = any(self.ports.get((a, b), 0.0) for a, b in self.grid.links[column])
        most = max(jumps, default=0)
        return min(_BEND + 10 * most, 130.0) if most or ports else 4.0

    # Up and down ---------------------------------------------------------------------------

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

    def _place_rows(self) -> None:
        """The distance of each row from the mirror, in each lane."""
        notes = max((len(lines) for lines in self.notes.values()), default=0)
        half = max(30.0, (notes * line_height(NOTE) + 34) / 2)
        self.forward_rows = self._row_centres(self.sizes, half)
        self.backward_rows = self._row_centres(self.twins, half)

    def _row_centres(self, sizes: dict[str, Size], start: float) -> list[float]:
        rows = max(self.grid.row.values(), default=0) + 1
        halves = [8.0] * rows
        for key, size in sizes.items():
            row = self.grid.row[key, self.grid.column[key]]
            half = max(size.height / 2, max(len(self._name(key)), len(self._error(key)), 2) * line_height(EDGE) + 6)
            halves[row] = max(halves[row], half)
        centres, at = [], start
        for half in halves:
            centres.append(at + half)
            at += 2 * half + _ROW_GAP
        return centres

    # Boxes ---------------------------------------------------------------------------------

    def _box_rect(self, key: str, size: Size, centre: float) -> Rect:
        column = self.columns[self.grid.column[key]]
        stack = self.stacks[self.grid.column[key]]
        place = stack.index(key)
        if len(stack) > 1 and key in self.readers:
            left, width = column.first + place * column.strip, column.width
        elif place == 0:
            left, width = column.first + (column.width - size.width) / 2, size.width
        else:
            own = max(s[key].width for s in (self.sizes, self.twins) if key in s)
            width = max(own, column.strip)
            left = column.first + place * column.strip + column.width - width
        return Rect(left, centre - size.height / 2, width, size.height)

    def _place_boxes(self) -> None:
        for key, size in self.sizes.items():
            row = self.grid.row[key, self.grid.column[key]]
            self.layout.forward[key] = Placed(self._box_rect(key, size, -self.forward_rows[row]), size)
            if key in self.twins:
                twin = self.twins[key]
                rect = self._box_rect(key, twin, self.backward_rows[row])
                self.layout.backward[key] = Placed(rect, twin)

    # Edges ---------------------------------------------------------------------------------

    def _route_edges(self) -> None:
        for edge in self.story.edges:
            self.layout.edges[edge] = self._route(edge, self.layout.forward, self.forward_rows, -1)
            if edge in self.story.sent and all(key in self.twins for key in edge):
                self.layout.returns[edge] = self._route(edge, self.layout.backward, self.backward_rows, 1)

    def _route(self, edge: tuple[str, str], placed: dict[str, Placed], rows: list[float], side: int) -> Path:
        source, reader = edge
        first, last = self.grid.column[source], self.grid.column[reader]
        y = side * rows[self.grid.row[source, first]]
        path = Path((placed[source].rect.right, y))
        for at in range(first, last):
            item, following = (source, at), (reader if at + 1 == last else source, at + 1)
            target = side * (rows[self.grid.row[following]] + self.ports.get((item, following), 0.0))
            bend, end = self.columns[at].labels, self.columns[at + 1].left - _ARROW
            if target != y:
                path.to((bend, y))
                middle = (bend + end) / 2
                path.to((middle, y), (middle, target), (end, target))
                y = target
            path.to((self.columns[at + 1].right if at + 1 < last else placed[reader].rect.x, y))
        return path

    def _place_names(self) -> None:
        for key in self.boxes:
            column = self.columns[self.grid.column[key]]
            x = (column.right + column.labels) / 2
            row = self.grid.row[key, self.grid.column[key]]
            for lines, texts, y in (
                (self._name(key), self.layout.names, -self.forward_rows[row]),
                (self._error(key), self.layout.errors, self.backward_rows[row]),
            ):
                if lines:
                    top = y - 4 - len(lines) * line_height(EDGE)
                    texts[key] = Text(x, top, lines, EDGE)

    def _route_reads(self) -> None:
        for stack in self.stacks:
            for n, key in enumerate(stack):
                lines = self.notes.get(key, ())
                if not any(lines) or key not in self.twins:
                    continue
                above, below = self.layout.forward[key].rect, self.layout.backward[key].rect
                x = above.centre[0] if n == 0 else self._right_strip(key, n)
                path = Path((x, above.bottom))
                path.to((x, below.y))
                self.layout.reads[key] = path
                top = -len(lines) * line_height(NOTE) / 2
                self.layout.notes[key] = Text(x + 7, top, lines, NOTE, "start")

    def _right_strip(self, key: str, place: int) -> float:
        column = self.columns[self.grid.column[key]]
        return column.first + place * column.strip + column.width - column.strip + 8

    def _rects(self, key: str) -> list[Rect]:
        """A box and its twin."""
        return [p[key].rect for p in (self.layout.forward, self.layout.backward) if key in p]

    def _open_top(self, column: int, place: int) -> tuple[float, float]:
        """The part of a box's upper side, and of its twin's lower one, that no outer box stands in the way of."""
        own = self._rects(self.stacks[column][place])
        outer = [r.x for key in self.stacks[column][place + 1 :] for r in self._rects(key)]
        return max(r.x for r in own) + 8, min([r.right for r in own] + outer) - 8

    def _place_bundles(self) -> None:
        shelves = []
        for n, column in enumerate(self.columns):
            boxes = [(key, *self._open_top(n, place)) for place, key in enumerate(self.stacks[n])]
            shelves.append(Shelf(column.left, column.right, boxes))
        place_bundles(self.layout, list(self.bundles.values()), self.params, self.gradients, shelves)

    # All -----------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Move everything so that the picture begins at 0, 0, and know its size."""
        layout = self.layout
        boxes = [*layout.forward.values(), *layout.backward.values(), *layout.params.values()]
        boxes += layout.gradients.values()
        texts = [*layout.names.values(), *layout.errors.values(), *layout.notes.values()]
        rects = [p.rect for p in boxes] + [t.rect for t in texts]
        top = min(r.y for r in rects) - _MARGIN
        layout.width = max(r.right for r in rects) + _MARGIN
        layout.height = max(r.bottom for r in rects) + _MARGIN - top
        _shift(layout, -top)


def _shift(layout: Layout, dy: float) -> None:
    for placed in (layout.forward, layout.backward, layout.params, layout.gradients):
        for p in placed.values():
            p.rect = Rect(p.rect.x, p.rect.y + dy, p.rect.width, p.rect.height)
    for texts in (layout.names, layout.errors, layout.notes):
        for key, t in texts.items():
            texts[key] = Text(t.x, t.y + dy, t.lines, t.size, t.anchor)
    for paths in (layout.edges, layout.returns, layout.reads, layout.fed, layout.learned):
        for path in paths.values():
            path.start = (path.start[0], path.start[1] + dy)
            path.steps = [tuple((x, y + dy) for x, y in step) for step in path.steps]
