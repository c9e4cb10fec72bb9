"""Kernels of pooling: each works on the windows' first elements, second elements, ..., as strided views."""

from __future__ import annotations

import numpy as np

from ...nodes.pool import Pick, Place, Pool, Switches, Upsample
from .kernels import Array, Run, kernel


def corners(x: Array, size: tuple[int, int]) -> list[Array]:
    """The windows' first elements, second elements, ... in row-major order, as views."""
    return [x[..., u :: size[0], v :: size[1]] for u in range(size[0]) for v in range(size[1])]


@kernel(Pool)
def pool(node: Pool, out: Array, x: Array) -> Run | None:
    """The mean or the maximum, corner by corner."""
    if node.mode == "mean" and out.dtype == np.float16:
        return None
    first, *others = corners(x, node.size)
    combine, size = np.add if node.mode == "mean" else np.maximum, len(others) + 1

    def run() -> None:
        np.copyto(out, first)
        for part in others:
            combine(out, part, out=out)
        if node.mode == "mean":
            np.divide(out, size, out=out)

    return run


@kernel(Upsample)
def upsample(node: Upsample, out: Array, x: Array) -> Run:
    """The same value into each corner."""
    parts = corners(out, node.size)

    def run() -> None:
        for part in parts:
            np.copyto(part, x)

    return run


@kernel(Switches)
def switches(node: Switches, out: Array, x: Array) -> Run:
    """The first maximum; NaN is larger than any number, the first NaN wins."""
    first, *others = corners(x, node.size)
    best = np.empty(out.shape, x.dtype)
    beaten, is_number = np.empty(out.shape, bool), np.empty(out.shape, bool)

    def run() -> None:
        np.copyto(best, first)
        out.fill(0)
        for number, part in enumerate(others, start=1):
            np.less_equal(part, best, out=beaten)  # False where either is NaN
            np.equal(best, best, out=is_number)
            np.logical_not(beaten, out=beaten)
            np.logical_and(beaten, is_number, out=beaten)
            np.copyto(best, part, where=beaten)
            np.copyto(out, number, where=beaten)

    return run


@kernel(Place)
def place(node: Place, out: Array, x: Array, chosen: Array) -> Run:
    """The error times 1 at the switch, 0 elsewhere, corner by corner."""
    hit = np.empty(x.shape, bool)
    parts = corners(out, node.size)

    def run() -> None:
        for number, part in enumerate(parts):
            np.equal(chosen, number, out=hit)
            part.fill(0)
            np.copyto(part, x, where=hit)

    return run


@kernel(Pick)
def pick(node: Pick, out: Array, x: Array, chosen: Array) -> Run:
    """From each corner what the switches name."""
    parts = corners(x, node.size)
    hit = np.empty(out.shape, bool)

    def run() -> None:
        for number, part in enumerate(parts):
            np.equal(chosen, number, out=hit)
            np.copyto(out, part, where=hit)

    return run
