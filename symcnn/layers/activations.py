"""Activations that compose: functions of each unit, and what makes weights of a row of scores.

A kink is where the slope jumps: what it is there, each function says. It is what PyTorch chose, everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..graph.algebra import cast
from ..graph.arguments import chosen, flag
from ..graph.errors import ArgumentError, DTypeError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.leaves import Param
from ..graph.node import Node, as_node
from ..graph.operators import Operand, is_node
from ..graph.spec import promote
from ..nodes.elementwise import Expm1, abs
from ..nodes.erf import Erf
from ..nodes.loss import softmax
from ..nodes.reduce import sum
from ..nodes.select import where
from ..nodes.shape import axis_of, reshape, transpose
from ..nodes.sigmoid import Relu, Sigmoid, Softplus, Tanh
from ..nodes.weights import prefixed
from ..text import called, quoted

_SELU = 1.6732632423543772, 1.0507009873554805
"""alpha and scale, with which mean 0 and variance 1 are kept (Klambauer et al., 2017)."""


@layer(formula="max({z}, 0) + {slope} · min({z}, 0)")
def leaky_relu(z: Node, slope: float = 0.01, *, name: str = "") -> Node:
    """`z` where it is above 0, else `slope` times z. The derivative at 0 is `slope`.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.leaky_relu(sc.Input("z", (2,)), 0.1))(z=[-1, 2])
    array([-0.1,  2. ], dtype=float32)
    """
    z = as_node(z)
    return where(z > 0, z, _number(slope, called("leaky_relu", name), "slope") * z)


@layer(formula="max({z}, 0) + slope · min({z}, 0)")
def prelu(
    z: Node, slope: Operand | None = None, *, per_channel: bool = False, init: float = 0.25, name: str = ""
) -> Node:
    """A leaky relu whose slope is learned (He et al., 2015). The derivative at 0 is the slope.

    Parameters
    ----------
    z : Node
        (N, channels, ...) where there is a slope for each channel, else of any shape.
    slope : Node or array, optional
        A slope of your own, which broadcasts with z; default: a new parameter.
    per_channel : bool
        Whether the new parameter is one number for each channel, or one for all.
    init : float
        Its first value.

    Examples
    --------
    >>> import symcnn as sc
    >>> a = sc.prelu(sc.Input("z", (None, 6, 28, 28)), per_channel=True, name="act")
    >>> [(p.name, p.shape) for p in a.params]
    [('act.slope', (6,))]
    """
    what, z = called("prelu", name), as_node(z)
    if slope is None:
        dtype, each = promote(z.dtype), flag(per_channel, f"{what}: per_channel")
        if each and (z.ndim < 2 or z.shape[1] is None):
            raise ShapeError(message(f"{what} reads (N, channels, ...); this has shape {z.shape}", node=z))
        channels = (z.shape[1],) if each else ()
        first = np.full([d or 0 for d in channels], _number(init, what, "init"), dtype)
        slope = Param(prefixed(name, "slope"), first, layer="prelu")
        slope = reshape(slope, (*channels, *(1,) * (z.ndim - 2))) if each else slope
    return where(z > 0, z, as_node(slope) * z)


@layer(formula="max({z}, 0) + {alpha} · (exp(min({z}, 0)) − 1)")
def elu(z: Node, alpha: float = 1.0, *, name: str = "") -> Node:
    """`z` where it is above 0, else alpha (e^z - 1) (Clevert et al., 2015). The derivative at 0 is alpha.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.elu(sc.Input("z", (3,))))(z=[-100, 0, 2])
    array([-1.,  0.,  2.], dtype=float32)
    """
    z = as_node(z)
    return where(z > 0, z, _number(alpha, called("elu", name), "alpha") * Expm1(_below_0(z)))


@layer(formula="SELU({z})")
def selu(z: Node, *, name: str = "") -> Node:
    """1.0507 times the elu of alpha 1.6733: units keep a mean near 0 and a variance near 1 (Klambauer et al., 2017).

    The derivative at 0 is 1.7581, as to its left.
    """
    alpha, scale = _SELU
    z = as_node(z)
    return where(z > 0, scale * z, scale * alpha * Expm1(_below_0(z)))


@layer(formula="max({z}, 0) + {alpha} · (exp(min({z}, 0) / {alpha}) − 1)")
def celu(z: Node, alpha: float = 1.0, *, name: str = "") -> Node:
    """`z` where it is above 0, else alpha (e^(z / alpha) - 1), which has no kink (Barron, 2017)."""
    what, z = called("celu", name), as_node(z)
    alpha = _number(alpha, what, "alpha")
    if alpha == 0:
        raise ArgumentError(message(f"{what}: alpha is 0; z is divided by it", site=call_site()))
    return where(z > 0, z, alpha * Expm1(_below_0(z) / alpha))


def _below_0(z: Node) -> Node:
    """z where it is not above 0, else 0: so e^z never overflows; the slope at 0 is 1."""
    return where(z > 0, 0, z)


@layer(formula="{z} · Φ({z})")
def gelu(z: Node, approximate: str = "none", *, name: str = "") -> Node:
    """z times the probability that a normal number is below z (Hendrycks and Gimpel, 2016).

    Parameters
    ----------
    z : Node
    approximate : "none" or "tanh"
        By the error function, or as 0.5 z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))).

    Examples
    --------
    >>> import symcnn as sc
    >>> z = sc.Input("z", (2,), dtype="float64")
    >>> for found in sc.compile([sc.gelu(z), sc.gelu(z, "tanh")])(z=[-1, 1]):
    ...     print(found.round(5))
    [-0.15866  0.84134]
    [-0.15881  0.84119]
    """
    z = as_node(z)
    if chosen(approximate, ("none", "tanh"), f"{called('gelu', name)}: approximate") == "tanh":
        return 0.5 * z * (1 + Tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * (z * z * z))))
    return 0.5 * z * (1 + Erf(math.sqrt(0.5) * z))


@layer(formula="{z} · σ({z})")
def silu(z: Node, *, name: str = "") -> Node:
    """z times its sigmoid, also called swish (Ramachandran et al., 2017).

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.silu(sc.Input("z", (3,))))(z=[-1e4, 0, 1e4])
    array([   -0.,     0., 10000.], dtype=float32)
    """
    z = as_node(z)
    return z * Sigmoid(z)


@layer(formula="{z} · tanh(log(1 + exp({z})))")
def mish(z: Node, *, name: str = "") -> Node:
    """z times the hyperbolic tangent of its softplus (Misra, 2019)."""
    z = as_node(z)
    return z * Tanh(Softplus(z))


@layer(formula="min(max({z} / 6 + 1/2, 0), 1)")
def hard_sigmoid(z: Node, *, name: str = "") -> Node:
    """A straight line from 0 at -3 to 1 at 3. The derivative at both ends is 0."""
    return _between(as_node(z), -3, 3, lambda z: z / 6 + 0.5, 0, 1)


@layer(formula="{z} · min(max({z} / 6 + 1/2, 0), 1)")
def hard_swish(z: Node, *, name: str = "") -> Node:
    """z times its hard sigmoid (Howard et al., 2019). The derivative is 0 at -3 and 1 at 3."""
    z = as_node(z)
    return z * hard_sigmoid(z)


@layer(formula="min(max({z}, {low}), {high})")
def hard_tanh(z: Node, low: float = -1.0, high: float = 1.0, *, name: str = "") -> Node:
    """`z` between `low` and `high`, the nearer of both outside. The derivative at both ends is 0.

    See Also
    --------
    symcnn.clip : whose derivative at both ends is 1.
    """
    what = called("hard_tanh", name)
    low, high = _number(low, what, "low"), _number(high, what, "high")
    if not low < high:
        raise ArgumentError(message(f"{what}: low is {low} and high is {high}; low must be below", site=call_site()))
    return _between(as_node(z), low, high, lambda z: z, low, high)


@layer(formula="min(max({z}, 0), 6)", title="ReLU6")
def relu6(z: Node, *, name: str = "") -> Node:
    """`z` between 0 and 6, the nearer of both outside. The derivative at both ends is 0."""
    return _between(as_node(z), 0, 6, lambda z: z, 0, 6)


def _between(z: Node, first: float, last: float, line: Callable[[Node], Node], low: float, high: float) -> Node:
    """What `line` makes of z from `first` to `last`, `low` up to there and `high` from there on; NaN stays NaN."""
    return where(z <= first, low, where(z >= last, high, line(z)))


@layer(formula="{z} / (1 + |{z}|)")
def softsign(z: Node, *, name: str = "") -> Node:
    """z / (1 + |z|): between -1 and 1, and slower to get there than tanh.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.softsign(sc.Input("z", (3,))))(z=[-3, 0, 1])
    array([-0.75,  0.  ,  0.5 ], dtype=float32)
    """
    z = as_node(z)
    return z / (1 + abs(z))


@layer(formula="softmax(−{z})")
def softmin(z: Node, axis: int = -1, *, name: str = "") -> Node:
    """The softmax of -z along an axis: the smallest score gets the most.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.softmin(sc.Input("z", (None, 2))))(z=[[0, np.log(3)]])
    array([[0.75, 0.25]], dtype=float32)
    """
    return _of_last_axis(as_node(z), axis, lambda z: softmax(-z))


@layer(formula="sparsemax({z})")
def sparsemax(z: Node, axis: int = -1, *, name: str = "") -> Node:
    """The point of the simplex nearest to z along an axis: like softmax, but small scores get exactly 0.

    Parameters
    ----------
    z : Node
        Scores; `axis` is not the batch.
    axis : int

    Notes
    -----
    max(z - tau, 0), with tau such that the sum is 1 (Martins and Astudillo, 2016). A score z_k is above tau where
    1 + n_k z_k > s_k, in which n_k scores are not below z_k, and s_k is their sum. All pairs of a row are compared, so
    it is meant for some hundreds of scores.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.sparsemax(sc.Input("z", (None, 3))))(z=[[1, 0.5, -1]])
    array([[0.75, 0.25, 0.  ]], dtype=float32)
    """
    return _of_last_axis(as_node(z), axis, _projected)


def _projected(z: Node) -> Node:
    each, others = z[..., :, None], z[..., None, :]
    not_below = others >= each
    number, total = _number_and_sum(not_below, others, keepdims=False)
    number, total = _number_and_sum(1 + number * z > total, z, keepdims=True)
    return Relu(z - (total - 1) / number)


def _number_and_sum(condition: Node, z: Node, keepdims: bool) -> tuple[Node, Node]:
    """How many of the last axis are chosen, and their sum; what is not chosen may be infinite."""
    return sum(cast(condition, z.dtype.name), -1, keepdims), sum(where(condition, z, 0), -1, keepdims)


def _of_last_axis(z: Node, axis: int, function: Callable[[Node], Node]) -> Node:
    """`function` along an axis, which is exchanged with the last one."""
    order, at = list(range(z.ndim)), axis_of(z, axis)
    order[at], order[-1] = order[-1], order[at]
    return function(z) if at == z.ndim - 1 else transpose(function(transpose(z, tuple(order))), tuple(order))


def _number(value: object, what: str, name: str) -> float:
    """A finite number, as Python's own."""
    if is_node(value) or isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise DTypeError(message(f"{what}: {name} is {quoted(value)}; expected a number", site=call_site()))
    if not math.isfinite(value):
        raise ArgumentError(message(f"{what}: {name} is {value}; expected a finite number", site=call_site()))
    return float(value)
