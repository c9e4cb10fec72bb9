"""Sums, means and maxima over axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph.algebra import broadcast_to, count, over_axes, wide_sum
from ..graph.arguments import flag
from ..graph.errors import ShapeError, message
from ..graph.leaves import Input
from ..graph.node import Node
from ..graph.spec import Shape, Spec, normal_axes
from ..graph.window import WHOLE, Influence, Window, Windows
from .elementwise import Exp
from .select import where
from .shape import reshape

Axes = int | tuple[int, ...] | None


class Reduction(Node):
    """The base of reductions: `axes` (all of them where None) vanish, or stay as 1 with `keepdims`.

    ``<axes>`` in a template is where the axes stand, unless they are all of them.
    """

    x: Node
    axes: tuple[int, ...] | None = None
    keepdims: bool = False

    def __post_init__(self) -> None:
        try:
            axes = normal_axes(self.axes, self.x.ndim)
        except ValueError as error:
            raise ShapeError(message(str(error), f"the input has shape {self.x.shape}", node=self)) from None
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "keepdims", self.keepdims is not None and flag(self.keepdims, "keepdims"))

    def infer(self) -> Spec:
        kept = self.kept_shape()
        shape = kept if self.keepdims else tuple(d for i, d in enumerate(kept) if i not in self.reduced)
        return Spec(shape, self.x.dtype)

    def windows(self) -> tuple[Windows, ...]:
        kept = [k for k in range(self.x.ndim) if self.ndim == self.x.ndim or k not in self.reduced]
        return (tuple(WHOLE if k in self.reduced else Window(kept.index(k)) for k in range(self.x.ndim)),)

    @property
    def reduced(self) -> tuple[int, ...]:
        """The axes, as sorted non-negative numbers."""
        assert self.axes is not None
        return self.axes

    def template(self, kind: str) -> str:
        return super().template(kind).replace("<axes>", over_axes(self.reduced, self.x.ndim, kind))

    def kept_shape(self) -> Shape:
        """The shape with a 1 in place of each reduced axis."""
        return tuple(1 if i in self.reduced else d for i, d in enumerate(self.x.shape))

    def reduced_size(self, x: Any) -> int:
        """How many elements of the array x go into one element of the result."""
        return math.prod(x.shape[axis] for axis in self.reduced)

    def refuse_nothing(self, x: Any, what: str) -> None:
        """Raise ValueError where there is no element to reduce: an empty batch has no mean and no maximum."""
        if self.reduced_size(x) == 0:
            raise ValueError(f"the {what} of an empty batch does not exist; feed at least one row")

    def spread(self, y: Node) -> Node:
        """`y`, of this node's shape, repeated to the shape of x."""
        return broadcast_to(reshape(y, self.kept_shape()), self.x.shape)

    @classmethod
    def samples(cls) -> list[Node]:
        if cls is Reduction:
            return []
        x = Input("x", (None, 2, 3))
        return [cls(x), cls(x, (2,)), cls(x, (0,)), cls(x, (1, 2), keepdims=True)]


class Sum(Reduction):
    """The sum over axes; float16 is summed in float32."""

    integers = "wide"
    latex = r"\textstyle\sum<axes> {x}"
    text = "Σ<axes> {x}"
    binding = 2
    says = ("The units are added up.", "Each unit gets the error of its sum as it is.")

    def forward(self, xp: Any, x: Any) -> Any:
        return wide_sum(xp, x, self.reduced, self.keepdims)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (self.spread(delta),)


class Mean(Reduction):
    """The mean over axes; float16 is summed in float32. The mean of nothing (an empty batch) is an error."""

    latex = r"\operatorname{{mean}}<axes>({x})"
    text = "mean<axes>({x})"

    def verify(self, x: Any) -> None:
        self.refuse_nothing(x, "mean")

    def forward(self, xp: Any, x: Any) -> Any:
        wide = xp.astype(x, xp.float32) if self.dtype == np.float16 else x
        mean = wide_sum(xp, wide, self.reduced, self.keepdims) / self.reduced_size(x)
        return xp.astype(mean, x.dtype, copy=False)

    def influence(self) -> tuple[Influence, ...]:
        counts = [self.x.shape[k] for k in self.reduced]
        return (None if None in counts or 0 in counts else 1 / math.prod(n for n in counts if n is not None),)

    def sentences(self) -> tuple[str, str]:
        if [self.x.shape[k] for k in self.reduced] == [None]:
            return "The mean is taken over the examples.", "Each example gets an equal part of the error."
        return "It is the mean of the units.", "Each unit gets an equal part of the error."

    def backward(self, delta: Node) -> tuple[Node]:
        averaged = tuple(self.x.shape[i] for i in self.reduced)
        share = delta / count(averaged, self.dtype.name)
        return (self.spread(share),)


class Max(Reduction):
    """The maximum over axes; NaN wins. The first maximum (in row-major order) gets all of the error.

    The maximum of nothing (an empty batch) is an error.
    """

    integers = "common"
    latex = r"\operatorname{{max}}<axes>({x})"
    text = "max<axes>({x})"
    says = ("It is the largest of the units.", "All of the error goes to the first of the largest units.")

    def verify(self, x: Any) -> None:
        self.refuse_nothing(x, "maximum")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.max(x, axis=self.reduced, keepdims=self.keepdims)

    def backward(self, delta: Node) -> tuple[Node]:
        return (where(FirstMax(self.x, self.axes), self.spread(delta), 0),)


class Min(Reduction):
    """The minimum over axes; NaN wins. The first minimum (in row-major order) gets all of the error.

    The minimum of nothing (an empty batch) is an error.
    """

    integers = "common"
    latex = r"\operatorname{{min}}<axes>({x})"
    text = "min<axes>({x})"
    says = ("It is the smallest of the units.", "All of the error goes to the first of the smallest units.")

    def verify(self, x: Any) -> None:
        self.refuse_nothing(x, "minimum")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.min(x, axis=self.reduced, keepdims=self.keepdims)

    def backward(self, delta: Node) -> tuple[Node]:
        return (where(FirstMax(-self.x, self.axes), self.spread(delta), 0),)


class LogSumExp(Reduction):
    """The logarithm of the sum of e^x over axes; exact at any x."""

    latex = r"\log(\textstyle\sum<axes> e^{{{x}}})"
    text = "log(Σ<axes> exp({x}))"
    says = (
        "It is the logarithm of the sum of e to the power of each unit: a smooth maximum.",
        "Each unit gets the error times its part of the sum, which is its softmax.",
    )

    def forward(self, xp: Any, x: Any) -> Any:
        if self.reduced_size(x) == 0:
            return xp.full_like(xp.sum(x, axis=self.reduced, keepdims=self.keepdims), -math.inf)
        wide = xp.astype(x, xp.float32) if self.dtype == np.float16 else x
        top = xp.max(wide, axis=self.reduced, keepdims=True)
        top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))  # infinities have no difference
        total = top + xp.log(xp.sum(xp.exp(wide - top), axis=self.reduced, keepdims=True))
        return xp.astype(xp.reshape(total, self._shape_of(x)), x.dtype, copy=False)

    def _shape_of(self, x: Any) -> tuple[int, ...]:
        """The shape of the result, where x is the array."""
        kept = [1 if n in self.reduced else size for n, size in enumerate(x.shape)]
        return tuple(size for n, size in enumerate(kept) if self.keepdims or n not in self.reduced)

    def backward(self, delta: Node) -> tuple[Node]:
        return (self.spread(delta) * Exp(self.x - self.spread(self)),)


class FirstMax(Reduction):
    """True at the first maximum over the axes (the first NaN, if there is one), False elsewhere."""

    integers = "common"
    latex = r"\operatorname{{first\_max}}<axes>({x})"
    text = "first_max<axes>({x})"
    says = (
        "It marks the first of the largest units.",
        "No error passes: where the largest unit stands does not change with its value.",
    )

    def infer(self) -> Spec:
        return Spec(self.x.shape, np.dtype(bool))

    @property
    def mixes_rows(self) -> bool:
        return None in (self.x.shape[i] for i in self.reduced)

    def verify(self, x: Any) -> None:
        self.refuse_nothing(x, "maximum")

    def forward(self, xp: Any, x: Any) -> Any:
        rest = tuple(i for i in range(x.ndim) if i not in self.reduced)
        last = xp.permute_dims(x, rest + self.reduced)
        flat = xp.reshape(last, (*last.shape[: len(rest)], self.reduced_size(x)))
        hit = first_max_of_last(xp, flat)
        back = sorted(range(x.ndim), key=(rest + self.reduced).__getitem__)
        return xp.permute_dims(xp.reshape(hit, last.shape), tuple(back))

    def backward(self, delta: Node) -> tuple[None]:
        return (None,)

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 3))
        return [cls(x), cls(x, (2,)), cls(x, (1, 2))]


def first_max_of_last(xp: Any, x: Any) -> Any:
    """A mask of the first maximum along the last axis; a NaN counts as larger than any number."""
    largest = xp.max(x, axis=-1, keepdims=True)
    candidates = (x == largest) | ((x != x) & (largest != largest))
    position = xp.cumulative_sum(xp.astype(candidates, xp.int64), axis=-1)
    return candidates & (position == 1)


class ArgMax(Node):
    """The index of the first maximum along the last axis: the predicted class."""

    x: Node
    integers = "common"
    latex = r"\operatorname{{argmax}}({x})"
    text = "argmax({x})"
    says = (
        "It is the number of the largest unit.",
        "No error passes: the number of a unit does not change with its value.",
    )

    def infer(self) -> Spec:
        if self.x.ndim == 0:
            raise ShapeError(message("a scalar has no last axis", node=self))
        if self.x.shape[-1] == 0:
            raise ShapeError(message(f"the last axis of {self.x.shape} is empty: it has no maximum", node=self))
        return Spec(self.x.shape[:-1], np.dtype("int64"))

    def verify(self, x: Any) -> None:
        if x.shape[-1] == 0:
            raise ValueError("the maximum of an empty batch does not exist; feed at least one row")

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.astype(xp.argmax(x, axis=-1), xp.int64)

    def windows(self) -> tuple[Windows, ...]:
        return ((*(Window(k) for k in range(self.ndim)), WHOLE),)

    def backward(self, delta: Node) -> tuple[None]:
        return (None,)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 3)))]


def _axes(axis: Axes) -> tuple[int, ...] | None:
    return (axis,) if isinstance(axis, int) else axis


def sum(x: Node, axis: Axes = None, keepdims: bool = False) -> Node:
    """The sum of `x` over `axis`, over everything where it is None.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 3))
    >>> sc.compile(sc.sum(x, axis=1))(x=[[1, 2, 3], [4, 5, 6]])
    array([ 6., 15.], dtype=float32)
    """
    return Sum(x, _axes(axis), keepdims)


def mean(x: Node, axis: Axes = None, keepdims: bool = False) -> Node:
    """The mean of `x` over `axis`, over everything where it is None."""
    return Mean(x, _axes(axis), keepdims)


def max(x: Node, axis: Axes = None, keepdims: bool = False) -> Node:
    """The maximum of `x` over `axis`, over everything where it is None; see `Max`."""
    return Max(x, _axes(axis), keepdims)


def min(x: Node, axis: Axes = None, keepdims: bool = False) -> Node:
    """The minimum of `x` over `axis`, over everything where it is None; see `Min`."""
    return Min(x, _axes(axis), keepdims)


def logsumexp(x: Node, axis: Axes = None, keepdims: bool = False) -> Node:
    """The logarithm of the sum of e^x over `axis`, over everything where it is None; exact at any x.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 2))
    >>> sc.compile(sc.logsumexp(x, axis=1))(x=[[0, 0], [1e4, -1e4]])
    array([6.931472e-01, 1.000000e+04], dtype=float32)
    """
    return LogSumExp(x, _axes(axis), keepdims)


def argmax(x: Node) -> Node:
    """The index of the first maximum along the last axis, as int64."""
    return ArgMax(x)
