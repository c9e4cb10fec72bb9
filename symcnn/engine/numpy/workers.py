"""A team of threads for work that NumPy does outside Python's lock: copying windows and multiplying matrices."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from ..threads import size

WORTH_BYTES = 1 << 23
"""From how many bytes of columns on the work is divided: below, waking a thread may cost more than it brings."""

_MOST = 256
"""The pool makes a thread when there is work and none is idle, so it has no more than were ever needed at a time."""

_pool: ThreadPoolExecutor | None = None


def _forget_pool() -> None:
    """A forked process has none of its parent's threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def shares(count: int, nbytes: int) -> list[tuple[int, int]]:
    """`count` items of `nbytes` in all, divided among the team: (first, last + 1) for each thread.

    Examples
    --------
    >>> shares(10, nbytes=100)
    [(0, 10)]
    """
    parts = min(size(), count) if nbytes >= WORTH_BYTES else 1
    bounds = [count * n // parts for n in range(parts + 1)]
    return list(pairwise(bounds))


def run_all(parts: Sequence[Callable[[], object]]) -> None:
    """Run all of `parts`, the first one in this thread; return when all are done."""
    waiting = [_team().submit(_silently, part) for part in parts[1:]]
    parts[0]()
    for other in waiting:
        other.result()


def _silently(part: Callable[[], object]) -> None:
    """The floating-point settings of a run do not reach other threads by themselves."""
    with np.errstate(all="ignore"):
        part()


def _team() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(_MOST, thread_name_prefix="symcnn")
    return _pool
