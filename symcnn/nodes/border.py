"""Borders and gaps: pad and crop, subsample and dilate. Each pair is a node and its adjoint."""

from __future__ import annotations

from typing import Any

from ..graph.arguments import items, positive_int, whole
from ..graph.errors import ShapeError, message
from ..graph.leaves import Input
from ..graph.node import Node, as_node
from ..graph.spec import Dim, Spec
from ..graph.window import Influence, Window, Windows
from ..text import quoted

Widths = tuple[tuple[int, int], ...]
"""How many elements before and after, for each axis."""


class Pad(Node):
    """Zeros around x: `widths` holds (before, after) for each axis. The adjoint of `Crop`."""

    x: Node
    widths: Widths
    integer_inputs = ("x",)
    says = ("A border of zeros is put around it.", "The errors of the border are dropped: nothing was read from there.")

    def template(self, kind: str) -> str:
        return _function("pad", kind, _border(self.widths))

    def parts(self) -> dict[str, Any]:
        return super().parts() | {"amount": _border(self.widths)}

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

    def windows(self) -> tuple[Windows, ...]:
        return (tuple(Window(k, start=-before) for k, (before, _) in enumerate(self.widths)),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

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
    says = ("Its border is cut off.", "Each error goes back to its place; what was cut off gets none.")

    def template(self, kind: str) -> str:
        return _function("crop", kind, amount) if (amount := _border(self.widths)).isdigit() else "{x}[{slices}]"

    def parts(self) -> dict[str, Any]:
        ends = zip(self.x.shape, self.widths, strict=True)
        slices = [":" if d is None or (a, b) == (0, 0) else f"{a}:{d - b}" for d, (a, b) in ends]
        return super().parts() | {"slices": ", ".join(slices), "amount": _border(self.widths)}

    def infer(self) -> Spec:
        _check_axes(self, self.x, self.widths)
        shape: list[Dim] = []
        for size, (before, after) in zip(self.x.shape, self.widths, strict=True):
            if size is not None and before + after > size:
                raise ShapeError(message(f"cannot take {before} + {after} from {size} of {self.x.shape}", node=self))
            shape.append(size if size is None else size - before - after)
        return Spec(tuple(shape), self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        return x[tuple(slice(a, n - b) for n, (a, b) in zip(x.shape, self.widths, strict=True))]

    def windows(self) -> tuple[Windows, ...]:
        return (tuple(Window(k, start=before) for k, (before, _) in enumerate(self.widths)),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (pad(delta, self.widths),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 4, 3)), ((0, 0), (1, 2), (0, 1)))]


def _check_axes(node: Node, x: Node, widths: Widths) -> None:
    fits = isinstance(widths, tuple) and len(widths) == x.ndim
    fits = fits and all(
        isinstance(w, tuple) and len(w) == 2 and all(type(n) is int and n >= 0 for n in w) for w in widths
    )
    if not fits or any(d is None and w != (0, 0) for d, w in zip(x.shape, widths, strict=True)):
        raise ShapeError(
            message(
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

    def template(self, kind: str) -> str:
        return _function("subsample", kind, amount) if (amount := _pace(self.steps)).isdigit() else "{x}[{slices}]"

    def parts(self) -> dict[str, Any]:
        slices = ", ".join(":" if n == 1 else f"::{n}" for n in self.steps)
        return super().parts() | {"slices": slices, "amount": _pace(self.steps)}

    def infer(self) -> Spec:
        _check_steps(self, self.x, self.steps)
        shape = tuple(d if d is None else -(-d // s) for d, s in zip(self.x.shape, self.steps, strict=True))
        return Spec(shape, self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        return x[tuple(slice(None, None, s) for s in self.steps)]

    def windows(self) -> tuple[Windows, ...]:
        return (tuple(Window(k, step=s) for k, s in enumerate(self.steps)),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def sentences(self) -> tuple[str, str]:
        pace = "×".join(str(n) for n in self.steps[-2:])
        return (
            f"Of each {pace} units only the first is kept.",
            "Each error goes back to the unit that was kept; the others get none.",
        )

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
    integer_inputs = ("x",)
    says = ("Zeros are put between its units.", "The errors of the zeros are dropped.")

    def template(self, kind: str) -> str:
        return _function("dilate", kind, _pace(self.steps), ", {size}")

    def parts(self) -> dict[str, Any]:
        shown = self.target[-2:] if _pace(self.steps).isdigit() else self.target
        return super().parts() | {"amount": _pace(self.steps), "size": tuple(d for d in shown if d is not None)}

    def infer(self) -> Spec:
        _check_steps(self, self.x, self.steps)
        fits = isinstance(self.target, tuple) and len(self.target) == self.x.ndim
        fits = fits and all(
            d == (t if t is None else -(-t // s)) for d, t, s in zip(self.x.shape, self.target, self.steps, strict=True)
        )
        if not fits:
            raise ShapeError(message(f"{self.x.shape} at steps {self.steps} does not fill {self.target}", node=self))
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

    def windows(self) -> tuple[Windows, ...]:
        return (tuple(Window(k, step=s).inverse(k) for k, s in enumerate(self.steps)),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (subsample(delta, self.steps),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 2)), (1, 2, 3), (None, 4, 5))]


def _check_steps(node: Node, x: Node, steps: tuple[int, ...]) -> None:
    fits = isinstance(steps, tuple) and len(steps) == x.ndim and all(type(s) is int and s >= 1 for s in steps)
    if not fits or any(d is None and s != 1 for d, s in zip(x.shape, steps, strict=True)):
        raise ShapeError(
            message(
                f"the steps {quoted(steps)} do not fit the shape {x.shape}",
                "expected a whole number >= 1 for each axis, 1 for the batch axis",
                node=node,
            )
        )


def _function(name: str, kind: str, amount: str, rest: str = "") -> str:
    """The template of pad_2(x) or of pad(x, [1, 2, 3])."""
    head = rf"\operatorname{{{{{name}}}}}" if kind == "latex" else name
    if not amount.isdigit():
        return f"{head}({{x}}, {{amount}}{rest})"
    return head + ("_{{{amount}}}" if kind == "latex" else "_{amount}") + f"({{x}}{rest})"


def _border(widths: Widths) -> str:
    """How wide a border is: 2 around the last two axes, or [0, 1+2, 3] with before+after for each axis."""
    around = len(widths) > 1 and not any(map(any, widths[:-2])) and len({*widths[-2], *widths[-1]}) == 1
    every = ", ".join(str(a) if a == b else f"{a}+{b}" for a, b in widths)
    return str(widths[-1][0]) if around else f"[{every}]"


def _pace(steps: tuple[int, ...]) -> str:
    """The step of the last two axes, or [1, 2, 3] with one for each axis."""
    both = len(steps) > 1 and set(steps[:-2]) <= {1} and steps[-2] == steps[-1]
    return str(steps[-1]) if both else f"[{', '.join(map(str, steps))}]"


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
        raise ShapeError(message(f"a border of {n} does not fit the shape {x.shape}", node=x))
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
