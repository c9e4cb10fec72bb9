"""Pooling in full: windows that overlap, with borders and dilations, over one, two or three spatial axes."""

from __future__ import annotations

import builtins
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph.arguments import chosen, flag
from ..graph.errors import ArgumentError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.leaves import Const
from ..graph.node import Node, as_node
from ..graph.spec import DType
from ..nodes.border import crop
from ..nodes.elementwise import abs
from ..nodes.pool import Pool
from ..nodes.reduce import max, mean
from ..nodes.shape import reshape, transpose
from ..nodes.windows import Windows
from ..text import called
from .spatial import Border, Sizes, border_of, check_fit, maps, per_axis, spans, spatial_axes

_NONE = (0, 0)


@layer
def pool(
    x: Node,
    size: int | Sizes,
    mode: str = "mean",
    *,
    stride: int | Sizes | None = None,
    pad: int | Sizes | Border = 0,
    dilation: int | Sizes = 1,
    ceil: bool = False,
    count_border: bool = True,
    border: str = "error",
    name: str = "",
) -> Node:
    """The mean or the maximum of each window of `x`.

    Parameters
    ----------
    x : Node
        (N, channels, length), (N, channels, height, width) or (N, channels, depth, height, width).
    size : int, or one for each spatial axis
        Of the windows.
    mode : "mean" or "max"
    stride : int, or one for each spatial axis
        How far apart windows are; default: as far as they are large, so that they do not overlap.
    pad : int, one for each spatial axis, or pairs (before, after)
        A border, of at most half a window. It is never a maximum; in a mean it is 0, and counts if `count_border` says
        so.
    dilation : int, or one for each spatial axis
        How far apart the units of a window are.
    ceil : bool
        Whether there is a last window that is not filled, if it begins on the map or its border.
    count_border : bool
        Whether a mean is divided by the size of its window, border included, or by how many units of the map it has.
        What `ceil` adds beyond the border never counts.
    border : "error" or "drop"
        What becomes of rows and columns that fill no window, where windows neither overlap nor have a border: an error,
        or they are left out (their gradient is 0). With a stride, they are left out.

    Returns
    -------
    Node
        Along each axis (length + border - dilation (size - 1) - 1) // stride + 1.

    Notes
    -----
    An error of a mean is spread evenly over its window; that of a maximum goes to the first unit that is the largest,
    in row-major order. Windows that overlap add up what they send to one unit.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 20, 20, 20))
    >>> sc.pool(x, 2).shape, sc.pool(x, 3, "max", stride=2, pad=1).shape
    ((None, 20, 10, 10), (None, 20, 10, 10))
    """
    return _pool(x, size, mode, stride, pad, dilation, ceil, count_border, border, called("pool", name), name)


@layer
def mean_pool(
    x: Node,
    size: int | Sizes,
    *,
    stride: int | Sizes | None = None,
    pad: int | Sizes | Border = 0,
    dilation: int | Sizes = 1,
    ceil: bool = False,
    count_border: bool = True,
    border: str = "error",
    name: str = "",
) -> Node:
    """The mean of each window; see `pool` for the arguments.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (1, 1, 4))
    >>> sc.compile(sc.mean_pool(x, 3, stride=1, pad=1, count_border=False))(x=[[[1, 2, 3, 4]]])
    array([[[1.5, 2. , 3. , 3.5]]], dtype=float32)
    """
    what = called("mean_pool", name)
    return _pool(x, size, "mean", stride, pad, dilation, ceil, count_border, border, what, name)


@layer
def max_pool(
    x: Node,
    size: int | Sizes,
    *,
    stride: int | Sizes | None = None,
    pad: int | Sizes | Border = 0,
    dilation: int | Sizes = 1,
    ceil: bool = False,
    border: str = "error",
    name: str = "",
) -> Node:
    """The maximum of each window; see `pool` for the arguments.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (1, 1, 5))
    >>> sc.compile(sc.max_pool(x, 3, stride=2))(x=[[[1, 5, 2, 3, 4]]])
    array([[[5., 4.]]], dtype=float32)
    """
    return _pool(x, size, "max", stride, pad, dilation, ceil, True, border, called("max_pool", name), name)


@layer
def lp_pool(
    x: Node,
    size: int | Sizes,
    power: float = 2.0,
    *,
    stride: int | Sizes | None = None,
    pad: int | Sizes | Border = 0,
    dilation: int | Sizes = 1,
    ceil: bool = False,
    border: str = "error",
    name: str = "",
) -> Node:
    """The p-th root of the sum of x^p over each window; see `pool` for the other arguments.

    Parameters
    ----------
    power : float
        The p, at least 1. With p = 1 it is the sum of a window. An odd p keeps the sign of x, and the root of a negative
        sum is NaN: use it where x is not negative, such as after a relu.

    Notes
    -----
    As PyTorch has it: where the sum is 0, the gradient is 0, and what is missing of a last window that is not filled
    (`ceil`) is as large as the mean of what is there.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (1, 1, 4))
    >>> sc.compile(sc.lp_pool(x, 2))(x=[[[3, 4, 0, 5]]])
    array([[[5., 5.]]], dtype=float32)
    """
    what, x = called("lp_pool", name), as_node(x)
    if isinstance(power, bool) or not isinstance(power, Real) or not 1 <= power < math.inf:
        problem = f"{what}: power is {quoted(power)}; expected a number of at least 1"
        raise ArgumentError(message(problem, site=call_site()))
    means = _pool(x**power, size, "mean", stride, pad, dilation, ceil, True, border, what, name)
    total = means * math.prod(per_axis(size, spatial_axes(x, what), f"{what}: size"))
    if power == 1:
        return total
    root = where(total == 0, 1, total) ** (1 / power)  # what is not chosen gets no error: the slope at 0 is infinite
    return where(total == 0, 0, root)


@layer
def global_mean_pool(x: Node, *, name: str = "") -> Node:
    """The mean of each map: (N, channels, ...) becomes (N, channels).

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.global_mean_pool(sc.Input("x", (None, 64, 7, 7))).shape
    (None, 64)
    """
    x = as_node(x)
    return mean(x, axis=tuple(range(2, 2 + spatial_axes(x, called("global_mean_pool", name)))))


@layer
def global_max_pool(x: Node, *, name: str = "") -> Node:
    """The maximum of each map: (N, channels, ...) becomes (N, channels).

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.global_max_pool(sc.Input("x", (None, 64, 7, 7))).shape
    (None, 64)
    """
    x = as_node(x)
    return max(x, axis=tuple(range(2, 2 + spatial_axes(x, called("global_max_pool", name)))))


@layer
def adaptive_mean_pool(x: Node, size: int | Sizes, *, name: str = "") -> Node:
    """Means over windows such that there are `size` of them along each axis, whatever the maps' size is.

    Window i of s along an axis of length n goes from floor(i n / s) to ceil((i + 1) n / s).

    Parameters
    ----------
    x : Node
        (N, channels, ...), with one, two or three spatial axes.
    size : int, or one for each spatial axis
        Of the result.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.adaptive_mean_pool(sc.Input("x", (None, 64, 7, 10)), 3).shape
    (None, 64, 3, 3)
    """
    what, x = called("adaptive_mean_pool", name), as_node(x)
    axes = spatial_axes(x, what)
    sizes, lengths = per_axis(size, axes, f"{what}: size"), maps(x)
    if all(n % s == 0 for n, s in zip(lengths, sizes, strict=True)):
        return _pool(x, tuple(n // s for n, s in zip(lengths, sizes, strict=True)), "mean", *_PLAIN, what, name)
    for axis, (n, s) in enumerate(zip(lengths, sizes, strict=True), start=2):
        order = (*(a for a in range(x.ndim) if a != axis), axis)
        back = tuple(order.index(a) for a in range(x.ndim))
        x = transpose(transpose(x, order) @ Const(_averages(n, s).astype(x.dtype)), back)
    return x


_PLAIN = (None, 0, 1, False, True, "error")
"""Windows side by side, without a border."""


def _averages(length: int, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The matrix (length, count) that takes the means."""
    matrix = np.zeros((length, count))
    for i in range(count):
        first, stop = i * length // count, -(-(i + 1) * length // count)
        matrix[first:stop, i] = 1 / (stop - first)
    return matrix


def _pool(
    x: Node,
    size: Any,
    mode: str,
    stride: Any,
    pad: Any,
    dilation: Any,
    ceil: Any,
    count_border: Any,
    border: str,
    what: str,
    name: str,
) -> Node:
    """The arguments, checked; then two axes at a time."""
    x = as_node(x)
    if x.ndim == 2 and None not in x.shape:  # one map
        maps_of_one = reshape(x, (1, 1, *x.shape))
        one = _pool(maps_of_one, size, mode, stride, pad, dilation, ceil, count_border, border, what, name)
        return reshape(one, one.shape[2:])
    chosen(mode, ("mean", "max"), f"{what}: mode")
    axes = spatial_axes(x, what)
    sizes, gaps = per_axis(size, axes, f"{what}: size"), per_axis(dilation, axes, f"{what}: dilation")
    steps = sizes if stride is None else per_axis(stride, axes, f"{what}: stride")
    around, reach = border_of(pad, (1,) * axes, (1,) * axes, what), spans(sizes, gaps)
    if any(2 * builtins.max(sides) > p for p, sides in zip(sizes, around, strict=True)):
        problem = f"{what}: a border of {around} is wider than half of a window of {product_text(sizes)}"
        raise ArgumentError(message(problem, "give a narrower border, pad=..., or larger windows", site=call_site()))
    check_fit(x, reach, around, what, "windows")
    drops = chosen(border, ("error", "drop"), f"{what}: border") == "drop"
    more, whole = flag(ceil, f"{what}: ceil"), flag(count_border, f"{what}: count_border")
    wider = _with_last_windows(x, reach, steps, around) if more else around
    windows = _Sliding(sizes, steps, gaps, wider, mode)
    if stride is None and windows.apart and not drops:
        _check_division(x, sizes, what)
    if any(0 in _counts(length, one, sides) for length, one, sides in zip(maps(x), windows.each, none, strict=True)):
    pooled = _over_axes(x, windows, name)
    if mode == "max" or (whole and wider == around):
        return pooled
    factors = math.prod(sizes) / _counts(maps(x), windows, around if whole else (_NONE,) * axes)
    return pooled if (factors == 1).all() else pooled * Const(factors.astype(pooled.dtype))


@dataclass(frozen=True)
class _Sliding:
    """Windows along one axis and more: their sizes, strides, dilations and borders, and what is taken of them."""

    size: Sizes
    stride: Sizes
    dilation: Sizes
    border: Border
    mode: str

    @property
    def apart(self) -> bool:
        """Whether they lie side by side, on the maps alone."""
        return self.stride == self.size and set(self.dilation) == {1} and not any(map(any, self.border))

    def along(self, axes: slice) -> _Sliding:
        """Those of some axes."""
        return _Sliding(self.size[axes], self.stride[axes], self.dilation[axes], self.border[axes], self.mode)

    def with_axis(self, *, first: bool) -> _Sliding:
        """Those over an axis more, along which a window has one unit."""

        def wider(given: Any, more: Any) -> Any:
            return (more, *given) if first else (*given, more)

        stride, dilation = wider(self.stride, 1), wider(self.dilation, 1)
        return _Sliding(wider(self.size, 1), stride, dilation, wider(self.border, _NONE), self.mode)


def _over_axes(x: Node, windows: _Sliding, name: str) -> Node:
    """Two axes at a time; of three, the depth follows, so the first maximum is still the first in row-major order."""
    if len(windows.size) == 1:
        row = _over_axes(reshape(x, (*x.shape[:2], 1, x.shape[2])), windows.with_axis(first=True), name)
        return reshape(row, (*row.shape[:2], row.shape[3]))
    if len(windows.size) == 3:
        planes = _over_axes(x, windows.along(slice(1, 3)), name)
        images, channels, depth, height, width = planes.shape
        below = reshape(planes, (images, channels, depth, (height or 0) * (width or 0)))
        pooled = _over_axes(below, windows.along(slice(0, 1)).with_axis(first=False), name)
        return reshape(pooled, (images, channels, pooled.shape[2], height, width))
    height, width = x.shape[-2:]
    assert height is not None and width is not None
    size = windows.size[0], windows.size[1]
    if windows.apart:
        rest = (_NONE,) * (x.ndim - 2) + ((0, height % size[0]), (0, width % size[1]))
        return Pool(crop(x, rest), size, windows.mode, name=name)
    (down, across), (rows, columns), (above, beside) = windows.stride, windows.dilation, windows.border
    fill = _fill(x.dtype, windows.mode)
    laid = Windows(x, size, (down, across), (rows, columns), (above, beside), fill)
    return Pool(laid, size, windows.mode, name=name)


def _fill(dtype: DType, mode: str) -> float:
    """What never is a maximum; of a mean, 0."""
    if mode == "mean":
        return 0
    return -math.inf if dtype.kind == "f" else int(np.iinfo(dtype.name).min) if dtype.kind in "iu" else 0


def _with_last_windows(x: Node, reach: Sizes, stride: Sizes, around: Border) -> Border:
    """The border with which the last window is there that begins on the map or in front of it."""
    found = []
    for length, size, step, (before, after) in zip(maps(x), reach, stride, around, strict=True):
        last = -(-(length + before + after - size) // step) * step
        last = last - step if last >= length + before else last
        found.append((before, builtins.max(after, last + size - length - before)))
    return tuple(found)


def _counts(lengths: Sizes, windows: _Sliding, counted: Border) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How many units each window has, on maps with the border that counts."""
    found: Any = 1.0
    geometry = zip(lengths, windows.size, windows.stride, windows.dilation, windows.border, counted, strict=True)
    for length, size, step, gap, (before, after), (low, high) in geometry:
        count = (length + before + after - (size - 1) * gap - 1) // step + 1
        places = step * np.arange(count)[:, None] + gap * np.arange(size) - before
        found = np.multiply.outer(found, ((places >= -low) & (places < length + high)).sum(1))
    return np.asarray(found, dtype="float64")


def _check_division(x: Node, sizes: Sizes, what: str) -> None:
    """Refuse windows that leave a rest, where nobody has said what becomes of it."""
    lengths = maps(x)
    if any(n % p for n, p in zip(lengths, sizes, strict=True)):
        shown = ["x".join(map(str, numbers)) for numbers in (sizes, lengths)]
        problem = f"{what}: windows of {shown[0]} do not divide maps of {shown[1]}"
        hint = "choose a size that divides them, or let the rest go: border='drop'"
        raise ShapeError(message(problem, hint, node=x))
