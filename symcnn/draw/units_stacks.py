"""Networks of maps: each layer a stack of maps, from left to right, with frames around what a unit reads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from .geometry import Point, Rect
from .metrics import text_width, wrapped
from .typeset import plain_text
from .units_chain import Chain
from .units_legend import filters_below
from .units_rows import Held, Row
from .units_sheet import BODY, MARGIN, SMALL, Sheet
from .units_words import Filters, count, details, sentences, title

WIDEST = 1400.0
_GAP = 84.0
_OFFSET = 15.0
"""How far each map of a stack stands right of and above the one before it."""
_DENSE = 10
"""How many units of a dense layer are drawn."""
_RADIUS, _PITCH = 7.0, 21.0
_UNITS = ((0.66, 0.3), (0.3, 0.12))
"""Which units are framed, as parts of a map's height and width: the first with strong lines."""


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
    """

    row: Row
    front: Rect
    drawn: int

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


def _side(size: tuple[int, int]) -> tuple[float, float]:
    """Height and width of a map on the page."""
    longest = max(size)
    scale = min(128.0, 20 + 3.4 * longest) / longest
    return max(scale * size[0], 12.0), max(scale * size[1], 12.0)


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
        self.borders = {below: _border(above) for below, above in pairwise(self.rows)}
        """How many zeros are around the maps of a row: above, below, left, right."""

    def draw(self, sheet: Sheet) -> None:
        """Draw everything."""
        y = MARGIN
        for band in self._bands():
            y = self._band(sheet, band, y) + 30
        y = sheet.height + 34
        width = max(sheet.width, 640.0) - MARGIN
        filters_below(sheet, self.rows, self.filters, self.most, (MARGIN, y), width)
        said = sentences(self.chain, False, self.most)
        if len(self.rows) > 1:
            said.insert(-1, "Frames show what a unit reads.")
        sheet.paragraph(said, (MARGIN, sheet.height + 28), width)

    # Places --------------------------------------------------------------------------------

    def _bands(self) -> list[list[Row]]:
        """The rows side by side; what does not fit goes on below, where the last row is drawn once more."""
        bands, x = [[self.rows[0]]], self._room(self.rows[0])
        for row in self.rows[1:]:
            room = self._room(row)
            if x + _GAP + room > WIDEST - 2 * MARGIN and len(bands[-1]) > 1:
                bands.append([bands[-1][-1]])
                x = self._room(bands[-1][0])
            bands[-1].append(row)
            x += _GAP + room
        return bands

    def _drawn(self, row: Row) -> int:
        return min(row.maps, _DENSE if row.kind == "dense" else self.most)

    def _extent(self, row: Row) -> tuple[float, float]:
        """Height and width of a whole stack, with the zeros around its maps."""
        drawn = self._drawn(row)
        if row.kind == "dense":
            return drawn * _PITCH, 2 * _RADIUS
        (height, width), border = _side(row.size), self._zeros(row)
        more = (drawn - 1) * _OFFSET
        return height + border[0] + max(border[1], more), width + border[2] + max(border[3], more)

    def _zeros(self, row: Row) -> tuple[float, float, float, float]:
        """The widths of the zeros around a map: below, above, left and right of it."""
        height, width = _side(row.size)
        above, beneath, left, right = self.borders.get(row, (0.0, 0.0, 0.0, 0.0))
        tall, wide = height / row.size[0], width / row.size[1]
        return beneath * tall, above * tall, left * wide, right * wide

    def _room(self, row: Row) -> float:
        words = [title(row), count(row, False)]
        return max(self._extent(row)[1], 76.0, *(min(text_width(w, BODY), 130.0) for w in words))

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
        return max(self._label(sheet, stack, top + height + 24) for stack in stacks)

    def _stack(self, row: Row, x: float, y: float) -> Stack:
        """A row's stack around a point."""
        tall, wide = self._extent(row)
        if row.kind == "dense":
            return Stack(row, Rect(x - _RADIUS, y - tall / 2, 2 * _RADIUS, tall), self._drawn(row))
        height, width = _side(row.size)
        beneath, _, left, _ = self._zeros(row)
        front = Rect(x - wide / 2 + left, y + tall / 2 - beneath - height, width, height)
        return Stack(row, front, self._drawn(row))

    # Drawing -------------------------------------------------------------------------------

    def _maps(self, sheet: Sheet, stack: Stack) -> None:
        """The maps, the first in front; or the units of a dense layer."""
        row = stack.row
        if row.kind == "dense":
            for n in range(stack.drawn):
                with sheet.group(f"{title(row)}-{n}", "free", f"{title(row)}, unit {n}", "weights of its own"):
                    sheet.circle(stack.circle(n), _RADIUS, "unit")
            return
        kind = {"conv": "tied", "pool": "pooled", "input": "input"}[row.kind]
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
                if letter:
                    tag = Rect(place.right - 14, place.y, 14, 14)
                    sheet.rect(tag, "swatch")
                    sheet.letter(tag.centre, letter, 10 if len(letter) == 1 else 8)

    def _frames(self, sheet: Sheet, below: Stack, above: Stack) -> None:
        """Two units of the first map, and frames around what they read."""
        row = above.row
        found = self.filters.of(row, 0) if row.kind == "conv" else None
        colour = found.colour if found else self.filters.colour(row, 0)
        for number, unit in enumerate(_framed(row)):
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

    def _label(self, sheet: Sheet, stack: Stack, y: float) -> float:
        """What stands below a stack; where it ends."""
        row = stack.row
        x, room = stack.front.centre[0], self._room(row) + _GAP - 14
        if row.kind != "dense":
            x += (stack.drawn - 1) * _OFFSET / 2
        lines = [(title(row), BODY, "bold"), (count(row, False), BODY, "")]
        lines += [(line, SMALL, "quiet") for line in details(row, False)]
        if row.maps > stack.drawn:
            lines.append((f"… {row.maps:,} {'units' if row.kind == 'dense' else 'maps'}", SMALL, "quiet"))
        fitted = [(t, s, k) for text, s, k in lines for t in wrapped(plain_text(text), s, room, 3)]
        with sheet.group(f"{title(row)}-label", "label", title(row), ", ".join(text for text, _, _ in lines)):
            for n, (text, size, kind) in enumerate(fitted):
                sheet.text((x, y + 15 * n), text, size, kind, "middle")
        return y + 15 * len(fitted)


def _framed(row: Row) -> list[tuple[int, int]]:
    """The units whose frames are drawn: away from the padding where there are such."""
    inner = []
    for windows in row.reads:
        free = [n for n, window in enumerate(windows) if None not in window]
        inner.append(free or list(range(len(windows))))
    rows, columns = inner
    units = [(rows[int(a * len(rows))], columns[int(b * len(columns))]) for a, b in _UNITS]
    return list(dict.fromkeys(units))


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
