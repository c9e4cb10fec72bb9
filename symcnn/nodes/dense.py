"""The dense node and matrix products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph.algebra import sum_to
from ..graph.errors import ShapeError, message
from ..graph.leaves import Input
from ..graph.node import Node, Sentences, as_node
from ..graph.operators import Operand, builds
from ..graph.spec import Spec, broadcast_shapes
from ..graph.window import WHOLE, Influence, Window, Windows, broadcast_windows
from .connections import connected
from .reduce import sum
from .shape import Transpose, reshape, transpose


class Dense(Node):
    """z = W a + b, for each example of the batch (a row of `a`).

    Parameters
    ----------
    a : Node
        (N, in).
    w : Node
        (out, in).
    b : Node, optional
        (out,).

    Notes
    -----
    delta(a) = W^T delta(z), grad W = delta(z) a^T, grad b = delta(z), summed over the batch
    (UFLDL, "Multi-Layer Neural Network").
    """

    a: Node
    w: Node
    b: Node | None = None
    symbol = "z"
    binding = 1

    def infer(self) -> Spec:
        a, w = self.a.shape, self.w.shape
        if len(a) != 2 or len(w) != 2:
            raise ShapeError(
                message(f"expected a of (N, in) and w of (out, in), got {a} and {w}", "sc.flatten(a) helps", node=self)
            )
        if a[1] != w[1]:
            raise ShapeError(message(f"w takes {w[1]} values, a has {a[1]}", f"a is {a}, w is {w}", node=self))
        if self.b is not None and self.b.shape != (w[0],):
            raise ShapeError(message(f"the bias has shape {self.b.shape}; expected ({w[0]},)", node=self))
        return Spec((a[0], w[0]), np.result_type(*(i.dtype for i in self.inputs)))

    def forward(self, xp: Any, a: Any, w: Any, b: Any = None) -> Any:
        z = wide_matmul(xp, a, xp.permute_dims(w, (1, 0)), self.dtype)
        return z if b is None else z + b

    def windows(self) -> tuple[Windows, ...]:
        a, w = (Window(0), WHOLE), (Window(1), WHOLE)
        return (a, w) if self.b is None else (a, w, (Window(1),))

    def influence(self) -> tuple[Influence, ...]:
        return ("paired", "paired") if self.b is None else ("paired", "paired", 1.0)

    def sentences(self) -> Sentences:
        bias = "" if self.b is None else ", plus its bias"
        back = (
            "Wᵀ carries each error back along the weights that the values came by.",
            "The gradient of a weight is the error of its unit times the value that it was multiplied with.",
            "The gradient of a bias is the error of its unit.",
        )
        return f"Each unit is the sum of all inputs times its own weights{bias}.", back[: len(self.inputs)]

    def backward(self, delta: Node) -> tuple[Node, ...]:
        error, gradient = MatMul(delta, self.w), MatMul(transpose(delta), self.a)
        return (error, gradient) if self.b is None else (error, gradient, sum(delta, axis=0))

    @property
    def multiply_adds(self) -> int:
        """Each weight that exists, once for each example."""
        return self.spec.bind(1)[0] * connected(self.w)

    def template(self, kind: str) -> str:
        return "{w} {a}" if self.b is None else "{w} {a} + {b}"

    @classmethod
    def samples(cls) -> list[Node]:
        a, w, b = Input("a", (None, 3)), Input("w", (4, 3)), Input("b", (4,))
        return [cls(a, w, b), cls(a, w)]


class MatMul(Node):
    """The matrix product a b of the last two axes; axes before them broadcast.

    In formulas a column is an example, as in the tutorial, where in the arrays it is a row: delta W is shown as
    W^T delta.
    """

    a: Node
    b: Node
    integers = "wide"
    binding = 3
    says = (
        "Each unit is a row of the first times a column of the second.",
        "A factor gets the error times the other factor, transposed.",
    )

    def infer(self) -> Spec:
        a, b = self.a.shape, self.b.shape
        try:
            if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
                raise ValueError
            lead = broadcast_shapes(a[:-2], b[:-2])
        except ValueError:
            raise ShapeError(message(f"the shapes {a} and {b} do not multiply", node=self)) from None
        return Spec((*lead, a[-2], b[-1]), np.result_type(self.a.dtype, self.b.dtype))

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return wide_matmul(xp, a, b, self.dtype)

    def windows(self) -> tuple[Windows, ...]:
        stack = self.shape[:-2]
        a = (*broadcast_windows(self.a.shape[:-2], stack), Window(self.ndim - 2), WHOLE)
        return a, (*broadcast_windows(self.b.shape[:-2], stack), WHOLE, Window(self.ndim - 1))

    def influence(self) -> tuple[Influence, ...]:
        return ("paired", "paired")

    def backward(self, delta: Node) -> tuple[Node, Node]:
        return (
            sum_to(MatMul(delta, _turned(self.b)), self.a.shape),
            sum_to(MatMul(_turned(self.a), delta), self.b.shape),
        )

    @property
    def multiply_adds(self) -> int:
        """The length of a row, once for each entry of the product."""
        return math.prod(self.spec.bind(1)) * self.a.spec.bind(1)[-1]

    def template(self, kind: str) -> str:
        by_rows, over_rows = self.a.shape[-2] is None, self.a.shape[-1] is None
        last = "{turned_b}" if over_rows or self.b.shape[-1] is None else "{b}"
        first = "{turned_a}" if over_rows else "{a}"
        if by_rows:
            first, last = "{b}" if None in self.b.shape else "{turned_b}", "{a}"
        return rf"{first} \, {last}" if kind == "latex" else f"{first} {last}"

    @property
    def is_in_columns(self) -> bool:
        """Whether an example is a column of the value itself, too."""
        return self.ndim == 2 and self.shape[-1] is None and self.shape[0] is not None

    def parts(self) -> dict[str, Any]:
        return super().parts() | {"turned_a": _turned(self.a), "turned_b": _turned(self.b)}

    @classmethod
    def samples(cls) -> list[Node]:
        a, b = Input("a", (None, 3)), Input("b", (3, 4))
        stack = Input("s", (None, 2, 4, 3))
        return [cls(a, b), cls(stack, Input("c", (2, 3, 2))), cls(transpose(a), a)]


def wide_matmul(xp: Any, a: Any, b: Any, dtype: np.dtype[Any]) -> Any:
    """The matrix product, with sums in float32 where the result is float16."""
    if dtype != np.float16:
        return xp.matmul(a, b)
    return xp.astype(xp.matmul(xp.astype(a, xp.float32), xp.astype(b, xp.float32)), xp.float16)


def _turned(x: Node) -> Node:
    """The last two axes exchanged; twice is nothing."""
    order = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    return x.x if isinstance(x, Transpose) and x.axes == order else transpose(x, order)


@builds(np.matmul)
def matmul(a: Operand, b: Operand) -> Node:
    """The product ``a @ b`` as NumPy defines it: of matrices, stacks of them, and vectors.

    Examples
    --------
    >>> import symcnn as sc
    >>> (sc.Input("a", (None, 3)) @ sc.Input("v", (3,))).shape
    (None,)
    """
    left, right = as_node(a), as_node(b)
    if left.ndim == 0 or right.ndim == 0:
        raise ShapeError(message("a scalar has no matrix product; use *", node=left if left.ndim == 0 else right))
    row, column = left.ndim == 1, right.ndim == 1
    left = reshape(left, (1, *left.shape)) if row else left
    right = reshape(right, (*right.shape, 1)) if column else right
    product = MatMul(left, right)
    shape = product.shape[: product.ndim - row - column] if column else product.shape
    if row and not column:
        shape = (*product.shape[:-2], product.shape[-1])
    elif row and column:
        shape = product.shape[:-2]
    return reshape(product, shape)
