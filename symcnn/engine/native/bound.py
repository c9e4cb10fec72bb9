"""A plan bound to buffers, with native code where there are loops for it, and NumPy elsewhere."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...graph.collector import collector_paused
from ...graph.errors import SizeError, explain
from ...graph.node import Node
from ...nodes.conv import Conv
from ...nodes.dense import Dense, MatMul
from ..numpy.arena import Arena
from ..numpy.blas import one_thread
from ..numpy.bound import Bound, Call, _bind_node, _Storage, _verification, bind, is_finite
from ..numpy.kernels import Array
from ..plan import Plan
from ..profile import Nest
from ..threads import size
from .cpu import Cpu
from .emit import module
from .fuse import Group, fuse
from .lower import FIRST_ARRAY, IMAGES, MEMORY, ImageStage, Lowered, finite_check, shared_stage
from .machine import machine
from .nests import nests
from .objects import Library
from .partition import Kind, Partition, partition
from .report import report
from .team import team
from .tracing import ELEMENTS

_BEFORE = 2
"""What stands in the table of arguments before its first entry: how many sums and bytes each thread has."""


@dataclass
class Compiled:
    """What is the same for all batch sizes: the stages of a plan, and the functions they have become."""

    plan: Plan
    partition: Partition
    lowered: Lowered
    groups: dict[int, Group]
    results: dict[int, list[Node]]
    library: Library | None
    cpu: Cpu
    block: int
    checked: set[Node]
    _memory: list[tuple[Array, Array]] = field(default_factory=list)

    @property
    def memory_stride(self) -> int:
        """Bytes that each thread has for buffers."""
        return -(-self.lowered.memory // 4096) * 4096 + 64

    @property
    def sums_stride(self) -> int:
        """How many sums each thread has room for."""
        return -(-self.lowered.sums // 16) * 16 + 16

    @property
    def nbytes(self) -> int:
        """The memory of one thread."""
        return self.memory_stride + self.partition.real.itemsize * self.sums_stride

    def take_memory(self, threads: int, chunks: int) -> tuple[Array, Array]:
        """Buffers for threads and sums for chunks, which nobody else uses until they are given back."""
        try:
            found = self._memory.pop()
        except IndexError:
            found = None
        if found is None or len(found[0]) < threads or len(found[1]) < chunks:
            found = (
                _aligned(threads, self.memory_stride),
                _aligned(chunks, self.partition.real.itemsize * self.sums_stride),
            )
        return found

    def give_memory(self, memory: tuple[Array, Array]) -> None:
        """What `take_memory` has given is free again; one is kept."""
        self._memory[:] = [memory]

    @cached_property
    def library_of_parts(self) -> Library:
        """The same functions, each of which can be called."""
        parts = [replace(f, exported=True) for f in self.lowered.functions]
        return Library(module(parts), self.cpu)

    @classmethod
    def of(cls, plan: Plan, cpu: Cpu, few: bool = False) -> Compiled:
        """Compile `plan` for `cpu`: for `few` images each is a block of its own, else they are the lanes."""
        start = time.perf_counter()
        with collector_paused():
            found = partition(plan)
            cpu = cpu.computing(ELEMENTS[found.real])
            block = 1 if few else cpu.lanes
            lowered = Lowered()
            groups: dict[int, Group] = {}
            results = {n: _results(plan, found, n) for n in range(len(found.stages))}
            for n, stage in enumerate(found.stages):
                if stage.kind == "image":
                    groups[n] = fuse(stage.nodes, set(results[n]), found, block)
                    lowered.jobs.append(ImageStage(lowered, groups[n], cpu, n, block).write())
                elif stage.kind == "shared":
                    lowered.jobs.append(shared_stage(lowered, stage.nodes, set(results[n]), cpu, n))
                else:
                    lowered.jobs.append([])
            native = [n for n, stage in enumerate(found.stages) if stage.kind != "numpy"]
            checked = {o for n in native for o in results[n] if o in plan.outputs and _is_sum(o, found)}
            if checked:
                lowered.jobs[native[-1]].append(finite_check(lowered, [o for o in plan.order if o in checked], cpu))
            lowered.seconds = time.perf_counter() - start
            library = Library(module(lowered.functions), cpu) if lowered.functions else None
        return cls(plan, found, lowered, groups, results, library, cpu, block, checked)


def _is_sum(node: Node, found: Partition) -> bool:
    return found.kinds[node] in (Kind.SUM, Kind.SHARED)


def _aligned(rows: int, nbytes: int) -> Array:
    """Rows of bytes, the first at the start of a cache line."""
    raw = np.zeros(rows * nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + rows * nbytes].reshape(rows, nbytes)


def _results(plan: Plan, found: Partition, number: int) -> list[Node]:
    """What is needed of a stage outside of it."""
    stage = found.stages[number]
    inside = set(stage.nodes)
    needed = set(plan.outputs)
    for other in found.stages:
        if other is not stage:
            needed |= {source for node in other.nodes for source in found.sources(node) if source in inside}
    if stage.kind == "image":
        needed |= {node for node in stage.nodes if found.kinds[node] is Kind.SUM}
    return [node for node in stage.nodes if node in needed]


class NativeBackend:
    """Plans compiled to machine code."""

    name = "native"

    def __init__(self) -> None:
        self._compiled: dict[bool, Compiled] = {}
        self._lock = threading.Lock()

    def bind(self, plan: Plan, batch: int) -> NativeBound:
        """The plan over buffers for a batch of `batch` rows; compiled when that is first asked for."""
        cpu = Cpu.host()
        few = batch < cpu.lanes
        compiled = self._compiled.get(few)
        if compiled is None or compiled.plan is not plan:
            with self._lock:
                compiled = self._compiled.get(few)
                if compiled is None or compiled.plan is not plan:
                    compiled = self._compiled[few] = Compiled.of(plan, cpu, few)
        return _bound(compiled, batch)


@dataclass
class NativeBound(Bound):
    """A compiled plan over its buffers."""

    compiled: Compiled = field(kw_only=True)
    runner: _Runner = field(init=False)

    @cached_property
    def _calls_blas(self) -> bool:
        """Whether NumPy computes products, or rules that may contain some."""
        return any(
            c.kernel == "rule" or isinstance(c.node, Conv | Dense | MatMul) for c in self.calls if c.kernel != "native"
        )

    def run(self) -> None:
        """Compute all values once."""
        with one_thread() if self._calls_blas else nullcontext():
            for call in self.calls:
                call.run()

    def times(self) -> list[tuple[Node, str, float]]:
        """Compute all values once, one loop nest after the other in this thread: what each took."""
        found = []
        for call in self.calls:
            if isinstance(call.run, NativeRun):
                found += call.run.times()
                continue
            start = time.perf_counter()
            call.run()
            found.append((call.node, call.kernel, time.perf_counter() - start))
        return found

    def nests(self) -> list[Nest | None]:
        """The loop nests that `times` tells of, in its order: of what is not native, None."""
        found: list[Nest | None] = []
        for call in self.calls:
            found += call.run.nests() if isinstance(call.run, NativeRun) else [None]
        return found

    def peak(self) -> float | None:
        """Operations in a second that this machine can do in one thread."""
        return machine(self.compiled.cpu).peak

    def run_alone(self) -> None:
        """Compute all values once, in this thread."""
        with one_thread() if self._calls_blas else nullcontext():
            for call in self.calls:
                (call.run.alone if isinstance(call.run, NativeRun) else call.run)()

    def all_finite(self) -> bool:
        """Whether no output of the last run has a NaN or an infinity; the native ones were looked at natively."""
        checked = self.compiled.checked
        rest = all(is_finite(self.values[node]) for node in self.plan.outputs if node not in checked)
        return rest and self.runner.flags_are_clear()

    def describe(self, loops: bool) -> list[str]:
        """The stages and the loops that they have become, and what is left to NumPy, with the reason."""
        return report(self.compiled, loops)

    def visits(self) -> Iterator[tuple[Node, Array]]:
        """Each node and its value, as the NumPy engine computes them: native code keeps no value that is not needed."""
        reference = bind(self.plan, self.batch)
        for node in self.plan.inputs:
            if node in reference.values:
                np.copyto(reference.values[node], self.values[node])
        yield from reference.visits()


def _bound(compiled: Compiled, batch: int) -> NativeBound:
    bound = NativeBound(compiled.plan, batch, compiled=compiled)
    storage = _Storage(compiled.plan, Arena())
    bound.runner = runner = _Runner(compiled)
    with collector_paused():
        for node in compiled.plan.order:
            if not node.inputs:
                _bind_node(node, bound, storage)
        for number, stage in enumerate(compiled.partition.stages):
            if stage.kind == "numpy":
                runner.end_run(bound)
                for node in stage.nodes:
                    _bind_node(node, bound, storage)
            else:
                _bind_stage(number, bound, storage, runner)
        runner.end_run(bound)
        runner.fill_table(bound)
    bound.nbytes = storage.arena.nbytes + compiled.nbytes
    return bound


def _bind_stage(number: int, bound: NativeBound, storage: _Storage, runner: _Runner) -> None:
    """Arrays for what a native stage computes, and its place among the calls."""
    compiled = runner.compiled
    for node in compiled.partition.stages[number].nodes:
        if (check := _verification(node, [_seen(i, bound) for i in node.inputs])) is not None:
            bound.calls.append(Call(node, check, "verify"))
    for node in compiled.results[number]:
        shape = node.spec.bind(bound.batch)
        try:
            bound.values[node] = storage.fresh(node, shape)
        except MemoryError:
            raise SizeError(explain(f"there is no memory for its {shape} numbers", node=node)) from None
    runner.add(number)


def _seen(node: Node, bound: NativeBound) -> Array:
    """A value as `verify` may see it: of what is kept in lanes only the shape, and that is all that is looked at."""
    if node in bound.values:
        return bound.values[node]
    return np.broadcast_to(np.zeros((), node.dtype), node.spec.bind(bound.batch))


class _Runner:
    """Collects native stages that follow each other, and runs them with one call."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self._waiting: list[int] = []
        self._copies: list[tuple[Array, Array]] = []
        self._held: list[Array] = []
        self._table: Array = np.zeros(_BEFORE + FIRST_ARRAY + len(compiled.lowered.arrays), np.int64)
        self._flags: Array = np.zeros(1, compiled.partition.real)
        self.address = self._table.ctypes.data + 8 * _BEFORE

    def flags_are_clear(self) -> bool:
        """Whether what is checked natively was finite in the last run."""
        return bool(np.add.reduce(self._flags) == 0)

    def add(self, number: int) -> None:
        """The stage is run next."""
        self._waiting.append(number)

    def end_run(self, bound: NativeBound) -> None:
        """All stages that were added become one call."""
        if not self._waiting:
            return
        compiled = self.compiled
        assert compiled.library is not None
        names = [name for number in self._waiting for name in compiled.lowered.jobs[number]]
        last = compiled.results[self._waiting[-1]][-1]
        bound.calls.append(Call(last, NativeRun(self, last, bound.batch, names), "native"))
        self._waiting = []

    def begin(self, threads: int, chunks: int) -> tuple[Array, Array]:
        """Fill in what changes from run to run; the memory of this run, to be given back."""
        for target, source in self._copies:
            np.copyto(target, source)
        if len(self._flags) < chunks:
            self._flags = np.zeros(chunks, self._flags.dtype)
        memory = self.compiled.take_memory(threads, chunks)
        self._table[_BEFORE + MEMORY : _BEFORE + FIRST_ARRAY] = [a.ctypes.data for a in (*memory, self._flags)]
        return memory

    def fill_table(self, bound: NativeBound) -> None:
        """The addresses of all arrays, and what does not change from run to run."""
        compiled = self.compiled
        self._table[:_BEFORE] = compiled.sums_stride, compiled.memory_stride
        self._table[_BEFORE + IMAGES] = bound.batch
        for node, number in compiled.lowered.arrays.items():
            array = bound.values[node]
            if not array.flags.c_contiguous:
                array = np.empty(array.shape, array.dtype)
                self._copies.append((array, bound.values[node]))
            self._held.append(array)
            self._table[_BEFORE + number] = array.ctypes.data


class NativeRun:
    """Jobs that are run with one call.

    Parameters
    ----------
    runner : _Runner
    node : Node
        The last of what is computed.
    images : int
    names : list of str
        Of the jobs.
    """

    def __init__(self, runner: _Runner, node: Node, images: int, names: list[str]) -> None:
        library = runner.compiled.library
        assert library is not None
        self._runner, self._node, self._images, self._names = runner, node, images, names
        self._blocks = -(-images // runner.compiled.block)
        self._jobs = [library.address(name) for name in names]

    def __call__(self) -> None:
        """Run them, divided among the threads."""
        runner, threads = self._runner, size()
        chunks = 1 if threads == 1 else max(1, min(2 * threads, self._blocks))
        memory = runner.begin(threads, chunks)
        team().run(self._jobs, runner.address, chunks, threads)
        runner.compiled.give_memory(memory)

    def alone(self) -> None:
        """Run them in this thread."""
        memory = self._runner.begin(1, 1)
        for job in self._jobs:
            _JOB(job)(self._runner.address, 0, 0, 1)
        self._runner.compiled.give_memory(memory)

    def nests(self) -> list[Nest]:
        """What `times` tells of, in its order."""
        return nests(self._runner.compiled, self._names, self._images)

    def times(self) -> list[tuple[Node, str, float]]:
        """Run one loop nest after the other: its node and the seconds that it took for all blocks of images."""
        runner, found = self._runner, []
        compiled, block = runner.compiled, runner.compiled.block
        library, idle = compiled.library_of_parts, machine(compiled.cpu).call
        memory, sums = runner.begin(1, 1)
        sums[:] = 0
        for name in self._names:
            if name not in compiled.lowered.kernels:
                found.append((self._node, "native", _timed(library, name, _JOB, (runner.address, 0, 0, 1), idle)))
                continue
            seconds = dict.fromkeys(compiled.lowered.kernels[name], 0.0)
            for row in range(0, self._images, block):
                place = runner.address, memory.ctypes.data, sums.ctypes.data, row, min(block, self._images - row)
                for part in seconds:
                    seconds[part] += _timed(library, part[0], _BLOCK, place, idle)
            found += [(node, "native", took) for (_, node), took in seconds.items()]
        compiled.give_memory((memory, sums))
        return found


_POINTER, _WHOLE = ctypes.c_void_p, ctypes.c_int64
_JOB = ctypes.CFUNCTYPE(None, _POINTER, _WHOLE, _WHOLE, _WHOLE)
_BLOCK = ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _POINTER, _WHOLE, _WHOLE)


def _timed(library: Library, name: str, kind: Any, arguments: tuple[int, ...], idle: float) -> float:
    """The seconds of a call, less those of one that does nothing."""
    function = kind(library.address(name))
    start = time.perf_counter()
    function(*arguments)
    return max(0.0, time.perf_counter() - start - idle)
