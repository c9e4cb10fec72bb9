"""Connectionist temporal classification: labels for a sequence of which nobody says where each of them is heard."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..graph.algebra import broadcast_to
from ..graph.arguments import natural
from ..graph.errors import ArgumentError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.leaves import Const
from ..graph.node import Node, as_node
from ..graph.operators import Operand
from ..nodes.dense import matmul
from ..nodes.loss import label_error, one_hot
from ..nodes.reduce import logsumexp, sum
from ..nodes.select import equal, maximum, where
from ..nodes.shape import concat, reshape, transpose
from .reduction import reduced


@layer(title="CTC")
def ctc(
    log_p: Node,
    y: Operand,
    reduction: str = "mean",
    *,
    lengths: Operand | None = None,
    label_lengths: Operand | None = None,
    blank: int = 0,
) -> Node:
    """-log of the probability of the labels, over all ways in which they can be spread over the steps.

    Parameters
    ----------
    log_p : Node
        (N, T, classes): logarithms of the probabilities of each step, such as ``sc.log_softmax(z)``.
    y : Node
        Class indices (N, L), integers: what a sequence says, in its order. What stands behind the end of shorter ones
        does not count, but must be a class.
    reduction : "mean", "sum" or "none"
        Over the rows. (PyTorch's "mean" divides each loss by the number of its labels, too.)
    lengths, label_lengths : Node or array, optional
        (N,), integers: how many of the T steps, and of the L labels, a row has; default: all.
    blank : int
        The class that says nothing.

    Returns
    -------
    Node
        A scalar, or (N,) for "none"; infinite where there are too few steps for the labels.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        Where shapes do not fit, for labels that are no integers, and for a blank that is no class.

    Notes
    -----
    Graves et al., "Connectionist Temporal Classification" (2006), section 4.1: the forward variables, in logarithms.
    The errors are those of the sweep. The recursion is unrolled, so the graph grows with T.

    Examples
    --------
    >>> import numpy as np
    >>> import symcnn as sc
    >>> log_p, y = sc.Input("log_p", (None, 2, 2)), sc.Input("y", (None, 1), dtype="int64")
    >>> J = sc.ctc(log_p, y)  # the label twice, or once, with a blank before or after it
    >>> sc.compile(sc.exp(-J))(log_p=np.log([[[0.5, 0.5], [0.5, 0.5]]]), y=[[1]])
    array(0.75, dtype=float32)
    """
    log_p, y = as_node(log_p), as_node(y, what="ctc: the labels")
    if y.dtype.kind not in "iu":
        raise label_error(log_p, y)
    if log_p.ndim != 3 or y.ndim != 2 or log_p.shape[0] != y.shape[0] or None in (*log_p.shape[1:], y.shape[1]):
        problem = f"ctc: probabilities of {log_p.shape} and labels of {y.shape} do not fit"
        raise ShapeError(message(problem, "expected (N, T, classes) and (N, L)", node=log_p))
    steps, classes = log_p.shape[1] or 0, log_p.shape[2] or 0
    if natural(blank, "ctc: blank") >= classes:
        raise ArgumentError(message(f"ctc: blank is {blank}; there are {classes} classes", site=call_site()))
    trellis = _Trellis(log_p, y, blank)
    ways = trellis.start()
    counted = None if lengths is None else _counts(lengths, y, "lengths")
    for t in range(steps):
        following = trellis.step(ways, t)
        if counted is not None:
            going_on = reshape(counted > t, (*counted.shape, 1))
            following = _Ways(*(where(going_on, new, old) for new, old in zip(following, ways, strict=True)))
        ways = following
    total = trellis.ended(ways, None if label_lengths is None else _counts(label_lengths, y, "label_lengths"))
    return reduced(where(total > trellis.least / 2, -total, np.inf), reduction)


def _counts(given: Operand, y: Node, what: str) -> Node:
    node = as_node(given, what=f"ctc: {what}")
    if node.shape != y.shape[:1] or node.dtype.kind not in "iu":
        raise ShapeError(message(f"ctc: {what} are {node.spec}; expected integers {y.shape[:1]}", node=y))
    return node


class _Ways(NamedTuple):
    """The logarithms of the probabilities of all that was said up to a step."""

    blanks: Node
    """(N, L + 1): so many labels were said, and the step says nothing."""
    labels: Node
    """(N, L): the step says this label."""


class _Trellis:
    """What each step adds: a label is said again, or after a blank, or right after another label."""

    def __init__(self, log_p: Node, y: Node, blank: int) -> None:
        self.least = -1e4 if log_p.dtype == np.float16 else -1e30
        """The logarithm of 0: finite, so that differences of it are."""
        log_p = maximum(log_p, self.least)
        own = one_hot(y, log_p.shape[2], log_p.dtype.name)
        self.of_labels = matmul(log_p, transpose(own, (0, 2, 1)))
        self.of_blank = log_p[:, :, blank : blank + 1]
        self.again = equal(y[:, 1:], y[:, :-1])
        self.rows, self.count = y.shape[0], y.shape[1] or 0
        self.dtype = log_p.dtype

    def _impossible(self, count: int, first: float) -> Node:
        values = np.full(count, self.least, self.dtype)
        values[:1] = first
        return broadcast_to(Const(values), (self.rows, count))

    def start(self) -> _Ways:
        """Before the first step, nothing was said."""
        return _Ways(self._impossible(self.count + 1, 0), self._impossible(self.count, self.least))

    def step(self, before: _Ways, t: int) -> _Ways:
        """The ways up to step t, from those before it."""
        said = self._said(before.labels)
        blanks = _added(before.blanks, said) + self.of_blank[:, t]
        if not self.count:
            return _Ways(blanks, before.labels)
        other = said[:, : self.count]
        if self.count > 1:
            other = concat([other[:, :1], where(self.again, self.least, other[:, 1:])], axis=1)
        labels = _added(before.labels, before.blanks[:, : self.count], other) + self.of_labels[:, t]
        return _Ways(blanks, labels)

    def _said(self, labels: Node) -> Node:
        """(N, L + 1): the ways in which so many labels were said, and the last step says one."""
        return concat([self._impossible(1, self.least), labels], axis=1)

    def ended(self, ways: _Ways, counts: Node | None) -> Node:
        """All ways in which all labels were said, with a blank at the end or without."""
        ends = [ways.blanks, self._said(ways.labels)]
        if counts is None:
            return _added(*(end[:, self.count] for end in ends))
        at_end = one_hot(counts, self.count + 1, self.dtype.name) > 0
        return _added(*(sum(where(at_end, end, 0), axis=1) for end in ends))


def _added(*ways: Node) -> Node:
    """The logarithm of the sum of what these are the logarithms of."""
    return logsumexp(concat([reshape(w, (w.shape[0], 1, *w.shape[1:])) for w in ways], axis=1), axis=1)
