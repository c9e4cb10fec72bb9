"""Random numbers in lanes: each block computes its own counters, so none depends on how the images are divided."""

from __future__ import annotations

from ....graph.node import Node
from ....nodes.random import MULTIPLIERS, WORDS, Uniform, round_keys
from ...patterns import per_image
from ..analysis.partition import elements
from ..analysis.registration import native
from ..ir.conversion import resized
from ..ir.loops import DOUBLE, INDEX, INT, Builder, Value
from .kernel import Kernel, parts


def _no_examples(node: Node) -> str | None:
    return None if per_image(node) else "the batch is not its first axis"


@native(Uniform, kind="loops", whole=(0,), obstacle=_no_examples)
def uniform(k: Kernel, node: Uniform) -> None:
    """As many numbers at a time as one counter gives: what `symcnn.nodes.random.philox` makes of it."""
    b, read, lanes, out = k.b, k.read, k.lanes, k.read.buffer(node)
    example = b.binary("add", read.whole(read.row), b.lane_numbers(lanes))
    step, layer = resized(b, read.at(node.step, ()), INT), b.integer(node.layer, lanes)
    each = WORDS // 2 if b.real == DOUBLE else WORDS
    for first, count in parts(k, elements(node), each):
        number = read.whole(first // each if isinstance(first, int) else b.quotient(first, each)[0])
        for n, value in enumerate(_reals(b, _philox(b, (number, example, step, layer), node.key))[:count]):
            k.write(out, first + n, value)


def _reals(b: Builder, words: tuple[Value, ...]) -> list[Value]:
    """Numbers from 0 to below 1 of the first bits of words: of two of them each, where they are doubles."""

    def real(word: Value, dropped: int) -> Value:
        kept = b.binary("lshr", word, b.integer(dropped, word.type.lanes))
        return b.convert("sitofp", kept, b.real)

    lanes = words[0].type.lanes
    if b.real != DOUBLE:
        return [b.binary("fmul", real(word, 8), b.number(2.0**-24, lanes)) for word in words]
    pairs = zip(words[::2], words[1::2], strict=True)
    whole = [b.fma(real(high, 5), b.number(2.0**26, lanes), real(low, 6)) for high, low in pairs]
    return [b.binary("fmul", w, b.number(2.0**-53, lanes)) for w in whole]


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
    """The higher and the lower word of a product of words; of neighbours in pairs, as processors multiply them."""
    lanes = x.type.lanes
    if lanes == 1:
        wide = b.binary("wrapping mul", b.convert("zext", x, INDEX), b.integer(factor, 1, INDEX))
        high = b.binary("lshr", wide, b.integer(32, 1, INDEX))
        return b.convert("trunc", high, INT), b.convert("trunc", wide, INT)

    def whole(n: int) -> Value:
        return b.integer(n, lanes // 2, INDEX)

    by, half, lower = whole(factor), whole(32), whole(0xFFFFFFFF)
    pairs = b.regrouped(x, INDEX)
    even = b.binary("wrapping mul", b.binary("and", pairs, lower), by)
    odd = b.binary("wrapping mul", b.binary("lshr", pairs, half), by)
    high = b.binary("or", b.binary("lshr", even, half), b.binary("and", odd, whole(-(1 << 32))))
    low = b.binary("or", b.binary("and", even, lower), b.binary("shl", odd, half))
    return b.regrouped(high, INT), b.regrouped(low, INT)
