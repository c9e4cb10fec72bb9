"""The same numbers in another arrangement: reshape, transpose, flip, concat."""

from __future__ import annotations

import builtins
import math
from itertools import pairwise
from typing import Any

import numpy as np

from ..graph.algebra import over_axes
from ..graph.arguments import items, whole
from ..graph.errors import DTypeError, ShapeError, call_site, message
from ..graph.leaves import Input
from ..graph.node import Node, as_node
from ..graph.spec import Dim, Shape, Spec, as_shape, normal_axes
from ..graph.window import Influence, Window, Windows, reshape_windows
from ..text import quoted
from .border import crop


class Reshape(Node):
    """The same numbers, in row-major order, in another shape. The batch axis stays the batch axis."""

    x: Node
    target: Shape
    integer_inputs = ("x",)
    latex = r"{x}"
    text = "{x}"
    says = ("", "")

    def infer(self) -> Spec:
        old, new = self.x.shape, as_shape(self.target, f"the new shape of {self.label}")
        if _fixed(old) != _fixed(new) or old.count(None) != new.count(None):
            raise ShapeError(
                message(f"{old} cannot be reshaped to {new}: they hold different numbers of elements", node=self)
            )
        if _around_the_batch(old) != _around_the_batch(new):
            raise ShapeError(message(f"{old} reshaped to {new} would mix the batch axis with others", node=self))
        return Spec(new, self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        sizes = tuple(x.shape[self.x.shape.index(None)] if d is None else d for d in self.target)
        return xp.reshape(x, sizes)

    def windows(self) -> tuple[Windows, ...]:
        return (reshape_windows(self.x.shape, self.shape),)

    def influence(self) -> tuple[Influence, ...]:
        exact = all(w is not None and (w.size, w.per) == (1, 1) for w in self.windows()[0])
        return (1.0 if exact else None,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (reshape(delta, self.x.shape),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 3)), (None, 6)), cls(Input("x", (4, 3)), (2, 6))]


def _fixed(shape: Shape) -> int:
    return math.prod(d for d in shape if d is not None)


def _around_the_batch(shape: Shape) -> list[int]:
    """How many elements there are before, between and after batch axes."""
    at = [-1, *(i for i, d in enumerate(shape) if d is None), len(shape)]
    return [math.prod(d for d in shape[a + 1 : b] if d is not None) for a, b in pairwise(at)]


def reshape(x: Node, shape: Dim | tuple[Dim, ...]) -> Node:
    """`x` in another shape; one axis may be -1, to be computed.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.reshape(sc.Input("x", (None, 20, 10, 10)), (None, -1)).shape
    (None, 2000)
    """
    x = as_node(x)
    given = items(shape)
    given = [shape] if given is None else given
    shape = tuple(None if d is None else whole(d, f"a size in the new shape of {x.label}") for d in given)
    if shape.count(-1) > 1:
        raise ShapeError(message(f"only one axis of {shape} can be -1", site=call_site()))
    if -1 in shape:
        rest = _fixed(tuple(d for d in shape if d != -1))
        size: Dim = _fixed(x.shape) // rest if rest else 0
        if None in x.shape and None not in shape:
            size = None if _fixed(x.shape) == rest else -1
        if size == -1:
            raise ShapeError(message(f"{x.shape} reshaped to {shape} would mix the batch axis with others", node=x))
        shape = tuple(size if d == -1 else d for d in shape)
    return x if x.shape == shape else Reshape(x, shape)


def flatten(x: Node) -> Node:
    """All axes but the batch axis in one: (N, channels, height, width) becomes (N, features)."""
    x = as_node(x)
    if x.ndim == 0:
        raise ShapeError(message("a scalar has no batch axis: there is nothing to flatten", node=x))
    return reshape(x, (x.shape[0], -1)) if x.ndim != 2 else x


class Transpose(Node):
    """The axes in another order."""

    x: Node
    axes: tuple[int, ...]
    integer_inputs = ("x",)
    binding = 8
    says = ("", "")

    def __post_init__(self) -> None:
        ndim = self.x.ndim
        given = self.axes if isinstance(self.axes, tuple) else (self.axes,)
        axes = (whole(a, f"{self.label}: an axis") for a in given)
        object.__setattr__(self, "axes", tuple(a + ndim if -ndim <= a < 0 else a for a in axes))

    def template(self, kind: str) -> str:
        if getattr(self.x, "is_in_columns", False):
            return "{x}"  # a product is written with an example a column already
        if getattr(self.x, "is_in_groups", False) and self.axes == (1, 0, 2, 3, 4):
            return "{x}"  # a convolution is written with the number of its groups
        *others, last, first = self.axes
        if (*others, first, last) == tuple(range(self.x.ndim)):  # of matrices, or of a stack of them
            return r"{x}^{{\top}}" if kind == "latex" else "{x}ᵀ"
        head = r"\operatorname{{permute}}" if kind == "latex" else "permute"
        return f"{head}({{x}}, {list(self.axes)})"

    def infer(self) -> Spec:
        if sorted(self.axes) != list(range(self.x.ndim)):
            raise ShapeError(
                message(f"the axes {self.axes} are no order of the {self.x.ndim} axes of {self.x.shape}", node=self)
            )
        return Spec(tuple(self.x.shape[a] for a in self.axes), self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.permute_dims(x, self.axes)

    def windows(self) -> tuple[Windows, ...]:
        return (tuple(Window(self.axes.index(k)) for k in range(self.ndim)),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        back = sorted(range(len(self.axes)), key=self.axes.__getitem__)
        return (transpose(delta, tuple(back)),)

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 3))
        return [cls(x, (2, 0, 1)), cls(x, (0, 2, 1))]


def transpose(x: Node, axes: tuple[int, ...] | None = None) -> Node:
    """The axes of `x` in the order `axes`; reversed where it is None."""
    x = as_node(x)
    order = tuple(reversed(range(x.ndim))) if axes is None else axes
    return Transpose(x, order)


class Flip(Node):
    """The elements along some axes in the reverse order; its own adjoint."""

    x: Node
    axes: tuple[int, ...]
    integer_inputs = ("x",)
    says = ("The order is reversed.", "The errors are reversed, too.")

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "axes", normal_axes(self.axes, self.x.ndim))
        except ValueError as error:
            raise ShapeError(message(str(error), f"the shape is {self.x.shape}", node=self)) from None

    def template(self, kind: str) -> str:
        head = r"\operatorname{{flip}}" if kind == "latex" else "flip"
        return head + over_axes(self.axes, self.ndim + 1, kind) + "({x})"

    def infer(self) -> Spec:
        batch = next((a for a in self.axes if self.x.shape[a] is None), None)
        if batch is not None:
            raise ShapeError(message(f"axis {batch} of {self.x.shape} is the batch: it cannot be reversed", node=self))
        return self.x.spec

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.flip(x, axis=self.axes)

    def windows(self) -> tuple[Windows, ...]:
        sizes = enumerate(self.x.shape)
        return (tuple(Window(k, step=-1, start=(d or 0) - 1) if k in self.axes else Window(k) for k, d in sizes),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (Flip(delta, self.axes),)

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 3))
        return [cls(x, (2,)), cls(x, (1, 2))]


def flip(x: Node, axis: int | tuple[int, ...] | None = None) -> Node:
    """The elements of `x` along `axis` in the reverse order; along all axes where it is None.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.flip(sc.Input("x", (3,))))(x=[1, 2, 3])
    array([3., 2., 1.], dtype=float32)
    """
    return Flip(as_node(x), axis)  # type: ignore[arg-type]


class Concat(Node):
    """Arrays one after the other along an axis."""

    xs: tuple[Node, ...]
    axis: int = 1
    integers = "common"
    says = (
        "The values are put one after the other.",
        "The error is cut apart again: each value gets back its own part.",
    )

    def template(self, kind: str) -> str:
        head = r"\operatorname{{concat}}" if kind == "latex" else "concat"
        return head + over_axes((self.axis,), self.ndim + 1, kind) + "({xs})"

    def infer(self) -> Spec:
        if not self.xs:
            raise ShapeError(message("nothing to join", node=self))
        whole(self.axis, f"{self.label}: axis")
        shapes = [x.shape for x in self.xs]
        rest = {s[: self.axis] + s[self.axis + 1 :] for s in shapes}
        sizes = [s[self.axis] if 0 <= self.axis < len(s) else None for s in shapes]
        if len(rest) > 1 or len({len(s) for s in shapes}) > 1 or None in sizes:
            listed = ", ".join(str(s) for s in shapes)
            raise ShapeError(
                message(
                    f"cannot join along axis {self.axis}: {listed}",
                    "the other axes must agree, and the batch axis cannot be joined",
                    node=self,
                )
            )
        joined = builtins.sum(s for s in sizes if s is not None)
        first = shapes[0]
        shape = (*first[: self.axis], joined, *first[self.axis + 1 :])
        return Spec(shape, np.result_type(*(x.dtype for x in self.xs)))

    def forward(self, xp: Any, *xs: Any) -> Any:
        return xp.concat(xs, axis=self.axis)

    def windows(self) -> tuple[Windows, ...]:
        sizes = [x.shape[self.axis] or 0 for x in self.xs]
        starts = [builtins.sum(sizes[:n]) for n in range(len(sizes))]
        axes = range(self.ndim)
        return tuple(tuple(Window(k, start=-s if k == self.axis else 0) for k in axes) for s in starts)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,) * len(self.inputs)

    def backward(self, delta: Node) -> tuple[Node, ...]:
        sent, start = [], 0
        total = self.shape[self.axis]
        assert total is not None
        for x in self.xs:
            size = x.shape[self.axis]
            assert size is not None
            widths = [(0, 0)] * self.ndim
            widths[self.axis] = (start, total - start - size)
            sent.append(crop(delta, tuple(widths)))
            start += size
        return tuple(sent)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls((Input("a", (None, 2, 3)), Input("b", (None, 1, 3))), 1)]


def concat(xs: list[Node] | tuple[Node, ...], axis: int = 1) -> Node:
    """`xs` joined along `axis` (1, the channels, unless told).

    Examples
    --------
    >>> import symcnn as sc
    >>> a, b = sc.Input("a", (None, 2, 4, 4)), sc.Input("b", (None, 3, 4, 4))
    >>> sc.concat([a, b]).shape
    (None, 5, 4, 4)
    """
    if not isinstance(xs, tuple | list):
        given = xs.label if isinstance(xs, Node) else quoted(xs)
        raise DTypeError(message(f"concat: {given} was given; expected a list of nodes", site=call_site()))
    nodes = tuple(as_node(x, what="concat: an input") for x in xs)
    return Concat(nodes, axis_of(nodes[0], axis) if nodes else axis)


def axis_of(x: Node, axis: int) -> int:
    """`axis` as a number that is not negative."""
    try:
        (found,) = normal_axes(whole(axis, "the axis"), x.ndim)
    except ValueError as error:
        raise ShapeError(message(str(error), f"the shape is {x.shape}", node=x)) from None
    return found
