"""`shielded`: LLVM is called where no interrupt comes, by one thread at a time, not while the process forks or ends.

llvmlite's objects free what LLVM has given them in several lines of Python. An interrupt (Ctrl-C) that came between two
of these would have something freed twice, or leave llvmlite's own lock closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ...graph.apart import apart

T = TypeVar("T")


def shielded(work: Callable[[], T], late: Callable[[], object] | None = None) -> T:
    """What `work` returns, computed apart.

    Parameters
    ----------
    work : callable
        Without parameters. What it raises is raised here.
    late : callable, optional
        Called once by the main thread, if it has to wait for longer than a second.

    Examples
    --------
    >>> import threading
    >>> shielded(threading.current_thread) is threading.main_thread()
    False
    """
    return apart(work, late)
