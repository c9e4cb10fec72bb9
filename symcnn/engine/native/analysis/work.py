"""How much a function of the loop language computes, and how many bytes it loads and stores: counted, never declared.

The loops are walked once. A loop counts as its body times its turns; only where a bound within it depends on its
variable - a border that is clipped - the turns are gone through one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..ir.loops import BIT, POINTER, Function, Index, Loop, Statement, Store, Type, Value

OPERATIONS = {"fadd": 1, "fsub": 1, "fmul": 1, "fdiv": 1, "sqrt": 1, "fmuladd": 2}
"""What counts as arithmetic, in each lane; comparing, choosing and moving count nothing."""
_BYTES = {"float": 4, "double": 8, "i64": 8, "i32": 4, "i16": 2, "i8": 1}


@dataclass(frozen=True)
class Work:
    """So many operations on real numbers, and bytes loaded and stored.

    Examples
    --------
    >>> Work(2, 12) + 3 * Work(1, 4)
    Work(operations=5, nbytes=24)
    """

    operations: int = 0
    nbytes: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.operations + other.operations, self.nbytes + other.nbytes)

    def __rmul__(self, times: int) -> Work:
        return Work(times * self.operations, times * self.nbytes)


class Unknown(ValueError):
    """A bound of a loop that is known only when the program runs."""


def work(function: Function, known: Mapping[str, int] | None = None, table: Mapping[int, int] | None = None) -> Work:
    """What `function` does when it is called once; what it calls is not counted.

    Parameters
    ----------
    function : Function
    known : {str: int}, optional
        The parameters that are whole numbers, as far as bounds of loops depend on them.
    table : {int: int}, optional
        The whole numbers in the table of arguments, by their place.

    Raises
    ------
    Unknown
        If a bound depends on anything else.

    Examples
    --------
    >>> from symcnn.engine.native.ir.loops import FLOAT, INDEX, Builder
    >>> b = Builder("scale", {"x": POINTER, "n": INDEX})
    >>> x, n = b.parameters
    >>> with b.loop(0, n, 8) as i:
    ...     b.store(x, i, b.binary("fmul", b.load(x, i, Type(FLOAT, 8)), b.number(2, 8)))
    >>> work(b.function, {"n": 24})
    Work(operations=24, nbytes=192)
    """
    return _Counter(known or {}, table or {}).body(None, function.body)


class _Counter:
    """Walks loops; what was counted for the same turns of the same outer loops is not counted again."""

    def __init__(self, known: Mapping[str, int], table: Mapping[int, int]) -> None:
        self._known, self._table = known, table
        self._turn: dict[Value, int] = {}
        self._variables: dict[int, frozenset[Value]] = {}
        self._straight: dict[int, Work] = {}
        self._counted: dict[tuple[int, ...], Work] = {}

    def body(self, loop: Loop | None, statements: list[Statement]) -> Work:
        """All statements once."""
        if id(loop) not in self._straight:
            self._straight[id(loop)] = sum((_statement(s) for s in statements), Work())
        total = self._straight[id(loop)]
        for statement in statements:
            if isinstance(statement, Loop):
                total += self._loop(statement)
        return total

    def _loop(self, loop: Loop) -> Work:
        outer = sorted(self._needed(loop) & self._turn.keys(), key=id)
        key = (id(loop), *(self._turn[v] for v in outer))
        if key not in self._counted:
            self._counted[key] = self._turns(loop)
        return self._counted[key]

    def _turns(self, loop: Loop) -> Work:
        turns = range(self._number(loop.low), self._number(loop.high), loop.step)
        if not turns:
            return Work()
        inside = [s for s in loop.body if isinstance(s, Loop)]
        if not any(loop.variable in self._needed(s) for s in inside):
            return len(turns) * self.body(loop, loop.body)
        total = Work()
        for turn in turns:
            self._turn[loop.variable] = turn
            total += self.body(loop, loop.body)
        del self._turn[loop.variable]
        return total

    def _needed(self, loop: Loop) -> frozenset[Value]:
        """The variables on which the bounds of the loop, and of those within it, depend."""
        if id(loop) not in self._variables:
            found = _variables(loop.low) | _variables(loop.high)
            for statement in loop.body:
                if isinstance(statement, Loop):
                    found |= self._needed(statement)
            self._variables[id(loop)] = found
        return self._variables[id(loop)]

    def _number(self, index: Index) -> int:
        """What the index is in this turn of the loops around it."""
        if isinstance(index, int):
            return index
        if index in self._turn:
            return self._turn[index]
        if index.op == "parameter" and index.args[0] in self._known:
            return self._known[index.args[0]]
        if index.op == "number":
            return int(index.args[0])
        if index.op == "load" and index.args[0].op == "parameter" and index.args[1] in self._table:
            return self._table[index.args[1]]
        if index.op not in _WHOLE:
            raise Unknown(f"the bound of a loop depends on {index.op}, which is known only when the program runs")
        return _WHOLE[index.op](*map(self._number, index.args))


_WHOLE: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "udiv": lambda a, b: a // b,
    "urem": lambda a, b: a % b,
    "smin": min,
    "smax": max,
}


def _variables(index: Index) -> frozenset[Value]:
    """The variables of loops that an index is computed from."""
    if isinstance(index, int):
        return frozenset()
    if index.op == "variable":
        return frozenset([index])
    parts = [_variables(a) for a in index.args] if index.op in _WHOLE else []
    return frozenset().union(*parts)


def _statement(statement: Statement) -> Work:
    """One statement that is no loop."""
    if isinstance(statement, Store):
        return Work(0, _nbytes(statement.value.type))
    if not isinstance(statement, Value):
        return Work()
    type = statement.type
    if statement.op == "load" and type.element not in (POINTER, BIT):
        return Work(0, _nbytes(type))
    if statement.op == "total":
        return Work(statement.args[0].type.lanes - 1)
    return Work(OPERATIONS.get(statement.op, 0) * type.lanes)


def _nbytes(type: Type) -> int:
    return _BYTES.get(type.element, 0) * type.lanes
