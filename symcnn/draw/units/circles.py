"""Networks of one-row maps: each unit a circle, a layer a row, the input at the bottom."""

from __future__ import annotations

from itertools import pairwise

from ..canvas.geometry import Point
from ..canvas.text_metrics import text_width
from .captions import Filters, dash, label_lines, sentences, title, weight_name
from .chain import Chain
from .legend import dashes_beside
from .rows import Held, Row
from .sheet import MARGIN, Sheet

_LABELS = 158.0
"""The room for the names of rows, left of the units, at most."""
_LINE = 15.0
"""From one line of a label to the next."""
_MANY = 5
"""From so many lines to a unit on, lines are thinner."""
ROOM = 860.0
LARGEST, SMALLEST = 46.0, 22.0
"""From one unit to the next."""
_DENSE = 16
"""How many units of a dense layer are drawn at most."""

Lines = list[tuple[Point, Point]]


def line_of_units(chain: Chain) -> int | None:
    """The axis along which all maps lie, where they are one unit wide and not too long; else None.

    0: from top to bottom, 1: from left to right.
    """
    rows = [row for row in chain.rows if row.kind != "dense"]
    for axis in (1, 0):
        if all(row.size[1 - axis] == 1 for row in rows):
            return axis if _span(rows, axis) * SMALLEST <= ROOM else None
    return None


def _span(rows: list[Row], axis: int) -> float:
    """How many units of the input the rows take from left to right."""
    low, high = _reach(rows, axis)
    return high - low + 1


def _reach(rows: list[Row], axis: int) -> tuple[float, float]:
    ends = [row.sides[axis].place(n) for row in rows for n in (0, len(row.sides[axis].held) - 1)]
    for below, above in pairwise(rows):
        ends += [below.sides[axis].place(n) for n in above.zeros(axis).values()]
    return min(ends), max(ends)


class Circles:
    """The figure of a chain of one-row maps.

    Parameters
    ----------
    chain : Chain
    axis : int
        From `line_of_units`.
    most : int
        How many maps of a row are drawn at most.
    """

    def __init__(self, chain: Chain, axis: int, most: int) -> None:
        self.chain, self.rows, self.axis, self.most = chain, chain.rows, axis, most
        self.filters = Filters(chain.rows, most)
        grids = [row for row in self.rows if row.kind != "dense"]
        self.low, high = _reach(grids, axis)
        self.span = high - self.low
        self.pitch = min(LARGEST, ROOM / (self.span + 1))
        self.radius = min(13.0, 0.4 * self.pitch)
        wide = max(text_width(text, size) for row in self.rows for text, size, _ in self._label_lines(row))
        self.left = MARGIN + wide + self.radius + 20
        self.heights = self._heights()

    def _heights(self) -> dict[Row, float]:
        """The y of the first map of each row."""
        rises, y, label = {}, 0.0, 0.0
        for row in self.rows:
            half = (self._drawn(row) - 1) * self._rise() / 2
            before, label = label, _LINE * len(self._label_lines(row)) / 2 + 3
            if row.below is not None:
                under = (self._drawn(row.below) - 1) * self._rise()
                y += max(under + self._gap(row), before + label + under / 2 - half)
            rises[row] = y
        top = MARGIN + y + max(2 * half + self.radius + 8, half + label)
        return {row: top - rise for row, rise in rises.items()}

    def _gap(self, row: Row) -> float:
        """From the last map of the row below up to the first one of `row`."""
        if row.kind in ("pool", "local"):
            return 95.0
        return 200.0 if self._is_dense(row) else 150.0

    def _is_dense(self, row: Row) -> bool:
        """Whether many lines lead to each unit."""
        assert row.below is not None
        return row.kind == "conv" and self._drawn(row.below) * len(row.taps(self.axis)) > _MANY

    def _rise(self) -> float:
        """From one map of a row up to the next."""
        return 2 * self.radius + 14

    def _drawn(self, row: Row) -> int:
        """How many of a row's maps, one above the other, are drawn."""
        return 1 if row.kind == "dense" else min(row.maps, self.most)

    def _units(self, row: Row) -> int:
        """How many units of each map are drawn."""
        fit = max(2, min(_DENSE, int(self.span * self.pitch / (2 * self.radius + 8)) + 1))
        return min(row.maps, fit) if row.kind == "dense" else len(row.sides[self.axis].held)

    def at(self, row: Row, unit: int, n: float) -> Point:
        """Where a unit stands: `unit` is the number of its map."""
        if row.kind == "dense":
            units = self._units(row)
            step = min(max(self.span * self.pitch / units, 2 * self.radius + 8), 70.0)
            return self.left + self.span * self.pitch / 2 + (n - (units - 1) / 2) * step, self.heights[row]
        drawn = self._drawn(row)
        aside = 0.8 * self.pitch / drawn * unit if drawn > 1 else 0.0
        x = self.left + (row.sides[self.axis].place(n) - self.low) * self.pitch + aside
        return x, self.heights[row] - unit * self._rise()

    # Drawing -------------------------------------------------------------------------------

    def draw(self, sheet: Sheet) -> None:
        """Draw everything."""
        for row in self.rows[1:]:
            self._lines(sheet, row)
        for row in self.rows:
            self._circles(sheet, row)
            self._label(sheet, row)
        right = sheet.width + 36
        dashes_beside(sheet, self.rows, self.filters, self.most, self.axis, (right, MARGIN + 14))
        width = max(sheet.width, 560.0) - MARGIN
        sheet.paragraph(sentences(self.chain, True, self.most), (MARGIN, sheet.height + 34), width)

    def _circles(self, sheet: Sheet, row: Row) -> None:
        kind = {"conv": "tied", "local": "free", "pool": "pooled", "dense": "free", "input": "input"}[row.kind]
        for unit in range(self._drawn(row)):
            for n in range(self._units(row)):
                named = f"{title(row)}-{n}" if row.kind == "dense" else f"{title(row)}-{unit}-{n}"
                letter = self.filters.of(row, unit).letter if row.kind == "conv" else ""
                about = f"unit {n} of {title(row)}" + (f", filter {letter}" if letter else "")
                colour = self.filters.colour(row, unit) if row.kind != "dense" else ""
                with sheet.group(named, f"{kind} {colour}".strip(), named, about):
                    sheet.circle(self.at(row, unit, n), self.radius, "unit")
                    if letter:
                        sheet.letter(self.at(row, unit, n), letter, self._letter_size(letter))

    def _letter_size(self, letter: str) -> float:
        return min(0.85 * self.radius, 2.1 * self.radius / (len(letter) + 0.6))

    def _label(self, sheet: Sheet, row: Row) -> None:
        """The name of a row, left of it, and how much of it is not drawn."""
        lines = self._label_lines(row)
        y = self.heights[row] - (self._drawn(row) - 1) * self._rise() / 2 - (len(lines) - 1) * _LINE / 2 + 4
        with sheet.group(f"{title(row)}-label", "label", title(row), ", ".join(text for text, _, _ in lines)):
            for n, (text, size, kind) in enumerate(lines):
                sheet.text((MARGIN, y + _LINE * n), text, size, kind)

    def _label_lines(self, row: Row) -> list[tuple[str, float, str]]:
        drawn = self._units(row) if row.kind == "dense" else self._drawn(row)
        return label_lines(row, drawn, True, _LABELS)

    # Lines ---------------------------------------------------------------------------------

    def _lines(self, sheet: Sheet, row: Row) -> None:
        if row.kind == "dense":
            self._dense_lines(sheet, row)
            return
        self._padding(sheet, row)
        for unit in range(self._drawn(row)):
            if row.exists is None:
                self._windows(sheet, row, unit)
            else:
                self._weights(sheet, row, unit)

    def _windows(self, sheet: Sheet, row: Row, unit: int) -> None:
        """All lines of a map whose windows have no weight for each tap."""
        drawn = self._drawn(row.below) if row.below is not None else 0
        ends = [(c, tap) for c in row.seen(unit) if c < drawn for tap in row.taps(self.axis)]
        lines = [line for c, tap in ends for line, _ in self._read(row, unit, c, tap)]
        kind = {"conv": "tied", "local": "free", "pool": "pooled"}[row.kind]
        about = f"{row.mode} of each window" if row.mode else "what each unit reads"
        with sheet.group(f"{title(row)}-{unit}-lines", f"{kind} {self.filters.colour(row, unit)}".strip(),
                         f"{title(row)}, map {unit}", about):  # fmt: skip
            sheet.lines(lines, "pool")

    def _weights(self, sheet: Sheet, row: Row, unit: int) -> None:
        """All lines of a filter, a group for each weight: they are the same weight at every unit."""
        assert row.below is not None and row.exists is not None
        one = self._shown_unit(row, unit)
        found, many = self.filters.of(row, unit), " many" if self._is_dense(row) else ""
        for c in range(self._drawn(row.below)):
            for number, tap in enumerate(row.taps(self.axis)):
                if not row.exists[unit, c, tap[0], tap[1]]:
                    continue
                read = self._read(row, unit, c, tap)
                name = weight_name(row, found.letter, c, tap)
                with sheet.group(f"{title(row)}-{name}", f"weight {found.colour}", name, f"filter {found.letter}"):
                    zeros = self._read_zeros(row, unit, c, tap)
                    sheet.lines(zeros, f"faint{many}", dash(number))
                    sheet.lines([line for line, n in read if n != one], f"faint{many}", dash(number))
                    sheet.lines([line for line, n in read if n == one], f"strong{many}", dash(number))

    def _read(self, row: Row, unit: int, channel: int, tap: tuple[int, int]) -> list[tuple[tuple[Point, Point], int]]:
        """The lines from each unit of a map to what it reads by one tap, each with the unit's number."""
        assert row.below is not None
        windows: tuple[Held, ...] = row.reads[self.axis]
        ends = ((n, window[tap[self.axis]]) for n, window in enumerate(windows) if tap[self.axis] < len(window))
        return [((self.at(row, unit, n), self.at(row.below, channel, m)), n) for n, m in ends if m is not None]

    def _read_zeros(self, row: Row, unit: int, channel: int, tap: tuple[int, int]) -> Lines:
        assert row.below is not None
        zeros = row.zeros(self.axis).items()
        return [(self.at(row, unit, n), self.at(row.below, channel, m)) for (n, v), m in zeros if v == tap[self.axis]]

    def _padding(self, sheet: Sheet, row: Row) -> None:
        """The zeros beside the row below."""
        assert row.below is not None
        places = sorted(set(row.zeros(self.axis).values()))
        for channel in range(self._drawn(row.below)):
            for m in places:
                with sheet.group(f"{title(row.below)}-zero", "padding", "0", f"padding of {title(row.below)}"):
                    at = self.at(row.below, channel, m)
                    sheet.circle(at, 0.7 * self.radius, "zero")
                    sheet.letter(at, "0", 0.7 * self.radius, "quiet")

    def _dense_lines(self, sheet: Sheet, row: Row) -> None:
        below = row.below
        assert below is not None
        if below.kind == "dense":
            ends = [self.at(below, 0, n) for n in range(self._units(below))]
        else:
            held = [n for n in row.reads[self.axis][0] if n is not None]
            ends = [self.at(below, unit, n) for unit in range(self._drawn(below)) for n in held]
        lines = [(self.at(row, 0, n), end) for n in range(self._units(row)) for end in ends]
        with sheet.group(f"{title(row)}-lines", "dense", f"weights of {title(row)}", "fully connected"):
            sheet.lines(lines, "faint" if len(lines) < 100 else "faint many")

    def _shown_unit(self, row: Row, unit: int) -> int:
        """The unit whose lines are strong: another place for each filter, away from the padding."""
        windows = row.reads[self.axis]
        inner = [n for n, window in enumerate(windows) if None not in window] or list(range(len(windows)))
        return inner[(2 * unit + 1) * len(inner) // (2 * self._drawn(row))]
