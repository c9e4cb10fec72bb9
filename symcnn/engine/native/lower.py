"""From stages to functions of the loop language: one for each loop nest, one that takes a thread through its blocks,
one that finishes the sums, and one for what follows from them.

All read one table of arguments: the number of images, where the threads' memory is, and the arrays from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ...graph.leaves import Const
from ...graph.node import Node
from ...nodes.conv import Conv
from ...nodes.dense import Dense, MatMul
from ...nodes.loss import LogSoftmax, Softmax, SoftmaxCrossEntropy
from ...nodes.reduce import ArgMax
from . import columns, convolution, kernels, pixels, rows, sums
from .cpu import Cpu
from .expressions import Reader
from .fuse import Group
from .kernels import Kernel
from .loops import BYTE, INDEX, POINTER, Builder, Function, Type, Value
from .partition import ROWS, elements
from .patterns import (
    Accumulated,
    BatchSum,
    Convolution,
    FilterGradient,
    OuterProduct,
    Product,
    accumulated,
    per_image,
)
from .tracing import traced

IMAGES, MEMORY, SUMS, FLAGS, FIRST_ARRAY = 0, 1, 2, 3, 4
"""The table of arguments: how many images there are, the memory of all threads, the sums and the flags of all chunks,
and then the arrays."""
_JOB = {"arguments": POINTER, "me": INDEX, "chunk": INDEX, "chunks": INDEX}
_BLOCK = {"arguments": POINTER, "memory": POINTER, "sums": POINTER, "row": INDEX, "valid": INDEX}


@dataclass
class Lowered:
    """What a program's native stages have become.

    Attributes
    ----------
    functions : list of Function
    arrays : {Node: int}
        The number of each array from outside in the table of arguments.
    jobs : list of list of str
        For each native stage, the functions that all threads run, one after the other.
    kernels : {str: list of (str, Node)}
        For each job that goes through the images, the functions that it calls for each block, and what they compute.
    memory, sums : int
        Bytes that a thread needs for buffers, and numbers for sums over the batch, over all stages.
    seconds : float
        How long it took to write all this.
    """

    functions: list[Function] = field(default_factory=list)
    arrays: dict[Node, int] = field(default_factory=dict)
    jobs: list[list[str]] = field(default_factory=list)
    kernels: dict[str, list[tuple[str, Node]]] = field(default_factory=dict)
    memory: int = 0
    sums: int = 0
    seconds: float = 0.0

    def number(self, node: Node) -> int:
        """The number of the array of `node`."""
        return self.arrays.setdefault(node, FIRST_ARRAY + len(self.arrays))

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.functions))


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
        self.places: dict[Node, int] = {}
        self._names: list[tuple[str, Node]] = []

    def write(self) -> list[str]:
        """All functions; the names of the jobs."""
        group, whole = self.group, self.whole
        for node in (*group.fed, *group.given, *group.results):
            if not (isinstance(node, Const) and node.uniform is not None):
                whole.number(node)
        size = 0
        for node in group.loops:
            if accumulated(node) is not None:
                self.places[node] = size
                size += -(-elements(node) // 16) * 16
        whole.memory, whole.sums = max(whole.memory, group.nbytes), max(whole.sums, size)
        for node in group.fed:
            self._kernel("pack", node, lambda k, row, n=node: self.family.pack(k, n, row))  # type: ignore[misc]
        for node in group.loops:
            self._kernel(type(node).__name__.lower(), node, self._loops(node))
        for node in group.results:
            if per_image(node):
                self._kernel("unpack", node, lambda k, row, n=node: self.family.unpack(k, n, row))  # type: ignore[misc]
        return [self._blocks(size), *([self._finish()] if self.places else [])]

    def _kernel(self, word: str, node: Node, write: Callable[[Kernel, Value], None]) -> None:
        name = f"s{self.stage}_{len(self._names)}_{word}"
        b = Builder(name, _BLOCK, title=f"{node.label} {node.shape}", real=self.cpu.real)
        arguments, memory, sums, row, valid = b.parameters
        read = Reader(b, self.group, self.whole.arrays, arguments, memory, self.block, self.block)
        kernel = Kernel(b, read, sums, valid, self.cpu.registers, self.cpu.lanes)
        write(kernel, row)
        self.whole.memory = max(self.whole.memory, self.group.nbytes + kernel.taken)
        self.whole.functions.append(b.function)
        self._names.append((name, node))

    def _loops(self, node: Node) -> Callable[[Kernel, Value], None]:
        found = accumulated(node)
        if found is not None:
            return lambda k, row: self._sum(k, node, found)
        if isinstance(node, Conv) and (conv := Convolution.of(node)) is not None:
            return lambda k, row: self.family.convolution(k, node, conv)
        if isinstance(node, Dense | MatMul) and (product := Product.of(node)) is not None:
            return lambda k, row: self.family.product(k, node, product)
        if isinstance(node, ArgMax):
            return lambda k, row: rows.argmax(k, node)
        if type(node) in (Softmax, LogSoftmax, SoftmaxCrossEntropy):
            return lambda k, row: rows.rows(k, node)
        if type(node) in ROWS:
            return lambda k, row: rows.reduction(k, node)
        return lambda k, row: self.family.pointwise(k, node)

    def _sum(self, k: Kernel, node: Node, found: Accumulated) -> None:
        place = self.places[node]
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
        b = Builder(name, _JOB, True, "a share of the images, a block at a time", self.cpu.real)
        arguments, me, chunk, chunks = b.parameters
        images = b.load(arguments, IMAGES, Type(INDEX))
        memory = b.offset(
            b.load(arguments, MEMORY, Type(POINTER)), me * b.load(arguments, _sizes_at(0), Type(INDEX)), BYTE
        )
        own = b.offset(b.load(arguments, SUMS, Type(POINTER)), chunk * b.load(arguments, _sizes_at(1), Type(INDEX)))
        with b.loop(0, numbers, 16) as i:
            b.store(own, i, b.number(0, 16))
        blocks = b.binary("udiv", _value(b, images + (block - 1)), b.integer(block, 1, INDEX))
        first, last = (b.binary("udiv", _value(b, blocks * n), chunks) for n in (chunk, chunk + 1))
        with b.loop(first, last) as number:
            row = number * block
            valid = b.smaller(b.index("sub", images, row), block)
            for kernel, _ in self._names:
                b.call(kernel, arguments, memory, own, row, valid)
        self.whole.functions.append(b.function)
        self.whole.kernels[name] = self._names
        return name

    def _finish(self) -> str:
        """Add up the sums of all shares; a mean is divided by the number of what was summed."""
        name = f"s{self.stage}_sums"
        b = Builder(name, _JOB, True, "the sums of all shares, added up", self.cpu.real)
        arguments, _, chunk, chunks = b.parameters
        stride = b.load(arguments, _sizes_at(1), Type(INDEX))
        sums = b.load(arguments, SUMS, Type(POINTER))
        for node, place in self.places.items():
            target = b.load(arguments, self.whole.number(node), Type(POINTER))
            divisor = _divisor(b, node, b.load(arguments, IMAGES, Type(INDEX)))

            def body(
                i: Value, lanes: int, place: int = place, target: Value = target, by: Value | None = divisor
            ) -> None:
                total = b.register(b.number(0, lanes))
                with b.loop(0, chunks) as t:
                    part = b.load(sums, t * stride + i + place, b.reals(lanes))
                    b.set(total, b.binary("fadd", b.get(total), part))
                value = b.get(total)
                b.store(target, i, value if by is None else b.binary("fdiv", value, b.splat(by, lanes)))

            share(b, elements(node), chunk, chunks, self.cpu.lanes, body)
        self.whole.functions.append(b.function)
        return name


def _sizes_at(which: int) -> int:
    """Where the table says how many bytes and how many sums each thread has: before its first entry."""
    return -1 - which


def _value(b: Builder, i: Value | int) -> Value:
    return b.integer(i, 1, INDEX) if isinstance(i, int) else i


def _divisor(b: Builder, node: Node, images: Value) -> Value | None:
    """By what the sum is divided: for a mean, as a number like those of the sum."""
    found = accumulated(node)
    if not isinstance(found, BatchSum) or not found.mean:
        return None
    count = 1
    for a in found.axes:
        count *= found.x.shape[a] or 1
    return b.convert("sitofp", _value(b, images * count), b.real)


def share(b: Builder, size: int, chunk: Value, chunks: Value, lanes: int, body: Callable[[Value, int], None]) -> None:
    """`size` elements divided into chunks: whole vectors, and the rest, one by one, in the last chunk."""
    vectors = size // lanes
    if vectors:
        low, high = (b.binary("udiv", _value(b, n * vectors), chunks) for n in (chunk, chunk + 1))
        with b.loop(low * lanes, high * lanes, lanes) as i:
            body(i, lanes)
    if size % lanes:
        others = chunks - chunk - 1
        with b.loop(others * size + vectors * lanes, size) as i:
            body(i, 1)


def shared_stage(whole: Lowered, nodes: list[Node], results: set[Node], cpu: Cpu, stage: int) -> list[str]:
    """What follows from sums, element by element: nodes of one shape that read each other share a loop."""
    members = set(nodes)
    for node in nodes:
        for n in (*(i for i in node.inputs if i not in members), *([node] if node in results else [])):
            if not (isinstance(n, Const) and n.uniform is not None):
                whole.number(n)
    name = f"s{stage}_shared"
    b = Builder(name, _JOB, True, "what follows from the sums, element by element", cpu.real)
    arguments, _, chunk, chunks = b.parameters
    for family in _families(nodes):

        def body(i: Value, lanes: int, family: list[Node] = family) -> None:
            known: dict[Node, Value] = {}
            for node in family:
                known[node] = traced(
                    node, [_element(b, whole, arguments, known, n, node, i, lanes) for n in node.inputs]
                )
            for node in family:
                if node in results:
                    b.store(b.load(arguments, whole.number(node), Type(POINTER)), i, known[node])

        share(b, elements(family[0]), chunk, chunks, cpu.lanes, body)
    whole.functions.append(b.function)
    return [name]


def finite_check(whole: Lowered, nodes: list[Node], cpu: Cpu) -> str:
    """A job that adds up 0 x over all numbers x of `nodes`: a chunk's flag is 0, or NaN where one is not finite."""
    name = "finite"
    b = Builder(name, _JOB, True, "0 times all outputs, added up: NaN where one is not finite", cpu.real)
    arguments, _, chunk, chunks = b.parameters
    one = b.register(b.number(0))
    many = b.register(b.number(0, cpu.lanes))
    for node in nodes:
        array = b.load(arguments, whole.number(node), Type(POINTER))

        def body(i: Value, lanes: int, array: Value = array) -> None:
            total = one if lanes == 1 else many
            x = b.load(array, i, b.reals(lanes))
            b.set(total, b.fma(x, b.number(0, lanes), b.get(total)))

        share(b, elements(node), chunk, chunks, cpu.lanes, body)
    flags = b.load(arguments, FLAGS, Type(POINTER))
    b.store(flags, chunk, b.binary("fadd", b.get(one), b.total(b.get(many))))
    whole.functions.append(b.function)
    return name


def _element(
    b: Builder,
    whole: Lowered,
    arguments: Value,
    known: dict[Node, Value],
    node: Node,
    reader: Node,
    i: Value,
    lanes: int,
) -> Value:
    """Element i of an input, or the number that all elements share."""
    if node in known:
        return known[node]
    if isinstance(node, Const) and node.uniform is not None:
        return b.number(node.uniform, lanes)
    array = b.load(arguments, whole.number(node), Type(POINTER))
    if node.shape == reader.shape and node.shape != ():
        known[node] = b.load(array, i, b.reals(lanes))
    else:
        known[node] = b.splat(b.load(array, 0, b.reals()), lanes)
    return known[node]


def _families(nodes: list[Node]) -> list[list[Node]]:
    """Nodes that are connected by reading each other, in order."""
    family: dict[Node, list[Node]] = {}
    for node in nodes:
        mine = [node]
        for source in node.inputs:
            if source in family and family[source] is not mine:
                theirs = family[source]
                mine = theirs + mine if mine[-1] is node and theirs is not mine else mine
                for n in mine:
                    family[n] = mine
        for n in mine:
            family[n] = mine
    unique = {id(f): f for f in family.values()}
    return [sorted(f, key=nodes.index) for f in unique.values()]
