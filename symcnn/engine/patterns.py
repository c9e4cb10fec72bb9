"""What several nodes mean together: a convolution over a border, the gradient of filters, a product over the batch.

The sweep writes gradients as the tutorial does, with rot90, swaps and borders; here they are read back as one
computation each, so that nothing is turned or padded in memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..graph.algebra import BroadcastTo, SumTo
from ..graph.node import Node
from ..nodes.border import Crop, Dilate, Pad, Subsample
from ..nodes.conv import Conv, Rot90, Swap
from ..nodes.dense import Dense, MatMul
from ..nodes.random import Uniform
from ..nodes.reduce import Mean, Sum
from ..nodes.shape import Reshape, Transpose
from .sliding import Slide

GROUPS_FIRST = (1, 0, 2, 3, 4)
"""Images and groups exchanged: (N, groups, channels, height, width) has the groups in front then, and back."""
LONG = 24
"""Rows of filters up to so long are written out, each for its own part of a border; for longer ones, the border is
made of zeros in memory, and the row is a loop."""
_PHASES = 16
"""So many times loops may be written that skip the zeros of a dilation."""


def per_image(node: Node) -> bool:
    """Whether the first axis, and only that, is the batch: what has it elsewhere, or twice, is in no lanes."""
    shape = node.shape
    return bool(shape) and shape[0] is None and None not in shape[1:]


@dataclass(frozen=True)
class Convolution:
    """Each group's filters over its channels, by `rows` and `columns`, plus a bias.

    With `turned`, w[group, channel, filter, n - 1 - u, m - 1 - v] stands for w[group, filter, channel, u, v].
    """

    x: Node
    w: Node
    b: Node | None
    groups: int
    channels: int
    filters: int
    rows: Slide
    columns: Slide
    turned: bool

    @classmethod
    def of(cls, node: Node) -> Convolution | None:
        """The convolution of images with shared filters that `node` is, or a stride or a crop leaves."""
        if node.ndim not in (4, 5) or not per_image(node):
            return None
        inner, steps, cut = _kept(node)
        if inner is not node and type(inner) is Reshape and inner.x.shape[-2:] == inner.shape[-2:]:
            inner = inner.x
        conv = _convolved(inner)
        if conv is None or None in conv.w.shape:
            return None
        turned, w = steps == (1, 1) and _turned(conv.w, conv.ndim - 4), conv.w
        w, gaps = _undilated(w.x.x if turned else w)  # type: ignore[attr-defined]
        maps = Maps.of(conv.x, spread=turned, border=max(_ends(w)) <= LONG)
        if maps is None:
            return None
        rows, columns = (
            Slide(length, taps, results, step, gap, before - first, spread)
            for length, taps, results, step, gap, before, first, spread in zip(
                _ends(maps.x), _ends(w), _ends(node), steps, gaps, maps.before, cut, maps.spread, strict=True
            )
        )
        filters, channels = (w.shape[-3], w.shape[-4]) if turned else (w.shape[-4], w.shape[-3])
        assert filters is not None and channels is not None
        return cls(maps.x, w, conv.b, maps.groups, channels, filters, rows, columns, turned)


@dataclass(frozen=True)
class FilterGradient:
    """g[group, filter, channel, u, v]: the sum over the batch and all results of each one's error times what it saw.

    `rows` and `columns` are those of the convolution of which it is the gradient. With `by_channel`, filter and channel
    are exchanged.
    """

    x: Node
    delta: Node
    groups: int
    channels: int
    filters: int
    rows: Slide
    columns: Slide
    by_channel: bool

    @classmethod
    def of(cls, node: Node) -> FilterGradient | None:
        """The gradient that `node` is: a convolution of swapped maps, swapped back or not, with its dilation."""
        inner, gaps = node, (1, 1)
        if type(node) is Subsample and node.ndim > 3 and max(node.steps[:-2]) == 1:
            inner, gaps = node.x, (node.steps[-2], node.steps[-1])
        conv = inner.x if type(inner) is Swap else inner
        if type(conv) is not Conv or conv.b is not None:
            return None
        lead, ends = conv.ndim - 4, {conv.x, conv.w, inner} - {conv}
        if any(type(end) is not Swap or end.lead != lead for end in ends):
            return None
        errors = Maps.of(conv.w.x, border=False)  # type: ignore[attr-defined]
        seen = errors and Maps.of(conv.x.x, spread=max(errors.spread) == 1)  # type: ignore[attr-defined]
        if errors is None or seen is None or lead != int(seen.groups > 1):
            return None
        rows, columns = (
            Slide(length, taps, results, step, gap, before, spread)
            for length, taps, results, step, gap, before, spread in zip(
                _ends(seen.x), _ends(node), _ends(errors.x), errors.spread, gaps, seen.before, seen.spread, strict=True
            )
        )
        channels, filters = (math.prod(maps.x.shape[1:-2]) // maps.groups for maps in (seen, errors))  # type: ignore[arg-type]
        return cls(seen.x, errors.x, seen.groups, channels, filters, rows, columns, conv is inner)


@dataclass(frozen=True)
class Maps:
    """The images' maps that a convolution reads: without a border and without zeros between units, groups not apart."""

    x: Node
    groups: int
    before: tuple[int, int]
    spread: tuple[int, int]

    @classmethod
    def of(cls, node: Node, *, spread: bool = True, border: bool = True) -> Maps | None:
        """What `node` is made of, where that has the batch first; `spread` and `border` say what is taken away."""
        groups, before, steps = 1, (0, 0), (1, 1)
        if border:
            node, before = _inside(node)
        apart = False
        if node.ndim == 5:
            if type(node) is not Transpose or node.axes != GROUPS_FIRST:
                return None
            groups, node = node.shape[0] or 0, node.x
            apart = not (type(node) is Reshape and node.x.ndim == 4 and node.x.shape[2:] == node.shape[3:])
            if not apart:
                node, more = _inside(node.x) if border else (node.x, (0, 0))  # type: ignore[attr-defined]
                before = (before[0] + more[0], before[1] + more[1])
        maps: Node = node
        if spread and type(maps) is Dilate and maps.steps[:2] == (1, 1) and math.prod(maps.steps) <= _PHASES:
            steps = maps.steps[2], maps.steps[3]
            maps = maps.x
        return cls(maps, groups, before, steps) if maps.ndim == 4 + int(apart) and per_image(maps) else None


def _kept(node: Node) -> tuple[Node, tuple[int, int], tuple[int, int]]:
    """Of what `node` keeps some rows and columns: the steps between them, and how many are cut off in front."""
    if node.ndim != 4:
        return node, (1, 1), (0, 0)
    if type(node) is Subsample and node.steps[:2] == (1, 1):
        return node.x, (node.steps[2], node.steps[3]), (0, 0)
    if type(node) is Crop and not any(map(any, node.widths[:2])):
        return node.x, (1, 1), (node.widths[2][0], node.widths[3][0])
    return node, (1, 1), (0, 0)


def _inside(node: Node) -> tuple[Node, tuple[int, int]]:
    """Maps without their border, and how wide it is above and at the left."""
    if type(node) is Pad and not any(map(any, node.widths[:-2])):
        return node.x, (node.widths[-2][0], node.widths[-1][0])
    return node, (0, 0)


def _convolved(node: Node) -> Conv | None:
    """The convolution that `node` is, or of which it has the groups behind the images."""
    if type(node) is Transpose and node.axes == GROUPS_FIRST and type(node.x) is Conv:
        return node.x
    return node if type(node) is Conv and node.ndim == 4 else None


def _turned(w: Node, lead: int) -> bool:
    """Whether weights are turned, and filters and channels exchanged: as errors go back."""
    return type(w) is Rot90 and type(w.x) is Swap and w.x.lead == lead


def _undilated(w: Node) -> tuple[Node, tuple[int, int]]:
    """Weights without the zeros between them, and how far apart they are."""
    if type(w) is Dilate and max(w.steps[:-2]) == 1:
        return w.x, (w.steps[-2], w.steps[-1])
    return w, (1, 1)


def _ends(node: Node) -> tuple[int, int]:
    """The height and the width."""
    height, width = node.shape[-2:]
    assert height is not None and width is not None
    return height, width


@dataclass(frozen=True)
class OuterProduct:
    """g[i, j] = sum over the batch, and over all axes but the last, of a[..., i] b[..., j]."""

    a: Node
    b: Node

    @classmethod
    def of(cls, node: Node) -> OuterProduct | None:
        """The product over the batch that `node` is, or the sum of products within the images."""
        product = node.x if type(node) is SumTo and node.ndim == 2 else node
        if type(product) is not MatMul or product.shape[-2:] != node.shape or type(product.a) is not Transpose:
            return None
        a, b = product.a.x, product.b
        swapped = (*range(a.ndim - 2), a.ndim - 1, a.ndim - 2)
        alike = product.a.axes == swapped and a.shape[:-1] == b.shape[:-1] and per_image(a) and per_image(b)
        return cls(a, b) if alike else None

    @property
    def steps(self) -> int:
        """So many products there are in each image."""
        return math.prod(self.a.shape[1:-1])  # type: ignore[arg-type]  # no other is None


@dataclass(frozen=True)
class BatchSum:
    """The sum over the batch and over other `axes` of x; divided by their number with `mean`."""

    x: Node
    axes: tuple[int, ...]
    mean: bool

    @classmethod
    def of(cls, node: Node) -> BatchSum | None:
        """The sum or mean over the batch that `node` is."""
        if type(node) is SumTo:
            axes = node.axes()
        elif type(node) in (Sum, Mean):
            assert isinstance(node, Sum | Mean)
            axes = node.reduced
        else:
            return None
        return cls(node.x, axes, type(node) is Mean) if per_image(node.x) and 0 in axes else None


Accumulated = FilterGradient | OuterProduct | BatchSum


def accumulated(node: Node) -> Accumulated | None:
    """The sum over the batch that `node` is, if it is one."""
    return FilterGradient.of(node) or OuterProduct.of(node) or BatchSum.of(node)


@dataclass(frozen=True)
class Product:
    """z[j] = b[j] + sum over i of x[i] w[i, j], where w[i, j] is at ``i * rows + j * columns``."""

    x: Node
    w: Node
    b: Node | None
    rows: int
    columns: int

    @classmethod
    def of(cls, node: Node) -> Product | None:
        """The product of each image's row with a shared matrix that `node` is."""
        if type(node) is Dense:
            x, w, b = node.a, node.w, node.b
        elif type(node) is MatMul and node.a.ndim == node.b.ndim == 2:
            x, w, b = node.a, node.b, None
        else:
            return None
        if not per_image(x) or None in w.shape:
            return None
        length = w.shape[1]
        assert length is not None
        return cls(x, w, b, 1, length) if type(node) is Dense else cls(x, w, b, length, 1)


def reads(node: Node) -> tuple[Node, ...]:
    """What must be there to compute `node` natively: its inputs, or what the pattern looks through to."""
    match accumulated(node) or Convolution.of(node):
        case FilterGradient(x, delta):
            return x, delta
        case OuterProduct(a, b):
            return a, b
        case BatchSum(x):
            return (x,)
        case Convolution(x, w, b):
            return (x, w) if b is None else (x, w, b)
        case None if isinstance(node, BroadcastTo):
            return (node.x,)
        case None if isinstance(node, Uniform):
            return (node.step,)
    return node.inputs
