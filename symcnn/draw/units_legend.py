"""Which letter is which filter, and which dash is which weight."""

from __future__ import annotations

from .geometry import Point, Rect
from .metrics import text_width
from .units_rows import Row
from .units_sheet import BODY, SMALL, Sheet
from .units_words import Filter, Filters, dash, shared, title, weight_name

_LINE = 17.0
_SAMPLE = 44.0
_FULL = 9
"""Up to so many weights of a layer are listed for each filter; more of them once for all filters."""
_TAPS = 9
"""How many dashes are listed."""


def dashes_beside(sheet: Sheet, rows: list[Row], filters: Filters, most: int, axis: int, at: Point) -> None:
    """The legend right of a figure of circles: the weights of each filter, with their dashes."""
    y = at[1]
    convs = [row for row in rows if row.kind == "conv"]
    for row in convs:
        drawn = [(f, filters.of(row, f)) for f in range(min(row.maps, most))]
        if len(convs) > 1:
            with sheet.group(f"{title(row)}-legend", "legend", title(row), "the filters of this layer"):
                sheet.text((at[0], y), title(row), BODY, "bold")
            y += 1.3 * _LINE
        taps = row.taps(axis)
        each = len(taps) * len(drawn) <= _FULL
        for f, found in drawn:
            y = _heading(sheet, row, f, found, (at[0], y))
            if each:
                y = _dashes(sheet, found, [weight_name(row, found.letter, None, t) for t in taps], (at[0], y)) + 5
        if not each:
            y = _dashes(sheet, None, [weight_name(row, "", None, t) for t in taps], (at[0], y + 6)) + 5
        y += 12


def _heading(sheet: Sheet, row: Row, f: int, found: Filter, at: Point) -> float:
    """One filter: its colour and letter, and how many weights it has."""
    text = f"filter {found.letter}: {shared(row, f)}"
    with sheet.group(f"filter-{found.letter}-legend", f"legend {found.colour}", f"filter {found.letter}", text):
        sheet.circle((at[0] + 8, at[1] - 4), 8, "swatch")
        sheet.letter((at[0] + 8, at[1] - 4), found.letter, 9 if len(found.letter) == 1 else 7)
        sheet.text((at[0] + 22, at[1]), text, BODY, "bold")
    return at[1] + _LINE + 2


def _dashes(sheet: Sheet, found: Filter | None, names: list[str], at: Point) -> float:
    colour = found.colour if found else ""
    y = at[1]
    for n, text in enumerate(names[:_TAPS]):
        with sheet.group(f"dash-{text}", f"legend {colour}".strip(), text, "the dash of this weight"):
            sheet.lines([((at[0], y - 4), (at[0] + _SAMPLE, y - 4))], "strong", dash(n))
            sheet.text((at[0] + _SAMPLE + 10, y), text, SMALL)
        y += _LINE
    if len(names) > _TAPS:
        with sheet.group("dash-more", "legend", "more weights", f"{len(names)} weights"):
            sheet.text((at[0], y), f"… {len(names)} weights", SMALL, "quiet")
        y += _LINE
    return y


def filters_below(sheet: Sheet, rows: list[Row], filters: Filters, most: int, at: Point, width: float) -> None:
    """The legend below a figure of maps: the filters, layer after layer, side by side."""
    x, y = at
    for row in rows:
        if row.kind != "conv":
            continue
        for f in range(min(row.maps, most)):
            found = filters.of(row, f)
            text = f"filter {found.letter} of {title(row)}: {shared(row, f)}"
            wide = 40 + text_width(text, BODY)
            if x + wide > at[0] + width and x > at[0]:
                x, y = at[0], y + 22
            with sheet.group(f"filter-{found.letter}-legend", f"legend {found.colour}", found.letter, text):
                sheet.rect(Rect(x, y - 13, 17, 17), "swatch")
                sheet.letter((x + 8.5, y - 4.5), found.letter, 10 if len(found.letter) == 1 else 8)
                sheet.text((x + 23, y), text, BODY)
            x += wide
