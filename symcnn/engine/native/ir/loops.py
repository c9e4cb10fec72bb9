"""A small language of loops over vectors, between the graph and the machine: what the native engine lowers to.

A function is a list of statements: values (each computed once, where it stands), loops, stores, registers that are
set, and calls. It can be printed (`printing`), and `emit` turns it into LLVM's language. Types are a name of an
element and a number of lanes; whatever one can do with a vector, one can do with a single number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, overload

from .lane_integers import Irregular, Run

FLOAT, DOUBLE, INDEX, INT, BYTE, BIT, POINTER = "float", "double", "i64", "i32", "i8", "i1", "ptr"
SIZES = {FLOAT: 4, DOUBLE: 8, INDEX: 8, POINTER: 8, INT: 4, "i16": 2, BYTE: 1}
"""Bytes of an element in memory."""


class Type(NamedTuple):
    """Elements of a kind, `lanes` of them side by side.

    Examples
    --------
    >>> str(Type("float", 16)), str(Type("i64"))
    ('<16 x float>', 'i64')
    """

    element: str
    lanes: int = 1

    def __str__(self) -> str:
        return self.element if self.lanes == 1 else f"<{self.lanes} x {self.element}>"


class Value:
    """The result of an operation; sums and products of whole numbers can be written with Python's operators."""

    __slots__ = ("args", "builder", "op", "type")

    def __init__(self, builder: Builder, op: str, args: tuple[Any, ...], type: Type) -> None:
        self.builder, self.op, self.args, self.type = builder, op, args, type

    def __add__(self, other: Index) -> Index:
        return self.builder.index("add", self, other) if isinstance(other, Value | int) else NotImplemented

    __radd__ = __add__

    def __mul__(self, other: Index) -> Index:
        return self.builder.index("mul", self, other) if isinstance(other, Value | int) else NotImplemented

    __rmul__ = __mul__

    def __sub__(self, other: Index) -> Index:
        return self.builder.index("sub", self, other) if isinstance(other, Value | int) else NotImplemented

    def __rsub__(self, other: int) -> Index:
        return self.builder.index("sub", other, self)

    def __floordiv__(self, other: int) -> Index:
        return self.builder.quotient(self, other)[0]

    def __mod__(self, other: int) -> Index:
        return self.builder.quotient(self, other)[1]


Index = Value | int
"""A whole number: known now, or when the program runs."""
Position = Value | int | Run
"""An index, the same in all lanes or not."""


@dataclass(eq=False)
class Register:
    """A number or vector that a loop can change; it never has an address."""

    type: Type


@dataclass(frozen=True)
class Set:
    """`register` takes `value`."""

    register: Register
    value: Value


@dataclass(frozen=True)
class Store:
    """`value` is written at `pointer`, which counts in elements of `element`."""

    pointer: Value
    index: Index
    value: Value


@dataclass(frozen=True)
class Call:
    """Another function is called."""

    function: str
    args: tuple[Index, ...]


@dataclass
class Loop:
    """`body` for each `variable` from `low` to below `high`."""

    variable: Value
    low: Index
    high: Index
    step: int
    body: list[Statement] = field(default_factory=list)


Statement = Value | Loop | Store | Set | Call


@dataclass
class Function:
    """A function of pointers and whole numbers that returns nothing."""

    name: str
    parameters: list[Value]
    body: list[Statement]
    exported: bool = False
    title: str = ""


class Builder:
    """Writes a function, statement by statement.

    Parameters
    ----------
    name : str
    parameters : {str: str}
        Names and elements.
    exported : bool
        Whether it can be called from outside.
    title : str
    real : "float" or "double"
        What the function computes with: the kind of `number`.

    Examples
    --------
    >>> b = Builder("scale", {"x": POINTER, "n": INDEX})
    >>> x, n = b.parameters
    >>> with b.loop(0, n, 8) as i:
    ...     b.store(x, i, b.binary("fmul", b.load(x, i, Type(FLOAT, 8)), b.number(2, 8)))
    >>> from symcnn.engine.native.ir.printing import printed
    >>> print(printed(b.function))
    scale(x, n)
      for i0 in 0 .. n step 8
        x[i0] = fmul x[i0] 2.0 : <8 x float>
    """

    def __init__(
        self, name: str, parameters: dict[str, str], exported: bool = False, title: str = "", real: str = FLOAT
    ) -> None:
        self.real = real
        self.parameters = [Value(self, "parameter", (n,), Type(element)) for n, element in parameters.items()]
        self.function = Function(name, self.parameters, [], exported, title)
        self._into = self.function.body

    # Whole numbers ----------------------------------------------------------------------------

    def index(self, op: str, a: Index, b: Index) -> Index:
        """a + b, a - b or a * b, worked out now where that is possible."""
        if isinstance(a, int) and isinstance(b, int):
            return a + b if op == "add" else a - b if op == "sub" else a * b
        if b == 0 and op != "mul":
            return a
        if a == 0 and op == "add":
            return b
        if 0 in (a, b) and op == "mul":
            return 0
        if op == "mul" and 1 in (a, b):
            return a if b == 1 else b
        return self._value(op, (a, b), Type(INDEX))

    @overload
    def quotient(self, a: Index, by: int) -> tuple[Index, Index]: ...
    @overload
    def quotient(self, a: Position, by: int) -> tuple[Position, Index]: ...
    def quotient(self, a: Position, by: int) -> tuple[Position, Index]:
        """a // by and a % by, of a number that is not negative; known where a was made as by * q + r."""
        if isinstance(a, Run):
            return a.quotient(by)
        if isinstance(a, int):
            return a // by, a % by
        if by == 1:
            return a, 0
        if a.op == "mul" and a.args[1] == by:
            return a.args[0], 0
        if a.op == "add" and isinstance(rest := a.args[1], int) and 0 <= rest < by:
            first = a.args[0]
            if isinstance(first, Value) and first.op == "mul" and first.args[1] == by:
                return first.args[0], rest
        return self._value("udiv", (a, by), Type(INDEX)), self._value("urem", (a, by), Type(INDEX))

    def smaller(self, a: Position, b: Index) -> Index:
        """The smaller of two whole numbers."""
        if isinstance(a, Run):
            raise Irregular
        return min(a, b) if isinstance(a, int) and isinstance(b, int) else self._value("smin", (a, b), Type(INDEX))

    def larger(self, a: Position, b: Index) -> Index:
        """The larger of two whole numbers."""
        if isinstance(a, Run):
            raise Irregular
        return max(a, b) if isinstance(a, int) and isinstance(b, int) else self._value("smax", (a, b), Type(INDEX))

    # Numbers and vectors ------------------------------------------------------------------------

    def reals(self, lanes: int = 1) -> Type:
        """The type of so many numbers."""
        return Type(self.real, lanes)

    def number(self, x: float, lanes: int = 1) -> Value:
        """A number, in all lanes."""
        return Value(self, "number", (float(x),), self.reals(lanes))

    @contextmanager
    def computing(self, real: str) -> Iterator[None]:
        """What is written inside computes with numbers of the kind `real`."""
        before, self.real = self.real, real
        try:
            yield
        finally:
            self.real = before

    def integer(self, x: int, lanes: int = 1, element: str = INT) -> Value:
        """A whole number to be computed with in lanes."""
        return Value(self, "number", (int(x),), Type(element, lanes))

    def lane_numbers(self, lanes: int) -> Value:
        """0, 1, 2, ... in the lanes."""
        return Value(self, "lanes", (), Type(INT, lanes))

    def binary(self, op: str, a: Value, b: Value) -> Value:
        """An operation of LLVM's on two values of one type: fadd, fmul, and, shl, maximum, ..."""
        return self._value(op, (a, b), a.type)

    def unary(self, op: str, a: Value) -> Value:
        """fneg, or a function of LLVM's: fabs, sqrt, ..."""
        return self._value(op, (a,), a.type)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a b + c, rounded once where the processor can do that at once."""
        return self._value("fmuladd", (a, b, c), a.type)

    def compare(self, how: str, a: Value, b: Value) -> Value:
        """A bit in each lane, as LLVM's fcmp and icmp have it: ogt, ult, eq, ..."""
        op = "fcmp" if a.type.element in (FLOAT, DOUBLE) else "icmp"
        return self._value(op, (how, a, b), Type(BIT, a.type.lanes))

    def regrouped(self, a: Value, element: str) -> Value:
        """The same bits as elements of another size: more of them, or fewer."""
        lanes = a.type.lanes * SIZES[a.type.element] // SIZES[element]
        return self._value("bitcast", (a,), Type(element, lanes))

    def select(self, bits: Value, a: Value, b: Value) -> Value:
        """a where the bit is 1, else b."""
        return self._value("select", (bits, a, b), a.type)

    def convert(self, how: str, a: Value, element: str) -> Value:
        """bitcast, zext, trunc, sitofp, ... to another kind of element."""
        return self._value(how, (a,), Type(element, a.type.lanes))

    def splat(self, x: Value | Index, lanes: int) -> Value:
        """One number in all lanes."""
        if isinstance(x, int):
            return self.integer(x, lanes, INDEX)
        return x if lanes == x.type.lanes else self._value("splat", (x,), Type(x.type.element, lanes))

    def total(self, a: Value) -> Value:
        """The sum of all lanes."""
        return a if a.type.lanes == 1 else self._value("total", (a,), Type(a.type.element))

    def shuffle(self, a: Value, b: Value, order: Sequence[int]) -> Value:
        """The lanes that `order` names, of a and then b."""
        return self._value("shuffle", (a, b, tuple(order)), Type(a.type.element, len(order)))

    def vector(self, values: Sequence[Value]) -> Value:
        """Single numbers side by side."""
        if len(values) == 1:
            return values[0]
        return self._value("vector", tuple(values), Type(values[0].type.element, len(values)))

    def lane(self, a: Value, n: int) -> Value:
        """The number in one lane."""
        return a if a.type.lanes == 1 else self._value("lane", (a, n), Type(a.type.element))

    def transpose(self, rows: Sequence[Value]) -> list[Value]:
        """As many vectors as there are lanes, columns made rows."""
        lanes, current = len(rows), list(rows)
        step = 1
        while step < lanes:
            low = [j if not j & step else lanes + j - step for j in range(lanes)]
            high = [j + step if not j & step else lanes + j for j in range(lanes)]
            following = list(current)
            for i in range(lanes):
                if not i & step:
                    following[i] = self.shuffle(current[i], current[i | step], low)
                    following[i | step] = self.shuffle(current[i], current[i | step], high)
            current, step = following, 2 * step
        return current

    # Memory -------------------------------------------------------------------------------------

    def offset(self, pointer: Value, index: Index, element: str = "") -> Value:
        """The address of an element: a number, if nothing else is said."""
        return pointer if index == 0 else self._value("offset", (pointer, index, element or self.real), Type(POINTER))

    def load(self, pointer: Value, index: Index, type: Type) -> Value:
        """What is at an element and, for a vector, after it."""
        return self._value("load", (pointer, index), type)

    def store(self, pointer: Value, index: Index, value: Value) -> None:
        """Write a value at an element."""
        self._into.append(Store(pointer, index, value))

    def register(self, first: Value) -> Register:
        """A register that holds `first`."""
        register = Register(first.type)
        self.set(register, first)
        return register

    def get(self, register: Register) -> Value:
        """What the register holds now."""
        return self._value("get", (register,), register.type)

    def set(self, register: Register, value: Value) -> None:
        """Change the register."""
        self._into.append(Set(register, value))

    # Order --------------------------------------------------------------------------------------

    @contextmanager
    def loop(self, low: Index, high: Index, step: int = 1) -> Iterator[Value]:
        """What is written inside is done for low, low + step, ..., as long as that is below high."""
        loop = Loop(Value(self, "variable", (), Type(INDEX)), low, high, step)
        self._into.append(loop)
        outside, self._into = self._into, loop.body
        try:
            yield loop.variable
        finally:
            self._into = outside

    def call(self, function: str, *args: Index) -> None:
        """Call another function."""
        self._into.append(Call(function, args))

    def first_of_all(self, op: str, args: tuple[Any, ...], type: Type) -> Value:
        """A value that is computed where the function begins."""
        value = Value(self, op, args, type)
        self.function.body.insert(0, value)
        return value

    def _value(self, op: str, args: tuple[Any, ...], type: Type) -> Value:
        value = Value(self, op, args, type)
        self._into.append(value)
        return value
