"""How alike vectors are, and losses of that: cosines, and telling partners from all others of a batch."""

from __future__ import annotations

import math

from ..graph.arguments import flag, number_from
from ..graph.errors import ShapeError, message
from ..graph.layer import layer
from ..graph.node import Node, as_node
from ..graph.operators import Operand
from ..nodes.dense import matmul
from ..nodes.elementwise import sqrt
from ..nodes.reduce import logsumexp, sum
from ..nodes.select import maximum, where
from ..nodes.shape import axis_of, transpose
from ..nodes.sigmoid import relu
from .reduction import reduced, row_sums

_LEAST = 1e-8
"""The least length of a vector, so that the cosine with a vector of zeros is 0."""


@layer
def cosine_similarity(a: Node, b: Operand, *, axis: int = -1) -> Node:
    """The cosine of the angle between vectors, along `axis`: 1 where they have one direction, 0 for a vector of zeros.

    Parameters
    ----------
    a, b : Node
        Of one shape.
    axis : int
        Of the vectors; it vanishes.

    Examples
    --------
    >>> import symcnn as sc
    >>> a, b = sc.Input("a", (None, 2)), sc.Input("b", (None, 2))
    >>> sc.compile(sc.cosine_similarity(a, b))(a=[[3, 4], [1, 0]], b=[[3, 4], [0, 2]])
    array([1., 0.], dtype=float32)
    """
    a = as_node(a)
    b = as_node(b, a.dtype, what="cosine_similarity: b")
    if a.shape != b.shape or a.ndim == 0:
        problem = f"cosine_similarity: vectors of {a.shape} and {b.shape} do not fit"
        raise ShapeError(message(problem, "expected two arrays of the same shape", node=a))
    return sum(unit(a, axis) * unit(b, axis), axis=axis_of(a, axis))


def unit(a: Node, axis: int = -1) -> Node:
    """The vectors along `axis`, divided by their length, which is taken for 1e-8 at least."""
    square = sum(a * a, axis=axis_of(a, axis), keepdims=True)
    return a / sqrt(maximum(square, _LEAST**2))


@layer
def cosine_loss(a: Node, b: Operand, y: Operand | None = None, reduction: str = "mean", *, margin: float = 0.0) -> Node:
    """The mean over the batch of 1 - cos(a, b): 0 where both have one direction.

    Parameters
    ----------
    a, b : Node
        (N, ..., features).
    y : Node, optional
        Of the shape of `a` without its last axis: 1 for pairs that belong together, -1 for others, whose loss is
        max(0, cos(a, b) - margin).
    reduction : "mean", "sum" or "none"
        Over the rows.
    margin : float
        From -1 to below 1.

    Examples
    --------
    >>> import symcnn as sc
    >>> a, b, y = sc.Input("a", (None, 2)), sc.Input("b", (None, 2)), sc.Input("y", (None,))
    >>> sc.compile(sc.cosine_loss(a, b, y, "none"))(a=[[3, 4], [1, 0]], b=[[3, 4], [2, 0]], y=[1, -1])
    array([0., 1.], dtype=float32)
    """
    margin = number_from(margin, -1, 1, "cosine_loss: margin")
    cosine = cosine_similarity(a, b)
    if y is None:
        return reduced(row_sums(1 - cosine), reduction)
    sign = as_node(y, what="cosine_loss: y")
    if sign.shape != cosine.shape:
        raise ShapeError(message(f"cosine_loss: y has the shape {sign.shape}; expected {cosine.shape}", node=cosine))
    return reduced(row_sums(where(sign > 0, 1 - cosine, relu(cosine - margin))), reduction)


@layer
def info_nce(
    q: Node,
    k: Node,
    reduction: str = "mean",
    *,
    temperature: float = 0.1,
    normalize: bool = True,
    symmetric: bool = False,
) -> Node:
    """Each row of q is to find its partner, the same row of k, among all rows of k: the mean over the batch.

    Parameters
    ----------
    q, k : Node
        (N, features).
    reduction : "mean", "sum" or "none"
        Over the rows.
    temperature : float
        Above 0: what similarities are divided by.
    normalize : bool
        Whether similarities are cosines, or plain products of vectors.
    symmetric : bool
        Whether each row of k has to find its partner, too: the mean of both, as in CLIP.

    Returns
    -------
    Node
        -log softmax(s)[i] for row i, where s are its similarities to all rows of k. The loss of a row depends on the
        whole batch.

    Notes
    -----
    van den Oord, Li & Vinyals, "Representation Learning with Contrastive Predictive Coding" (2018).

    Examples
    --------
    >>> import symcnn as sc
    >>> q, k = sc.Input("q", (None, 2)), sc.Input("k", (None, 2))
    >>> sc.compile(sc.info_nce(q, k, temperature=1))(q=[[1, 0], [0, 1]], k=[[5, 0], [0, 7]]).round(4)
    np.float32(0.3133)
    """
    q, k = as_node(q), as_node(k)
    temperature = number_from(temperature, 0, math.inf, "info_nce: temperature", open=True)
    if q.ndim != 2 or q.shape != k.shape:
        problem = f"info_nce: q has the shape {q.shape} and k {k.shape}"
        raise ShapeError(message(problem, "expected (N, features) of both", node=q))
    if flag(normalize, "info_nce: normalize"):
        q, k = unit(q), unit(k)
    scores = matmul(q, transpose(k)) / temperature
    partner = sum(q * k, axis=1) / temperature
    losses = logsumexp(scores, axis=1) - partner
    if flag(symmetric, "info_nce: symmetric"):
        losses = (losses + logsumexp(scores, axis=0) - partner) / 2
    return reduced(losses, reduction)
