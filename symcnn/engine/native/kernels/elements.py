"""Where an element comes from, for each type that moves elements or chooses from a few: (reader, node, place) -> value.

A place is an index for each axis but the batch.
"""

from __future__ import annotations

from typing import Any

from ....graph.algebra import BroadcastTo
from ....graph.node import Node
from ....nodes.border import Crop, Dilate, Pad, Subsample
from ....nodes.conv import Rot90, Swap
from ....nodes.loss import OneHot
from ....nodes.pool import Pick, Place, Pool, Switches, Upsample
from ....nodes.shape import Flip, Reshape, Transpose
from ....nodes.take import Take
from ....nodes.windows import Windows
from ..analysis.partition import is_aligned
from ..analysis.registration import mixed, native, not_first
from ..ir.lane_integers import Irregular, Run
from ..ir.loops import INT, Position, Value
from . import reductions
from .expressions import Indices, Reader, linear


def _over_the_batch(node: Node) -> str | None:
    return not_first(node) or ("its windows lie over the batch axis" if node.ndim < 3 else None)


def _moved_batch(node: Transpose) -> str | None:
    return not_first(node) or ("it moves the batch axis" if node.axes[0] != 0 else None)


def _swapped_batch(node: Swap) -> str | None:
    return not_first(node) or ("it moves the batch axis" if node.lead == 0 else None)


def _turned_batch(node: Rot90) -> str | None:
    return not_first(node) or ("it turns the batch axis" if node.ndim < 3 else None)


def _broadcast_batch(node: BroadcastTo) -> str | None:
    return None if is_aligned(node, node.x) else "it broadcasts along the batch"


# The same elements at other places -----------------------------------------------------------


@native(Reshape, kind="element", reals=False, alias=True)
def reshaped(read: Reader, node: Reshape, place: Indices) -> Value:
    """The element with the same number."""
    number = linear(place, node.shape[1:])
    if read.all_flat(node.x):
        return read.flat(node.x, number)
    found: list[Position] = []
    for size in reversed(node.x.shape[1:]):
        assert size is not None
        number, rest = read.b.quotient(number, size)
        found.append(rest)
    return read.at(node.x, tuple(reversed(found)))


@native(Transpose, kind="element", reals=False, obstacle=_moved_batch)
def transposed(read: Reader, node: Transpose, place: Indices) -> Value:
    """The element with its indices in the order of the input's axes."""
    order = sorted(range(1, len(node.axes)), key=node.axes.__getitem__)
    return read.at(node.x, tuple(place[a - 1] for a in order))


@native(Swap, kind="element", reals=False, obstacle=_swapped_batch)
def swapped(read: Reader, node: Swap, place: Indices) -> Value:
    """The element with two of its indices exchanged."""
    k = node.lead - 1
    return read.at(node.x, (*place[:k], place[k + 1], place[k], *place[k + 2 :]))


@native(Rot90, kind="element", reals=False, obstacle=_turned_batch)
def rotated(read: Reader, node: Rot90, place: Indices) -> Value:
    """The element counted from the other ends."""
    height, width = node.shape[-2:]
    assert height is not None and width is not None
    *lead, y, z = place
    return read.at(node.x, (*lead, height - 1 - y, width - 1 - z))


@native(Flip, kind="element", reals=False)
def flipped(read: Reader, node: Flip, place: Indices) -> Value:
    """The element counted from the other end of some axes."""
    sizes = enumerate(zip(place, node.shape[1:], strict=True), start=1)
    return read.at(node.x, tuple((d or 0) - 1 - i if a in node.axes else i for a, (i, d) in sizes))


@native(BroadcastTo, kind="element", reals=False, obstacle=_broadcast_batch)
def broadcast(read: Reader, node: BroadcastTo, place: Indices) -> Value:
    """The element that is repeated."""
    return read.at(node.x, read.narrowed(node, node.x, place))


@native(Crop, kind="element", reals=False)
def cropped(read: Reader, node: Crop, place: Indices) -> Value:
    """The element within the border."""
    return read.at(node.x, tuple(i + before for i, (before, _) in zip(place, node.widths[1:], strict=True)))


@native(Subsample, kind="element", reals=False)
def subsampled(read: Reader, node: Subsample, place: Indices) -> Value:
    """Each n-th element."""
    return read.at(node.x, tuple(i * s for i, s in zip(place, node.steps[1:], strict=True)))


def _own_index(node: Take) -> str | None:
    return "each image has an index of its own" if None in node.index.shape else not_first(node)


@native(Take, kind="element", reals=False, index=1, obstacle=_own_index)
def taken(read: Reader, node: Take, place: Indices) -> Value:
    """The element to which the index leads."""
    first = node.axis - 1
    i = linear(place[first : first + node.index.ndim], node.index.shape)
    if isinstance(i, Run):
        raise Irregular
    return read.at(node.x, (*place[:first], read.taken(node, i), *place[first + node.index.ndim :]))


# With zeros between them ---------------------------------------------------------------------


@native(Pad, kind="element", reals=False, spreads=True)
def padded(read: Reader, node: Pad, place: Indices) -> Value:
    """An element of the input, or 0 in the border."""
    inside, safe = [], []
    for i, (before, after), size in zip(place, node.widths[1:], node.x.shape[1:], strict=True):
        assert size is not None
        k = i - before
        if before or after:
            kept = read.b.larger(read.b.smaller(k, size - 1), 0)
            inside.append((k, kept))
            k = kept
        safe.append(k)
    return _only(read, inside, read.at(node.x, tuple(safe)))


@native(Dilate, kind="element", reals=False, spreads=True)
def dilated(read: Reader, node: Dilate, place: Indices) -> Value:
    """An element of the input, or 0 in the gaps."""
    steps = node.steps[1:]
    pairs = [read.b.quotient(i, s) for i, s in zip(place, steps, strict=True)]
    at_element = [(rest, 0) for (_, rest), s in zip(pairs, steps, strict=True) if s > 1]
    return _only(read, at_element, read.at(node.x, tuple(q for q, _ in pairs)))


def _only(read: Reader, equal: list[Any], value: Value, otherwise: Value | None = None) -> Value:
    """`value` where all pairs of indices are equal, else 0, or what is given."""
    otherwise = read.zero(value) if otherwise is None else otherwise
    for a, c in equal:
        if isinstance(a, int) and isinstance(c, int):
            if a != c:
                return otherwise
            continue
        near = read.b.splat(read.as_value(a), read.lanes)
        hit = read.b.compare("eq", near, read.b.splat(read.as_value(c), read.lanes))
        value = read.b.select(hit, value, otherwise)
    return value


# Windows -------------------------------------------------------------------------------------


def _corners(read: Reader, node: Pool | Switches | Pick, place: Indices) -> list[Value]:
    """The elements of a window."""
    *lead, y, z = place
    p, q = node.size
    return [read.at(node.x, (*lead, y * p + u, z * q + v)) for u in range(p) for v in range(q)]


def _window(read: Reader, node: Upsample | Place, place: Indices) -> tuple[Indices, tuple[Position, Position]]:
    """Which element of the input is spread over a place, and where the place is in its window."""
    lead, ends = place[:-2], zip(place[-2:], node.size, node.x.shape[-2:], strict=True)
    (row, u), (column, v) = ((0, i) if count == 1 else read.b.quotient(i, step) for i, step, count in ends)
    return (*lead, row, column), (u, v)


@native(Windows, kind="element", reals=False, anew=True, obstacle=_over_the_batch)
def laid_out(read: Reader, node: Windows, place: Indices) -> Value:
    """The unit that a place of a window shows, or what fills the border."""
    *lead, y, z = place
    inside, found = [], []
    sides = zip((y, z), node.size, node.stride, node.dilation, node.border, node.x.shape[-2:], strict=True)
    for i, p, step, gap, border, length in sides:
        assert length is not None
        window, unit = read.b.quotient(i, p)
        k = window * step + unit * gap - border[0]
        if any(border):
            kept = read.b.larger(read.b.smaller(k, length - 1), 0)
            inside.append((k, kept))
            k = kept
        found.append(k)
    value = read.at(node.x, (*lead, *found))
    return _only(read, inside, value, read.constant(value, node.fill))


@native(Pool, kind="element", window=True, wide=reductions.reduction, obstacle=_over_the_batch)
def pooled(read: Reader, node: Pool, place: Indices) -> Value:
    """The mean or the maximum of a window."""
    b, (best, *others) = read.b, _corners(read, node, place)
    for part in others:
        best = b.binary("fadd" if node.mode == "mean" else "maximum", best, part)
    return b.binary("fdiv", best, read.number(1 + len(others))) if node.mode == "mean" else best


@native(Switches, kind="element", window=True, wide=reductions.switches, element=INT, obstacle=_over_the_batch)
def switched(read: Reader, node: Switches, place: Indices) -> Value:
    """The number of a window's first maximum."""
    b, (best, *others) = read.b, _corners(read, node, place)
    where = b.integer(0, read.lanes)
    for number, part in enumerate(others, start=1):
        better = b.binary("and", b.compare("ugt", part, best), b.compare("ord", best, best))
        best = b.select(better, part, best)
        where = b.select(better, b.integer(number, read.lanes), where)
    return where


@native(Pick, kind="element", reals=False, window=True, switches=True, wide=reductions.pick, obstacle=_over_the_batch)
def picked(read: Reader, node: Pick, place: Indices) -> Value:
    """The element of a window that the switch names."""
    b, (best, *others) = read.b, _corners(read, node, place)
    chosen = read.at(node.switches, place)
    for number, part in enumerate(others, start=1):
        best = b.select(b.compare("eq", chosen, b.integer(number, read.lanes)), part, best)
    return best


@native(Upsample, kind="element", reals=False, window=True, spreads=True, obstacle=_over_the_batch)
def upsampled(read: Reader, node: Upsample, place: Indices) -> Value:
    """The element whose window the place is in."""
    return read.at(node.x, _window(read, node, place)[0])


@native(Place, kind="element", reals=False, window=True, switches=True, spreads=True, obstacle=_over_the_batch)
def placed(read: Reader, node: Place, place: Indices) -> Value:
    """The element, where the switch names this place of its window, else 0."""
    window, (u, v) = _window(read, node, place)
    corner = read.whole(u * node.size[1] + v)
    hit = read.b.compare("eq", read.at(node.switches, window), corner)
    value = read.at(node.x, window)
    return read.b.select(hit, value, read.zero(value))


# Labels --------------------------------------------------------------------------------------


def _classes(node: OneHot) -> tuple[Node, int]:
    classes = node.shape[-1]
    assert classes is not None
    return node.y, classes


@native(OneHot, kind="element", labels=_classes, obstacle=mixed)
def one_hot(read: Reader, node: OneHot, place: Indices) -> Value:
    """1 for the class that the label names, else 0."""
    label = read.label(node.y, read.at(node.y, place[:-1]))
    hit = read.b.compare("eq", label, read.whole(place[-1]))
    return read.b.select(hit, read.number(1), read.number(0))
