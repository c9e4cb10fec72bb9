"""Losses of scores and classes: cross-entropies, negative log-likelihood, hinge, Kullback-Leibler.

J is a mean over the batch. Where a row of the batch has several classes to tell (the pixels of an image), each of them
counts as one.
"""

from __future__ import annotations

import math

from ..graph.algebra import cast
from ..graph.arguments import number_from, whole
from ..graph.errors import ArgumentError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.node import Node, as_node
from ..graph.operators import Operand
from ..graph.scaled import Scaled
from ..graph.spec import Shape
from ..nodes.elementwise import Exp, Log
from ..nodes.loss import LogSoftmax, SoftmaxCrossEntropy, label_error, one_hot
from ..nodes.reduce import mean, sum
from ..nodes.select import equal, where
from ..nodes.shape import axis_of, transpose
from ..nodes.sigmoid import Sigmoid, Softplus, relu
from .reduction import reduced, row_sums, targets, weights_for


@layer
def softmax_cross_entropy(
    z: Node,
    y: Operand,
    reduction: str = "mean",
    *,
    weights: Operand | None = None,
    smoothing: float = 0.0,
    ignore: int | None = None,
    axis: int | None = None,
) -> Node:
    """The mean over the batch of -log softmax(z)[y].

    Parameters
    ----------
    z : Node
        Scores, before any softmax: (N, classes), (..., classes), or (N, classes, height, width).
    y : Node
        Class indices, integers of the shape of `z` without its classes. Or targets: real numbers of the shape of `z`,
        a distribution over the classes, and the loss is the sum of -t log softmax(z).
    reduction : "mean", "sum" or "none"
        Over all rows, and all pixels.
    weights : Node or array, optional
        How much each class counts, (classes,). The mean is divided by the weights of the labels, not by their number.
    smoothing : float
        From 0 to below 1: so much of each target is spread evenly over all classes.
    ignore : int, optional
        A label, such as 255, whose rows or pixels do not count: no loss, no error, no part of the mean.
    axis : int, optional
        Where the classes are; default: the axis that the labels lack, the last one or axis 1.

    Returns
    -------
    Node
        A scalar; of the shape of the labels for "none".

    Raises
    ------
    ShapeError
        Where scores and labels do not fit, or fit with the classes on two axes: say which by `axis`.
    DTypeError
        For labels that are no integers.

    Notes
    -----
    Weights, smoothing and what is ignored mean what they mean in PyTorch's ``cross_entropy``: with weights w, the mean
    is sum w[y] loss / sum w[y] for labels, and over all rows for targets. Where all labels are ignored it is NaN.
    Smoothing: Szegedy et al., "Rethinking the Inception Architecture" (2015), section 7.

    Examples
    --------
    >>> import numpy as np
    >>> import symcnn as sc
    >>> z, y = sc.Input("z", (None, 10)), sc.Input("y", (None,), dtype="int64")
    >>> sc.compile(sc.softmax_cross_entropy(z, y))(z=np.zeros((2, 10)), y=[3, 7])
    array(2.3025851, dtype=float32)
    >>> maps, pixels = sc.Input("z", (None, 3, 8, 6)), sc.Input("y", (None, 8, 6), dtype="uint8")
    >>> sc.softmax_cross_entropy(maps, pixels, ignore=255).shape
    ()
    """
    z, y = as_node(z), as_node(y, what="softmax_cross_entropy: the labels")
    smoothing = number_from(smoothing, 0, 1, "softmax_cross_entropy: smoothing")
    z, y = _classes_last(z, y, axis, "softmax_cross_entropy")
    if _are_targets(z, y):
        if ignore is not None:
            problem = "softmax_cross_entropy: ignore is a label, but y are targets of the shape of the scores"
            raise ArgumentError(message(problem, "a row of zeros counts nothing", site=call_site()))
        t = y if not smoothing else y * (1 - smoothing) + smoothing / _classes(z)
        entries: Node = Scaled(t, LogSoftmax(z))
        return reduced(-sum(entries if weights is None else entries * _by_class(weights, z), axis=-1), reduction)
    labels = _Labels(z, y, weights, ignore, "softmax_cross_entropy")
    losses = labels.weighted(SoftmaxCrossEntropy(z, labels.y))
    if smoothing:
        entries = -LogSoftmax(z)
        even = mean(entries if weights is None else entries * _by_class(weights, z), axis=-1)
        losses = losses * (1 - smoothing) + even * smoothing
    return labels.reduced(losses, reduction)


@layer
def nll(
    log_p: Node,
    y: Operand,
    reduction: str = "mean",
    *,
    weights: Operand | None = None,
    ignore: int | None = None,
    axis: int | None = None,
) -> Node:
    """The negative log-likelihood: the mean over the batch of -log_p[y].

    Parameters
    ----------
    log_p : Node
        Logarithms of probabilities, such as ``sc.log_softmax(z)``; shapes as for `softmax_cross_entropy`.
    y : Node
        Class indices, integers.
    reduction, weights, ignore, axis
        As for `softmax_cross_entropy`.

    Examples
    --------
    >>> import symcnn as sc
    >>> log_p, y = sc.Input("log_p", (None, 2)), sc.Input("y", (None,), dtype="int64")
    >>> sc.compile(sc.nll(log_p, y))(log_p=[[-1, -2], [-3, -4]], y=[0, 1])
    array(2.5, dtype=float32)
    """
    log_p, y = as_node(log_p), as_node(y, what="nll: the labels")
    log_p, y = _classes_last(log_p, y, axis, "nll")
    _check_labels(log_p, y, "nll")
    labels = _Labels(log_p, y, weights, ignore, "nll")
    chosen = sum(Scaled(one_hot(labels.y, log_p.shape[-1], log_p.dtype.name), log_p), axis=-1)
    return labels.reduced(labels.weighted(-chosen), reduction)


@layer
def hinge(
    z: Node,
    y: Operand,
    reduction: str = "mean",
    *,
    margin: float = 1.0,
    power: int = 1,
    axis: int | None = None,
) -> Node:
    """The loss of support vector machines: what scores lack to be right by a margin.

    Parameters
    ----------
    z : Node
        Scores; shapes as for `softmax_cross_entropy`.
    y : Node
        Class indices: the loss of a row is the sum over all other classes j of max(0, margin + z[j] - z[y]). Or
        targets of the shape of `z`, 1 or -1: the sum of max(0, margin - t z) over the entries of a row.
    reduction : "mean", "sum" or "none"
        Over the rows.
    margin : float
        Above 0.
    power : int
        1, or 2 for squared hinges.
    axis : int, optional
        As for `softmax_cross_entropy`.

    Notes
    -----
    Weston & Watkins, "Support Vector Machines for Multi-Class Pattern Recognition" (1999), as in the course CS231n.
    PyTorch's ``multi_margin_loss`` divides it by the number of classes.

    Examples
    --------
    >>> import symcnn as sc
    >>> z, y = sc.Input("z", (None, 3)), sc.Input("y", (None,), dtype="int64")
    >>> sc.compile(sc.hinge(z, y))(z=[[3.2, 5.1, -1.7]], y=[0]).round(3)
    np.float32(2.9)
    """
    z, y = as_node(z), as_node(y, what="hinge: the labels")
    margin = number_from(margin, 0, math.inf, "hinge: margin", open=True)
    if whole(power, "hinge: power") not in (1, 2):
        raise ArgumentError(message(f"hinge: power is {power}; expected 1 or 2", site=call_site()))
    if _are_targets(z, y):
        short = relu(margin - y * z)
        return reduced(row_sums(short if power == 1 else short * short), reduction)
    z, y = _classes_last(z, y, axis, "hinge")
    _check_labels(z, y, "hinge")
    right = one_hot(y, z.shape[-1], z.dtype.name)
    score = sum(where(right > 0, z, 0), axis=-1, keepdims=True)
    short = where(right > 0, 0, relu(z - score + margin))
    return reduced(sum(short if power == 1 else short * short, axis=-1), reduction)


@layer
def kl_divergence(log_p: Node, t: Operand, reduction: str = "mean", *, log_target: bool = False) -> Node:
    """How far the distribution p is from the targets t: t (log t - log p), summed over each row, and its mean.

    Parameters
    ----------
    log_p : Node
        Logarithms of probabilities (N, ...), such as ``sc.log_softmax(z)``.
    t : Node or array
        Probabilities of the same shape, of which 0 is one: 0 log 0 is 0.
    reduction : "mean", "sum" or "none"
        Over the rows. (The mean over the batch is PyTorch's "batchmean".)
    log_target : bool
        Whether `t` are logarithms, too.

    Examples
    --------
    >>> import numpy as np
    >>> import symcnn as sc
    >>> log_p = sc.Input("log_p", (None, 2))
    >>> sc.compile(sc.kl_divergence(log_p, np.float32([[0, 1]]) * sc.ones(log_p)))(log_p=np.log([[0.5, 0.5]]))
    array(0.6931472, dtype=float32)
    """
    log_p = as_node(log_p)
    target = targets(log_p, t)
    if log_target:
        return reduced(row_sums(Scaled(Exp(target), target - log_p)), reduction)
    return reduced(row_sums(Scaled(target, Log(target)) - Scaled(target, log_p)), reduction)


@layer
def sigmoid_cross_entropy(
    z: Node,
    t: Operand,
    reduction: str = "mean",
    *,
    weights: Operand | None = None,
    pos_weights: Operand | None = None,
) -> Node:
    """The binary cross-entropy of sigmoid(z) and targets t from 0 to 1; exact at any z.

    Parameters
    ----------
    z : Node
        Scores (N, ...), before any sigmoid.
    t : Node or array
        Targets of the same shape, 0 to 1.
    reduction : "mean", "sum" or "none"
        Over the rows; the entries of a row are summed.
    weights : Node or array, optional
        What each entry is multiplied by; it broadcasts to the shape of `z`.
    pos_weights : Node or array, optional
        What t log sigmoid(z) is multiplied by: above 1, misses count more than false alarms.

    Examples
    --------
    >>> import symcnn as sc
    >>> z, t = sc.Input("z", (None, 2)), sc.Input("t", (None, 2))
    >>> sc.compile(sc.sigmoid_cross_entropy(z, t, pos_weights=[1, 3]))(z=[[0, 0]], t=[[1, 1]]).round(4)
    np.float32(2.7726)
    """
    z = as_node(z)
    target = targets(z, t)
    hits = target if pos_weights is None else target * weights_for(pos_weights, z, z.shape, "pos_weights")
    return _of_entries(hits * Softplus(-z) + (1 - target) * Softplus(z), weights, z, reduction)


@layer
def binary_cross_entropy(a: Node, t: Operand, reduction: str = "mean", *, weights: Operand | None = None) -> Node:
    """-(t log a + (1 - t) log(1 - a)), summed over each row, and its mean over the batch.

    Parameters
    ----------
    a : Node
        Probabilities (N, ...). If it is a `Sigmoid`, its input is used: exact at any score.
    t : Node or array
        Targets of the same shape, 0 to 1.
    reduction : "mean", "sum" or "none"
        Over the rows.
    weights : Node or array, optional
        What each entry is multiplied by; it broadcasts to the shape of `a`.

    Examples
    --------
    >>> import symcnn as sc
    >>> z, t = sc.Input("z", (None, 1)), sc.Input("t", (None, 1))
    >>> sc.compile(sc.binary_cross_entropy(sc.sigmoid(z), t))(z=[[-1e4], [1e4]], t=[[1], [1]])
    array(5000., dtype=float32)
    """
    a = as_node(a)
    if isinstance(a, Sigmoid):
        return sigmoid_cross_entropy(a.z, t, reduction, weights=weights)
    target = targets(a, t)
    yes = where(equal(target, 0), 0, target * Log(a))
    no = where(equal(target, 1), 0, (1 - target) * Log(1 - a))
    if weights is None:
        return reduced(-row_sums(yes + no), reduction)
    return _of_entries(-(yes + no), weights, a, reduction)


def _of_entries(entries: Node, weights: Operand | None, z: Node, reduction: str) -> Node:
    """The sum over each row of what `weights` make of the entries, reduced."""
    if weights is not None:
        entries = entries * weights_for(weights, z, z.shape, "the weights")
    return reduced(row_sums(entries), reduction)


class _Labels:
    """Labels, of which some may count more than others, and some not at all."""

    def __init__(self, z: Node, y: Node, weights: Operand | None, ignore: int | None, what: str) -> None:
        _check_labels(z, y, what)
        self.ignored = None if ignore is None else equal(y, whole(ignore, f"{what}: ignore"))
        self.y = y if self.ignored is None else where(self.ignored, 0, y)
        self.share: Node | None = None
        if weights is not None:
            self.share = sum(one_hot(self.y, _classes(z), z.dtype.name) * _by_class(weights, z), axis=-1)
        self.dtype = z.dtype.name

    def weighted(self, losses: Node) -> Node:
        """The losses times the weights of the labels."""
        return losses if self.share is None else losses * self.share

    def reduced(self, losses: Node, reduction: str) -> Node:
        """The losses of what is not ignored, reduced; the mean is divided by the sum of their weights."""
        if self.ignored is None:
            return reduced(losses, reduction, None if self.share is None else sum(self.share))
        share = cast(where(self.ignored, 0, 1), self.dtype) if self.share is None else self.share
        return reduced(where(self.ignored, 0, losses), reduction, sum(where(self.ignored, 0, share)))


def _classes(z: Node) -> int:
    classes = z.shape[-1]
    if not classes:
        raise ShapeError(message(f"the classes are the last axis of {z.shape}, whose length is not known", node=z))
    return classes


def _by_class(weights: Operand, z: Node) -> Node:
    return weights_for(weights, z, (_classes(z),), "the weights of the classes")


def _are_targets(z: Node, y: Node) -> bool:
    return y.dtype.kind == "f" and y.shape == z.shape


def _check_labels(z: Node, y: Node, what: str) -> None:
    if y.dtype.kind not in "iu":
        raise label_error(z, y)
    if z.ndim == 0 or z.shape[:-1] != y.shape or z.shape[-1] == 0:
        problem = f"{what}: scores of {z.shape} and labels of {y.shape} do not fit"
        raise ShapeError(message(problem, "expected (N, classes) and class indices (N,)", node=z))


def _classes_last(z: Node, y: Node, axis: int | None, what: str) -> tuple[Node, Node]:
    """Scores with the classes on their last axis, and what goes with them."""
    last = z.ndim - 1
    at = _axis_of_classes(z, y, what) if axis is None else axis_of(z, axis)
    if at == last:
        return z, y
    order = (*(k for k in range(z.ndim) if k != at), at)
    return transpose(z, order), transpose(y, order) if y.shape == z.shape else y


def _axis_of_classes(z: Node, y: Node, what: str) -> int:
    """The axis of `z` that the labels lack: the last one, or axis 1."""
    last = z.ndim - 1
    if last < 2:
        return last
    if _are_targets(z, y):
        problem, hint = f"{what}: the classes could be on axis 1 or on the last axis of {z.shape}", "say which: axis=1"
        raise ShapeError(message(problem, hint, node=z))
    fit = [k for k in (1, last) if _without(z.shape, k) == y.shape]
    if len(fit) > 1:
        problem = f"{what}: labels of {y.shape} fit scores of {z.shape} with the classes on axis 1 and on the last axis"
        raise ShapeError(message(problem, "say which: axis=1, or axis=-1", node=z))
    return fit[0] if fit else last


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])
