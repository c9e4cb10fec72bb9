"""How many threads compute: what a program was asked to use, else SYMCNN_THREADS, else the processors there are."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import cache
from typing import Any, TypeVar

from ..graph.arguments import positive_int
from ..graph.errors import ArgumentError, call_site, message
from ..text import quoted

T = TypeVar("T")

MOST = 1024
"""More threads than any machine here has processors: beyond, a number is a mistake."""

_ASKED: ContextVar[int | None] = ContextVar("symcnn_threads", default=None)


def size() -> int:
    """How many threads work together here: at least 1."""
    return asked() or _by_default()


def asked() -> int | None:
    """The `threads=` of the program that runs here, if it has one."""
    return _ASKED.get()


def _by_default() -> int:
    given = os.environ.get("SYMCNN_THREADS")
    return _number(given) if given else _processors()


@cache
def _number(given: str) -> int:
    """What SYMCNN_THREADS says."""
    what = "the environment variable SYMCNN_THREADS"
    if given.strip().isascii() and given.strip().isdigit() and len(given) < 20:
        return number_of_threads(int(given), what) or 1
    raise ArgumentError(message(f"{what} is {quoted(given)}; it must be a whole number", site=call_site()))


@cache
def _processors() -> int:
    """How many processors this process may use; asked once: a step of one image does not take much longer."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def using(threads: int | None, work: Callable[..., T], *args: Any) -> T:
    """What `work` returns if so many threads work together; with None, as many as outside.

    It runs in a context of its own: wherever an interrupt ends it, neither this setting nor one of NumPy's
    (``np.errstate``) is left behind.

    Examples
    --------
    >>> using(3, size)
    3
    """
    context = copy_context()
    if threads is not None:
        context.run(_ASKED.set, threads)
    return context.run(work, *args)


def number_of_threads(value: object, what: str) -> int | None:
    """`value` as a number of threads; None stays None.

    Raises
    ------
    DTypeError
        For anything but an integer.
    ArgumentError
        For less than 1, and for more than `MOST`.
    """
    if value is None:
        return None
    number = positive_int(value, what)
    if number > MOST:
        raise ArgumentError(message(f"{what} is {number}; it must be at most {MOST}", site=call_site()))
    return number
