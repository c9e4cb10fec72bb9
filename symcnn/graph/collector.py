"""Python's garbage collector, paused where a great many objects are made that are all to be kept."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Inside, nothing is searched for garbage: nodes form no cycles, so there is none to be found.

    On graphs of many thousand nodes the searches take as long as the work itself.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
