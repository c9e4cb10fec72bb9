"""All kernels of the NumPy engine: with this module, they are registered."""

from __future__ import annotations

from . import convolve, moves, pooling, sums, ufuncs  # noqa: F401  (each registers its kernels)
from .registry import Array, Reading, Run, prepare, reading, view_of

__all__ = ["Array", "Reading", "Run", "prepare", "reading", "view_of"]
