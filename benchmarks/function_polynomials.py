"""The polynomials of `nodes/erf.py` and of the native engine's inverse trigonometric functions: how they were found.

    python benchmarks/function_polynomials.py

Each goes through the function, divided by its weight, at Chebyshev's places of the interval, which is nearly the best
that a polynomial of its degree can do. Printed with its largest relative error. Needs mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp


def fitted(function: Callable[[Any], Any], low: Any, high: Any, count: int) -> list[Any]:
    """`count` coefficients, the highest power first."""
    half, middle = (mp.mpf(high) - low) / 2, (mp.mpf(high) + low) / 2
    places = [middle + half * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    powers = mp.matrix(count, count)
    for row, place in enumerate(places):
        for column in range(count):
            powers[row, column] = place ** (count - 1 - column)
    return list(mp.lu_solve(powers, mp.matrix([function(p) for p in places])))


def rest(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """(f(s) - s) / s^3 of z = s^2."""
    return lambda z: (function(mp.sqrt(z)) / mp.sqrt(z) - 1) / z


def tail(t: Any) -> Any:
    """e^(x^2) erfc(x) of t = 1 / (1 + x/2)."""
    x = 2 * (1 / t - 1)
    return mp.exp(x * x) * mp.erfc(x)


FITS = {
    "atan": (rest(mp.atan), 0, mp.tan(mp.pi / 8) ** 2, (5, 12)),
    "asin": (rest(mp.asin), 0, 0.25, (6, 14)),
    "erf near 0": (lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z), 0, 1, (7, 13)),
    "erf beyond 1": (tail, mp.mpf(1) / 4, mp.mpf(2) / 3, (9, 18)),
}
"""For each function: what is fitted, where, and by how many coefficients in float32 and in float64."""


def main() -> None:
    """Print all of them."""
    mp.mp.dps = 60
    for name, (function, low, high, counts) in FITS.items():
        for count in counts:
            found = fitted(function, low, high, count)
            looked = [low + (mp.mpf(high) - low) * (k + mp.mpf("0.37")) / 500 for k in range(500)]
            off = max(abs(mp.polyval(found, z) / function(z) - 1) for z in looked)
            print(f"{name}, {count} coefficients, off by {mp.nstr(off, 2)}")
            digits = 17 if count == max(counts) else 9
            print("   ", ", ".join(mp.nstr(c, digits, min_fixed=0, max_fixed=0) for c in found))


if __name__ == "__main__":
    main()
