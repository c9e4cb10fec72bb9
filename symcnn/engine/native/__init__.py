"""The native engine: a compiler from the graph to machine code, with one image of the batch in each lane of a vector.

The way of a program, a file each: `partition` (per image, sum over the batch, shared), `fuse` (what is written down),
`lower` and `kernels` (loops, in the small language of `loops`: those of `convolution`, `gradient` and, with fewer
products, `pairs`; for few images, those of `pixels` and `columns`),
`shared` (what follows from the sums), `tile` (how much is kept in registers), `emit` (LLVM's language), `objects`
(compiled, and kept), `runs` (what a run needs) and `team` (threads that run it). A program has one kind of number,
float32 or float64, of which a vector holds half as many. What has no loops here is computed by the NumPy engine, at
its place in the order: `Program.report()` says what, and why.
"""

from __future__ import annotations

from .runtime.native_binding import NativeBackend

__all__ = ["NativeBackend"]
