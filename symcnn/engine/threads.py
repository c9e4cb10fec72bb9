"""How many threads compute: what a program was asked to use, else SYMCNN_THREADS, else the processors there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache

from ..graph.errors import ArgumentError, call_site, explain, positive_int

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
    given = os.environ.get("SYMCNN_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return min(int(given), MOST)
    return _processors()


@cache
def _processors() -> int:
    """How many processors this process may use; asked once: a step of one image does not take much longer."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def using(threads: int | None) -> AbstractContextManager[None]:
    """Inside, so many threads work together; with None, as many as outside.

    Examples
    --------
    >>> with using(3):
    ...     size()
    3
    """
    return nullcontext() if threads is None else _using(threads)


@contextmanager
def _using(threads: int) -> Iterator[None]:
    token = _ASKED.set(threads)
    try:
        yield
    finally:
        _ASKED.reset(token)


def number_of_threads(value: object, what: str) -> int | None:
    """`value` as a number of threads; None stays None.

    Raises
    ------
    DTypeError
        For what is no whole number.
    ArgumentError
        For less than 1, and for more than `MOST`.
    """
    if value is None:
        return None
    number = positive_int(value, what)
    if number > MOST:
        raise ArgumentError(explain(f"{what} is {number}; it must be at most {MOST}", site=call_site()))
    return number
