"""What all loops are written with, and the simplest of them: element by element, into lanes and out of them.

Each function here and in `convolution`, `pairs`, `sums` and `rows` writes the loops of one node into a function of its
own. In a block's buffers, a value stands at its element's number, with one image in each lane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import accumulate, product

from ....graph.node import Node
from ....nodes.cumulative import CumSum
from ....nodes.shape import Concat
from ....nodes.take import Put
from ....nodes.windows import Fold
from ..analysis.fusion import element_of, is_flat
from ..analysis.partition import elements
from ..analysis.registration import native
from ..cpu import Cpu
from ..ir.conversion import element_of_array, resized
from ..ir.loops import BIT, BYTE, INDEX, INT, SIZES, Builder, Index, Type, Value
from ..ir.summation import Total
from .argument_table import ALARM
from .expressions import Reader, linear, windows

NEAR = 32 << 10
"""So many bytes stay in the first-level cache while they are gone through again and again."""


@dataclass
class Kept:
    """Memory behind a stage's buffers with values that stay: where each is, and the `end` of it all, in bytes."""

    end: int
    places: dict[object, int] = field(default_factory=dict)


@dataclass
class Kernel:
    """What the loops of a node are written with.

    Attributes
    ----------
    b : Builder
    read : Reader
    sums : Value
        The address of this thread's sums over the batch.
    valid : Value
        How many lanes of the block hold images; the others repeat the last one.
    cpu : Cpu
        What the loops are written for.
    kept : Kept
        What loops of this stage leave for later ones.
    taken : int
        Bytes of memory that these loops need for themselves, behind that.
    """

    b: Builder
    read: Reader
    sums: Value
    valid: Value
    cpu: Cpu
    kept: Kept
    taken: int = 0

    @property
    def registers(self) -> int:
        """How many vector registers there are."""
        return self.cpu.registers

    @property
    def wide(self) -> int:
        """How many numbers a register holds."""
        return self.cpu.lanes

    @property
    def lanes(self) -> int:
        """Images in a block."""
        return self.read.block

    def take(self, count: int) -> Value:
        """Memory for `count` numbers."""
        start = self.kept.end + self.taken
        self.taken += self._bytes(count)
        return self.b.offset(self.read.memory, start, BYTE)

    def keep(self, what: object, count: int) -> tuple[Value, bool]:
        """Memory for `count` numbers that are left for later loops; and whether earlier ones have left them already."""
        places = self.kept.places
        found = what in places
        if not found:
            places[what] = self.kept.end + self.taken
            self.kept.end, self.taken = places[what] + self._bytes(count), 0
        return self.b.offset(self.read.memory, places[what], BYTE), found

    def _bytes(self, count: int) -> int:
        """Whole lines of the cache."""
        return -(-SIZES[self.b.real] * count // 64) * 64

    @property
    def vector(self) -> Type:
        """A number of each image."""
        return self.b.reals(self.lanes)

    def nbytes(self, count: int) -> int:
        """Of so many numbers of each image in a block."""
        return SIZES[self.b.real] * self.lanes * count

    def zero(self) -> Value:
        """0 in all lanes."""
        return self.b.number(0, self.lanes)

    def load(self, buffer: Value, i: Index) -> Value:
        """Element number i."""
        return self.b.load(buffer, i * self.lanes, self.vector)

    def write(self, buffer: Value, i: Index, value: Value) -> None:
        """Element number i; a boolean becomes a byte."""
        value = self.b.convert("zext", value, BYTE) if value.type.element == BIT else value
        self.b.store(buffer, i * self.lanes, value)

    def spread(self, array: Value, i: Index) -> Value:
        """A number that all images share, in all lanes."""
        return self.b.splat(self.b.load(array, i, self.b.reals()), self.lanes)

    def valid_lanes(self) -> Value:
        """Which lanes hold images."""
        count = self.b.splat(self.b.convert("trunc", self.valid, INT), self.lanes)
        return self.b.compare("slt", self.b.lane_numbers(self.lanes), count)

    def add_to_sum(self, place: Index, value: Value) -> None:
        """Add all lanes to a number of this thread's sums."""
        before = self.b.load(self.sums, place, self.b.reals())
        self.b.store(self.sums, place, self.b.binary("fadd", before, self.b.total(value)))

    def clear_invalid(self, *factors: Node) -> None:
        """Write 0 into the lanes without an image, where there are any (so the outer loop runs once, or not at all).

        Of a product both factors are cleared: one may be infinite or NaN there, computed from what was cleared before.
        """
        with self.b.loop(self.valid, self.lanes, self.lanes):
            bits = self.valid_lanes()
            for node in dict.fromkeys(factors):
                buffer = self.read.buffer(node)
                with self.b.loop(0, elements(node)) as i:
                    self.b.store(buffer, i * self.lanes, self.b.select(bits, self.load(buffer, i), self.zero()))


def parts(k: Kernel, length: int, size: int) -> Iterator[tuple[Index, int]]:
    """The tiles of a length: a loop over the full ones, and the rest; each gives its first element and its size."""
    full = length // size * size
    if full == size:
        yield 0, size
    elif full:
        with k.b.loop(0, full, size) as first:
            yield first, size
    if length > full:
        yield full, length - full


# Element by element -------------------------------------------------------------------------------


def pointwise(k: Kernel, node: Node) -> None:
    """All elements, one after the other, or window by window."""
    out = k.read.buffer(node)
    if is_flat(node) and all(map(k.read.all_flat, node.inputs)):
        with k.b.loop(0, elements(node)) as number:
            read = k.read.fresh()
            k.write(out, number, read.flat_rule(node, number))
        return
    shape = list(sizes(node.shape[1:]))
    p, q = windows(node, k.read.group)
    steps = [1] * len(shape)
    if p * q > 1:
        steps[-2:] = [p, q]
    _nest(k, node, out, shape, steps, ())


def _nest(k: Kernel, node: Node, out: Value, shape: list[int], steps: list[int], outer: tuple[Index, ...]) -> None:
    """A loop for each axis; the body has all elements of a window."""
    depth = len(outer)
    if depth < len(shape):
        with k.b.loop(0, shape[depth] // steps[depth]) as i:
            _nest(k, node, out, shape, steps, (*outer, i))
        return
    read = k.read.fresh()
    places: list[tuple[Index, ...]] = [()]
    for index, step in zip(outer, steps, strict=True):
        first = index * step
        places = [(*place, first + n) for place in places for n in range(step)]
    for place in places:
        k.write(out, linear(place, tuple(shape)), read.rule(node, place))


def sizes(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """A shape in which no axis is the batch, as plain numbers."""
    assert None not in shape, shape
    return shape  # type: ignore[return-value]


def sum_over(k: Kernel, x: Node, axes: list[int], place: dict[int, Index]) -> Value:
    """The sum of x over `axes`, at a place along the others."""
    shape = sizes(x.shape[1:])
    total = Total(k.b, k.lanes, tuple(shape[n] for n in axes))
    with total.loops() as inner:
        found = {**place, **dict(zip(axes, inner, strict=True))}
        total.add(k.read.fresh().at(x, tuple(found[n] for n in range(len(shape)))))
    return total.value


_PIECES = 16
"""So many inputs of a concatenation are moved by one function: LLVM takes more than twice as long for twice as many."""


def _concat_pieces(node: Concat) -> list[range]:
    starts = range(0, len(node.xs), _PIECES)
    return [range(n, min(n + _PIECES, len(node.xs))) for n in starts]


@native(Concat, kind="loops", called="element by element", pieces=_concat_pieces)
def concat(k: Kernel, node: Concat, some: range) -> None:
    """Some of the inputs in turn, each at its place."""
    shape, axis = sizes(node.shape[1:]), node.axis - 1
    ends = list(accumulate(sizes(x.shape[1:])[axis] for x in node.xs))
    for n in some:
        lengths = sizes(node.xs[n].shape[1:])
        with nest(k.b, lengths) as place:
            where = tuple(i + (ends[n] - lengths[axis]) if a == axis else i for a, i in enumerate(place))
            k.write(k.read.buffer(node), linear(where, shape), k.read.fresh().at(node.xs[n], place))


@native(Put, kind="loops", called="element by element", index=1)
def put(k: Kernel, node: Put) -> None:
    """Zeros, to which all slices are added, each at its place."""
    shape, out = sizes(node.shape[1:]), k.read.buffer(node)
    with k.b.loop(0, elements(node)) as number:
        k.write(out, number, k.zero())
    with nest(k.b, sizes(node.x.shape[1:])) as place:
        read = k.read.fresh()
        first, end = node.axis - 1, node.axis - 1 + node.index.ndim
        index = read.taken(node, linear(place[first:end], node.index.shape))
        where = linear((*place[:first], index, *place[end:]), shape)
        k.write(out, where, k.b.binary("fadd", k.load(out, where), read.at(node.x, place)))


@native(CumSum, kind="loops", called="element by element")
def running_sums(k: Kernel, node: CumSum) -> None:
    """A sum that is written down after each element."""
    b, shape, axis = k.b, sizes(node.shape[1:]), node.axis - 1
    with nest(b, (*shape[:axis], *shape[axis + 1 :])) as others:
        total = b.register(k.zero())
        with b.loop(0, shape[axis]) as i:
            place = (*others[:axis], shape[axis] - 1 - i if node.from_end else i, *others[axis:])
            b.set(total, b.binary("fadd", b.get(total), k.read.fresh().at(node.x, place)))
            k.write(k.read.buffer(node), linear(place, shape), b.get(total))


@native(Fold, kind="loops", called="element by element")
def fold(k: Kernel, node: Fold) -> None:
    """Zeros, to which all windows are added: unit by unit of a window, where it is on the maps."""
    out, shape, windows = k.read.buffer(node), sizes(node.shape[1:]), sizes(node.x.shape[1:])
    with k.b.loop(0, elements(node)) as number:
        k.write(out, number, k.zero())
    sides = zip(node.size, node.stride, node.dilation, node.border, shape[-2:], windows[-2:], strict=True)
    rows, columns = (list(_units(*side)) for side in sides)
    for (down, y), (across, x) in product(rows, columns):
        with nest(k.b, (*shape[:-2], len(down), len(across))) as (*lead, i, j):
            source = (*lead, i * down.step + down.start, j * across.step + across.start)
            where = linear((*lead, i * y.step + y.start, j * x.step + x.start), shape)
            k.write(out, where, k.b.binary("fadd", k.load(out, where), k.read.fresh().at(node.x, source)))


def _units(
    size: int, step: int, gap: int, border: tuple[int, int], length: int, laid: int
) -> Iterator[tuple[range, range]]:
    """For each unit of a window along an axis: its places in the windows that have it on the maps, and those there."""
    for number in range(size):
        first = gap * number - border[0]
        low, high = max(0, -(first // step)), min(laid // size, (length - 1 - first) // step + 1)
        if low < high:
            start = first + step * low
            yield range(low * size + number, high * size, size), range(start, start + step * (high - low), step)


@contextmanager
def nest(b: Builder, lengths: Sequence[int]) -> Iterator[tuple[Index, ...]]:
    """Loops within each other, over all places of an array with these lengths."""
    with ExitStack() as stack:
        yield tuple(0 if length == 1 else stack.enter_context(b.loop(0, length)) for length in lengths)


# In and out ---------------------------------------------------------------------------------------


def pack(k: Kernel, node: Node, row: Value) -> None:
    """Rows of the array of images into lanes; a lane without an image repeats the last one."""
    b, count, lanes = k.b, elements(node), k.lanes
    source, target = k.read.array(node), k.read.buffer(node)
    given, kept, signed = element_of_array(node.dtype), element_of(node), node.dtype.kind == "i"
    at = [b.index("mul", row + b.smaller(n, k.valid - 1), count) for n in range(lanes)]
    full = count // lanes * lanes
    with b.loop(0, full, lanes) as i:
        rows = [b.load(source, at[n] + i, Type(given, lanes)) for n in range(lanes)]
        for n, value in enumerate(b.transpose(rows)):
            b.store(target, (i + n) * lanes, resized(b, value, kept, signed))
    with b.loop(full, count) as i:
        for n in range(lanes):
            value = b.load(source, at[n] + i, Type(given))
            b.store(target, i * lanes + n, resized(b, value, kept, signed))


def pack_labels(k: Kernel, node: Node, row: Value, classes: int) -> None:
    """Whole numbers into lanes; those that are not below `classes`, or below 0, raise this share's alarm."""
    b, count, lanes, width = k.b, elements(node), k.lanes, node.dtype.itemsize * 8
    source, target = k.read.array(node), k.read.buffer(node)
    at = [b.index("mul", row + b.smaller(n, k.valid - 1), count) for n in range(lanes)]
    wrong = b.register(b.integer(0, 1, INDEX))
    with b.loop(0, count) as i:
        for n in range(lanes):
            number = b.load(source, at[n] + i, Type(f"i{width}"))
            if width < 64:
                number = b.convert("sext" if node.dtype.kind == "i" else "zext", number, INDEX)
            outside = b.convert("zext", b.compare("uge", number, b.integer(classes, 1, INDEX)), INDEX)
            b.set(wrong, b.binary("or", b.get(wrong), outside))
            b.store(target, i * lanes + n, resized(b, number, element_of(node)))
    alarm = b.convert("sitofp", b.get(wrong), b.real)
    b.store(k.sums, ALARM, b.binary("fadd", b.load(k.sums, ALARM, b.reals()), alarm))


def unpack(k: Kernel, node: Node, row: Value) -> None:
    """Lanes into rows of the array of results, backwards: what lanes without an image hold is written over."""
    b, count, lanes = k.b, elements(node), k.lanes
    target, source = k.read.array(node), k.read.buffer(node)
    kept, asked = element_of(k.read.group.base(node)), element_of_array(node.dtype)
    at = [b.index("mul", row + b.smaller(n, k.valid - 1), count) for n in range(lanes)]
    full = count // lanes * lanes
    with b.loop(0, full, lanes) as i:
        turned = b.transpose([b.load(source, (i + n) * lanes, Type(kept, lanes)) for n in range(lanes)])
        for n in reversed(range(lanes)):
            b.store(target, at[n] + i, resized(b, turned[n], asked))
    with b.loop(full, count) as i:
        for n in reversed(range(lanes)):
            value = b.load(source, i * lanes + n, Type(kept))
            b.store(target, at[n] + i, resized(b, value, asked))
