"""Plans bound to buffers: what the engines of this package share.

A binding is a plan over arrays for one batch size, run by calling one prepared function after the other. A buffer goes
back to the arena after the last use of the value in it, so a program needs little more memory than the values that are
alive at once.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from ..graph.algebra import BroadcastTo
from ..graph.errors import FeedError, SizeError, message
from ..graph.leaves import BatchSize, Const, Input, Param
from ..graph.locks import cached_property
from ..graph.node import Node
from ..text import shown
from .backend import NotFinite, write
from .feeds import Feeds, copy_into
from .numpy.arena import Arena
from .numpy.blas import one_thread
from .numpy.kernels import Array, Reading, Run, prepare, view_of
from .plan import Plan
from .profile import Nest, Profile, Row

_KEPT = 4
"""How many bindings an executable keeps: of the batch sizes and threads that it served last."""


@dataclass(frozen=True, slots=True)
class Call:
    """One prepared computation: of `node`, by a "kernel", a "ufunc" or its own "rule"."""

    node: Node
    run: Run
    kernel: str


@dataclass
class Binding:
    """A plan over its buffers for one batch size.

    Attributes
    ----------
    values : {Node: array}
        Each node's array, as long as it is alive in a run.
    calls : list of Call
    """

    plan: Plan
    batch: int
    values: dict[Node, Array] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    nbytes: int = 0

    def feed(self, feeds: Feeds) -> None:
        """Arrays for the inputs."""
        for node, value in feeds.items():
            if node in self.values:
                copy_into(self.values[node], node, value)

    def forget_feeds(self) -> None:
        """The callers' arrays are not held any longer: here, they are copied."""

    def compute(self, update: bool = False, guard: bool = False) -> None:
        """Compute all values once.

        With `update`, also the parameters' new values are written, if `updates_parameters`; with `guard`, only if
        no output is NaN or infinite. Values follow IEEE 754, and NumPy does not warn of overflow and the like.
        """
        one_thread(self._call_all)

    def _call_all(self) -> None:
        with np.errstate(all="ignore"):
            for call in self.calls:
                try:
                    call.run()
                except MemoryError as error:
                    raise no_memory(error, call.node) from None

    @property
    def updates_parameters(self) -> bool:
        """Whether a run that is told so writes the new values into the parameters by itself."""
        return False

    @cached_property
    def _updates_overlap(self) -> bool:
        """Whether a new value is in the memory of a parameter: then all are copied before any is written."""
        new = [self.values[node] for node in self.plan.outputs[-len(self.plan.updated) :]] if self.plan.updated else []
        return any(np.may_share_memory(value, p.value) for value in new for p in self.plan.updated)

    def results(self, update: bool) -> list[Array]:
        """Copies of the outputs; with `update`, the parameters get their new values where they have not got them."""
        outputs = self.plan.outputs
        asked = len(outputs) - len(self.plan.updated)
        results = [np.array(self.values[node]) for node in outputs[:asked]]
        if update and self.plan.updated and not self.updates_parameters:
            new = [self.values[node] for node in outputs[asked:]]
            write(self.plan.updated, [np.array(value) for value in new] if self._updates_overlap else new)
        return results

    def all_finite(self) -> bool:
        """Whether no output of the last run has a NaN or an infinity."""
        return all(is_finite(self.values[node]) for node in self.plan.outputs)

    # What it says of itself ----------------------------------------------------------------

    def describe(self, loops: bool) -> list[str]:
        """The lines of a report: what each call computes, and how; `loops` are shown where there are some."""
        width = max([len(type(c.node).__name__) for c in self.calls], default=0)
        lines = []
        for n, call in enumerate(self.calls):
            kind = type(call.node).__name__
            name = f"  {shown(call.node.name)}" if call.node.name else ""
            lines.append(f"{n:4}  {kind:{width}}  {call.kernel:6}  {call.node.spec}{name}")
        return lines

    def advice(self) -> str:
        """What to declare so that it runs faster; here, nothing."""
        return ""

    def times(self) -> list[tuple[Node, str, float]]:
        """Compute all values once: for each call its node, what computes it, and the seconds that it took."""
        return one_thread(self._timed)

    def _timed(self) -> list[tuple[Node, str, float]]:
        found = []
        for call in self.calls:
            start = time.perf_counter()
            call.run()
            found.append((call.node, call.kernel, time.perf_counter() - start))
        return found

    def nests(self) -> list[Nest | None]:
        """The loop nests that `times` tells of, in its order: of what is not native, None."""
        return [None] * len(self.calls)

    def peak(self) -> float | None:
        """Operations in a second that native code could do in one thread, where there is such code."""
        return None


class Bindings:
    """An executable: a binding for each batch size in use, and for each thread that runs it at the time.

    Parameters
    ----------
    plan : Plan
    bind : callable
        batch -> binding.
    """

    def __init__(self, plan: Plan, bind: Callable[[int], Binding]) -> None:
        self.plan = plan
        self.bind = bind
        self._idle: dict[tuple[int, int], Binding] = {}  # no lock guards it: a forked process might find it closed
        self._numbers = count()

    def take(self, batch: int) -> Binding:
        """A binding that nobody uses."""
        for key in list(self._idle):
            if key[0] == batch and (binding := self._idle.pop(key, None)) is not None:
                return binding
        return self.bind(batch)

    def give(self, binding: Binding) -> None:
        """Give one back, after a run that has not failed: an interrupted one may still be in use."""
        binding.forget_feeds()
        self._idle[binding.batch, next(self._numbers)] = binding
        if len(self._idle) > _KEPT:
            for key in list(self._idle)[:-_KEPT]:
                self._idle.pop(key, None)

    def run(self, feeds: Feeds, batch: int, *, update: bool, guard: bool) -> list[Array]:
        """Compute the outputs; see `symcnn.engine.backend.Executable`."""
        binding = self.take(batch)
        binding.feed(feeds)
        binding.compute(update, guard)
        if guard and not binding.all_finite():
            outputs = self.plan.outputs
            raise NotFinite(next((n for n in outputs if not is_finite(binding.values[n])), outputs[0]))
        results = binding.results(update)
        self.give(binding)
        return results

    def report(self, batch: int, loops: bool) -> list[str]:
        """How many steps, how much memory, and then what each step computes."""
        binding = self.bind(batch)
        steps = f"{len(binding.calls)} step{'s' * (len(binding.calls) != 1)}"
        return [f"{steps}, {binding.nbytes:,} bytes of buffers", *binding.describe(loops)]

    def advice(self, batch: int) -> str:
        """What to declare so that it runs faster."""
        binding = self.take(batch)
        self.give(binding)
        return binding.advice()

    def profile(self, feeds: Feeds, batch: int, runs: int) -> Profile:
        """The seconds of each call, the fastest of some runs."""
        with np.errstate(all="ignore"):
            binding = self.take(batch)
            binding.feed(feeds)
            times = [binding.times() for _ in range(runs)]
            peak = binding.peak()
            outside = None if peak is None else min(self._seconds_outside(binding, feeds) for _ in range(runs))
        sizes = {node: value.nbytes for node, value in binding.values.items()}  # lanes are not among them
        rows = [
            Row(node, min(run[n][2] for run in times), 0 if nest and nest.is_job else sizes.get(node, 0), kernel, nest)
            for n, ((node, kernel, _), nest) in enumerate(zip(times[0], binding.nests(), strict=True))
        ]
        self.give(binding)
        return Profile(rows, binding.nbytes, "", batch, peak, outside)

    def _seconds_outside(self, binding: Binding, feeds: Feeds) -> float:
        """What a run takes beside its calls: to copy the feeds, and to copy the results."""
        start = time.perf_counter()
        binding.feed(feeds)
        _ = [np.array(binding.values[node]) for node in self.plan.outputs]
        return time.perf_counter() - start


def no_memory(error: MemoryError, node: Node) -> MemoryError:
    """What to raise where the memory has come to its end at `node`: an error of the house stays what it is."""
    if isinstance(error, SizeError):
        return error
    told = f": {error}" if str(error) else ""
    return SizeError(message(f"there is not enough memory to compute it{told}", "feed fewer rows at a time", node=node))


def is_finite(array: Array) -> bool:
    """Whether no number is NaN or infinite; integers and booleans never are."""
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def unfed(node: Node, batch: int) -> Array:
    """An array of the value's shape that has no memory to speak of."""
    shape = node.spec.bind(batch)
    try:
        return np.broadcast_to(np.zeros((), node.dtype), shape)
    except ValueError:  # more numbers than NumPy can count
        raise SizeError(message(f"there is no memory for its {shape} numbers", node=node)) from None


def bind_node(node: Node, binding: Binding, storage: Storage, reading: Reading | None = None) -> None:
    """Give `node` an array among the values of `binding`, and append the calls that compute it, as `reading` says."""
    shape = node.spec.bind(binding.batch)
    nbytes = math.prod(shape) * node.dtype.itemsize
    try:
        if nbytes > sys.maxsize:
            raise MemoryError
        if reading is None:
            _place(node, shape, binding, storage)
        else:
            out = binding.values[node] = storage.fresh(node, shape)
            run = reading.make(out, *(binding.values[source] for source in reading.sources))
            binding.calls.append(Call(node, run, "kernel"))
    except MemoryError:
        raise SizeError(message(f"there is no memory for its {shape} numbers, {nbytes:,} bytes", node=node)) from None
    storage.read(node)


def _place(node: Node, shape: tuple[int, ...], binding: Binding, storage: Storage) -> None:
    """Give `node` its array: a leaf's own, a view, or one from the arena with the calls that fill it."""
    inputs = [binding.values[i] for i in node.inputs]
    known = storage.known.issuperset(node.inputs) and not isinstance(node, Param | Input)
    view = _leaf_value(node, binding.batch) if not node.inputs else _view(node, inputs, binding.batch)
    if view is not None:
        storage.share(node, owned=not node.inputs)
        binding.values[node] = view
        storage.known |= {node} if known else set()
        return
    once = known and shape == ()  # an array is computed in each run: so its memory serves others, too
    if once:
        out = np.empty(shape, node.dtype)
        storage.share(node, owned=True)
        storage.known.add(node)
    else:
        out = storage.array_for(node, inputs, shape)
    binding.values[node] = out
    calls = [] if (check := verification(node, inputs)) is None else [Call(node, check, "verify")]
    calls.append(Call(node, *prepare(node, out, inputs)))
    if once:
        _run_now(calls)
    else:
        binding.calls += calls


def _run_now(calls: list[Call]) -> None:
    with np.errstate(all="ignore"):
        for call in calls:
            call.run()


def _leaf_value(node: Node, batch: int) -> Array:
    if isinstance(node, Param | Const):
        return node.value
    if isinstance(node, BatchSize):
        return np.asarray(batch, dtype=node.dtype)
    return np.zeros(node.spec.bind(batch), dtype=node.dtype)


def _view(node: Node, inputs: list[Array], batch: int) -> Array | None:
    if isinstance(node, BroadcastTo):
        return np.broadcast_to(inputs[0], node.spec.bind(batch))
    return view_of(node, inputs[0])


def verification(node: Node, inputs: list[Array]) -> Run | None:
    """What looks at the values of the inputs before `node` is computed, where its type has something to look at."""
    if type(node).verify is Node.verify:
        return None

    def check() -> None:
        try:
            node.verify(*inputs)
        except ValueError as error:
            read = ", ".join(i.label for i in node.inputs)
            raise FeedError(message(str(error), f"it reads {read}", node=node)) from None

    return check


class Storage:
    """Which buffer each value lives in, and how many uses each buffer still has.

    Attributes
    ----------
    arena : Arena
    known : set of Node
        What has its value before the first run: constants, the batch size, and the scalars that follow from these.
    """

    def __init__(self, uses: Mapping[Node, int], readings: Mapping[Node, Reading] | None = None) -> None:
        self.arena = Arena()
        self.known: set[Node] = set()
        self._uses = uses
        self._readings = readings or {}
        self._buffer: dict[Node, Array | None] = {}
        self._pending: dict[int, int] = {}

    def share(self, node: Node, owned: bool) -> None:
        """`node` is a leaf, or a view of its first input's buffer."""
        buffer = None if owned else self._buffer[node.inputs[0]]
        self._buffer[node] = buffer
        if buffer is not None:
            self._pending[id(buffer)] += self._uses[node]

    def array_for(self, node: Node, inputs: list[Array], shape: tuple[int, ...]) -> Array:
        """An array for `node`: an input's own where that is elementwise and dies here, else from the arena."""
        buffer = self._dying_input(node, inputs, shape)
        if buffer is None:
            return self.fresh(node, shape)
        self._buffer[node] = buffer
        self._pending[id(buffer)] += self._uses[node]
        return self.arena.shaped(buffer, shape, node.dtype)

    def fresh(self, node: Node, shape: tuple[int, ...]) -> Array:
        """An array for `node` from the arena."""
        buffer = self._buffer[node] = self.arena.take(math.prod(shape) * node.dtype.itemsize)
        self._pending[id(buffer)] = self._uses[node]
        return self.arena.shaped(buffer, shape, node.dtype)

    def _dying_input(self, node: Node, inputs: list[Array], shape: tuple[int, ...]) -> Array | None:
        if type(node).ufunc is None or not node.elementwise:
            return None
        for source, array in zip(node.inputs, inputs, strict=True):
            buffer = self._buffer[source]
            whole = array.shape == shape and array.dtype == node.dtype and array.flags.c_contiguous
            if buffer is not None and whole and self._pending[id(buffer)] == 1 and array.nbytes:
                starts_there = array.__array_interface__["data"][0] == buffer.__array_interface__["data"][0]
                if starts_there:
                    return buffer
        return None

    def read(self, node: Node) -> None:
        """The inputs of `node` have been read once more; buffers without further use go back."""
        for source in self._sources(node):
            buffer = self._buffer[source]
            if buffer is not None:
                self._pending[id(buffer)] -= 1
                if self._pending[id(buffer)] == 0:
                    self.arena.give(buffer)

    def _sources(self, node: Node) -> tuple[Node, ...]:
        """What is read to compute `node`."""
        found = self._readings.get(node)
        return node.inputs if found is None else found.sources
