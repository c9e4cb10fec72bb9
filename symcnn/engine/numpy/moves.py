"""Kernels of nodes that move numbers: borders, gaps, joins, take and put."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from ...graph.leaves import Const
from ...nodes.border import Dilate, Pad
from ...nodes.gather import Gather, Scatter
from ...nodes.shape import Concat, Reshape
from ...nodes.take import Put, Take
from .registry import Array, Run, kernel


@kernel(Pad)
def pad(node: Pad, out: Array, x: Array) -> Run:
    """Zeros, and the input in the middle of them."""
    inside = out[tuple(slice(a, n - b) for n, (a, b) in zip(out.shape, node.widths, strict=True))]
    return _into_zeros(out, inside, x)


@kernel(Dilate)
def dilate(node: Dilate, out: Array, x: Array) -> Run:
    """Zeros, and the input at every n-th of them."""
    return _into_zeros(out, out[tuple(slice(None, None, s) for s in node.steps)], x)


def _into_zeros(out: Array, part: Array, x: Array) -> Run:
    def run() -> None:
        out.fill(0)
        np.copyto(part, x)

    return run


@kernel(Reshape)
def reshape(node: Reshape, out: Array, x: Array) -> Run:
    """A copy, where the input's memory allows no view."""
    flat = out.reshape(x.shape)
    return lambda: np.copyto(flat, x)


@kernel(Concat)
def concat(node: Concat, out: Array, *xs: Array) -> Run:
    """Each input into its part of the result."""
    return lambda: np.concatenate(xs, axis=node.axis, out=out)


@kernel(Take)
def take(node: Take, out: Array, x: Array, index: Array) -> Run:
    """NumPy's take; the indices have been verified."""
    mode: Literal["clip", "wrap"] = "clip" if isinstance(node.index, Const) else "wrap"  # those that are known are >= 0
    return lambda: np.take(x, index, axis=node.axis, out=out, mode=mode)


@kernel(Put)
def put(node: Put, out: Array, x: Array, index: Array) -> Run | None:
    """Added up one after the other, as repeated indices need."""
    if out.dtype == np.float16:
        return None
    rows, flat = np.moveaxis(out, node.axis, 0), index.reshape(-1)

    def run() -> None:
        out.fill(0)
        np.add.at(rows, flat, np.moveaxis(node.slices(np, x), node.axis, 0))

    return run


@kernel(Gather)
def gather(node: Gather, out: Array, x: Array, index: Array) -> Run:
    """NumPy's indexing by an array of indices for each axis; they have been verified."""
    places = _places(index, node.axis)
    return lambda: np.copyto(out, x[places()])


@kernel(Scatter)
def scatter(node: Scatter, out: Array, x: Array, index: Array) -> Run | None:
    """Added up one after the other, as repeated indices need."""
    if out.dtype == np.float16:
        return None
    places = _places(index, node.axis)

    def run() -> None:
        out.fill(0)
        np.add.at(out, places(), x)

    return run


def _places(index: Array, axis: int) -> Callable[[], tuple[Array, ...]]:
    """What gives, when it is called, the places that an index names along an axis."""
    grid = np.ogrid[tuple(slice(n) for n in index.shape)]
    return lambda: (*grid[:axis], index, *grid[axis + 1 :])
