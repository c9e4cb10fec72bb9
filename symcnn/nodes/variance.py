"""The variance over axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.algebra import count, wide_sum
from ..graph.node import Node
from .reduce import Axes, Mean, Reduction


class Variance(Reduction):
    """The mean of (x - mean(x))^2 over axes: that of all of them, divided by their number. Of one number it is 0.

    Notes
    -----
    It is computed in two rounds, so that nothing cancels; engines compute it as the means that it is made of. It has a
    rule of its own because the error that passes through mean(x) is 0, which a sweep over those means does not see.
    """

    latex = r"\operatorname{{var}}<axes>({x})"
    text = "var<axes>({x})"
    says = (
        "It is the mean of the squared distances from the mean.",
        "Each unit gets the error times twice its distance from the mean, divided by how many there are.",
    )

    def verify(self, x: Any) -> None:
        self.refuse_nothing(x, "variance")

    def forward(self, xp: Any, x: Any) -> Any:
        wide = xp.astype(x, xp.float32) if self.dtype == np.float16 else x
        size = self.reduced_size(x)
        apart = wide - wide_sum(xp, wide, self.reduced, True) / size
        return xp.astype(wide_sum(xp, apart * apart, self.reduced, self.keepdims) / size, x.dtype, copy=False)

    def backward(self, delta: Node) -> tuple[Node]:
        averaged = tuple(self.x.shape[i] for i in self.reduced)
        share = 2 * delta / count(averaged, self.dtype.name)
        return (self.spread(share) * (self.x - Mean(self.x, self.reduced, keepdims=True)),)

    def by_means(self) -> Node:
        """The same value, made of means."""
        apart = self.x - Mean(self.x, self.reduced, keepdims=True)
        return Mean(apart * apart, self.reduced, self.keepdims)


def variance(x: Node, axis: Axes = None, keepdims: bool = False) -> Node:
    """The variance of `x` over `axis`, over everything where it is None; see `Variance`."""
    return Variance(x, (axis,) if isinstance(axis, int) else axis, keepdims)
