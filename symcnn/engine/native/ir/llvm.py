"""From the loop language to LLVM's, as text."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from .loops import DOUBLE, FLOAT, SIZES, Call, Function, Index, Loop, Register, Set, Statement, Store, Type, Value

_PLAIN = {
    "fadd",
    "fsub",
    "fmul",
    "fdiv",
    "frem",
    "add",
    "sub",
    "mul",
    "udiv",
    "urem",
    "and",
    "or",
    "xor",
    "shl",
    "lshr",
    "ashr",
}
_CASTS = {"bitcast", "zext", "sext", "trunc", "sitofp", "uitofp", "fptosi", "fpext", "fptrunc"}


def module(functions: Sequence[Function]) -> str:
    """The text of a module with all `functions`."""
    writer = _Writer()
    bodies = [writer.function(f) for f in functions]
    return "\n".join([*sorted(writer.declared), *bodies]) + "\n"


class _Writer:
    """Keeps the names within a function, and what must be declared for the module."""

    def __init__(self) -> None:
        self.declared: set[str] = set()

    def function(self, function: Function) -> str:
        self._names: dict[Any, str] = {}
        self._registers: list[str] = []
        self._block = "entry"
        self._count = 0
        for p in function.parameters:
            self._names[p] = f"%{p.args[0]}"
        parameters = ", ".join(f"{p.type} %{p.args[0]}" for p in function.parameters)
        body = list(self._statements(function.body))
        linkage = "" if function.exported else "internal "
        kind = "" if function.exported else " noinline"
        head = f"define {linkage}void @{function.name}({parameters}){kind} nounwind {{"
        return "\n".join([head, "entry:", *self._registers, *body, "  ret void", "}"])

    def _statements(self, body: list[Statement]) -> Iterator[str]:
        for statement in body:
            match statement:
                case Loop():
                    yield from self._loop(statement)
                case Store(pointer, index, value):
                    where = yield from self._address(pointer, index, value.type)
                    yield f"  store {self._typed(value)}, ptr {where}, align {SIZES[value.type.element]}"
                case Set(register, value):
                    yield f"  store {self._typed(value)}, ptr {self._register(register)}"
                case Call(name, args):
                    yield f"  call void @{name}({', '.join(map(self._typed, args))})"
                case Value():
                    yield from self._value(statement)

    def _loop(self, loop: Loop) -> Iterator[str]:
        head, inside, done = (f"{word}{self._number()}" for word in ("head", "body", "done"))
        variable = self._names[loop.variable] = f"%i{self._number()}"
        following, before, low, high = f"{variable}.next", self._block, self._name(loop.low), self._name(loop.high)
        body: list[str] = []
        self._block = inside
        body += self._statements(loop.body)
        last = self._block
        yield f"  br label %{head}"
        yield f"{head}:"
        yield f"  {variable} = phi i64 [ {low}, %{before} ], [ {following}, %{last} ]"
        yield f"  %more{variable[2:]} = icmp slt i64 {variable}, {high}"
        yield f"  br i1 %more{variable[2:]}, label %{inside}, label %{done}"
        yield f"{inside}:"
        yield from body
        yield f"  {following} = add nsw i64 {variable}, {loop.step}"
        yield f"  br label %{head}"
        yield f"{done}:"
        self._block = done

    def _value(self, value: Value) -> Iterator[str]:
        op, args, type = value.op, value.args, value.type
        name = self._names[value] = f"%v{self._number()}"
        if op == "wrapping mul":
            yield f"  {name} = mul {type} {self._name(args[0])}, {self._name(args[1])}"
        elif op in _PLAIN:
            no_wrap = " nsw" if op in ("add", "sub", "mul") and type.element == "i64" else ""
            yield f"  {name} = {op}{no_wrap} {type} {self._name(args[0])}, {self._name(args[1])}"
        elif op == "fneg":
            yield f"  {name} = fneg {self._typed(args[0])}"
        elif op in ("fcmp", "icmp"):
            yield f"  {name} = {op} {args[0]} {self._typed(args[1])}, {self._name(args[2])}"
        elif op == "select":
            yield f"  {name} = select {', '.join(map(self._typed, args))}"
        elif op in _CASTS:
            yield f"  {name} = {op} {self._typed(args[0])} to {type}"
        elif op == "get":
            yield f"  {name} = load {type}, ptr {self._register(args[0])}"
        elif op == "load":
            where = yield from self._address(args[0], args[1], type)
            yield f"  {name} = load {type}, ptr {where}, align {SIZES[type.element]}"
        elif op == "offset":
            yield f"  {name} = getelementptr {args[2]}, ptr {self._name(args[0])}, i64 {self._name(args[1])}"
        else:
            yield from self._vector_value(value, name)

    def _vector_value(self, value: Value, name: str) -> Iterator[str]:
        op, args, type = value.op, value.args, value.type
        if op == "splat":
            yield f"  {name}.one = insertelement {type} poison, {self._typed(args[0])}, i64 0"
            zeros = f"<{type.lanes} x i32> zeroinitializer"
            yield f"  {name} = shufflevector {type} {name}.one, {type} poison, {zeros}"
        elif op == "vector":
            before = "poison"
            for n, part in enumerate(args):
                following = name if n == len(args) - 1 else f"{name}.{n}"
                yield f"  {following} = insertelement {type} {before}, {self._typed(part)}, i64 {n}"
                before = following
        elif op == "lane":
            yield f"  {name} = extractelement {self._typed(args[0])}, i64 {args[1]}"
        elif op == "shuffle":
            order = ", ".join(f"i32 {n}" for n in args[2])
            mask = f"<{len(args[2])} x i32> <{order}>"
            yield f"  {name} = shufflevector {self._typed(args[0])}, {self._typed(args[1])}, {mask}"
        elif op == "total":
            source = args[0].type
            function = f"llvm.vector.reduce.fadd.{_suffix(source)}"
            self.declared.add(f"declare {type} @{function}({type}, {source})")
            yield f"  {name} = call reassoc {type} @{function}({type} -0.0, {self._typed(args[0])})"
        else:
            suffix = _suffix(type)
            self.declared.add(f"declare {type} @llvm.{op}.{suffix}({', '.join([str(type)] * len(args))})")
            given = ", ".join(f"{type} {self._name(a)}" for a in args)
            yield f"  {name} = call {type} @llvm.{op}.{suffix}({given})"

    def _address(self, pointer: Value, index: Index, type: Type) -> Any:
        """Yields the line that computes an address, and returns its name."""
        if index == 0:
            return self._name(pointer)
        where = f"%a{self._number()}"
        yield f"  {where} = getelementptr {type.element}, ptr {self._name(pointer)}, i64 {self._name(index)}"
        return where

    def _register(self, register: Register) -> str:
        if register not in self._names:
            name = self._names[register] = f"%r{self._number()}"
            self._registers.append(f"  {name} = alloca {register.type}")
        return self._names[register]

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _typed(self, what: Index) -> str:
        return f"i64 {what}" if isinstance(what, int) else f"{what.type} {self._name(what)}"

    def _name(self, what: Index) -> str:
        if isinstance(what, int):
            return str(what)
        if what.op == "number":
            literal = _literal(what.args[0], what.type.element)
            return literal if what.type.lanes == 1 else f"splat ({what.type.element} {literal})"
        if what.op == "lanes" and what.type.lanes == 1:
            return "0"
        if what.op == "lanes":
            return f"<{', '.join(f'i32 {n}' for n in range(what.type.lanes))}>"
        return self._names[what]


def _suffix(type: Type) -> str:
    """What LLVM adds to the name of a function for this type."""
    element = {FLOAT: "f32", DOUBLE: "f64"}.get(type.element, type.element)
    return element if type.lanes == 1 else f"v{type.lanes}{element}"


def _literal(x: float | int, element: str) -> str:
    """A number as LLVM reads it: a float as the bits of the double that equals it; what is too large is infinite."""
    if isinstance(x, int):
        return str(x)
    if element == FLOAT:
        try:
            x = struct.unpack("<f", struct.pack("<f", x))[0]
        except OverflowError:
            x = math.copysign(math.inf, x)
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"
