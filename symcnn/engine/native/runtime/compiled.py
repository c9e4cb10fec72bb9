"""`Compiled`: the native stages of a plan as machine code, and the memory in which they run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np

from ....graph.apart import LATE
from ....graph.collector import collector_paused
from ....graph.leaves import Input
from ....graph.locks import cached_property
from ....graph.node import Node
from ....graph.spec import is_real
from ...numpy.registry import Array
from ...plan import Plan
from ..analysis.fusion import Group, fuse
from ..analysis.partition import Kind, Partition, partition
from ..analysis.recomputing import recomputing
from ..analysis.registration import index_of, is_alias
from ..cpu import Cpu
from ..ir.conversion import element_of_array
from ..ir.llvm import module
from ..kernels.argument_table import Lowered
from ..kernels.epilogue import commit, shared_stage
from ..kernels.lowering import ImageStage
from .jit import Library
from .notice import Notice


@dataclass
class Memory:
    """Buffers of threads, sums of shares, and the alarms of shares with the flags of chunks behind them.

    Attributes
    ----------
    addresses : tuple of int
        Of the buffers, the sums and the alarms.
    """

    buffers: Array
    sums: Array
    alarms: Array

    def __post_init__(self) -> None:
        self.addresses = tuple(a.ctypes.data for a in (self.buffers, self.sums, self.alarms))

    def is_enough(self, threads: int, shares: int, alarm_bytes: int) -> bool:
        """Whether it serves such a run."""
        return len(self.buffers) >= threads and len(self.sums) >= shares and len(self.alarms) >= alarm_bytes


@dataclass
class Compiled:
    """What is the same for all batch sizes: the stages of a plan, and the functions they have become.

    Attributes
    ----------
    groups : {int: Group}
        Of each image stage, by its number.
    results : {int: list of Node}
        What is needed of each native stage outside of it, and so has an array.
    kept : set of Node
        Those of them that only image stages read: they stay in lanes.
    block : int
        How many images are computed at once.
    checked : set of Node
        The outputs that native code sees to be finite.
    commits : list of str
        The jobs that write the new values into the parameters; none where native code cannot do that.
    """

    plan: Plan
    partition: Partition
    lowered: Lowered
    groups: dict[int, Group]
    results: dict[int, list[Node]]
    kept: set[Node]
    library: Library | None
    cpu: Cpu
    block: int
    checked: set[Node]
    commits: list[str]
    _memory: list[Memory] = field(default_factory=list)

    @classmethod
    def of(cls, plan: Plan, cpu: Cpu, few: bool = False) -> Compiled:
        """Compile `plan` for `cpu`: for `few` images each is a block of its own, else they are the lanes."""
        written = cls.written(plan, cpu, few)
        functions = written.lowered.functions
        if functions:
            names = [f.name for f in functions if f.exported]
            with Notice(f"compiling {len(written.partition.kinds)} nodes ...") as late:
                if written.lowered.seconds > LATE:
                    late()
                written.library = Library(module(functions), written.cpu, names, late)
        return written

    @classmethod
    @collector_paused
    def written(cls, plan: Plan, cpu: Cpu, few: bool = False) -> Compiled:
        """All that comes before machine code: for any `cpu`, also one that this machine is not."""
        start = time.perf_counter()
        found = recomputing(plan, partition(plan))
        cpu = cpu.computing(element_of_array(found.real))
        block = 1 if few else cpu.lanes
        lowered = Lowered(inline=_inline(plan, found))
        results = _results(plan, found, lowered.inline)
        native = {o for n, stage in enumerate(found.stages) if stage.kind != "numpy" for o in results[n]}
        checked = {o for o in plan.outputs if o in native and found.kinds[o] in (Kind.SUM, Kind.SHARED)}
        kept = _kept(plan, found, results)
        groups = {
            n: fuse(stage.nodes, set(results[n]), found, block, kept)
            for n, stage in enumerate(found.stages)
            if stage.kind == "image"
        }
        for n, stage in enumerate(found.stages):
            jobs: list[str] = []
            if stage.kind == "image":
                jobs = ImageStage(lowered, groups[n], cpu, n, block).write(checked)
            elif stage.kind == "shared":
                jobs = shared_stage(lowered, stage.nodes, set(results[n]), checked, cpu, n)
            lowered.jobs.append(jobs)
        commits: list[str] = []
        looked_at = all(o in checked or not is_real(o.dtype) for o in plan.outputs)
        if plan.updated and looked_at and found.stages[-1].kind != "numpy":
            new = plan.outputs[len(plan.outputs) - len(plan.updated) :]
            commits = commit(lowered, list(zip(plan.updated, new, strict=True)), cpu)
        lowered.seconds = time.perf_counter() - start
        return cls(plan, found, lowered, groups, results, kept, None, cpu, block, checked, commits)

    @property
    def addresses(self) -> dict[str, int]:
        """Of the jobs."""
        return self.library.addresses if self.library else {}

    # Memory --------------------------------------------------------------------------------------

    @property
    def memory_stride(self) -> int:
        """Bytes that each thread has for buffers."""
        return -(-self.lowered.memory // 4096) * 4096 + 64

    @property
    def sums_stride(self) -> int:
        """How many sums each share has room for."""
        return -(-self.lowered.sums // 16) * 16 + 16

    @property
    def nbytes(self) -> int:
        """The memory of one thread with one share."""
        return self.memory_stride + self.partition.real.itemsize * self.sums_stride

    def take_memory(self, threads: int, shares: int, chunks: int) -> Memory:
        """Memory for a run, which nobody else uses until it is given back, with all alarms and flags 0."""
        try:
            found = self._memory.pop()
        except IndexError:
            found = None
        size = self.partition.real.itemsize
        if found is not None and found.is_enough(threads, shares, size * (shares + chunks)):
            return found
        buffers, sums = aligned(threads, self.memory_stride), aligned(shares, size * self.sums_stride)
        return Memory(buffers, sums, aligned(1, size * (shares + chunks))[0])

    def give_memory(self, memory: Memory) -> None:
        """What `take_memory` has given is free again; one is kept."""
        self._memory[:] = [memory]

    @cached_property
    def library_of_parts(self) -> Library:
        """The same functions, each of which can be called."""
        parts = [replace(f, exported=True) for f in self.lowered.functions]
        return Library(module(parts), self.cpu, [f.name for f in parts])

    @cached_property
    def fed_directly(self) -> set[Input]:
        """The inputs that only native code reads: it can read the caller's array."""
        others = {source for node in self.plan.order if self._by_numpy(node) for source in node.inputs}
        others |= {index for node in self.plan.order if (index := index_of(node)) is not None}  # NumPy looks at these
        outputs = set(self.plan.outputs)
        return {i for i in self.plan.inputs if i in self.lowered.arrays and i not in others and i not in outputs}

    def _by_numpy(self, node: Node) -> bool:
        return self.partition.kinds.get(node) is Kind.NUMPY


def aligned(rows: int, nbytes: int) -> Array:
    """Rows of bytes, the first at the start of a cache line."""
    raw = np.zeros(rows * nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + rows * nbytes].reshape(rows, nbytes)


def _inline(plan: Plan, found: Partition) -> set[Node]:
    """The sums over the batch that nothing but the shared stage right after them reads, element by element."""
    readers: dict[Node, list[tuple[int, Node]]] = {}
    for number, stage in enumerate(found.stages):
        for node in stage.nodes:
            for source in found.sources(node):
                readers.setdefault(source, []).append((number, node))
    inline = set()
    for number, stage in enumerate(found.stages[:-1]):
        following = found.stages[number + 1].kind == "shared"
        for node in stage.nodes if following else ():
            alone = found.kinds[node] is Kind.SUM and node not in plan.outputs and node.shape != ()
            if alone and all(n == number + 1 and r.shape == node.shape for n, r in readers.get(node, [])):
                inline.add(node)
    return inline


def _kept(plan: Plan, found: Partition, results: dict[int, list[Node]]) -> set[Node]:
    """What image stages need of each other, and nobody else: an array of it would be made for nothing."""
    made = {node for n, stage in enumerate(found.stages) if stage.kind == "image" for node in results[n]}
    elsewhere = {s for stage in found.stages if stage.kind != "image" for node in stage.nodes for s in node.inputs}
    shown = {*plan.outputs, *elsewhere}
    return {n for n in made if found.kinds[n] is Kind.IMAGE and n not in shown and not is_alias(n)}


def _results(plan: Plan, found: Partition, inline: set[Node]) -> dict[int, list[Node]]:
    """What is needed of each stage outside of it, and is not added up where it is needed."""
    needed, makers = {*plan.outputs, *found.crossing()} - inline, found.makers()
    sums = {node for node, kind in found.kinds.items() if kind is Kind.SUM} - inline
    return {
        n: [node for node in stage.nodes if makers[node] == n and (node in needed or node in sums)]
        for n, stage in enumerate(found.stages)
    }
