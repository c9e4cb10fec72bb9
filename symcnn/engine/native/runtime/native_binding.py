"""`NativeBackend`: plans bound to buffers, with native code where there are loops for it, and NumPy elsewhere."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np

from ....graph.collector import collector_paused
from ....graph.errors import SizeError, message
from ....graph.leaves import Const, Input
from ....graph.locks import cached_property, lock
from ....graph.node import Node
from ...binding import Binding, Bindings, Call, Storage, bind_node, is_finite, no_memory, unfed, verification
from ...feeds import Feeds, copy_into
from ...numpy.blas import one_thread
from ...numpy.registry import Array
from ...plan import Plan
from ...profile import Nest
from ..analysis.fusion import element_of
from ..analysis.open_batch import Opened, serving
from ..analysis.partition import elements
from ..analysis.registration import index_of, of
from ..cpu import Cpu
from ..ir.loops import SIZES
from .calls import NativeRun, Runner
from .compiled import Compiled
from .fixed_batch import FixedBatch
from .machine import machine
from .reasons import advice, report

_FEW = 16
"""Fewer images than these are computed one by one."""


class NativeBackend:
    """Plans compiled to machine code."""

    def load(self, plan: Plan) -> Bindings:
        """The plan, compiled when it is first run: once for few images and once for many."""
        return Bindings(plan, _Compiler(plan).bind)


class _Compiler:
    """A plan and what was compiled of it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._compiled: dict[bool, Compiled] = {}
        self._lock = lock()

    @cached_property
    def _opened(self) -> Opened | None:
        """The plan without its fixed number of rows, where that serves its loops."""
        return serving(self._plan)

    def bind(self, batch: int) -> Binding:
        """The plan over buffers for a batch of `batch` rows."""
        found = self._opened
        if found is None:
            return self._bound(self._plan, batch)
        return FixedBatch(self._plan, batch, self._bound(found.plan, found.rows), found)

    def _bound(self, plan: Plan, batch: int) -> NativeBinding:
        few = batch < _FEW
        compiled = self._compiled.get(few)
        if compiled is None:
            with self._lock:
                compiled = self._compiled.get(few)
                if compiled is None:
                    compiled = self._compiled[few] = Compiled.of(plan, Cpu.host(), few)
        return bind(compiled, batch)


@dataclass
class NativeBinding(Binding):
    """A compiled plan over its buffers."""

    compiled: Compiled = field(kw_only=True)
    runner: Runner = field(init=False)
    labelled: list[Node] = field(default_factory=list)
    of_shapes: list[Call] = field(default_factory=list)

    @cached_property
    def _calls_blas(self) -> bool:
        """Whether NumPy computes products, or rules that may contain some."""
        return any(c.kernel == "rule" or of(c.node).products for c in self.calls if c.kernel != "native")

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
        return {node: unfed(node, self.batch) for node in self.compiled.fed_directly}

    @cached_property
    def updates_parameters(self) -> bool:
        """Whether native code writes the new values into the parameters."""
        return bool(self.compiled.commits) and all(p.value.flags.c_contiguous for p in self.plan.updated)

    def compute(self, update: bool = False, guard: bool = False) -> None:
        """Compute all values once, and, if asked and possible, update the parameters."""
        runner = self.runner
        runner.updates, runner.guarded = update, guard
        runner.wrong_labels = runner.not_finite = False
        while self.of_shapes:  # these have always the same shapes
            self.of_shapes[-1].run()
            self.of_shapes.pop()
        if self._calls_blas:
            one_thread(self._call_all)
        else:
            self._call_all()
        if runner.wrong_labels:
            self._refuse_labels()

    def _call_all(self) -> None:
        with np.errstate(all="ignore") if self._calls_numpy else nullcontext():
            for call in self.calls:
                try:
                    call.run()
                except MemoryError as error:
                    raise no_memory(error, call.node) from None

    def _refuse_labels(self) -> None:
        for node in self.labelled:
            check = verification(node, [_seen(i, self) for i in node.inputs])
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


@collector_paused
def bind(compiled: Compiled, batch: int) -> NativeBinding:
    """A compiled plan over buffers for a batch of `batch` rows."""
    bound = NativeBinding(compiled.plan, batch, compiled=compiled)
    storage = Storage(compiled.plan.uses)
    bound.runner = Runner(compiled)
    waiting: list[int] = []
    for node in compiled.plan.order:
        if isinstance(node, Input) and node in compiled.fed_directly:
            bound.values[node] = bound._unfed[node]
            storage.share(node, owned=True)
        elif not node.inputs:
            bind_node(node, bound, storage)
    for number, stage in enumerate(compiled.partition.stages):
        if stage.kind == "numpy":
            _end_run(waiting, bound)
            for node in stage.nodes:
                bind_node(node, bound, storage)
        else:
            _bind_stage(number, bound, storage)
            waiting.append(number)
    _end_run(waiting, bound)
    bound.runner.fill(bound)
    bound.nbytes = storage.arena.nbytes + compiled.nbytes
    return bound


def _end_run(stages: list[int], bound: NativeBinding) -> None:
    """Native stages that follow each other become one call."""
    if not stages:
        return
    compiled = bound.compiled
    names = [name for number in stages for name in compiled.lowered.jobs[number]]
    last = [node for number in stages for node in compiled.results[number]][-1]
    commits = bound.updates_parameters and stages[-1] == len(compiled.partition.stages) - 1
    bound.calls.append(Call(last, NativeRun(bound.runner, last, bound.batch, names, commits), "native"))
    stages.clear()


def _bind_stage(number: int, bound: NativeBinding, storage: Storage) -> None:
    """Arrays for what a native stage computes, and what is to be seen before it runs."""
    compiled = bound.compiled
    for node in compiled.partition.stages[number].nodes:
        if of(node).labels is not None:  # native code looks at the labels
            bound.labelled.append(node)
        elif (check := verification(node, [_seen(i, bound) for i in node.inputs])) is not None:
            index = index_of(node)
            looked_at = index is not None and not isinstance(index, Const)
            (bound.calls if looked_at else bound.of_shapes).append(Call(node, check, "verify"))
    for node in compiled.results[number]:
        if node in compiled.kept:
            _keep(node, bound, storage)
            continue
        shape = node.spec.bind(bound.batch)
        try:
            bound.values[node] = storage.fresh(node, shape)
        except MemoryError:
            raise SizeError(message(f"there is no memory for its {shape} numbers", node=node)) from None


def _keep(node: Node, bound: NativeBinding, storage: Storage) -> None:
    """Memory for a value that stays in lanes: whole blocks of it."""
    blocks, element = -(-bound.batch // bound.compiled.block), element_of(node)
    nbytes = blocks * bound.compiled.block * elements(node) * SIZES[element]
    try:
        bound.runner.kept[node] = storage.arena.take(nbytes)[:nbytes]
    except MemoryError:
        raise SizeError(message(f"there is no memory for its {nbytes:,} bytes", node=node)) from None


def _seen(node: Node, bound: NativeBinding) -> Array:
    """A value as `verify` may see it: of what is kept in lanes only the shape, and that is all that is looked at."""
    return bound.values[node] if node in bound.values else unfed(node, bound.batch)
