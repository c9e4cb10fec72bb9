"""What one thread of this machine can do at most with multiply-adds, measured: a profile has shares of it."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from functools import cache

from ..analysis.work import work
from ..cpu import Cpu
from ..ir.llvm import module
from ..ir.loops import FLOAT, INDEX, POINTER, Builder, Function
from .jit import Library

_TURNS = 4_000
"""So many turns of the loop are timed at once: some tens of microseconds."""
_BURSTS = 60


@dataclass(frozen=True)
class Machine:
    """Measured with one thread, by code from the same compiler.

    Attributes
    ----------
    peak : float
        Operations on real numbers in a second: multiply-adds, with all in registers.
    call : float
        Seconds of a timed call that does nothing.
    """

    peak: float
    call: float


def chains(cpu: Cpu) -> Function:
    """As many vectors in registers as hide the time that one takes, each multiplied and added to, again and again."""
    b = Builder(
        "chains",
        {"numbers": POINTER, "turns": INDEX},
        exported=True,
        title="the most that can be computed",
        real=cpu.real,
    )
    numbers, turns = b.parameters
    vector = b.reals(cpu.lanes)
    factor, term = b.load(numbers, 0, vector), b.load(numbers, vector.lanes, vector)
    sums = [b.register(b.load(numbers, n * vector.lanes, vector)) for n in range(cpu.registers * 3 // 4)]
    with b.loop(0, turns):
        for s in sums:
            b.set(s, b.fma(b.get(s), factor, term))
    for n, s in enumerate(sums):
        b.store(numbers, n * vector.lanes, b.get(s))
    return b.function


def nothing() -> Function:
    """A function that does nothing, to be called like a loop nest."""
    parameters = {"arguments": POINTER, "memory": POINTER, "sums": POINTER, "row": INDEX, "valid": INDEX}
    return Builder("nothing", parameters, exported=True).function


@cache
def machine(cpu: Cpu) -> Machine:
    """What `cpu`, on which this process runs, can do: measured once, in some milliseconds."""
    written = chains(cpu)
    library = Library(module([written, nothing()]), cpu, ["chains", "nothing"])
    kind = ctypes.c_float if cpu.real == FLOAT else ctypes.c_double
    numbers = (kind * (cpu.registers * cpu.lanes))(*[0.5] * (cpu.registers * cpu.lanes))
    pointer, whole = ctypes.c_void_p, ctypes.c_int64
    run = ctypes.CFUNCTYPE(None, pointer, whole)(library.addresses["chains"])
    empty = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, whole, whole)(library.addresses["nothing"])
    best = min(_seconds(run, ctypes.addressof(numbers), _TURNS) for _ in range(_BURSTS))
    return Machine(
        work(written, {"turns": _TURNS}).operations / best,
        min(_seconds(empty, 0, 0, 0, 0, 0) for _ in range(_BURSTS)),
    )


def _seconds(function: object, *arguments: int) -> float:
    start = time.perf_counter()
    function(*arguments)  # type: ignore[operator]
    return time.perf_counter() - start
