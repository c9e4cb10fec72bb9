"""exp, log, log1p and tanh of float32 in the loop language, with their errors in units in the last place (ulp).

Each reduces its argument to a small interval and evaluates the polynomials of the Cephes library there (Moshier,
1992). The errors are tested over the whole range of float32: see `ULP`.
"""

from __future__ import annotations

from collections.abc import Sequence

from .loops import FLOAT, INT, Builder, Value

ULP = {"exp": 1.5, "log": 1.5, "log1p": 3.0, "tanh": 3.0}
"""The largest error of each function, in ulp of the right result (below float32's normal range: of the smallest)."""

_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
_TANH = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
_ROUNDER = 12582912.0
"""1.5 * 2^23: added to a small number, it leaves the nearest whole number in the lowest bits."""


def polynomial(b: Builder, x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule; the highest power comes first."""
    total = b.number(coefficients[0], x.type.lanes)
    for c in coefficients[1:]:
        total = b.fma(total, x, b.number(c, x.type.lanes))
    return total


def exp(b: Builder, x: Value) -> Value:
    """e^x = 2^k e^r with |r| at most ln(2) / 2; 2^k in two factors, so that subnormal results come out, too."""
    lanes = x.type.lanes
    x = b.select(b.compare("ogt", x, b.number(89, lanes)), b.number(89, lanes), x)
    x = b.select(b.compare("olt", x, b.number(-104, lanes)), b.number(-104, lanes), x)
    shifted = b.fma(x, b.number(1.44269504088896341, lanes), b.number(_ROUNDER, lanes))
    k = b.binary("fsub", shifted, b.number(_ROUNDER, lanes))
    r = b.fma(k, b.number(-_LN2_HIGH, lanes), x)
    r = b.fma(k, b.number(-_LN2_LOW, lanes), r)
    square = b.binary("fmul", r, r)
    y = b.binary("fadd", b.fma(polynomial(b, r, _EXP), square, r), b.number(1, lanes))
    whole = b.binary("sub", b.convert("bitcast", shifted, INT), b.integer(0x4B400000, lanes))
    half = b.binary("ashr", whole, b.integer(1, lanes))
    rest = b.binary("sub", whole, half)
    return b.binary("fmul", b.binary("fmul", y, _power_of_two(b, half)), _power_of_two(b, rest))


def _power_of_two(b: Builder, k: Value) -> Value:
    lanes = k.type.lanes
    bits = b.binary("shl", b.binary("add", k, b.integer(127, lanes)), b.integer(23, lanes))
    return b.convert("bitcast", bits, FLOAT)


def log(b: Builder, x: Value) -> Value:
    """log x = e log 2 + log m, with m from sqrt(1/2) to sqrt(2)."""
    lanes = x.type.lanes
    tiny = b.compare("olt", x, b.number(2.0**-126, lanes))
    normal = b.select(tiny, b.binary("fmul", x, b.number(2.0**23, lanes)), x)
    bits = b.convert("bitcast", normal, INT)
    # the exponent of normal / sqrt(1/2), so that what is left is from sqrt(1/2) to sqrt(2)
    e = b.binary("ashr", b.binary("sub", bits, b.integer(0x3F3504F3, lanes)), b.integer(23, lanes))
    m = b.convert("bitcast", b.binary("sub", bits, b.binary("shl", e, b.integer(23, lanes))), FLOAT)
    e = b.binary("sub", e, b.select(tiny, b.integer(23, lanes), b.integer(0, lanes)))
    k = b.convert("sitofp", e, FLOAT)
    r = b.binary("fsub", m, b.number(1, lanes))
    square = b.binary("fmul", r, r)
    y = b.binary("fmul", b.binary("fmul", polynomial(b, r, _LOG), r), square)
    y = b.fma(k, b.number(_LN2_LOW, lanes), y)
    y = b.fma(square, b.number(-0.5, lanes), y)
    y = b.fma(k, b.number(_LN2_HIGH, lanes), b.binary("fadd", r, y))
    infinity = b.number(float("inf"), lanes)
    y = b.select(b.compare("oeq", x, infinity), x, y)
    y = b.select(b.compare("oeq", x, b.number(0, lanes)), b.number(float("-inf"), lanes), y)
    return b.select(b.compare("ult", x, b.number(0, lanes)), b.number(float("nan"), lanes), y)


def log1p(b: Builder, x: Value) -> Value:
    """log(1 + x), corrected by what the sum 1 + x has lost of x."""
    lanes = x.type.lanes
    one = b.number(1, lanes)
    u = b.binary("fadd", one, x)
    kept = b.binary("fsub", u, one)
    y = b.binary("fmul", log(b, u), b.binary("fdiv", x, kept))
    y = b.select(b.compare("oeq", kept, b.number(0, lanes)), x, y)
    infinity = b.number(float("inf"), lanes)
    y = b.select(b.compare("oeq", x, b.number(-1, lanes)), b.number(float("-inf"), lanes), y)
    return b.select(b.compare("oeq", x, infinity), x, y)


def tanh(b: Builder, x: Value) -> Value:
    """A polynomial near 0, else 1 - 2 / (e^2|x| + 1), with the sign of x."""
    lanes = x.type.lanes
    size = b.unary("fabs", x)
    square = b.binary("fmul", x, x)
    near = b.fma(b.binary("fmul", polynomial(b, square, _TANH), square), x, x)
    e = exp(b, b.binary("fadd", size, size))
    far = b.binary(
        "fsub", b.number(1, lanes), b.binary("fdiv", b.number(2, lanes), b.binary("fadd", e, b.number(1, lanes)))
    )
    far = b.binary("copysign", far, x)
    return b.select(b.compare("olt", size, b.number(0.625, lanes)), near, far)
