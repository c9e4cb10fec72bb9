"""Convolution, and what its gradients are made of: rot90 and the swap of images and channels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph.arguments import flag, items, pair, positive_int, whole
from ..graph.errors import ArgumentError, DTypeError, ShapeError, call_site, message
from ..graph.leaves import Const, Input, Param
from ..graph.node import Node, Sentences, as_node
from ..graph.spec import Spec, promote
from ..graph.window import WHOLE, Influence, Window, Windows
from ..text import called, quoted
from .border import Pad, subsample
from .border import pad as pad_border
from .connections import connected, connections
from .initial import Initializer, lecun_normal
from .reduce import sum
from .weights import drawn


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
        x, w = self.x.shape, self.w.shape
        if len(x) != 4 or len(w) != 4:
            raise ShapeError(
                message(
                    f"expected x of (N, channels, height, width) and w of (filters, channels, n, m), got {x} and {w}",
                    "sc.reshape adds axes of length 1",
                    node=self,
                )
            )
        if x[1] != w[1]:
            raise ShapeError(
                message(f"the filters see {w[1]} channels, the input has {x[1]}", f"x is {x}, w is {w}", node=self)
            )
        if None in x[2:] or None in w[2:] or x[2] < w[2] or x[3] < w[3]:  # type: ignore[operator]
            raise ShapeError(
                message(
                    f"the filters of {w[2]}x{w[3]} do not fit into maps of {x[2]}x{x[3]}",
                    "use smaller filters, or pad the maps (pad=...)",
                    node=self,
                )
            )
        if self.b is not None and self.b.shape != (w[0],):
            raise ShapeError(message(f"the bias has shape {self.b.shape}; expected one a filter, ({w[0]},)", node=self))
        height, width = x[2] - w[2] + 1, x[3] - w[3] + 1  # type: ignore[operator]
        dtype = np.result_type(*(i.dtype for i in self.inputs))
        return Spec((x[0], w[0], height, width), dtype)

    def forward(self, xp: Any, x: Any, w: Any, b: Any = None) -> Any:
        height, width = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
        wide = xp.float64 if self.dtype == np.float64 else xp.float32
        x, w = xp.astype(x, wide, copy=False), xp.astype(w, wide, copy=False)
        z = xp.zeros((w.shape[0], x.shape[0], height, width), dtype=wide)
        for u in range(w.shape[2]):
            for v in range(w.shape[3]):
                seen = x[:, :, u : u + height, v : v + width]
                z = z + xp.tensordot(w[:, :, u, v], seen, axes=((1,), (1,)))
        z = xp.permute_dims(z, (1, 0, 2, 3))
        if b is not None:
            z = z + xp.reshape(xp.astype(b, wide, copy=False), (-1, 1, 1))
        return xp.astype(z, getattr(xp, self.dtype.name), copy=False)

    def windows(self) -> tuple[Windows, ...]:
        n, m = self.w.shape[2], self.w.shape[3]
        assert n is not None and m is not None
        x = (Window(0), WHOLE, Window(2, size=n), Window(3, size=m))
        w = (Window(1), WHOLE, WHOLE, WHOLE)
        return (x, w) if self.b is None else (x, w, (Window(1),))

    def influence(self) -> tuple[Influence, ...]:
        return ("paired", "paired") if self.b is None else ("paired", "paired", 1.0)

    def sentences(self) -> Sentences:
        filters, (n, m) = self.w.shape[0], self.w.shape[2:]
        units = math.prod(d for d in self.shape[2:] if d is not None)
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
        x, w = self.x, self.w
        n, m = w.shape[2], w.shape[3]
        assert n is not None and m is not None
        border = ((0, 0), (0, 0), (n - 1, n - 1), (m - 1, m - 1))
        error = Conv(pad_border(delta, border), rot90(swap(w)))
        gradient = swap(Conv(swap(x), swap(delta)))
        return (error, gradient) if self.b is None else (error, gradient, sum(delta, axis=(0, 2, 3)))

    @property
    def multiply_adds(self) -> int:
        """Each weight that exists, once for each unit of its map."""
        images, _, height, width = self.spec.bind(1)
        return images * height * width * connected(self.w, Rot90, Swap)

    def template(self, kind: str) -> str:
        sign = r"\ast" if kind == "latex" else "*"
        full = r"\ast_{{\text{{full}}}}" if kind == "latex" else "*_full"
        product = f"{{seen}} {sign} {{rotated}}" if self._padded() is None else f"{{padded}} {full} {{rotated}}"
        return product if self.b is None else product + " + {b}"

    def parts(self) -> dict[str, Any]:
        turned = self.w.x if isinstance(self.w, Rot90) else None
        rotated = rot90(unswapped(self.w)) if turned is None else unswapped(turned)
        return super().parts() | {"seen": unswapped(self.x), "rotated": rotated, "padded": self._padded()}

    def _padded(self) -> Node | None:
        """What is convolved in full: x without its border, where the border is as wide as the filters allow."""
        n, m = self.w.shape[2], self.w.shape[3]
        assert n is not None and m is not None
        full = ((0, 0), (0, 0), (n - 1, n - 1), (m - 1, m - 1))
        return unswapped(self.x.x) if isinstance(self.x, Pad) and self.x.widths == full else None

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 5, 4))
        w, b = Input("w", (3, 2, 2, 3)), Input("b", (3,))
        row = cls(Input("x", (None, 1, 1, 6)), Input("w", (2, 1, 1, 3)))
        return [cls(x, w, b), cls(x, w), cls(x, Input("w", (1, 2, 5, 4))), row]


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
    """The first two axes exchanged: images and channels, filters and channels. Its own adjoint.

    Formulas do not show it around and below a convolution: there it only says which axes are summed over, as the
    shapes do.
    """

    x: Node
    integer_inputs = ("x",)
    says = ("", "")

    def template(self, kind: str) -> str:
        if isinstance(self.x, Conv):
            return "{x}"
        return r"\operatorname{{swap}}({x})" if kind == "latex" else "swap({x})"

    def infer(self) -> Spec:
        if self.x.ndim < 2:
            raise ShapeError(message(f"needs two axes; the input has shape {self.x.shape}", node=self))
        first, second, *rest = self.x.shape
        return Spec((second, first, *rest), self.x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.permute_dims(x, (1, 0, *range(2, x.ndim)))

    def windows(self) -> tuple[Windows, ...]:
        return ((Window(1), Window(0), *(Window(k) for k in range(2, self.ndim))),)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[Node]:
        return (swap(delta),)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("x", (None, 2, 3, 3)))]


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


def swap(x: Node) -> Node:
    """The first two axes of `x` exchanged; twice is nothing."""
    return x.x if isinstance(x, Swap) else Swap(x)


def unswapped(x: Node) -> Node:
    """What `x` shows in the formula of a convolution: a swap is shown as nothing there."""
    return x.x if isinstance(x, Swap) else x


def conv(
    x: Node,
    filters: int,
    size: int | tuple[int, int],
    *,
    stride: int = 1,
    pad: int | tuple[int, int] = 0,
    bias: bool = True,
    table: Any = None,
    init: Initializer = lecun_normal,
    seed: int | None = None,
    name: str = "",
) -> Node:
    """A convolution with parameters of its own: z = x * rot90(W, 2) + b.

    Parameters
    ----------
    x : Node
        (N, channels, height, width).
    filters : int
        How many filters, and so maps in z.
    size : int or (height, width)
        Of the filters.
    stride : int
        Keep every n-th row and column of z.
    pad : int or (height, width)
        Zeros around each map: one number on all four sides, two above and below and at the left and right.
    bias : bool
        Whether each filter has a bias, 0 at first.
    table : array of 0 and 1 of shape (filters, channels), or a list of channels for each filter
        Which channels each filter sees; default: all of them. What a filter does not see is no parameter.
    init : callable
        (rng, shape) -> the first filters; see `symcnn.initial`.
    seed : int, optional
        Makes the filters repeatable.
    name : str, optional
        Shown in errors and diagrams; the parameters are called ``name.W`` and ``name.b``.

    Returns
    -------
    Node
        (N, filters, height - n + 1, width - m + 1).

    Examples
    --------
    >>> import symcnn as sc
    >>> z = sc.conv(sc.Input("x", (None, 1, 28, 28)), filters=20, size=9, name="conv1", seed=0)
    >>> z.shape, [(p.name, p.value.shape) for p in z.params]
    ((None, 20, 20, 20), [('conv1.W', (20, 1, 9, 9)), ('conv1.b', (20,))])
    """
    what, x = called("conv", name), as_node(x)
    filters, stride = positive_int(filters, f"{what}: filters"), positive_int(stride, f"{what}: stride")
    height, width = pair(size, f"{what}: size")
    border = _border(pad, what)
    if x.ndim != 4 or x.shape[1] is None:
        raise ShapeError(
            message(
                f"{what} reads maps (N, channels, height, width); this input has shape {x.shape}",
                "sc.reshape adds axes of length 1",
                node=x,
            )
        )
    shape, dtype = (filters, x.shape[1], height, width), promote(x.dtype)
    mask = None if table is None else connections(table, filters, x.shape[1], what)
    full = None if mask is None else np.broadcast_to(mask[:, :, None, None], shape)
    w: Node = Param(prefixed(name, "W"), drawn(init, seed, shape, dtype, what), full, layer="conv")
    if mask is not None:
        w = w * Const(mask[:, :, None, None].astype(dtype), name="table")
    b = Param(prefixed(name, "b"), np.zeros(filters, dtype), layer="conv") if flag(bias, f"{what}: bias") else None
    _check_rows(what, x, (height, width), pad)
    return subsample(Conv(pad_border(x, ((0, 0), (0, 0), *border)), w, b, name=name), stride)


def _border(pad: object, what: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many zeros above and below, and at the left and right."""
    sides = items(pad)
    if sides is not None and len(sides) != 2:
        problem = f"{what}: the border, pad, is {quoted(pad)}; give one number or (height, width)"
        raise ArgumentError(message(problem, site=call_site()))
    found = [whole(side, f"{what}: the width of the border, pad,") for side in sides or (pad, pad)]
    if min(found) < 0:
        raise ArgumentError(message(f"{what}: a border of {pad} does not fit; pad is at least 0", site=call_site()))
    height, width = found
    return (height, height), (width, width)


def _check_rows(what: str, x: Node, size: tuple[int, int], pad: object) -> None:
    """Refuse one number that would pad maps of one row above and below, where the filters read along it only."""
    flat = [n == d == 1 for n, d in zip(size, x.shape[2:], strict=True)]
    if items(pad) is None and pad and any(flat) and not all(flat):
        row, along = ("row", f"(0, {pad})") if flat[0] else ("column", f"({pad}, 0)")
        sides = "above and below" if flat[0] else "at the left and right"
        problem = f"{what}: pad={pad} would put {row}s of zeros {sides} of maps that have one {row}"
        hint = f"pad={along} pads along the {row}, which the filters of {size[0]}x{size[1]} read"
        raise ArgumentError(message(problem, hint, node=x))


def prefixed(layer: str, letter: str) -> str:
    """The name of a layer's parameter."""
    if not isinstance(layer, str):
        raise DTypeError(message(f"the name of a layer must be a string, got {quoted(layer)}", site=call_site()))
    return f"{layer}.{letter}" if layer else letter
