"""Windows that overlap, laid side by side, and what adds up again what they share."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.errors import ArgumentError, ShapeError, message
from ..graph.leaves import Input
from ..graph.node import Node
from ..graph.spec import Shape, Spec
from ..graph.window import Window
from ..graph.window import Windows as Read
from .pool import window_text

Pair = tuple[int, int]
Border = tuple[Pair, Pair]


class _Sliding(Node):
    """The base of both: windows `stride` apart, with units `dilation` apart, over maps with a `border`."""

    x: Node
    size: Pair
    stride: Pair
    dilation: Pair = (1, 1)
    border: Border = ((0, 0), (0, 0))

    def counts(self, maps: Shape) -> Pair:
        """How many windows there are along the last two axes of `maps`."""
        found = []
        for length, p, step, gap, (before, after) in zip(
            maps[-2:], self.size, self.stride, self.dilation, self.border, strict=True
        ):
            reach, room = (p - 1) * gap + 1, (length or 0) + before + after
            if min(p, step, gap) < 1 or min(before, after) < 0:
                problem = f"windows of {self.size}, {self.stride} apart, dilation {self.dilation}, border {self.border}"
                raise ArgumentError(message(f"{problem}: sizes and steps are at least 1, borders 0", node=self))
            if length is None or reach > room:
                problem = f"windows of {self.size} do not fit into maps of {maps[-2:]} with a border of {self.border}"
                raise ShapeError(message(problem, node=self))
            found.append((room - reach) // step + 1)
        return found[0], found[1]

    def laid_out(self, maps: Shape) -> Shape:
        """The shape of all windows side by side."""
        rows, columns = self.counts(maps)
        return (*maps[:-2], rows * self.size[0], columns * self.size[1])

    def _seen(self, ndim: int) -> Read:
        """What a unit of the windows reads of the maps: its place, or somewhere near, which is all that can be said."""
        ends = []
        for axis, p, step, gap, (before, _) in zip(
            (ndim - 2, ndim - 1), self.size, self.stride, self.dilation, self.border, strict=True
        ):
            spare = (p - 1) * (gap * p - step)
            ends.append(Window(axis, step, min(0, spare) - before * p, abs(spare) + 1, per=p))
        return (*(Window(k) for k in range(ndim - 2)), *ends)

    def parts(self) -> dict[str, Any]:
        border = ", ".join(str(a) if a == b else f"{a}+{b}" for a, b in self.border)
        shown = {"step": list(self.stride), "gap": list(self.dilation), "around": f"[{border}]"}
        return super().parts() | shown | {"window": window_text(self.size)}

    def _function(self, name: str, kind: str, more: str = "") -> str:
        """The template of windows₃ₓ₂(x, [2, 1]): the steps, and what is not as usual."""
        plain = [self.dilation == (1, 1), self.border == ((0, 0), (0, 0)), not more]
        rest = [
            "{step}",
            *(["{gap}", "{around}", *filter(None, [more])][: 3 - plain[::-1].index(False)] if not all(plain) else []),
        ]
        head = rf"\operatorname{{{{{name}}}}}_{{{{{{size}}}}}}" if kind == "latex" else f"{name}{{window}}"
        return f"{head}({{x}}, {', '.join(rest)})"

    @classmethod
    def samples(cls) -> list[Node]:
        return []


class Windows(_Sliding):
    """Windows of p x q units laid side by side: units that several windows share are repeated.

    So `Pool`, which has windows that do not overlap, pools windows that do.

    Parameters
    ----------
    x : Node
        (..., height, width).
    size, stride, dilation : (int, int)
        How many units a window has, how far apart windows are, and how far apart the units of a window.
    border : pairs (before, after)
        Around the maps.
    fill : number
        What stands in the border: -inf never is a maximum.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (1, 5))
    >>> sc.compile(sc.Windows(x, (1, 3), (1, 2)))(x=[[1, 2, 3, 4, 5]])
    array([[1., 2., 3., 3., 4., 5.]], dtype=float32)
    """

    fill: float = 0.0
    integer_inputs = ("x",)
    says = ("Windows that overlap are laid side by side.", "The errors of a unit in all its windows add up.")

    def template(self, kind: str) -> str:
        return self._function("windows", kind, "{fill}" if self.fill else "")

    def infer(self) -> Spec:
        if self.x.ndim < 2:
            raise ShapeError(message(f"needs two spatial axes at the end; the shape is {self.x.shape}", node=self))
        return Spec(self.laid_out(self.x.shape), self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        for axis, ends in enumerate(self.border, start=x.ndim - 2):
            shapes = [(*x.shape[:axis], n, *x.shape[axis + 1 :]) for n in ends]
            before, after = (xp.full(shape, self.fill, dtype=x.dtype) for shape in shapes)
            x = xp.concat([before, x, after], axis=axis)
        for axis, p, step, gap, count in zip(
            (x.ndim - 2, x.ndim - 1), self.size, self.stride, self.dilation, self.counts(self.x.shape), strict=True
        ):
            places = step * np.arange(count)[:, None] + gap * np.arange(p)
            x = xp.take(x, xp.asarray(places.ravel()), axis=axis)
        return x

    def windows(self) -> tuple[Read, ...]:
        return (self._seen(self.ndim),)

    def backward(self, delta: Node) -> tuple[Node]:
        height, width = self.x.shape[-2:]
        assert height is not None and width is not None
        return (Fold(delta, self.size, self.stride, self.dilation, self.border, (height, width)),)

    @classmethod
    def samples(cls) -> list[Node]:
        x, row = Input("x", (None, 2, 5, 6)), Input("x", (None, 1, 1, 7))
        border = ((1, 0), (2, 1))
        return [
            cls(x, (3, 2), (2, 1)),
            cls(x, (2, 3), (1, 2), (2, 1), border, 2.0),
            cls(row, (1, 3), (1, 2)),
        ]


class Fold(_Sliding):
    """Maps of the size `target` to which all windows are added, each at its place: the adjoint of `Windows`."""

    target: Pair = (1, 1)
    integer_inputs = ("x",)
    says = ("What belongs to one unit is added up over its windows.", "Each window gets the errors of its units.")

    def template(self, kind: str) -> str:
        return self._function("fold", kind, "{size_of_maps}")

    def parts(self) -> dict[str, Any]:
        return super().parts() | {"size_of_maps": "×".join(map(str, self.target))}

    def infer(self) -> Spec:
        maps = (*self.x.shape[:-2], *self.target)
        if self.x.ndim < 2 or self.x.shape != self.laid_out(maps):
            raise ShapeError(message(f"{self.x.shape} are not the windows of maps of {self.target}", node=self))
        return Spec(maps, self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        geometry = zip(
            self.size, self.stride, self.dilation, self.border, self.target, self.counts(self.shape), strict=True
        )
        for axis, (p, step, gap, (before, after), length, count) in enumerate(geometry, start=x.ndim - 2):
            room = before + length + after
            apart = xp.reshape(x, (*x.shape[:axis], count, p, *x.shape[axis + 1 :]))
            moved = xp.moveaxis(apart, axis + 1, 0)
            x = _spread(xp, moved[0, ...], axis, step, room, 0)
            for number in range(1, p):
                x = x + _spread(xp, moved[number, ...], axis, step, room, gap * number)
            x = xp.take(x, xp.asarray(np.arange(before, before + length)), axis=axis)
        return x

    def windows(self) -> tuple[Read, ...]:
        seen = self._seen(self.ndim)
        return (tuple(w.inverse(k) for k, w in enumerate(seen) if w is not None),)

    def backward(self, delta: Node) -> tuple[Node]:
        return (Windows(delta, self.size, self.stride, self.dilation, self.border),)

    @classmethod
    def samples(cls) -> list[Node]:
        maps = Input("x", (None, 2, 6, 8))
        return [cls(maps, (3, 2), (2, 1), (1, 1), ((1, 0), (0, 0)), (4, 5))]


def _spread(xp: Any, x: Any, axis: int, step: int, length: int, first: int) -> Any:
    """The elements of x along an axis at every `step`-th place from `first` on, of `length`; 0 elsewhere."""

    def zeros(count: int) -> Any:
        return xp.zeros((*x.shape[:axis], count, *x.shape[axis + 1 :]), dtype=x.dtype)

    count = x.shape[axis]
    if step > 1:
        wide = xp.expand_dims(x, axis=axis + 1)
        gap = xp.zeros((*wide.shape[: axis + 1], step - 1, *wide.shape[axis + 2 :]), dtype=x.dtype)
        joined = xp.concat([wide, gap], axis=axis + 1)
        x = xp.reshape(joined, (*x.shape[:axis], count * step, *x.shape[axis + 1 :]))
        count = (count - 1) * step + 1
        x = xp.take(x, xp.asarray(np.arange(count)), axis=axis)
    return xp.concat([zeros(first), x, zeros(length - first - count)], axis=axis)
