"""A plugin for pytest: every buffer that native code touches lies against a page that nobody may touch.

    GUARDS=end PYTHONPATH=tests/support pytest -p guards -p no:faulthandler tests/engine/native

With GUARDS=end the page follows the buffer, with GUARDS=start it is in front of it. A read or a write there ends the
process, and says of which test and beyond which buffer. Within a thread's memory each value has pages of its own, too.
What no run has written yet is NaN, and what a run only reads must not have changed after it. For Linux.
"""

import ctypes
import mmap
import os
import signal
import weakref
from collections import deque

import numpy as np
from numpy.lib.stride_tricks import as_strided

from symcnn.engine.native.analysis import fusion as fuse
from symcnn.engine.native.ir.loops import BYTE, SIZES
from symcnn.engine.native.kernels import argument_table as lowered
from symcnn.engine.native.kernels import kernel as kernels
from symcnn.engine.native.runtime import calls as runs
from symcnn.engine.native.runtime import compiled, team

PAGE = mmap.PAGESIZE
FAULT = 77
"""The exit code after a touch of a guard."""

_STDERR = os.dup(2)  # pytest will catch what is written to 2
_AT_END = os.environ.get("GUARDS") != "start"
_KNOWN: deque[tuple[int, int, str]] = deque(maxlen=20_000)
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def _pages(nbytes):
    """The bytes of the whole pages that are needed."""
    return max(1, -(-nbytes // PAGE)) * PAGE


def _close(address):
    """Nobody may touch the page there from now on."""
    if _libc.mprotect(address, PAGE, 0):
        raise OSError(ctypes.get_errno(), "mprotect")


def _mapped(nbytes):
    return np.frombuffer(mmap.mmap(-1, nbytes), np.uint8)


def fenced_rows(rows, nbytes, name):
    """Rows of `nbytes`, a closed page before each and after the last."""
    inner = _pages(nbytes)
    raw = _mapped(rows * (inner + PAGE) + PAGE)
    first = PAGE + (inner - nbytes if _AT_END else 0)
    for n in range(rows + 1):
        _close(raw.ctypes.data + n * (inner + PAGE))
    for n in range(rows):
        _KNOWN.append((raw.ctypes.data + first + n * (inner + PAGE), nbytes, f"{name}, row {n}" if n else name))
    return as_strided(raw[first:], (rows, nbytes), (inner + PAGE, 1))


def fenced_copy(array, name):
    """The same numbers behind a fence."""
    rows = fenced_rows(1, array.nbytes, name)
    copy = rows[0].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


# A thread's memory: each value has its own pages -----------------------------------------------------


class _Layout:
    """Where the values of one program stand in a thread's memory, over all its stages."""

    def __init__(self):
        self.end = 0
        self.values = []

    def place(self, size, name):
        """The first byte of a value that has pages of its own, and a closed one behind them."""
        start = self.end + (_pages(size) - size if _AT_END else 0)
        self.values.append((start, size, name))
        self.end += _pages(size) + PAGE
        return start


_layout = _Layout()


def _take(self, node):
    """In place of `fuse._Memory._take`: no value takes the place of another."""
    self._group.slots[node] = fuse.Slot(_layout.place(self._size(node), node.label), fuse.element_of(node))


def _take_more(self, count):
    """In place of `Kernel.take`."""
    start = _layout.place(SIZES[self.b.real] * count, f"what {self.b.function.name} needs for itself")
    return self.b.offset(self.read.memory, start, BYTE)


def _keep(self, what, count):
    """In place of `Kernel.keep`."""
    found = what in self.kept.places
    if not found:
        self.kept.places[what] = _layout.place(SIZES[self.b.real] * count, f"what {self.b.function.name} keeps")
    return self.b.offset(self.read.memory, self.kept.places[what], BYTE), found


def _take_memory(self, threads, shares, chunks):
    """In place of `Compiled.take_memory`: new for each run, and nothing in it is a number yet."""
    stride = self.memory_stride
    raw = _mapped(threads * stride + PAGE)
    _close(raw.ctypes.data)
    for n in range(threads):
        start = raw.ctypes.data + PAGE + n * stride
        for offset, size, name in self.layout.values:
            raw[PAGE + n * stride + offset :][:size] = 255
            _KNOWN.append((start + offset, size, f"{name} in the memory of thread {n}"))
            _close(start + offset // PAGE * PAGE + _pages(size))
    sums = fenced_rows(shares, self.lowered.sums * _width(self), "the sums of a share")
    sums[...] = 255
    alarms = fenced_rows(1, (shares + chunks) * _width(self), "the alarms and flags")[0]
    return compiled.Memory(raw[PAGE:].reshape(threads, stride), sums, alarms)


def _width(compiled):
    """Bytes of a number among the sums."""
    return compiled.partition.real.itemsize


def _sums_stride(self):
    return (_pages(self.lowered.sums * _width(self)) + PAGE) // _width(self)


# Arrays from outside, flags and tables -----------------------------------------------------------------

_runners: weakref.WeakValueDictionary[int, runs.Runner] = weakref.WeakValueDictionary()


def _fill(original):
    def fill(self, bound):
        original(self, bound)
        _runners[self.address] = self

    return fill


def _computed(program, jobs):
    """The arrays that a run of `jobs` writes, and those that it changes."""
    stages = [n for n, names in enumerate(program.lowered.jobs) if {*map(program.addresses.get, names)} & {*jobs}]
    commits = bool({*map(program.addresses.get, program.commits)} & {*jobs})
    return {node for n in stages for node in program.results[n]}, {*program.plan.updated} if commits else set()


class _Fence:
    """In place of the team: each run finds the arrays and the table behind fences."""

    def run(self, work, data, threads):
        runner = _runners[data]
        results, changed = _computed(runner.compiled, work.jobs)
        table = fenced_copy(np.array(runner._table), "the table of arguments")
        twins = {node: fenced_copy(array, f"the array of {node.label}") for node, array in runner._held.items()}
        for node, twin in twins.items():
            table[lowered.BEFORE + runner.compiled.lowered.arrays[node]] = twin.ctypes.data
            if node in results:
                twin.reshape(-1).view(np.uint8)[...] = 255
        before = {node: twin.tobytes() for node, twin in twins.items()}
        team.team().run(work, table.ctypes.data + 8 * lowered.BEFORE, threads)
        for node, twin in twins.items():
            array, content = runner._held[node], before[node]
            if node in results or node in changed:
                array[...] = twin
            else:
                assert twin.tobytes() == content, f"{node.label} was written"


def _written(original):
    def written(cls, plan, cpu, few=False):
        global _layout
        _layout = _Layout()
        made = original(plan, cpu, few)
        made.layout = _layout
        return made

    return classmethod(written)


# Faults --------------------------------------------------------------------------------------------------


class _SigAction(ctypes.Structure):
    _fields_ = [
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_uint8 * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    ]


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
def _on_fault(number, info, context):
    address = ctypes.c_uint64.from_address(info + 16).value
    ways = [(start - address, f"in front of {name}") for start, _, name in _KNOWN if start > address]
    ways += [
        (address - end, f"after the end of {name}") for start, size, name in _KNOWN if (end := start + size) <= address
    ]
    distance, where = min(reversed(ways), default=(0, "nowhere"), key=lambda way: way[0])
    where = f"{distance} bytes {where}"
    os.write(_STDERR, f"\ntouched {where}, in {os.environ.get('PYTEST_CURRENT_TEST')}\n".encode())
    os._exit(FAULT)


def pytest_configure():
    """Put everything in place."""
    action = _SigAction(handler=ctypes.cast(_on_fault, ctypes.c_void_p), flags=4)  # SA_SIGINFO
    for number in (signal.SIGSEGV, signal.SIGBUS):
        if _libc.sigaction(number, ctypes.byref(action), None):
            raise OSError(ctypes.get_errno(), "sigaction")
    fuse._LINE = 1
    fuse._Memory._take, fuse._Memory._give = _take, lambda self, node: None
    kernels.Kernel.take, kernels.Kernel.keep = _take_more, _keep
    compiled.Compiled.written = _written(compiled.Compiled.written)
    compiled.Compiled.take_memory = _take_memory
    compiled.Compiled.give_memory = lambda self, memory: None
    compiled.Compiled.memory_stride = property(lambda self: max(self.layout.end, PAGE))
    compiled.Compiled.sums_stride = property(_sums_stride)
    runs.Runner.fill = _fill(runs.Runner.fill)
    runs.team = _Fence
