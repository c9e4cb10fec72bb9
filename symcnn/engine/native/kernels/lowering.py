"""From image stages to functions of the loop language: one for each loop nest, and one that takes a thread through its
share of the images.
"""

from __future__ import annotations

from collections.abc import Callable

from ....graph.leaves import Const
from ....graph.node import Node
from ...patterns import (
    Accumulated,
    BatchSum,
    FilterGradient,
    OuterProduct,
    accumulated,
    per_image,
)
from ..analysis.fusion import Group, is_wide
from ..analysis.partition import elements
from ..analysis.registration import of
from ..cpu import Cpu
from ..ir.loops import BYTE, INDEX, POINTER, Builder, Type, Value
from ..ir.summation import in_runs, room
from . import elements as _  # noqa: F401  (registers what an element is)
from . import random_numbers as _random_numbers  # noqa: F401
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
from .families import family
from .kernel import Kept, Kernel, pack_labels


class ImageStage:
    """Writes the functions of one image stage, for blocks of so many images: as many as there are lanes, or 1."""

    def __init__(self, whole: Lowered, group: Group, cpu: Cpu, stage: int, block: int) -> None:
        self.whole, self.group, self.cpu, self.stage, self.block = whole, group, cpu, stage, block
        self.family = family(block)
        self.labels = _classes(group)
        self._names: list[tuple[str, Node]] = []
        self._kept = Kept(group.nbytes)

    def write(self, checked: set[Node]) -> list[str]:
        """All functions; the names of the jobs. The `checked` sums are seen to be finite."""
        group, whole = self.group, self.whole
        for node in (*group.fed, *group.given, *group.results, *group.kept):
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
            return lambda k, row: pack_labels(k, node, row, self.labels[node])
        return lambda k, row: self.family.pack(k, node, row)

    def _kernel(self, word: str, node: Node, write: Callable[[Kernel, Value], None]) -> None:
        name = f"s{self.stage}_{len(self._names)}_{word}"
        b = Builder(name, BLOCK, title=f"{node.label} {node.shape}", real=self.cpu.real)
        arguments, memory, sums, row, valid = b.parameters
        read = Reader(b, self.group, self.whole.arrays, arguments, memory, self.block, self.block, row)
        kernel = Kernel(b, read, sums, valid, self.cpu, self._kept)
        write(kernel, row)
        self.whole.memory = max(self.whole.memory, self._kept.end + kernel.taken)
        self.whole.functions.append(b.function)
        self._names.append((name, node))

    def _loops(self, node: Node) -> list[Callable[[Kernel, Value], None]]:
        """What writes the loops of a node: into one function, where its registration does not name several."""
        found, known = accumulated(node), of(node)
        if found is not None:
            return [lambda k, row: self._sum(k, node, found)]
        if is_wide(node):
            assert known.wide is not None
            return [_writes(known.wide, node)]
        if known.kind == "element":
            return [lambda k, row: self.family.pointwise(k, node)]
        pieces = [()] if known.pieces is None else [(piece,) for piece in known.pieces(node)]
        return [_writes(known.write, node, *piece) for piece in pieces]

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


def _writes(write: Callable[..., None], node: Node, *more: object) -> Callable[[Kernel, Value], None]:
    """A registered function, for one node."""
    return lambda k, row: write(k, node, *more)


def _classes(group: Group) -> dict[Node, int]:
    """For what is read as labels, below what number they must be, of all that read it."""
    found: dict[Node, int] = {}
    for reader in group.members:
        known = of(reader).labels
        if known is not None:
            labels, classes = known(reader)
            found[labels] = min(classes, found.get(labels, classes))
    return {node: found[node] for node in group.fed if node in found}
