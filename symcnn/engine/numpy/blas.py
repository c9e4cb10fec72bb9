"""How many threads BLAS may use: one for the many small products, all of them for a large one.

BLAS libraries wait for their threads by spinning. On products of a few microseconds that gains little on an idle
machine, and on a busy one a step of training was seen to take two hundred times as long.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

LARGE = 1 << 25
"""From how many multiply-adds on a product is worth the threads: about half a millisecond on one core."""


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@cache
def _all_threads() -> int:
    return max((lib.num_threads for lib in _controller().lib_controllers if lib.user_api == "blas"), default=1)


def one_thread() -> AbstractContextManager[Any]:
    """Inside, BLAS works in the calling thread alone."""
    _all_threads()
    limited: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limited


def all_threads() -> AbstractContextManager[Any]:
    """Inside, BLAS uses as many threads as it did when the program was started."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=_all_threads(), user_api="blas")
    return limited
