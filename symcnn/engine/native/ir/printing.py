"""Functions of the loop language as text, for people: a line for each thing that is done.

Arithmetic on indices is written where it is used, as are values that only the next line reads: what is loaded, and
what is stored. So the lines that are left are loops, arithmetic on numbers, and stores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .loops import INDEX, Call, Function, Loop, Register, Set, Statement, Store, Value

_INFIX = {"add": ("+", 1), "sub": ("-", 1), "mul": ("*", 2), "udiv": ("//", 2), "urem": ("%", 2)}
_CALLS = {"smin": "min", "smax": "max"}
_UNITS = {"i8": "bytes", "float": "floats", "double": "doubles"}
_LIGHT = ("get", "load", "splat", "offset")
_PLAIN, _PREFIX = 3, 0
"""How tightly a text holds together: a name or a call, and an operation that is written before what it reads."""
_LONG = 60
"""An index that would be longer gets a name."""


def printed(function: Function) -> str:
    """The text of `function`.

    Examples
    --------
    >>> from symcnn.engine.native.ir.loops import FLOAT, POINTER, Builder, Type
    >>> b = Builder("sum_of_rows", {"x": POINTER, "y": POINTER})
    >>> x, y = b.parameters
    >>> with b.loop(0, 5) as i:
    ...     total = b.register(b.number(0, 4))
    ...     with b.loop(0, 3) as j:
    ...         b.set(total, b.binary("fadd", b.get(total), b.load(x, (i * 3 + j) * 4, Type(FLOAT, 4))))
    ...     b.store(y, i * 4, b.get(total))
    >>> print(printed(b.function))
    sum_of_rows(x, y)
      for i0 in 0 .. 5
        r0 <- 0.0 : <4 x float>
        for i1 in 0 .. 3
          r0 <- fadd r0 x[(i0 * 3 + i1) * 4] : <4 x float>
        y[i0 * 4] = r0 : <4 x float>
    """
    return "\n".join(_Printer(function).lines())


class _Printer:
    """Gives names to what has a line of its own."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._texts: dict[Any, tuple[str, int]] = {}
        self._count = Counter[str]()
        uses = Counter(v for s in _all(function.body) for v in _read(s))
        self._taken = {v for v in _one_reader(function.body) if uses[v] == 1}

    def lines(self) -> list[str]:
        """The head, and the body below it."""
        function = self._function
        names = ", ".join(self._text(p) for p in function.parameters)
        head = f"{function.name}({names})" + (f"  # {function.title}" if function.title else "")
        return [head, *self._body(function.body, "  ")]

    def _body(self, body: list[Statement], indent: str) -> Iterator[str]:
        for statement in body:
            if not isinstance(statement, Value):
                yield from self._line(statement, indent)
            elif statement not in self._taken:
                text = self._operation(statement)
                if _is_index(statement) and len(text[0]) <= _LONG:
                    self._texts[statement] = text
                    continue
                yield f"{indent}{self._name(statement, 'v')} = {text[0]} : {statement.type}"

    def _line(self, statement: Statement, indent: str) -> Iterator[str]:
        match statement:
            case Loop(variable, low, high, step, inner):
                stride = f" step {step}" if step != 1 else ""
                ends = f"{self._text(low)} .. {self._text(high)}"
                yield f"{indent}for {self._name(variable, 'i')} in {ends}{stride}"
                yield from self._body(inner, indent + "  ")
            case Store(pointer, index, value):
                what = f"{self._text(pointer, _PLAIN)}[{self._text(index)}]"
                yield f"{indent}{what} = {self._text(value)} : {value.type}"
            case Set(register, value):
                yield f"{indent}{self._text(register)} <- {self._text(value)} : {value.type}"
            case Call(name, args):
                yield f"{indent}{name}({', '.join(map(self._text, args))})"

    def _operation(self, value: Value) -> tuple[str, int]:
        """What a value is computed by, and how tightly that holds together."""
        op, args = value.op, value.args
        if op == "get":
            return self._text(args[0]), _PLAIN
        if op == "load":
            return f"{self._text(args[0], _PLAIN)}[{self._text(args[1])}]", _PLAIN
        if op == "offset":
            pointer, index, element = args
            return f"{self._text(pointer)} + {self._text(index, 1)} {_UNITS.get(element, element)}", _PREFIX
        if op in _CALLS:
            return f"{_CALLS[op]}({', '.join(map(self._text, args))})", _PLAIN
        if op in _INFIX and value.type.element == INDEX:
            sign, level = _INFIX[op]
            return f"{self._text(args[0], level)} {sign} {self._text(args[1], level + (op != 'add'))}", level
        return f"{op} {' '.join(self._text(a, _PLAIN) for a in args)}", _PREFIX

    def _text(self, what: Any, level: int = _PREFIX) -> str:
        """How `what` is called, in brackets where it would not hold together."""
        text, own = self._known(what)
        return text if own >= level else f"({text})"

    def _known(self, what: Any) -> tuple[str, int]:
        if isinstance(what, Register):
            return self._name(what, "r"), _PLAIN
        if not isinstance(what, Value):
            return str(what), _PLAIN
        if what.op in ("parameter", "number"):
            return str(what.args[0]), _PLAIN
        if what.op == "lanes":
            return "lanes", _PLAIN
        return self._texts[what] if what in self._texts else self._operation(what)

    def _name(self, what: Any, letter: str) -> str:
        if what not in self._texts:
            self._texts[what] = f"{letter}{self._count[letter]}", _PLAIN
            self._count[letter] += 1
        return self._texts[what][0]


def _read(statement: Statement) -> list[Value]:
    """The values that a statement reads."""
    match statement:
        case Loop(_, low, high):
            read: tuple[Any, ...] = (low, high)
        case Store(pointer, index, value):
            read = (pointer, index, value)
        case Set(_, value):
            read = (value,)
        case Call(_, args):
            read = args
        case Value():
            read = statement.args
    return [v for v in read if isinstance(v, Value)]


def _is_index(value: Value) -> bool:
    return value.type.element == INDEX and value.op in (*_INFIX, *_CALLS)


def _one_reader(body: list[Statement]) -> Iterator[Value]:
    """Values that may be written where they are read: until then nothing is stored, set or done in loops."""
    fresh: set[Value] = set()
    for statement in body:
        if not (isinstance(statement, Value) and _is_index(statement)):
            wanted = fresh.intersection(_read(statement))
            yield from (v for v in wanted if v.op in _LIGHT or isinstance(statement, Set | Store))
        if isinstance(statement, Value):
            if not _is_index(statement):
                fresh.add(statement)
            continue
        fresh.clear()
        if isinstance(statement, Loop):
            yield from _one_reader(statement.body)


def _all(body: list[Statement]) -> Iterator[Statement]:
    for statement in body:
        yield statement
        if isinstance(statement, Loop):
            yield from _all(statement.body)
