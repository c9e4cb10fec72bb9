"""A plan bound to buffers, with native code where there are loops for it, and NumPy elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np

from ....graph.collector import collector_paused
from ....graph.errors import SizeError, message
from ....graph.leaves import Const, Input
from ....graph.locks import cached_property, lock
from ....graph.node import Node
from ....nodes.conv import Conv
from ....nodes.dense import Dense, MatMul
from ....nodes.take import Put, Take
from ...feeds import Feeds, copy_into
from ...numpy.arena import Arena
from ...numpy.blas import one_thread
from ...numpy.bound import Bound, Call, _bind_node, _Storage, _verification, bind, is_finite, no_memory
from ...numpy.registry import Array
from ...plan import Plan
from ...profile import Nest
from ..analysis.open_batch import Opened, serving
from ..analysis.partition import LABELLED
from ..analysis.reasons import advice, report
from ..cpu import Cpu
from .calls import NativeRun, Runner
from .compiled import Compiled
from .fixed_batch import FixedBound
from .machine import machine

_FEW = 16
"""Fewer images than these are computed one by one."""


class NativeBackend:
    """Plans compiled to machine code."""

    name = "native"

    def __init__(self) -> None:
        self._compiled: dict[bool, Compiled] = {}
        self._lock = lock()
        self._tried: tuple[Plan, Opened | None] | None = None

    def bind(self, plan: Plan, batch: int) -> Bound:
        """The plan over buffers for a batch of `batch` rows; compiled when that is first asked for."""
        found = self._opened(plan)
        if found is None:
            return self._bound(plan, batch)
        return FixedBound(plan, batch, self._bound(found.plan, found.rows), found)

    def _opened(self, plan: Plan) -> Opened | None:
        """The plan without its fixed number of rows, where that serves its loops."""
        if self._tried is None or self._tried[0] is not plan:
            self._tried = plan, serving(plan)
        return self._tried[1]

    def _bound(self, plan: Plan, batch: int) -> NativeBound:
        few = batch < _FEW
        compiled = self._compiled.get(few)
        if compiled is None or compiled.plan is not plan:
            with self._lock:
                compiled = self._compiled.get(few)
                if compiled is None or compiled.plan is not plan:
                    compiled = self._compiled[few] = Compiled.of(plan, Cpu.host(), few)
        return _bound(compiled, batch)


@dataclass
class NativeBound(Bound):
    """A compiled plan over its buffers."""

    compiled: Compiled = field(kw_only=True)
    runner: Runner = field(init=False)
    labelled: list[Node] = field(default_factory=list)
    of_shapes: list[Call] = field(default_factory=list)

    @cached_property
    def _calls_blas(self) -> bool:
        """Whether NumPy computes products, or rules that may contain some."""
        return any(
            c.kernel == "rule" or isinstance(c.node, Conv | Dense | MatMul) for c in self.calls if c.kernel != "native"
        )

    @cached_property
    def _calls_numpy(self) -> bool:
        """Whether NumPy computes anything, and so could warn: native code never does."""
        return any(c.kernel != "native" for c in self.calls)

    def feed(self, feeds: Feeds) -> None:
        """Arrays for the inputs: what only native code reads, and can read as it is, is not copied."""
        direct = self.compiled.fed_directly
        for node, value in feeds.items():
            if node not in direct:
                if node in self.values:
                    copy_into(self.values[node], node, value)
                continue
            flags = value.flags
            if value.dtype != node.dtype or not (flags.c_contiguous and flags.aligned):
                fit = np.empty(value.shape, node.dtype)
                copy_into(fit, node, value)
                value = fit
            self.values[node] = value
            self.runner.point(node, value)

    def forget_feeds(self) -> None:
        """The callers' arrays are not held any longer."""
        self.values |= self._unfed
        for node in self._unfed:
            self.runner.forget(node)

    @cached_property
    def _unfed(self) -> dict[Node, Array]:
        """What stands in the place of arrays that are not there yet."""
        return {node: _unfed(node, self.batch) for node in self.compiled.fed_directly}

    @cached_property
    def updates_parameters(self) -> bool:
        """Whether native code writes the new values into the parameters."""
        return bool(self.compiled.commits) and all(p.value.flags.c_contiguous for p in self.plan.updated)

    def run(self, update: bool = False, guard: bool = False) -> None:
        """Compute all values once, and, if asked and possible, update the parameters."""
        runner = self.runner
        runner.updates, runner.guarded = update, guard
        runner.wrong_labels = runner.not_finite = False
        while self.of_shapes:  # these have always the same shapes
            self.of_shapes[-1].run()
            self.of_shapes.pop()
        if self._calls_blas:
            one_thread(self._compute)
        else:
            self._compute()
        if runner.wrong_labels:
            self._refuse_labels()

    def _compute(self) -> None:
        with np.errstate(all="ignore") if self._calls_numpy else nullcontext():
            for call in self.calls:
                try:
                    call.run()
                except MemoryError as error:
                    raise no_memory(error, call.node) from None

    def _refuse_labels(self) -> None:
        for node in self.labelled:
            check = _verification(node, [_seen(i, self) for i in node.inputs])
            if check is not None:
                check()

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

    def all_finite(self) -> bool:
        """Whether no output of the last run has a NaN or an infinity; the native ones were looked at natively."""
        checked = self.compiled.checked
        rest = all(is_finite(self.values[node]) for node in self.plan.outputs if node not in checked)
        return rest and not self.runner.not_finite

    def describe(self, loops: bool) -> list[str]:
        """The stages and the loops that they have become, and what is left to NumPy, with the reason."""
        return report(self.compiled, loops)

    def advice(self) -> str:
        """What to declare so that more is computed natively, where most of the work is not; else nothing."""
        return advice(self.compiled, self.batch)

    def visits(self) -> Iterator[tuple[Node, Array]]:
        """Each node and its value, as the NumPy engine computes them: native code keeps no value that is not needed."""
        reference = bind(self.plan, self.batch)
        for node in self.plan.inputs:
            if node in reference.values:
                np.copyto(reference.values[node], self.values[node])
        yield from reference.visits()


@collector_paused
def _bound(compiled: Compiled, batch: int) -> NativeBound:
    bound = NativeBound(compiled.plan, batch, compiled=compiled)
    storage = _Storage(compiled.plan, Arena())
    bound.runner = Runner(compiled)
    waiting: list[int] = []
    for node in compiled.plan.order:
        if isinstance(node, Input) and node in compiled.fed_directly:
            bound.values[node] = bound._unfed[node]
            storage.share(node, owned=True)
        elif not node.inputs:
            _bind_node(node, bound, storage)
    for number, stage in enumerate(compiled.partition.stages):
        if stage.kind == "numpy":
            _end_run(waiting, bound)
            for node in stage.nodes:
                _bind_node(node, bound, storage)
        else:
            _bind_stage(number, bound, storage)
            waiting.append(number)
    _end_run(waiting, bound)
    bound.runner.fill(bound)
    bound.nbytes = storage.arena.nbytes + compiled.nbytes
    return bound


def _end_run(stages: list[int], bound: NativeBound) -> None:
    """Native stages that follow each other become one call."""
    if not stages:
        return
    compiled = bound.compiled
    names = [name for number in stages for name in compiled.lowered.jobs[number]]
    last = [node for number in stages for node in compiled.results[number]][-1]
    commits = bound.updates_parameters and stages[-1] == len(compiled.partition.stages) - 1
    bound.calls.append(Call(last, NativeRun(bound.runner, last, bound.batch, names, commits), "native"))
    stages.clear()


def _bind_stage(number: int, bound: NativeBound, storage: _Storage) -> None:
    """Arrays for what a native stage computes, and what is to be seen before it runs."""
    compiled = bound.compiled
    for node in compiled.partition.stages[number].nodes:
        if type(node) in LABELLED:  # native code looks at the labels
            bound.labelled.append(node)
        elif (check := _verification(node, [_seen(i, bound) for i in node.inputs])) is not None:
            looked_at = isinstance(node, Take | Put) and not isinstance(node.index, Const)
            (bound.calls if looked_at else bound.of_shapes).append(Call(node, check, "verify"))
    for node in compiled.results[number]:
        shape = node.spec.bind(bound.batch)
        try:
            bound.values[node] = storage.fresh(node, shape)
        except MemoryError:
            raise SizeError(message(f"there is no memory for its {shape} numbers", node=node)) from None


def _seen(node: Node, bound: NativeBound) -> Array:
    """A value as `verify` may see it: of what is kept in lanes only the shape, and that is all that is looked at."""
    return bound.values[node] if node in bound.values else _unfed(node, bound.batch)


def _unfed(node: Node, batch: int) -> Array:
    """An array of the value's shape that has no memory to speak of."""
    shape = node.spec.bind(batch)
    try:
        return np.broadcast_to(np.zeros((), node.dtype), shape)
    except ValueError:  # more numbers than NumPy can count
        raise SizeError(message(f"there is no memory for its {shape} numbers", node=node)) from None
