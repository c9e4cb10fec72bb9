"""The locks of the package: all are made here, so that a forked process can open them again.

A forked process has only the thread that forked; a lock that another one had closed would stay closed for ever.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

_LOCKS: WeakSet[Any] = WeakSet()


def lock() -> threading.Lock:
    """A lock that is open in a forked process.

    Only such state may stand behind it as is whole after each line: a fork may come while another thread has closed it.
    (What a fork has to wait for is done in `apart.apart`.)
    """
    made = threading.Lock()
    _LOCKS.add(made)
    return made


def rlock() -> Any:
    """The same as `lock`, for a thread that may close it several times."""
    made = threading.RLock()
    _LOCKS.add(made)
    return made


def all_locks() -> Iterator[Any]:
    """The locks that there are now."""
    yield from list(_LOCKS)


def _renew() -> None:
    """Open what other threads had closed; what this thread has closed several times over stays its own."""
    for made in all_locks():
        if not (hasattr(made, "_is_owned") and made._is_owned()):
            made._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


if TYPE_CHECKING:
    from functools import cached_property as cached_property
else:

    class cached_property(functools.cached_property):
        """That of `functools`, without the lock which Python 3.11 holds for all instances while one value is computed.

        Two threads may compute a value at once; the first that is done gives it to both.

        Examples
        --------
        >>> class Square:
        ...     @cached_property
        ...     def area(self):
        ...         return [4]
        >>> square = Square()
        >>> square.area is square.area
        True
        """

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            return vars(instance).setdefault(self.attrname, self.func(instance))
