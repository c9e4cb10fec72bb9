"""The same numbers in another arrangement: reshape, transpose, concat, take and put, slicing."""

from __future__ import annotations

import builtins
import math
from itertools import pairwise
from types import EllipsisType
from typing import Any

import numpy as np

from ..graph.algebra import over_axes
from ..graph.errors import DTypeError, ShapeError, call_site, explain, items, natural, quoted, whole
from ..graph.leaves import Const, Input
from ..graph.node import Node, as_node
from ..graph.operators import builds
from ..graph.spec import Dim, Shape, Spec, as_shape, normal_axes
from ..graph.window import Influence, Window, Windows, index_window, reshape_windows
from .window import crop, subsample


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
                explain(f"{old} cannot be reshaped to {new}: they hold different numbers of elements", node=self)
            )
        if _around_the_batch(old) != _around_the_batch(new):
            raise ShapeError(explain(f"{old} reshaped to {new} would mix the batch axis with others", node=self))
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
        raise ShapeError(explain(f"only one axis of {shape} can be -1", site=call_site()))
    if -1 in shape:
        rest = _fixed(tuple(d for d in shape if d != -1))
        size: Dim = _fixed(x.shape) // rest if rest else 0
        if None in x.shape and None not in shape:
            size = None if _fixed(x.shape) == rest else -1
        if size == -1:
            raise ShapeError(explain(f"{x.shape} reshaped to {shape} would mix the batch axis with others", node=x))
        shape = tuple(size if d == -1 else d for d in shape)
    return x if x.shape == shape else Reshape(x, shape)


def flatten(x: Node) -> Node:
    """All axes but the batch axis in one: (N, channels, height, width) becomes (N, features)."""
    x = as_node(x)
    if x.ndim == 0:
        raise ShapeError(explain("a scalar has no batch axis: there is nothing to flatten", node=x))
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
        *others, last, first = self.axes
        if (*others, first, last) == tuple(range(self.x.ndim)):  # of matrices, or of a stack of them
            return r"{x}^{{\top}}" if kind == "latex" else "{x}ᵀ"
        head = r"\operatorname{{permute}}" if kind == "latex" else "permute"
        return f"{head}({{x}}, {list(self.axes)})"

    def infer(self) -> Spec:
        if sorted(self.axes) != list(range(self.x.ndim)):
            raise ShapeError(
                explain(f"the axes {self.axes} are no order of the {self.x.ndim} axes of {self.x.shape}", node=self)
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


class Concat(Node):
    """Arrays one after the other along an axis."""

    xs: tuple[Node, ...]
    axis: int = 1
    says = (
        "The values are put one after the other.",
        "The error is cut apart again: each value gets back its own part.",
    )

    def template(self, kind: str) -> str:
        head = r"\operatorname{{concat}}" if kind == "latex" else "concat"
        return head + over_axes((self.axis,), self.ndim + 1, kind) + "({xs})"

    def infer(self) -> Spec:
        if not self.xs:
            raise ShapeError(explain("nothing to join", node=self))
        whole(self.axis, f"{self.label}: axis")
        shapes = [x.shape for x in self.xs]
        rest = {s[: self.axis] + s[self.axis + 1 :] for s in shapes}
        sizes = [s[self.axis] if 0 <= self.axis < len(s) else None for s in shapes]
        if len(rest) > 1 or len({len(s) for s in shapes}) > 1 or None in sizes:
            listed = ", ".join(str(s) for s in shapes)
            raise ShapeError(
                explain(
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
        raise DTypeError(explain(f"concat: {given} was given; expected a list of nodes", site=call_site()))
    nodes = tuple(as_node(x, what="concat: an input") for x in xs)
    return Concat(nodes, _axis(nodes[0], axis) if nodes else axis)


class Take(Node):
    """The slices of x along an axis that a list of indices names; an index may come up repeatedly.

    Parameters
    ----------
    x : Node
    index : Node
        Integers of shape (K,), from 0 to the axis' length - 1.
    axis : int
    """

    x: Node
    index: Node
    axis: int = 0
    integer_inputs = ("x", "index")
    says = (
        "The slices that a list names are taken.",
        "Each error goes back to where its slice was taken from; where a slice was taken repeatedly, they add up.",
    )

    def template(self, kind: str) -> str:
        return "{x}[" + ":, " * self.axis + "{index}]"

    def infer(self) -> Spec:
        _check_index(self, self.index, self.x.shape, self.axis)
        shape = self.x.shape
        return Spec((*shape[: self.axis], self.index.shape[0], *shape[self.axis + 1 :]), self.x.dtype)

    def verify(self, x: Any, index: Any) -> None:
        verify_index(index, x.shape[self.axis])

    def forward(self, xp: Any, x: Any, index: Any) -> Any:
        return xp.take(x, index, axis=self.axis)

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
    latex = r"\operatorname{{put}}({x}, {index}, \text{{axis}}={axis}, \text{{size}}={size})"
    text = "put({x}, {index}, axis={axis}, size={size})"
    says = (
        "The slices are added up at the places that a list names.",
        "Each slice gets the error of the place where it was put.",
    )

    def infer(self) -> Spec:
        shape, axis = self.x.shape, whole(self.axis, f"{self.label}: axis")
        target = (*shape[:axis], natural(self.size, f"{self.label}: size"), *shape[axis + 1 :])
        _check_index(self, self.index, target, axis)
        if self.index.shape[0] != shape[axis]:
            problem = f"there are {self.index.shape[0]} indices for the {shape[axis]} slices of {shape} on axis {axis}"
            raise ShapeError(explain(problem, node=self))
        return Spec(target, self.x.dtype)

    def verify(self, x: Any, index: Any) -> None:
        verify_index(index, self.size)

    def forward(self, xp: Any, x: Any, index: Any) -> Any:
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
        raise DTypeError(explain(f"the indices are {index.spec}; expected integers of shape (K,)", node=node))
    if type(axis) is not int or not 0 <= axis < len(shape) or (size := shape[axis]) is None:
        raise ShapeError(explain(f"axis {axis} of {shape} has no indices: it is not there, or the batch", node=node))
    if isinstance(index, Const):
        try:
            verify_index(index.value, size)
        except ValueError as error:
            raise ShapeError(explain(str(error), node=node)) from None


def verify_index(index: Any, size: int) -> None:
    """Raise ValueError where an index (a label) is not in 0 ... size - 1."""
    wrong = (index < 0) | (index >= size)
    if np.any(wrong):
        place = int(np.argmax(wrong))
        raise ValueError(f"number {place} is {int(index.ravel()[place])}; expected 0 to {size - 1}")


def take(x: Node, index: Any, axis: int = 0) -> Node:
    """The slices of `x` along `axis` that `index` names; see `Take`."""
    x = as_node(x)
    if isinstance(index, list | tuple) and len(index) == 0:
        index = np.zeros(0, np.int64)
    return Take(x, index, _axis(x, axis))


def _axis(x: Node, axis: int) -> int:
    """`axis` as a number that is not negative."""
    try:
        (found,) = normal_axes(whole(axis, "the axis"), x.ndim)
    except ValueError as error:
        raise ShapeError(explain(str(error), f"the shape is {x.shape}", node=x)) from None
    return found


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
        raise ShapeError(explain("an index can have one '...' only", node=x))
    if used > x.ndim:
        raise ShapeError(explain(f"{used} indices for the {x.ndim} axes of {x.shape}", node=x))
    fill = [slice(None)] * (x.ndim - used)
    at = next((n for n, i in enumerate(items) if isinstance(i, EllipsisType)), None)
    return [*items, *fill] if at is None else [*items[:at], *fill, *items[at + 1 :]]


def _bounds(item: Any, x: Node, axis: int) -> tuple[int, int, int]:
    size = x.shape[axis]
    if size is None:
        if item != slice(None):
            raise ShapeError(explain(f"axis {axis} of {x.shape} is the batch: it cannot be indexed", node=x))
        return 0, 0, 1
    if isinstance(item, slice):
        try:
            start, stop, step = item.indices(size)
        except (TypeError, ValueError) as error:
            raise ShapeError(explain(f"{item} cannot slice axis {axis} of {x.shape}: {error}", node=x)) from None
        if step < 0:
            raise ShapeError(explain("a slice with a negative step has no node; use sc.take", node=x))
        return start, builtins.max(start, stop), step
    if isinstance(item, bool):
        raise DTypeError(explain(f"{item} is no index; choose with sc.where, or with a list of numbers", node=x))
    if not -size <= item < size:
        raise ShapeError(explain(f"index {item} is out of range for axis {axis} of {x.shape}", node=x))
    return int(item) % size, int(item) % size + 1, 1


def _take_list(x: Node, items: list[Any]) -> Node:
    lists = [n for n, i in enumerate(items) if not (isinstance(i, slice) and i == slice(None))]
    if len(lists) != 1:
        raise DTypeError(explain("one list of indices can be used at a time, with ':' for the other axes", node=x))
    axis = lists[0]
    return take(x, items[axis], axis)
