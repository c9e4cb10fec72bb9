"""`compile` and `Program`: a graph made into a flat plan that is run as often as one likes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count, repeat
from operator import setitem
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from ..graph.arguments import flag, listed, natural, positive_int
from ..graph.errors import DTypeError, FeedError, NonFiniteError, ShapeError, call_site, message
from ..graph.leaves import BatchSize, Const, Input, Param
from ..graph.listing import listed as table_of
from ..graph.node import Node
from ..show.notebook import bundle
from ..text import quoted, shown
from .backends import BACKENDS, chosen
from .feeds import Feeds, batch_of
from .numpy.bound import Bound, is_finite, no_memory
from .plan import Plan
from .profile import Profile, Row
from .threads import number_of_threads, using
from .trace import Trace, traced

Array = NDArray[Any]
_KEPT = 4
"""How many sets of buffers a program keeps: the batch sizes and threads that it served last."""


_put = cast(Callable[[Array, Any, Array], None], setitem)
_put_all = deque[None](maxlen=0).extend
"""Consumes a `map`, in one call of what is written in C: no interrupt comes between two of its writings."""


class Program:
    """A compiled graph: call it with arrays for its inputs, by name.

    Make one with `symcnn.compile`. Parameters are read at each run. Runs do not share state, so two threads
    may use one program at a time. A pickle holds the graph, with the parameters as they are then; what is loaded from
    it is compiled anew, and has parameters of its own.

    Attributes
    ----------
    plan : Plan
        The order of the computation.
    backend : str
        What runs it.
    threads : int or None
        How many threads it uses, where it was told.
    """

    def __init__(
        self, plan: Plan, single: bool, backend: str = "auto", guard: bool = False, threads: int | None = None
    ) -> None:
        self.plan = plan
        self.backend = chosen(backend)
        self.guard = guard
        self.threads = threads
        self._single = single
        self._engine = BACKENDS[self.backend]()
        self._idle: dict[tuple[int, int], Bound] = {}  # no lock guards it: a forked process might find it closed
        self._numbers = count()

    @property
    def inputs(self) -> list[Input]:
        """What must be fed. (`Plan.optional` lists what may be fed beside, for gradients.)"""
        return self.plan.inputs

    def __call__(self, feeds: Mapping[Any, Any] | None = None, /, **named: Any) -> Any:
        """Run the program.

        Parameters
        ----------
        feeds : mapping, optional
            Arrays by input name (or by `Input`).
        **named
            The same as keywords. A batch may have any number of rows.

        Returns
        -------
        list of array, or array
            A list where a list of nodes was compiled. The arrays are the caller's own.

        Raises
        ------
        FeedError, DTypeError
            For feeds that do not fit; nothing has been changed then.
        NonFiniteError
            With the NaN guard on, if a value is NaN or infinite.
        """
        arrays = self.plan.collect(feeds, named)
        self._check_writable()
        try:
            results = using(self.threads, self._run, arrays)
        except MemoryError as error:
            raise no_memory(error, self.plan.outputs[0]) from None
        return results[0] if self._single else results

    def _run(self, arrays: Feeds) -> list[Array]:
        bound = self._acquire(batch_of(arrays))  # dropped if the run fails: an interrupted one may still use it
        bound.feed(arrays)
        bound.run(update=True, guard=self.guard)
        if self.guard:
            self._check_finite(bound)
        results = self._results(bound)
        self._release(bound)
        return results

    def _check_writable(self) -> None:
        for param in self.plan.updated:
            if not param.value.flags.writeable:
                raise FeedError(message("it is to be updated, but its array cannot be written", node=param))

    def _results(self, bound: Bound) -> list[Array]:
        """Copies of the outputs; then the updates that the run has not made: one that has failed has made none."""
        outputs = self.plan.outputs
        asked = len(outputs) - len(self.plan.updated)
        results = [np.array(bound.values[node]) for node in outputs[:asked]]
        if bound.updates_parameters:
            return results
        new = [bound.values[node] for node in outputs[asked:]]
        if bound.updates_overlap:
            new = [np.array(value) for value in new]
        _put_all(map(_put, [param.value for param in self.plan.updated], repeat(...), new))
        return results

    def _acquire(self, batch: int) -> Bound:
        for key in list(self._idle):
            if key[0] == batch and (bound := self._idle.pop(key, None)) is not None:
                return bound
        return self._engine.bind(self.plan, batch)

    def _release(self, bound: Bound) -> None:
        bound.forget_feeds()
        self._idle[bound.batch, next(self._numbers)] = bound
        if len(self._idle) > _KEPT:
            for key in list(self._idle)[:-_KEPT]:
                self._idle.pop(key, None)

    def advice(self, batch: int) -> str:
        """What to declare so that more runs natively, where most of the work for `batch` rows does not; else nothing.

        Examples
        --------
        >>> import symcnn as sc
        >>> x = sc.Input("x", (None, 4))
        >>> sc.compile(sc.dense(x, 3, seed=0)).advice(32)
        ''
        """
        bound = using(self.threads, self._acquire, batch if any(None in i.shape for i in self.inputs) else 1)
        self._release(bound)
        return bound.advice()

    # The NaN guard -------------------------------------------------------------------------

    def check_finite(self, feeds: Mapping[Any, Any] | None = None, /, **named: Any) -> None:
        """Compute everything but the updates, and name the node where the first NaN or infinity arose.

        Raises
        ------
        NonFiniteError
            If an output is NaN or infinite.
        """
        arrays = self.plan.collect(feeds, named)
        using(self.threads, self._run_checked, arrays)

    def _run_checked(self, arrays: Feeds) -> None:
        bound = self._engine.bind(self.plan, batch_of(arrays))
        bound.feed(arrays)
        bound.run()
        self._check_finite(bound)

    def _check_finite(self, bound: Bound) -> None:
        if bound.all_finite():
            return
        with np.errstate(all="ignore"):
            broken = bound.broken_nodes()
        node = next((o for o in self.plan.outputs if o in broken), None)
        if node is None:  # another engine, which rounds in another way, has found the values on the way finite
            node = next(o for o in self.plan.outputs if not is_finite(bound.values[o]))
            raise NonFiniteError(message("computed NaN or infinity", f"it is a {node.spec}", node=node))
        while node is not None:
            source = next((i for i in node.inputs if i in broken), None)
            if source is None:
                raise NonFiniteError(message(*_blame(node, bound), node=node))
            node = source

    # Looking inside ------------------------------------------------------------------------

    def trace(self, feeds: Mapping[Any, Any] | None = None, /, **named: Any) -> Trace:
        """Run the program, without the updates, and keep every value on the way; NaN and infinity stop nothing.

        Parameters
        ----------
        feeds, **named
            As for a call.

        Returns
        -------
        Trace
            A mapping from nodes to arrays, in the order of the run.
        """
        arrays = self.plan.collect(feeds, named)
        return using(self.threads, self._traced, arrays)

    def _traced(self, arrays: Feeds) -> Trace:
        with np.errstate(all="ignore"):
            bound = self._acquire(batch_of(arrays))
            bound.feed(arrays)
            trace = traced(bound)
        self._release(bound)
        return trace

    def profile(self, feeds: Mapping[Any, Any] | None = None, /, *, runs: int = 10, **named: Any) -> Profile:
        """Time each node over some runs, without the updates.

        Parameters
        ----------
        feeds, **named
            As for a call.
        runs : int
            The fastest of so many runs counts, node by node.

        Returns
        -------
        Profile
            Prints as a table: node, milliseconds, share, bytes. With the native backend, a row is a loop nest, one
            thread runs them, and what has no array of its own has no bytes; each nest has its GFLOP/s and their share
            of what one thread of this machine can do, which is measured.
        """
        return using(self.threads, self._profiled, feeds, named, positive_int(runs, "profile: runs"))

    def _profiled(self, feeds: Mapping[Any, Any] | None, named: dict[str, Any], runs: int) -> Profile:
        arrays = self.plan.collect(feeds, named)
        with np.errstate(all="ignore"):
            bound = self._acquire(batch_of(arrays))
            bound.feed(arrays)
            times = [bound.times() for _ in range(runs)]
            peak = bound.peak()
            outside = None if peak is None else min(self._seconds_outside(bound, feeds, named) for _ in range(runs))
        sizes = {node: value.nbytes for node, value in bound.values.items()}  # lanes are not among them
        rows = [
            Row(node, min(run[n][2] for run in times), 0 if nest and nest.is_job else sizes.get(node, 0), kernel, nest)
            for n, ((node, kernel, _), nest) in enumerate(zip(times[0], bound.nests(), strict=True))
        ]
        self._release(bound)
        return Profile(rows, bound.nbytes, self.backend, bound.batch, peak, outside)

    def _seconds_outside(self, bound: Bound, feeds: Mapping[Any, Any] | None, named: dict[str, Any]) -> float:
        """What a run takes beside its calls: to check and copy the feeds, and to copy the results."""
        start = time.perf_counter()
        bound.feed(self.plan.collect(feeds, named))
        if self.guard:
            bound.all_finite()
        _ = [np.array(bound.values[node]) for node in self.plan.outputs]
        return time.perf_counter() - start

    def report(self, batch: int = 1, loops: bool = False) -> str:
        """The plan as text: each computed node, what computes it, its shape, and the memory of all.

        Parameters
        ----------
        batch : int
            For how many rows.
        loops : bool
            Show the loops, too, which the native backend has written: each function in the loop language.

        Returns
        -------
        str
            With the native backend: each nest of loops, with the nodes that are computed within it, and for what is
            left to NumPy the reason.
        """
        bound = using(self.threads, self._engine.bind, self.plan, natural(batch, "report: batch"))
        steps = f"{len(bound.calls)} step{'s' * (len(bound.calls) != 1)}"
        head = f"backend {self.backend}, batch {batch}: {steps}, {bound.nbytes:,} bytes of buffers"
        return "\n".join([head, *bound.describe(loops)])

    def __reduce__(self) -> Any:
        return type(self), (self.plan, self._single, self.backend, self.guard, self.threads)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The plan as a table."""
        return bundle(self, "text/html", lambda: table_of(self.plan.order, repr(self)).html)

    def __repr__(self) -> str:
        takes = ", ".join(f"{shown(i.name)} {i.shape}" for i in self.inputs)
        return f"Program({takes} -> {len(self.plan.asked) - len(self.plan.updated)} outputs, backend={self.backend!r})"


def _blame(node: Node, bound: Bound) -> tuple[str, ...]:
    value = np.asarray(bound.values[node]) if isinstance(node, Input | Param | Const) else None
    if isinstance(node, Input):
        return "the array that was fed has NaN or infinite numbers", _first_bad(value)
    if isinstance(node, Param | Const):
        return "its value has NaN or infinite numbers", _first_bad(value)
    sources = ", ".join(i.label for i in node.inputs if not isinstance(i, BatchSize))
    return "computed NaN or infinity from finite numbers", f"it is a {node.spec} computed from {sources}"


def _first_bad(value: Array | None) -> str:
    assert value is not None
    place = np.unravel_index(int(np.argmax(~np.isfinite(value))), value.shape) if value.ndim else ()
    return f"the first one is at {tuple(int(i) for i in place)}: {value[place]}"


@overload
def compile(
    outputs: Node,
    *,
    updates: Mapping[Param, Node] | None = None,
    backend: str = "auto",
    guard: bool = False,
    threads: int | None = None,
) -> Program: ...
@overload
def compile(
    outputs: Sequence[Node],
    *,
    updates: Mapping[Param, Node] | None = None,
    backend: str = "auto",
    guard: bool = False,
    threads: int | None = None,
) -> Program: ...
def compile(
    outputs: Node | Sequence[Node],
    *,
    updates: Mapping[Param, Node] | None = None,
    backend: str = "auto",
    guard: bool = False,
    threads: int | None = None,
) -> Program:
    """Make a program that computes `outputs`.

    Parameters
    ----------
    outputs : Node, or list of Node
        Of one node the program returns one array, of a list a list.
    updates : {Param: Node}, optional
        New values that parameters take at the end of each run: how a training step writes its result.
    backend : "auto", "numpy" or "native"
        What runs the program. "native" compiles it to machine code when it is first run, and keeps that in the user's
        cache folder; what it has no loops for is computed by NumPy: see `Program.report`. "numpy" computes everything
        so. "auto" is what the environment variable SYMCNN_BACKEND says, else "native" (where llvmlite is missing,
        "numpy").
    guard : bool
        Check each run's outputs, and stop at a NaN or infinity with the node that made it first.
    threads : int, optional
        How many threads a run uses: SYMCNN_THREADS unless told, else as many as the process may use processors. With
        the native backend, the bits of the result depend on this number alone, not on who computes what; by NumPy,
        large convolutions and products are divided.

    Raises
    ------
    GraphError
        If two inputs share a name.
    DTypeError, ArgumentError
        For outputs that are no nodes, a backend that there is not, and a number of threads that cannot be.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 2))
    >>> f = sc.compile([x + 1, sc.sum(x)])
    >>> f(x=[[1, 2]])
    [array([[2., 3.]], dtype=float32), array(3., dtype=float32)]
    """
    single = isinstance(outputs, Node)
    nodes = [outputs] if isinstance(outputs, Node) else _as_list(outputs)
    new = _as_updates(updates)
    return Program(Plan.of(nodes, new), single, backend, flag(guard, "guard"), number_of_threads(threads, "threads"))


def _as_list(outputs: Any) -> list[Node]:
    wrong = outputs
    if (nodes := listed(outputs)) is not None:
        strangers = [n for n in nodes if not isinstance(n, Node)]
        if not strangers:
            return nodes
        wrong = strangers[0]
    raise DTypeError(message(f"compile takes a node or a list of nodes, got {quoted(wrong)}", site=call_site()))


def _as_updates(updates: Any) -> dict[Param, Node]:
    """The updates, each of its parameter's shape and dtype."""
    new = {} if updates is None else updates
    if not isinstance(new, Mapping) or not all(isinstance(p, Param) and isinstance(v, Node) for p, v in new.items()):
        raise DTypeError(message(f"updates are {{Param: Node}}, got {quoted(updates)}", site=call_site()))
    for param, value in new.items():
        if param.spec != value.spec:
            problem = f"its update {value.label} is {value.spec}; expected {param.spec}"
            raise ShapeError(message(problem, f"the update was {value.site}", node=param))
    return dict(new)
