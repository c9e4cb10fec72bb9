"""Kernels of sums, maxima and matrix products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...graph.algebra import SumTo
from ...nodes.dense import Dense, MatMul
from ...nodes.reduce import ArgMax, Max, Mean, Min, Reduction, Sum
from .blas import LARGE, all_threads
from .registry import Array, Run, kernel


@kernel(Sum, SumTo)
def total(node: Sum | SumTo, out: Array, x: Array) -> Run | None:
    """The sum over axes; (N, channels, height, width) over all but the channels in two steps."""
    axes = node.axes() if isinstance(node, SumTo) else node.reduced
    return _sum(out, x, axes) if x.dtype != np.float16 and axes else None


def _sum(out: Array, x: Array, axes: tuple[int, ...]) -> Run:
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    target = out.reshape(kept)
    if x.ndim == 4 and axes == (0, 2, 3) and x.flags.c_contiguous:
        rows = x.reshape(*x.shape[:2], x.shape[2] * x.shape[3])
        partial = np.empty(x.shape[:2], x.dtype)

        def run() -> None:
            np.sum(rows, axis=2, out=partial)
            np.sum(partial, axis=0, out=target.reshape(-1))

        return run
    return lambda: np.sum(x, axis=axes, keepdims=True, out=target)


@kernel(Mean)
def mean(node: Mean, out: Array, x: Array) -> Run | None:
    """The sum, divided by the number of elements."""
    size = int(np.prod([x.shape[a] for a in node.reduced]))
    if x.dtype == np.float16 or not node.reduced or not size:
        return None
    add = _sum(out, x, node.reduced)

    def run() -> None:
        add()
        np.divide(out, size, out=out)

    return run


@kernel(Max)
def largest(node: Reduction, out: Array, x: Array) -> Run:
    """NumPy's maximum, which NaN wins."""
    return lambda: np.max(x, axis=node.reduced, keepdims=node.keepdims, out=out)


@kernel(Min)
def smallest(node: Reduction, out: Array, x: Array) -> Run:
    """NumPy's minimum, which NaN wins."""
    return lambda: np.min(x, axis=node.reduced, keepdims=node.keepdims, out=out)


@kernel(ArgMax)
def argmax(node: ArgMax, out: Array, x: Array) -> Run:
    """NumPy's argmax, which takes the first."""
    return lambda: np.argmax(x, axis=-1, out=out)


@kernel(Dense)
def dense(node: Dense, out: Array, a: Array, w: Array, b: Array | None = None) -> Run | None:
    """One matrix product by BLAS; the bias is added in place."""
    product = _product(out, a, w.T)
    if product is None or b is None:
        return product
    multiply = product

    def run() -> None:
        multiply()
        np.add(out, b, out=out)

    return run


@kernel(MatMul)
def matmul(node: MatMul, out: Array, a: Array, b: Array) -> Run | None:
    """One matrix product by BLAS."""
    return _product(out, a, b)


def _product(out: Array, a: Array, b: Array) -> Callable[[], object] | None:
    if out.dtype == np.float16:
        return None
    if out.size * a.shape[-1] < LARGE:
        return lambda: np.matmul(a, b, out=out)
    return lambda: all_threads(lambda: np.matmul(a, b, out=out))
