"""Networks of maps that are one unit wide: each unit a circle, a layer a row, the input at the bottom."""

from __future__ import annotations

from itertools import pairwise, product

from ..canvas.geometry import Point
from ..canvas.text_metrics import text_width
from .chain import Chain
from .figure import CLASSES, Figure, dash, title, weight_name
from .rows import Row
from .sheet import MARGIN, Sheet

_LABELS = 158.0
"""The room for the names of rows, left of the units, at most."""
_MANY = 5
"""From so many lines to a unit on, lines are thinner."""
_ROOM, _LARGEST, _SMALLEST = 860.0, 46.0, 22.0
"""For all units of a row, and from one of them to the next."""
Line = tuple[Point, Point]
_DENSE = 16
"""How many units of a dense layer are drawn at most."""


def line_of_units(chain: Chain) -> int | None:
    """The axis along which all maps lie, where they are one unit wide and not too long; else None.

    0: from top to bottom, 1: from left to right.
    """
    rows = [row for row in chain.rows if row.kind != "dense"]
    for axis in (1, 0):
        if all(row.size[1 - axis] == 1 for row in rows):
            low, high = _ends(rows, axis)
            return axis if (high - low + 1) * _SMALLEST <= _ROOM else None
    return None


def _ends(rows: list[Row], axis: int) -> tuple[float, float]:
    """Where the first and the last unit are, or the zeros beside them, counted in units of the input."""
    ends = [row.place(axis, n) for row in rows for n in (0, row.size[axis] - 1)]
    ends += [below.place(axis, n) for below, above in pairwise(rows) for n in above.zeros(axis).values()]
    return min(ends), max(ends)


class Circles(Figure):
    """The figure of a chain of maps that are one unit wide, along `axis`."""

    def __init__(self, chain: Chain, most: int, axis: int) -> None:
        maps = [row for row in chain.rows if row.kind != "dense"]
        self.axis, (self.low, high) = axis, _ends(maps, axis)
        self.pitch = min(_LARGEST, _ROOM / (high - self.low + 1))
        self.span = (high - self.low) * self.pitch
        self.radius = min(13.0, 0.4 * self.pitch)
        super().__init__(chain, most, True, max(2, min(_DENSE, int(self.span / (2 * self.radius + 8)) + 1)))
        self.labels = {row: self.label_lines(row, _LABELS) for row in self.rows}
        wide = max(text_width(text, size) for lines in self.labels.values() for text, size, _ in lines)
        self.left = MARGIN + wide + self.radius + 20
        self.rise = 2 * self.radius + 14
        self.heights = self._heights()

    def draw(self, sheet: Sheet) -> None:
        """Draw everything."""
        for row in self.rows[1:]:
            self._lines(sheet, row)
        for row in self.rows:
            self._circles(sheet, row)
            y = self.heights[row] - self._rise(row) / 2 - (len(self.labels[row]) - 1) * 7.5 + 4
            self.label(sheet, row, self.labels[row], (MARGIN, y))
        self.dashes_beside(sheet, self.axis, (sheet.width + 36, MARGIN + 14))
        sheet.paragraph(self.sentences(), (MARGIN, sheet.height + 34), max(sheet.width, 560.0) - MARGIN)

    # Places --------------------------------------------------------------------------------

    def _rise(self, row: Row) -> float:
        """From the first map of a row up to the last one."""
        return 0.0 if row.kind == "dense" else (self.drawn(row) - 1) * self.rise

    def _heights(self) -> dict[Row, float]:
        """The y of the first map of each row."""
        rises, y, label = {}, 0.0, 0.0
        for row in self.rows:
            half = self._rise(row) / 2
            before, label = label, 7.5 * len(self.labels[row]) + 3
            if row.below is not None:
                under = self._rise(row.below)
                gap = 95.0 if row.kind in ("pool", "local") else 200.0 if self._has_many(row) else 150.0
                y += max(under + gap, before + label + under / 2 - half)
            rises[row] = y
        top = MARGIN + y + max(2 * half + self.radius + 8, half + label)
        return {row: top - rise for row, rise in rises.items()}

    def _has_many(self, row: Row) -> bool:
        """Whether many lines lead to each unit."""
        return row.kind == "conv" and self.drawn(self.rows[self.rows.index(row) - 1]) * len(row.taps(self.axis)) > _MANY

    def at(self, row: Row, unit: int, n: float) -> Point:
        """Where the n-th unit of a map stands; of a dense layer, `unit` is 0."""
        drawn = self.drawn(row)
        if row.kind == "dense":
            step = min(max(self.span / drawn, 2 * self.radius + 8), 70.0)
            return self.left + self.span / 2 + (n - (drawn - 1) / 2) * step, self.heights[row]
        aside = 0.8 * self.pitch / drawn * unit
        x = self.left + (row.place(self.axis, n) - self.low) * self.pitch + aside
        return x, self.heights[row] - unit * self.rise

    # Drawing -------------------------------------------------------------------------------

    def _each(self, row: Row) -> list[tuple[int, int]]:
        """The map and the number of each unit that is drawn."""
        if row.kind == "dense":
            return [(0, n) for n in range(self.drawn(row))]
        return list(product(range(self.drawn(row)), range(row.size[self.axis])))

    def _circles(self, sheet: Sheet, row: Row) -> None:
        for unit, n in self._each(row):
            key = f"{title(row)}-{n}" if row.kind == "dense" else f"{title(row)}-{unit}-{n}"
            letter = self.letter(row, unit)
            about = f"unit {n} of {title(row)}" + (f", filter {letter}" if letter else "")
            with sheet.group(key, f"{CLASSES[row.kind]} {self.colour(row, unit)}", about):
                sheet.circle(self.at(row, unit, n), self.radius, "unit")
                if letter:
                    sheet.letter(self.at(row, unit, n), letter, 2 * self.radius)

    def _lines(self, sheet: Sheet, row: Row) -> None:
        """The lines from a row to the one below."""
        below, axis, name = self.rows[self.rows.index(row) - 1], self.axis, title(row)
        if row.kind == "dense":
            held = {n for n in row.reads[axis][0] if n is not None}
            ends = [self.at(below, unit, n) for unit, n in self._each(below) if below.kind == "dense" or n in held]
            lines = [(self.at(row, 0, n), end) for n in range(self.drawn(row)) for end in ends]
            with sheet.group(f"{name}-lines", "dense", f"weights of {name}: fully connected"):
                sheet.lines(lines, "faint" if len(lines) < 100 else "faint many")
            return
        for channel, n in product(range(self.drawn(below)), sorted(set(row.zeros(axis).values()))):
            with sheet.group(f"{title(below)}-zero", "padding", f"padding of {title(below)}"):
                sheet.circle(self.at(below, channel, n), 0.7 * self.radius, "zero")
                if row.kind != "pool":
                    sheet.letter(self.at(below, channel, n), "0", 1.1 * self.radius, "quiet")
        for unit in range(self.drawn(row)):
            self._lines_of_map(sheet, below, row, unit)

    def _lines_of_map(self, sheet: Sheet, below: Row, row: Row, unit: int) -> None:
        """A group for each weight, which is the same one at every unit; one group where no tap has its own."""
        seen = [c for c in row.seen(unit) if c < self.drawn(below)]
        ends = product(seen, enumerate(row.taps(self.axis)))
        name, colour = title(row), self.colour(row, unit)
        if row.exists is None:
            lines = [line for c, (_, tap) in ends for line, _ in self._read(below, row, unit, c, tap[self.axis])]
            about = f"{row.mode} of each window" if row.mode else "what each unit reads"
            with sheet.group(f"{name}-{unit}-lines", f"{CLASSES[row.kind]} {colour}", f"{name}, map {unit}: {about}"):
                sheet.lines(lines, "pool")
            return
        one, many, letter = self._strong_unit(row, unit), " many" * self._has_many(row), self.letter(row, unit)
        for c, (number, tap) in ends:
            if not row.exists[unit, c, tap[0], tap[1]]:
                continue
            read, weight = self._read(below, row, unit, c, tap[self.axis]), weight_name(row, letter, c, tap)
            with sheet.group(f"{name}-{weight}", f"weight {colour}", f"{weight} of filter {letter}"):
                sheet.lines([line for line, n in read if n != one], f"faint{many}", dash(number))
                sheet.lines([line for line, n in read if n == one], f"strong{many}", dash(number))

    def _read(self, below: Row, row: Row, unit: int, channel: int, tap: int) -> list[tuple[Line, int | None]]:
        """The lines from the units of a map to what they read by a tap, each with the unit; None for padding."""
        ends = [(n, float(m), True) for n, taps in enumerate(row.reads[self.axis])
                for m in taps[tap : tap + 1] if m is not None]  # fmt: skip
        ends += [(n, place, False) for (n, t), place in row.zeros(self.axis).items() if t == tap]
        return [((self.at(row, unit, n), self.at(below, channel, m)), n if read else None) for n, m, read in ends]

    def _strong_unit(self, row: Row, unit: int) -> int:
        """The unit whose lines are strong: another place for each filter, away from the padding."""
        windows = row.reads[self.axis]
        inner = [n for n, window in enumerate(windows) if None not in window] or list(range(len(windows)))
        return inner[(2 * unit + 1) * len(inner) // (2 * self.drawn(row))]
