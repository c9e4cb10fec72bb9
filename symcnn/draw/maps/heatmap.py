"""A heatmap: levels of a scale of colours as a picture of square cells, with marks where there is no number."""

from __future__ import annotations

import base64

import numpy as np

from .colours import EMPTY, INF, INK, MINUS_INF, NAN, Levels
from .png import png


def heatmap(levels: Levels, palette: Levels, cell: tuple[int, int]) -> str:
    """A ``data:`` address of a PNG with a block of pixels for each level, so that every viewer shows sharp cells.

    A cross marks a NaN, stripes an infinity: colour is not the only sign. A cell of one pixel has no room for a mark.

    Parameters
    ----------
    levels : array of uint8, (height, width)
    palette : array of uint8, (256, 3)
    cell : (int, int)
        Height and width of a block.
    """
    height, width = cell
    pixels = np.repeat(np.repeat(levels, height, axis=0), width, axis=1)
    if min(cell) > 1 and np.isin(levels, (NAN, INF, MINUS_INF)).any():
        pixels = _marked(pixels, cell)
    return "data:image/png;base64," + base64.b64encode(png(pixels, palette, EMPTY)).decode()


def _marked(pixels: Levels, cell: tuple[int, int]) -> Levels:
    """Ink on what is NaN or infinite; a cross takes a cell, or four of two pixels."""
    height, width = (side if side > 2 else 4 for side in cell)
    y, x = np.indices(pixels.shape)
    y, x = y % height, x % width
    slope = np.rint(y * (width - 1) / (height - 1)).astype(int)
    cross = (pixels == NAN) & ((x == slope) | (x == width - 1 - slope))
    stripes = (x + y) % 4 == 0
    marked = np.where(cross | (stripes & (pixels == INF)), INK, pixels)
    return np.where(stripes & (pixels == MINUS_INF), INF, marked).astype(np.uint8)
