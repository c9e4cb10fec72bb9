"""Forms that do not overflow or cancel where the naive ones do."""

from __future__ import annotations

from ..graph.algebra import Add, Sub
from ..graph.node import Node
from ..nodes.elementwise import Exp, Log
from ..nodes.loss import LogSoftmax, Softmax
from ..nodes.sigmoid import Sigmoid, Softplus
from .neutral import fitted, uniform


def stable(node: Node) -> Node | None:
    """The rules; a node of the same value (or nearer to it), or None."""
    return fitted(_stable(node), node)


def _stable(node: Node) -> Node | None:
    match node:
        case Log(Softmax(z)):
            return LogSoftmax(z)
        case Log(Sigmoid(z)):
            return -Softplus(-z)
        case Log(Sub(one, Sigmoid(z))) if uniform(one) == 1:
            return -Softplus(z)
        case Log(Add(one, Exp(z)) | Add(Exp(z), one)) if uniform(one) == 1:
            return Softplus(z)
        case Log(Exp(z)):
            return z
    return None
