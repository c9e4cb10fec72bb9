"""What is hardly meant where inputs meet: two real dtypes, or a column and a row of one length. It is warned of.

Only where the user's own line lets them meet: what rules and the rewriter make follows from that.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .errors import BroadcastWarning, DTypeWarning, is_users_own, warn
from .spec import DType, Shape, is_real

if TYPE_CHECKING:
    from .node import Node

_REACH = 1000
"""How many nodes are looked at for where a dtype comes from."""


def warn_of_dtypes(node: Node, dtype: DType) -> None:
    """Warn where inputs of `node` are of narrower reals than its value, and this is where their dtypes first meet."""
    if not is_real(dtype):
        return
    narrow = next((i for i in node.inputs if is_real(i.dtype) and i.dtype.itemsize < dtype.itemsize), None)
    wide = next((i for i in node.inputs if i.dtype == dtype), None)
    if narrow is None or wide is None or not is_users_own() or _comes_from_a_meeting(wide):
        return
    vars(node)["widened"] = True
    source = _source(wide)
    named = "" if source is wide else f", which comes from {source.label}, {source.site}"
    warn(
        DTypeWarning,
        f"{node.label}: {dtype} meets {narrow.dtype}: it and all that follows is computed in {dtype}",
        f"{narrow.dtype}: {narrow.label}, {narrow.site}",
        f"{dtype}: {wide.label}, {wide.site}{named}",
        f'make them of one dtype: array.astype("{narrow.dtype}"), or sc.cast(node, "{narrow.dtype}") where it is meant',
    )


def _comes_from_a_meeting(node: Node) -> bool:
    """Whether `node` owes its dtype to one that has been warned of; told to all on the way."""
    todo, seen = [node], {node}
    while todo and len(seen) < _REACH:
        current = todo.pop()
        if "widened" in vars(current):
            vars(node)["widened"] = True
            return True
        new = [i for i in current.inputs if i.dtype == node.dtype and i not in seen]
        seen.update(new)
        todo += new
    return False


def _source(node: Node) -> Node:
    """The first leaf of the dtype of `node` that it is computed from."""
    found = node
    for _ in range(_REACH):
        following = next((i for i in found.inputs if i.dtype == node.dtype), None)
        if following is None:
            break
        found = following
    return found


def warn_of_square(node: Node, shape: Shape) -> None:
    """Warn where `node` makes N x N out of (N, 1) and (N,), and nobody has written down the axis of length 1.

    A reshape that adds it, as in ``x[:, None, :] - x``, has written it down; a transpose or a broadcast, too.
    """
    met = next(((c, r) for c in node.inputs for r in node.inputs if _make_a_square(c, r, shape)), None)
    if met is None or not is_users_own() or _is_asked_for(met[0]):
        return
    column, row = met
    n = "N" if shape[0] is None else str(shape[0])
    warn(
        BroadcastWarning,
        f"{node.label}: {column.shape} and {row.shape} become {shape}: each of {n} rows meets all {n}, not its own",
        f"{column.shape}: {column.label}, {column.site}",
        f"{row.shape}: {row.label}, {row.site}",
        "to pair them, give both one shape: sc.reshape(a, t.shape), or t[:, None]",
        "where all with all is meant, write the axis down: a[:, None] of an a without it",
    )


def _make_a_square(column: Node, row: Node, shape: Shape) -> bool:
    """Whether `column` has N rows, and length 1 where `row`, which has fewer axes, begins with N."""
    k = len(shape) - row.ndim
    if not (0 < k < len(shape) and column.ndim == len(shape) and column.shape[k] == 1):
        return False
    n = row.shape[0]
    return n == shape[k] == shape[0] == column.shape[0] and n != 1 and (n is None or len(shape) == 2)


def _is_asked_for(column: Node) -> bool:
    """Whether an axis was added, or the axes moved, at `column` or before functions of each element."""
    todo, seen = [column], {column}
    while todo and len(seen) < _REACH:
        current = todo.pop()
        if current.elementwise:
            new = [i for i in current.inputs if i.shape == column.shape and i not in seen]
            seen.update(new)
            todo += new
        elif len(current.inputs) == 1:
            (before,) = current.inputs
            moved = before.shape != current.shape and Counter(before.shape) == Counter(current.shape)
            if before.ndim < current.ndim or moved:
                return True
    return False
