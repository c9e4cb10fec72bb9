"""`shielded`: LLVM is called where no interrupt comes, by one thread at a time, and not while the process forks.

llvmlite's objects free what LLVM has given them in several lines of Python. An interrupt (Ctrl-C) that came between two
of these would have something freed twice, or leave llvmlite's own lock closed; but interrupts come to the main thread
only. A forked process has only the thread that forked: a lock that another one had closed would stay closed for ever.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_working = threading.RLock()  # a fork that an interrupt has kept from closing it cannot open it: another thread has it

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_working.acquire, after_in_parent=_working.release, after_in_child=_working.release)


def shielded(work: Callable[[], T]) -> T:
    """What `work` returns, computed in another thread than the main one.

    An interrupt while it is waited for comes at once; the work goes on to its end, and what it returns is dropped.

    Parameters
    ----------
    work : callable
        Without parameters. What it raises is raised here.

    Examples
    --------
    >>> import threading
    >>> shielded(threading.current_thread) is threading.main_thread()
    False
    """
    returned: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            with _working:
                returned.append(work())
        except BaseException as error:
            raised.append(error)

    if threading.current_thread() is threading.main_thread():
        thread = threading.Thread(target=run, name="symcnn compiler")
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads, or Python ends
            run()
        else:
            thread.join()
    else:
        run()
    if raised:
        raise raised.pop()
    return returned.pop()
