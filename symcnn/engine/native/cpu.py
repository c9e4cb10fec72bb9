"""What the processor offers: lanes and registers for vectors, threads, and the name under which objects are kept."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from .loops import FLOAT, SIZES


@dataclass(frozen=True)
class Cpu:
    """A processor as the compiler sees it.

    Attributes
    ----------
    name, features : str
        As LLVM calls them.
    lanes : int
        How many numbers a vector register holds.
    registers : int
        How many vector registers there are.
    real : "float" or "double"
        The kind of these numbers.

    Examples
    --------
    >>> Cpu.of("haswell", "+avx2,+fma").lanes, Cpu.of("generic", "").lanes
    (8, 4)
    """

    name: str
    features: str
    lanes: int
    registers: int
    real: str = FLOAT

    @classmethod
    def of(cls, name: str, features: str) -> Cpu:
        """The processor with these features: a text like "+avx2,-avx512f"."""
        has = {f[1:] for f in features.split(",") if f.startswith("+")}
        if "avx512f" in has:
            return cls(name, features, 16, 32)
        if "avx2" in has and "fma" in has:
            return cls(name, features, 8, 16)
        return cls(name, features, 4, 32 if "neon" in has else 16)

    def computing(self, real: str) -> Cpu:
        """The same processor for numbers of the kind `real`.

        Examples
        --------
        >>> Cpu.of("haswell", "+avx2,+fma").computing("double").lanes
        4
        """
        return replace(self, real=real, lanes=self.lanes * SIZES[self.real] // SIZES[real])

    @classmethod
    def host(cls) -> Cpu:
        """The processor of this machine."""
        import llvmlite.binding as llvm

        return cls.of(llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())


def cache_folder() -> str:
    """Where compiled objects are kept: SYMCNN_CACHE, else the user's own cache folder."""
    given = os.environ.get("SYMCNN_CACHE")
    if given:
        return given
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "symcnn")
