"""A small language of loops over vectors: what it says, how it is printed, and what LLVM is told."""
