"""Which maps of a value are shown, how they lie flat, and how large: a value may have any number of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .colours import EMPTY, Scale
from .heatmap import heatmap
from .picture import Picture

MOST = 6
"""How many maps of one value are shown."""
_ONE, _SEVERAL = (96, 144), (56, 56)
"""Height and width in pixels that a picture has at most: one alone, and one of several."""
_LARGEST_CELL = 12
_THINNEST = 8
"""How high a row of numbers is at least."""
_SIDE = 64
"""More rows or columns of numbers than this are drawn together."""
_STRIP = 32
"""A vector of more numbers than this is drawn in several rows."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Map:
    """A map as it is drawn.

    Attributes
    ----------
    numbers : array, (height, width)
    what : str
        Which part of the value this is.
    shown : array of bool or None
        False for cells after the last number; None where there are none.
    """

    numbers: Array
    what: str
    shown: NDArray[np.bool_] | None = None


def pictures(
    value: Array, name: str, kind: str = "map", signed: bool = False, like: Array | None = None
) -> list[Picture]:
    """Pictures of the maps of a value, all on one scale of colours, which their titles state.

    Parameters
    ----------
    value : array
        Of one example, or of what has no batch.
    name : str
        What it is called.
    kind : str
        What one of its maps is called.
    signed : bool
        Whether 0 is in the middle of the scale even if nothing is below it.
    like : array, optional
        Of the same shape: the channels that are chosen are those of this one, such as of the filters for their
        gradients.
    """
    whole = _maps(value, value if like is None else like, kind)
    maps = [_reduced(m) for m in whole]
    scale = Scale.of([m.numbers if m.shown is None else m.numbers[m.shown] for m in maps], signed)
    size = _SEVERAL if len(maps) > 1 else _ONE
    titles = [
        "; ".join([f"{name}{m.what}", *unusual(w.numbers), scale_text(scale)]) for m, w in zip(maps, whole, strict=True)
    ]
    return [_picture(m, scale, size, title) for m, title in zip(maps, titles, strict=True)]


def _picture(m: Map, scale: Scale, size: tuple[int, int], title: str) -> Picture:
    height, width = _cell(m.numbers.shape, size)
    levels = scale.levels(m.numbers)
    if m.shown is not None:
        levels[~m.shown] = EMPTY
    rows, columns = levels.shape
    return Picture(heatmap(levels, scale.palette(), (height, width)), columns * width, rows * height, title)


def unusual(value: Array) -> list[str]:
    """How many numbers are NaN or infinite, in words; an empty list where none is.

    Examples
    --------
    >>> unusual(np.array([np.nan, np.nan, -np.inf, 1])), unusual(np.array([np.inf, np.inf])), unusual(np.ones(2))
    (['2 NaN', '1 −Inf'], ['all Inf'], [])
    """
    if value.dtype.kind != "f":
        return []
    found = (("NaN", np.isnan(value)), ("Inf", value == np.inf), ("−Inf", value == -np.inf))
    counts = [(int(np.count_nonzero(where)), word) for word, where in found]
    return [f"all {word}" if count == value.size else f"{count:,} {word}" for count, word in counts if count]


def short(number: float, digits: int = 3) -> str:
    """A number in a few digits.

    Examples
    --------
    >>> short(3.14159), short(-0.04123), short(12345), short(float("nan")), short(2.30258, 4)
    ('3.14', '−0.0412', '1.23e4', 'NaN!', '2.303')
    """
    if math.isnan(number):
        return "NaN!"
    if math.isinf(number):
        return "Inf!" if number > 0 else "−Inf!"
    mantissa, _, power = f"{number + 0.0:.{digits}g}".partition("e")  # 0.0: no minus before a zero
    return (f"{mantissa}e{int(power)}" if power else mantissa).replace("-", "−")


def scale_text(scale: Scale) -> str:
    """What the ends of a scale of colours stand for."""
    low, high = short(scale.low), short(scale.high)
    return f"blue {low}, white 0, vermilion {high}" if scale.signed else f"dark blue {low}, yellow {high}"


# Which maps ---------------------------------------------------------------------------------------------------------


def _maps(value: Array, like: Array, kind: str) -> list[Map]:
    """The maps of a value; none of a scalar, and none where an axis is 0."""
    while value.ndim > 2 and value.shape[-2:] == (1, 1):
        value, like = value[..., 0, 0], like[..., 0, 0]
    if value.ndim == 0 or value.size == 0:
        return []
    if value.ndim == 1:
        return [_strip(value)]
    if value.ndim == 2:
        return [Map(value, f", {value.shape[0]:,}×{value.shape[1]:,} numbers")]
    notes = []
    if value.ndim == 4 and value.shape[1] > 1:
        channels = _strongest(like)
        notes = [f", its strongest input channel {c + 1} of {like.shape[1]}" for c in channels]
        value = value[np.arange(len(value)), channels]
    value = value.reshape(-1, *value.shape[-2:])
    if len(value) > 1 and 1 in value.shape[1:]:
        own = ", each its strongest input channel" if notes else ""
        return [Map(value.reshape(len(value), -1), f", {len(value)} {kind}s of one row, each a row here{own}")]
    return _some(value, kind, notes or [""] * len(value))


def _some(value: Array, kind: str, notes: Sequence[str]) -> list[Map]:
    """The first of many maps."""
    count = len(value)
    rest = f" ({MOST} of {count} are shown)" if count > MOST else f" of {count}"
    named = [f", {kind} {n + 1}{rest}" if count > 1 else "" for n in range(min(count, MOST))]
    return [Map(m, what + note) for m, what, note in zip(value, named, notes, strict=False)]


def _strongest(filters: Array) -> NDArray[np.intp]:
    """For each filter the input channel that has its largest number; NaN is the largest, so it is seen."""
    with np.errstate(all="ignore"):
        channels: NDArray[np.intp] = np.abs(filters.astype(np.float64)).max(axis=(2, 3)).argmax(axis=1)
    return channels


def _strip(value: Array) -> Map:
    """A vector: a row, or several."""
    count = len(value)
    if count <= _STRIP:
        return Map(value[None], f", {count} numbers" if count > 1 else "")
    columns = math.ceil(math.sqrt(2 * count))
    rows = -(-count // columns)
    padded = np.zeros(rows * columns, value.dtype)
    padded[:count] = value
    shown = (np.arange(rows * columns) < count).reshape(rows, columns)
    return Map(padded.reshape(rows, columns), f", {count:,} numbers in rows of {columns}", shown)


# How large ----------------------------------------------------------------------------------------------------------


def _reduced(m: Map) -> Map:
    """A large map with several numbers in a pixel: the one that is farthest from 0: no peak, no NaN is lost."""
    height, width = m.numbers.shape
    down, across = -(-height // _SIDE), -(-width // _SIDE)
    if down == across == 1:
        return m
    rows, columns = -(-height // down), -(-width // across)
    numbers = np.zeros((rows * down, columns * across), np.float64)
    numbers[:height, :width] = m.numbers
    blocks = numbers.reshape(rows, down, columns, across).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    farthest = np.argmax(np.abs(blocks), axis=2)  # NaN counts as the largest
    chosen = np.take_along_axis(blocks, farthest[..., None], axis=2)[..., 0]
    shown = None if m.shown is None else m.shown[::down, ::across]  # a block whose first number is none has none
    return Map(chosen, f"{m.what}, each pixel the strongest of {down}×{across}", shown)


def _cell(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[int, int]:
    """Height and width in pixels of a number in a map of this shape."""
    height, width = shape
    side = min(max(min(size[0] // height, size[1] // width), 1), _LARGEST_CELL)
    return (max(side, _THINNEST), side) if height == 1 else (side, side)
