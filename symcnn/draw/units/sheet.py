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
SMALL, BODY, BOLD = 11.0, 12.0, 13.0
FILTERS = (
    ("#0072B2", "#ffffff", "#4fb0ee"),
    ("#D55E00", "#ffffff", "#ff8c3a"),
    ("#009E73", "#ffffff", "#2cc596"),
    ("#CC79A7", "#1b1b1b", "#e6a3c8"),
    ("#E69F00", "#1b1b1b", "#f3c04d"),
    ("#56B4E9", "#1b1b1b", "#a5dbff"),
)
"""Of each filter's colour (Okabe and Ito): the colour, letters on it, and the colour on a dark page."""

_SCOPE = "svg.symcnn-units"


def _css() -> str:
    light = [
        f"{_SCOPE} {{ font-family: {FONT}; }}",
        f"{_SCOPE} .page {{ fill: #ffffff; }}",
        f"{_SCOPE} text {{ fill: #1b1b1b; }}",
        f"{_SCOPE} .bold {{ font-weight: bold; }}",
        f"{_SCOPE} .quiet {{ fill: #5f5f5f; }}",
        f"{_SCOPE} .line {{ fill: none; stroke: #777777; stroke-width: 1.2; }}",
        f"{_SCOPE} .unit, {_SCOPE} .map {{ fill: #f2f2f2; stroke: #666666; stroke-width: 1.8; }}",
        f"{_SCOPE} .faint {{ stroke-width: 1; stroke-opacity: 0.3; }}",
        f"{_SCOPE} .faint.many {{ stroke-opacity: 0.13; }}",
        f"{_SCOPE} .strong {{ stroke-width: 2.6; }}",
        f"{_SCOPE} .strong.many {{ stroke-width: 1.8; }}",
        f"{_SCOPE} .zero {{ fill: #ffffff; stroke: #9a9a9a; stroke-width: 1; stroke-dasharray: 2 2; }}",
        f"{_SCOPE} .pooled .unit, {_SCOPE} .pooled .map {{ fill: #ffffff; }}",
        f"{_SCOPE} .free .unit {{ fill: #fbf3da; stroke: #8A6D00; }}",
        f"{_SCOPE} .frame {{ fill: none; stroke: #333333; stroke-width: 1.6; }}",
        f"{_SCOPE} .frame.second {{ stroke-width: 1.1; stroke-opacity: 0.55; }}",
        f"{_SCOPE} .frame.zero {{ stroke: #9a9a9a; stroke-width: 1; }}",
        f"{_SCOPE} .dot {{ fill: #333333; }}",
    ]
    dark = [
        f"{_SCOPE} .page {{ fill: #15181c; }}",
        f"{_SCOPE} text {{ fill: #ececec; }}",
        f"{_SCOPE} .quiet {{ fill: #b0b0b0; }}",
        f"{_SCOPE} .line {{ stroke: #9a9a9a; }}",
        f"{_SCOPE} .unit, {_SCOPE} .map {{ fill: #23272c; stroke: #b5b5b5; }}",
        f"{_SCOPE} .faint {{ stroke-opacity: 0.45; }}",
        f"{_SCOPE} .faint.many {{ stroke-opacity: 0.22; }}",
        f"{_SCOPE} .zero {{ fill: #15181c; stroke: #8a8a8a; }}",
        f"{_SCOPE} .pooled .unit, {_SCOPE} .pooled .map {{ fill: #15181c; }}",
        f"{_SCOPE} .free .unit {{ fill: #2d2710; stroke: #d9b432; }}",
        f"{_SCOPE} .frame {{ stroke: #e0e0e0; }}",
        f"{_SCOPE} .dot {{ fill: #e0e0e0; }}",
    ]
    for n, (colour, ink, bright) in enumerate(FILTERS):
        c = f"{_SCOPE} .c{n}"
        light += [
            f"{c} .line, {c} .frame {{ stroke: {colour}; }}",
            f"{c} .unit, {c} .map {{ stroke: {colour}; }}",
            f"{c}:not(.pooled) .unit, {c} .swatch, {c} .dot {{ fill: {colour}; }}",
            f"{c} .letter {{ fill: {ink}; }}",
        ]
        dark += [
            f"{c} .line, {c} .frame, {c} .unit, {c} .map {{ stroke: {bright}; }}",
            f"{c}:not(.pooled) .unit, {c} .swatch, {c} .dot {{ fill: {bright}; }}",
            f"{c} .letter {{ fill: #10151a; }}",
        ]
    inside = "\n".join(f"  {rule}" for rule in dark)
    return "\n".join(["", *light, f"@media (prefers-color-scheme: dark) {{\n{inside}\n}}", ""])


CSS = _css()


class Sheet:
    """Collects what is drawn, and how far it reaches.

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

    # Elements ------------------------------------------------------------------------------

    @contextmanager
    def group(self, key: str, kind: str, title: str, about: str) -> Iterator[None]:
        """A part with an id made from `key`, a class, a title and a description; what is drawn inside is part of it."""
        name = f"{self.prefix}-{self._keys.new(key)}"
        self._out.append(svg.group(name, kind, plain_text(title), plain_text(about)))
        yield
        self._out.append(svg.CLOSE)

    def circle(self, at: Point, radius: float, kind: str) -> None:
        """A circle."""
        self._reach(at[0] + radius, at[1] + radius)
        self._out.append(svg.circle(at, radius, kind))

    def rect(self, r: Rect, kind: str) -> None:
        """A rectangle."""
        self._reach(r.right, r.bottom)
        self._out.append(svg.rect(r, kind))

    def lines(self, ends: Sequence[tuple[Point, Point]], kind: str, dash: str = "") -> None:
        """Straight lines from one point to another, as one element."""
        if ends:
            self._out.append(svg.path("".join(svg.corners(*pair) for pair in ends), f"line {kind}", dash))

    def text(self, at: Point, text: str, size: float, kind: str = "", anchor: str = "start") -> None:
        """One line of text; `at` is on its base line."""
        text = plain_text(text)
        self._reach(at[0] + text_width(text, size) / (2 if anchor == "middle" else 1), at[1] + 0.3 * size)
        self._out.append(svg.text(at, text, size, kind, anchor))

    def letter(self, at: Point, letter: str, size: float, kind: str = "letter bold") -> None:
        """A letter in the middle of a unit."""
        self.text((at[0], at[1] + 0.36 * size), letter, size, kind, "middle")

    def paragraph(self, sentences: Sequence[str], at: Point, width: float, key: str = "caption") -> None:
        """Sentences, one after the other, in lines of at most `width`."""
        text = " ".join(s for s in sentences if s)
        with self.group(key, "caption", "What is shown", text):
            for n, line in enumerate(wrapped(plain_text(text), BODY, width, 12)):
                self.text((at[0], at[1] + n * 17), line, BODY)

    def _reach(self, right: float, bottom: float) -> None:
        self.width, self.height = max(self.width, right), max(self.height, bottom)

    # The whole -----------------------------------------------------------------------------

    def written(self, title: str, about: str) -> str:
        """The SVG."""
        width, height = self.width + MARGIN, self.height + MARGIN
        return svg.document("symcnn-units", CSS, width, height, plain_text(title), plain_text(about), self._out)
