"""The few nodes that the operators and the sweep themselves need: arithmetic and broadcasting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import DTypeError, ShapeError, call_site, message
from .leaves import BatchSize, Const, Input, real_or_integer
from .node import Node, as_node
from .spec import Shape, Spec, as_shape, broadcast_shapes, is_real
from .window import WHOLE, Influence, Window, Windows, broadcast_windows


class Add(Node):
    """a + b, with broadcasting."""

    ufunc = np.add
    integers = "wide"
    a: Node
    b: Node
    latex = r"{a} + {b}"
    text = "{a} + {b}"
    binding = 1
    says = ("Both values are added, unit by unit.", "An error passes through a sum as it is.")

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a + b

    def influence(self) -> tuple[Influence, ...]:
        return 1.0, 1.0

    def backward(self, delta: Node) -> tuple[Node, Node]:
        return delta, delta


class Sub(Node):
    """a - b, with broadcasting."""

    ufunc = np.subtract
    integers = "wide"
    a: Node
    b: Node
    latex = r"{a} - {b}"
    text = "{a} − {b}"
    binding = 1
    says = (
        "The second value is subtracted from the first, unit by unit.",
        (
            "An error passes to the first value as it is.",
            "An error passes to the second value with its sign changed.",
        ),
    )

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a - b

    def influence(self) -> tuple[Influence, ...]:
        return 1.0, -1.0

    def backward(self, delta: Node) -> tuple[Node, Node]:
        return delta, -delta


class Neg(Node):
    """-a."""

    ufunc = np.negative
    integers = "wide"
    a: Node
    latex = r"-{a}"
    text = "−{a}"
    binding = 2
    says = ("The sign of each unit changes.", "The sign of each error changes.")

    def forward(self, xp: Any, a: Any) -> Any:
        return -a

    def influence(self) -> tuple[Influence, ...]:
        return (-1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (-delta,)


class Mul(Node):
    """a * b, element by element, with broadcasting."""

    ufunc = np.multiply
    integers = "wide"
    a: Node
    b: Node
    text = "{a} · {b}"
    binding = 2

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a * b

    def influence(self) -> tuple[Influence, ...]:
        stretched = any(i.shape != self.shape and not isinstance(i, Const) for i in self.inputs)
        return ("paired", "paired") if stretched else ("slope", "slope")

    def sentences(self) -> tuple[str, str]:
        if self.a is self.b:
            return "Each unit is squared.", "Each error is multiplied by twice its unit."
        if isinstance(self.a, Const) or isinstance(self.b, Const):
            return "Each unit is multiplied by a fixed number.", "Each error is multiplied by the same number."
        return "Both values are multiplied, unit by unit.", "A factor gets the error times the other factor."

    def backward(self, delta: Node) -> tuple[Node, Node]:
        return delta * self.b, delta * self.a

    def template(self, kind: str) -> str:
        if self.a is self.b:
            return "{a}^2" if kind == "latex" else "{a}²"
        sign = r"\cdot" if _is_one_number(self.a) or _is_one_number(self.b) else r"\odot"
        return f"{{a}} {sign} {{b}}" if kind == "latex" else self.text


def _is_one_number(node: Node) -> bool:
    """Whether all elements of `node` are the same number, as far as formulas show: a scalar, or one that is spread."""
    while isinstance(node, BroadcastTo):
        node = node.x
    return node.shape == () or (isinstance(node, Const) and node.uniform is not None)


class Div(Node):
    """a / b, element by element, with broadcasting."""

    ufunc = np.divide
    a: Node
    b: Node
    latex = r"\frac{{{a}}}{{{b}}}"
    text = "{a} / {b}"
    binding = 2
    says = (
        "The first value is divided by the second, unit by unit.",
        ("The dividend gets the error divided by the divisor.", "The divisor gets the error times −a/b²."),
    )

    def forward(self, xp: Any, a: Any, b: Any) -> Any:
        return a / b

    def backward(self, delta: Node) -> tuple[Node, Node]:
        return delta / self.b, -(delta * self.a / self.b / self.b)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("a", (None, 2, 3)), 2 + Input("b", (2, 3)) ** 2)]


class Cast(Node):
    """The same numbers in another dtype."""

    x: Node
    to: str
    elementwise = True
    integer_inputs = ("x",)
    latex = r"{x}"
    text = "{x}"
    says = ("", "")

    def __post_init__(self) -> None:
        object.__setattr__(self, "to", real_or_integer(self.to, self.label).name)

    def infer(self) -> Spec:
        return Spec(self.x.shape, np.dtype(self.to))

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.astype(x, getattr(xp, self.to))

    def windows(self) -> tuple[Windows, ...]:
        return (broadcast_windows(self.x.shape, self.shape),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node | None]:
        return (cast(delta, self.x.dtype.name) if is_real(self.x.dtype) else None,)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 3)), "float64")]


def cast(x: Node, to: str) -> Node:
    """`x` in the dtype `to`; `x` itself where it has it already.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.cast(sc.Input("y", (None,), dtype="int64"), "float32").dtype
    dtype('float32')
    """
    x = as_node(x)
    name = to if isinstance(to, str) and to == x.dtype.name else real_or_integer(to, f"the cast of {x.label}").name
    return x if x.dtype.name == name else Cast(x, name)


class SumTo(Node):
    """x summed over what broadcasting had stretched: the adjoint of `BroadcastTo`.

    Sums of float16 are kept in float32.
    """

    x: Node
    target: Shape
    integers = "wide"
    binding = 2
    says = ("", "")

    def template(self, kind: str) -> str:
        sign = r"\textstyle\sum" if kind == "latex" else "Σ"
        return sign + over_axes(self.axes(), self.x.ndim, kind) + " {x}"

    def infer(self) -> Spec:
        _check_stretch(self, self.target, self.x.shape)
        return Spec(self.target, self.x.dtype)

    def axes(self) -> tuple[int, ...]:
        """The axes of x that are summed over."""
        lead = self.x.ndim - len(self.target)
        stretched = (i + lead for i, d in enumerate(self.target) if d == 1 and self.x.shape[i + lead] != 1)
        return (*range(lead), *stretched)

    def forward(self, xp: Any, x: Any) -> Any:
        lead = self.x.ndim - len(self.target)
        kept = tuple(a for a in self.axes() if a >= lead)
        total = wide_sum(xp, x, kept, keepdims=True)
        return wide_sum(xp, total, tuple(range(lead)), keepdims=False)

    def windows(self) -> tuple[Windows, ...]:
        lead, summed = self.x.ndim - len(self.target), self.axes()
        return (tuple(WHOLE if k in summed else Window(k - lead) for k in range(self.x.ndim)),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (broadcast_to(delta, self.x.shape),)

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 3))
        return [cls(x, (3,)), cls(x, (None, 1, 3)), cls(x, ())]


def over_axes(axes: tuple[int, ...], ndim: int, kind: str) -> str:
    """The axes that a sum, mean or maximum goes over, as a subscript for a template; nothing where it is all of them.

    Examples
    --------
    >>> over_axes((0, 2, 3), 4, "text"), over_axes((0, 1), 2, "text"), over_axes((0, 2), 3, "latex")
    ('₀₂₃', '', '_{{0, 2}}')
    """
    if len(axes) == ndim:
        return ""
    if kind == "latex":
        return f"_{{{{{', '.join(map(str, axes))}}}}}"
    digits = ("" if ndim <= 10 else ",").join(map(str, axes))
    return digits.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def wide_sum(xp: Any, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """The sum over `axes`, in float32 where x is float16."""
    if not axes:
        return x
    if x.dtype == xp.float32 or x.dtype == xp.float64 or xp.isdtype(x.dtype, "integral"):
        return xp.sum(x, axis=axes, keepdims=keepdims)
    return xp.astype(xp.sum(xp.astype(x, xp.float32), axis=axes, keepdims=keepdims), x.dtype)


class BroadcastTo(Node):
    """x repeated to the shape `target`, as NumPy broadcasts it; the adjoint of `SumTo`."""

    x: Node
    target: Shape
    size: Node | None = None
    """The batch size, where the batch axis is among the new ones; see `broadcast_to`."""
    integer_inputs = ("x",)
    latex = r"{x}"
    text = "{x}"
    says = ("", "")

    def infer(self) -> Spec:
        _check_stretch(self, self.x.shape, self.target)
        if None in self.target and None not in self.x.shape and self.size is None:
            problem = f"how long the batch is among the axes {self.target} does not follow from {self.x.shape}"
            raise ShapeError(message(problem, "sc.broadcast_to adds the size of the batch", node=self))
        return Spec(self.target, self.x.dtype)

    def forward(self, xp: Any, x: Any, size: Any = None) -> Any:
        batch = x.shape[self.x.shape.index(None)] if size is None and None in self.x.shape else size
        return xp.broadcast_to(x, tuple(int(batch) if t is None else t for t in self.target))

    def windows(self) -> tuple[Windows, ...]:
        return tuple(broadcast_windows(i.shape, self.shape) for i in self.inputs)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,) if self.size is None else (1.0, None)

    def backward(self, delta: Node) -> tuple[Node | None, ...]:
        sent = sum_to(delta, self.x.shape)
        return (sent,) if self.size is None else (sent, None)

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 1, 3))
        return [cls(x, (None, 2, 3)), broadcast_to(Input("w", (3,)), (None, 2, 3)), cls(Input("s", ()), (4,))]


def _check_stretch(node: Node, small: Shape, large: Shape) -> None:
    try:
        fits = broadcast_shapes(small, large) == large
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ShapeError(message(f"the shape {small} does not broadcast to {large}", node=node))


def broadcast_to(x: Node, shape: Shape) -> Node:
    """`x` repeated to `shape`; `x` itself where it has that shape.

    Parameters
    ----------
    x : Node
    shape : tuple of int or None

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.broadcast_to(sc.Input("b", (3,)), (None, 3)).shape
    (None, 3)
    """
    x, shape = as_node(x), as_shape(shape, "the shape to broadcast to")
    if x.shape == shape:
        return x
    new_batch = None in shape and None not in x.shape
    real = x.dtype.name if is_real(x.dtype) else "float32"
    return BroadcastTo(x, shape, batch_size(real) if new_batch else None)


def fed(name: str, shape: Shape, dtype: str) -> Node:
    """A value of that shape that is fed: an input; where the batch is on several axes, a product of inputs.

    Examples
    --------
    >>> fed("error", (None, 2, None), "float32")
    Mul(error, error along axis 2): (None, 2, None) float32
    """
    first = shape.index(None) if None in shape else None
    found: Node = Input(name, [1 if d is None and k != first else d for k, d in enumerate(shape)], dtype)
    for axis, size in enumerate(shape):
        if size is None and axis != first:
            alone = [None if k == axis else 1 for k in range(len(shape))]
            found = found * Input(f"{name} along axis {axis}", alone, dtype)
    return found


def sum_to(x: Node, shape: Shape) -> Node:
    """`x` summed over what broadcasting from `shape` had stretched; `x` itself where it has that shape."""
    x, shape = as_node(x), as_shape(shape, "the shape to sum to")
    return x if x.shape == tuple(shape) else SumTo(x, tuple(shape))


def batch_size(dtype: str = "float32") -> Node:
    """N, the number of rows in the batch that is being run, as a scalar node.

    Parameters
    ----------
    dtype : str
        float16 counts in float32: it holds no whole numbers above 2048.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 2))
    >>> sc.compile(sc.sum(x) / sc.batch_size())(x=[[1, 2], [3, 4]])
    array(5., dtype=float32)
    """
    return BatchSize("float32" if isinstance(dtype, str) and dtype == "float16" else dtype)


def count(shape: Shape, dtype: str) -> Node:
    """The number of elements of `shape`, as a scalar: a constant, times N where the batch axis is among them."""
    fixed = math.prod(d for d in shape if d is not None)
    number: Node = Const(np.asarray(fixed, dtype="float32" if dtype == "float16" else dtype))
    for _ in range(shape.count(None)):
        number = number * batch_size(dtype)
    return number


def _filled(like: Node, value: float) -> Node:
    """`value` everywhere, in the shape and dtype of `like`."""
    like = as_node(like)
    if not is_real(like.dtype):
        raise DTypeError(message(f"{like.label} has dtype {like.dtype}: no errors pass through it", site=call_site()))
    return broadcast_to(Const(np.asarray(value, dtype=like.dtype)), like.shape)


def zeros(like: Node) -> Node:
    """0 in the shape and dtype of `like`: what a rule sends where its derivative is 0."""
    return _filled(like, 0)


def ones(like: Node) -> Node:
    """1 in the shape and dtype of `like`."""
    return _filled(like, 1)
