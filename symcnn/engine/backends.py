"""The backends by name: what runs plans."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Protocol

from ..graph.apart import load
from ..graph.errors import ArgumentError, SizeError, call_site, message
from ..text import quoted
from .numpy import NumpyBackend
from .numpy.bound import Bound
from .plan import Plan


class Engine(Protocol):
    """What runs plans: it binds them to buffers for a batch size."""

    def bind(self, plan: Plan, batch: int) -> Bound:
        """The plan over buffers for a batch of `batch` rows."""
        ...


def _native() -> Engine:
    """The native engine; what it is made of is loaded when it is first asked for."""
    try:
        load("llvmlite.binding")
    except ImportError:
        problem = "the native backend needs llvmlite, which is not installed"
        raise ArgumentError(message(problem, "pip install llvmlite", site=call_site())) from None
    except (OSError, MemoryError) as error:  # there is no room for the library
        hint = 'raise the limit of memory (ulimit -v), or compute by NumPy: backend="numpy", or SYMCNN_BACKEND=numpy'
        raise SizeError(message(f"llvmlite cannot be loaded: {error}", hint, site=call_site())) from None
    load("symcnn.engine.native")
    from .native import NativeBackend

    return NativeBackend()


BACKENDS: dict[str, Callable[[], Engine]] = {"numpy": NumpyBackend, "native": _native}


def chosen(backend: str) -> str:
    """The name of the backend; "auto" stands for SYMCNN_BACKEND, else for the native one where llvmlite is there."""
    told = os.environ.get("SYMCNN_BACKEND", "") if isinstance(backend, str) and backend == "auto" else ""
    name = told or backend
    if not isinstance(name, str) or name not in ("auto", *BACKENDS):
        problem = f"there is no backend {quoted(name)}" + (", which SYMCNN_BACKEND names" if told else "")
        known = ", ".join(repr(b) for b in ("auto", *BACKENDS))
        raise ArgumentError(message(problem, f"there are {known}", site=call_site()))
    if name == "auto":
        return "native" if find_spec("llvmlite") else "numpy"
    return name
