"""Comparisons, and what is chosen by them: where, maximum, minimum."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..graph.errors import DTypeError, message
from ..graph.leaves import Input
from ..graph.node import Node
from ..graph.operators import Operand
from ..graph.spec import Spec


class Comparison(Node):
    """The base of comparisons: booleans, through which no error passes."""

    elementwise: ClassVar[bool] = True
    integers = "kept"
    binding = 0
    a: Node
    b: Node
    says = ("The values are compared: yes or no for each unit.", "No error passes through a comparison.")

    def infer(self) -> Spec:
        return Spec(super().infer().shape, np.dtype(bool))

    def backward(self, delta: Node) -> tuple[None, None]:
        return None, None

    @classmethod
    def samples(cls) -> list[Node]:
        return [] if cls is Comparison else [cls(Input("a", (None, 2, 3)), Input("b", (2, 3)))]


class Greater(Comparison):
    """a > b."""

    ufunc = np.greater
    latex = r"{a} > {b}"
    text = "{a} > {b}"

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a > b


class GreaterEqual(Comparison):
    """a >= b."""

    ufunc = np.greater_equal
    latex = r"{a} \ge {b}"
    text = "{a} ≥ {b}"

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a >= b


class Less(Comparison):
    """a < b."""

    ufunc = np.less
    latex = r"{a} < {b}"
    text = "{a} < {b}"

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a < b


class LessEqual(Comparison):
    """a <= b."""

    ufunc = np.less_equal
    latex = r"{a} \le {b}"
    text = "{a} ≤ {b}"

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a <= b


class Equal(Comparison):
    """a equals b. (The operator ``==`` asks whether two nodes are the same node.)"""

    ufunc = np.equal
    latex = r"{a} = {b}"
    text = "{a} = {b}"

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a == b


class Where(Node):
    """a where the condition holds, else b, with broadcasting. What is not chosen gets no error.

    Parameters
    ----------
    condition : Node
        Of booleans.
    a, b : Node
    """

    condition: Node
    a: Node
    b: Node
    elementwise = True
    integer_inputs = ("condition",)
    integers = "common"
    latex = r"\begin{{cases}} {a} & {condition} \\ {b} & \text{{else}} \end{{cases}}"
    text = "where({condition}, {a}, {b})"
    says = (
        "Where the condition holds, it is the first value; elsewhere, the second.",
        "Each error goes to the value that was chosen; the other gets none.",
    )

    def infer(self) -> Spec:
        if self.condition.dtype != np.dtype(bool):
            raise DTypeError(
                message(
                    f"the condition has dtype {self.condition.dtype}; it must be bool",
                    "compare it with something: sc.where(x > 0, a, b)",
                    node=self,
                )
            )
        shape = super().infer().shape
        return Spec(shape, np.result_type(self.a.dtype, self.b.dtype))

    def forward(self, xp: Any, condition: Any, a: Any, b: Any) -> Any:
        dtype = getattr(xp, self.dtype.name)
        return xp.where(condition, xp.astype(a, dtype, copy=False), xp.astype(b, dtype, copy=False))

    def backward(self, delta: Node) -> tuple[None, Node, Node]:
        return None, where(self.condition, delta, 0), where(self.condition, 0, delta)

    @classmethod
    def samples(cls) -> list[Node]:
        a, b = Input("a", (None, 2, 3)), Input("b", (2, 1))
        return [cls(a > 0.2, a, b), where(a > b, 0.0, a)]


class Maximum(Node):
    """The larger of a and b, element by element; NaN wins. A tie splits the error in half."""

    ufunc = np.maximum
    integers = "common"
    a: Node
    b: Node
    latex = r"\max({a}, {b})"
    text = "max({a}, {b})"
    says = (
        "The larger of both values, unit by unit.",
        "Each error goes to the value that was larger; where both are equal, each gets half.",
    )

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return xp.maximum(a, b)

    def backward(self, delta: Node) -> tuple[Node, Node]:
        half = where(Equal(self.a, self.b), 0.5 * delta, 0)
        return where(self.a > self.b, delta, half), where(self.b > self.a, delta, half)


class Minimum(Node):
    """The smaller of a and b, element by element; NaN wins. A tie splits the error in half."""

    ufunc = np.minimum
    integers = "common"
    a: Node
    b: Node
    latex = r"\min({a}, {b})"
    text = "min({a}, {b})"
    says = (
        "The smaller of both values, unit by unit.",
        "Each error goes to the value that was smaller; where both are equal, each gets half.",
    )

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return xp.minimum(a, b)

    def backward(self, delta: Node) -> tuple[Node, Node]:
        half = where(Equal(self.a, self.b), 0.5 * delta, 0)
        return where(self.a < self.b, delta, half), where(self.b < self.a, delta, half)


def where(condition: Operand, a: Operand, b: Operand) -> Node:
    """`a` where `condition` holds, else `b`; see `Where`.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (3,))
    >>> J = sc.sum(sc.where(x > 0, np.log(x), 0))
    >>> sc.compile(sc.grad(J, [x])[0])(x=[-1, 0, 2])
    array([0. , 0. , 0.5], dtype=float32)
    """
    return Where(condition, a, b)  # type: ignore[arg-type]


def maximum(a: Operand, b: Operand) -> Node:
    """The larger of `a` and `b`, element by element; see `Maximum`."""
    return Maximum(a, b)  # type: ignore[arg-type]


def minimum(a: Operand, b: Operand) -> Node:
    """The smaller of `a` and `b`, element by element; see `Minimum`."""
    return Minimum(a, b)  # type: ignore[arg-type]


def equal(a: Operand, b: Operand) -> Node:
    """Whether `a` equals `b`, element by element: booleans."""
    return Equal(a, b)  # type: ignore[arg-type]
