"""What keeps the examples of a batch apart where a node adds them up, or reads what was added up.

A gradient of weights is a sum over the batch: a matrix product over its rows, a convolution over its images. Each of
these has a form in which the sum is not taken, and the batch is one more axis in front.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from ..graph.algebra import BroadcastTo, SumTo, broadcast_to
from ..graph.node import Node
from ..graph.spec import Shape
from ..nodes.border import Crop, Dilate, Pad, Subsample
from ..nodes.conv import Conv, Rot90, Swap
from ..nodes.dense import MatMul, matmul
from ..nodes.loss import one_hot
from ..nodes.reduce import Mean, Reduction, Sum, mean, sum
from ..nodes.select import where
from ..nodes.shape import Concat, Reshape, Transpose, concat, reshape, transpose
from ..nodes.take import Put, Take
from ..nodes.windows import Fold, Windows

Axes = tuple[int | None, ...]
"""For each input, the axis that the batch is on; None where it has none."""


def unsummed(node: Node, inputs: list[Node], batch: Axes) -> Node | None:
    """What `node`, which sums over the batch, has for each example: (None, *node.shape); None where nobody knows.

    Parameters
    ----------
    node : Node
        Without a batch axis.
    inputs : list of Node
        What takes the place of its inputs.
    batch : tuple of int or None
    """
    match node:
        case Sum() | Mean() if batch[0] in node.reduced:
            reduction = sum if isinstance(node, Sum) else mean
            return _reduced(reduction, inputs[0], batch[0], node.reduced, node.shape)
        case SumTo() if batch[0] in node.axes():
            return _reduced(sum, inputs[0], batch[0], node.axes(), node.shape)
        case MatMul(a, b) if batch == (a.ndim - 1, b.ndim - 2):
            return _outer(*map(_batch_first, inputs, (a.ndim - 1, b.ndim - 2)))
        case Conv(x, _, None) if batch == (x.ndim - 3, x.ndim - 3):
            return _correlated(*(_batch_first(i, x.ndim - 3) for i in inputs))
        case Put() if batch == (node.axis, 0):
            return _scattered(_batch_first(inputs[0], node.axis), inputs[1], node)
    return None


def _batch_first(x: Node, axis: int) -> Node:
    return x if axis == 0 else transpose(x, (axis, *(k for k in range(x.ndim) if k != axis)))


def _reduced(of: Callable[..., Node], x: Node, batch: int | None, axes: tuple[int, ...], shape: Shape) -> Node:
    """A reduction over `axes`, but not over the batch."""
    assert batch is not None
    others = tuple(k + (k < batch) for k in axes if k != batch)
    front = _batch_first(x, batch)
    return reshape(of(front, axis=others) if others else front, (None, *shape))


def _outer(a: Node, b: Node) -> Node:
    """The products of all a with all b of an example; axes between broadcast, as in stacks of matrices."""
    deep = max(a.ndim, b.ndim)
    left = reshape(a, (None, *(1,) * (deep - a.ndim), *a.shape[1:], 1))
    right = reshape(b, (None, *(1,) * (deep - b.ndim), *b.shape[1:-1], 1, b.shape[-1]))
    return left * right


def _correlated(x: Node, w: Node) -> Node:
    """Sums of products of maps x (None, ..., A, H, W) and w (None, ..., B, h, w): (None, ..., A, B, H-h+1, W-w+1).

    As a product of matrices: what w meets at each place is laid side by side.
    """
    lead, (maps, *_), (others, h, width) = x.shape[:-3], x.shape[-3:], w.shape[-3:]
    rows, columns = ((big or 0) - (small or 0) + 1 for big, small in zip(x.shape[-2:], (h, width), strict=True))
    assert maps is not None and others is not None and h is not None and width is not None
    seen = reshape(Windows(x, (h, width), (1, 1)), (*lead, maps, rows, h, columns, width))
    n = len(lead)
    seen = transpose(seen, (*range(n), n, n + 1, n + 3, n + 2, n + 4))
    seen = reshape(seen, (*lead, maps * rows * columns, h * width))
    weights = transpose(reshape(w, (*lead, others, h * width)), (*range(n), n + 1, n))
    found = reshape(matmul(seen, weights), (*lead, maps, rows, columns, others))
    return transpose(found, (*range(n), n, n + 3, n + 1, n + 2))


def _scattered(x: Node, index: Node, node: Put) -> Node:
    """What an example puts at its own places, 0 elsewhere: a product with rows of 0 and 1."""
    size, places = node.size, math.prod(d for d in index.shape[1:] if d is not None)
    index = where(index < 0, index + size, index) if index.dtype.kind == "i" else index
    hit = reshape(one_hot(index, size, x.dtype.name), (None, 1, places, size))
    before, after = node.shape[: node.axis], node.shape[node.axis + 1 :]
    ends = [math.prod(d for d in shape if d is not None) for shape in (before, after)]
    found = matmul(transpose(hit, (0, 1, 3, 2)), reshape(x, (None, ends[0], places, ends[1])))
    return reshape(found, (None, *before, size, *after))


def carried_on(node: Node, inputs: list[Node], apart: tuple[bool, ...]) -> Node | None:
    """`node`, computed for each example: (None, *node.shape); None where nobody knows how.

    Parameters
    ----------
    node : Node
        Without a batch axis.
    inputs : list of Node
        What takes the place of its inputs: (None, *shape) for those that are `apart`, others are the same for all.
    apart : tuple of bool
    """
    if node.elementwise:
        return node.with_inputs(_aligned(node, inputs, apart, node.ndim))
    x = inputs[0]
    match node:
        case Reshape():
            return reshape(x, (None, *node.shape))
        case Transpose(_, axes):
            return transpose(x, (0, *(a + 1 for a in axes)))
        case Swap(_, lead):
            return Swap(x, lead + 1)
        case Rot90() | Windows() | Fold():
            return node.with_inputs(inputs)
        case Pad() | Crop():
            return dataclasses.replace(node, x=x, widths=((0, 0), *node.widths))
        case Subsample(_, steps):
            return Subsample(x, (1, *steps))
        case Dilate(_, steps, target):
            return Dilate(x, (1, *steps), (None, *target))
        case Reduction():
            return dataclasses.replace(node, x=x, axes=tuple(a + 1 for a in node.reduced))
        case SumTo():
            return reshape(sum(x, axis=tuple(a + 1 for a in node.axes())), (None, *node.shape))
        case BroadcastTo():
            return broadcast_to(_aligned(node, [x], (True,), node.ndim)[0], (None, *node.shape))
        case Concat(xs, axis):
            both = zip(inputs, xs, apart, strict=True)
            return concat([i if a else broadcast_to(i, (None, *old.shape)) for i, old, a in both], axis + 1)
        case MatMul():
            return MatMul(*_aligned(node, inputs, apart, max(i.ndim for i in node.inputs)))
        case Take() | Put() if apart == (True, False):
            return dataclasses.replace(node, x=x, axis=node.axis + 1)
    return None


def _aligned(node: Node, inputs: list[Node], apart: tuple[bool, ...], ndim: int) -> list[Node]:
    """The inputs, with axes of length 1 behind the batch, so that they broadcast as they did to `ndim` axes."""
    return [
        reshape(i, (None, *(1,) * (ndim - old.ndim), *old.shape)) if a else i
        for i, old, a in zip(inputs, node.inputs, apart, strict=True)
    ]
