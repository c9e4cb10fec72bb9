"""`Picture`: a small image inside a box, such as a map of a value or a filter, and how several stand in rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .geometry import Rect

GAP = 4.0
"""The room between two pictures."""


@dataclass(frozen=True)
class Picture:
    """A small image.

    Attributes
    ----------
    uri : str
        The image itself, as a ``data:`` address: a drawing needs no other file.
    width, height : float
        In pixels of the drawing.
    title : str
        What it shows, for those who point at it or cannot see it.
    """

    uri: str
    width: float
    height: float
    title: str


def in_rows(pictures: Sequence[Picture], widest: float) -> Iterator[tuple[Picture, Rect]]:
    """Each picture and its place, from 0, 0: in rows of at most `widest`, left to right and down.

    Examples
    --------
    >>> for _, place in in_rows([Picture("", 20, 20, "a map")] * 3, 50):
    ...     print(place)
    Rect(x=0.0, y=0.0, width=20, height=20)
    Rect(x=24.0, y=0.0, width=20, height=20)
    Rect(x=0.0, y=24.0, width=20, height=20)
    """
    x = y = below = 0.0
    for picture in pictures:
        if x and x + picture.width > widest:
            x, y = 0.0, below
        yield picture, Rect(x, y, picture.width, picture.height)
        x += picture.width + GAP
        below = max(below, y + picture.height + GAP)
