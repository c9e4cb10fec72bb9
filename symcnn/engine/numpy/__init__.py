"""The NumPy engine: each node by its own forward rule, or by a faster kernel registered for its type.

It is the readable reference for every other engine.
"""

from __future__ import annotations

from ..plan import Plan
from . import convolve, moves, pooling, sums, ufuncs  # noqa: F401  (each registers its kernels)
from .bound import Bound, bind


class NumpyBackend:
    """Plans bound to NumPy buffers."""

    name = "numpy"

    def bind(self, plan: Plan, batch: int) -> Bound:
        """The plan over buffers for a batch of `batch` rows."""
        return bind(plan, batch)
