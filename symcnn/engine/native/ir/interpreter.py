"""Expressions of the loop language, computed by NumPy: what a traced rule says, without machine code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .loops import BIT, BYTE, DOUBLE, FLOAT, INDEX, INT, Builder, Loop, Register, Set, Statement, Value

Array = NDArray[Any]

_DTYPES = {FLOAT: "f4", DOUBLE: "f8", INDEX: "i8", INT: "i4", "i16": "i2", BYTE: "i1", BIT: "?"}
_PLAIN: dict[str, Callable[..., Any]] = {
    "fadd": np.add,
    "fsub": np.subtract,
    "fmul": np.multiply,
    "fdiv": np.divide,
    "fneg": np.negative,
    "fabs": np.abs,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "ceil": np.ceil,
    "rint": np.rint,
    "frem": np.fmod,
    "sin": np.sin,
    "cos": np.cos,
    "total": np.sum,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "copysign": np.copysign,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "shl": np.left_shift,
    "ashr": np.right_shift,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "select": np.where,
}
_ORDERS: dict[str, Callable[..., Any]] = {
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}


def interpreted(b: Builder, given: Mapping[Value, Array]) -> dict[Value, Array]:
    """All values of a function, in order, whose loops are done once at most; `given` has what it loads.

    Examples
    --------
    >>> from symcnn.engine.native.ir.loops import POINTER, Type
    >>> b = Builder("square", {"x": POINTER})
    >>> x = b.load(b.parameters[0], 0, Type(FLOAT, 4))
    >>> y = b.binary("fmul", x, x)
    >>> interpreted(b, {x: np.array([2, 3], "float32")})[y]
    array([4., 9.], dtype=float32)
    """
    found: dict[Value, Array] = dict(given)
    held: dict[Register, Array] = {}

    def operand(part: Any) -> Any:
        if isinstance(part, Register):
            return held[part]
        if not isinstance(part, Value):
            return part
        return np.asarray(part.args[0]).astype(_DTYPES[part.type.element]) if part.op == "number" else found[part]

    def follow(body: list[Statement]) -> None:
        for statement in body:
            match statement:
                case Set(register, value):
                    held[register] = operand(value)
                case Loop(low=low, high=high) if operand(low) < operand(high):
                    follow(statement.body)
                case Value() if statement not in found:
                    found[statement] = np.asarray(_computed(statement, [operand(a) for a in statement.args]))

    with np.errstate(all="ignore"):
        follow(b.function.body)
    return found


def _computed(value: Value, parts: list[Any]) -> Any:
    op, dtype = value.op, np.dtype(_DTYPES[value.type.element])
    if op in _PLAIN:
        return _PLAIN[op](*parts)
    if op in ("fcmp", "icmp"):
        return _compared(*parts)
    match op:
        case "get":
            return parts[0]
        case "fmuladd":
            return parts[0] * parts[1] + parts[2]
        case "lshr":
            return np.right_shift(_unsigned(parts[0]), _unsigned(parts[1])).view(dtype)
        case "bitcast":
            return parts[0].view(dtype)
        case "uitofp" | "zext":
            return _unsigned(parts[0]).astype(dtype)
        case "trunc" if dtype.kind == "b":
            return (parts[0] & 1).astype(bool)
        case "sext" if parts[0].dtype.kind == "b":
            return -parts[0].astype(dtype)
        case "sitofp" | "sext" | "fpext" | "fptrunc" | "trunc":
            return parts[0].astype(dtype)
    raise NotImplementedError(op)


def _compared(how: str, a: Array, b: Array) -> Array:
    if how in _ORDERS:  # whole numbers or bits
        return np.asarray(_ORDERS[how](a, b))
    kind, order = how[0], how[1:]
    if a.dtype.kind != "f":
        return np.asarray(_ORDERS[order](*((a, b) if kind == "s" else map(_unsigned, (a, b)))))
    apart = np.isnan(a) | np.isnan(b)
    if how in ("ord", "uno"):
        return apart if how == "uno" else ~apart
    held = _ORDERS[order](a, b)
    return np.asarray(held & ~apart if kind == "o" else held | apart)


def _unsigned(a: Array) -> Array:
    return a if a.dtype == bool else a.view(f"u{a.itemsize}")
