"""The forward rule of an element-wise node type, run on stand-ins for numbers: what it does to them is written down.

So the rules of the package and those of its users become native code alike. A rule that asks for anything that has no
counterpart in the loop language is left to NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from ....graph.node import Node
from ....graph.spec import DType
from ..ir import math_functions, trigonometry
from ..ir.conversion import constant, converted, element_of_array
from ..ir.loops import BIT, DOUBLE, FLOAT, INDEX, POINTER, Builder, Type, Value
from .trial import doubt

_DTYPES: dict[str, DType] = {FLOAT: np.dtype(np.float32), DOUBLE: np.dtype(np.float64), BIT: np.dtype(bool)}


class CannotTrace(Exception):
    """The rule does something that has no counterpart here; the message says what."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        if (told := _REFUSED.get()) is not None:
            told.append(self)


_REFUSED: ContextVar[list[CannotTrace] | None] = ContextVar("_REFUSED", default=None)
"""What was refused in this trace: a rule may catch the exception and go another way."""
_MEANT_FOR_ARRAYS = {
    "an array": "array",
    "one number": "float int complex round trunc floor ceil",
    "an index": "index",
    "its length": "len",
    "its elements": "iter next getitem setitem contains reversed",
    "its text": "str repr format",
    "a copy": "reduce_ex",
    "its attributes": "dir",
}
"""What Python asks of an array, and by which special methods; a stand-in answers none of them."""


def _refusing(cls: type[Stand]) -> type[Stand]:
    """Fill in the special methods that a stand-in refuses."""

    def refusal(what: str) -> Callable[..., Any]:
        def refuse(self: Stand, *args: Any, **kwargs: Any) -> Any:
            raise CannotTrace(f"it asks for {what}")

        return refuse

    for what, names in _MEANT_FOR_ARRAYS.items():
        for name in names.split():
            setattr(cls, f"__{name}__", refusal(what))
    return cls


@_refusing
class Stand:
    """A stand-in for an array of real numbers, integers or booleans in a forward rule.

    It stands for the value of each element, and has the array's dtype; whatever else is asked of it is refused.
    """

    __slots__ = ("dtype", "value")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Value, dtype: DType | None = None) -> None:
        self.value = value
        self.dtype = dtype or _DTYPES[value.type.element]

    def _float(self, op: str, a: Any, b: Any) -> Stand:
        x, y = _number(self, a), _number(self, b)
        return Stand(self.value.builder.binary(op, x, y))

    def _bits(self, op: str, other: Any) -> Stand:
        if not isinstance(other, Stand) or other.dtype != bool or self.dtype != bool:
            raise CannotTrace("an operation of bits on numbers")
        return Stand(self.value.builder.binary(op, self.value, other.value))

    def _compare(self, how: str, other: Any) -> Stand:
        if self.dtype.kind in "iu" or (isinstance(other, Stand) and other.dtype.kind in "iu"):
            return _compared(how, self, other)
        return Stand(self.value.builder.compare(how, _number(self, self), _number(self, other)))

    def __add__(self, other: Any) -> Stand:
        return self._float("fadd", self, other)

    def __radd__(self, other: Any) -> Stand:
        return self._float("fadd", other, self)

    def __sub__(self, other: Any) -> Stand:
        return self._float("fsub", self, other)

    def __rsub__(self, other: Any) -> Stand:
        return self._float("fsub", other, self)

    def __mul__(self, other: Any) -> Stand:
        return self._float("fmul", self, other)

    def __rmul__(self, other: Any) -> Stand:
        return self._float("fmul", other, self)

    def __truediv__(self, other: Any) -> Stand:
        return self._float("fdiv", self, other)

    def __rtruediv__(self, other: Any) -> Stand:
        return self._float("fdiv", other, self)

    def __pow__(self, other: Any) -> Stand:
        return _power(self, other)

    def __rpow__(self, other: Any) -> Stand:
        return _power(Stand(_number(self, other)), self)

    def __mod__(self, other: Any) -> Stand:
        return _remainder(self, other)

    def __rmod__(self, other: Any) -> Stand:
        return _remainder(Stand(_number(self, other)), self)

    def __neg__(self) -> Stand:
        return Stand(self.value.builder.unary("fneg", _number(self, self)))

    def __pos__(self) -> Stand:
        return self

    def __abs__(self) -> Stand:
        return Stand(self.value.builder.unary("fabs", _number(self, self)))

    def __gt__(self, other: Any) -> Stand:
        return self._compare("ogt", other)

    def __ge__(self, other: Any) -> Stand:
        return self._compare("oge", other)

    def __lt__(self, other: Any) -> Stand:
        return self._compare("olt", other)

    def __le__(self, other: Any) -> Stand:
        return self._compare("ole", other)

    def __eq__(self, other: Any) -> Stand:  # type: ignore[override]
        return self._compare("oeq", other)

    def __ne__(self, other: Any) -> Stand:  # type: ignore[override]
        return self._compare("une", other)

    def __and__(self, other: Any) -> Stand:
        return self._bits("and", other)

    def __or__(self, other: Any) -> Stand:
        return self._bits("or", other)

    def __xor__(self, other: Any) -> Stand:
        return self._bits("xor", other)

    def __invert__(self) -> Stand:
        if self.dtype != bool:
            raise CannotTrace("an operation of bits on numbers")
        b = self.value.builder
        return Stand(b.binary("xor", self.value, b.integer(1, self.value.type.lanes, BIT)))

    def __bool__(self) -> bool:
        raise CannotTrace("a branch that depends on a number")

    def __getattr__(self, name: str) -> Any:
        raise CannotTrace(f"it asks for .{name}")


def _compared(how: str, a: Stand, other: Any) -> Stand:
    """A comparison of whole numbers, or with them, in the dtype that NumPy takes for it."""
    b = a.value.builder
    if type(other) is int and np.iinfo(a.dtype.name).min <= other <= np.iinfo(a.dtype.name).max:
        other = Stand(b.integer(other, a.value.type.lanes, a.value.type.element), a.dtype)
    if not isinstance(other, Stand):
        raise CannotTrace(f"a comparison of {a.dtype} with a {type(other).__name__}")
    real = next((s.dtype for s in (a, other) if s.dtype.kind == "f"), None)
    common = real if real and all(map(_is_exact, (a, other))) else np.result_type(a.dtype, other.dtype)
    if common.kind == "f" and common != real:
        raise CannotTrace(f"a comparison of {a.dtype} with {other.dtype}")
    x, y = (_as_dtype(s, common).value for s in (a, other))
    if common.kind == "f":
        return Stand(b.compare(how, x, y))
    how = how[1:]
    return Stand(b.compare(how if how in ("eq", "ne") else ("s" if common.kind == "i" else "u") + how, x, y))


def _is_exact(s: Stand) -> bool:
    """Whether a real holds it exactly: it is one, or a small whole number that is known."""
    return s.dtype.kind == "f" or (s.value.op == "number" and abs(s.value.args[0]) <= 2**24)


def _as_dtype(x: Stand, dtype: DType) -> Stand:
    """`x` as NumPy's astype has it, but for reals that would become integers, or reals of another kind."""
    b = x.value.builder
    narrows = x.dtype.kind == "f" and dtype.kind in "iu"
    if narrows or (dtype.kind == "f" and element_of_array(dtype) != b.real):
        raise CannotTrace(f"a conversion of {x.dtype} to {dtype}")
    return Stand(converted(b, x.value, x.dtype, dtype), dtype)


def _power(x: Stand, other: Any) -> Stand:
    """A power: by products or roots, where the exponent is known."""
    b, base, exponent = x.value.builder, _number(x, x), _number(x, other)
    known = exponent.args[0] if exponent.op == "number" else None
    short = None if known is None else math_functions.known_power(b, base, known)
    if short is None and b.real != FLOAT:
        raise CannotTrace(f"a power of {x.dtype} that is no small whole number or root")
    return Stand(math_functions.power(b, base, exponent) if short is None else short)


def _remainder(x: Stand, other: Any) -> Stand:
    """What NumPy's remainder is: of C's, which has the sign of x, with one more divisor where signs differ."""
    b, a, divisor = x.value.builder, _number(x, x), _number(x, other)
    zero, rest = b.number(0, a.type.lanes), b.binary("frem", a, divisor)
    other_sign = b.binary("xor", b.compare("olt", rest, zero), b.compare("olt", divisor, zero))
    signed = b.select(other_sign, b.binary("fadd", rest, divisor), rest)
    return Stand(b.select(b.compare("oeq", rest, zero), b.binary("copysign", zero, divisor), signed))


def _number(near: Stand, x: Any) -> Value:
    """x as a vector like `near`; Python's own numbers have no dtype of their own, as in NumPy."""
    if isinstance(x, Stand):
        if x.dtype.kind != "f":
            raise CannotTrace(f"arithmetic on {x.dtype}")
        return x.value
    if type(x) not in (int, float):
        raise CannotTrace(f"arithmetic with a {type(x).__name__}")
    return near.value.builder.number(x, near.value.type.lanes)


def _same(x: Any) -> Stand:
    if not isinstance(x, Stand):
        raise CannotTrace(f"a function of a {type(x).__name__}")
    return x


def _unary(make: Callable[[Builder, Value], Value]) -> Callable[[Any], Stand]:
    return lambda x: Stand(make(_same(x).value.builder, _number(_same(x), x)))


def _pair(op: str) -> Callable[[Any, Any], Stand]:
    def of(a: Any, b: Any) -> Stand:
        near = _same(a if isinstance(a, Stand) else b)
        return near._float(op, a, b)

    return of


class _Known(type):
    def __getattr__(cls, name: str) -> Any:
        raise AttributeError(f"xp.{name} has no counterpart")


class Namespace(metaclass=_Known):
    """The functions of the array API standard that a traced rule may call."""

    pi, e, inf, nan = math.pi, math.e, math.inf, math.nan
    float32 = np.dtype(np.float32)
    float64 = np.dtype(np.float64)
    bool = np.dtype(bool)
    int8, int16, int32, int64 = (np.dtype(f"i{n}") for n in (1, 2, 4, 8))
    uint8, uint16, uint32, uint64 = (np.dtype(f"u{n}") for n in (1, 2, 4, 8))
    exp = staticmethod(_unary(math_functions.exp))
    log = staticmethod(_unary(math_functions.log))
    log1p = staticmethod(_unary(math_functions.log1p))
    expm1 = staticmethod(_unary(math_functions.expm1))
    tanh = staticmethod(_unary(math_functions.tanh))
    sin = staticmethod(_unary(trigonometry.sin))
    cos = staticmethod(_unary(trigonometry.cos))
    asin = staticmethod(_unary(trigonometry.asin))
    acos = staticmethod(_unary(trigonometry.acos))
    atan = staticmethod(_unary(trigonometry.atan))
    sinh = staticmethod(_unary(trigonometry.sinh))
    cosh = staticmethod(_unary(trigonometry.cosh))
    asinh = staticmethod(_unary(trigonometry.asinh))
    abs = staticmethod(_unary(lambda b, x: b.unary("fabs", x)))
    sqrt = staticmethod(_unary(lambda b, x: b.unary("sqrt", x)))
    floor = staticmethod(_unary(lambda b, x: b.unary("floor", x)))
    ceil = staticmethod(_unary(lambda b, x: b.unary("ceil", x)))
    round = staticmethod(_unary(lambda b, x: b.unary("rint", x)))
    remainder = staticmethod(lambda a, b: _same(a) % b)
    pow = staticmethod(lambda a, b: _same(a) ** b)
    square = staticmethod(lambda x: _same(x) * x)
    negative = staticmethod(lambda x: -_same(x))
    positive = staticmethod(lambda x: _same(x))
    isnan = staticmethod(lambda x: _same(x) != x)
    maximum = staticmethod(_pair("maximum"))
    minimum = staticmethod(_pair("minimum"))
    add = staticmethod(_pair("fadd"))
    subtract = staticmethod(_pair("fsub"))
    multiply = staticmethod(_pair("fmul"))
    divide = staticmethod(_pair("fdiv"))
    logical_and = bitwise_and = staticmethod(lambda a, b: _same(a) & b)
    logical_or = bitwise_or = staticmethod(lambda a, b: _same(a) | b)
    logical_xor = bitwise_xor = staticmethod(lambda a, b: _same(a) ^ b)
    logical_not = bitwise_invert = staticmethod(lambda a: ~_same(a))

    @staticmethod
    def sign(x: Any) -> Stand:
        """-1, 0 or 1; NaN stays NaN, and -0.0 becomes 0.0, as in NumPy."""
        b, value = _same(x).value.builder, _number(_same(x), x)
        lanes = value.type.lanes
        one = b.binary("copysign", b.number(1, lanes), value)
        zero = b.number(0, lanes)
        return Stand(b.select(b.compare("une", value, zero), b.binary("fmul", one, _nan_or_one(b, value)), zero))

    @staticmethod
    def where(condition: Any, a: Any, b: Any) -> Stand:
        """The second where the first holds, else the third."""
        bits = _same(condition)
        near = next((s for s in (a, b) if isinstance(s, Stand)), None)
        if bits.dtype != bool:
            raise CannotTrace("a condition that is not boolean")
        if near is None:
            raise CannotTrace("a choice between plain numbers")
        if near.dtype == bool:
            raise CannotTrace("a choice between booleans")
        return Stand(bits.value.builder.select(bits.value, _number(near, a), _number(near, b)))

    @staticmethod
    def logaddexp(a: Any, b: Any) -> Stand:
        """log(e^a + e^b), without their overflow."""
        x, y = _same(a), _same(b)
        apart = Namespace.maximum(x, y) + Namespace.log1p(Namespace.exp(-abs(x - y)))
        return Namespace.where(x == y, x + math.log(2), apart)

    @staticmethod
    def zeros_like(x: Any) -> Stand:
        """0 everywhere."""
        return Namespace.full_like(x, 0.0)

    @staticmethod
    def ones_like(x: Any) -> Stand:
        """1 everywhere."""
        return Namespace.full_like(x, 1.0)

    @staticmethod
    def full_like(x: Any, fill: float) -> Stand:
        """The number `fill` everywhere."""
        return Stand(_number(_same(x), fill))

    @staticmethod
    def astype(x: Any, dtype: Any, *, copy: object = True) -> Stand:
        """The same numbers in another dtype; not from reals to integers."""
        return _as_dtype(_same(x), np.dtype(dtype))


def _nan_or_one(b: Builder, x: Value) -> Value:
    lanes = x.type.lanes
    return b.select(b.compare("uno", x, x), x, b.number(1, lanes))


def traced(node: Node, inputs: Sequence[Value]) -> Value:
    """What `node`'s forward rule makes of `inputs`.

    Raises
    ------
    CannotTrace
        If the rule does something else than arithmetic, comparisons and the functions of `Namespace`.
    """
    refused: list[CannotTrace] = []
    before = _REFUSED.set(refused)
    try:
        result = node.forward(Namespace, *(Stand(v, i.dtype) for v, i in zip(inputs, node.inputs, strict=True)))
    except CannotTrace:
        raise
    except Exception as error:  # whatever it is, the rule is not one that can be traced
        raise CannotTrace(f"{type(error).__name__}: {error}") from error
    finally:
        _REFUSED.reset(before)
    if refused:
        raise refused[0]
    if not isinstance(result, Stand) or result.dtype != node.dtype:
        raise CannotTrace("the rule does not return what infer promised")
    return result.value


def obstacle(node: Node, real: DType) -> str | None:
    """Why `node`'s rule cannot be traced, with numbers of the kind `real`; None where it can."""
    b, given = _trial(node, real)
    try:
        reason = doubt(node, b, given, traced(node, given))
    except CannotTrace as error:
        reason = str(error)
    return None if reason is None else f"its rule cannot be traced: {reason}"


def length(node: Node, real: DType) -> int:
    """How many steps `node`'s rule, which can be traced, takes for an element, beside reading its inputs."""
    b, given = _trial(node, real)
    traced(node, given)
    return sum(isinstance(step, Value) and step.op not in ("load", "number") for step in b.function.body)


def _trial(node: Node, real: DType) -> tuple[Builder, list[Value]]:
    """A function to be traced into, and stand-ins for the inputs."""
    b = Builder("trial", {"data": POINTER, "at": INDEX}, real=element_of_array(real))
    kinds = [Type(BIT if i.dtype == bool else element_of_array(i.dtype), 4) for i in node.inputs]
    return b, [constant(b, i, 4) or b.load(b.parameters[0], 0, k) for i, k in zip(node.inputs, kinds, strict=True)]
