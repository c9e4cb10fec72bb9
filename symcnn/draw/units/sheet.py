"""The paper of a figure of units: shapes and texts as SVG, a style sheet of its own, ids of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...text import plain_text
from ..canvas import svg_writer as svg
from ..canvas.geometry import Point, Rect
from ..canvas.style import FONT
from ..canvas.text_metrics import text_width, wrapped
from ..diagram.model import Keys

MARGIN = 16.0
SMALL, BODY = 11.0, 12.0
COLOURS = (
    ("#0072B2", "#ffffff", "#4fb0ee"),
    ("#D55E00", "#ffffff", "#ff8c3a"),
    ("#009E73", "#ffffff", "#2cc596"),
    ("#CC79A7", "#1b1b1b", "#e6a3c8"),
    ("#E69F00", "#1b1b1b", "#f3c04d"),
    ("#56B4E9", "#1b1b1b", "#a5dbff"),
)
"""Of filters (Okabe and Ito): the colour, letters on it, and the colour on a dark page."""

_STYLES = [
    ("", f"font-family: {FONT}", ""),
    (".page", "fill: #ffffff", "fill: #15181c"),
    ("text", "fill: #1b1b1b", "fill: #ececec"),
    (".bold", "font-weight: bold", ""),
    (".quiet", "fill: #5f5f5f", "fill: #b0b0b0"),
    (".line", "fill: none; stroke: #777777; stroke-width: 1.2", "stroke: #9a9a9a"),
    (".unit", "fill: #f2f2f2; stroke: #666666; stroke-width: 1.8", "fill: #23272c; stroke: #b5b5b5"),
    (".map", "fill: #f2f2f2; stroke: #666666; stroke-width: 1.8", "fill: #23272c; stroke: #b5b5b5"),
    (".faint", "stroke-width: 1; stroke-opacity: 0.3", "stroke-opacity: 0.45"),
    (".faint.many", "stroke-opacity: 0.13", "stroke-opacity: 0.22"),
    (".strong", "stroke-width: 2.6", ""),
    (".strong.many", "stroke-width: 1.8", ""),
    (".zero", "fill: #ffffff; stroke: #9a9a9a; stroke-width: 1; stroke-dasharray: 2 2", "fill: #15181c"),
    (".pooled .unit", "fill: #ffffff", "fill: #15181c"),
    (".pooled .map", "fill: #ffffff", "fill: #15181c"),
    (".free .unit", "fill: #fbf3da; stroke: #8A6D00", "fill: #2d2710; stroke: #d9b432"),
    (".frame", "fill: none; stroke: #333333; stroke-width: 1.6", "stroke: #e0e0e0"),
    (".frame.second", "stroke-width: 1.1; stroke-opacity: 0.55", ""),
    (".frame.zero", "stroke: #9a9a9a; stroke-width: 1", "fill: none"),
    (".dot", "fill: #333333", "fill: #e0e0e0"),
]
"""Selectors, and how they look on a light and on a dark page."""
for _n, (_colour, _ink, _bright) in enumerate(COLOURS):
    _STYLES += [
        *((f".c{_n} .{kind}", f"stroke: {_colour}", f"stroke: {_bright}") for kind in ("line", "frame", "unit", "map")),
        *((f".c{_n}{kind}", f"fill: {_colour}", f"fill: {_bright}") for kind in (":not(.pooled) .unit", " .dot")),
        (f".c{_n} .letter", f"fill: {_ink}", "fill: #10151a"),
    ]


def _rules(page: int) -> str:
    return "\n".join(f"svg.symcnn-units {rule[0]} {{ {rule[page]}; }}" for rule in _STYLES if rule[page])


CSS = f"\n{_rules(1)}\n@media (prefers-color-scheme: dark) {{\n{_rules(2)}\n}}\n"


class Sheet:
    """Collects what is drawn, and how far it extends.

    Parameters
    ----------
    seed : str
        What the figure shows, in words: figures of other networks get other ids from it.
    """

    def __init__(self, seed: str) -> None:
        self.prefix = f"units-{hashlib.sha256(plain_text(seed).encode()).hexdigest()[:8]}"
        self.width = self.height = 0.0
        self._keys = Keys()
        self._out: list[str] = []

    @contextmanager
    def group(self, key: str, kind: str, about: str) -> Iterator[None]:
        """A part with an id made from `key`, a class and a description; what is drawn inside is part of it."""
        name = f"{self.prefix}-{self._keys.new(key)}"
        self._out.append(svg.group(name, kind.strip(), plain_text(about), plain_text(key)))
        yield
        self._out.append(svg.CLOSE)

    def circle(self, at: Point, radius: float, kind: str) -> None:
        """A circle."""
        self._extend(at[0] + radius, at[1] + radius)
        self._out.append(svg.circle(at, radius, kind))

    def rect(self, r: Rect, kind: str) -> None:
        """A rectangle."""
        self._extend(r.right, r.bottom)
        self._out.append(svg.rect(r, kind))

    def lines(self, ends: Sequence[tuple[Point, Point]], kind: str, dash: str = "") -> None:
        """Straight lines from one point to another, as one element."""
        if ends:
            self._out.append(svg.path("".join(svg.corners(*pair) for pair in ends), f"line {kind}", dash))

    def text(self, at: Point, text: str, size: float = BODY, kind: str = "", anchor: str = "start") -> None:
        """One line of text; `at` is on its base line."""
        text = plain_text(text)
        self._extend(at[0] + text_width(text, size) / (2 if anchor == "middle" else 1), at[1] + 0.3 * size)
        self._out.append(svg.text(at, text, size, kind, anchor))

    def letter(self, at: Point, letter: str, room: float, kind: str = "letter bold") -> None:
        """A letter in the middle of a unit, as large as `room` for it allows."""
        size = min(0.52 * room, 1.05 * room / (len(letter) + 0.6))
        self.text((at[0], at[1] + 0.36 * size), letter, size, kind, "middle")

    def paragraph(self, sentences: Sequence[str], at: Point, width: float) -> None:
        """Sentences, one after the other, in lines of at most `width`."""
        text = " ".join(s for s in sentences if s)
        with self.group("caption", "caption", text):
            for n, line in enumerate(wrapped(plain_text(text), BODY, width, 12)):
                self.text((at[0], at[1] + n * 17), line)

    def written(self, title: str, about: str) -> str:
        """The SVG."""
        width, height = self.width + MARGIN, self.height + MARGIN
        return svg.document("symcnn-units", CSS, width, height, plain_text(title), plain_text(about), self._out)

    def _extend(self, right: float, bottom: float) -> None:
        self.width, self.height = max(self.width, right), max(self.height, bottom)
