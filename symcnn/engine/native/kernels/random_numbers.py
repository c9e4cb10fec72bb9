"""Random numbers in lanes: each computes its own counter, so that none depends on how the images are divided."""

from __future__ import annotations

from ....graph.node import Node
from ....nodes.random import MULTIPLIERS, Uniform, round_keys
from ...patterns import per_image
from ..analysis.registration import native
from ..ir.conversion import resized
from ..ir.loops import DOUBLE, INDEX, INT, Builder, Value
from .expressions import Indices, Reader, linear


def _no_examples(node: Node) -> str | None:
    return None if per_image(node) else "the batch is not its first axis"


@native(Uniform, kind="element", dear=True, whole=(0,), obstacle=_no_examples)
def uniform(read: Reader, node: Uniform, place: Indices) -> Value:
    """The number at a place: the first bits of what `symcnn.nodes.random.philox` makes of it."""
    b, lanes = read.b, read.lanes
    example = read.whole(read.row)
    if read.block > 1:
        example = b.binary("add", example, b.lane_numbers(lanes))
    step = resized(b, read.at(node.step, ()), INT)
    counter = read.whole(linear(place, node.shape[1:])), example, step, b.integer(node.layer, lanes)
    first, second, *_ = _philox(b, counter, node.key)

    def real(word: Value, dropped: int) -> Value:
        return b.convert("sitofp", b.binary("lshr", word, b.integer(dropped, lanes)), b.real)

    if b.real != DOUBLE:
        return b.binary("fmul", real(first, 8), b.number(2.0**-24, lanes))
    whole = b.fma(real(first, 5), b.number(2.0**26, lanes), real(second, 6))
    return b.binary("fmul", whole, b.number(2.0**-53, lanes))


def _philox(b: Builder, counter: tuple[Value, ...], key: int) -> tuple[Value, ...]:
    """Four random words for the counter in each lane."""
    w, x, y, z = counter
    for first, second in round_keys(key):
        (high_w, low_w), (high_y, low_y) = (_product(b, v, by) for v, by in zip((w, y), MULTIPLIERS, strict=True))
        w, x, y, z = _mixed(b, high_y, x, first), low_y, _mixed(b, high_w, z, second), low_w
    return w, x, y, z


def _mixed(b: Builder, high: Value, word: Value, key: int) -> Value:
    return b.binary("xor", b.binary("xor", high, word), b.integer(key, word.type.lanes))


def _product(b: Builder, x: Value, factor: int) -> tuple[Value, Value]:
    """The higher and the lower word of a product of words."""
    lanes = x.type.lanes
    wide = b.binary("wrapping mul", b.convert("zext", x, INDEX), b.integer(factor, lanes, INDEX))
    high = b.binary("lshr", wide, b.integer(32, lanes, INDEX))
    return b.convert("trunc", high, INT), b.convert("trunc", wide, INT)
