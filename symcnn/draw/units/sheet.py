"""The paper of a figure of units: shapes and texts as SVG, a style sheet of its own, ids of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from xml.sax.saxutils import escape, quoteattr

from ...text import plain_text
from ..canvas.geometry import Point, Rect, number
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
        self._out.append(f'<g id={quoteattr(name)} class="{kind}"><title>{escape(plain_text(title))}</title>')
        self._out.append(f"<desc>{escape(plain_text(about))}</desc>")
        yield
        self._out.append("</g>")

    def circle(self, at: Point, radius: float, kind: str) -> None:
        """A circle."""
        self._reach(at[0] + radius, at[1] + radius)
        self._out.append(f'<circle class="{kind}" cx="{number(at[0])}" cy="{number(at[1])}" r="{number(radius)}"/>')

    def rect(self, r: Rect, kind: str) -> None:
        """A rectangle."""
        self._reach(r.right, r.bottom)
        at = f'x="{number(r.x)}" y="{number(r.y)}" width="{number(r.width)}" height="{number(r.height)}"'
        self._out.append(f'<rect class="{kind}" {at}/>')

    def lines(self, ends: Sequence[tuple[Point, Point]], kind: str, dash: str = "") -> None:
        """Straight lines from one point to another, as one element."""
        if not ends:
            return
        data = "".join(f"M{number(a[0])},{number(a[1])}L{number(b[0])},{number(b[1])}" for a, b in ends)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._out.append(f'<path class="line {kind}"{dashed} d="{data}"/>')

    def text(self, at: Point, text: str, size: float, kind: str = "", anchor: str = "start") -> None:
        """One line of text; `at` is on its base line."""
        text = plain_text(text)
        self._reach(at[0] + text_width(text, size) / (2 if anchor == "middle" else 1), at[1] + 0.3 * size)
        named = f' class="{kind}"' if kind else ""
        anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
        where = f'x="{number(at[0])}" y="{number(at[1])}" font-size="{number(size)}"'
        self._out.append(f"<text{named} {where}{anchored}>{escape(text)}</text>")

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
        width, height = number(self.width + MARGIN), number(self.height + MARGIN)
        head = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="symcnn-units" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(plain_text(title))}</title>",
            f"<desc>{escape(plain_text(about))}</desc>",
            f"<style>{CSS}</style>",
            f'<rect class="page" width="{width}" height="{height}"/>',
        ]
        return "\n".join([*head, *self._out, "</svg>"]) + "\n"
