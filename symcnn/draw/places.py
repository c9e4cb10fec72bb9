"""What a layout consists of: boxes with their sizes and places, texts and lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .geometry import Path, Rect, Text, line_height
from .metrics import text_width, wrapped
from .picture import ROW, Picture, in_rows

TITLE, BODY, EDGE, NOTE = 12.0, 13.0, 11.0, 10.5
"""Sizes of text: of a box's title, its equations, the names on edges, and what a backward rule reads."""
PAD = 12.0
"""The room between a text and the side of its box, and between boxes of parameters."""
_WIDEST = 300.0
_BOLD = 1.12
"""How much wider than plain letters the bold ones of titles are."""


@dataclass
class Size:
    """A box before it has a place: its lines of text, the small pictures below them, and the room for all.

    Attributes
    ----------
    pictures : list of (Picture, Rect)
        Where each stands, in their own room of the size `gallery`.
    gallery : (float, float)
    """

    title: tuple[str, ...]
    lines: tuple[str, ...]
    width: float
    height: float
    pictures: list[tuple[Picture, Rect]] = field(default_factory=list)
    gallery: tuple[float, float] = (0.0, 0.0)


@dataclass
class Placed:
    """A box with its place."""

    rect: Rect
    size: Size


@dataclass
class Layout:
    """The places of all that a `Story` tells.

    Attributes
    ----------
    forward, backward : {key: Placed}
        Boxes, and their twins.
    params, gradients : {key: Placed}
        Bundles.
    edges, returns : {(key, key): Path}
        From a value to its reader, and, in the lane below, from the twin of the value to that of its reader.
    names, errors : {key: Text}
        What stands on the edges.
    reads : {key: Path}
        Dotted, from a box to its twin.
    notes : {key: Text}
        What stands there.
    fed, learned : {(bundle, box): Path}
        From parameters to their readers, and from gradients to the twins of these.

    Notes
    -----
    What goes back (returns, learned) has its arrow head at the start: paths that share their beginning then share
    the gaps of their dashes too.
    width, height : float
    """

    forward: dict[str, Placed] = field(default_factory=dict)
    backward: dict[str, Placed] = field(default_factory=dict)
    params: dict[str, Placed] = field(default_factory=dict)
    gradients: dict[str, Placed] = field(default_factory=dict)
    edges: dict[tuple[str, str], Path] = field(default_factory=dict)
    returns: dict[tuple[str, str], Path] = field(default_factory=dict)
    names: dict[str, Text] = field(default_factory=dict)
    errors: dict[str, Text] = field(default_factory=dict)
    reads: dict[str, Path] = field(default_factory=dict)
    notes: dict[str, Text] = field(default_factory=dict)
    fed: dict[tuple[str, str], Path] = field(default_factory=dict)
    learned: dict[tuple[str, str], Path] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def measured(title: str, lines: Sequence[str], pictures: Sequence[Picture] = ()) -> Size:
    """The size of a box for these texts, broken into lines, and these pictures, in rows."""
    heads = tuple(wrapped(title, TITLE * _BOLD, _WIDEST, 2)) if title else ()
    broken = (part for line in lines for part in wrapped(_glued(line), BODY, _WIDEST, 4))
    body = tuple(part.replace("\u00a0", " ") for part in broken)
    widths = [text_width(t, TITLE * _BOLD) for t in heads] + [text_width(t, BODY) for t in body]
    placed = list(in_rows(pictures, ROW))
    gallery = max((r.right for _, r in placed), default=0.0), max((r.bottom for _, r in placed), default=0.0)
    height = len(heads) * line_height(TITLE) + len(body) * line_height(BODY) + 14
    width = max([*widths, gallery[0]]) + 2 * PAD
    return Size(heads, body, width, height + (gallery[1] + 6 if placed else 0), placed, gallery)


def _glued(line: str) -> str:
    """A line that is not broken after an operator: spaces that do not break stand there."""
    return re.sub(r"(?<= )([-+−·*/Σ]|\*_full) ", "\\1\u00a0", line)
