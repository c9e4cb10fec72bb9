"""From image stages to functions of the loop language: one for each loop nest, and one that takes a thread through its
share of the images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ....graph.leaves import Const
from ....graph.node import Node
from ....nodes.conv import Conv
from ....nodes.dense import Dense, MatMul
from ....nodes.loss import LogSoftmax, OneHot, Softmax, SoftmaxCrossEntropy
from ....nodes.pool import Pick, Switches
from ....nodes.reduce import ArgMax, FirstMax, LogSumExp
from ....nodes.shape import Concat
from ....nodes.take import Put
from ...patterns import (
    Accumulated,
    BatchSum,
    Convolution,
    FilterGradient,
    OuterProduct,
    Product,
    accumulated,
    per_image,
)
from ..analysis.fusion import Group, is_wide
from ..analysis.partition import ROWS, elements
from ..cpu import Cpu
from ..ir.loops import BYTE, INDEX, POINTER, Builder, Type, Value
from ..ir.summation import in_runs, room
from . import batch_sums as sums
from . import convolution
from . import im2col as columns
from . import kernel as kernels
from . import reductions as rows
from . import single_image as pixels
from .argument_table import (
    ALARM,
    ALARMS,
    BLOCK,
    FIRST_SUM,
    IMAGES,
    JOB,
    MEMORY,
    MEMORY_STRIDE,
    SUMS,
    SUMS_STRIDE,
    Lowered,
)
from .epilogue import as_value, finish
from .expressions import Reader
from .kernel import Kept, Kernel, sizes

_PIECES = 16
"""So many inputs of a concatenation are moved by one function: LLVM takes more than twice as long for twice as many."""


class Family(NamedTuple):
    """The loops of one family, of which a block of images decides: the lanes are its images, or neighbours in one."""

    pack: Callable[[Kernel, Node, Value], None]
    unpack: Callable[[Kernel, Node, Value], None]
    pointwise: Callable[[Kernel, Node], None]
    convolution: Callable[[Kernel, Node, Convolution], None]
    product: Callable[[Kernel, Node, Product], None]
    filter_gradient: Callable[[Kernel, Node, FilterGradient, int], None]
    outer_product: Callable[[Kernel, Node, OuterProduct, int], None]
    batch_sum: Callable[[Kernel, Node, BatchSum, int], None]


IMAGES_IN_LANES = Family(
    *(kernels.pack, kernels.unpack, kernels.pointwise, convolution.convolution, convolution.product),
    *(sums.filter_gradient, sums.outer_product, sums.batch_sum),
)
PIXELS_IN_LANES = Family(
    *(pixels.pack, pixels.unpack, pixels.pointwise, columns.convolution, pixels.product),
    *(columns.filter_gradient, pixels.outer_product, pixels.batch_sum),
)


class ImageStage:
    """Writes the functions of one image stage, for blocks of so many images: as many as there are lanes, or 1."""

    def __init__(self, whole: Lowered, group: Group, cpu: Cpu, stage: int, block: int) -> None:
        self.whole, self.group, self.cpu, self.stage, self.block = whole, group, cpu, stage, block
        self.family = PIXELS_IN_LANES if block == 1 else IMAGES_IN_LANES
        self.labels = _classes(group)
        self._names: list[tuple[str, Node]] = []
        self._kept = Kept(group.nbytes)

    def write(self, checked: set[Node]) -> list[str]:
        """All functions; the names of the jobs. The `checked` sums are seen to be finite."""
        group, whole = self.group, self.whole
        for node in (*group.fed, *group.given, *group.results):
            if not (isinstance(node, Const) and node.shape == ()) and node not in whole.inline:
                whole.number(node)
        sums, size = [node for node in group.loops if accumulated(node) is not None], FIRST_SUM
        for node in sums:
            whole.places[node] = size
            size += -(-elements(node) // 16) * 16
        whole.memory, whole.sums = max(whole.memory, group.nbytes), max(whole.sums, room(self.cpu.real, size))
        for node in group.fed:
            self._kernel("pack", node, self._pack(node))
        for node in group.loops:
            for loops in self._loops(node):
                self._kernel(type(node).__name__.lower(), node, loops)
        for node in group.results:
            if per_image(node):
                self._kernel("unpack", node, lambda k, row, n=node: self.family.unpack(k, n, row))  # type: ignore[misc]
        written = [node for node in sums if node not in whole.inline]
        last = finish(whole, written, checked, self.cpu, self.stage)
        return [self._blocks(size), *last]

    def _pack(self, node: Node) -> Callable[[Kernel, Value], None]:
        if node in self.labels:
            return lambda k, row: kernels.pack_labels(k, node, row, self.labels[node])
        return lambda k, row: self.family.pack(k, node, row)

    def _kernel(self, word: str, node: Node, write: Callable[[Kernel, Value], None]) -> None:
        name = f"s{self.stage}_{len(self._names)}_{word}"
        b = Builder(name, BLOCK, title=f"{node.label} {node.shape}", real=self.cpu.real)
        arguments, memory, sums, row, valid = b.parameters
        read = Reader(b, self.group, self.whole.arrays, arguments, memory, self.block, self.block)
        kernel = Kernel(b, read, sums, valid, self.cpu, self._kept)
        write(kernel, row)
        self.whole.memory = max(self.whole.memory, self._kept.end + kernel.taken)
        self.whole.functions.append(b.function)
        self._names.append((name, node))

    def _loops(self, node: Node) -> list[Callable[[Kernel, Value], None]]:
        """What writes the loops of a node: into one function, but a long concatenation into several."""
        if isinstance(node, Concat):
            starts = range(0, len(node.xs), _PIECES)
            parts = [range(n, min(n + _PIECES, len(node.xs))) for n in starts]
            return [lambda k, row, some=some: kernels.concat(k, node, some) for some in parts]  # type: ignore[misc]
        return [self._loops_of(node)]

    def _loops_of(self, node: Node) -> Callable[[Kernel, Value], None]:
        found = accumulated(node)
        if found is not None:
            return lambda k, row: self._sum(k, node, found)
        if isinstance(node, Conv) and (conv := Convolution.of(node)) is not None:
            return lambda k, row: self.family.convolution(k, node, conv)
        if isinstance(node, Dense | MatMul) and (product := Product.of(node)) is not None:
            return lambda k, row: self.family.product(k, node, product)
        if isinstance(node, ArgMax):
            return lambda k, row: rows.argmax(k, node)
        if isinstance(node, FirstMax):
            return lambda k, row: rows.first_max(k, node)
        if isinstance(node, LogSumExp):
            return lambda k, row: rows.log_sum_exp(k, node)
        if type(node) in (Softmax, LogSoftmax, SoftmaxCrossEntropy):
            return lambda k, row: rows.rows(k, node)
        if isinstance(node, Switches) and is_wide(node):
            return lambda k, row: rows.switches(k, node)
        if isinstance(node, Pick) and is_wide(node):
            return lambda k, row: rows.pick(k, node)
        if type(node) in ROWS or is_wide(node):
            return lambda k, row: rows.reduction(k, node)
        if isinstance(node, Put):
            return lambda k, row: kernels.put(k, node)
        return lambda k, row: self.family.pointwise(k, node)

    def _sum(self, k: Kernel, node: Node, found: Accumulated) -> None:
        place = self.whole.places[node]
        match found:
            case FilterGradient():
                self.family.filter_gradient(k, node, found, place)
            case OuterProduct():
                self.family.outer_product(k, node, found, place)
            case BatchSum():
                self.family.batch_sum(k, node, found, place)

    def _blocks(self, numbers: int) -> str:
        """A share of the blocks of images: all loops for one block after those for another."""
        name, block = f"s{self.stage}_images", self.block
        b = Builder(name, JOB, True, "a share of the images, a block at a time", self.cpu.real)
        arguments, me, chunk, chunks = b.parameters
        images = b.load(arguments, IMAGES, Type(INDEX))
        stride, sums_stride = (b.load(arguments, n, Type(INDEX)) for n in (MEMORY_STRIDE, SUMS_STRIDE))
        memory = b.offset(b.load(arguments, MEMORY, Type(POINTER)), me * stride, BYTE)
        own = b.offset(b.load(arguments, SUMS, Type(POINTER)), chunk * sums_stride)
        with b.loop(0, numbers, 16) as i:
            b.store(own, i, b.number(0, 16))
        blocks = b.binary("udiv", as_value(b, images + (block - 1)), b.integer(block, 1, INDEX))
        first, last = (b.binary("udiv", as_value(b, blocks * n), chunks) for n in (chunk, chunk + 1))
        with in_runs(b, own, numbers, first, last) as number:
            row = number * block
            valid = b.smaller(b.index("sub", images, row), block)
            for kernel, _ in self._names:
                b.call(kernel, arguments, memory, own, row, valid)
        if self.labels:
            alarms = b.load(arguments, ALARMS, Type(POINTER))
            both = [b.load(own, ALARM, b.reals()), b.load(alarms, chunk, b.reals())]
            b.store(alarms, chunk, b.binary("fadd", *both))
        self.whole.functions.append(b.function)
        self.whole.kernels[name] = self._names
        return name


def _classes(group: Group) -> dict[Node, int]:
    """For what is read as labels, below what number they must be, of all that read it."""
    found: dict[Node, int] = {}
    for reader in group.members:
        if isinstance(reader, OneHot):
            labels, classes = reader.y, sizes(reader.shape[1:])[-1]
        elif isinstance(reader, SoftmaxCrossEntropy):
            labels, classes = reader.y, sizes(reader.z.shape[1:])[-1]
        else:
            continue
        found[labels] = min(classes, found.get(labels, classes))
    return {node: found[node] for node in group.fed if node in found}
