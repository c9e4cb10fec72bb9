"""Pooling over disjoint windows, and how its errors go back: upsample, and the switches of max pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph.arguments import chosen, pair
from ..graph.errors import DTypeError, ShapeError, message
from ..graph.leaves import Input
from ..graph.node import Node
from ..graph.spec import Shape, Spec
from ..graph.window import Influence, Window, Windows, broadcast_windows

Size = tuple[int, int]


def _pooled(node: Node, shape: Shape, size: Size) -> Shape:
    """`shape` with its last two axes divided by `size`."""
    if len(shape) < 2 or shape[-2] is None or shape[-1] is None:
        raise ShapeError(message(f"pooling needs two spatial axes at the end; the shape is {shape}", node=node))
    height, width = shape[-2], shape[-1]
    if height % size[0] or width % size[1]:
        raise ShapeError(
            message(
                f"windows of {size[0]}x{size[1]} do not divide maps of {height}x{width}",
                "choose a size that divides both, or let the rest go: border='drop'",
                node=node,
            )
        )
    return (*shape[:-2], height // size[0], width // size[1])


def _enlarged(shape: Shape, size: Size) -> Shape:
    height, width = shape[-2], shape[-1]
    assert height is not None and width is not None
    return (*shape[:-2], height * size[0], width * size[1])


def corners(x: Any, size: Size) -> list[Any]:
    """The windows' first elements, second elements, ...: views of x, in row-major order."""
    return [x[..., u :: size[0], v :: size[1]] for u in range(size[0]) for v in range(size[1])]


def _gathered(ndim: int, size: Size) -> Windows:
    """What a unit reads that has a window of `size` for itself."""
    kept = (Window(k) for k in range(ndim - 2))
    return (*kept, *(Window(ndim - 2 + k, step=p, size=p) for k, p in enumerate(size)))


def _spread(ndim: int, size: Size) -> Windows:
    """What a unit reads that is one of a window of `size`."""
    kept = (Window(k) for k in range(ndim - 2))
    return (*kept, *(Window(ndim - 2 + k, per=p) for k, p in enumerate(size)))


class _Windowed(Node):
    """The base of nodes with a window `size` (height, width), which formulas show as the ``window``: ₂ₓ₂."""

    x: Node
    size: Size

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", pair(self.size, f"{self.label}: size"))

    def parts(self) -> dict[str, Any]:
        return super().parts() | {"window": window_text(self.size)}

    @classmethod
    def samples(cls) -> list[Node]:
        return []


def window_text(size: Size) -> str:
    """A window's size as a subscript."""
    return "ₓ".join(map(str, size)).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


class Pool(_Windowed):
    """The mean or the maximum of each window of p x q units; windows do not overlap.

    Parameters
    ----------
    x : Node
        (..., height, width), which the window divides.
    size : int or (height, width)
    mode : "mean" or "max"

    Notes
    -----
    ``upsample`` of the tutorial: the mean spreads its error evenly, the maximum sends all of it to the unit
    that was chosen (the switch): the first maximum in row-major order, or the first NaN.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (2, 4))
    >>> p = sc.Pool(x, 2, "max")
    >>> sc.compile(p)(x=[[1, 2, 3, 4], [5, 6, 7, 8]])
    array([[6., 8.]], dtype=float32)
    """

    mode: str = "mean"

    if TYPE_CHECKING:

        def __init__(self, x: Node, size: int | Size, mode: str = "mean", *, name: str = "") -> None: ...

    symbol = "p"
    latex = r"\operatorname{{{mode}}}_{{{size}}}({x})"
    text = "{mode}{window}({x})"

    @property
    def integers(self) -> str:  # type: ignore[override]
        """The largest of integers is one of them; a mean is a real number."""
        return "common" if self.mode == "max" else "real"

    def infer(self) -> Spec:
        chosen(self.mode, ("mean", "max"), f"{self.label}: mode")
        return Spec(_pooled(self, self.x.shape, self.size), self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        wide = xp.float32 if self.mode == "mean" and self.dtype == np.float16 else x.dtype
        parts = [xp.astype(part, wide, copy=False) for part in corners(x, self.size)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part if self.mode == "mean" else xp.maximum(total, part)
        return xp.astype(total / len(parts), x.dtype, copy=False) if self.mode == "mean" else total

    def windows(self) -> tuple[Windows, ...]:
        return (_gathered(self.ndim, self.size),)

    def influence(self) -> tuple[Influence, ...]:
        return (1 / (self.size[0] * self.size[1]) if self.mode == "mean" else "first maximum",)

    def sentences(self) -> tuple[str, str]:
        p, q = self.size
        if self.mode == "mean":
            back = f"Upsample: the error is spread evenly, each of the {p * q} units of a window gets 1/{p * q} of it."
            return f"Each unit is the mean of a window of {p}×{q}.", back
        return (
            f"Each unit is the largest of a window of {p}×{q}.",
            "Upsample: all of an error goes to the switch, the unit that was the largest; the others get nothing.",
        )

    def backward(self, delta: Node) -> tuple[Node]:
        if self.mode == "mean":
            return (Upsample(delta / (self.size[0] * self.size[1]), self.size),)
        return (Place(delta, Switches(self.x, self.size), self.size),)

    @classmethod
    def samples(cls) -> list[Node]:
        x, flat = Input("x", (None, 2, 4, 6)), Input("x", (None, 1, 1, 6))
        return [cls(x, 2, "mean"), cls(x, (2, 3), "max"), cls(flat, (1, 3), "max"), cls(x, 1, "mean")]


class Upsample(_Windowed):
    """Each unit repeated over a window of p x q: kron(x, ones(p, q))."""

    integer_inputs = ("x",)
    latex = r"\operatorname{{upsample}}_{{{size}}}({x})"
    text = "upsample{window}({x})"
    says = ("Each unit is repeated over a window.", "The errors of each window add up.")

    def infer(self) -> Spec:
        if self.x.ndim < 2 or None in self.x.shape[-2:]:
            raise ShapeError(message(f"needs two spatial axes at the end; the shape is {self.x.shape}", node=self))
        return Spec(_enlarged(self.x.shape, self.size), self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        p, q = self.size
        spread = xp.expand_dims(xp.expand_dims(x, axis=-1), axis=-3)
        repeated = xp.broadcast_to(spread, (*x.shape[:-1], p, x.shape[-1], q))
        return xp.reshape(repeated, (*x.shape[:-2], x.shape[-2] * p, x.shape[-1] * q))

    def windows(self) -> tuple[Windows, ...]:
        return (_spread(self.ndim, self.size),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (Pool(delta, self.size, "mean") * (self.size[0] * self.size[1]),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 2, 3)), (2, 3))]


class Switches(_Windowed):
    """Where the maximum of each window stands: its row-major number in the window, 0 to p q - 1.

    The first of equal maxima; the first NaN, if there is one. Both passes of max pooling share it.
    """

    symbol = "s"
    integer_inputs = ("x",)
    latex = r"\operatorname{{switches}}_{{{size}}}({x})"
    text = "switches{window}({x})"
    says = (
        "The switch of each window is the number of its largest unit.",
        "No error passes: the number of a unit does not change with its value.",
    )

    def infer(self) -> Spec:
        return Spec(_pooled(self, self.x.shape, self.size), np.dtype("int64"))

    def forward(self, xp: Any, x: Any) -> Any:
        best, *others = corners(x, self.size)
        chosen = xp.zeros(best.shape, dtype=xp.int64)
        for number, part in enumerate(others, start=1):
            better = (part > best) | ((part != part) & (best == best))  # the first NaN is the largest
            best = xp.where(better, part, best)
            chosen = xp.where(better, xp.asarray(number, dtype=xp.int64), chosen)
        return chosen

    def windows(self) -> tuple[Windows, ...]:
        return (_gathered(self.ndim, self.size),)

    def backward(self, delta: Node) -> tuple[None]:
        return (None,)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 4, 6)), (2, 3))]


def _check_switches(node: Node, switches: Node) -> None:
    if switches.dtype.kind not in "iu":
        raise DTypeError(message(f"the switches are {switches.dtype}; expected integers: sc.Switches(x, p)", node=node))


class Pick(Node):
    """The unit of each window of x at which the switch stands. The adjoint of `Place`."""

    x: Node
    switches: Node
    size: Size
    integer_inputs = ("x", "switches")
    latex = r"\operatorname{{pick}}_{{{size}}}({x}, {switches})"
    text = "pick{window}({x}, {switches})"
    says = (
        "Of each window the unit at its switch is taken.",
        "Each error goes back to the unit at the switch; the others get none.",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", pair(self.size, f"{self.label}: size"))

    def parts(self) -> dict[str, Any]:
        return super().parts() | {"window": window_text(self.size)}

    def infer(self) -> Spec:
        shape = _pooled(self, self.x.shape, self.size)
        if self.switches.shape != shape:
            raise ShapeError(message(f"the switches have shape {self.switches.shape}; expected {shape}", node=self))
        _check_switches(self, self.switches)
        return Spec(shape, self.x.dtype)

    def forward(self, xp: Any, x: Any, switches: Any) -> Any:
        first, *others = corners(x, self.size)
        for number, part in enumerate(others, start=1):
            first = xp.where(switches == number, part, first)
        return first

    def windows(self) -> tuple[Windows, ...]:
        return _gathered(self.ndim, self.size), broadcast_windows(self.switches.shape, self.shape)

    def backward(self, delta: Node) -> tuple[Node, None]:
        return Place(delta, self.switches, self.size), None

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 4, 6))
        return [cls(Input("d", (None, 2, 4, 6)), Switches(x, (2, 3)), (2, 3))]


class Place(Node):
    """An error put where the switch of its window stands, 0 elsewhere: max pooling's ``upsample``."""

    x: Node
    switches: Node
    size: Size
    integer_inputs = ("x", "switches")
    latex = r"\operatorname{{upsample}}_{{{size}}}({x}, {switches})"
    text = "upsample{window}({x}, {switches})"
    says = (
        "Each unit is put where the switch of its window stands.",
        "Each unit gets the error from where it was put.",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", pair(self.size, f"{self.label}: size"))

    def parts(self) -> dict[str, Any]:
        return super().parts() | {"window": window_text(self.size)}

    def infer(self) -> Spec:
        if self.switches.shape != self.x.shape:
            raise ShapeError(message(f"switches of {self.switches.shape} for errors of {self.x.shape}", node=self))
        _check_switches(self, self.switches)
        return Spec(_enlarged(self.x.shape, self.size), self.x.dtype)

    def forward(self, xp: Any, x: Any, switches: Any) -> Any:
        p, q = self.size
        none = xp.zeros_like(x)
        parts = [xp.where(switches == number, x, none) for number in range(p * q)]
        rows = [xp.stack(parts[u * q : (u + 1) * q], axis=-1) for u in range(p)]
        return xp.reshape(xp.stack(rows, axis=-3), (*x.shape[:-2], x.shape[-2] * p, x.shape[-1] * q))

    def windows(self) -> tuple[Windows, ...]:
        return _spread(self.ndim, self.size), _spread(self.ndim, self.size)

    def backward(self, delta: Node) -> tuple[Node, None]:
        return Pick(delta, self.switches, self.size), None

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 4, 6))
        return [cls(Input("d", (None, 2, 2, 2)), Switches(x, (2, 3)), (2, 3))]


def upsample(x: Node, size: int | Size) -> Node:
    """Each unit of `x` repeated over a window; see `Upsample`."""
    return Upsample(x, size)  # type: ignore[arg-type]
