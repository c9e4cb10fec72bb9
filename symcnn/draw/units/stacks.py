"""Networks of maps: each layer a stack of maps, from left to right, with frames around what a unit reads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ..canvas.geometry import Point, Rect
from ..canvas.text_metrics import text_width
from .captions import Filters, label_lines, sentences, title
from .chain import Chain
from .legend import filters_below
from .rows import Held, Row
from .sheet import MARGIN, SMALL, Sheet

WIDEST = 1400.0
_GAP = 64.0
_LABEL = 108.0
"""How wide what stands below a narrow stack is at most."""
_OFFSET = 15.0
"""How far each map of a stack stands right of and above the one before it."""
_THIN = 14.0
"""How thin a map is at least: a letter fits in."""
_DENSE = 10
"""How many units of a dense layer are drawn."""
_RADIUS, _PITCH = 7.0, 21.0
_UNITS = ((0.66, 0.3), (0.3, 0.12))
"""Which units of the last maps are framed, as parts of their height and width: the first with strong lines."""
_INSIDE = (0.5, 0.1)
"""Which unit of a frame, as a part of its height and width, is the one whose own frame is drawn further below."""
_SCALES = ((1.6, 1100.0), (1.3, WIDEST), (1.15, WIDEST), (1.0, WIDEST))
"""How large maps are drawn, and how wide a figure may be for that."""


@dataclass(frozen=True)
class Stack:
    """Where a row stands.

    Attributes
    ----------
    row : Row
    front : Rect
        The first map; for a dense layer, around all units.
    drawn : int
        How many maps, or units of a dense layer.
    is_turned : bool
        Whether rows of the maps are drawn from top to bottom.
    """

    row: Row
    front: Rect
    drawn: int
    is_turned: bool = False

    def map(self, unit: int) -> Rect:
        """Where a map is."""
        return Rect(self.front.x + unit * _OFFSET, self.front.y - unit * _OFFSET, self.front.width, self.front.height)

    def circle(self, n: int) -> Point:
        """The middle of a dense unit."""
        return self.front.centre[0], self.front.y + _PITCH * (n + 0.5)

    def cells(self, unit: int, rows: Held, columns: Held) -> list[Rect]:
        """Rectangles around units of a map."""
        place = self.map(unit)
        height, width = self.row.size
        if self.is_turned:
            height, width, rows, columns = width, height, columns, rows
        tall, wide = place.height / height, place.width / width
        return [
            Rect(place.x + left * wide, place.y + top * tall, (right - left) * wide, (bottom - top) * tall)
            for top, bottom in _runs(rows)
            for left, right in _runs(columns)
        ]


def _runs(held: Held) -> list[tuple[int, int]]:
    """Stretches of neighbours, each as (first, behind the last)."""
    found: list[tuple[int, int]] = []
    for n in held:
        if n is None:
            continue
        if found and found[-1][1] == n:
            found[-1] = (found[-1][0], n + 1)
        else:
            found.append((n, n + 1))
    return found


class Stacks:
    """The figure of a chain of maps.

    Parameters
    ----------
    chain : Chain
    most : int
        How many maps of a row are drawn at most.
    """

    def __init__(self, chain: Chain, most: int) -> None:
        self.chain, self.rows, self.most = chain, chain.rows, most
        self.filters = Filters(chain.rows, most)
        self.units = _framed([row for row in chain.rows if row.kind not in ("input", "dense")])
        self.scale = 1.0
        self.is_turned = all(row.size[0] == 1 for row in chain.rows)
        """Long rows are drawn from top to bottom: so lines do not run along them."""
        self.borders = {below: _border(above) for below, above in pairwise(self.rows)}
        """How many zeros are around the maps of a row: above, below, left, right."""
        for self.scale, width in _SCALES:
            if len(self._bands(width)) == 1:
                break

    def draw(self, sheet: Sheet) -> None:
        """Draw everything."""
        y = MARGIN
        for band in self._bands():
            y = self._band(sheet, band, y) + 30
        y = sheet.height + 34
        width = max(sheet.width, 760.0) - MARGIN
        filters_below(sheet, self.rows, self.filters, self.most, (MARGIN, y), width)
        said = sentences(self.chain, False, self.most)
        if self.is_turned:
            said.insert(0, "Each map is one row, drawn from top to bottom.")
        if len(self.rows) > 1:
            said.insert(-1, "Frames show what the unit at the end of their lines reads.")
        sheet.paragraph(said, (MARGIN, sheet.height + 28), width)

    # Places --------------------------------------------------------------------------------

    def _bands(self, width: float = WIDEST) -> list[list[Row]]:
        """The rows side by side; what does not fit goes on below, where the last row is drawn once more."""
        bands, x = [[self.rows[0]]], self._room(self.rows[0])
        for row in self.rows[1:]:
            room = self._room(row)
            if x + _GAP + room > width - 2 * MARGIN and len(bands[-1]) > 1:
                bands.append([bands[-1][-1]])
                x = self._room(bands[-1][0])
            bands[-1].append(row)
            x += _GAP + room
        return bands

    def _side(self, row: Row) -> tuple[float, float]:
        """Height and width of a map on the page."""
        height, width = self._size(row)
        unit = self.scale * min(128.0, 20 + 3.4 * max(height, width)) / max(height, width)
        return max(unit * height, _THIN), max(unit * width, _THIN)

    def _size(self, row: Row) -> tuple[int, int]:
        """Height and width of a map in units, as it is drawn."""
        return row.size[::-1] if self.is_turned else row.size

    def _drawn(self, row: Row) -> int:
        return min(row.maps, _DENSE if row.kind == "dense" else self.most)

    def _extent(self, row: Row) -> tuple[float, float]:
        """Height and width of a whole stack, with the zeros around its maps."""
        drawn = self._drawn(row)
        if row.kind == "dense":
            return drawn * _PITCH, 2 * _RADIUS
        (height, width), border = self._side(row), self._zeros(row)
        more = (drawn - 1) * _OFFSET
        return height + border[0] + max(border[1], more), width + border[2] + max(border[3], more)

    def _zeros(self, row: Row) -> tuple[float, float, float, float]:
        """The widths of the zeros around a map: below, above, left and right of it."""
        height, width = self._side(row)
        above, beneath, left, right = self.borders.get(row, (0.0, 0.0, 0.0, 0.0))
        if self.is_turned:
            above, beneath, left, right = left, right, above, beneath
        tall, wide = height / self._size(row)[0], width / self._size(row)[1]
        return beneath * tall, above * tall, left * wide, right * wide

    def _room(self, row: Row) -> float:
        extent = self._extent(row)[1]
        return max(extent, *(text_width(text, size) for text, size, _ in self._label_lines(row, extent)))

    def _label_lines(self, row: Row, extent: float) -> list[tuple[str, float, str]]:
        return label_lines(row, self._drawn(row), False, max(extent, _LABEL))

    def _band(self, sheet: Sheet, band: list[Row], top: float) -> float:
        """Draw rows side by side from `top` on; where they end."""
        height = max(self._extent(row)[0] for row in band)
        x, stacks = MARGIN, []
        for row in band:
            room = self._room(row)
            stacks.append(self._stack(row, x + room / 2, top + height / 2))
            x += room + _GAP
        for below, above in pairwise(stacks):
            if above.row.kind == "dense":
                self._fan(sheet, below, above)
        for stack in stacks:
            self._maps(sheet, stack)
        for below, above in pairwise(stacks):
            if above.row.kind != "dense":
                self._frames(sheet, below, above)
        for stack in stacks:
            if stack.row.kind == "conv":
                self._letters(sheet, stack)
            again = stack is stacks[0] and stack.row is not self.rows[0]
            self._label(sheet, stack, top + height + 24, ["as above"] * again)
        return sheet.height

    def _stack(self, row: Row, x: float, y: float) -> Stack:
        """A row's stack around a point."""
        tall, wide = self._extent(row)
        if row.kind == "dense":
            return Stack(row, Rect(x - _RADIUS, y - tall / 2, 2 * _RADIUS, tall), self._drawn(row))
        height, width = self._side(row)
        beneath, _, left, _ = self._zeros(row)
        front = Rect(x - wide / 2 + left, y + tall / 2 - beneath - height, width, height)
        return Stack(row, front, self._drawn(row), self.is_turned)

    # Drawing -------------------------------------------------------------------------------

    def _maps(self, sheet: Sheet, stack: Stack) -> None:
        """The maps, the first in front; or the units of a dense layer."""
        row = stack.row
        if row.kind == "dense":
            for n in range(stack.drawn):
                with sheet.group(f"{title(row)}-{n}", "free", f"{title(row)}, unit {n}", "weights of its own"):
                    sheet.circle(stack.circle(n), _RADIUS, "unit")
            return
        kind = {"conv": "tied", "local": "free", "pool": "pooled", "input": "input"}[row.kind]
        for unit in reversed(range(stack.drawn)):
            letter = self.filters.of(row, unit).letter if row.kind == "conv" else ""
            about = f"map {unit} of {title(row)}" + (f", filter {letter}" if letter else "")
            colour = self.filters.colour(row, unit)
            with sheet.group(f"{title(row)}-{unit}", f"{kind} {colour}".strip(), f"{title(row)}-{unit}", about):
                place = stack.map(unit)
                if unit == 0 and any(self._zeros(row)):
                    beneath, above, left, right = self._zeros(row)
                    around = Rect(place.x - left, place.y - above, place.width + left + right,
                                  place.height + above + beneath)  # fmt: skip
                    sheet.rect(around, "frame zero")
                sheet.rect(place, "map")

    def _letters(self, sheet: Sheet, stack: Stack) -> None:
        """The letter of each map, in its upper right corner."""
        for unit in range(stack.drawn):
            found, place = self.filters.of(stack.row, unit), stack.map(unit)
            about = f"map {unit} of {title(stack.row)}"
            with sheet.group(f"{title(stack.row)}-{unit}-letter", found.colour, f"filter {found.letter}", about):
                tag = Rect(place.right - 14, place.y, 14, 14)
                sheet.rect(tag, "swatch")
                sheet.letter(tag.centre, found.letter, 10 if len(found.letter) == 1 else 8)

    def _frames(self, sheet: Sheet, below: Stack, above: Stack) -> None:
        """Two units of the first map, and frames around what they read."""
        row = above.row
        found = self.filters.of(row, 0) if row.kind == "conv" else None
        colour = found.colour if found else self.filters.colour(row, 0)
        for number, unit in enumerate(self.units[row]):
            rows, columns = row.reads[0][unit[0]], row.reads[1][unit[1]]
            seen = [c for c in row.seen(0) if c < below.drawn]
            strength = "strong" if number == 0 else "faint"
            about = f"unit {unit[0]}, {unit[1]}" + (f" of filter {found.letter}" if found else "")
            with sheet.group(
                f"{title(row)}-frame-{unit[0]}-{unit[1]}", f"reads {colour}".strip(), about, "what it reads"
            ):
                frames = [cell for c in seen for cell in below.cells(c, rows, columns)]
                (dot,) = above.cells(0, (unit[0],), (unit[1],))
                if frames:
                    ends = (max(frames, key=_upper_right), min(frames, key=_upper_right))
                    corners = ((ends[0].right, ends[0].y), (ends[1].right, ends[1].bottom))
                    targets = ((dot.x, dot.y), (dot.x, dot.bottom))
                    sheet.lines(list(zip(corners, targets, strict=True)), strength)
                for frame in frames:
                    sheet.rect(frame, "frame" if number == 0 else "frame second")
                sheet.rect(dot, "dot")

    def _fan(self, sheet: Sheet, below: Stack, above: Stack) -> None:
        """The lines of a dense layer: from all that is drawn below to all of its units."""
        if below.row.kind == "dense":
            starts = [below.circle(n) for n in range(below.drawn)]
        else:
            last, first = below.map(below.drawn - 1), below.front
            starts = [(last.right, last.y), (first.right, first.bottom)]
        lines = [(start, above.circle(n)) for start in starts for n in range(above.drawn)]
        name = title(above.row)
        with sheet.group(f"{name}-lines", "dense", f"weights of {name}", "fully connected"):
            sheet.lines(lines, "faint")

    def _label(self, sheet: Sheet, stack: Stack, y: float, after: list[str]) -> None:
        """What stands below a stack."""
        row = stack.row
        (_, extent), (_, _, left, _) = self._extent(row), self._zeros(row) if row.kind != "dense" else (0, 0, 0, 0)
        x = stack.front.x - left + extent / 2
        lines = [*self._label_lines(row, extent), *((text, SMALL, "quiet") for text in after)]
        with sheet.group(f"{title(row)}-label", "label", title(row), ", ".join(text for text, _, _ in lines)):
            for n, (text, size, kind) in enumerate(lines):
                sheet.text((x, y + 15 * n), text, size, kind, "middle")


def _framed(rows: list[Row]) -> dict[Row, list[tuple[int, int]]]:
    """The units whose frames are drawn, of each row: from the last one down, a unit that a frame above it holds."""
    found: dict[Row, list[tuple[int, int]]] = {}
    last = rows[-1]
    units = [(_inner(last, 0, None, a), _inner(last, 1, None, b)) for a, b in _UNITS]
    for row in reversed(rows):
        found[row] = list(dict.fromkeys(units))
        below = row.below
        if below is not None and below.kind != "input":
            reads = [(row.reads[0][i], row.reads[1][j]) for i, j in units]
            units = [
                (_inner(below, 0, read[0], part), _inner(below, 1, read[1], part))
                for read, part in zip(reads, _INSIDE, strict=True)
            ]
    return found


def _inner(row: Row, axis: int, among: Held | None, part: float) -> int:
    """A unit along an axis, away from the padding where there is one."""
    windows = row.reads[axis]
    held = [n for n in (range(len(windows)) if among is None else among) if n is not None] or [0]
    inner = [n for n in held if None not in windows[n]] or held
    return inner[int(part * len(inner))]


def _upper_right(frame: Rect) -> float:
    return frame.x - frame.y


def _border(row: Row) -> tuple[float, float, float, float]:
    """How many zeros are read above, below, left and right of the maps below a row."""
    assert row.below is not None
    found = []
    for axis in (0, 1):
        places = [*row.zeros(axis).values(), 0.0, row.below.size[axis] - 1.0]
        found += [-min(places), max(places) - (row.below.size[axis] - 1)]
    return found[0], found[1], found[2], found[3]
