"""Which letter is which filter, and which dash is which weight."""

from __future__ import annotations

from ..canvas.geometry import Point, Rect
from ..canvas.text_metrics import text_width
from .captions import Filter, Filters, brief, dash, shared, title, weight_name
from .rows import Row
from .sheet import BODY, SMALL, Sheet

_LINE = 17.0
_SAMPLE = 44.0
_FULL = 9
"""Up to so many weights of a layer are listed for each filter; more of them once for all filters."""
_TAPS = 9
"""How many dashes are listed."""


def dashes_beside(sheet: Sheet, rows: list[Row], filters: Filters, most: int, axis: int, at: Point) -> None:
    """The legend right of a figure of circles: the weights of each filter, with their dashes."""
    y = at[1]
    convs = list({row.filters: row for row in reversed(rows) if row.kind == "conv"}.values())[::-1]
    for row in convs:
        drawn = [(f, filters.of(row, f)) for f in range(min(row.maps, most))]
        if len(convs) > 1:
            with sheet.group(f"{title(row)}-legend", "legend", title(row), "the filters of this layer"):
                sheet.text((at[0], y), brief(row), BODY, "bold")
            y += 1.3 * _LINE
        taps = row.taps(axis) if row.exists is not None else []
        each = len(taps) * len(drawn) <= _FULL
        for f, found in drawn:
            y = _heading(sheet, row, f, found, (at[0], y))
            if each:
                y = _dashes(sheet, found, [weight_name(row, found.letter, None, t) for t in taps], (at[0], y)) + 5
        if not each:
            y = _dashes(sheet, None, [weight_name(row, "", None, t) for t in taps], (at[0], y + 6)) + 5
        if 0 < len(taps) < row.window[0] * row.window[1]:
            y = _note(sheet, "… the others read padding only", (at[0], y))
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
        y = _note(sheet, f"… {len(names)} weights", (at[0], y))
    return y


def _note(sheet: Sheet, text: str, at: Point) -> float:
    with sheet.group("dash-more", "legend", "more weights", text):
        sheet.text(at, text, SMALL, "quiet")
    return at[1] + _LINE


def filters_below(sheet: Sheet, rows: list[Row], filters: Filters, most: int, at: Point, width: float) -> None:
    """The legend below a figure of maps: the filters of each layer, those together that have as many weights."""
    x, y = at
    entries = _alike(rows, filters, most)
    wide = max((19 * len(found) + text_width(text, BODY) + 30 for _, found, text in entries), default=0.0)
    for row, found, text in entries:
        if x + wide > at[0] + width and x > at[0]:
            x, y = at[0], y + 23
        names = ", ".join(f.letter for f in found)
        with sheet.group(f"{title(row)}-{found[0].letter}-legend", "legend", f"filters {names}", text):
            for n, one in enumerate(found):
                with sheet.group(f"filter-{one.letter}-legend", one.colour, f"filter {one.letter}", text):
                    tag = Rect(x + 19 * n, y - 12, 16, 16)
                    sheet.rect(tag, "swatch")
                    sheet.letter(tag.centre, one.letter, 10 if len(one.letter) == 1 else 8)
            sheet.text((x + 19 * len(found) + 5, y), text, BODY)
        x += wide


def _alike(rows: list[Row], filters: Filters, most: int) -> list[tuple[Row, list[Filter], str]]:
    """Filters of one layer with as many weights, and what is said of them; tied layers come once."""
    found: dict[tuple[Row, str], list[Filter]] = {}
    said: set[Filter] = set()
    for row in rows:
        for f in range(min(row.maps, most)) if row.kind == "conv" else ():
            one = filters.of(row, f)
            if one not in said:
                found.setdefault((row, shared(row, f)), []).append(one)
            said.add(one)
    return [
        (row, ones, f"filters of {brief(row)}: {text}" + " each" * (len(ones) > 1))
        for (row, text), ones in found.items()
    ]
