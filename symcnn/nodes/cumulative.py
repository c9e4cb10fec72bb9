"""Running sums along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.algebra import over_axes
from ..graph.arguments import flag
from ..graph.leaves import Input
from ..graph.node import Node, as_node
from ..graph.spec import Spec
from ..graph.window import Window, Windows
from .shape import axis_of


class CumSum(Node):
    """The running sums of x along an axis, from its start or from its end; each has the other one as its adjoint.

    Sums of float16 are kept in float32.

    Parameters
    ----------
    x : Node
    axis : int
    from_end : bool
        Whether a unit is the sum of itself and those after it, or of those before it.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (4,))
    >>> sc.compile(sc.CumSum(x, 0, from_end=True))(x=[1, 2, 3, 4])
    array([10.,  9.,  7.,  4.], dtype=float32)
    """

    x: Node
    axis: int
    from_end: bool = False
    integers = "wide"
    says = (
        "Each unit is the sum of all up to its own place.",
        "Each unit gets the sum of the errors of all sums that it is in.",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "axis", axis_of(self.x, self.axis))
        object.__setattr__(self, "from_end", flag(self.from_end, f"{self.label}: from_end"))

    def template(self, kind: str) -> str:
        name = "cumsum_from_end" if self.from_end else "cumsum"
        head = rf"\operatorname{{{{{name}}}}}".replace("_", r"\_") if kind == "latex" else name
        return head + over_axes((self.axis,), self.ndim + 1, kind) + "({x})"

    def infer(self) -> Spec:
        return self.x.spec

    def forward(self, xp: Any, x: Any) -> Any:
        wide = xp.astype(x, xp.float32) if self.dtype == np.float16 else x
        turned = xp.flip(wide, axis=self.axis) if self.from_end else wide
        total = xp.cumulative_sum(turned, axis=self.axis, dtype=wide.dtype)
        return xp.astype(xp.flip(total, axis=self.axis) if self.from_end else total, x.dtype, copy=False)

    @property
    def mixes_rows(self) -> bool:
        return self.x.shape[self.axis] is None

    def windows(self) -> tuple[Windows, ...]:
        return (tuple(None if k == self.axis else Window(k) for k in range(self.ndim)),)

    def backward(self, delta: Node) -> tuple[Node]:
        return (CumSum(delta, self.axis, not self.from_end),)

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 5))
        return [cls(x, 2), cls(x, 1, True), cls(x, 0)]


def cumsum(x: Node, axis: int) -> Node:
    """The running sums of `x` along an axis: each element and all before it, added up.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.cumsum(sc.Input("x", (None, 4)), axis=1))(x=[[1, 2, 3, 4]])
    array([[ 1.,  3.,  6., 10.]], dtype=float32)
    """
    return CumSum(as_node(x), axis)
