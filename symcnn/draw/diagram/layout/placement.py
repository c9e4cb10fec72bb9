"""What a layout consists of: boxes with their sizes and places, texts and lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...canvas.geometry import Path, Rect, Text, line_height
from ...canvas.text_metrics import text_width, wrapped
from ...maps.picture import ROW, Picture, in_rows
from ..model import Bundle

Edge = tuple[str, str]
"""The keys of its ends."""
TITLE, BODY, EDGE, NOTE = 11.5, 12.0, 10.5, 10.0
"""Sizes of text: of a box's title, its equations, the names on edges, and what a backward rule reads."""
PAD = 9.0
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
    """The places of all that a `DiagramModel` tells.

    Attributes
    ----------
    forward, backward : {key: Placed}
        Boxes, and their twins.
    params, gradients : {key: Placed}
        Bundles.
    bundles : {key: Bundle}
        What these are: those of the story, and copies of shared ones in further bands.
    edges, returns : {(key, key): list of Path}
        From a value to its reader, and, in the lane below, from the twin of the value to that of its reader: a piece
        in each band that they run through.
    flows : {(key, key): list of Path}
        In a lower lane that is no mirror image: from a backward node to what reads it, in pieces too.
    names, errors : {key: Text}
        What stands on the edges.
    names_again, errors_again : {(key, band): Text}
        The same where edges come from the band above.
    reads : {key: Path}
        Dotted, from a box to its twin.
    notes : {key: Text}
        What stands there.
    fed, learned : {(bundle, box): Path}
        From parameters to their readers, and from gradients to the twins of these.
    width, height : float

    Notes
    -----
    What goes back (returns, learned) has its arrow head at the start: paths that share their beginning then share
    the gaps of their dashes too.
    """

    forward: dict[str, Placed] = field(default_factory=dict)
    backward: dict[str, Placed] = field(default_factory=dict)
    params: dict[str, Placed] = field(default_factory=dict)
    gradients: dict[str, Placed] = field(default_factory=dict)
    bundles: dict[str, Bundle] = field(default_factory=dict)
    edges: dict[Edge, list[Path]] = field(default_factory=dict)
    returns: dict[Edge, list[Path]] = field(default_factory=dict)
    flows: dict[Edge, list[Path]] = field(default_factory=dict)
    names: dict[str, Text] = field(default_factory=dict)
    errors: dict[str, Text] = field(default_factory=dict)
    names_again: dict[tuple[str, int], Text] = field(default_factory=dict)
    errors_again: dict[tuple[str, int], Text] = field(default_factory=dict)
    reads: dict[str, Path] = field(default_factory=dict)
    notes: dict[str, Text] = field(default_factory=dict)
    fed: dict[Edge, Path] = field(default_factory=dict)
    learned: dict[Edge, Path] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0

    @property
    def placed(self) -> list[dict[str, Placed]]:
        """All boxes, by kind."""
        return [self.forward, self.backward, self.params, self.gradients]

    @property
    def texts(self) -> list[dict[Any, Text]]:
        """All texts beside lines, by kind."""
        return [self.names, self.errors, self.names_again, self.errors_again, self.notes]

    @property
    def lines(self) -> list[Path]:
        """All lines, in pieces."""
        wires = (self.edges, self.returns, self.flows)
        pieces = [piece for kind in wires for pieces in kind.values() for piece in pieces]
        return [*pieces, *self.reads.values(), *self.fed.values(), *self.learned.values()]

    def place(self, margin: float) -> None:
        """Move everything so that it begins at `margin` from 0, 0, and know the size."""
        rects = [p.rect for kind in self.placed for p in kind.values()] + [
            t.rect for k in self.texts for t in k.values()
        ]
        points = [point for line in self.lines for point in line.flat()]
        top = min([r.y for r in rects] + [y for _, y in points])
        left = min([r.x for r in rects] + [x for x, _ in points])
        self.move(margin - left, margin - top)
        self.width = max([r.right for r in rects] + [x for x, _ in points]) + 2 * margin - left
        self.height = max([r.bottom for r in rects] + [y for _, y in points]) + 2 * margin - top

    def move(self, dx: float, dy: float) -> None:
        """Move everything to the right and down."""
        for kind in self.placed:
            for p in kind.values():
                p.rect = p.rect.moved(dx, dy)
        for texts in self.texts:
            texts.update({key: t.moved(dx, dy) for key, t in texts.items()})
        for line in self.lines:
            line.move(dx, dy)

    def take(self, band: Layout) -> None:
        """Add all that is in a band."""
        for own, others in zip(self.placed, band.placed, strict=True):
            own.update(others)
        for own_texts, texts in zip(self.texts, band.texts, strict=True):
            own_texts.update(texts)
        for own_wires, wires in ((self.edges, band.edges), (self.returns, band.returns)):
            for edge, pieces in wires.items():
                own_wires.setdefault(edge, []).extend(pieces)
        for edge, pieces in band.flows.items():
            self.flows[edge] = [*pieces, *self.flows.get(edge, [])]  # they come from the bands below
        for own_lines, lines in ((self.fed, band.fed), (self.learned, band.learned)):
            own_lines.update(lines)
        self.reads.update(band.reads)
        self.width = max(self.width, band.width)


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
