"""How many threads BLAS may use: one for the many small products, all of them for a large one.

BLAS libraries wait for their threads by spinning. On products of a few microseconds that gains little on an idle
machine, and on a busy one a step of training was seen to take two hundred times as long.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

from ..threads import asked

LARGE = 1 << 25
"""From how many multiply-adds on a product is worth the threads: about half a millisecond on one core."""

_lock = threading.Lock()
_running = 0
_limiter: Any = None


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def _all_threads() -> int:
    return max((lib.num_threads for lib in _controller().lib_controllers if lib.user_api == "blas"), default=1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, BLAS works in the calling thread alone.

    The setting is one for the whole process: the first run sets it, and the last one that is still going restores it.
    """
    global _running, _limiter
    with _lock:
        if _running == 0:
            _all_threads()
            _limiter = _controller().limit(limits=1, user_api="blas")
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if _running == 0:
                _limiter.restore_original_limits()


def _forget_others() -> None:
    """In a forked process, the runs of other threads have ended."""
    global _lock, _running, _limiter
    if _running:
        _limiter.restore_original_limits()
    _lock, _running, _limiter = threading.Lock(), 0, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_others)


def all_threads() -> AbstractContextManager[Any]:
    """Inside, BLAS uses as many threads as the program was told to; else as many as when the process was started."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=asked() or _all_threads(), user_api="blas")
    return limited
