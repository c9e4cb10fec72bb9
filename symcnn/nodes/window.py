"""Borders and gaps: pad and crop, subsample and dilate. Each pair is a node and its adjoint."""

from __future__ import annotations

from typing import Any

from ..graph.errors import ShapeError, explain, items, positive_int, quoted, whole
from ..graph.leaves import Input
from ..graph.node import Node, as_node
from ..graph.spec import Dim, Spec

Widths = tuple[tuple[int, int], ...]
"""How many elements before and after, for each axis."""


class Pad(Node):
    """Zeros around x: `widths` holds (before, after) for each axis. The adjoint of `Crop`."""

    x: Node
    widths: Widths
    latex = r"\operatorname{{pad}}({x})"
    text = "pad({x})"

    def infer(self) -> Spec:
        _check_axes(self, self.x, self.widths)
        shape = tuple(d if d is None else d + a + b for d, (a, b) in zip(self.x.shape, self.widths, strict=True))
        return Spec(shape, self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        for axis, (before, after) in enumerate(self.widths):
            head, tail = list(x.shape), list(x.shape)
            head[axis], tail[axis] = before, after
            if before or after:
                x = xp.concat(
                    [xp.zeros(tuple(head), dtype=x.dtype), x, xp.zeros(tuple(tail), dtype=x.dtype)], axis=axis
                )
        return x

    def backward(self, delta: Node) -> tuple[Node]:
        return (crop(delta, self.widths),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 3)), ((0, 0), (1, 2), (0, 1)))]


class Crop(Node):
    """x without its border: `widths` holds (before, after) for each axis. The adjoint of `Pad`."""

    x: Node
    widths: Widths
    integer_inputs = ("x",)
    latex = r"\operatorname{{crop}}({x})"
    text = "crop({x})"

    def template(self, kind: str) -> str:
        if not any(w != (0, 0) for w in self.widths[:-2]):
            return super().template(kind)
        return "{x}_{{[{slices}]}}" if kind == "latex" else "{x}[{slices}]"

    def parts(self) -> dict[str, Any]:
        ends = zip(self.x.shape, self.widths, strict=True)
        slices = [":" if d is None or (a, b) == (0, 0) else f"{a}:{d - b}" for d, (a, b) in ends]
        return super().parts() | {"slices": ", ".join(slices)}

    def infer(self) -> Spec:
        _check_axes(self, self.x, self.widths)
        shape: list[Dim] = []
        for size, (before, after) in zip(self.x.shape, self.widths, strict=True):
            if size is not None and before + after > size:
                raise ShapeError(explain(f"cannot take {before} + {after} from {size} of {self.x.shape}", node=self))
            shape.append(size if size is None else size - before - after)
        return Spec(tuple(shape), self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        return x[tuple(slice(a, n - b) for n, (a, b) in zip(x.shape, self.widths, strict=True))]

    def backward(self, delta: Node) -> tuple[Node]:
        return (pad(delta, self.widths),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 4, 3)), ((0, 0), (1, 2), (0, 1)))]


def _check_axes(node: Node, x: Node, widths: Widths) -> None:
    fits = len(widths) == x.ndim and all(
        isinstance(w, tuple) and len(w) == 2 and all(type(n) is int and n >= 0 for n in w) for w in widths
    )
    if not fits or any(d is None and w != (0, 0) for d, w in zip(x.shape, widths, strict=True)):
        raise ShapeError(
            explain(
                f"the widths {quoted(widths)} do not fit the shape {x.shape}",
                "expected whole numbers (before, after) for each axis, none negative, (0, 0) for the batch axis",
                node=node,
            )
        )


class Subsample(Node):
    """Every n-th element: `steps` holds n for each axis. The adjoint of `Dilate`."""

    x: Node
    steps: tuple[int, ...]
    integer_inputs = ("x",)
    latex = r"{x}_{{\downarrow}}"
    text = "subsample({x})"

    def infer(self) -> Spec:
        _check_steps(self, self.x, self.steps)
        shape = tuple(d if d is None else -(-d // s) for d, s in zip(self.x.shape, self.steps, strict=True))
        return Spec(shape, self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        return x[tuple(slice(None, None, s) for s in self.steps)]

    def backward(self, delta: Node) -> tuple[Node]:
        return (Dilate(delta, self.steps, self.x.shape),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 4, 5)), (1, 2, 3)), cls(Input("x", (None, 4, 4)), (1, 2, 2))]


class Dilate(Node):
    """x with zeros between its elements, in the shape `target`. The adjoint of `Subsample`."""

    x: Node
    steps: tuple[int, ...]
    target: tuple[Dim, ...]
    latex = r"{x}_{{\uparrow}}"
    text = "dilate({x})"

    def infer(self) -> Spec:
        _check_steps(self, self.x, self.steps)
        fits = len(self.target) == self.x.ndim and all(
            d == (t if t is None else -(-t // s)) for d, t, s in zip(self.x.shape, self.target, self.steps, strict=True)
        )
        if not fits:
            raise ShapeError(explain(f"{self.x.shape} at steps {self.steps} does not fill {self.target}", node=self))
        return Spec(self.target, self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        for axis, (step, size) in enumerate(zip(self.steps, self.target, strict=True)):
            if step > 1 and size is not None:
                spread = xp.expand_dims(x, axis=axis + 1)
                gap = (*x.shape[: axis + 1], step - 1, *x.shape[axis + 1 :])
                wide = xp.concat([spread, xp.zeros(gap, dtype=x.dtype)], axis=axis + 1)
                wide = xp.reshape(wide, (*x.shape[:axis], x.shape[axis] * step, *x.shape[axis + 1 :]))
                cut = [slice(None)] * x.ndim
                cut[axis] = slice(0, size)
                x = wide[tuple(cut)]
        return x

    def backward(self, delta: Node) -> tuple[Node]:
        return (subsample(delta, self.steps),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 2)), (1, 2, 3), (None, 4, 5))]


def _check_steps(node: Node, x: Node, steps: tuple[int, ...]) -> None:
    fits = len(steps) == x.ndim and all(type(s) is int and s >= 1 for s in steps)
    if not fits or any(d is None and s != 1 for d, s in zip(x.shape, steps, strict=True)):
        raise ShapeError(
            explain(
                f"the steps {quoted(steps)} do not fit the shape {x.shape}",
                "expected a whole number >= 1 for each axis, 1 for the batch axis",
                node=node,
            )
        )


def pad(x: Node, widths: int | Widths) -> Node:
    """`x` with zeros around it.

    Parameters
    ----------
    x : Node
    widths : int, or (before, after) for each axis
        One number pads the last two axes, the height and the width, on all four sides.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.pad(sc.Input("x", (None, 1, 28, 28)), 2).shape
    (None, 1, 32, 32)
    """
    node = Pad(x, _sides(as_node(x), widths))
    return node.x if node.shape == node.x.shape else node


def crop(x: Node, widths: int | Widths) -> Node:
    """`x` without a border; `widths` as for `pad`."""
    node = Crop(x, _sides(as_node(x), widths))
    return node.x if node.shape == node.x.shape else node


def _sides(x: Node, widths: int | Widths) -> Widths:
    """The widths for each axis, where one number stands for the height and the width."""
    sides = items(widths)
    if sides is not None:
        return tuple(sides)
    n = whole(widths, f"the width of the border of {x.label}")
    if n < 0 or x.ndim < 2:
        raise ShapeError(explain(f"a border of {n} does not fit the shape {x.shape}", node=x))
    return ((0, 0),) * (x.ndim - 2) + ((n, n),) * 2


def subsample(x: Node, steps: int | tuple[int, ...]) -> Node:
    """Every n-th element of `x`: of the last two axes where `steps` is one number, else a step for each axis."""
    x = as_node(x)
    every = items(steps)
    if every is None:
        n = positive_int(steps, f"the step of the subsampling of {x.label}")
        every = [1] * (x.ndim - 2) + [n, n]
    node = Subsample(x, tuple(every))
    return x if node.shape == x.shape else node
