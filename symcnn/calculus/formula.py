"""Formulas as text, such as "x / (1 + exp(-x))": read, computed by any array library, and differentiated by sympy."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from typing import Any

from ..graph.apart import load
from ..graph.errors import ArgumentError, call_site, message
from ..text import quoted

_LARGEST = float("inf")
_CONSTANTS = {"pi": math.pi, "e": math.e}
_FUNCTIONS = {
    **dict.fromkeys(("exp", "log", "sqrt", "abs", "sign", "floor", "ceil"), 1),
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "log1p", "expm1"), 1),
    **dict.fromkeys(("maximum", "minimum"), 2),
    "where": 3,
}
"""What a formula may call, and with how many arguments: functions of the array API standard."""
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_LOGIC = {ast.BitAnd: "&", ast.BitOr: "|"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}

_Step = tuple[str, tuple[int, ...], Any]
"""An operation, where its operands are among the steps before, and the number or the name of a leaf."""


class Formula:
    """A formula that has been read.

    Parameters
    ----------
    text : str
        In Python's notation, of numbers, names, + - * / **, comparisons, & | ~ between these, and the functions that
        errors list.
    what : str
        How errors speak of it.
    names : sequence of str, optional
        Of its inputs, in the order in which values are given; default: as they come up.

    Examples
    --------
    >>> import numpy as np
    >>> swish = Formula("x / (1 + exp(-x))", "swish")
    >>> swish.names, float(swish.value(np, [np.float64(0.0)]))
    (('x',), 0.0)
    """

    def __init__(self, text: str, what: str, names: Sequence[str] | None = None) -> None:
        self.text, self.what = text, what
        self.steps: list[_Step] = []
        self._known: dict[_Step, int] = {}
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._unread(f"it is not read: {error}") from None
        self._last, truth = self._read(tree)
        if truth:
            raise self._unread("it is a comparison; where(condition, a, b) chooses a number by it")
        found = tuple(name for op, _, name in self.steps if op == "name")
        self.names = found if names is None else tuple(names)
        """The names of its inputs."""
        if unknown := sorted(set(found).symmetric_difference(self.names)):
            raise self._unread(f"its names are {', '.join(found) or 'none'}, not {', '.join(self.names)}: {unknown[0]}")

    def _unread(self, problem: str) -> ArgumentError:
        listed = f"it may call {', '.join(sorted(_FUNCTIONS))}"
        text = f"{self.what}: the formula {quoted(self.text)}: {problem}"
        return ArgumentError(message(text, listed, site=call_site()))

    def _step(self, op: str, operands: Sequence[int] = (), held: Any = None) -> int:
        """The number of a step; the same for the same one, so nothing is computed twice."""
        numbers = [self.steps[n][2] for n in operands if self.steps[n][0] == "number"]
        if operands and len(numbers) == len(operands) and op in _ARITHMETIC:
            op, operands, held = "number", (), self._folded(op, numbers)
        step = op, tuple(operands), held
        if step not in self._known:
            self._known[step] = len(self.steps)
            self.steps.append(step)
        return self._known[step]

    def _folded(self, op: str, numbers: Sequence[float]) -> float:
        """What an operation makes of numbers that are known."""
        try:
            found = _ARITHMETIC[op](*numbers)
            if type(found) in (int, float) and math.isfinite(found):
                return float(found) if isinstance(found, float) else int(found)
        except (ArithmeticError, ValueError):
            pass
        raise self._unread(f"{op} of {' and '.join(map(str, numbers))} is no number")

    def _read(self, tree: ast.AST) -> tuple[int, bool]:
        """The step that a part of the formula is, and whether it is true or false."""
        match tree:
            case ast.Constant(int() | float() as value) if not isinstance(value, bool) and abs(value) < _LARGEST:
                return self._step("number", (), value), False
            case ast.Name(name) if name in _CONSTANTS:
                return self._step("number", (), _CONSTANTS[name]), False
            case ast.Name(name) if name not in _FUNCTIONS:
                return self._step("name", (), name), False
            case ast.UnaryOp(ast.USub(), x):
                return self._step("neg", [self._number(x)]), False
            case ast.UnaryOp(ast.UAdd(), x):
                return self._number(x), False
            case ast.BinOp(a, op, b) if type(op) in _OPERATORS:
                return self._step(_OPERATORS[type(op)], [self._number(a), self._number(b)]), False
            case ast.Compare(a, [op], [b]) if type(op) in _COMPARISONS:
                return self._step(_COMPARISONS[type(op)], [self._number(a), self._number(b)]), True
            case ast.BinOp(a, op, b) if type(op) in _LOGIC:
                return self._step(_LOGIC[type(op)], [self._truth(a), self._truth(b)]), True
            case ast.UnaryOp(ast.Invert(), a):
                return self._step("~", [self._truth(a)]), True
            case ast.Call(ast.Name("where"), [condition, a, b], []):
                return self._step("where", [self._truth(condition), self._number(a), self._number(b)]), False
            case ast.Call(ast.Name(name), args, []) if _FUNCTIONS.get(name) == len(args) and name != "where":
                return self._step(name, [self._number(a) for a in args]), False
        raise self._unread(f"{quoted(ast.unparse(tree))} has no meaning in it")

    def _number(self, tree: ast.AST) -> int:
        found, truth = self._read(tree)
        if truth:
            raise self._unread("a comparison stands where a number is expected; where(condition, a, b) chooses by it")
        return found

    def _truth(self, tree: ast.AST) -> int:
        found, truth = self._read(tree)
        if not truth:
            raise self._unread("where, &, | and ~ read comparisons, such as x > 0")
        return found

    def value(self, xp: Any, inputs: Sequence[Any]) -> Any:
        """What it is for `inputs`, one for each name, by the functions of the array namespace `xp`."""
        given = dict(zip(self.names, inputs, strict=True))
        found: list[Any] = []
        for op, operands, held in self.steps:
            if op in ("name", "number"):
                found.append(given[held] if op == "name" else held)
                continue
            args = [found[n] for n in operands]
            if op in _ARITHMETIC:
                found.append(_ARITHMETIC[op](*args))
            else:
                found.append(getattr(xp, op)(*_arrays(xp, args, inputs[0])))
        return found[self._last]

    def slope(self, name: str) -> str | float:
        """The derivative by one of the names, as the text of a formula; a number where it is one."""
        sympy = _sympy(self.what)
        names = {n: sympy.Symbol(n, real=True) for n in self.names}
        found = sympy.diff(self._by_sympy(sympy, names), names[name]).doit()
        return _written(sympy, found) if found.free_symbols else float(found)

    def _by_sympy(self, sympy: Any, names: dict[str, Any]) -> Any:
        """The same in sympy's terms. What jumps has slope 0 where it does not."""
        flat = {name: _flat(sympy, name) for name in ("sign", "floor", "ceil")}
        functions = {
            **{name: getattr(sympy, name) for name in _FUNCTIONS if hasattr(sympy, name)},
            **flat,
            "abs": sympy.Abs,
            "maximum": lambda a, b: sympy.Piecewise((a, a >= b), (b, True)),
            "minimum": lambda a, b: sympy.Piecewise((a, a <= b), (b, True)),
            "where": lambda condition, a, b: sympy.Piecewise((a, condition), (b, True)),
            "log1p": lambda x: sympy.log(1 + x),
            "expm1": lambda x: sympy.exp(x) - 1,
        }
        found: list[Any] = []
        for op, operands, held in self.steps:
            args = [found[n] for n in operands]
            if op in ("name", "number"):
                found.append(names[held] if op == "name" else sympy.sympify(held))
            else:
                found.append((_ARITHMETIC[op] if op in _ARITHMETIC else functions[op])(*args))
        return sympy.sympify(found[self._last])


_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "neg": lambda a: -a,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "~": lambda a: ~a,
}


def _arrays(xp: Any, args: list[Any], like: Any) -> list[Any]:
    """The arguments of a function, numbers as arrays: functions of the standard take no others."""
    return [xp.full_like(like, a) if isinstance(a, int | float) and not isinstance(a, bool) else a for a in args]


def _sympy(what: str) -> Any:
    """The package; ArgumentError where it is not installed."""
    try:
        return load("sympy")
    except ImportError:
        hint = "pip install 'symcnn[sympy]'"
        raise ArgumentError(message(f"{what}: its derivative needs sympy", hint, site=call_site())) from None


def _flat(sympy: Any, name: str) -> Any:
    """A function of sympy's whose derivative is 0: sympy's own have distributions for that."""
    return type(name, (sympy.Function,), {"fdiff": lambda self, argindex=1: sympy.S.Zero, "is_real": True})


def _written(sympy: Any, expression: Any) -> str:
    """An expression of sympy's as the text of a formula; numbers keep all their digits."""

    class Printer(sympy.printing.str.StrPrinter):  # type: ignore[misc]
        def _print_Float(self, number: Any) -> str:
            return repr(float(number))

        def _print_Abs(self, call: Any) -> str:
            return f"abs({self._print(call.args[0])})"

        def _print_Exp1(self, number: Any) -> str:
            return "e"

        def _print_Piecewise(self, pieces: Any) -> str:
            *some, (last, _) = pieces.args
            text = str(self._print(last))
            for value, condition in reversed(some):
                text = f"where({self._print(condition)}, {self._print(value)}, {text})"
            return text

    return str(Printer().doprint(expression))
