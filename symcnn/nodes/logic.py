"""And, or, exclusive or, not: of booleans, element by element."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..graph.errors import DTypeError, message
from ..graph.leaves import Input
from ..graph.node import Node
from ..graph.operators import UFUNCS, Operand, builds
from ..graph.spec import Spec
from .select import Equal


class Logic(Node):
    """The base of functions of booleans, through which no error passes."""

    elementwise: ClassVar[bool] = True
    integers = "kept"
    binding = 0

    def infer(self) -> Spec:
        for given in self.inputs:
            if given.dtype != np.dtype(bool):
                hint = "compare it with something, as in (x > 0) & (y > 0)"
                raise DTypeError(message(f"{given.label} has dtype {given.dtype}; it must be bool", hint, node=self))
        return Spec(super().infer().shape, np.dtype(bool))

    def backward(self, delta: Node) -> tuple[None, ...]:
        return (None,) * len(self.inputs)

    @classmethod
    def samples(cls) -> list[Node]:
        a, b = Input("a", (None, 2, 3)) > 0, Input("b", (2, 3)) > 0.2
        return [] if cls is Logic else [cls(*(a, b)[: len(cls.node_fields)])]


class And(Logic):
    """Whether both a and b hold."""

    ufunc = np.logical_and
    a: Node
    b: Node
    latex = r"{a} \wedge {b}"
    text = "{a} and {b}"
    says = ("It holds where both hold.", "No error passes through a yes or no.")

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a & b


class Or(Logic):
    """Whether a or b holds, or both."""

    ufunc = np.logical_or
    a: Node
    b: Node
    latex = r"{a} \vee {b}"
    text = "{a} or {b}"
    says = ("It holds where one of both holds.", "No error passes through a yes or no.")

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a | b


class Xor(Logic):
    """Whether either a or b holds, but not both."""

    ufunc = np.logical_xor
    a: Node
    b: Node
    latex = r"{a} \oplus {b}"
    text = "{a} xor {b}"
    says = ("It holds where exactly one of both holds.", "No error passes through a yes or no.")

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a ^ b


class Not(Logic):
    """Whether a does not hold."""

    ufunc = np.logical_not
    a: Node
    latex = r"\neg {a}"
    text = "not {a}"
    says = ("It holds where the other does not.", "No error passes through a yes or no.")

    def forward(self, xp: Any, a: Any) -> Any:
        return ~a


UFUNCS |= {np.bitwise_and: And, np.bitwise_or: Or, np.bitwise_xor: Xor, np.invert: Not}


def logical_and(a: Operand, b: Operand) -> Node:
    """Whether both `a` and `b` hold, element by element: ``a & b``."""
    return And(a, b)  # type: ignore[arg-type]


def logical_or(a: Operand, b: Operand) -> Node:
    """Whether `a` or `b` holds, element by element: ``a | b``."""
    return Or(a, b)  # type: ignore[arg-type]


def logical_xor(a: Operand, b: Operand) -> Node:
    """Whether exactly one of `a` and `b` holds, element by element: ``a ^ b``."""
    return Xor(a, b)  # type: ignore[arg-type]


def logical_not(a: Node) -> Node:
    """Whether `a` does not hold, element by element: ``~a``.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (3,))
    >>> inside = ~((x < 0) | (x > 1))
    >>> sc.compile(inside)(x=[-1, 0.5, 2])
    array([False,  True, False])
    """
    return Not(a)


@builds(np.not_equal)
def not_equal(a: Operand, b: Operand) -> Node:
    """Whether `a` and `b` differ, element by element; a NaN differs from all, and from itself."""
    return Not(Equal(a, b))  # type: ignore[arg-type]
