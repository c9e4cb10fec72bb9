"""The errors of the native engine's functions over every float32: 2^32 numbers each, beside NumPy's float64.

    python benchmarks/function_errors.py                      # all of them, every number: some minutes
    python benchmarks/function_errors.py --every 31 sigmoid   # one of 31

An error is told in units in the last place (ulp) of the right result; below the normal range, of the smallest number.
What must be infinite or NaN must be that, and signs must be right. Whoever exceeds its bound is listed, and the exit
status is 1.
"""

from __future__ import annotations

import argparse
import ctypes
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import symcnn as sc
from symcnn.engine.native.analysis.tracing import traced
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.ir import math_functions as functions
from symcnn.engine.native.ir import trigonometry
from symcnn.engine.native.ir.llvm import module
from symcnn.engine.native.ir.loops import DOUBLE, FLOAT, INDEX, INT, POINTER, Builder, Type, Value
from symcnn.engine.native.runtime.jit import Library

Exact = Callable[[Any], Any]


def erf(x: Any) -> Any:
    """SciPy's error function; of long doubles, e^-x^2 times a series whose terms are all positive."""
    if x.dtype == np.float64:
        from scipy.special import erf as of_doubles

        return of_doubles(x)
    size = np.minimum(np.abs(x), 7)
    total = term = size
    for n in range(1, 200):
        term = term * (2 * size * size) / (2 * n + 1)
        total = total + term
    return np.copysign(total * np.exp(-size * size) * 2 / np.sqrt(4 * np.arctan(np.ones_like(x))), x)


EXACT: dict[str, Exact] = {
    **{name: getattr(np, name) for name in ("expm1", "sin", "cos", "sinh", "cosh")},
    **{name: getattr(np, "arc" + name[1:]) for name in ("asin", "acos", "atan", "asinh")},
    "erf": erf,
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0),
}
"""The functions, by NumPy, in the kind of number that they are given."""
_INFINITE = 0x7F800000
_SMALLEST_NORMAL = 0x00800000
_AT_ONCE = 1 << 15


def written(name: str, b: Builder, x: Value) -> Value:
    """What the native engine computes for a function, or for the rule of a node type."""
    for module_of in (functions, trigonometry):
        if hasattr(module_of, name):
            value: Value = getattr(module_of, name)(b, x)
            return value
    z = sc.Input("z", (None,), "float32" if b.real == FLOAT else "float64")
    return traced(getattr(sc, name)(z), [x])


class Worst(NamedTuple):
    """The largest error of a function in ulp, at a number, of so many numbers."""

    name: str
    ulp: float
    at: float
    numbers: int
    seconds: float

    def __str__(self) -> str:
        bound = functions.ULP[self.name]
        told = f"{self.name:9} {self.ulp:6.3f} ulp near x = {self.at:.9g}, bound {bound}"
        return f"{told}; {self.numbers:,} numbers in {self.seconds:.0f} s"


class Checked:
    """A function in machine code that compares itself with what NumPy says."""

    def __init__(self, name: str, cpu: Cpu) -> None:
        self.name, self.lanes = name, cpu.lanes
        self._library = Library(module([self._function().function]), cpu, ["check"])
        kind = ctypes.CFUNCTYPE(None, *(ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p))
        self._call = kind(self._library.addresses["check"])

    def _function(self) -> Builder:
        """The largest error of the numbers with the bits first, first + every, first + 2 every, ... in each lane."""
        parameters = {"first": INDEX, "every": INDEX, "exact": POINTER, "worst": POINTER}
        b, lanes = Builder("check", parameters, exported=True), self.lanes
        first, every, exact, worst = b.parameters
        apart = b.binary("mul", b.splat(b.convert("trunc", every, INT), lanes), b.lane_numbers(lanes))
        with b.computing(DOUBLE):
            largest = b.register(b.number(0, lanes))
        with b.loop(0, _AT_ONCE, lanes) as i:
            start = b.convert("trunc", b.binary("add", first, b.binary("mul", i, every)), INT)
            x = b.convert("bitcast", b.binary("add", b.splat(start, lanes), apart), FLOAT)
            error = self._error(b, written(self.name, b, x), b.load(exact, i, Type(DOUBLE, lanes)))
            b.set(largest, b.select(b.compare("ogt", error, b.get(largest)), error, b.get(largest)))
        b.store(worst, 0, b.get(largest))
        return b

    def _error(self, b: Builder, y: Value, exact: Value) -> Value:
        """In ulp of the exact value; infinite where the sign is wrong, or one of both is infinite or NaN alone."""
        lanes = self.lanes
        rounded = b.convert("fptrunc", exact, FLOAT)
        bits, found = (b.convert("bitcast", v, INT) for v in (rounded, y))
        exponents = [b.binary("and", v, b.integer(_INFINITE, lanes)) for v in (bits, found)]
        normal = b.integer(_SMALLEST_NORMAL, lanes)
        power = b.select(b.compare("slt", exponents[0], normal), normal, exponents[0])
        with b.computing(DOUBLE):
            scale, zero, infinity = (b.number(n, lanes) for n in (2.0**23, 0, float("inf")))
        distance = b.unary("fabs", b.binary("fsub", b.convert("fpext", y, DOUBLE), exact))
        unit = b.convert("fpext", b.convert("bitcast", power, FLOAT), DOUBLE)
        error = b.binary("fdiv", b.binary("fmul", distance, scale), unit)
        special = b.binary("or", *(b.compare("eq", e, b.integer(_INFINITE, lanes)) for e in exponents))
        both_nan = b.binary("and", b.compare("uno", rounded, rounded), b.compare("uno", y, y))
        same = b.binary("or", b.compare("eq", bits, found), both_nan)
        other_sign = b.compare("slt", b.binary("xor", bits, found), b.integer(0, lanes))
        error = b.select(other_sign, infinity, error)
        return b.select(special, b.select(same, zero, infinity), error)

    def worst(self, every: int = 1) -> Worst:
        """Over one of `every` float32 numbers, at equal distances of their bits."""
        begin, found, at = time.perf_counter(), np.zeros(self.lanes), 0
        steps = np.arange(_AT_ONCE, dtype=np.uint32) * np.uint32(every)
        largest, count = 0.0, 0
        with np.errstate(all="ignore"):
            for first in range(0, 1 << 32, _AT_ONCE * every):
                bits = steps + np.uint32(first)  # the last block goes round, to numbers that were there before
                exact = EXACT[self.name](bits.view(np.float32).astype(np.float64))
                self._call(first, every, exact.ctypes.data, found.ctypes.data)
                count += _AT_ONCE
                if found.max() > largest:
                    largest, at = float(found.max()), first
        near = float(np.uint32(at).view(np.float32))
        return Worst(self.name, largest, near, min(count, 1 << 32), time.perf_counter() - begin)


def main(arguments: list[str] | None = None) -> int:
    """Look at the functions that are named; 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="functions; all unless told")
    parser.add_argument("--every", type=int, default=1, help="look at one number of so many (default: 1)")
    options = parser.parse_args(arguments)
    cpu, wrong = Cpu.host(), 0
    for name in options.names or EXACT:
        found = Checked(name, cpu).worst(options.every)
        wrong |= found.ulp > functions.ULP[name]
        print(found, flush=True)
    return int(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
