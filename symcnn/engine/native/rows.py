"""The loops of reductions within each image: sums, means, maxima, softmax and the losses made of it."""

from __future__ import annotations

from collections.abc import Callable

from ...graph.algebra import SumTo
from ...graph.node import Node
from ...nodes.loss import LogSoftmax, Softmax, SoftmaxCrossEntropy
from ...nodes.reduce import ArgMax, FirstMax, Max, Mean, Sum
from . import functions
from .expressions import Reader, linear
from .kernels import Kernel, nest, over, sizes, sum_over
from .loops import Index, Value
from .partition import elements
from .totals import Total

Places = tuple[Index, ...]


def reduction(k: Kernel, node: Node) -> None:
    """A sum, a mean or a maximum over axes of each image."""
    assert isinstance(node, Sum | Mean | Max | SumTo)
    x = node.x
    axes = sorted(a - 1 for a in (node.axes() if isinstance(node, SumTo) else node.reduced))
    kept = [n for n in range(x.ndim - 1) if n not in axes]
    shape = sizes(x.shape[1:])
    b, out = k.b, k.read.buffer(node)
    largest = isinstance(node, Max)

    def outer(left: list[int], place: dict[int, Index]) -> None:
        if left:
            with b.loop(0, shape[left[0]]) as i:
                outer(left[1:], {**place, left[0]: i})
            return
        value = _largest(k, x, axes, place) if largest else sum_over(k, x, axes, place)
        if isinstance(node, Mean):
            count = 1
            for a in axes:
                count *= shape[a]
            value = b.binary("fdiv", value, b.number(count, k.lanes))
        k.write(out, linear(tuple(place[n] for n in kept), tuple(shape[n] for n in kept)), value)

    outer(kept, {})


def _largest(k: Kernel, x: Node, axes: list[int], place: dict[int, Index]) -> Value:
    best = k.b.register(k.b.number(float("-inf"), k.lanes))

    def inner(read: Reader, value: Value) -> None:
        k.b.set(best, k.b.binary("maximum", k.b.get(best), value))

    over(k, x, axes, place, inner)
    return k.b.get(best)


def rows(k: Kernel, node: Node) -> None:
    """Functions of each row of scores: the largest is taken off first, so that nothing overflows."""
    assert isinstance(node, Softmax | LogSoftmax | SoftmaxCrossEntropy)
    b, out, z = k.b, k.read.buffer(node), k.read.buffer(node.z)
    classes = sizes(node.z.shape)[-1]
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
            e = functions.exp(b, shifted)
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
        logarithm = functions.log(b, whole)
        if label is not None:
            k.write(out, row, b.binary("fsub", logarithm, b.get(score)))
            return
        with b.loop(0, classes) as c:
            shifted = b.binary("fsub", k.load(z, row * classes + c), largest)
            k.write(out, row * classes + c, b.binary("fsub", shifted, logarithm))


def argmax(k: Kernel, node: ArgMax) -> None:
    """The number of the first of the largest elements of each row."""
    *lead, length = sizes(node.x.shape[1:])
    with nest(k.b, lead) as outer:
        where = _first_largest(k, node.x, [length], lambda inner: (*outer, *inner))
        k.write(k.read.buffer(node), linear(outer, tuple(lead)), where)


def first_max(k: Kernel, node: FirstMax) -> None:
    """Two rounds through what a maximum is taken of: where it stands, and the mask."""
    shape, axes = sizes(node.x.shape[1:]), [a - 1 for a in node.reduced]
    kept = [n for n in range(len(shape)) if n not in axes]
    lengths = [shape[n] for n in axes]
    with nest(k.b, [shape[n] for n in kept]) as outer:

        def place(inner: Places) -> Places:
            found = dict(zip((*kept, *axes), (*outer, *inner), strict=True))
            return tuple(found[n] for n in range(len(shape)))

        where = _first_largest(k, node.x, lengths, place)
        with nest(k.b, lengths) as inner:
            hit = k.b.compare("eq", where, k.read.whole(linear(inner, tuple(lengths))))
            k.write(k.read.buffer(node), linear(place(inner), shape), hit)


def _first_largest(k: Kernel, x: Node, lengths: list[int], place: Callable[[Places], Places]) -> Value:
    """The number of the first of the largest elements, counted row by row; of the first NaN, if there is one."""
    b = k.b
    best, where = b.register(b.number(float("-inf"), k.lanes)), b.register(b.integer(0, k.lanes))
    with nest(b, lengths) as inner:
        value, before = k.read.fresh().at(x, place(inner)), b.get(best)
        better = b.binary("and", b.compare("ugt", value, before), b.compare("ord", before, before))
        b.set(best, b.select(better, value, before))
        b.set(where, b.select(better, k.read.whole(linear(inner, tuple(lengths))), b.get(where)))
    return b.get(where)
