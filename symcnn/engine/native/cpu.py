"""What the processor offers: lanes and registers for vectors, threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from ...graph.apart import load
from .interrupts import shielded
from .ir.loops import FLOAT, SIZES


@dataclass(frozen=True)
class Cpu:
    """A processor as the compiler sees it.

    Attributes
    ----------
    name, features, triple : str
        As LLVM calls them; the triple names the architecture, the maker and the operating system.
    lanes : int
        How many numbers a vector register holds.
    registers : int
        How many vector registers the loops may count on.
    adders : bool
        Whether it has units that add beside those that multiply and add. AMD's Zen has (its fifth was measured); of
        others it is not assumed.
    real : "float" or "double"
        The kind of these numbers.

    Examples
    --------
    >>> Cpu.of("haswell", "+avx2,+fma", "x86_64-unknown-linux-gnu").lanes
    8
    >>> Cpu.of("znver5", "+avx512f", "x86_64-unknown-linux-gnu").adders
    True
    >>> Cpu.of("neoverse-n1", "", "aarch64-unknown-linux-gnu").lanes
    4
    """

    name: str
    features: str
    triple: str
    lanes: int
    registers: int
    adders: bool = False
    real: str = FLOAT

    @classmethod
    def of(cls, name: str, features: str, triple: str | None = None) -> Cpu:
        """The processor with these features, a text like "+avx2,-avx512f"; by default of this machine's kind."""
        triple = triple or _host_triple()
        if _is_arm(triple):
            # NEON is part of the architecture. There are 32 registers, but multiply-adds cannot read memory: with all
            # of them planned for sums, the numbers on their way from there push sums out of the registers.
            return cls(name, features, triple, 4, 28)
        adders = name.startswith("znver")
        has = {f[1:] for f in features.split(",") if f.startswith("+")}
        if "avx512f" in has:
            return cls(name, features, triple, 16, 32, adders)
        if "avx2" in has and "fma" in has:
            return cls(name, features, triple, 8, 16, adders)
        return cls(name, features, triple, 4, 16, adders)

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
        return _host()

    @property
    def is_arm(self) -> bool:
        """Whether it is one of ARM's, of 64 bits."""
        return _is_arm(self.triple)

    @property
    def is_x86(self) -> bool:
        """Whether it is an x86, of 64 bits."""
        return self.triple.startswith(("x86_64", "amd64"))

    @property
    def on_windows(self) -> bool:
        """Whether its operating system is Windows."""
        return "windows" in self.triple


def _is_arm(triple: str) -> bool:
    return triple.startswith(("aarch64", "arm64"))


@cache
def _host() -> Cpu:
    """Asked once: it takes LLVM some time."""
    llvm = load("llvmlite.binding")
    return shielded(lambda: Cpu.of(llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()))


def _host_triple() -> str:
    return str(load("llvmlite.binding").get_process_triple())
