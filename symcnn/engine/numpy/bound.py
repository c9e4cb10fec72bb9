"""A plan bound to buffers for one batch size: run it by calling one prepared function after the other.

A buffer goes back to the arena after the last use of the value in it, so a program needs little more memory
than the values that are alive at once.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ...graph.algebra import BroadcastTo
from ...graph.collector import collector_paused
from ...graph.errors import FeedError, SizeError, message
from ...graph.leaves import BatchSize, Const, Input, Param
from ...graph.locks import cached_property
from ...graph.node import Node
from ...text import shown
from ..feeds import Feeds, copy_into
from ..plan import Plan
from ..profile import Nest
from .arena import Arena
from .blas import one_thread
from .registry import Array, Run, prepare, view_of


@dataclass(frozen=True, slots=True)
class Call:
    """One prepared computation: of `node`, by a "kernel", a "ufunc" or its own "rule"."""

    node: Node
    run: Run
    kernel: str


@dataclass
class Bound:
    """A plan over its buffers.

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

    @cached_property
    def updates_overlap(self) -> bool:
        """Whether a new value is in the memory of a parameter: then all are computed before any is written."""
        new = [self.values[node] for node in self.plan.outputs[-len(self.plan.updated) :]] if self.plan.updated else []
        return any(np.may_share_memory(value, p.value) for value in new for p in self.plan.updated)

    def all_finite(self) -> bool:
        """Whether no output of the last run has a NaN or an infinity."""
        return all(is_finite(self.values[node]) for node in self.plan.outputs)

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

    @property
    def updates_parameters(self) -> bool:
        """Whether a run that is told so writes the new values into the parameters by itself."""
        return False

    def feed(self, feeds: Feeds) -> None:
        """Arrays for the inputs."""
        for node, value in feeds.items():
            if node in self.values:
                copy_into(self.values[node], node, value)

    def forget_feeds(self) -> None:
        """The callers' arrays are not held any longer: here, they are copied."""

    def run(self, update: bool = False, guard: bool = False) -> None:
        """Compute all values once.

        With `update`, also the parameters' new values are written, if `updates_parameters`; with `guard`, only if
        no output is NaN or infinite. Values follow IEEE 754, and NumPy does not warn of overflow and the like.
        """
        one_thread(self._compute)

    def _compute(self) -> None:
        with np.errstate(all="ignore"):
            for call in self.calls:
                try:
                    call.run()
                except MemoryError as error:
                    raise no_memory(error, call.node) from None

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

    def visits(self) -> Iterator[tuple[Node, Array]]:
        """Compute all values once: each node and its value, whose buffer may be used again after that."""
        calls = iter(self.calls)
        call = next(calls, None)
        for node in self.plan.order:
            while call is not None and call.node is node:
                call.run()
                call = next(calls, None)
            yield node, self.values[node]

    def broken_nodes(self) -> set[Node]:
        """Compute all values once, and tell which nodes have NaN or infinite ones."""
        return one_thread(lambda: {node for node, value in self.visits() if not is_finite(value)})


def no_memory(error: MemoryError, node: Node) -> MemoryError:
    """What to raise where the memory has come to its end at `node`: an error of the house stays what it is."""
    if isinstance(error, SizeError):
        return error
    told = f": {error}" if str(error) else ""
    return SizeError(message(f"there is not enough memory to compute it{told}", "feed fewer rows at a time", node=node))


def is_finite(array: Array) -> bool:
    """Whether no number is NaN or infinite; integers and booleans never are."""
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


@collector_paused
def bind(plan: Plan, batch: int) -> Bound:
    """Give every node of `plan` an array for a batch of `batch` rows, and prepare what computes it."""
    bound = Bound(plan, batch)
    storage = _Storage(plan, Arena())
    for node in plan.order:
        _bind_node(node, bound, storage)
    bound.nbytes = storage.arena.nbytes
    return bound


def _bind_node(node: Node, bound: Bound, storage: _Storage) -> None:
    shape = node.spec.bind(bound.batch)
    nbytes = math.prod(shape) * node.dtype.itemsize
    try:
        if nbytes > sys.maxsize:
            raise MemoryError
        _place(node, shape, bound, storage)
    except MemoryError:
        raise SizeError(message(f"there is no memory for its {shape} numbers, {nbytes:,} bytes", node=node)) from None
    storage.read(node)


def _place(node: Node, shape: tuple[int, ...], bound: Bound, storage: _Storage) -> None:
    """Give `node` its array: a leaf's own, a view, or one from the arena with the calls that fill it."""
    inputs = [bound.values[i] for i in node.inputs]
    known = storage.known.issuperset(node.inputs) and not isinstance(node, Param | Input)
    view = _leaf_value(node, bound.batch) if not node.inputs else _view(node, inputs, bound.batch)
    if view is not None:
        storage.share(node, owned=not node.inputs)
        bound.values[node] = view
        storage.known |= {node} if known else set()
        return
    once = known and shape == ()  # an array is computed in each run: so its memory serves others, too
    if once:
        out = np.empty(shape, node.dtype)
        storage.share(node, owned=True)
        storage.known.add(node)
    else:
        out = storage.array_for(node, inputs, shape)
    bound.values[node] = out
    calls = [] if (check := _verification(node, inputs)) is None else [Call(node, check, "verify")]
    calls.append(Call(node, *prepare(node, out, inputs)))
    if once:
        _run_now(calls)
    else:
        bound.calls += calls


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


def _verification(node: Node, inputs: list[Array]) -> Run | None:
    if type(node).verify is Node.verify:
        return None

    def check() -> None:
        try:
            node.verify(*inputs)
        except ValueError as error:
            read = ", ".join(i.label for i in node.inputs)
            raise FeedError(message(str(error), f"it reads {read}", node=node)) from None

    return check


class _Storage:
    """Which buffer each value lives in, and how many uses each buffer still has.

    Attributes
    ----------
    arena : Arena
    known : set of Node
        What has its value before the first run: constants, the batch size, and the scalars that follow from these.
    """

    def __init__(self, plan: Plan, arena: Arena) -> None:
        self.arena = arena
        self.known: set[Node] = set()
        self._uses = plan.uses
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
        for source in node.inputs:
            buffer = self._buffer[source]
            if buffer is not None:
                self._pending[id(buffer)] -= 1
                if self._pending[id(buffer)] == 0:
                    self.arena.give(buffer)
