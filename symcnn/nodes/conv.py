"""Convolution, and what its gradients are made of: rot90 and the swap of images and channels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph.arguments import natural
from ..graph.errors import ShapeError, message
from ..graph.leaves import Input
from ..graph.node import Node, Sentences
from ..graph.spec import Spec
from ..graph.window import WHOLE, Influence, Window, Windows
from .border import Pad, Widths
from .border import pad as pad_border
from .connections import connected
from .reduce import sum
from .shape import Reshape, Transpose


class Conv(Node):
    """The valid convolution of maps with rotated filters, plus a bias: z = x * rot90(w, 2) + b.

    Parameters
    ----------
    x : Node
        (N, channels, height, width).
    w : Node
        (filters, channels, n, m). Written out, z[i, j] is the sum over u, v of x[i + u, j + v] w[u, v].
    b : Node, optional
        (filters,).

    Notes
    -----
    With the error delta of z (UFLDL, "Convolutional Neural Network"):
    delta(x) is the full convolution of delta with w; grad w = x * rot90(delta, 2); grad b is the sum of delta.
    Both are convolutions again: the full one over a padded delta, the other over x and delta with images
    and channels swapped, which sums over the images.

    As matrices do in a product, convolutions may stand side by side: axes in front, the same in x, w and b, number
    them, as x (groups, N, channels, height, width) and w (groups, filters, channels, n, m). Strides, dilations and
    groups are written with `Subsample`, `Dilate` and such an axis; see `symcnn.convolve`.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 28, 28))
    >>> z = sc.Conv(x, sc.Param("W", np.zeros((20, 1, 9, 9), "float32")), sc.Param("b", np.zeros(20, "float32")))
    >>> z.shape
    (None, 20, 20, 20)
    """

    x: Node
    w: Node
    b: Node | None = None
    symbol = "z"
    binding = 1

    def infer(self) -> Spec:
        x, w, lead = self.x.shape, self.w.shape, self.x.ndim - 4
        if lead < 0 or len(w) != len(x) or w[:lead] != x[:lead]:
            raise ShapeError(
                message(
                    f"expected x of (N, channels, height, width) and w of (filters, channels, n, m), got {x} and {w}",
                    "sc.reshape adds axes of length 1; axes in front are the same in both",
                    node=self,
                )
            )
        if x[-3] != w[-3]:
            raise ShapeError(
                message(f"the filters see {w[-3]} channels, the input has {x[-3]}", f"x is {x}, w is {w}", node=self)
            )
        if None in x[-2:] or None in w[-2:] or x[-2] < w[-2] or x[-1] < w[-1]:  # type: ignore[operator]
            raise ShapeError(
                message(
                    f"the filters of {w[-2]}x{w[-1]} do not fit into maps of {x[-2]}x{x[-1]}",
                    "use smaller filters, or pad the maps (pad=...)",
                    node=self,
                )
            )
        biases = (*w[:lead], w[lead])
        if self.b is not None and self.b.shape != biases:
            raise ShapeError(message(f"the bias has shape {self.b.shape}; expected one a filter, {biases}", node=self))
        height, width = x[-2] - w[-2] + 1, x[-1] - w[-1] + 1  # type: ignore[operator]
        dtype = np.result_type(*(i.dtype for i in self.inputs))
        return Spec((*x[:lead], x[lead], w[lead], height, width), dtype)

    def forward(self, xp: Any, x: Any, w: Any, b: Any = None) -> Any:
        (n, m), (*lead, images, channels, height, width) = w.shape[-2:], x.shape
        height, width = height - n + 1, width - m + 1
        wide = xp.float64 if self.dtype == np.float64 else xp.float32
        x, w = xp.astype(x, wide, copy=False), xp.astype(w, wide, copy=False)
        z = xp.zeros((*lead, images, w.shape[-4], height * width), dtype=wide)
        for u in range(n):
            for v in range(m):
                seen = xp.reshape(x[..., u : u + height, v : v + width], (*lead, images, channels, height * width))
                z = z + xp.matmul(xp.expand_dims(w[..., u, v], axis=-3), seen)
        z = xp.reshape(z, (*z.shape[:-1], height, width))
        if b is not None:
            z = z + xp.reshape(xp.astype(b, wide, copy=False), (*lead, 1, w.shape[-4], 1, 1))
        return xp.astype(z, getattr(xp, self.dtype.name), copy=False)

    def windows(self) -> tuple[Windows, ...]:
        lead, (n, m) = self.x.ndim - 4, self.w.shape[-2:]
        assert n is not None and m is not None
        front = tuple(map(Window, range(lead)))
        x = (*front, Window(lead), WHOLE, Window(lead + 2, size=n), Window(lead + 3, size=m))
        w = (*front, Window(lead + 1), WHOLE, WHOLE, WHOLE)
        return (x, w) if self.b is None else (x, w, (*front, Window(lead + 1)))

    def influence(self) -> tuple[Influence, ...]:
        return ("paired", "paired") if self.b is None else ("paired", "paired", 1.0)

    def sentences(self) -> Sentences:
        filters, (n, m) = self.w.shape[-4], self.w.shape[-2:]
        units = math.prod(d for d in self.shape[-2:] if d is not None)
        bias = "" if self.b is None else ", plus the bias"
        tied = (
            f"the errors of all {units} units of a map add up in"
            if units > 1
            else "the error of a map's one unit makes"
        )
        back = (
            "An error goes back to the window that its unit has read, times the filter.",
            f"Tied weights: {tied} the gradient of its one filter.",
            f"The gradient of a bias is {'the sum of the errors' if units > 1 else 'the error'} of its map.",
        )
        return (
            f"Each of the {filters} filters slides over the maps: a unit is the sum of a window of {n}×{m} times the "
            f"filter, over the channels that it sees{bias}.",
            back[: len(self.inputs)],
        )

    def backward(self, delta: Node) -> tuple[Node, ...]:
        lead = self.x.ndim - 4
        error = Conv(pad_border(delta, self._full()), rot90(swap(self.w, lead)))
        gradient = swap(Conv(swap(self.x, lead), swap(delta, lead)), lead)
        return (error, gradient) if self.b is None else (error, gradient, sum(delta, axis=(lead, lead + 2, lead + 3)))

    @property
    def is_in_groups(self) -> bool:
        """Whether formulas show its groups with their sign, and nothing else of them."""
        return self.ndim == 5

    @property
    def multiply_adds(self) -> int:
        """Each weight that exists, once for each unit of its map."""
        images, _, height, width = self.spec.bind(1)[-4:]
        return images * height * width * connected(self.w, Rot90, Swap)

    def template(self, kind: str) -> str:
        padded, groups = self._padded() is not None, self.x.ndim > 4
        if kind == "latex":
            below = [r"\text{{full}}"] * padded + ["{groups}"] * groups
            sign = r"\ast" + (f"_{{{{{', '.join(below)}}}}}" if below else "")
        else:
            sign = "*" + "_full" * padded + "_{groups}" * groups
        product = f"{{{'padded' if padded else 'seen'}}} {sign} {{rotated}}"
        return product if self.b is None else product + " + {b}"

    def parts(self) -> dict[str, Any]:
        turned = self.w.x if isinstance(self.w, Rot90) else None
        rotated = rot90(unswapped(self.w)) if turned is None else unswapped(turned)
        groups = {"groups": self.shape[0] if self.ndim > 4 else 1}
        return super().parts() | groups | {"seen": unswapped(self.x), "rotated": rotated, "padded": self._padded()}

    def _padded(self) -> Node | None:
        """What is convolved in full: x without its border, where the border is as wide as the filters allow."""
        full = isinstance(self.x, Pad) and self.x.widths == self._full()
        return unswapped(self.x.x) if full else None  # type: ignore[attr-defined]

    def _full(self) -> Widths:
        """The border with which every weight meets every unit."""
        n, m = self.w.shape[-2:]
        assert n is not None and m is not None
        return (*((0, 0),) * (self.x.ndim - 2), (n - 1, n - 1), (m - 1, m - 1))

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 5, 4))
        w, b = Input("w", (3, 2, 2, 3)), Input("b", (3,))
        row = cls(Input("x", (None, 1, 1, 6)), Input("w", (2, 1, 1, 3)))
        side_by_side = cls(Input("x", (2, None, 3, 4, 3)), Input("w", (2, 1, 3, 2, 2)), Input("b", (2, 1)))
        return [cls(x, w, b), cls(x, w), cls(x, Input("w", (1, 2, 5, 4))), row, side_by_side]


class Rot90(Node):
    """Both spatial axes (the last two) reversed: MATLAB's rot90(x, 2). Its own adjoint."""

    x: Node
    integer_inputs = ("x",)
    latex = r"\operatorname{{rot90}}({x}, 2)"
    text = "rot90({x}, 2)"
    says = ("Each map is turned by 180 degrees.", "Each error is turned back.")

    def infer(self) -> Spec:
        if self.x.ndim < 2:
            raise ShapeError(message(f"needs two spatial axes; the input has shape {self.x.shape}", node=self))
        return self.x.spec

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.flip(x, axis=(-2, -1))

    def windows(self) -> tuple[Windows, ...]:
        kept = tuple(Window(k) for k in range(self.ndim - 2))
        ends = enumerate(self.shape[-2:], start=self.ndim - 2)
        return ((*kept, *(None if d is None else Window(k, step=-1, start=d - 1) for k, d in ends)),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (rot90(delta),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 3)))]


class Swap(Node):
    """Two neighbouring axes exchanged: images and channels, filters and channels. Its own adjoint.

    They are the first two, or those behind `lead` axes in front. Formulas do not show it around and below a
    convolution: there it only says which axes are summed over, as the shapes do.
    """

    x: Node
    lead: int = 0
    integer_inputs = ("x",)
    says = ("", "")

    def template(self, kind: str) -> str:
        if isinstance(self.x, Conv):
            return "{x}"
        head = r"\operatorname{{swap}}" if kind == "latex" else "swap"
        behind = "" if self.lead == 0 else "_{{{lead}}}" if kind == "latex" else "_{lead}"
        return f"{head}{behind}({{x}})"

    def infer(self) -> Spec:
        if self.x.ndim < natural(self.lead, f"{self.label}: lead") + 2:
            axes = f"two axes behind {self.lead}" if self.lead else "two axes"
            raise ShapeError(message(f"needs {axes}; the input has shape {self.x.shape}", node=self))
        return Spec(tuple(self.x.shape[a] for a in self._order(self.x.ndim)), self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.permute_dims(x, self._order(x.ndim))

    def windows(self) -> tuple[Windows, ...]:
        return (tuple(map(Window, self._order(self.ndim))),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (swap(delta, self.lead),)

    def _order(self, ndim: int) -> tuple[int, ...]:
        return (*range(self.lead), self.lead + 1, self.lead, *range(self.lead + 2, ndim))

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 3, 3))), cls(Input("x", (None, 2, 3, 3)), 1)]


def rot90(x: Node) -> Node:
    """Both spatial axes of `x` reversed; twice is nothing.

    Examples
    --------
    >>> import symcnn as sc
    >>> w = sc.Input("w", (1, 1, 3, 3))
    >>> sc.rot90(sc.rot90(w)) is w
    True
    """
    return x.x if isinstance(x, Rot90) else Rot90(x)


def swap(x: Node, lead: int = 0) -> Node:
    """The first two axes of `x` behind `lead` others exchanged; twice is nothing."""
    return x.x if isinstance(x, Swap) and x.lead == lead else Swap(x, lead)


def unswapped(x: Node) -> Node:
    """What `x` shows in the formula of a convolution: a swap is shown as nothing there, and so are groups apart."""
    x = x.x if isinstance(x, Swap) else x
    if x.ndim != 5:
        return x
    whole = x.x if isinstance(x, Transpose) and x.axes == (1, 0, 2, 3, 4) else x
    return whole.x if isinstance(whole, Reshape) and whole.x.ndim == 4 else x
