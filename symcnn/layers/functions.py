"""Functions of each element that compose: tan, the inverse hyperbolic functions, clip."""

from __future__ import annotations

import numpy as np

from ..graph.layer import layer
from ..graph.node import Node, as_node
from ..graph.operators import Operand, builds
from ..nodes.elementwise import Log1p, Sqrt
from ..nodes.select import where
from ..nodes.trigonometry import Cos, Sin


@builds(np.tan)
@layer(formula="tan({x})")
def tan(x: Node) -> Node:
    """The tangent of each element, in radians."""
    x = as_node(x)
    return Sin(x) / Cos(x)


@builds(np.arccosh)
@layer(formula="acosh({x})")
def acosh(x: Node) -> Node:
    """The number from 0 on whose hyperbolic cosine each element is; NaN below 1, and of infinite slope at 1.

    Notes
    -----
    log(x + sqrt(x^2 - 1)), in a form that is exact near 1.
    """
    x = as_node(x)
    return Log1p((x - 1) + Sqrt(x - 1) * Sqrt(x + 1))


@builds(np.arctanh)
@layer(formula="atanh({x})")
def atanh(x: Node) -> Node:
    """The number whose hyperbolic tangent each element is; NaN outside of -1 to 1.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.atanh(sc.Input("x", (3,))))(x=[-1, 0, 0.5])
    array([      -inf, 0.       , 0.54930615], dtype=float32)
    """
    x = as_node(x)
    return 0.5 * (Log1p(x) - Log1p(-x))


@layer(formula="min(max({x}, {low}), {high})")
def clip(x: Node, low: Operand | None = None, high: Operand | None = None) -> Node:
    """`x`, but `low` where it is below that, and `high` where it is above.

    Parameters
    ----------
    x : Node
    low, high : Node, number or array, optional
        They broadcast with x. Where `low` is above `high`, the result is `high`, as in NumPy.

    Returns
    -------
    Node
        NaN stays NaN. The derivative is 1 from `low` to `high`, both included, and 0 outside: there, it goes to what
        took the place of x. So does `torch.clamp`.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (4,))
    >>> clipped = sc.clip(x, -1, 1)
    >>> sc.compile([clipped, *sc.grad(sc.sum(clipped), [x])])(x=[-2, 0, 1, 5])
    [array([-1.,  0.,  1.,  1.], dtype=float32), array([0., 1., 1., 0.], dtype=float32)]
    """
    x = as_node(x)
    if low is not None:
        x = where(x < low, low, x)
    return x if high is None else where(x > high, high, x)
