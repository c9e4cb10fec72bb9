"""What both kinds of figures of units have: letters and colours of filters, labels, the legend, the sentences below."""

from __future__ import annotations

import numpy as np

from ...graph.node import Node
from ...text import plain_text
from ..canvas.geometry import Point, Rect
from ..canvas.text_metrics import text_width, wrapped
from .chain import Chain
from .rows import Row
from .sheet import BODY, COLOURS, SMALL, Sheet

CLASSES = {"input": "input", "conv": "tied", "local": "free", "pool": "pooled", "dense": "free"}
"""The class of each kind of units in the style sheet."""
_KINDS = {"input": "input", "conv": "conv maps", "local": "local maps", "pool": "pooled maps", "dense": "dense"}
_LINE, _SAMPLE = 17.0, 44.0
_LISTED = 9
"""Up to so many weights of a layer are listed for each filter; more of them once for all filters; and not more."""

Lines = list[tuple[str, float, str]]
"""Text, size and class of each line."""


class Figure:
    """A figure of a chain of layers.

    Parameters
    ----------
    chain : Chain
    most : int
        How many maps of a row are drawn at most.
    flat : bool
        Whether all maps are one unit wide, and weights are drawn as lines.
    units : int
        How many units of a dense layer are drawn at most.
    """

    def __init__(self, chain: Chain, most: int, flat: bool, units: int) -> None:
        self.chain, self.rows, self.most, self.flat, self.units = chain, chain.rows, most, flat, units
        self.filters: dict[tuple[Node, int], int] = {}
        """The number of each filter that is drawn; layers that share them have the same."""
        for row in self.convolutions():
            for unit in range(self.drawn(row)):
                self.filters.setdefault(row.filter(unit), len(self.filters))

    def convolutions(self) -> list[Row]:
        """The rows with filters."""
        return [row for row in self.rows if row.kind == "conv"]

    def drawn(self, row: Row) -> int:
        """How many of a row's maps are drawn; of a dense layer, its units."""
        return min(row.maps, self.units if row.kind == "dense" else self.most)

    def letter(self, row: Row, unit: int) -> str:
        """The letter of the filter that makes a map, if there is one."""
        return letters(self.filters[row.filter(unit)]) if row.kind == "conv" else ""

    def colour(self, row: Row, unit: int) -> str:
        """The colour of a map: of the filter that made it, through pools too; none for maps of the input."""
        while row.kind == "pool" and row.is_map_by_map and row.below is not None:
            row = row.below
        return f"c{self.filters[row.filter(unit)] % len(COLOURS)}" if row.kind == "conv" else ""

    # Labels --------------------------------------------------------------------------------

    def summary(self) -> str:
        """The figure in one sentence, for those who do not see it."""
        rows = (", ".join([title(row), self._count(row), *self._details(row)]) for row in self.rows)
        return "From the input upwards: " + "; ".join(rows)

    def label_lines(self, row: Row, width: float) -> Lines:
        """What stands beside a row, in lines of at most `width`."""
        small, drawn = self._details(row), self.drawn(row)
        if drawn < row.maps:
            small.append(f"… {drawn} of {row.maps:,} {'units' if row.kind == 'dense' else 'maps'}")
        lines = [(title(row), BODY, "bold"), (self._count(row), BODY, ""), *((text, SMALL, "quiet") for text in small)]
        return [(line, size, kind) for text, size, kind in lines for line in wrapped(plain_text(text), size, width, 3)]

    def label(self, sheet: Sheet, row: Row, lines: Lines, at: Point, anchor: str = "start") -> None:
        """Draw the lines of a label."""
        with sheet.group(f"{title(row)}-label", "label", ", ".join(text for text, _, _ in lines)):
            for n, (text, size, kind) in enumerate(lines):
                sheet.text((at[0], at[1] + 15 * n), text, size, kind, anchor)

    def _count(self, row: Row) -> str:
        """How many maps and units: 6@28×28, 2@8, 10 units."""
        if row.kind == "dense":
            return _many(row.maps, "unit")
        return f"{row.maps:,}@{max(row.size) if self.flat else '{}×{}'.format(*row.size)}"

    def _details(self, row: Row) -> list[str]:
        """How a row is made."""
        (height, gap), (width, across) = row.dilation(0), row.dilation(1)
        window = f"{height}×{width}" if not self.flat or 1 not in (height, width) else str(max(height, width))
        made = {"conv": f"filters of {window}", "local": f"own weights for each {window}"}
        found = [made.get(row.kind, f"{row.mode} of {window}")] if row.kind in ("conv", "local", "pool") else []
        found += [f"dilation {max(gap, across)}"] if max(gap, across) > 1 else []
        extra = [*(name for name in row.names if name != title(row)), *row.notes]
        return [*found, *row.how, *([", ".join(extra)] if extra else [])]

    # Below and beside ------------------------------------------------------------------------

    def sentences(self) -> list[str]:
        """The sentences below the figure."""
        convs, kinds = self.convolutions(), {row.kind for row in self.rows}
        found = ["Same colour and letter: tied weights."] if convs else []
        if self.flat and any(row.exists is not None for row in convs):
            several = any(len(row.seen(unit)) > 1 for row in convs for unit in range(self.drawn(row)))
            found.append(f"Same dash{' to the same map' if several else ''}: the same weight.")
        pools = [row for row in self.rows if row.kind == "pool"]
        ways = {
            f"the {p.mode} of {_many(p.window[0] * p.window[1] * len(p.seen(p.maps // 2)), 'unit')}": 0 for p in pools
        }
        found += [f"Each pooled unit is {', or '.join(ways)}."] if pools else []
        if "local" in kinds:
            found.append("The units of local maps have weights of their own, which no other unit shares.")
        if "dense" in kinds:
            found.append("A dense unit reads all units below, each with a weight of its own.")
        if self.flat and any(row.zeros(0) or row.zeros(1) for row in self.rows):
            found.append("A 0 is padding.")
        if self.flat and any(row.kind != "dense" and self.drawn(row) < row.maps for row in self.rows):
            found.append("Lines to maps that are not drawn are left out.")
        return [*found, self.chain.rest]

    def filters_below(self, sheet: Sheet, at: Point, width: float) -> None:
        """The legend below: the filters of each layer, those together that have as many weights."""
        alike: dict[str, list[int]] = {}
        for n, row, unit in self._filters():
            alike.setdefault(f"filters of {_brief(row)}: {shared(row, unit)}", []).append(n)
        entries = [(numbers, text + " each" * (len(numbers) > 1)) for text, numbers in alike.items()]
        wide = max((19 * len(numbers) + text_width(text, BODY) + 30 for numbers, text in entries), default=0.0)
        x, y = at
        for numbers, text in entries:
            if x + wide > at[0] + width and x > at[0]:
                x, y = at[0], y + 23
            _entry(sheet, numbers, text, (x, y))
            x += wide

    def dashes_beside(self, sheet: Sheet, axis: int, at: Point) -> None:
        """The legend at the right: the weights of each filter, with their dashes."""
        x, y = at
        layers: dict[Row, list[tuple[int, int]]] = {}
        for n, row, unit in self._filters():
            layers.setdefault(row, []).append((n, unit))
        for row, filters in layers.items():
            if len(layers) > 1:
                with sheet.group(f"{title(row)}-legend", "legend", "the filters of this layer"):
                    sheet.text((x, y), _brief(row), BODY, "bold")
                y += 1.3 * _LINE
            taps = row.taps(axis) if row.exists is not None else []
            is_each = len(taps) * len(filters) <= _LISTED
            for n, unit in filters:
                _entry(sheet, [n], f"filter {letters(n)}: {shared(row, unit)}", (x, y))
                y += _LINE + 2
                if is_each:
                    y = _dashes(sheet, [weight_name(row, letters(n), None, t) for t in taps], (x, y), n) + 5
            if not is_each:
                y = _dashes(sheet, [weight_name(row, "", None, t) for t in taps], (x, y + 6)) + 5
            if row.exists is not None and 0 < len(taps) < np.count_nonzero(row.exists.any(axis=(0, 1))):
                y = _note(sheet, "… the others read padding only", (x, y))
            y += 12

    def _filters(self) -> list[tuple[int, Row, int]]:
        """The number of each filter, and the first layer and map that it makes."""
        found: dict[int, tuple[int, Row, int]] = {}
        for row in self.convolutions():
            for unit in range(self.drawn(row)):
                n = self.filters[row.filter(unit)]
                found.setdefault(n, (n, row, unit))
        return list(found.values())


def title(row: Row) -> str:
    """What a row is called: by its own name, by that of its parameters, by its kind."""
    kind = f"{_KINDS[row.kind]} {row.number}" if row.number else _KINDS[row.kind]
    return next((name for name in (row.node.name, *row.names) if name.strip()), kind)


def letters(n: int) -> str:
    """A, B, ..., Z, AA, AB, ...

    Examples
    --------
    >>> letters(0), letters(25), letters(26), letters(701)
    ('A', 'Z', 'AA', 'ZZ')
    """
    return (letters(n // 26 - 1) if n > 25 else "") + chr(65 + n % 26)


def dash(n: int) -> str:
    """The dashes of the n-th weight, unlike those of any other: solid, dashed, dotted, then a dash and n - 2 dots.

    Examples
    --------
    >>> [dash(n) for n in range(4)]
    ['', '6 3', '1.5 3', '8 3 1.5 3']
    """
    return ("", "6 3", "1.5 3")[n] if n < 3 else "8 3" + " 1.5 3" * (n - 2)


def shared(row: Row, unit: int) -> str:
    """How many weights the units of a filter share: "3 shared weights, 1 bias"."""
    return _many(row.weights(unit), "shared weight") + (", 1 bias" if row.has_bias else "")


def weight_name(row: Row, letter: str, channel: int | None, tap: tuple[int, int]) -> str:
    """What a weight is called: WA[2], or WA[channel, 2] where there are more; None stands for any channel."""
    parts = [str(t // row.dilation(axis)[1]) for axis, t in enumerate(tap) if row.window[axis] > 1]
    if row.exists is not None and row.exists.shape[1] > 1:
        parts = ["·" if channel is None else str(channel), *parts]
    return f"W{letter}[{', '.join(parts) or '0'}]"


def _many(n: int, what: str) -> str:
    """1 unit, 2 units."""
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _brief(row: Row) -> str:
    """The name of a row in a legend: shortened where it is long."""
    return wrapped(plain_text(title(row)), BODY, 200.0, 1)[0]


def _entry(sheet: Sheet, numbers: list[int], text: str, at: Point) -> None:
    """Filters by their numbers, and what is said of them."""
    for k, n in enumerate(numbers):
        with sheet.group(f"filter-{letters(n)}-legend", f"c{n % len(COLOURS)}", text):
            swatch(sheet, Rect(at[0] + 19 * k, at[1] - 12, 16, 16), letters(n))
    sheet.text((at[0] + 19 * len(numbers) + 5, at[1]), text)


def swatch(sheet: Sheet, place: Rect, letter: str) -> None:
    """A filter's colour and letter."""
    sheet.rect(place, "dot")
    sheet.letter(place.centre, letter, place.width)


def _dashes(sheet: Sheet, names: list[str], at: Point, number: int | None = None) -> float:
    """The dash of each weight, in the colour of a filter; where the list ends."""
    x, y = at
    for n, text in enumerate(names[:_LISTED]):
        colour = "" if number is None else f"c{number % len(COLOURS)}"
        with sheet.group(f"dash-{text}", f"legend {colour}", f"the dash of {text}"):
            sheet.lines([((x, y - 4), (x + _SAMPLE, y - 4))], "strong", dash(n))
            sheet.text((x + _SAMPLE + 10, y), text, SMALL)
        y += _LINE
    return _note(sheet, f"… {len(names)} weights", (x, y)) if len(names) > _LISTED else y


def _note(sheet: Sheet, text: str, at: Point) -> float:
    sheet.text(at, text, SMALL, "quiet")
    return at[1] + _LINE
