"""Taking slices of arrays by an index, and putting errors back where they came from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph.arguments import natural, whole
from ..graph.errors import DTypeError, ShapeError, message
from ..graph.leaves import Const, Input
from ..graph.node import Node
from ..graph.spec import Dim, Shape, Spec
from ..graph.window import Window, Windows, index_window


class Take(Node):
    """The slices of x along an axis that indices name; an index may come up repeatedly.

    Parameters
    ----------
    x : Node
    index : Node
        Integers, from 0 to the axis' length - 1; negative ones count from the end, as NumPy's do. Their axes take the
        place of the axis.
    axis : int

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (4,))
    >>> sc.compile(x[[0, -1]])(x=[10, 20, 30, 40])
    array([10., 40.], dtype=float32)
    """

    x: Node
    index: Node
    axis: int = 0
    integer_inputs = ("x", "index")
    says = (
        "The slices that indices name are taken.",
        "Each error goes back to where its slice was taken from; where a slice was taken repeatedly, they add up.",
    )

    def __post_init__(self) -> None:
        if type(self.axis) is int and 0 <= self.axis < self.x.ndim:
            _count_from_the_start(self, self.x.shape[self.axis])

    def template(self, kind: str) -> str:
        return "{x}[" + ":, " * self.axis + "{index}]"

    def infer(self) -> Spec:
        _check_index(self, self.index, self.x.shape, self.axis)
        shape = self.x.shape
        return Spec((*shape[: self.axis], *self.index.shape, *shape[self.axis + 1 :]), self.x.dtype)

    def verify(self, x: Any, index: Any) -> None:
        verify_index(index, x.shape[self.axis], from_end=True)

    def forward(self, xp: Any, x: Any, index: Any) -> Any:
        flat = xp.reshape(from_the_start(xp, index, x.shape[self.axis]), (-1,))
        shape = (*x.shape[: self.axis], *index.shape, *x.shape[self.axis + 1 :])
        return xp.reshape(xp.take(x, flat, axis=self.axis), shape)

    def windows(self) -> tuple[Windows, ...]:
        taken, more = _taken(self), self.index.ndim - 1
        x = (taken if k == self.axis else Window(k if k < self.axis else k + more) for k in range(self.x.ndim))
        return tuple(x), tuple(Window(self.axis + k) for k in range(self.index.ndim))

    def backward(self, delta: Node) -> tuple[Node, None]:
        size = self.x.shape[self.axis]
        assert size is not None
        return Put(delta, self.index, self.axis, size), None

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 4, 3))
        return [cls(Input("x", (4, 3)), Const([2, 0, 2])), cls(x, Const([3, 1]), 1), cls(x, Const([[3, 1], [0, 3]]), 1)]


class Put(Node):
    """The slices of x added up at the places that indices name, 0 elsewhere: the adjoint of `Take`.

    The axes of the index stand in x from `axis` on; in their place the value has one axis of the length `size`.
    """

    x: Node
    index: Node
    axis: int
    size: int
    integer_inputs = ("index",)
    integers = "wide"
    latex = r"\operatorname{{put}}({x}, {index}, \text{{axis}}={axis}, \text{{size}}={size})"
    text = "put({x}, {index}, axis={axis}, size={size})"
    says = (
        "The slices are added up at the places that indices name.",
        "Each slice gets the error of the place where it was put.",
    )

    def __post_init__(self) -> None:
        _count_from_the_start(self, self.size)

    def infer(self) -> Spec:
        shape, axis = self.x.shape, whole(self.axis, f"{self.label}: axis")
        end = axis + self.index.ndim
        target = (*shape[:axis], natural(self.size, f"{self.label}: size"), *shape[end:])
        _check_index(self, self.index, target, axis)
        if self.index.shape != shape[axis:end]:
            problem = f"the indices are of shape {self.index.shape}, the slices of {shape} of shape {shape[axis:end]}"
            raise ShapeError(message(problem, node=self))
        return Spec(target, self.x.dtype)

    @property
    def mixes_rows(self) -> bool:
        return None in self.index.shape

    def verify(self, x: Any, index: Any) -> None:
        verify_index(index, self.size, from_end=True)

    def forward(self, xp: Any, x: Any, index: Any) -> Any:
        flat = xp.reshape(from_the_start(xp, index, self.size), (-1,))
        hit = xp.astype(xp.expand_dims(xp.arange(self.size), axis=1) == flat, x.dtype)
        first = xp.moveaxis(self.slices(xp, x), self.axis, 0)
        return xp.moveaxis(xp.tensordot(hit, first, axes=1), 0, self.axis)

    def slices(self, xp: Any, x: Any) -> Any:
        """The array x with the axes of the index as one."""
        count = math.prod(x.shape[self.axis : self.axis + self.index.ndim])
        return xp.reshape(x, (*x.shape[: self.axis], count, *x.shape[self.axis + self.index.ndim :]))

    def windows(self) -> tuple[Windows, ...]:
        taken, more = _taken(self), self.index.ndim - 1
        put = taken.inverse(self.axis) if taken and taken.axis is not None else None
        inside = range(self.axis, self.axis + self.index.ndim)
        x = (put if k in inside else Window(k if k < self.axis else k - more) for k in range(self.x.ndim))
        return tuple(x), (None,) * self.index.ndim

    def backward(self, delta: Node) -> tuple[Node, None]:
        return Take(delta, self.index, self.axis), None

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 2, 3))
        return [cls(Input("x", (3, 2)), Const([2, 0, 2]), 0, 4), cls(x, Const([[2, 0], [2, 1]]), 1, 4)]


def _taken(node: Take | Put) -> Window | None:
    """What a slice that is taken by the index reads, where the index is known."""
    index = node.index
    known = isinstance(index, Const) and index.ndim == 1
    return index_window(node.axis, index.value.tolist()) if known else None  # type: ignore[attr-defined]


def _check_index(node: Node, index: Node, shape: Shape, axis: int) -> None:
    if index.dtype.kind not in "iu":
        hint = (
            "a mask chooses by sc.where(mask, x, 0)" if index.dtype.kind == "b" else "sc.cast makes integers of reals"
        )
        raise DTypeError(message(f"the indices are {index.spec}; expected integers", hint, node=node))
    if type(axis) is not int or not 0 <= axis < len(shape) or (size := shape[axis]) is None:
        raise ShapeError(message(f"axis {axis} of {shape} has no indices: it is not there, or the batch", node=node))
    if isinstance(index, Const):
        try:
            verify_index(index.value, size, from_end=True)
        except ValueError as error:
            raise ShapeError(message(str(error), node=node)) from None


def verify_index(index: Any, size: int, from_end: bool = False) -> None:
    """Raise ValueError where an index (a label) is not in 0 ... size - 1, or in -size ... if `from_end`."""
    first = -size if from_end else 0
    wrong = (index < first) | (index >= size)
    if np.any(wrong):
        place = int(np.argmax(wrong))
        given, last = int(index.ravel()[place]), size - 1
        expected = f"{first if given < 0 else 0} to {last}" if size else "none: the axis has no elements"
        raise ValueError(f"number {place} is {given}; expected {expected}")


def _count_from_the_start(node: Take | Put, size: Dim) -> None:
    """Write known indices that count from the end as those that count from the start: so engines see only these."""
    index = node.index
    if isinstance(index, Const) and index.dtype.kind == "i" and type(size) is int:
        value = index.value
        if value.size and -size <= value.min() < 0:
            object.__setattr__(node, "index", Const(from_the_start(np, value, size), name=index.name))


def from_the_start(xp: Any, index: Any, size: int) -> Any:
    """Where indices lead, in int64: of some dtypes, `size` is too large a number."""
    index = xp.astype(index, xp.int64, copy=False)
    return xp.where(index < 0, index + size, index)
