"""Networks of maps: each layer a stack of maps, from left to right, with frames around what a unit reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from ..canvas.geometry import Point, Rect
from ..canvas.text_metrics import text_width
from .chain import Chain
from .figure import CLASSES, Figure, Lines, swatch, title
from .rows import Row
from .sheet import MARGIN, SMALL, Sheet

_WIDEST, _GAP = 1400.0, 64.0
"""How wide the figure is at most, and from one stack to the next."""
_LABEL = 108.0
"""How wide what stands below a narrow stack is at most."""
_OFFSET = 15.0
"""How far each map of a stack stands right of and above the one before it."""
_THIN = 14.0
"""How thin a map is at least: a letter fits in."""
_DENSE, _RADIUS, _PITCH = 10, 7.0, 21.0
"""How many units of a dense layer are drawn, how large, and from one to the next."""
_UNITS = ((0.66, 0.3), (0.3, 0.12))
"""Which units of the last maps are framed, as parts of their height and width: the first with strong lines."""
_INSIDE = (0.5, 0.1)
"""Which unit of a frame, as a part of its height and width, is the one whose own frame is drawn further below."""
_SCALES = ((1.6, 1100.0), (1.3, _WIDEST), (1.15, _WIDEST), (1.0, _WIDEST))
"""How large maps are drawn, and how wide a figure may be for that."""

Unit = tuple[int, int]


@dataclass(frozen=True)
class Stack:
    """How a row is drawn."""

    row: Row
    drawn: int  # how many maps, or units of a dense layer
    front: Rect  # the first map; for a dense layer, around all units
    border: tuple[tuple[float, float], ...]  # of zeros, above and below the maps, and left and right of them
    lines: Lines  # what stands below
    is_turned: bool  # whether rows of the maps are drawn from top to bottom

    @property
    def extent(self) -> tuple[float, float]:
        """Height and width of the whole stack, with the zeros around its maps."""
        (above, beneath), (left, right) = self.border
        more = 0.0 if self.row.kind == "dense" else (self.drawn - 1) * _OFFSET
        return self.front.height + beneath + max(above, more), self.front.width + left + max(right, more)

    @property
    def room(self) -> float:
        """The width of the stack and of what stands below it."""
        return max(self.extent[1], *(text_width(text, size) for text, size, _ in self.lines))

    def placed(self, x: float, y: float) -> Stack:
        """The stack around a point."""
        (_, beneath), (left, _) = self.border
        tall, wide = self.extent
        corner = x - wide / 2 + left, y + tall / 2 - beneath - self.front.height
        return replace(self, front=Rect(*corner, self.front.width, self.front.height))

    def map(self, unit: int) -> Rect:
        """Where a map is."""
        return self.front.moved(unit * _OFFSET, -unit * _OFFSET)

    def circle(self, n: int) -> Point:
        """The middle of a dense unit."""
        return self.front.centre[0], self.front.y + _PITCH * (n + 0.5)

    def cells(self, unit: int, rows: Iterable[int | None], columns: Iterable[int | None]) -> list[Rect]:
        """Rectangles around units of a map."""
        place, (height, width) = self.map(unit), self.row.size
        if self.is_turned:
            height, width, rows, columns = width, height, columns, rows
        tall, wide = place.height / height, place.width / width
        return [
            Rect(place.x + left * wide, place.y + top * tall, (right - left) * wide, (bottom - top) * tall)
            for top, bottom in _runs(rows)
            for left, right in _runs(columns)
        ]


def _runs(units: Iterable[int | None]) -> list[Unit]:
    """Stretches of neighbours, each as (first, behind the last)."""
    found: list[Unit] = []
    for n in units:
        if n is not None and found and found[-1][1] == n:
            found[-1] = (found[-1][0], n + 1)
        elif n is not None:
            found.append((n, n + 1))
    return found


class Stacks(Figure):
    """The figure of a chain of maps."""

    def __init__(self, chain: Chain, most: int) -> None:
        super().__init__(chain, most, False, _DENSE)
        self.is_turned = all(row.size[0] == 1 for row in self.rows)
        """Long rows are drawn from top to bottom: so lines do not run along them."""
        self.framed = _framed([row for row in self.rows if row.kind not in ("input", "dense")])

    def draw(self, sheet: Sheet) -> None:
        """Draw everything."""
        y = MARGIN
        for band in self._bands():
            y = self._band(sheet, band, y) + 30
        width = max(sheet.width, 760.0) - MARGIN
        self.filters_below(sheet, (MARGIN, sheet.height + 34), width)
        sentences = self.sentences()
        if self.is_turned:
            sentences.insert(0, "Each map is one row, drawn from top to bottom.")
        sentences.insert(-1, "Frames show what the unit at the end of their lines reads." * (len(self.rows) > 1))
        sheet.paragraph(sentences, (MARGIN, sheet.height + 28), width)

    # Places --------------------------------------------------------------------------------

    def _bands(self) -> list[list[Stack]]:
        """The stacks side by side; what does not fit goes on below, where the last stack is drawn once more."""
        for scale, width in _SCALES:
            bands: list[list[Stack]] = [[]]
            x = 2 * MARGIN
            for row, above in zip(self.rows, [*self.rows[1:], None], strict=True):
                stack = self._stack(row, above, scale)
                if x + stack.room > width and len(bands[-1]) > 1:
                    bands.append([bands[-1][-1]])
                    x = 2 * MARGIN + bands[-1][0].room + _GAP
                bands[-1].append(stack)
                x += stack.room + _GAP
            if len(bands) == 1:
                break
        return bands

    def _stack(self, row: Row, above: Row | None, scale: float) -> Stack:
        """A row as it is drawn, somewhere."""
        drawn, border = self.drawn(row), ((0.0, 0.0), (0.0, 0.0))
        if row.kind == "dense":
            height, width = drawn * _PITCH, 2 * _RADIUS
        else:
            turn = -1 if self.is_turned else 1
            counts = row.size[::turn]
            unit = scale * min(128.0, 20 + 3.4 * max(counts)) / max(counts)
            height, width = (max(unit * n, _THIN) for n in counts)
            if above is not None:
                (up, down), (left, right) = (_border(above, axis) for axis in (0, 1)[::turn])
                tall, wide = height / counts[0], width / counts[1]
                border = ((up * tall, down * tall), (left * wide, right * wide))
        stack = Stack(row, drawn, Rect(0, 0, width, height), border, [], self.is_turned)
        return replace(stack, lines=self.label_lines(row, max(stack.extent[1], _LABEL)))

    def _band(self, sheet: Sheet, band: list[Stack], top: float) -> float:
        """Draw stacks side by side from `top` on; where they end."""
        height, x, stacks = max(stack.extent[0] for stack in band), MARGIN, []
        for stack in band:
            stacks.append(stack.placed(x + stack.room / 2, top + height / 2))
            x += stack.room + _GAP
        for below, above in pairwise(stacks):
            if above.row.kind == "dense":
                self._fan(sheet, below, above)
        for stack in stacks:
            self._maps(sheet, stack)
        for below, above in pairwise(stacks):
            if above.row.kind != "dense":
                self._frames(sheet, below, above)
        for stack in stacks:
            self._letters(sheet, stack)
            is_again = stack is stacks[0] and stack.row is not self.rows[0]
            x = stack.front.x - stack.border[1][0] + stack.extent[1] / 2
            lines = [*stack.lines, *[("as above", SMALL, "quiet")] * is_again]
            self.label(sheet, stack.row, lines, (x, top + height + 24), "middle")
        return sheet.height

    # Drawing -------------------------------------------------------------------------------

    def _maps(self, sheet: Sheet, stack: Stack) -> None:
        """The maps, the first in front; or the units of a dense layer."""
        row, name = stack.row, title(stack.row)
        (above, beneath), (left, right) = stack.border
        for unit in reversed(range(stack.drawn)):
            if row.kind == "dense":
                with sheet.group(f"{name}-{unit}", "free", f"{name}, unit {unit}: weights of its own"):
                    sheet.circle(stack.circle(unit), _RADIUS, "unit")
                continue
            letter, m = self.letter(row, unit), stack.map(unit)
            about = f"map {unit} of {name}" + (f", filter {letter}" if letter else "")
            with sheet.group(f"{name}-{unit}", f"{CLASSES[row.kind]} {self.colour(row, unit)}", about):
                if unit == 0 and any(map(any, stack.border)):
                    around = Rect(m.x - left, m.y - above, m.width + left + right, m.height + above + beneath)
                    sheet.rect(around, "frame zero")
                sheet.rect(m, "map")

    def _letters(self, sheet: Sheet, stack: Stack) -> None:
        """The letter of each map, in its upper right corner."""
        for unit in range(stack.drawn) if stack.row.kind == "conv" else ():
            letter, place = self.letter(stack.row, unit), stack.map(unit)
            with sheet.group(f"{title(stack.row)}-{unit}-letter", self.colour(stack.row, unit), f"filter {letter}"):
                swatch(sheet, Rect(place.right - 14, place.y, 14, 14), letter)

    def _frames(self, sheet: Sheet, below: Stack, above: Stack) -> None:
        """Some units of the first map, and frames around what they read."""
        row, letter = above.row, self.letter(above.row, 0)
        for number, (i, j) in enumerate(self.framed[row]):
            about = f"what unit {i}, {j}" + (f" of filter {letter}" if letter else "") + " reads"
            seen = [c for c in row.seen(0) if c < below.drawn]
            frames = [cell for c in seen for cell in below.cells(c, row.reads[0][i], row.reads[1][j])]
            (dot,) = above.cells(0, (i,), (j,))
            with sheet.group(f"{title(row)}-frame-{i}-{j}", f"reads {self.colour(row, 0)}", about):
                if frames:
                    first, last = (pick(frames, key=lambda frame: frame.x - frame.y) for pick in (max, min))
                    ends = [((first.right, first.y), (dot.x, dot.y)), ((last.right, last.bottom), (dot.x, dot.bottom))]
                    sheet.lines(ends, "faint" if number else "strong")
                for frame in frames:
                    sheet.rect(frame, "frame second" if number else "frame")
                sheet.rect(dot, "dot")

    def _fan(self, sheet: Sheet, below: Stack, above: Stack) -> None:
        """The lines of a dense layer: from all that is drawn below to all of its units."""
        last, first = below.map(below.drawn - 1), below.front
        starts = [(last.right, last.y), (first.right, first.bottom)]
        if below.row.kind == "dense":
            starts = [below.circle(n) for n in range(below.drawn)]
        name = title(above.row)
        with sheet.group(f"{name}-lines", "dense", f"weights of {name}: fully connected"):
            sheet.lines([(start, above.circle(n)) for start in starts for n in range(above.drawn)], "faint")


def _framed(rows: list[Row]) -> dict[Row, list[Unit]]:
    """The units whose frames are drawn, of each row: from the last one down, a unit that a frame above it holds.

    Where there is a stride, the one right of the first is framed, too.
    """
    found: dict[Row, list[Unit]] = {}
    units = [(_inner(rows[-1], 0, None, a), _inner(rows[-1], 1, None, b)) for a, b in _UNITS]
    for row in reversed(rows):
        (i, j), *_ = units
        is_strided = any(text.startswith("stride") for text in row.how) and j + 1 < row.size[1]
        found[row] = list(dict.fromkeys([*units, *[(i, j + 1)] * is_strided]))
        below = row.below
        if below is not None and below.kind != "input":
            units = [
                (_inner(below, 0, row.reads[0][i], part), _inner(below, 1, row.reads[1][j], part))
                for (i, j), part in zip(units, _INSIDE, strict=True)
            ]
    return found


def _inner(row: Row, axis: int, among: Iterable[int | None] | None, part: float) -> int:
    """A unit along an axis, away from the padding where there is one."""
    windows = row.reads[axis]
    units = [n for n in (range(len(windows)) if among is None else among) if n is not None] or [0]
    inner = [n for n in units if None not in windows[n]] or units
    return inner[int(part * len(inner))]


def _border(row: Row, axis: int) -> tuple[float, float]:
    """How many zeros along an axis are read before and behind the maps below a row."""
    last = row.axes[axis].below - 1
    places = [0.0, float(last), *row.zeros(axis).values()]
    return -min(places), max(places) - last
