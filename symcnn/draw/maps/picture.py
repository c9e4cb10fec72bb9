"""`Picture`: a small image inside a box, such as a map of a value or a filter, and how several stand in rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..canvas.geometry import Rect

GAP = 4.0
"""The room between two pictures."""
ROW = 176.0
"""How wide a row of pictures may be: the same in a box and in its twin, so that they lie in the same way."""


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

    Pictures of one size fill their rows evenly; one of another size begins a new row.

    Examples
    --------
    >>> for _, place in in_rows([Picture("", 20, 20, "a map")] * 4, 70):
    ...     print(place)
    Rect(x=0.0, y=0.0, width=20, height=20)
    Rect(x=24.0, y=0.0, width=20, height=20)
    Rect(x=0.0, y=24.0, width=20, height=20)
    Rect(x=24.0, y=24.0, width=20, height=20)
    """
    y = 0.0
    for (width, height), group in groupby(pictures, lambda picture: (picture.width, picture.height)):
        alike = list(group)
        fitting = max(int((widest + GAP) // (width + GAP)), 1)
        rows = -(-len(alike) // fitting)
        columns = -(-len(alike) // rows)
        for n, picture in enumerate(alike):
            x, down = n % columns * (width + GAP), n // columns * (height + GAP)
            yield picture, Rect(x, y + down, width, height)
        y += rows * (height + GAP)
