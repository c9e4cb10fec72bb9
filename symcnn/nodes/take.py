"""Taking parts of arrays, by an index or by slices as in NumPy, and putting errors back where they came from."""

from __future__ import annotations

import builtins
from types import EllipsisType
from typing import Any

import numpy as np

from ..graph.arguments import natural, whole
from ..graph.errors import DTypeError, ShapeError, message
from ..graph.leaves import Const, Input
from ..graph.node import Node, as_node
from ..graph.operators import builds
from ..graph.spec import Dim, Shape, Spec
from ..graph.window import Window, Windows, index_window
from .border import crop, subsample
from .shape import axis_of, reshape


class Take(Node):
    """The slices of x along an axis that a list of indices names; an index may come up repeatedly.

    Parameters
    ----------
    x : Node
    index : Node
        Integers of shape (K,), from 0 to the axis' length - 1; negative ones count from the end, as NumPy's do.
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
        "The slices that a list names are taken.",
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
        return Spec((*shape[: self.axis], self.index.shape[0], *shape[self.axis + 1 :]), self.x.dtype)

    def verify(self, x: Any, index: Any) -> None:
        verify_index(index, x.shape[self.axis], from_end=True)

    def forward(self, xp: Any, x: Any, index: Any) -> Any:
        return xp.take(x, _from_the_start(xp, index, x.shape[self.axis]), axis=self.axis)

    def windows(self) -> tuple[Windows, ...]:
        taken = _taken(self)
        x = tuple(taken if k == self.axis else Window(k) for k in range(self.ndim))
        return x, (Window(self.axis),)

    def backward(self, delta: Node) -> tuple[Node, None]:
        size = self.x.shape[self.axis]
        assert size is not None
        return Put(delta, self.index, self.axis, size), None

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (4, 3)), Const([2, 0, 2])), cls(Input("x", (None, 4, 3)), Const([3, 1]), 1)]


class Put(Node):
    """The slices of x added up at the places that a list of indices names, 0 elsewhere: the adjoint of `Take`."""

    x: Node
    index: Node
    axis: int
    size: int
    integer_inputs = ("index",)
    integers = "wide"
    latex = r"\operatorname{{put}}({x}, {index}, \text{{axis}}={axis}, \text{{size}}={size})"
    text = "put({x}, {index}, axis={axis}, size={size})"
    says = (
        "The slices are added up at the places that a list names.",
        "Each slice gets the error of the place where it was put.",
    )

    def __post_init__(self) -> None:
        _count_from_the_start(self, self.size)

    def infer(self) -> Spec:
        shape, axis = self.x.shape, whole(self.axis, f"{self.label}: axis")
        target = (*shape[:axis], natural(self.size, f"{self.label}: size"), *shape[axis + 1 :])
        _check_index(self, self.index, target, axis)
        if self.index.shape[0] != shape[axis]:
            problem = f"there are {self.index.shape[0]} indices for the {shape[axis]} slices of {shape} on axis {axis}"
            raise ShapeError(message(problem, node=self))
        return Spec(target, self.x.dtype)

    def verify(self, x: Any, index: Any) -> None:
        verify_index(index, self.size, from_end=True)

    def forward(self, xp: Any, x: Any, index: Any) -> Any:
        index = _from_the_start(xp, index, self.size)
        hit = xp.astype(xp.expand_dims(xp.arange(self.size), axis=1) == index, x.dtype)
        last = xp.moveaxis(x, self.axis, 0)
        return xp.moveaxis(xp.tensordot(hit, last, axes=1), 0, self.axis)

    def windows(self) -> tuple[Windows, ...]:
        taken = _taken(self)
        put = taken.inverse(self.axis) if taken and taken.axis is not None else None
        return tuple(put if k == self.axis else Window(k) for k in range(self.ndim)), (None,)

    def backward(self, delta: Node) -> tuple[Node, None]:
        return Take(delta, self.index, self.axis), None

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (3, 2)), Const([2, 0, 2]), 0, 4)]


def _taken(node: Take | Put) -> Window | None:
    """What a slice that is taken by the index reads, where the index is known."""
    index = node.index
    return index_window(node.axis, index.value.tolist()) if isinstance(index, Const) else None


def _check_index(node: Node, index: Node, shape: Shape, axis: int) -> None:
    if index.dtype.kind not in "iu" or index.ndim != 1:
        raise DTypeError(message(f"the indices are {index.spec}; expected integers of shape (K,)", node=node))
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
            object.__setattr__(node, "index", Const(_from_the_start(np, value, size), name=index.name))


def _from_the_start(xp: Any, index: Any, size: int) -> Any:
    """Where indices lead, in int64: of some dtypes, `size` is too large a number."""
    index = xp.astype(index, xp.int64, copy=False)
    return xp.where(index < 0, index + size, index)


def take(x: Node, index: Any, axis: int = 0) -> Node:
    """The slices of `x` along `axis` that `index` names, from the end where it is negative; see `Take`."""
    x = as_node(x)
    if isinstance(index, list | tuple) and len(index) == 0:
        index = np.zeros(0, np.int64)
    return Take(x, index, axis_of(x, axis))


@builds("getitem")
def getitem(x: Node, index: Any) -> Node:
    """NumPy's basic slicing, and a list of indices along one axis.

    Raises
    ------
    ShapeError
        For an index out of range, or one that would change the batch axis.
    """
    items = _expanded(index, x)
    if [i for i in items if not isinstance(i, slice | int | np.integer | type(None))]:
        return _take_list(x, items)
    widths, steps = [], []
    shape: list[Dim] = []
    axis = 0
    for item in items:
        if item is None:
            shape.append(1)
            continue
        start, stop, step = _bounds(item, x, axis)
        size = x.shape[axis]
        widths.append((0, 0) if size is None else (start, size - stop))
        steps.append(step)
        if isinstance(item, slice):
            shape.append(None if size is None else len(range(start, stop, step)))
        axis += 1
    return reshape(subsample(crop(x, tuple(widths)), tuple(steps)), tuple(shape))


def _expanded(index: Any, x: Node) -> list[Any]:
    """The index with one item for each axis."""
    items = list(index) if isinstance(index, tuple) else [index]
    used = builtins.sum(i is not None and not isinstance(i, EllipsisType) for i in items)
    if builtins.sum(isinstance(i, EllipsisType) for i in items) > 1:
        raise ShapeError(message("an index can have one '...' only", node=x))
    if used > x.ndim:
        raise ShapeError(message(f"{used} indices for the {x.ndim} axes of {x.shape}", node=x))
    fill = [slice(None)] * (x.ndim - used)
    at = next((n for n, i in enumerate(items) if isinstance(i, EllipsisType)), None)
    return [*items, *fill] if at is None else [*items[:at], *fill, *items[at + 1 :]]


def _bounds(item: Any, x: Node, axis: int) -> tuple[int, int, int]:
    size = x.shape[axis]
    if size is None:
        if item != slice(None):
            raise ShapeError(message(f"axis {axis} of {x.shape} is the batch: it cannot be indexed", node=x))
        return 0, 0, 1
    if isinstance(item, slice):
        try:
            start, stop, step = item.indices(size)
        except (TypeError, ValueError) as error:
            raise ShapeError(message(f"{item} cannot slice axis {axis} of {x.shape}: {error}", node=x)) from None
        if step < 0:
            raise ShapeError(message("a slice with a negative step has no node; use sc.take", node=x))
        return start, builtins.max(start, stop), step
    if isinstance(item, bool):
        raise DTypeError(message(f"{item} is no index; choose with sc.where, or with a list of numbers", node=x))
    if not -size <= item < size:
        raise ShapeError(message(f"index {item} is out of range for axis {axis} of {x.shape}", node=x))
    return int(item) % size, int(item) % size + 1, 1


def _take_list(x: Node, items: list[Any]) -> Node:
    lists = [n for n, i in enumerate(items) if not (isinstance(i, slice) and i == slice(None))]
    if len(lists) != 1:
        raise DTypeError(message("one list of indices can be used at a time, with ':' for the other axes", node=x))
    axis = lists[0]
    return take(x, items[axis], axis)
