"""Kernels of pooling: each works on the windows' first elements, second elements, ..., as strided views."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...nodes.pool import Pick, Place, Pool, Switches, Upsample, corners
from ...nodes.windows import Fold, Windows
from .registry import Array, Run, kernel


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
    """The number of corners before the first that is the maximum (or NaN, where that is the maximum)."""
    parts = corners(x, node.size)
    best = np.empty(out.shape, x.dtype)
    passed, missed = np.empty(out.shape, bool), np.empty(out.shape, bool)
    count = np.empty(out.shape, np.uint8 if len(parts) <= 256 else out.dtype)

    def run() -> None:
        np.copyto(best, parts[0])
        for part in parts[1:]:
            np.maximum(best, part, out=best)
        nan = bool(np.isnan(best).any())
        count.fill(0)
        passed.fill(True)
        for part in parts[:-1]:
            np.not_equal(part, best, out=missed)
            if nan:
                np.logical_and(missed, np.equal(part, part), out=missed)
            np.logical_and(passed, missed, out=passed)
            np.add(count, passed.view(np.uint8), out=count)
        np.copyto(out, count)

    return run


@kernel(Place)
def place(node: Place, out: Array, x: Array, chosen: Array) -> Run:
    """The error where the switch stands, 0 elsewhere: its bits times 1 or 0, so that NaN times 0 is 0."""
    bits = np.dtype(f"i{x.itemsize}")
    hit, factor = np.empty(x.shape, bool), np.empty(x.shape, bits)
    parts, error = corners(out.view(bits), node.size), x.view(bits)

    def run() -> None:
        for number, part in enumerate(parts):
            np.equal(chosen, number, out=hit)
            np.copyto(factor, hit)
            np.multiply(error, factor, out=part)

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


@kernel(Windows)
def windows(node: Windows, out: Array, x: Array) -> Run:
    """Unit by unit of a window: what of it lies on the maps is copied, and the rest is the fill."""
    places = list(_places(node, out, x))
    bordered = any(map(any, node.border))

    def run() -> None:
        if bordered:
            out.fill(node.fill)
        for laid, seen in places:
            np.copyto(laid, seen)

    return run


@kernel(Fold)
def fold(node: Fold, out: Array, x: Array) -> Run:
    """Unit by unit of a window, added where it belongs."""
    places = list(_places(node, x, out))

    def run() -> None:
        out.fill(0)
        for laid, seen in places:
            np.add(seen, laid, out=seen)

    return run


def _places(node: Windows | Fold, laid: Array, maps: Array) -> Iterator[tuple[Array, Array]]:
    """For each unit of a window: where it is in all windows that have it on the maps, and where there."""
    sides = zip(node.size, node.stride, node.dilation, node.border, maps.shape[-2:], laid.shape[-2:], strict=True)
    rows, columns = (list(_along(*side)) for side in sides)
    for down, y in rows:
        for across, x in columns:
            yield laid[..., down, across], maps[..., y, x]


def _along(
    size: int, step: int, gap: int, border: tuple[int, int], length: int, laid: int
) -> Iterator[tuple[slice, slice]]:
    for number in range(size):
        first = gap * number - border[0]  # of the first window, where the unit is on the maps
        low = max(0, -(first // step))
        high = min(laid // size, (length - 1 - first) // step + 1)
        if low < high:
            start = first + step * low
            yield slice(low * size + number, high * size, size), slice(start, start + step * (high - low), step)
