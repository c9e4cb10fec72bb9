"""`pointwise`: a node type from a formula, whose backward rule is found by sympy."""

from __future__ import annotations

import copyreg
import keyword
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

from ..graph.algebra import zeros
from ..graph.arguments import items
from ..graph.errors import ArgumentError, call_site, message
from ..graph.leaves import Input
from ..graph.node import Node
from ..graph.nodetype import NodeType
from ..text import quoted
from .formula import Formula

_Given = tuple[str, str, tuple[str, ...], tuple[str, ...]]
"""What a type is made from: its name, the formula, the inputs, and by which of them it was differentiated."""


_PRIME = "′"
"""What marks a derivative of a function of one input; of several, it is the name of the input."""


class _PointwiseType(NodeType):
    """The type of types that are made from formulas: a pickle holds the formula."""

    given: _Given | None


class Pointwise(Node, metaclass=_PointwiseType):
    """The base of types that are made from formulas by `symcnn.pointwise`."""

    formula: ClassVar[Formula]
    given: ClassVar[_Given | None] = None

    @classmethod
    def samples(cls) -> list[Node]:
        return [] if cls is Pointwise else [cls(*(Input(name, (None, 2, 3)) for name in cls.node_fields))]


def pointwise(name: str, formula: str, *, inputs: Sequence[str] | None = None) -> type[Node]:
    """A node type from a formula, element by element; its backward rule is found by sympy.

    Parameters
    ----------
    name : str
        What it is called in equations: a name as Python has them.
    formula : str
        In Python's notation: numbers, ``pi``, ``e``, names for the inputs, ``+ - * / **``, functions of the array API
        standard (exp, log, sqrt, sin, tanh, maximum, ...), and ``where(x > 0, a, b)``. It is computed as it is written.
    inputs : sequence of str, optional
        The names of the inputs in the order in which the type takes them; default: as they come up in the formula.

    Returns
    -------
    type of Node
        The same for the same arguments. Its derivatives are such types, too, made when they are needed: swish′ of one
        input, f_x of several. Where a function jumps or has a kink, its slope is that of one of both sides.

    Raises
    ------
    ArgumentError
        For a formula that is not read, and, when it is differentiated, where sympy is not installed
        (``pip install 'symcnn[sympy]'``) or finds no derivative of these functions.

    Notes
    -----
    What composes needs no type: ``z * sc.sigmoid(z)`` is swish, too, and stable far out. A derivative is as sound as
    what sympy writes down: that of ``x / (1 + exp(-x))`` is NaN where exp(-x) overflows.

    Examples
    --------
    >>> import symcnn as sc
    >>> swish = sc.pointwise("swish", "x / (1 + exp(-x))")
    >>> x = sc.Input("x", (3,))
    >>> sc.compile(sc.grad(sc.sum(swish(x)), [x])[0])(x=[-1, 0, 1]).round(3)
    array([0.072, 0.5  , 0.928], dtype=float32)
    >>> print(swish(x).equation)
    v1 = swish(x)
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        problem = f"pointwise: the name is {quoted(name)}; expected one as Python has them, such as 'swish'"
        raise ArgumentError(message(problem, site=call_site()))
    what = f"pointwise {quoted(name)}"
    if not isinstance(formula, str):
        raise ArgumentError(message(f"{what}: the formula is {quoted(formula)}; expected a string", site=call_site()))
    given = None if inputs is None else items(inputs)
    if inputs is not None and (given is None or not all(isinstance(i, str) for i in given)):
        raise ArgumentError(message(f"{what}: inputs are {quoted(inputs)}; expected names", site=call_site()))
    names = Formula(formula, what, given).names
    if not names:
        raise ArgumentError(message(f"{what}: the formula {quoted(formula)} has no input", site=call_site()))
    return made(name, formula, names, ())


@cache
def made(name: str, formula: str, inputs: tuple[str, ...], by: tuple[str, ...]) -> type[Node]:
    """The type for a formula; `by` are the inputs by which the function called `name` was differentiated."""
    read = Formula(formula, f"pointwise {quoted(name)}", inputs)

    def forward(self: Node, xp: Any, *values: Any) -> Any:
        return read.value(xp, values)

    def backward(self: Node, delta: Node) -> tuple[Node, ...]:
        return tuple(_error(self, delta, n) for n in inputs)

    holes = ", ".join(f"{{{n}}}" for n in inputs)
    alone = set(by) <= {_PRIME}
    marks = "".join(by) if alone else f"_{''.join(by)}"
    latex_marks = "'" * len(by) if alone else f"_{{{{{' '.join(by)}}}}}"
    upright = name.replace("_", r"\_")
    namespace = {
        "__module__": __name__,
        "__doc__": f"{formula}, element by element.",
        "__annotations__": dict.fromkeys(inputs, Node),
        "forward": forward,
        "backward": backward,
        "text": f"{name}{marks}({holes})",
        "latex": rf"\operatorname{{{{{upright}}}}}{latex_marks}({holes})",
        "formula": read,
        "given": (name, formula, inputs, by),
    }
    called = "_".join([name[0].upper() + name[1:], *(inputs[0] if mark == _PRIME else mark for mark in by)])
    found: type[Node] = type.__call__(_PointwiseType, called, (Pointwise,), namespace)
    return found


def _error(node: Node, delta: Node, by: str) -> Node:
    """The error of one input: delta times the slope, which is a node of such a type, too."""
    found = _slope(type(node).given, by)  # type: ignore[attr-defined]
    source: Node = getattr(node, by)
    if isinstance(found, float):
        return delta * found if found else zeros(source)
    return delta * found(*(getattr(node, n) for n in found.node_fields))


@cache
def _slope(given: _Given, by: str) -> type[Node] | float:
    """The derivative by an input: a type, or a number."""
    name, text, inputs, before = given
    what = f"pointwise {quoted(name)}, its derivative by {by}"
    found = Formula(text, what, inputs).slope(by)
    if isinstance(found, float):
        return found
    used = set(Formula(found, what).names)
    if not used <= set(inputs):
        raise ArgumentError(message(f"{what}: sympy finds {quoted(found)}", site=call_site()))
    mark = _PRIME if len(inputs) == 1 and set(before) <= {_PRIME} else by
    return made(name, found, tuple(n for n in inputs if n in used), (*before, mark))


def _reduced(cls: _PointwiseType) -> str | tuple[Any, ...]:
    """How a type is pickled: by what it was made from."""
    return (made, cls.given) if cls.given else cls.__qualname__


copyreg.pickle(_PointwiseType, _reduced)
