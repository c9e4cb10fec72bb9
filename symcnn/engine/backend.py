"""The seam between programs and engines: what a backend is, which ones there are, and what all of them share.

A backend makes an executable of a plan, once; a program runs it as often as it likes. Programs keep what is the same
for every backend: they check feeds, and say where a NaN arose. Executables own their buffers.

A package may bring a backend by an entry point: in its ``pyproject.toml``,

    [project.entry-points."symcnn.backends"]
    mine = "its.module:Backend"

and ``sc.compile(J, backend="mine")`` calls ``Backend()``.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import repeat
from operator import setitem
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from numpy.typing import NDArray

from ..graph.apart import load
from ..graph.errors import ArgumentError, SizeError, call_site, message
from ..graph.leaves import Param
from ..graph.node import Node
from ..text import quoted
from .feeds import Feeds
from .plan import Plan
from .profile import Profile

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Array = NDArray[Any]


class Executable(Protocol):
    """A plan that can be run, by several threads at a time."""

    def run(self, feeds: Feeds, batch: int, *, update: bool, guard: bool) -> list[Array]:
        """Compute the outputs of the plan.

        Parameters
        ----------
        feeds : {Input: array}
            Checked, but not converted: see `symcnn.engine.feeds.copy_into`. Inputs that the plan does not read may be
            among them.
        batch : int
            The number of rows.
        update : bool
            Give the parameters in ``plan.updated`` their new values, which are the last outputs: all of them or none
            (see `write`), and after everything that can fail.
        guard : bool
            Raise `NotFinite`, and update nothing, where an output is NaN or infinite.

        Returns
        -------
        list of array
            The outputs before the new values of parameters. They are the caller's own.
        """
        ...

    def report(self, batch: int, loops: bool) -> list[str]:
        """What is done for so many rows, in lines; with `loops`, also the code that was written, where there is some.

        `Program.report` puts the name of the backend and the size of the batch in front of the first line.
        """
        ...


@runtime_checkable
class Profiled(Executable, Protocol):
    """An executable that can say where its time goes; not every one has to."""

    def profile(self, feeds: Feeds, batch: int, runs: int) -> Profile:
        """The seconds of each node, the fastest of some runs without updates."""
        ...

    def advice(self, batch: int) -> str:
        """What to declare so that it runs faster; nothing where nothing would help."""
        ...


class Backend(Protocol):
    """What makes executables of plans."""

    def load(self, plan: Plan) -> Executable:
        """The plan, ready to be run. Work that takes long may wait for the first run."""
        ...


class NotFinite(Exception):
    """An output is NaN or infinite: `node`. It stays within the package: programs say which node made it first."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.node = node


_put = cast(Callable[[Array, Any, Array], None], setitem)
_put_all = deque[None](maxlen=0).extend
"""Consumes a `map`, in one call of what is written in C: no interrupt comes between two of its writings."""


def write(params: Sequence[Param], values: Sequence[Array]) -> None:
    """Give parameters new values: all of them, or none where an interrupt comes. The values are no views of them."""
    _put_all(map(_put, [param.value for param in params], repeat(...), values))


def _native() -> Backend:
    """The native engine; what it is made of is loaded when it is first asked for."""
    try:
        load("llvmlite.binding")
    except ImportError:
        problem = "the native backend needs llvmlite, which is not installed"
        raise ArgumentError(message(problem, "pip install llvmlite", site=call_site())) from None
    except (OSError, MemoryError) as error:  # there is no room for the library
        hint = 'raise the limit of memory (ulimit -v), or compute by NumPy: backend="numpy", or SYMCNN_BACKEND=numpy'
        raise SizeError(message(f"llvmlite cannot be loaded: {error}", hint, site=call_site())) from None
    made: Backend = load("symcnn.engine.native").NativeBackend()
    return made


def _numpy() -> Backend:
    made: Backend = load("symcnn.engine.numpy.executable").NumpyBackend()
    return made


BACKENDS: dict[str, Callable[[], Backend]] = {"numpy": _numpy, "native": _native}
"""The backends of this package."""


@cache
def _installed() -> dict[str, EntryPoint]:
    """The backends of other packages."""
    from importlib.metadata import entry_points  # half as long to load as this package

    return {point.name: point for point in entry_points(group="symcnn.backends") if point.name not in BACKENDS}


def names() -> list[str]:
    """The backends that are installed, those of other packages too.

    Examples
    --------
    >>> names()[:1]
    ['numpy']
    """
    return [name for name in BACKENDS if name != "native" or find_spec("llvmlite")] + list(_installed())


def chosen(backend: str) -> str:
    """The name of the backend; "auto" stands for SYMCNN_BACKEND, else for the native one where llvmlite is there."""
    told = os.environ.get("SYMCNN_BACKEND", "") if isinstance(backend, str) and backend == "auto" else ""
    name = told or backend
    if not isinstance(name, str) or (name not in ("auto", *BACKENDS) and name not in _installed()):
        problem = f"unknown backend {quoted(name)}" + (", set by SYMCNN_BACKEND" if told else "")
        known = ", ".join(repr(b) for b in ("auto", *BACKENDS, *_installed()))
        raise ArgumentError(message(problem, f"expected one of {known}", site=call_site()))
    if name == "auto":
        return "native" if find_spec("llvmlite") else "numpy"
    return name


def backend_named(name: str) -> Backend:
    """The backend of this name, which `chosen` has checked."""
    if name in BACKENDS:
        return BACKENDS[name]()
    point = _installed()[name]
    try:
        backend: Backend = point.load()()
    except Exception as error:
        problem = f"the backend {name!r} cannot be loaded from {point.value}: {type(error).__name__}: {error}"
        raise ArgumentError(message(problem, site=call_site())) from error
    return backend
