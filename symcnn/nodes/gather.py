"""One element for each place, by an index of its own in each row, and what adds errors up again."""

from __future__ import annotations

from typing import Any

from ..graph.arguments import natural
from ..graph.errors import DTypeError, ShapeError, message
from ..graph.leaves import Const, Input
from ..graph.node import Node, as_node
from ..graph.operators import Operand
from ..graph.spec import Shape, Spec
from ..graph.window import Window, Windows
from .shape import axis_of
from .take import from_the_start, verify_index


class Gather(Node):
    """The elements of x along an axis that an index names at each place; one may come up repeatedly.

    Along other axes, a place of the index reads the same place of x: of two axes and axis 1, y[n, k] is
    x[n, index[n, k]].

    Parameters
    ----------
    x : Node
    index : Node
        Integers of the shape of x, but for the axis, which may be of any length; from 0 to the axis' length - 1, or
        negative, from the end.
    axis : int
    """

    x: Node
    index: Node
    axis: int = 1
    integer_inputs = ("x", "index")
    latex = r"\operatorname{{gather}}({x}, {index}, \text{{axis}}={axis})"
    text = "gather({x}, {index}, axis={axis})"
    says = (
        "Each row takes the elements that its own index names.",
        "Each error goes back to where its element was taken from; where one was taken repeatedly, they add up.",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "axis", axis_of(self.x, self.axis))

    def infer(self) -> Spec:
        _check(self, self.index, self.x.shape, self.axis)
        return Spec(self.index.shape, self.x.dtype)

    def verify(self, x: Any, index: Any) -> None:
        verify_index(index, x.shape[self.axis], from_end=True)

    def forward(self, xp: Any, x: Any, index: Any) -> Any:
        return xp.take_along_axis(x, from_the_start(xp, index, x.shape[self.axis]), axis=self.axis)

    def windows(self) -> tuple[Windows, ...]:
        x = tuple(None if k == self.axis else Window(k) for k in range(self.ndim))
        return x, tuple(Window(k) for k in range(self.ndim))

    def backward(self, delta: Node) -> tuple[Node, None]:
        size = self.x.shape[self.axis]
        assert size is not None
        return Scatter(delta, self.index, self.axis, size), None

    @classmethod
    def samples(cls) -> list[Node]:
        known = cls(Input("x", (2, 4, 3)), Const([[[2, 0, 3]], [[1, 1, -1]]]), 1)
        return [known, cls(Input("x", (None, 3, 2)), Input("index", (None, 3, 4), "int64"), 2)]


class Scatter(Node):
    """The elements of x added up along an axis where an index says, 0 elsewhere: the adjoint of `Gather`."""

    x: Node
    index: Node
    axis: int
    size: int
    integer_inputs = ("index",)
    integers = "wide"
    latex = r"\operatorname{{scatter}}({x}, {index}, \text{{axis}}={axis}, \text{{size}}={size})"
    text = "scatter({x}, {index}, axis={axis}, size={size})"
    says = (
        "The elements of each row are added up at the places that its own index names.",
        "Each element gets the error of the place where it was put.",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "axis", axis_of(self.x, self.axis))

    def infer(self) -> Spec:
        shape, size = self.x.shape, natural(self.size, f"{self.label}: size")
        target = (*shape[: self.axis], size, *shape[self.axis + 1 :])
        _check(self, self.index, target, self.axis)
        if self.index.shape != shape:
            raise ShapeError(message(f"the index is of shape {self.index.shape}, the elements of {shape}", node=self))
        return Spec(target, self.x.dtype)

    def verify(self, x: Any, index: Any) -> None:
        verify_index(index, self.size, from_end=True)

    def forward(self, xp: Any, x: Any, index: Any) -> Any:
        index = from_the_start(xp, index, self.size)
        here, values = (xp.expand_dims(xp.moveaxis(a, self.axis, -1), axis=-1) for a in (index, x))
        hit = xp.astype(here == xp.arange(self.size), x.dtype)
        return xp.moveaxis(xp.sum(hit * values, axis=-2, dtype=x.dtype), -1, self.axis)

    def windows(self) -> tuple[Windows, ...]:
        part = tuple(None if k == self.axis else Window(k) for k in range(self.ndim))
        return part, part

    def backward(self, delta: Node) -> tuple[Node, None]:
        return Gather(delta, self.index, self.axis), None

    @classmethod
    def samples(cls) -> list[Node]:
        known = cls(Input("x", (2, 1, 3)), Const([[[2, 0, 3]], [[1, 1, -1]]]), 1, 4)
        return [known, cls(Input("x", (None, 3, 4)), Input("index", (None, 3, 4), "int64"), 2, 3)]


def _check(node: Node, index: Node, shape: Shape, axis: int) -> None:
    """Refuse an index that does not fit values of `shape` along `axis`."""
    if index.dtype.kind not in "iu":
        raise DTypeError(message(f"the index is {index.spec}; expected integers", node=node))
    if (size := shape[axis]) is None:
        raise ShapeError(message(f"axis {axis} of {shape} is the batch: it cannot be indexed", node=node))
    given = index.shape
    if len(given) != len(shape) or any(a != b for k, (a, b) in enumerate(zip(given, shape, strict=True)) if k != axis):
        hint = "sc.take is for an index that all rows share, of any shape"
        raise ShapeError(message(f"an index of {given} does not fit {shape} but for axis {axis}", hint, node=node))
    if isinstance(index, Const):
        try:
            verify_index(index.value, size, from_end=True)
        except ValueError as error:
            raise ShapeError(message(str(error), node=node)) from None


def gather(x: Node, index: Operand, axis: int = 1) -> Node:
    """For each place of `index`, the element of `x` that it names along `axis`: ``np.take_along_axis``.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, best = sc.Input("x", (None, 3)), sc.Input("best", (None, 1), dtype="int64")
    >>> sc.compile(sc.gather(x, best))(x=[[1, 2, 3], [4, 5, 6]], best=[[2], [0]])
    array([[3.],
           [4.]], dtype=float32)

    See Also
    --------
    symcnn.take : for an index that all rows share.
    """
    return Gather(as_node(x), index, axis)  # type: ignore[arg-type]


def scatter(x: Node, index: Operand, size: int, axis: int = 1) -> Node:
    """The elements of `x`, each added where `index` says along `axis`, which gets the length `size`; 0 elsewhere.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, bins = sc.Input("x", (None, 3)), sc.Input("bins", (None, 3), dtype="int64")
    >>> sc.compile(sc.scatter(x, bins, 4))(x=[[1, 2, 3]], bins=[[3, 0, 3]])
    array([[2., 0., 0., 4.]], dtype=float32)
    """
    return Scatter(as_node(x), index, axis, size)  # type: ignore[arg-type]
