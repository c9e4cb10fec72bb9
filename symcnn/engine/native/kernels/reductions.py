"""The loops of reductions within each image: sums, means, maxima, wide windows, softmax and the losses made of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ....graph.algebra import SumTo
from ....graph.node import Node
from ....nodes.loss import LogSoftmax, Softmax, SoftmaxCrossEntropy
from ....nodes.pool import Pick, Pool, Switches
from ....nodes.reduce import ArgMax, FirstMax, LogSumExp, Max, Mean, Min, Reduction, Sum
from ..analysis.partition import elements
from ..analysis.registration import native
from ..ir import math_functions
from ..ir.lane_integers import Run
from ..ir.loops import INT, Index, Position, Value
from ..ir.summation import Total
from .expressions import Indices, linear
from .kernel import Kernel, nest, sizes

Places = tuple[Index, ...]


@dataclass(frozen=True)
class Parts:
    """What the elements of a node are made of: for each place of `outer` lengths, all places of `inner` ones in x.

    With `in_rows`, the last of the inner lengths goes along the last axis of x.
    """

    x: Node
    outer: tuple[int, ...]
    inner: tuple[int, ...]
    place: Callable[[Places, Indices], Indices]
    in_rows: bool = False

    @classmethod
    def of(cls, node: Node) -> Parts:
        """Those of a reduction, or of the windows of a pool."""
        if isinstance(node, Pool | Switches | Pick):
            p, q = node.size

            def in_window(outer: Places, inner: Indices) -> Indices:
                *lead, y, z = outer
                return (*lead, y * p + inner[0], z * q + inner[1])

            return cls(node.x, sizes(node.shape[1:]), (p, q), in_window, True)
        assert isinstance(node, Reduction | SumTo)
        axes = sorted(a - 1 for a in (node.axes() if isinstance(node, SumTo) else node.reduced))
        shape = sizes(node.x.shape[1:])
        kept = [n for n in range(len(shape)) if n not in axes]

        def along_axes(outer: Places, inner: Indices) -> Indices:
            found = dict(zip((*kept, *axes), (*outer, *inner), strict=True))
            return tuple(found[n] for n in range(len(shape)))

        in_rows = bool(axes) and axes[-1] == len(shape) - 1
        return cls(node.x, tuple(shape[n] for n in kept), tuple(shape[n] for n in axes), along_axes, in_rows)


@native(Sum, Mean, Max, Min, SumTo, kind="loops", by_shape=True)
def reduction(k: Kernel, node: Node) -> None:
    """A sum, a mean, a maximum or a minimum over axes of each image, or of windows."""
    parts = Parts.of(node)
    largest = isinstance(node, Max | Min) or (isinstance(node, Pool) and node.mode == "max")
    mean = isinstance(node, Mean) or (isinstance(node, Pool) and node.mode == "mean")
    with nest(k.b, parts.outer) as outer:
        value = _largest(k, parts, outer, isinstance(node, Min)) if largest else _total(k, parts, outer)
        if mean:
            value = k.b.binary("fdiv", value, k.b.number(math.prod(parts.inner), k.lanes))
        k.write(k.read.buffer(node), linear(outer, parts.outer), value)


def switches(k: Kernel, node: Switches) -> None:
    """The number of the first of the largest elements of each window."""
    parts = Parts.of(node)
    with nest(k.b, parts.outer) as outer:
        where = _first_largest(k, parts, outer)
        k.write(k.read.buffer(node), linear(outer, parts.outer), where)


def pick(k: Kernel, node: Pick) -> None:
    """The element of each window whose number is that of the switch."""
    b, parts = k.b, Parts.of(node)
    with nest(b, parts.outer) as outer:
        read = k.read.fresh()
        chosen, found = read.at(node.switches, outer), b.register(k.zero())
        with nest(b, parts.inner) as inner:
            hit = b.compare("eq", chosen, k.read.whole(linear(inner, parts.inner)))
            value = k.read.fresh().at(parts.x, parts.place(outer, inner))
            b.set(found, b.select(hit, value, b.get(found)))
        k.write(k.read.buffer(node), linear(outer, parts.outer), b.get(found))


def _total(k: Kernel, parts: Parts, outer: Places) -> Value:
    total = Total(k.b, k.lanes, parts.inner)
    with total.loops() as inner:
        total.add(k.read.fresh().at(parts.x, parts.place(outer, inner)))
    return total.value


def _largest(k: Kernel, parts: Parts, outer: Places, smallest: bool = False) -> Value:
    """The largest (or smallest), of as many neighbours at a time as a vector holds where lanes are not the images."""
    op, start = ("minimum", math.inf) if smallest else ("maximum", -math.inf)
    b, length = k.b, parts.inner[-1] if parts.in_rows and k.lanes == 1 else 1
    lanes = min(k.wide, 1 << (length.bit_length() - 1))
    best = b.register(b.number(start, max(lanes, k.lanes)))

    def see(*inner: Position) -> None:
        value = k.read.fresh(best.type.lanes).at(parts.x, parts.place(outer, inner))
        b.set(best, b.binary(op, b.get(best), value))

    if lanes == 1:
        with nest(b, parts.inner) as inner:
            see(*inner)
        return b.get(best)
    with nest(b, parts.inner[:-1]) as lead:
        with b.loop(0, length // lanes * lanes, lanes) as first:
            see(*lead, Run(first, 1))
        if length % lanes:
            see(*lead, Run(length - lanes, 1))  # some are seen twice
    value = b.get(best)
    while lanes > 2:
        lanes //= 2
        halves = (b.shuffle(value, value, range(n, n + lanes)) for n in (0, lanes))
        value = b.binary(op, *halves)
    return b.binary(op, b.lane(value, 0), b.lane(value, 1))


@native(LogSumExp, kind="loops", again=True)
def log_sum_exp(k: Kernel, node: LogSumExp) -> None:
    """Two rounds through what is summed: the largest, which is taken off where it is finite, and the sum."""
    b, parts = k.b, Parts.of(node)
    with nest(b, parts.outer) as outer:
        top = _largest(k, parts, outer)
        finite = b.compare("olt", b.unary("fabs", top), b.number(float("inf"), k.lanes))
        shift = b.select(finite, top, k.zero())
        total = Total(b, k.lanes, parts.inner)
        with total.loops() as inner:
            value = k.read.fresh().at(parts.x, parts.place(outer, inner))
            total.add(math_functions.exp(b, b.binary("fsub", value, shift)))
        value = b.binary("fadd", shift, math_functions.log(b, total.value))
        k.write(k.read.buffer(node), linear(outer, parts.outer), value)


def _classes(node: SoftmaxCrossEntropy) -> tuple[Node, int]:
    return node.y, sizes(node.z.shape[1:])[-1]


@native(SoftmaxCrossEntropy, kind="loops", again=True, labels=_classes)
@native(Softmax, LogSoftmax, kind="loops", again=True)
def softmax(k: Kernel, node: Softmax | LogSoftmax | SoftmaxCrossEntropy) -> None:
    """Functions of each row of scores: the largest is taken off first, so that nothing overflows."""
    b, out, z = k.b, k.read.buffer(node), k.read.buffer(node.z)
    classes = sizes(node.z.shape[1:])[-1]
    with b.loop(0, elements(node.z) // classes) as row:
        top = b.register(b.number(float("-inf"), k.lanes))
        with b.loop(0, classes) as c:
            b.set(top, b.binary("maximum", b.get(top), k.load(z, row * classes + c)))
        largest = b.get(top)
        total, score = Total(b, k.lanes, (classes,)), b.register(k.zero())
        label = None
        if isinstance(node, SoftmaxCrossEntropy):
            label = k.read.label(node.y, k.read.fresh().flat(node.y, row))
        with total.loops() as (c,):
            shifted = b.binary("fsub", k.load(z, row * classes + c), largest)
            e = math_functions.exp(b, shifted)
            total.add(e)
            if label is not None:
                hit = b.compare("eq", label, k.read.whole(c))
                b.set(score, b.select(hit, shifted, b.get(score)))
            elif isinstance(node, Softmax):
                k.write(out, row * classes + c, e)
        whole = total.value
        if isinstance(node, Softmax):
            with b.loop(0, classes) as c:
                k.write(out, row * classes + c, b.binary("fdiv", k.load(out, row * classes + c), whole))
            return
        logarithm = math_functions.log(b, whole)
        if label is not None:
            k.write(out, row, b.binary("fsub", logarithm, b.get(score)))
            return
        with b.loop(0, classes) as c:
            shifted = b.binary("fsub", k.load(z, row * classes + c), largest)
            k.write(out, row * classes + c, b.binary("fsub", shifted, logarithm))


@native(ArgMax, kind="loops", element=INT, by_shape=True)
def argmax(k: Kernel, node: ArgMax) -> None:
    """The number of the first of the largest elements of each row."""
    *lead, length = sizes(node.x.shape[1:])
    parts = Parts(node.x, tuple(lead), (length,), lambda outer, inner: (*outer, *inner))
    with nest(k.b, lead) as outer:
        k.write(k.read.buffer(node), linear(outer, parts.outer), _first_largest(k, parts, outer))


@native(FirstMax, kind="loops", again=True, by_shape=True)
def first_max(k: Kernel, node: FirstMax) -> None:
    """Two rounds through what a maximum is taken of: where it stands, and the mask."""
    parts, shape = Parts.of(node), sizes(node.x.shape[1:])
    with nest(k.b, parts.outer) as outer:
        where = _first_largest(k, parts, outer)
        with nest(k.b, parts.inner) as inner:
            hit = k.b.compare("eq", where, k.read.whole(linear(inner, parts.inner)))
            number = linear(parts.place(outer, inner), shape)
            assert not isinstance(number, Run)
            k.write(k.read.buffer(node), number, hit)


def _first_largest(k: Kernel, parts: Parts, outer: Places) -> Value:
    """The number of the first of the largest elements, counted row by row; of the first NaN, if there is one."""
    b = k.b
    best, where = b.register(b.number(float("-inf"), k.lanes)), b.register(b.integer(0, k.lanes))
    with nest(b, parts.inner) as inner:
        value, before = k.read.fresh().at(parts.x, parts.place(outer, inner)), b.get(best)
        better = b.binary("and", b.compare("ugt", value, before), b.compare("ord", before, before))
        b.set(best, b.select(better, value, before))
        b.set(where, b.select(better, k.read.whole(linear(inner, parts.inner)), b.get(where)))
    return b.get(where)
