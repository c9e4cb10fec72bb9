"""How many weights there are: what a table of connections leaves out does not exist."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..graph.algebra import Cast, Mul
from ..graph.leaves import Const, Param
from ..graph.node import Node
from .shape import Reshape, Transpose

Mask = NDArray[np.bool_]


def connected(w: Node, *same: type[Node]) -> int:
    """How many entries of weights exist: not those outside a parameter's mask, nor those that a constant 0 multiplies.

    Parameters
    ----------
    w : Node
    *same : node types
        Of one input, which only rearrange it: looked through, as reshapes and transposes are.

    Examples
    --------
    >>> import symcnn as sc
    >>> connected(sc.Param("w", np.ones((2, 3))) * sc.Const([1.0, 0.0, 1.0]))
    4
    """
    through: tuple[type[Node], ...] = (Mul, Cast, Reshape, Transpose, *same)
    masks: dict[Node, Mask | None] = {}
    todo = [w]
    while todo:
        node = todo[-1]
        missing = [i for i in node.inputs if i not in masks] if isinstance(node, through) else []
        if missing:
            todo.extend(missing)
            continue
        masks[todo.pop()] = _mask(node, masks)
    mask = masks[w]
    return math.prod(w.spec.bind(1)) if mask is None else int(np.count_nonzero(mask))


def _mask(node: Node, masks: dict[Node, Mask | None]) -> Mask | None:
    """Which entries of `node` exist, given those of its inputs; None for all of them."""
    if isinstance(node, Param):
        return node.mask
    if isinstance(node, Const):
        return None if np.all(node.value) else node.value != 0
    given = [masks.get(i) for i in node.inputs]
    if None in node.shape or all(mask is None for mask in given):
        return None
    full = [np.ones(i.spec.bind(1), bool) if m is None else m for i, m in zip(node.inputs, given, strict=True)]
    if isinstance(node, Mul):
        return np.logical_and(*full)
    return full[0] if isinstance(node, Cast) else np.asarray(node.forward(np, *full))
