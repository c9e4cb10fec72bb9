"""How many threads BLAS may use: one for the many small products, all of them for a large one.

BLAS libraries wait for their threads by spinning. On products of a few microseconds that gains little on an idle
machine, and on a busy one a step of training was seen to take two hundred times as long.

An interrupt may come, and another thread may go on, after each call that Python makes, but not inside a call of what is
written in C, nor between a condition and the call behind it. So the setting is kept without a lock, and each way back
to it is prepared as one such call.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterable
from functools import cache, partial
from operator import call
from typing import Any, TypeVar

from ...graph.apart import load
from ..threads import asked

T = TypeVar("T")

LARGE = 1 << 25
"""From how many multiply-adds on a product is worth the threads: about half a millisecond on one core."""

_NAMES = {
    "openblas": ("openblas_get_num_threads", "openblas_set_num_threads"),
    "mkl": ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
    "blis": ("bli_thread_get_num_threads", "bli_thread_set_num_threads"),
}
_PREFIXES, _SUFFIXES = ("", "scipy_"), ("", "64_", "_64")

_runs: set[object] = set()
"""A token for each run that goes on: the first one sets the limit, the last one takes it back."""

_undo: dict[str, Callable[[], object]] = {}
"""Under "undo", as long as the limit is in force, what sets all libraries to what they had before."""

_do_all: Callable[[Iterable[object]], None] = deque[object](maxlen=0).extend
"""Consumes an iterator, in C: of a `map`, so all its calls are made."""


def _functions(library: Any) -> tuple[Callable[[], int], Callable[[int], object]]:
    """What asks a library for its number of threads, and what sets it: in C where it is known, else threadpoolctl's."""
    get, put = _NAMES.get(library.internal_api, ("", ""))
    if get and getattr(library, "threading_layer", "") != "openmp":  # there, each thread has a number of its own
        for prefix in _PREFIXES:
            for suffix in _SUFFIXES:
                if hasattr(library.dynlib, prefix + put + suffix):
                    names = prefix + get + suffix, prefix + put + suffix
                    # functions of this kind keep Python's lock
                    return (
                        ctypes.PYFUNCTYPE(ctypes.c_int)((names[0], library.dynlib)),
                        ctypes.PYFUNCTYPE(None, ctypes.c_int)((names[1], library.dynlib)),
                    )
    return library.get_num_threads, library.set_num_threads


@cache
def _libraries() -> list[tuple[Callable[[], int], Callable[[int], object]]]:
    """The BLAS libraries of this process, as functions that ask and set."""
    found = load("threadpoolctl").ThreadpoolController().lib_controllers
    return [_functions(library) for library in found if library.user_api == "blas"]


@cache
def _at_first() -> int:
    """How many threads there were when this was first asked."""
    return max((get() for get, _ in _libraries()), default=1)


def _setting(threads: int) -> list[Callable[[], object]]:
    return [partial(put, threads) for _, put in _libraries()]


def _limit(token: object) -> None:
    """Begin a run; what has been done of it, if an interrupt comes, is what its end takes back."""
    _at_first()
    _runs.add(token)  # from here on, no other run takes the limit back
    if "undo" not in _undo:
        before = [partial(put, get()) for get, put in _libraries()]
        _undo.setdefault("undo", partial(_do_all, map(call, before)))
    _do_all(map(call, _setting(1)))


def one_thread(work: Callable[..., T], *args: Any) -> T:
    """What `work` returns; meanwhile, BLAS works in the calling thread alone.

    The setting is one for the whole process: the first run sets it, and the last one that is still going restores it.
    """
    token = object()
    undo = map(call, iter(partial(_undo.pop, "undo", None), None))
    try:
        _limit(token)
        return work(*args)
    finally:
        try:
            _runs.discard(token)
        finally:
            if not _runs:
                _do_all(undo)


def all_threads(work: Callable[..., T], *args: Any) -> T:
    """What `work` returns; meanwhile, within a run, BLAS uses as many threads as the program was told to.

    Where it was not told, as many as when the process was started.
    """
    many, one = _setting(asked() or _at_first()), map(call, _setting(1))
    try:
        _do_all(map(call, many if _runs else ()))
        return work(*args)
    finally:
        if _runs:
            _do_all(one)


def _forget_others() -> None:
    """In a forked process, the runs of other threads have ended."""
    _runs.clear()
    _do_all(map(call, iter(partial(_undo.pop, "undo", None), None)))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_others)
