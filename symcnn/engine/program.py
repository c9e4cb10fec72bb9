"""`compile` and `Program`: a graph made into a flat plan that is run as often as one likes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

from ..graph.arguments import flag, listed, natural, positive_int
from ..graph.errors import ArgumentError, DTypeError, FeedError, ShapeError, call_site, message
from ..graph.leaves import Input, Param
from ..graph.listing import listed as table_of
from ..graph.locks import cached_property
from ..graph.node import Node
from ..show.notebook import bundle
from ..text import quoted, shown
from .backend import Array, Executable, NotFinite, Profiled, backend_named, chosen
from .binding import no_memory
from .feeds import Feeds, batch_of
from .plan import Plan
from .profile import Profile
from .reference import Reference
from .threads import number_of_threads, using
from .trace import Trace


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
        self._executable: Executable = backend_named(self.backend).load(plan)

    @cached_property
    def _reference(self) -> Reference:
        """The same plan by NumPy, node by node."""
        return Reference(self.plan)

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

    def _run(self, arrays: Feeds, update: bool = True, guard: bool | None = None) -> list[Array]:
        batch = batch_of(arrays)
        guard = self.guard if guard is None else guard
        try:
            return self._executable.run(arrays, batch, update=update, guard=guard)
        except NotFinite as found:
            output = found.node
        raise self._reference.blame(arrays, batch, output)

    def _check_writable(self) -> None:
        for param in self.plan.updated:
            if not param.value.flags.writeable:
                raise FeedError(message("it is to be updated, but its array cannot be written", node=param))

    def advice(self, batch: int) -> str:
        """What to declare so that more runs natively, where most of the work for `batch` rows does not; else nothing.

        Examples
        --------
        >>> import symcnn as sc
        >>> x = sc.Input("x", (None, 4))
        >>> sc.compile(sc.dense(x, 3, seed=0)).advice(32)
        ''
        """
        if not isinstance(self._executable, Profiled):
            return ""
        rows = batch if any(None in i.shape for i in self.inputs) else 1
        return using(self.threads, self._executable.advice, rows)

    # The NaN guard -------------------------------------------------------------------------

    def check_finite(self, feeds: Mapping[Any, Any] | None = None, /, **named: Any) -> None:
        """Compute everything but the updates, and name the node where the first NaN or infinity arose.

        Raises
        ------
        NonFiniteError
            If an output is NaN or infinite.
        """
        arrays = self.plan.collect(feeds, named)
        using(self.threads, self._run, arrays, False, True)

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
        return using(self.threads, self._reference.trace, arrays, batch_of(arrays))

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
        if not isinstance(self._executable, Profiled):
            raise ArgumentError(message(f"the backend {self.backend!r} has no profiles", site=call_site()))
        found = replace(self._executable.profile(arrays, batch_of(arrays), runs), backend=self.backend)
        if found.outside is None:
            return found
        return replace(found, outside=found.outside + min(self._seconds_checking(feeds, named) for _ in range(runs)))

    def _seconds_checking(self, feeds: Mapping[Any, Any] | None, named: dict[str, Any]) -> float:
        """What it takes to check the feeds."""
        start = time.perf_counter()
        self.plan.collect(feeds, named)
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
        rows = natural(batch, "report: batch")
        first, *rest = using(self.threads, self._executable.report, rows, loops) or [""]
        return "\n".join([f"backend {self.backend}, batch {rows}: {first}", *rest])

    def __reduce__(self) -> Any:
        return type(self), (self.plan, self._single, self.backend, self.guard, self.threads)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The plan as a table."""
        return bundle(self, "text/html", lambda: table_of(self.plan.order, repr(self)).html)

    def __repr__(self) -> str:
        takes = ", ".join(f"{shown(i.name)} {i.shape}" for i in self.inputs)
        return f"Program({takes} -> {len(self.plan.asked) - len(self.plan.updated)} outputs, backend={self.backend!r})"


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
    backend : "auto", "numpy", "native", or the name of one that another package brings (`symcnn.engine.backend`)
        What runs the program. "native" compiles it to machine code when it is first run, and keeps that in the user's
        cache folder; what it has no loops for is computed by NumPy: see `Program.report`. "numpy" computes everything
        so. "auto" is what the environment variable SYMCNN_BACKEND says, else "native" (where llvmlite is missing,
        "numpy").
    guard : bool
        Check each run's outputs, and stop at a NaN or infinity with the node that made it first.
    threads : int, optional
        How many threads a run uses; default: SYMCNN_THREADS, else as many as the process may use processors. With
        the native backend, the bits of the result depend on this number alone, not on who computes what; by NumPy,
        large convolutions and products are divided.

    Raises
    ------
    GraphError
        If two inputs share a name.
    DTypeError, ArgumentError
        For outputs that are not nodes, an unknown backend, and a number of threads below 1.

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
