"""Python's garbage collector, paused where a great many objects are made that are all to be kept."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def collector_paused(work: Callable[P, T]) -> Callable[P, T]:
    """Decorates a function, during which nothing is searched for garbage: nodes form no cycles, so there is none.

    On graphs of many thousand nodes the searches take as long as the work itself. No interrupt leaves the collector
    paused: between what an interrupt ends and the call of `gc.enable`, which is written in C, no other can come. (In a
    context manager it could, before its first line.)

    Examples
    --------
    >>> collector_paused(gc.isenabled)(), gc.isenabled()
    (False, True)
    """

    @wraps(work)
    def paused(*args: P.args, **kwargs: P.kwargs) -> T:
        if not gc.isenabled():
            return work(*args, **kwargs)
        try:
            gc.disable()
            return work(*args, **kwargs)
        finally:
            gc.enable()

    return paused
