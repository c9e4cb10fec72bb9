"""The native engine: a compiler from the graph to machine code, with one image of the batch in each lane of a vector.

Four rooms, each of which imports only from those before it: `ir` (a small language of loops, and LLVM's), `analysis`
(what is known of node types, what is computed where, what is written down), `kernels` (from nodes to loops) and
`runtime` (compiled objects, threads, and the calls of a program).

A program has one kind of number, float32 or float64, of which a vector holds half as many. What has no loops here is
computed by the NumPy engine, at its place in the order: `Program.report()` says what, and why.
"""

from __future__ import annotations

from .runtime.native_binding import NativeBackend

__all__ = ["NativeBackend"]
