"""SVG: the elements that pictures are made of, as text, and the document around them."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from .geometry import Path, Point, Rect, Text, line_height, number

CLOSE = "</g>"
"""The end of a group."""


def document(
    kind: str, css: str, width: float, height: float, title: str, about: str, elements: Iterable[str]
) -> str:  # fmt: skip
    """A whole picture: its class, style sheet, size, title, description and elements, on a page of its colour.

    Examples
    --------
    >>> document("a", "", 3, 2, "An <a>", "Nothing", []).splitlines()[1:3]
    ['<title>An &lt;a&gt;</title>', '<desc>Nothing</desc>']
    """
    size = f'width="{number(width)}" height="{number(height)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" {size} '
        f'viewBox="0 0 {number(width)} {number(height)}" role="img">',
        *_described(title, about),
        f"<style>{css}</style>",
        f'<rect class="page" {size}/>',
        *elements,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def group(key: str, kind: str, title: str, about: str) -> str:
    """The beginning of a group with an id, a class, a title and a description; `CLOSE` ends it."""
    return f'<g id={quoteattr(key)} class="{kind}">' + "\n".join(_described(title, about))


def rect(r: Rect, kind: str, corner: float | None = None) -> str:
    """A rectangle, with round corners where `corner` says so.

    Examples
    --------
    >>> rect(Rect(0, 1.25, 3, 4), "box", 6)
    '<rect class="box" x="0" y="1.3" width="3" height="4" rx="6"/>'
    """
    return f'<rect class="{kind}" {_place(r)}{"" if corner is None else f" rx={quoteattr(str(corner))}"}/>'


def circle(at: Point, radius: float, kind: str) -> str:
    """A circle around a point."""
    return f'<circle class="{kind}" cx="{number(at[0])}" cy="{number(at[1])}" r="{number(radius)}"/>'


def path(data: str, kind: str, dash: str = "") -> str:
    """Lines; `data` is put together from `data_of` and `corners`."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path class="{kind}"{dashed} d="{data}"/>'


def data_of(line: Path) -> str:
    """The data of a line with straight and curved steps."""
    steps = ("L" + _point(s[0]) if len(s) == 1 else "C" + " ".join(map(_point, s)) for s in line.steps)
    return f"M{_point(line.start)}" + "".join(steps)


def corners(*points: Point, is_closed: bool = False) -> str:
    """The data of straight lines from point to point.

    Examples
    --------
    >>> corners((0, 0), (1, 2.5), is_closed=True)
    'M0,0L1,2.5Z'
    """
    return "M" + "L".join(map(_point, points)) + ("Z" if is_closed else "")


def text(at: Point, line: str, size: float, kind: str = "", anchor: str = "start") -> str:
    """One line of text; `at` is on its base line."""
    named = f' class="{kind}"' if kind else ""
    anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
    place = f'x="{number(at[0])}" y="{number(at[1])}" font-size="{number(size)}"'
    return f"<text{named} {place}{anchored}>{escape(line)}</text>"


def texts(block: Text, kind: str) -> list[str]:
    """The lines of a text."""
    first = block.y + block.size
    return [
        text((block.x, first + n * line_height(block.size)), line, block.size, kind, block.anchor)
        for n, line in enumerate(block.lines)
    ]


def image(uri: str, place: Rect, title: str) -> list[str]:
    """An image that fills a place, with a thin frame."""
    return [
        f'<image class="picture" {_place(place)} href="{uri}" preserveAspectRatio="none">',
        f"<title>{escape(title)}</title></image>",
        rect(place, "frame"),
    ]


def _described(title: str, about: str) -> list[str]:
    return [f"<title>{escape(title)}</title>", f"<desc>{escape(about)}</desc>"]


def _place(r: Rect) -> str:
    return f'x="{number(r.x)}" y="{number(r.y)}" width="{number(r.width)}" height="{number(r.height)}"'


def _point(point: Point) -> str:
    return f"{number(point[0])},{number(point[1])}"
