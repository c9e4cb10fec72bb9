"""`apart`: work that nothing may cut in two is done where no interrupt comes, and not while the process forks or ends.

What is written in C and C++, such as LLVM, and what is loaded for the first time stays broken if it is left halfway.
An interrupt (Ctrl-C) comes between two lines of Python, but to the main thread only; a forked process has only the
thread that forked; and at its end, a process destroys what other threads may still be using.
"""

from __future__ import annotations

import _thread
import atexit
import importlib
import os
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

from .locks import lock, rlock

T = TypeVar("T")

LATE = 1.0
"""After how many seconds whoever waits for the work says so."""

PATIENCE = 5.0
"""For how many seconds a fork waits for imports: they may wait for the thread that forks."""

_working = rlock()
_forks = {"inside": False, "interrupted": False}
_loaded: dict[str, ModuleType] = {}


def apart(work: Callable[[], T], late: Callable[[], object] | None = None) -> T:
    """What `work` returns, computed in another thread than the main one, and by one thread at a time.

    An interrupt while it is waited for comes at once; the work goes on to its end, and what it returns is dropped. The
    process does not end before.

    Parameters
    ----------
    work : callable
        Without parameters. What it raises is raised here.
    late : callable, optional
        Called once, in the main thread, if the work takes longer than `LATE` seconds.

    Examples
    --------
    >>> import threading
    >>> apart(threading.current_thread) is threading.main_thread()
    False
    """
    returned: list[T] = []
    raised: list[BaseException] = []
    waiting = lock()
    waiting.acquire()

    def run() -> None:
        try:
            with _working:
                returned.append(work())
        except BaseException as error:
            raised.append(error)
        finally:
            waiting.release()

    if threading.current_thread() is threading.main_thread() and not _ending():
        thread = threading.Thread(target=run, name="symcnn apart", daemon=False)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads, or Python ends
            run()
        else:
            if not waiting.acquire(timeout=LATE if late else -1):
                assert late is not None
                late()
                waiting.acquire()
            thread.join()  # not before: Python 3.11 takes a thread for ended if its join is interrupted
    else:
        run()
    if raised:
        raise raised.pop()
    return returned.pop()


def load(name: str) -> ModuleType:
    """The module `name`, imported `apart`: one whose first import is interrupted may not be imported a second time.

    Examples
    --------
    >>> load("math").sqrt(4)
    2.0
    """
    if name not in _loaded:
        _loaded[name] = apart(lambda: importlib.import_module(name))
    return _loaded[name]


def _before_fork() -> None:
    """Wait for the work. An error that is raised here would be lost, so an interrupt comes after the fork."""
    _forks["inside"] = _working._is_owned()
    end = time.monotonic() + PATIENCE
    while not _working._is_owned():
        try:
            if _others_import() and time.monotonic() < end:
                time.sleep(0.001)
            else:
                _working.acquire()
        except KeyboardInterrupt:
            _forks["interrupted"] = True


def _others_import() -> bool:
    """Whether another thread is importing: in a forked process, that module would be locked for ever.

    Python tells it of itself only; where it does not, nothing is waited for.
    """
    held = getattr(getattr(importlib, "_bootstrap", None), "_module_locks", {})
    owners = {getattr(known(), "owner", None) for known in list(held.values())}
    return not owners <= {None, threading.get_ident()}


def _after_fork() -> None:
    if _working._is_owned() and not _forks["inside"]:
        _working.release()


def _after_fork_in_parent() -> None:
    interrupted, _forks["interrupted"] = _forks["interrupted"], False
    _after_fork()
    if interrupted:
        _thread.interrupt_main()


def _ending() -> bool:
    """Whether the process ends, and only the main thread may go on."""
    return _ended and bool(_working._is_owned())


_ended = False


def _end() -> None:
    """Wait for the work, however often one is interrupted; then no other thread can begin any."""
    global _ended
    while not _working._is_owned():
        try:
            _working.acquire()
        except KeyboardInterrupt:
            continue
    _ended = True


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork)
