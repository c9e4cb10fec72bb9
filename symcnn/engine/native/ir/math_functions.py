"""exp, log, log1p, tanh and powers in the loop language, with their errors in units in the last place (ulp).

Each reduces its argument to a small interval and evaluates the approximations of the Cephes library there (Moshier,
1992), polynomials for float and quotients of polynomials for double; only the exponential of doubles is Taylor's
polynomial, which needs no division. How large the errors are, and what was looked at, stands in `ULP`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .loops import BIT, DOUBLE, FLOAT, INDEX, INT, Builder, Value

ULP = {
    "exp": 1.25,
    "expm1": 2.0,
    "log": 1.0,
    "log1p": 2.5,
    "tanh": 1.5,
    "sigmoid": 2.5,
    "softplus": 3.0,
    "erf": 4.0,
    "sin": 2.0,
    "cos": 2.0,
    "asin": 2.5,
    "acos": 2.0,
    "atan": 2.0,
    "sinh": 3.0,
    "cosh": 2.5,
    "asinh": 4.0,
}
"""The bound of the error of each function, in ulp of the right result (below the normal range: of the smallest).

The rules of the types `Sigmoid`, `Softplus` and `Erf` are made of the others; sines and their kin are in
`trigonometry`. Of exp, log, tanh and sigmoid, every float32 was
looked at, with fused multiply-adds (`benchmarks/function_errors.py`): they are off by 1.010, 0.827, 1.330 and 2.402 ulp
at most. The tests look at samples: a slow one at every 31st float32 for all, others at fewer numbers, of float64,
too, and where products and sums are rounded apart. Square roots are rounded right; `logaddexp`, where terms can cancel,
has no bound in ulp.
"""
POWER_ULP, KNOWN_POWER_ULP = 0.6, 4.0
"""That of powers, and of those whose exponent is known and small; both are tested on samples."""

Coefficients = tuple[float, ...]
"""Of a polynomial, the highest power first."""


@dataclass(frozen=True)
class _Format:
    """A kind of real number: how its bits are laid out, and what is used near the middle.

    Attributes
    ----------
    whole : str
        Integers of as many bits.
    digits : int
        Bits after the point; those of the exponent are above them.
    bias : int
        What the exponent's bits say for 1.
    root : int
        The bits of sqrt(1/2).
    limits : (float, float)
        Below the first, e^x is 0; above the second, it is infinite.
    ln2 : (float, float)
        log 2 in two parts; a product of the first one with an exponent is exact.
    exp : tuple of float
        (e^r - 1 - r) / r^2.
    log, tanh : (tuple of float, tuple of float)
        (log(1 + r) - r + r^2 / 2) / r^3, and (tanh(r) - r) / r^3 by r^2: what is divided, and by what.
    """

    whole: str
    digits: int
    bias: int
    root: int
    limits: tuple[float, float]
    ln2: tuple[float, float]
    exp: Coefficients
    log: tuple[Coefficients, Coefficients]
    tanh: tuple[Coefficients, Coefficients]

    @property
    def rounder(self) -> float:
        """Added to a small number, it leaves the nearest whole number in the lowest bits."""
        return 1.5 * 2.0**self.digits


_LN2 = 0.693359375, -2.121944400546905827679e-4
_FLOAT = _Format(
    *(INT, 23, 127, 0x3F3504F3, (-104, 89), _LN2),
    (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1),
    (
        (
            *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
            *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
        ),
        (1.0,),
    ),
    ((-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1), (1.0,)),
)
_DOUBLE = _Format(
    *(INDEX, 52, 1023, 0x3FE6A09E667F3BCD, (-746, 710), _LN2),
    tuple(1 / math.factorial(n) for n in range(13, 1, -1)),  # the first power that is missing is below 1e-17
    (
        (
            *(1.01875663804580931796e-4, 4.97494994976747001425e-1, 4.70579119878881725854e0),
            *(1.44989225341610930846e1, 1.79368678507819816313e1, 7.70838733755885391666e0),
        ),
        (
            *(1.0, 1.12873587189167450590e1, 4.52279145837532221105e1),
            *(8.29875266912776603211e1, 7.11544750618563894466e1, 2.31251620126765340583e1),
        ),
    ),
    (
        (-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3),
        (1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3),
    ),
)
_FORMATS = {FLOAT: _FLOAT, DOUBLE: _DOUBLE}


def polynomial(b: Builder, x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule; the highest power comes first."""
    total = b.number(coefficients[0], x.type.lanes)
    for c in coefficients[1:]:
        total = b.fma(total, x, b.number(c, x.type.lanes))
    return total


def _quotient(b: Builder, x: Value, over: Coefficients, under: Coefficients) -> Value:
    top = polynomial(b, x, over)
    return top if under == (1.0,) else b.binary("fdiv", top, polynomial(b, x, under))


def exp(b: Builder, x: Value, doublings: int = 0) -> Value:
    """e^x = 2^k e^r with |r| at most ln(2) / 2; 2^k in two factors, so that subnormal results come out, too.

    It is 2^doublings times that much, which may be finite where e^x is not.
    """
    lanes, f = x.type.lanes, _FORMATS[x.type.element]
    low, high = (b.number(limit - doublings, lanes) for limit in f.limits)
    x = b.select(b.compare("ogt", x, high), high, x)
    x = b.select(b.compare("olt", x, low), low, x)
    k, less_1 = _without_powers_of_2(b, x)
    y = b.binary("fadd", less_1, b.number(1, lanes))
    k = b.binary("fadd", k, b.number(doublings, lanes)) if doublings else k
    # counted from `one`, the last bits of a whole number are the exponent's bits of 2 to its power
    one = b.number(f.rounder + f.bias, lanes)
    half = b.fma(k, b.number(0.5, lanes), one)
    rest = b.binary("fadd", b.binary("fsub", k, b.binary("fsub", half, one)), one)
    return b.binary("fmul", b.binary("fmul", y, _last_as_exponent(b, half)), _last_as_exponent(b, rest))


def _without_powers_of_2(b: Builder, x: Value) -> tuple[Value, Value]:
    """k and e^r - 1, where x = k log 2 + r with |r| at most ln(2) / 2."""
    lanes, f = x.type.lanes, _FORMATS[x.type.element]
    rounder = b.number(f.rounder, lanes)
    k = b.binary("fsub", b.fma(x, b.number(1.44269504088896341, lanes), rounder), rounder)
    r = b.fma(k, b.number(-f.ln2[0], lanes), x)
    r = b.fma(k, b.number(-f.ln2[1], lanes), r)
    return k, b.fma(polynomial(b, r, f.exp), b.binary("fmul", r, r), r)


def expm1(b: Builder, x: Value) -> Value:
    """e^x - 1 = 2^k (e^r - 1) + (2^k - 1), as long as 2^k is far from infinite."""
    lanes, f = x.type.lanes, _FORMATS[x.type.element]
    one, high, low = (b.number(n, lanes) for n in (1, f.digits, -2 * f.digits))
    most = b.select(b.compare("ogt", x, high), high, b.select(b.compare("olt", x, low), low, x))
    k, less_1 = _without_powers_of_2(b, most)
    power = _last_as_exponent(b, b.binary("fadd", k, b.number(f.rounder + f.bias, lanes)))
    near = b.fma(power, less_1, b.binary("fsub", power, one))
    y = b.select(b.compare("ogt", x, high), exp(b, x), near)  # where 1 is below the last digit
    return b.binary("copysign", y, x)


def _last_as_exponent(b: Builder, x: Value) -> Value:
    """The number whose exponent's bits are the last ones of x."""
    f = _FORMATS[x.type.element]
    bits = b.convert("bitcast", x, f.whole)
    return b.convert("bitcast", b.binary("shl", bits, b.integer(f.digits, x.type.lanes, f.whole)), x.type.element)


def log(b: Builder, x: Value) -> Value:
    """log x = k log 2 + log m, with m from sqrt(1/2) to sqrt(2)."""
    lanes, f = x.type.lanes, _FORMATS[x.type.element]
    k, m = _exponent(b, x)
    r = b.binary("fsub", m, b.number(1, lanes))
    square = b.binary("fmul", r, r)
    y = b.binary("fmul", b.binary("fmul", _quotient(b, r, *f.log), r), square)
    y = b.fma(k, b.number(f.ln2[1], lanes), y)
    y = b.fma(square, b.number(-0.5, lanes), y)
    y = b.fma(k, b.number(f.ln2[0], lanes), b.binary("fadd", r, y))
    infinity = b.number(float("inf"), lanes)
    y = b.select(b.compare("oeq", x, infinity), x, y)
    y = b.select(b.compare("oeq", x, b.number(0, lanes)), b.number(float("-inf"), lanes), y)
    return b.select(b.compare("ult", x, b.number(0, lanes)), b.number(float("nan"), lanes), y)


def _exponent(b: Builder, x: Value) -> tuple[Value, Value]:
    """k and m with x = m 2^k and m from sqrt(1/2) to sqrt(2), of a positive number."""
    lanes, f = x.type.lanes, _FORMATS[x.type.element]

    def whole(i: int) -> Value:
        return b.integer(i, lanes, f.whole)

    tiny = b.compare("olt", x, b.number(2.0 ** (1 - f.bias), lanes))
    normal = b.select(tiny, b.binary("fmul", x, b.number(2.0**f.digits, lanes)), x)
    bits = b.convert("bitcast", normal, f.whole)
    # the exponent changes where m is sqrt(1/2); the sum may overflow for a NaN, of which nothing is used
    shifted = b.binary("add", bits, whole((f.bias << f.digits) - f.root))
    # the exponent's bits become the last ones of a number in whose unit they count
    unit = f.bias + f.digits << f.digits
    counted = b.binary("or", b.binary("lshr", shifted, whole(f.digits)), whole(unit))
    zero = 2.0**f.digits + f.bias
    below = b.select(tiny, b.number(zero + f.digits, lanes), b.number(zero, lanes))
    k = b.binary("fsub", b.convert("bitcast", counted, x.type.element), below)
    fraction = b.binary("and", shifted, whole(2**f.digits - 1))
    return k, b.convert("bitcast", b.binary("add", fraction, whole(f.root)), x.type.element)


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
    """x and a small correction near 0, else 1 - 2 / (e^2|x| + 1), with the sign of x."""
    lanes, f = x.type.lanes, _FORMATS[x.type.element]
    size = b.unary("fabs", x)
    square = b.binary("fmul", x, x)
    near = b.fma(b.binary("fmul", _quotient(b, square, *f.tanh), square), x, x)
    e = exp(b, b.binary("fadd", size, size))
    far = b.binary(
        "fsub", b.number(1, lanes), b.binary("fdiv", b.number(2, lanes), b.binary("fadd", e, b.number(1, lanes)))
    )
    y = b.select(b.compare("olt", size, b.number(0.625, lanes)), near, far)
    return b.binary("copysign", y, x)


def power(b: Builder, x: Value, y: Value) -> Value:
    """x to the power y, of floats: e^(y log |x|) in doubles, with the sign of x where y is odd.

    What is infinite, 0 or NaN is what C's pow says: it is 1 where y is 0, and NaN where x is below 0 and y not whole.
    """
    lanes = x.type.lanes
    with b.computing(DOUBLE):
        wide_x, wide_y = (b.convert("fpext", v, DOUBLE) for v in (x, y))
        wide = exp(b, b.binary("fmul", wide_y, log(b, b.unary("fabs", wide_x))))
    size = b.convert("fptrunc", wide, x.type.element)
    zero, one = b.number(0, lanes), b.number(1, lanes)
    size = b.select(b.compare("oeq", b.unary("fabs", x), one), one, size)  # though y is infinite
    whole, half = (b.compare("oeq", v, b.unary("floor", v)) for v in (y, b.binary("fmul", y, b.number(0.5, lanes))))
    odd = b.select(whole, b.select(half, zero, one), zero)
    signed = b.select(b.compare("ogt", odd, zero), b.binary("copysign", size, x), size)
    below = b.binary("and", b.compare("olt", x, zero), b.compare("ogt", x, b.number(float("-inf"), lanes)))
    real = b.select(b.binary("and", below, _no(b, whole)), b.number(float("nan"), lanes), signed)
    either = b.select(b.compare("oeq", y, zero), one, real)
    return b.select(b.compare("oeq", x, one), one, either)


def known_power(b: Builder, x: Value, y: float) -> Value | None:
    """x to a power that is known, by products, or as a root like NumPy's; None where neither will do."""
    if y == 0.5:
        return b.unary("sqrt", x)
    if y not in range(-3, 9):
        return None
    one = b.number(1, x.type.lanes)
    factor = x if y > 0 else b.binary("fdiv", one, x)
    product = one if y == 0 else factor
    for _ in range(abs(int(y)) - 1):
        product = b.binary("fmul", product, factor)
    return product


def _no(b: Builder, bits: Value) -> Value:
    return b.binary("xor", bits, b.integer(1, bits.type.lanes, BIT))
