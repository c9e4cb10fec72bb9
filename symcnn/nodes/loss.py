"""Softmax, labels, and the cross-entropy of both; the losses made of them are in `symcnn.layers.losses`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.algebra import batch_size
from ..graph.arguments import positive_int
from ..graph.errors import DTypeError, ShapeError, message
from ..graph.leaves import Input, real_or_integer
from ..graph.node import Node, as_node
from ..graph.spec import Dim, Spec
from ..graph.window import WHOLE, Window, Windows
from .elementwise import Exp
from .reduce import FirstMax, mean, sum
from .select import where
from .shape import reshape
from .take import verify_index


class _OfRows(Node):
    """The base of functions of each row (the last axis)."""

    z: Node
    symbol = "a"

    def infer(self) -> Spec:
        if self.z.ndim == 0:
            raise ShapeError(message("a scalar has no last axis", node=self))
        if self.z.shape[-1] == 0:
            raise ShapeError(message(f"the last axis of {self.z.shape} is empty: there are no classes", node=self))
        return self.z.spec

    def windows(self) -> tuple[Windows, ...]:
        return ((*(Window(k) for k in range(self.ndim - 1)), WHOLE),)

    @property
    def mixes_rows(self) -> bool:
        return self.shape[-1] is None

    @classmethod
    def samples(cls) -> list[Node]:
        return [] if cls is _OfRows else [cls(Input("z", (None, 4)))]


def _wide(xp: Any, z: Any) -> Any:
    """z, in float32 where it is float16 (which the array API standard does not name): what is summed up."""
    return z if z.dtype == xp.float32 or z.dtype == xp.float64 else xp.astype(z, xp.float32)


def _shifted(xp: Any, z: Any) -> Any:
    """z minus the largest of each row, so that nothing overflows; rows without an element (of no batch) stay so."""
    wide = _wide(xp, z)
    return wide - _wide(xp, xp.max(z, axis=-1, keepdims=True)) if z.shape[-1] else wide


class Softmax(_OfRows):
    """e^z divided by its sum, along the last axis; exact at any z."""

    latex = r"\operatorname{{softmax}}({z})"
    text = "softmax({z})"
    says = (
        "Scores become probabilities: positive, and 1 in sum.",
        "Each score moves all probabilities of its row: what one gains the others lose.",
    )

    def forward(self, xp: Any, z: Any) -> Any:
        e = xp.exp(_shifted(xp, z))
        return xp.astype(e / xp.sum(e, axis=-1, keepdims=True), z.dtype, copy=False)

    def backward(self, delta: Node) -> tuple[Node]:
        a = self
        return (a * (delta - sum(delta * a, axis=-1, keepdims=True)),)


class LogSoftmax(_OfRows):
    """The logarithm of the softmax, without computing it naively."""

    latex = r"\log \operatorname{{softmax}}({z})"
    text = "log softmax({z})"
    says = (
        "Scores become logarithms of probabilities.",
        "Each score moves all of its row: it gets its error, minus its probability times the sum of the row's errors.",
    )

    def forward(self, xp: Any, z: Any) -> Any:
        shifted = _shifted(xp, z)
        logarithm = shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))
        return xp.astype(logarithm, z.dtype, copy=False)

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta - Exp(self) * sum(delta, axis=-1, keepdims=True),)


class OneHot(Node):
    """1 in the column of the label, 0 elsewhere: the tutorial's 1{y = k}.

    Where `classes` is None, the labels are rows of the batch, and `size` is how many there are; see `one_hot`.
    """

    y: Node
    classes: Dim
    real: str = "float32"
    size: Node | None = None
    integer_inputs = ("y",)
    latex = r"1[{y}]"
    text = "1[{y}]"
    says = ("The label becomes a row: 1 at its own place, 0 elsewhere.", "No error passes: a label is no real number.")

    def __post_init__(self) -> None:
        if self.classes is not None:
            object.__setattr__(self, "classes", positive_int(self.classes, f"{self.label}: classes"))
        if (self.classes is None) != (self.size is not None):
            hint = "sc.one_hot(y, None) gives it the size of the batch"
            raise ShapeError(message("classes is None, and only then, where size is a node", hint, node=self))
        object.__setattr__(self, "real", real_or_integer(self.real, self.label).name)

    def infer(self) -> Spec:
        if self.y.dtype.kind not in "iu":
            raise label_error(self, self.y)
        return Spec((*self.y.shape, self.classes), np.dtype(self.real))

    def verify(self, y: Any, size: Any = None) -> None:
        verify_index(y, self._count(size))

    def forward(self, xp: Any, y: Any, size: Any = None) -> Any:
        return xp.astype(xp.arange(self._count(size)) == xp.expand_dims(y, axis=-1), getattr(xp, self.real))

    def _count(self, size: Any) -> int:
        return int(size) if self.classes is None else self.classes

    def windows(self) -> tuple[Windows, ...]:
        labels = tuple(Window(k) for k in range(self.y.ndim))
        return (labels,) if self.size is None else (labels, ())

    def backward(self, delta: Node) -> tuple[None, ...]:
        return (None,) * len(self.inputs)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("y", (None,), "int64"), 3)]


def label_error(node: Node, y: Node) -> DTypeError:
    """What to raise for labels that are no integers."""
    return DTypeError(
        message(
            f"labels are class indices (integers), got {y.dtype}",
            'declare them so: sc.Input("y", (None,), dtype="int64")',
            node=node,
        )
    )


class SoftmaxCrossEntropy(Node):
    """-log softmax(z)[y] for each row of z, at the row's label y; exact at any z.

    Parameters
    ----------
    z : Node
        (..., classes): scores, before any softmax.
    y : Node
        Integers (...), from 0 to classes - 1.

    Notes
    -----
    delta(z) = softmax(z) - 1{y} (UFLDL, "Softmax Regression").
    """

    z: Node
    y: Node
    integer_inputs = ("y",)
    latex = r"-\log \operatorname{{softmax}}({z})_{{{y}}}"
    text = "−log softmax({z})[{y}]"
    binding = 2
    says = (
        "The loss is how surprised the softmax of the scores is by the right label: −log of its probability.",
        "The error of a score is its probability, minus 1 for the right label.",
    )

    def infer(self) -> Spec:
        z, y = self.z, self.y
        if y.dtype.kind not in "iu":
            raise label_error(self, y)
        if z.ndim == 0 or z.shape[:-1] != y.shape or z.shape[-1] == 0:
            raise ShapeError(
                message(
                    f"scores of {z.shape} and labels of {y.shape} do not fit",
                    "expected (N, classes) and class indices (N,)",
                    node=self,
                )
            )
        return Spec(y.shape, z.dtype)

    def verify(self, z: Any, y: Any) -> None:
        verify_index(y, z.shape[-1])

    def forward(self, xp: Any, z: Any, y: Any) -> Any:
        shifted = _shifted(xp, z)
        at_label = xp.arange(z.shape[-1]) == xp.expand_dims(y, axis=-1)
        score = xp.sum(xp.where(at_label, shifted, xp.zeros_like(shifted)), axis=-1)
        return xp.astype(xp.log(xp.sum(xp.exp(shifted), axis=-1)) - score, z.dtype, copy=False)

    def windows(self) -> tuple[Windows, ...]:
        y = tuple(Window(k) for k in range(self.ndim))
        return (*y, WHOLE), y

    def backward(self, delta: Node) -> tuple[Node, None]:
        row = reshape(delta, (*delta.shape, 1))
        return row * (Softmax(self.z) - one_hot(self.y, self.z.shape[-1], self.dtype.name)), None

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Input("z", (None, 4)), Input("y", (None,), "int64"))]


def softmax(z: Node, name: str = "") -> Node:
    """e^z divided by its sum along the last axis; see `Softmax`."""
    return Softmax(z, name=name)


def log_softmax(z: Node, name: str = "") -> Node:
    """The logarithm of the softmax; see `LogSoftmax`."""
    return LogSoftmax(z, name=name)


def one_hot(y: Node, classes: Dim, dtype: str = "float32") -> Node:
    """1 in the column of the label, 0 elsewhere; see `OneHot`.

    Parameters
    ----------
    y : Node
        Integers, from 0 to classes - 1.
    classes : int or None
        None: as many as there are rows in the batch, as where each row is to find its partner among all others.
    dtype : str
    """
    return OneHot(y, classes, dtype, None if classes is not None else batch_size())


def accuracy(z: Node, y: Node) -> Node:
    """The share of rows whose largest score stands at the label.

    Parameters
    ----------
    z : Node
        Scores (N, classes).
    y : Node
        Class indices (N,), int64.

    Examples
    --------
    >>> import symcnn as sc
    >>> z, y = sc.Input("z", (None, 2)), sc.Input("y", (None,), dtype="int64")
    >>> sc.compile(sc.accuracy(z, y))(z=[[0, 1], [1, 0]], y=[1, 1])
    array(0.5, dtype=float32)
    """
    z, y = as_node(z), as_node(y, what="accuracy: the labels")
    if y.dtype.kind not in "iu":
        raise label_error(y, y)
    if z.ndim == 0 or z.shape[:-1] != y.shape or z.shape[-1] == 0:
        problem = f"accuracy: scores of {z.shape} and labels of {y.shape} do not fit"
        raise ShapeError(message(problem, "expected (N, classes) and class indices (N,)", node=z))
    first_largest = FirstMax(z, (z.ndim - 1,))
    return mean(sum(where(first_largest, one_hot(y, z.shape[-1]), 0), axis=-1))
