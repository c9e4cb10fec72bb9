"""Convolutions in full: strides, borders, dilations and groups over one, two or three spatial axes, and transposed.

All of them are `Conv` over two axes: strides keep every n-th result, borders are zeros around the maps, a dilation puts
zeros between weights, and groups are convolutions side by side. One axis is a map of one row; of three axes, the slices
along the first one are taken as channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..graph.arguments import flag, positive_int
from ..graph.errors import ArgumentError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.leaves import Const, Param
from ..graph.node import Node, as_node
from ..graph.spec import DType, promote
from ..nodes.border import Dilate, crop, subsample
from ..nodes.border import pad as pad_border
from ..nodes.connections import connections
from ..nodes.conv import Conv, rot90, swap
from ..nodes.initial import Initializer, lecun_normal
from ..nodes.shape import concat, reshape, transpose
from ..nodes.weights import drawn, prefixed
from ..text import called, quoted
from .spatial import Border, Sizes, border_of, check_fit, maps, per_axis, spans, spatial_axes

NONE = (0, 0)
"""No border."""
_GROUPS_FIRST = (1, 0, 2, 3, 4)
"""Images and groups exchanged."""


@layer
def conv(
    x: Node,
    filters: int,
    size: int | Sizes,
    *,
    stride: int | Sizes = 1,
    pad: int | Sizes | Border | str = 0,
    dilation: int | Sizes = 1,
    groups: int = 1,
    bias: bool = True,
    table: Any = None,
    init: Initializer = lecun_normal,
    seed: int | None = None,
    name: str = "",
) -> Node:
    """A convolution with parameters of its own: z = x * rot90(W, 2) + b.

    Parameters
    ----------
    x : Node
        (N, channels, length), (N, channels, height, width) or (N, channels, depth, height, width).
    filters : int
        How many filters, and so maps in z.
    size : int, or one for each spatial axis
        Of the filters.
    stride : int, or one for each spatial axis
        Every n-th result is kept, and only that is computed.
    pad : int, one for each spatial axis, pairs (before, after), "valid", "same" or "full"
        Zeros around each map. "same" keeps its size (for odd sizes, without strides); "full" is as wide as filters
        reach.
    dilation : int, or one for each spatial axis
        Neighbouring weights see units so far apart.
    groups : int
        Filters and channels are divided into so many groups, and filters see the channels of their group alone:
        as many groups as channels is a depthwise convolution.
    bias : bool
        Whether each filter has a bias, 0 at first.
    table : array of 0 and 1 of shape (filters, channels), or a list of channels for each filter
        Which channels each filter sees; default: all of them. What a filter does not see is no parameter.
    init : callable
        (rng, shape) -> the first filters; see `symcnn.initial`.
    seed : int, optional
        Makes the filters repeatable.
    name : str, optional
        Shown in errors and diagrams; the parameters are called ``name.W``, (filters, channels / groups, *size), and
        ``name.b``.

    Returns
    -------
    Node
        (N, filters, ...), along each axis (length + border - dilation (size - 1) - 1) // stride + 1.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 28, 28))
    >>> z = sc.conv(x, filters=20, size=9, name="conv1", seed=0)
    >>> z.shape, [(p.name, p.value.shape) for p in z.params]
    ((None, 20, 20, 20), [('conv1.W', (20, 1, 9, 9)), ('conv1.b', (20,))])
    >>> sc.conv(sc.conv(x, 32, 3, stride=2, pad=1), 32, 3, pad="same", groups=32).shape
    (None, 32, 14, 14)
    """
    what, x = called("conv", name), as_node(x)
    filters, groups = positive_int(filters, f"{what}: filters"), positive_int(groups, f"{what}: groups")
    axes = spatial_axes(x, what)
    sizes = per_axis(size, axes, f"{what}: size")
    channels, dtype = x.shape[1], promote(x.dtype)
    assert channels is not None
    _check_groups(groups, {"channels": channels, "filters": filters}, what)
    _check_rows(what, x, sizes, pad)
    shape = (filters, channels // groups, *sizes)
    mask = None if table is None else connections(table, filters, channels, what)
    if mask is not None and groups > 1:
        raise ArgumentError(message(f"{what}: a table says what groups say; give one of them", site=call_site()))
    mask = None if mask is None else mask.reshape(filters, channels, *(1,) * axes)
    full = None if mask is None else np.broadcast_to(mask, shape)
    w: Node = Param(prefixed(name, "W"), drawn(init, seed, shape, dtype, what), full, layer="conv")
    if mask is not None:
        w = w * Const(mask.astype(dtype), name="table")
    b = _bias(filters, bias, dtype, name, what)
    return _convolve(x, w, b, stride, pad, dilation, groups, name, what)


@layer(title="Conv")
def convolve(
    x: Node,
    w: Node,
    b: Node | None = None,
    *,
    stride: int | Sizes = 1,
    pad: int | Sizes | Border | str = 0,
    dilation: int | Sizes = 1,
    groups: int = 1,
    name: str = "",
) -> Node:
    """The convolution of `x` with given filters; see `conv` for the arguments.

    Parameters
    ----------
    x : Node
        (N, channels, ...), with one, two or three spatial axes.
    w : Node
        (filters, channels / groups, *size).
    b : Node, optional
        (filters,).

    Examples
    --------
    >>> import symcnn as sc
    >>> x, w = sc.Input("x", (None, 2, 9)), sc.Param("w", np.ones((4, 1, 3)))
    >>> sc.convolve(x, w, stride=2, pad=1, groups=2).shape
    (None, 4, 5)
    """
    what, x, w = called("convolve", name), as_node(x), as_node(w)
    groups = positive_int(groups, f"{what}: groups")
    _check_weights(x, w, b, groups, (0, 1), what)
    return _convolve(x, w, None if b is None else as_node(b), stride, pad, dilation, groups, name, what)


@layer(title="ConvTransposed")
def conv_transposed(
    x: Node,
    filters: int,
    size: int | Sizes,
    *,
    stride: int | Sizes = 1,
    pad: int | Sizes | Border | str = 0,
    output_pad: int | Sizes = 0,
    dilation: int | Sizes = 1,
    groups: int = 1,
    bias: bool = True,
    init: Initializer = lecun_normal,
    seed: int | None = None,
    name: str = "",
) -> Node:
    """The transposed convolution, with parameters of its own: what passes the errors of a convolution back.

    It makes maps larger by `stride`, as upsampling does, with weights that are learned. See `conv` for the arguments
    that are not here.

    Parameters
    ----------
    x : Node
        (N, channels, ...), with one, two or three spatial axes.
    pad : int, one for each spatial axis, pairs (before, after), "valid", "same" or "full"
        The border of the convolution whose errors would come back so: as much is cut off the result.
    output_pad : int, or one for each spatial axis
        More rows and columns at the end, which a strided convolution would have left out; fewer than `stride` or
        `dilation`.
    name : str, optional
        The parameters are called ``name.W``, (channels, filters / groups, *size), and ``name.b``.

    Returns
    -------
    Node
        (N, filters, ...), along each axis (length - 1) stride - border + dilation (size - 1) + 1 + output_pad.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 8, 7, 7))
    >>> sc.conv_transposed(x, 4, 2, stride=2, seed=0).shape
    (None, 4, 14, 14)
    """
    what, x = called("conv_transposed", name), as_node(x)
    filters, groups = positive_int(filters, f"{what}: filters"), positive_int(groups, f"{what}: groups")
    axes = spatial_axes(x, what)
    sizes = per_axis(size, axes, f"{what}: size")
    channels, dtype = x.shape[1], promote(x.dtype)
    assert channels is not None
    _check_groups(groups, {"channels": channels, "filters": filters}, what)
    shape = (channels, filters // groups, *sizes)
    w = Param(prefixed(name, "W"), drawn(init, seed, shape, dtype, what), layer="conv")
    b = _bias(filters, bias, dtype, name, what)
    return _convolve_transposed(x, w, b, stride, pad, output_pad, dilation, groups, name, what)


@layer(title="ConvTransposed")
def convolve_transposed(
    x: Node,
    w: Node,
    b: Node | None = None,
    *,
    stride: int | Sizes = 1,
    pad: int | Sizes | Border | str = 0,
    output_pad: int | Sizes = 0,
    dilation: int | Sizes = 1,
    groups: int = 1,
    name: str = "",
) -> Node:
    """The transposed convolution of `x` with given filters; see `conv_transposed` for the arguments.

    Parameters
    ----------
    x : Node
        (N, channels, ...), with one, two or three spatial axes.
    w : Node
        (channels, filters / groups, *size).
    b : Node, optional
        (filters,).

    Examples
    --------
    >>> import symcnn as sc
    >>> x, w = sc.Input("x", (None, 2, 5, 5)), sc.Param("w", np.ones((2, 3, 3, 3)))
    >>> sc.convolve_transposed(x, w, stride=2, pad=1, output_pad=1).shape
    (None, 3, 10, 10)
    """
    what, x, w = called("convolve_transposed", name), as_node(x), as_node(w)
    groups = positive_int(groups, f"{what}: groups")
    _check_weights(x, w, b, groups, (1, 0), what)
    b = None if b is None else as_node(b)
    return _convolve_transposed(x, w, b, stride, pad, output_pad, dilation, groups, name, what)


# Over one axis and over three, by two ---------------------------------------------------------------


@dataclass(frozen=True)
class _Filters:
    """Weights as a layer has them, and how they slide: (filters, channels / groups, ...), or, `transposed`,
    (channels, filters / groups, ...)."""

    w: Node
    dilation: Sizes
    groups: int
    transposed: bool = False

    def planar(self) -> Node:
        """What a convolution over two axes takes: groups apart, with zeros between the weights, and turned."""
        w, lead = self.w, int(self.groups > 1)
        if lead:
            w = reshape(w, (self.groups, (w.shape[0] or 0) // self.groups, *w.shape[1:]))
        if max(self.dilation) > 1:
            reach = spans(maps(self.w), self.dilation)
            w = Dilate(w, (*(1,) * (2 + lead), *self.dilation), (*w.shape[:-2], *reach))
        return rot90(swap(w, lead)) if self.transposed else w

    def without_depth(self) -> _Filters:
        """Those of three axes with their slices as channels."""
        first, second, depth, n, m = self.w.shape
        w = transpose(self.w, (0, 2, 1, 3, 4)) if self.transposed else self.w
        merged = ((first or 0) * (depth or 0), second) if self.transposed else (first, (second or 0) * (depth or 0))
        return replace(self, w=reshape(w, (*merged, n, m)), dilation=self.dilation[1:])


def _convolve(
    x: Node, w: Node, b: Node | None, stride: Any, pad: Any, dilation: Any, groups: int, name: str, what: str
) -> Node:
    """The arguments, checked, and the border."""
    axes = spatial_axes(x, what)
    steps = per_axis(stride, axes, f"{what}: stride")
    gaps = per_axis(dilation, axes, f"{what}: dilation")
    reach = spans(maps(w), gaps)
    border = border_of(pad, reach, steps, what)
    check_fit(x, reach, border, what)
    return _slide(x, border, _Filters(w, gaps, groups), b, steps, name)


def _convolve_transposed(
    x: Node,
    w: Node,
    b: Node | None,
    stride: Any,
    pad: Any,
    output_pad: Any,
    dilation: Any,
    groups: int,
    name: str,
    what: str,
) -> Node:
    """The arguments, checked; then the full convolution of the maps with zeros between their units."""
    axes = spatial_axes(x, what)
    steps = per_axis(stride, axes, f"{what}: stride")
    gaps = per_axis(dilation, axes, f"{what}: dilation")
    more = per_axis(output_pad, axes, f"{what}: output_pad", least=0)
    reach = spans(maps(w), gaps)
    border = border_of(pad, reach, steps, what)
    for extra, step, gap in zip(more, steps, gaps, strict=True):
        if extra >= max(step, gap):
            problem = f"{what}: output_pad is {extra}; it must be below the stride, {step}, or the dilation, {gap}"
            raise ArgumentError(message(problem, site=call_site()))
    around = tuple((s - 1 - a, s - 1 - c + e) for s, (a, c), e in zip(reach, border, more, strict=True))
    lengths = tuple((d - 1) * step + 1 for d, step in zip(maps(x), steps, strict=True))
    left = [d + a + c - s + 1 for d, (a, c), s in zip(lengths, around, reach, strict=True)]
    if min(left) < 1:
        problem = f"{what}: pad={quoted(pad)} cuts off all that becomes of maps of {maps(x)}"
        raise ArgumentError(message(problem, "make pad smaller", site=call_site()))
    filters = _Filters(w, gaps, groups, transposed=True)
    if axes == 1:
        x, lengths, steps = _with_row(x), (1, *lengths), (1, *steps)
    if max(steps) > 1:
        x = Dilate(x, (1, 1, *steps), (*x.shape[:2], *lengths))
    return _slide(x, around, filters, b, (1,) * axes, name)


def _slide(x: Node, border: Border, filters: _Filters, b: Node | None, stride: Sizes, name: str) -> Node:
    """The convolution of maps with a border, or without a part where that is negative, over one, two or three axes."""
    if len(border) == 1:
        x = _with_row(x) if x.ndim == 3 else x
        flat = replace(filters, w=_with_row(filters.w), dilation=(1, *filters.dilation))
        rows = _slide(x, (NONE, *border), flat, b, (1, *stride), name)
        return reshape(rows, (*rows.shape[:2], rows.shape[3]))
    x = crop(x, (NONE, NONE, *((max(0, -before), max(0, -after)) for before, after in border)))
    x = pad_border(x, (NONE, NONE, *((max(0, before), max(0, after)) for before, after in border)))
    return _through_depth(x, filters, b, stride, name) if x.ndim == 5 else _planar(x, filters, b, stride, name)


def _planar(x: Node, filters: _Filters, b: Node | None, stride: Sizes, name: str) -> Node:
    """Over two axes; groups are convolutions side by side."""
    w, groups = filters.planar(), filters.groups
    if groups > 1:
        x = transpose(reshape(x, (x.shape[0], groups, -1, *x.shape[2:])), _GROUPS_FIRST)
        b = None if b is None else reshape(b, (groups, -1))
    z: Node = Conv(x, w, b, name=name)
    if groups > 1:
        z = transpose(z, _GROUPS_FIRST)
        z = reshape(z, (z.shape[0], -1, *z.shape[3:]))
    return subsample(z, (1, 1, *stride))


def _through_depth(x: Node, filters: _Filters, b: Node | None, stride: Sizes, name: str) -> Node:
    """Over three axes: the slices that a filter sees are channels, and the results' slices stand below each other.

    What filters see across the edge between two slices is computed, too, and cut off.
    """
    images, channels, slices, height, width = x.shape
    depth, n, _ = maps(filters.w)
    assert slices and height
    gap, across = filters.dilation[:2]
    span = slices - (depth - 1) * gap
    firsts = range(0, depth * gap, gap)
    seen = [
        subsample(crop(x, (NONE, NONE, (t, slices - t - span), NONE, NONE)), (1, 1, stride[0], 1, 1))
        for t in (reversed(firsts) if filters.transposed else firsts)
    ]
    results = -(-span // stride[0])
    apart = [reshape(some, (images, channels, 1, results, height, width)) for some in seen]
    below = reshape(concat(apart, axis=2), (images, -1, results * height, width))
    z = _planar(below, filters.without_depth(), b, (1, stride[2]), name)
    lost = (n - 1) * across
    z = reshape(pad_border(z, (NONE, NONE, (0, lost), NONE)), (*z.shape[:2], results, height, z.shape[3]))
    return subsample(crop(z, (NONE, NONE, NONE, (0, lost), NONE)), (1, 1, 1, stride[1], 1))


def _with_row(x: Node) -> Node:
    """Maps, or filters, of one axis as such of one row."""
    return reshape(x, (*x.shape[:2], 1, x.shape[2]))


# What is refused ------------------------------------------------------------------------------------


def _bias(filters: int, bias: object, dtype: DType, name: str, what: str) -> Param | None:
    """One number for each filter, 0 at first."""
    wanted = flag(bias, f"{what}: bias")
    return Param(prefixed(name, "b"), np.zeros(filters, dtype), layer="conv") if wanted else None


def _check_groups(groups: int, counts: dict[str, int], what: str) -> None:
    for kind, count in counts.items():
        if count % groups:
            problem = f"{what}: {groups} groups do not divide {count} {kind}"
            raise ArgumentError(message(problem, "groups must divide channels and filters", site=call_site()))


def _check_weights(x: Node, w: Node, b: Node | None, groups: int, order: tuple[int, int], what: str) -> None:
    """Refuse given weights that do not fit; `order` says which axis is of filters, and which of channels."""
    axes, channels = spatial_axes(x, what), x.shape[1]
    expected = "(filters, channels / groups, ...)" if order == (0, 1) else "(channels, filters / groups, ...)"
    if w.ndim != axes + 2 or None in w.shape:
        problem = f"{what}: expected weights {expected} with {axes} spatial axes, got {w.shape}"
        raise ShapeError(message(problem, f"the input has shape {x.shape}", node=w))
    first, second = w.shape[:2]
    assert first is not None and second is not None and channels is not None
    seen, filters = (second * groups, first) if order == (0, 1) else (first, second * groups)
    if seen != channels:
        problem = f"{what}: the filters see {seen} channels, the input has {channels}"
        raise ShapeError(message(problem, f"x is {x.shape}, w is {w.shape}, groups {groups}", node=w))
    _check_groups(groups, {"channels": channels, "filters": filters}, what)
    if b is not None and as_node(b).shape != (filters,):
        problem = f"{what}: the bias has shape {as_node(b).shape}; expected one number a filter, ({filters},)"
        raise ShapeError(message(problem, node=as_node(b)))


def _check_rows(what: str, x: Node, size: Sizes, pad: object) -> None:
    """Refuse one number that would pad maps of one row above and below, where the filters read along it only."""
    flat = [n == d == 1 for n, d in zip(size, maps(x), strict=True)]
    if len(flat) == 2 and type(pad) is int and pad and any(flat) and not all(flat):
        row, along = ("row", f"(0, {pad})") if flat[0] else ("column", f"({pad}, 0)")
        sides = "above and below" if flat[0] else "at the left and right"
        problem = f"{what}: pad={pad} would put {row}s of zeros {sides} of maps that have one {row}"
        hint = f"pad={along} pads along the {row}, which the filters of {size[0]}x{size[1]} read"
        raise ArgumentError(message(problem, hint, node=x))
