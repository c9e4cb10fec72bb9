"""Whether there is room for LLVM: where it finds none, it ends the process."""

from __future__ import annotations

import mmap

from ....graph.errors import SizeError, message

_LEAST = 192 << 20
"""Bytes of address space that LLVM, its thread and what it makes are given at least, whatever it compiles."""
_FOR_EACH = 2000
"""And so many for each character of what it compiles: more than was measured."""

_ONLY_ADDRESSES = {
    "flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
} if hasattr(mmap, "MAP_PRIVATE") else {}  # fmt: skip
"""Nothing is reserved but addresses, which is what the limit counts."""


def check_address_space(characters: int) -> None:
    """Refuse to compile a text of so many characters where a limit (``ulimit -v``) leaves no room for it.

    Raises
    ------
    SizeError
        Which says what to do.

    Examples
    --------
    >>> check_address_space(1000)
    """
    wanted = _LEAST + _FOR_EACH * characters
    try:
        mmap.mmap(-1, wanted, **_ONLY_ADDRESSES).close()
    except (OSError, ValueError, OverflowError, MemoryError):
        problem = f"there is no room for the compiler, which may take {wanted >> 20} MiB of address space"
        hint = 'raise the limit (ulimit -v), or compute by NumPy: backend="numpy", or SYMCNN_BACKEND=numpy'
        raise SizeError(message(problem, hint)) from None
