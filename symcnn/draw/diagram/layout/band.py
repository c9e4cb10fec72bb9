"""One band of a picture: some columns of it, with everything in its place.

The forward lane is above, its mirror image below: the twin of a box is exactly under it. Boxes of one column
stand in rows, outer rows a little further to the right, so that a vertical from below reaches every box past
the right ends of the others, and one from above past their left ends. Between two columns there is room for
the names of the values, then for the bends of the edges. So nothing crosses a box, and no text lies on another.

An edge that comes from the band above begins at the left side, in its row and with its name.
"""

from __future__ import annotations

from typing import Any

from ...canvas.geometry import Path, Rect, Text, line_height
from ...canvas.text_metrics import text_width
from .bundles import Shelf, place_bundles
from .measures import ARROW, MARGIN, Measures
from .placement import EDGE, NOTE, Layout, Placed, Size
from .ranks import Item

_ROW_GAP = 26.0


class BandBuilder:
    """Places the columns of a band, from 0 at the left; the mirror between its lanes is at height 0."""

    def __init__(self, measures: Measures, band: range) -> None:
        self.measures = measures
        self.grid = measures.grid
        self.band = band
        self.stacks = {n: measures.stacks[n] for n in band}
        self.keys = [key for stack in self.stacks.values() for key in stack]
        self.twins = [key for key in self.keys if key in measures.twins]
        self.coming = measures.coming(band.start)
        self.layout = Layout()

    def build(self) -> Layout:
        """The layout of the band."""
        self.assemble()
        self.layout.place(MARGIN)
        return self.layout

    def assemble(self) -> None:
        """Place everything, somewhere beside 0, 0."""
        self._place_columns()
        self._place_rows()
        self._place_boxes()
        self._route_edges()
        self._place_names()
        self._route_reads()
        self._place_bundles()

    def _place_columns(self) -> None:
        texts = [t for key, _ in self.coming for t in self._again(key)]
        self.begin = MARGIN
        self.entry = MARGIN + max((text_width(t, EDGE) for t in texts), default=0.0) + 24
        x = MARGIN + (self.measures.entry(self.band.start) if self.band.start else 0.0)
        self.columns = {}
        for n in self.band:
            self.columns[n] = self.measures.column(n, x, n == self.band[-1])
            x = self.columns[n].end
        self.exit = self.columns[self.band[-1]].labels + ARROW

    def _again(self, key: str) -> tuple[str, str]:
        """What is said again where the edges from a box come from the band above: their name, and their error's."""
        box = self.measures.boxes[key]
        return box.symbol, box.error if key in self.measures.returning else ""

    # Up and down ---------------------------------------------------------------------------

    def _place_rows(self) -> None:
        """The distance of each row from the mirror, in each lane."""
        notes = max((len(self.measures.notes[key]) for key in self.twins), default=0)
        half = max(24.0, (notes * line_height(NOTE) + 34) / 2)
        self.forward_rows = self._row_centres(self.measures.sizes, half)
        self.backward_rows = self._row_centres(self.measures.twins, half)

    def _row_centres(self, sizes: dict[str, Size], start: float) -> dict[int, float]:
        """The middle of each row in which there is anything."""
        halves: dict[int, float] = {}
        for at in self.band:
            for a, b in self.grid.links[at - 1] if at else ():
                for item in (a, b):
                    halves.setdefault(self.grid.row[item], 8.0)
        for item in self.coming:
            self._widen(halves, item, line_height(EDGE) + 6)
        for key in self.keys:
            texts = max(len(self.measures.name(key)), len(self.measures.error(key)), 2)
            half = max(sizes[key].height / 2 if key in sizes else 0.0, texts * line_height(EDGE) + 6)
            self._widen(halves, (key, self.grid.column[key]), half)
        centres, at_y = {}, start
        for row in sorted(halves):
            centres[row] = at_y + halves[row]
            at_y += 2 * halves[row] + _ROW_GAP
        return centres

    def _widen(self, halves: dict[int, float], item: Item, half: float) -> None:
        row = self.grid.row[item]
        halves[row] = max(halves.get(row, 8.0), half)

    # Boxes ---------------------------------------------------------------------------------

    def _box_rect(self, key: str, size: Size, centre: float) -> Rect:
        column = self.columns[self.grid.column[key]]
        stack = self.stacks[self.grid.column[key]]
        place = stack.index(key)
        if len(stack) > 1 and key in self.measures.readers:
            left, width = column.first + place * column.strip, column.width
        elif place == 0 or not column.strip:
            left, width = column.first + (column.width - size.width) / 2, size.width
        else:
            own = max(s[key].width for s in (self.measures.sizes, self.measures.twins) if key in s)
            width = max(own, column.strip)
            left = column.first + place * column.strip + column.width - width
        return Rect(left, centre - size.height / 2, width, size.height)

    def _row(self, key: str) -> int:
        return self.grid.row[key, self.grid.column[key]]

    def _place_boxes(self) -> None:
        for key in self.keys:
            size = self.measures.sizes[key]
            self.layout.forward[key] = Placed(self._box_rect(key, size, -self.forward_rows[self._row(key)]), size)
        for key in self.twins:
            twin = self.measures.twins[key]
            self.layout.backward[key] = Placed(self._box_rect(key, twin, self.backward_rows[self._row(key)]), twin)

    # Edges ---------------------------------------------------------------------------------

    def _route_edges(self) -> None:
        layout, story = self.layout, self.measures.story
        for edge in story.edges:
            first, last = (self.grid.column[key] for key in edge)
            if last < self.band.start or first >= self.band.stop:
                continue
            layout.edges[edge] = [self._route(edge, layout.forward, self.forward_rows, -1)]
            if edge in story.sent and all(key in self.measures.twins for key in edge):
                layout.returns[edge] = [self._route(edge, layout.backward, self.backward_rows, 1)]

    def _route(self, edge: tuple[str, str], placed: dict[str, Placed], rows: dict[int, float], side: int) -> Path:
        """The part of an edge that is in this band."""
        source, reader = edge
        first, last = max(self.grid.column[source], self.band.start - 1), self.grid.column[reader]
        y = side * rows[self.grid.row[source, first]]
        path = Path((placed[source].rect.right if first in self.band else self.begin, y))
        for at in range(first, min(last, self.band.stop - 1)):
            item, following = (source, at), (reader if at + 1 == last else source, at + 1)
            target = side * (rows[self.grid.row[following]] + self.measures.ports.get((item, following), 0.0))
            bend = self.columns[at].labels if at in self.columns else self.entry
            end = self.columns[at + 1].left - ARROW
            if target != y:
                path.to((bend, y))
                middle = (bend + end) / 2
                path.to((middle, y), (middle, target), (end, target))
                y = target
            path.to((self.columns[at + 1].right if at + 1 < last else placed[reader].rect.x, y))
        if last >= self.band.stop:
            path.to((self.exit, y))
        return path

    def _place_names(self) -> None:
        for key in self.keys:
            column = self.columns[self.grid.column[key]]
            lanes = (self.layout.forward, self.layout.backward)
            middles = [self._middle(lane, key) or (column.right + column.labels) / 2 for lane in lanes]
            name, error, row = self.measures.name(key), self.measures.error(key), self._row(key)
            self._place_name(self.layout.names, key, name, middles[0], -self.forward_rows[row])
            if key in self.twins:
                self._place_name(self.layout.errors, key, error, middles[1], self.backward_rows[row])
        x = (self.begin + self.entry) / 2
        for item in self.coming:
            key, row = item[0], self.grid.row[item]
            again, back = self._again(key)
            self._place_name(self.layout.names_again, (key, self.band.start), (again,), x, -self.forward_rows[row])
            if back:
                self._place_name(self.layout.errors_again, (key, self.band.start), (back,), x, self.backward_rows[row])

    def _middle(self, lane: dict[str, Placed], key: str) -> float | None:
        """The middle of a straight edge, between the box and its reader; None for other edges."""
        n = self.grid.column[key]
        if n == self.band[-1] or not self.measures.is_straight(n) or key not in lane:
            return None
        ((_, (reader, _)),) = self.grid.links[n]
        return (lane[key].rect.right + lane[reader].rect.x) / 2 - 4 if reader in lane else None

    def _place_name(self, texts: dict[Any, Text], key: Any, lines: tuple[str, ...], x: float, y: float) -> None:
        """Lines of text above the line at height y."""
        if lines:
            texts[key] = Text(x, y - 4 - len(lines) * line_height(EDGE), lines, EDGE)

    def _route_reads(self) -> None:
        for stack in self.stacks.values():
            for n, key in enumerate(stack):
                lines = self.measures.notes.get(key, ())
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

    # Parameters ----------------------------------------------------------------------------

    def _rects(self, key: str) -> list[Rect]:
        """A box and its twin."""
        return [p[key].rect for p in (self.layout.forward, self.layout.backward) if key in p]

    def _open_top(self, column: int, place: int) -> tuple[float, float]:
        """The part of a box's upper side, and of its twin's lower one, that no outer box stands in the way of."""
        own = self._rects(self.stacks[column][place])
        outer = [r.x for key in self.stacks[column][place + 1 :] for r in self._rects(key)]
        return max(r.x for r in own) + 8, min([r.right for r in own] + outer) - 8

    def _place_bundles(self) -> None:
        here = [b for b in self.measures.bundles.values() if self.grid.column[b.readers[0]] in self.band]
        if not here:
            return
        shelves = []
        for n, column in self.columns.items():
            boxes = [(key, *self._open_top(n, place)) for place, key in enumerate(self.stacks[n])]
            shelves.append(Shelf(column.left, column.right, boxes))
        place_bundles(self.layout, here, self.measures.params, self.measures.gradients, shelves)
