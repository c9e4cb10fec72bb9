"""Reductions that compose: standard deviation, product, norm, any and all."""

from __future__ import annotations

import math

import numpy as np

from ..graph.algebra import cast, count
from ..graph.arguments import natural
from ..graph.errors import ArgumentError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.node import Node, as_node
from ..graph.spec import normal_axes
from ..nodes.elementwise import abs, sqrt
from ..nodes.logic import logical_not, not_equal
from ..nodes.reduce import Axes, max, sum
from ..nodes.select import equal, where
from ..nodes.shape import concat, reshape, transpose
from ..nodes.variance import Variance
from ..text import quoted


@layer(formula="var({x})")
def var(x: Node, axis: Axes = None, keepdims: bool = False, *, ddof: int = 0) -> Node:
    """The variance of `x` over `axis`, over everything where it is None.

    Parameters
    ----------
    x : Node
    axis : int or tuple of int, optional
    keepdims : bool
        Whether the axes stay, with length 1.
    ddof : int
        The sum of the squared distances from the mean is divided by their number less this: by all of them (0, as
        NumPy does unless told), or by one less (1, as PyTorch does).

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 4))
    >>> sc.compile(sc.var(x, axis=1))(x=[[1, 2, 3, 4], [5, 5, 5, 5]])
    array([1.25, 0.  ], dtype=float32)
    """
    return _variance(as_node(x), axis, keepdims, ddof, "var")


@layer(formula="std({x})")
def std(x: Node, axis: Axes = None, keepdims: bool = False, *, ddof: int = 0) -> Node:
    """The square root of the variance; see `var`. Where that is 0, so is the derivative, as PyTorch has it.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.std(sc.Input("x", (None,))))(x=[1, 2, 3, 4, 5, 6, 7])
    array(2., dtype=float32)
    """
    return _root(_variance(as_node(x), axis, keepdims, ddof, "std"))


def _variance(x: Node, axis: Axes, keepdims: bool, ddof: int, what: str) -> Node:
    less = natural(ddof, f"{what}: ddof")
    found = Variance(x, (axis,) if isinstance(axis, int) else axis, keepdims)
    if not less:
        return found
    averaged = tuple(found.x.shape[k] for k in found.reduced)
    if None not in averaged and math.prod(d for d in averaged if d is not None) <= less:
        raise ArgumentError(message(f"{what}: ddof is {less}, of {averaged} numbers", node=found.x))
    number = count(averaged, found.dtype.name)
    return found * (number / (number - less))


def _root(x: Node) -> Node:
    """The square root of what is not negative; of 0, where the slope is infinite, the error passes as it is."""
    return where(x > 0, sqrt(x), x)


@layer(formula="∏ {x}")
def prod(x: Node, axis: Axes = None, keepdims: bool = False) -> Node:
    """The product of `x` over `axis`, over everything where it is None; the batch is not among the axes.

    Notes
    -----
    Halves are multiplied with each other until one element is left. So the derivative is right at zeros, too, where
    dividing the product by an element is not.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (3,))
    >>> product = sc.prod(x)
    >>> sc.compile([product, *sc.grad(product, [x])])(x=[2, 0, 5])
    [array(0., dtype=float32), array([ 0., 10.,  0.], dtype=float32)]
    """
    x = as_node(x)
    axes = _axes(x, axis, "prod")
    sizes = [x.shape[k] for k in axes]
    if None in sizes:
        hint = "its length is not known; sum the logarithms, where all is above 0"
        raise ShapeError(message(f"prod: axis {axes[sizes.index(None)]} of {x.shape} is the batch", hint, node=x))
    kept = [k for k in range(x.ndim) if k not in axes]
    found = reshape(transpose(x, (*kept, *axes)), (*(x.shape[k] for k in kept), math.prod(d or 0 for d in sizes)))
    last = found.ndim - 1
    if found.shape[last] == 0:
        raise ShapeError(message(f"prod: there is nothing to multiply in {x.shape}", node=x))
    while (length := found.shape[last] or 0) > 1:
        half = length // 2
        product = found[..., :half] * found[..., half : 2 * half]
        found = product if length % 2 == 0 else concat([product, found[..., 2 * half :]], axis=last)
    shape = tuple(1 if k in axes else d for k, d in enumerate(x.shape))
    return reshape(found, shape if keepdims else found.shape[:last])


@layer(formula="‖{x}‖")
def norm(x: Node, ord: float = 2, axis: Axes = None, keepdims: bool = False) -> Node:
    """The norm of the numbers of `x` over `axis`, over everything where it is None: (sum of |x|^ord)^(1 / ord).

    Parameters
    ----------
    x : Node
    ord : float
        From 1 to infinity; 2 is the Euclidean norm, infinity the largest absolute value.
    axis : int or tuple of int, optional
        Several axes are one long vector: of a matrix, 2 is its Frobenius norm.
    keepdims : bool

    Notes
    -----
    The derivative is 0 where all of x is 0, as PyTorch has it.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 2))
    >>> sc.compile(sc.norm(x, axis=1))(x=[[3, 4], [0, 0]])
    array([5., 0.], dtype=float32)
    """
    x = as_node(x)
    if isinstance(ord, bool) or not isinstance(ord, int | float) or not ord >= 1:
        raise ArgumentError(message(f"norm: ord is {quoted(ord)}; expected a number from 1 on", site=call_site()))
    if ord == 2:
        return _root(sum(x * x, axis, keepdims))
    size = abs(x)
    if ord == math.inf:
        return max(size, axis, keepdims)
    if ord == 1:
        return sum(size, axis, keepdims)
    total = sum(size**ord, axis, keepdims)
    return where(total > 0, total ** (1 / ord), total)


def any(x: Node, axis: Axes = None, keepdims: bool = False) -> Node:
    """Whether something is true along `axis`: booleans, or numbers that are not 0. Of nothing it is False.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 3))
    >>> sc.compile([sc.any(x > 2, axis=1), sc.all(x > 2, axis=1)])(x=[[1, 2, 3], [3, 4, 5]])
    [array([ True,  True]), array([False,  True])]
    """
    return sum(cast(_truth(x), "int64"), axis, keepdims) > 0


def all(x: Node, axis: Axes = None, keepdims: bool = False) -> Node:
    """Whether all is true along `axis`: booleans, or numbers that are not 0. Of nothing it is True; see `any`."""
    return equal(sum(cast(logical_not(_truth(x)), "int64"), axis, keepdims), 0)


def _truth(x: Node) -> Node:
    x = as_node(x)
    return x if x.dtype == np.dtype(bool) else not_equal(x, 0)


def _axes(x: Node, axis: Axes, what: str) -> tuple[int, ...]:
    try:
        return normal_axes(axis, x.ndim)
    except ValueError as error:
        raise ShapeError(message(f"{what}: {error}", f"the shape is {x.shape}", node=x)) from None
