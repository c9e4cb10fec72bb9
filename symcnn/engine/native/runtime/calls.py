"""Native stages as calls: what a run needs in the table of arguments, and how its work is divided."""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy as np

from ....graph.leaves import Param
from ....graph.node import Node
from ...binding import Binding
from ...numpy.registry import Array
from ...profile import Nest
from ...threads import size
from ..kernels.argument_table import (
    ALARMS,
    BEFORE,
    FIRST_ARRAY,
    FLAGS,
    IMAGES,
    MEMORY,
    MEMORY_STRIDE,
    MUST_BE_0,
    SHARES,
    SUMS,
    SUMS_STRIDE,
)
from .compiled import Compiled, Memory
from .jit import Library
from .machine import machine
from .nests import nests
from .team import Work, team

_WORTH = 1 << 18
"""From how many numbers on what follows from the sums is divided among the threads."""


class Runner:
    """The table of arguments of a bound program, and what the last run has found to be wrong.

    Attributes
    ----------
    updates : bool
        Whether the next run writes new values into the parameters.
    guarded : bool
        Whether it does so only if all that native code looks at is finite.
    wrong_labels, not_finite : bool
        What was found.
    kept : {Node: array of bytes}
        Memory for what stays in lanes between stages.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.updates = self.guarded = self.wrong_labels = self.not_finite = False
        self.kept: dict[Node, Array] = {}
        self._copies: list[tuple[Array, Array]] = []
        self._held: dict[Node, Array] = {}
        self._filled_in: tuple[object, ...] = ()
        self._table = (ctypes.c_int64 * (BEFORE + FIRST_ARRAY + len(compiled.lowered.arrays)))()
        self.address = ctypes.addressof(self._table) + 8 * BEFORE

    def fill(self, bound: Binding) -> None:
        """The addresses of all arrays, and what else does not change from run to run."""
        compiled = self.compiled
        for place, number in (
            (MEMORY_STRIDE, compiled.memory_stride),
            (SUMS_STRIDE, compiled.sums_stride),
            (IMAGES, bound.batch),
        ):
            self._table[BEFORE + place] = number
        for node in compiled.lowered.arrays:
            if node not in compiled.fed_directly:
                found = self.kept.get(node)
                array = found if found is not None else node.value if isinstance(node, Param) else bound.values[node]
                if not array.flags.c_contiguous:
                    self._copies.append((np.empty(array.shape, array.dtype), array))
                    array = self._copies[-1][0]
                self.point(node, array)

    def point(self, node: Node, array: Array) -> None:
        """The array from which the value is read, or into which it is written."""
        self._held[node] = array
        self._table[BEFORE + self.compiled.lowered.arrays[node]] = _address(array)

    def forget(self, node: Node) -> None:
        """The caller's array is not needed any more."""
        self._held.pop(node, None)

    def begin(self, threads: int, shares: int, chunks: int) -> Memory:
        """Fill in what is not as in the last run; the memory of this run, to be given back."""
        for target, source in self._copies:
            np.copyto(target, source)
        assert len(self._held) == len(self.compiled.lowered.arrays), "the program runs before it is fed"
        memory = self.compiled.take_memory(threads, shares, chunks)
        filled_in = memory.addresses, shares, chunks, self.guarded
        if filled_in != self._filled_in:
            self._filled_in = filled_in
            table = self._table
            table[BEFORE + SHARES] = shares
            table[BEFORE + MEMORY], table[BEFORE + SUMS], table[BEFORE + ALARMS] = memory.addresses
            table[BEFORE + FLAGS] = memory.addresses[2] + shares * self.compiled.partition.real.itemsize
            table[BEFORE + MUST_BE_0] = shares + chunks if self.guarded else shares
        return memory

    def end(self, memory: Memory, shares: int, chunks: int) -> None:
        """See what was found, and give the memory back."""
        if memory.alarms.tobytes().strip(b"\0"):  # .any() takes a microsecond longer
            found = memory.alarms.view(self.compiled.partition.real)
            self.wrong_labels |= bool(found[:shares].any())
            self.not_finite |= bool(found[shares : shares + chunks].any())
            memory.alarms.fill(0)
        self.compiled.give_memory(memory)


def _address(array: Any) -> int:
    """Where the numbers of an array begin. What is empty or cannot be written has to be asked in a slower way."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError, BufferError):
        return int(array.ctypes.data)


class NativeRun:
    """Jobs that are run with one call.

    Parameters
    ----------
    runner : Runner
    node : Node
        The last of what is computed.
    images : int
    names : list of str
        Of the jobs.
    commits : bool
        Whether an update is the last of them, if one is asked for.
    """

    def __init__(self, runner: Runner, node: Node, images: int, names: list[str], commits: bool) -> None:
        self._runner, self._node, self._images, self._names, self._commits = runner, node, images, names, commits
        self._blocks = -(-images // runner.compiled.block)
        self._divided: dict[tuple[int, bool], tuple[Work, int, int]] = {}

    def __call__(self) -> None:
        """Run them, divided among the threads."""
        runner, threads = self._runner, size()
        key = threads, runner.updates and self._commits
        if key not in self._divided:
            self._divided[key] = self._work(*key)
        work, shares, chunks = self._divided[key]
        memory = runner.begin(threads, shares, chunks)
        team().run(work, runner.address, threads)
        runner.end(memory, shares, chunks)

    def _work(self, threads: int, commits: bool) -> tuple[Work, int, int]:
        """The jobs with the chunks of each; into how many shares the images are divided, and all else."""
        compiled = self._runner.compiled
        shares = 1 if threads == 1 else max(1, min(2 * threads, self._blocks))
        chunks = threads if compiled.lowered.shared >= _WORTH else 1
        names = [*self._names, *compiled.commits] if commits else self._names
        divided = [(compiled.addresses[n], shares if n in compiled.lowered.kernels else chunks) for n in names]
        return Work(divided), shares, chunks

    def nests(self) -> list[Nest]:
        """What `times` tells of, in its order."""
        return nests(self._runner.compiled, self._names, self._images)

    def times(self) -> list[tuple[Node, str, float]]:
        """Run one loop nest after the other: its node and the seconds that it took for all blocks of images."""
        runner, found = self._runner, []
        compiled, block = runner.compiled, runner.compiled.block
        library, idle = compiled.library_of_parts, machine(compiled.cpu).call
        memory = runner.begin(1, 1, 1)
        memory.sums[:] = 0
        buffers, sums, _ = memory.addresses
        for name in self._names:
            if name not in compiled.lowered.kernels:
                found.append((self._node, "native", _timed(library, name, _JOB, (runner.address, 0, 0, 1), idle)))
                continue
            seconds = dict.fromkeys(compiled.lowered.kernels[name], 0.0)
            for row in range(0, self._images, block):
                place = runner.address, buffers, sums, row, min(block, self._images - row)
                for part in seconds:
                    seconds[part] += _timed(library, part[0], _BLOCK, place, idle)
            found += [(node, "native", took) for (_, node), took in seconds.items()]
        runner.end(memory, 1, 1)
        return found


_POINTER, _WHOLE = ctypes.c_void_p, ctypes.c_int64
_JOB = ctypes.CFUNCTYPE(None, _POINTER, _WHOLE, _WHOLE, _WHOLE)
_BLOCK = ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _POINTER, _WHOLE, _WHOLE)


def _timed(library: Library, name: str, kind: Any, arguments: tuple[int, ...], idle: float) -> float:
    """The seconds of a call, less those of one that does nothing."""
    function = kind(library.addresses[name])
    start = time.perf_counter()
    function(*arguments)
    return max(0.0, time.perf_counter() - start - idle)
