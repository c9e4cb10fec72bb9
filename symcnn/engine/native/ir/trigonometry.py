"""Sines, hyperbolic functions and their inverses in the loop language; their errors stand in `math_functions.ULP`.

Angles are reduced in doubles, by a multiple of pi/2 that is known to 152 bits: below 1.6 million, nothing of what is
left of a float or of a double is lost. Larger angles are rare; where a vector holds one, the C library's function is
called for it, which is exact for all numbers. The polynomials are those of `benchmarks/function_polynomials.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .loops import DOUBLE, FLOAT, INDEX, Builder, Value
from .math_functions import exp, expm1, log, log1p, polynomial

_HALF_PI = (1.5707963267341256, 6.0771005063039660e-11, 2.0222662487111665e-21, 8.4784276603689e-32)
"""pi / 2 in four parts: products of the first three, of 33 bits each, with whole numbers up to 2^20 are exact."""
_LARGEST = 1.6e6
_TERMS = {FLOAT: 4, DOUBLE: 8}
"""How many terms of Taylor's series are not below the last digit, up to pi / 4."""
_REST = {FLOAT: -4.3711390001862426e-8, DOUBLE: 6.123233995736766e-17}
"""pi / 2, less what is nearest to it in that kind of number."""
_ATAN = {
    FLOAT: (-6.45192821e-2, 1.07437315e-1, -1.42639556e-1, 1.99995405e-1, -3.33333318e-1),
    DOUBLE: (
        *(1.6285756855221028e-2, -3.4570561981427747e-2, 4.5515932206265492e-2, -5.2304542706502445e-2),
        *(5.8789289978347751e-2, -6.6664248857382553e-2, 7.6922963750321424e-2, -9.0909087535008768e-2),
        *(1.1111111105155447e-1, -1.4285714285659828e-1, 1.9999999999999805e-1, -3.3333333333333333e-1),
    ),
}
"""(atan(t) - t) / t^3 by t^2, up to the tangent of pi / 8."""
_ASIN = {
    FLOAT: (3.36908472e-2, 1.71492384e-2, 3.11006627e-2, 4.45994015e-2, 7.50009454e-2, 1.66666663e-1),
    DOUBLE: (
        *(2.961201126495512e-2, -1.9241671746743041e-2, 1.9554513336123379e-2, 3.0448799094556774e-3),
        *(9.3195607947674463e-3, 9.621842970100281e-3, 1.1566459612121669e-2, 1.396378001220357e-2),
        *(1.7352816540325495e-2, 2.2372157443507222e-2, 3.038194447553234e-2, 4.4642857142551893e-2),
        *(7.5000000000001178e-2, 1.6666666666666667e-1),
    ),
}
"""(asin(s) - s) / s^3 by s^2, up to 1/2."""


def sin(b: Builder, x: Value) -> Value:
    """The sine; of 0, the same 0."""
    y = _of_angle(b, x, "sin", 0)
    return b.select(b.compare("oeq", x, b.number(0, x.type.lanes)), x, y)


def cos(b: Builder, x: Value) -> Value:
    """The cosine, which is the sine a quarter of a turn later."""
    return _of_angle(b, x, "cos", 1)


def _of_angle(b: Builder, x: Value, name: str, quarters: int) -> Value:
    """The sine of x and so many quarters of a turn."""
    lanes = x.type.lanes
    number, r = _reduced(b, x)
    number = b.binary("add", number, b.integer(quarters, lanes, INDEX))
    square = b.binary("fmul", r, r)
    signs = [(-1.0) ** n for n in range(1, _TERMS[x.type.element] + 1)]
    to_sine = [sign / math.factorial(2 * n + 3) for n, sign in enumerate(signs)]
    to_cosine = [-sign / math.factorial(2 * n + 4) for n, sign in enumerate(signs)]
    sine = b.fma(b.binary("fmul", polynomial(b, square, to_sine[::-1]), square), r, r)
    flat = b.fma(square, b.number(-0.5, lanes), b.number(1, lanes))
    cosine = b.fma(b.binary("fmul", polynomial(b, square, to_cosine[::-1]), square), square, flat)
    y = b.select(_has_bit(b, number, 1), cosine, sine)
    y = b.select(_has_bit(b, number, 2), b.unary("fneg", y), y)
    large = b.compare("ogt", b.unary("fabs", x), b.number(_LARGEST, lanes))
    return _rarely(b, large, lambda: b.unary(name, x), y)


def _reduced(b: Builder, x: Value) -> tuple[Value, Value]:
    """k in 64 bits, and x - k pi / 2, from -pi / 4 to pi / 4, where k is below 2^20."""
    lanes, element = x.type.lanes, x.type.element
    with b.computing(DOUBLE):
        wide = b.convert("fpext", x, DOUBLE) if element == FLOAT else x
        rounder = b.number(1.5 * 2.0**52, lanes)
        counted = b.fma(wide, b.number(2 / math.pi, lanes), rounder)
        k = b.binary("fsub", counted, rounder)
        for part in _HALF_PI[: 3 if element == FLOAT else 4]:
            wide = b.fma(k, b.number(-part, lanes), wide)
    return b.convert("bitcast", counted, INDEX), b.convert("fptrunc", wide, FLOAT) if element == FLOAT else wide


def _has_bit(b: Builder, number: Value, bit: int) -> Value:
    lanes = number.type.lanes
    kept = b.binary("and", number, b.integer(bit, lanes, INDEX))
    return b.compare("ne", kept, b.integer(0, lanes, INDEX))


def _rarely(b: Builder, bits: Value, other: Callable[[], Value], usual: Value) -> Value:
    """`usual`, and what `other` writes where the bits are 1: computed only where one of them is."""
    lanes = usual.type.lanes
    some = b.total(b.select(bits, b.number(1, lanes), b.number(0, lanes)))
    found = b.register(usual)
    with b.loop(0, b.convert("zext", b.compare("ogt", some, b.number(0)), INDEX)):
        b.set(found, b.select(bits, other(), b.get(found)))
    return b.get(found)


def atan(b: Builder, x: Value) -> Value:
    """pi / 2 - atan(1 / x), pi / 4 + atan((x - 1) / (x + 1)), or a polynomial near 0."""
    lanes, element = x.type.lanes, x.type.element
    one, zero, size = b.number(1, lanes), b.number(0, lanes), b.unary("fabs", x)
    far = b.compare("ogt", size, b.number(1 + math.sqrt(2), lanes))
    middle = b.compare("ogt", size, b.number(math.sqrt(2) - 1, lanes))
    above = b.select(far, b.number(-1, lanes), b.select(middle, b.binary("fsub", size, one), size))
    below = b.select(far, size, b.select(middle, b.binary("fadd", size, one), one))

    def share(of_a_half: float) -> Value:
        quarter = b.number(of_a_half / 2, lanes)
        return b.select(far, b.number(of_a_half, lanes), b.select(middle, quarter, zero))

    t = b.binary("fdiv", above, below)
    square = b.binary("fmul", t, t)
    small = b.fma(b.binary("fmul", t, square), polynomial(b, square, _ATAN[element]), share(_REST[element]))
    return b.binary("copysign", b.binary("fadd", share(math.pi / 2), b.binary("fadd", small, t)), x)


def asin(b: Builder, x: Value) -> Value:
    """A polynomial up to 1/2; beyond, pi / 2 - 2 asin(sqrt((1 - x) / 2))."""
    far, p = _near_half(b, x)
    return b.binary("copysign", b.select(far, _from_half_pi(b, b.binary("fadd", p, p)), p), x)


def acos(b: Builder, x: Value) -> Value:
    """pi / 2 - asin(x); beyond 1/2, 2 asin(sqrt((1 - x) / 2)), and the same less pi on the other side."""
    lanes = x.type.lanes
    far, p = _near_half(b, x)
    twice, half = b.binary("fadd", p, p), _from_half_pi(b, b.binary("copysign", p, x))
    left = _from_half_pi(b, b.binary("fsub", twice, b.number(math.pi / 2, lanes)))
    left = b.binary("fadd", left, b.number(_REST[x.type.element], lanes))
    return b.select(far, b.select(b.compare("olt", x, b.number(0, lanes)), left, twice), half)


def _near_half(b: Builder, x: Value) -> tuple[Value, Value]:
    """Whether |x| is beyond 1/2, and asin |x|, or there asin(sqrt((1 - |x|) / 2))."""
    lanes, size = x.type.lanes, b.unary("fabs", x)
    far = b.compare("ogt", size, b.number(0.5, lanes))
    rest = b.fma(size, b.number(-0.5, lanes), b.number(0.5, lanes))
    square = b.select(far, rest, b.binary("fmul", size, size))
    s = b.select(far, b.unary("sqrt", square), size)
    return far, b.fma(b.binary("fmul", s, square), polynomial(b, square, _ASIN[x.type.element]), s)


def _from_half_pi(b: Builder, x: Value) -> Value:
    """pi / 2 - x, to one rounding."""
    lanes = x.type.lanes
    less = b.binary("fsub", x, b.number(_REST[x.type.element], lanes))
    return b.binary("fsub", b.number(math.pi / 2, lanes), less)


def sinh(b: Builder, x: Value) -> Value:
    """(t + t / (t + 1)) / 2 with t = e^x - 1 near 0; beyond 1, e^x / 2 less 1 / 4 of its reciprocal."""
    lanes, size = x.type.lanes, b.unary("fabs", x)
    one, quarter = b.number(1, lanes), b.number(0.25, lanes)
    t = expm1(b, size)
    near = b.binary("fmul", b.number(0.5, lanes), b.binary("fadd", t, b.binary("fdiv", t, b.binary("fadd", t, one))))
    half = exp(b, size, doublings=-1)
    far = b.binary("fsub", half, b.binary("fdiv", quarter, half))
    return b.binary("copysign", b.select(b.compare("olt", size, one), near, far), x)


def cosh(b: Builder, x: Value) -> Value:
    """e^|x| / 2, and 1 / 4 of its reciprocal."""
    half = exp(b, b.unary("fabs", x), doublings=-1)
    return b.binary("fadd", half, b.binary("fdiv", b.number(0.25, x.type.lanes), half))


def asinh(b: Builder, x: Value) -> Value:
    """log(1 + |x| + x^2 / (1 + sqrt(1 + x^2))); far from 0 log(2 |x|), where 1 is below the last digit of x^2."""
    lanes, size = x.type.lanes, b.unary("fabs", x)
    one, square = b.number(1, lanes), b.binary("fmul", x, x)
    below = b.binary("fadd", one, b.unary("sqrt", b.binary("fadd", one, square)))
    near = log1p(b, b.binary("fadd", size, b.binary("fdiv", square, below)))
    far = b.binary("fadd", log(b, size), b.number(math.log(2), lanes))
    is_far = b.compare("ogt", size, b.number(2.0**14 if x.type.element == FLOAT else 2.0**28, lanes))
    return b.binary("copysign", b.select(is_far, far, near), x)
