"""Losses of numbers: squared and absolute errors, and what lies between.

The entries of a row are summed, and J is the mean over the batch.
"""

from __future__ import annotations

import math

from ..graph.arguments import number_from
from ..graph.layer import layer
from ..graph.node import Node, as_node
from ..graph.operators import Operand
from ..nodes.elementwise import abs
from ..nodes.select import where
from .reduction import reduced, row_sums, targets


@layer
def squared_error(a: Node, t: Operand, reduction: str = "mean") -> Node:
    """The mean over the batch of 1/2 ||a - t||^2, the tutorial's squared-error cost.

    Parameters
    ----------
    a : Node
        (N, ...).
    t : Node or array
        The targets, of the same shape.
    reduction : "mean", "sum" or "none"
        Over the rows.

    Examples
    --------
    >>> import symcnn as sc
    >>> a, t = sc.Input("a", (None, 2)), sc.Input("t", (None, 2))
    >>> sc.compile(sc.squared_error(a, t))(a=[[3, 4], [0, 0]], t=[[0, 0], [0, 1]])
    array(6.5, dtype=float32)
    """
    a = as_node(a)
    d = a - targets(a, t)
    return reduced(0.5 * row_sums(d * d), reduction)


@layer
def absolute_error(a: Node, t: Operand, reduction: str = "mean") -> Node:
    """The mean over the batch of the sum of |a - t|; where both are equal, no error passes.

    Parameters
    ----------
    a, t, reduction
        As for `squared_error`.

    Examples
    --------
    >>> import symcnn as sc
    >>> a, t = sc.Input("a", (None, 2)), sc.Input("t", (None, 2))
    >>> sc.compile(sc.absolute_error(a, t))(a=[[3, 4], [0, 0]], t=[[0, 0], [0, 1]])
    array(4., dtype=float32)
    """
    a = as_node(a)
    return reduced(row_sums(abs(a - targets(a, t))), reduction)


@layer
def huber(a: Node, t: Operand, reduction: str = "mean", *, threshold: float = 1.0) -> Node:
    """The mean over the batch of an error that is squared up to a threshold, and grows evenly beyond it.

    Parameters
    ----------
    a, t, reduction
        As for `squared_error`.
    threshold : float
        Above 0. With d = a - t, an entry counts d^2 / 2 where |d| is `threshold` at most, and
        threshold (|d| - threshold / 2) elsewhere.

    Notes
    -----
    Huber, "Robust Estimation of a Location Parameter" (1964). Divided by the threshold, it is what PyTorch calls the
    smooth L1 loss.

    Examples
    --------
    >>> import symcnn as sc
    >>> a, t = sc.Input("a", (None, 2)), sc.Input("t", (None, 2))
    >>> sc.compile(sc.huber(a, t))(a=[[3, 0.5]], t=[[0, 0]])
    array(2.625, dtype=float32)
    """
    threshold = number_from(threshold, 0, math.inf, "huber: threshold", open=True)
    a = as_node(a)
    d = a - targets(a, t)
    size = abs(d)
    return reduced(row_sums(where(size <= threshold, 0.5 * d * d, threshold * (size - threshold / 2))), reduction)
