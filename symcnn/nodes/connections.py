"""Tables of connections: which channels each filter sees. What a table leaves out does not exist and is not counted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.algebra import Cast, Mul
from ..graph.errors import ArgumentError, call_site, message
from ..graph.leaves import Const, Param, as_numbers
from ..graph.node import Node
from ..text import quoted
from .shape import Reshape, Transpose

Mask = NDArray[np.bool_]


def connected(w: Node, *same: type[Node]) -> int:
    """How many entries of weights exist: not those outside a parameter's mask, nor those that a constant 0 multiplies.

    Parameters
    ----------
    w : Node
    *same : node types
        Of one input, which only rearrange it, or put zeros between: looked through, as reshapes and transposes are.

    Examples
    --------
    >>> import symcnn as sc
    >>> connected(sc.Param("w", np.ones((2, 3))) * sc.Const([1.0, 0.0, 1.0]))
    4
    """
    mask = existing(w, *same)
    return math.prod(w.spec.bind(1)) if mask is None else int(np.count_nonzero(mask))


def existing(w: Node, *same: type[Node]) -> Mask | None:
    """Which entries of weights exist, as `connected` counts them; None for all of them.

    Examples
    --------
    >>> import symcnn as sc
    >>> existing(sc.transpose(sc.Param("w", np.ones((2, 2))) * sc.Const([1.0, 0.0]))).tolist()
    [[True, True], [False, False]]
    >>> existing(sc.Param("w", np.ones((2, 2)))) is None
    True
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
        masks[todo.pop()] = _mask(node, masks, through)
    return masks[w]


def _mask(node: Node, masks: dict[Node, Mask | None], through: tuple[type[Node], ...]) -> Mask | None:
    """Which entries of `node` exist, given those of its inputs; None for all of them."""
    if isinstance(node, Param):
        return node.mask
    if isinstance(node, Const):
        return None if np.all(node.value) else node.value != 0
    given = [masks[i] for i in node.inputs] if isinstance(node, through) else []
    if None in node.shape or not given:
        return None
    is_larger = math.prod(node.spec.bind(1)) > max(math.prod(i.spec.bind(1)) for i in node.inputs)
    if all(mask is None for mask in given) and not is_larger:  # what is larger has zeros between
        return None
    full = [np.ones(i.spec.bind(1), bool) if m is None else m for i, m in zip(node.inputs, given, strict=True)]
    if isinstance(node, Mul):
        return np.logical_and(*full)
    return full[0] if isinstance(node, Cast) else np.asarray(node.forward(np, *full))


def connections(table: Any, filters: int, channels: int, what: str = "conv") -> NDArray[np.bool_]:
    """Which channels each filter sees, as booleans (filters, channels).

    Raises
    ------
    ArgumentError
        For a wrong shape, a filter that sees nothing, a channel that is repeated or not there; `what` says
        in the message whose table it is.
    """
    rows = _rows(table, filters, channels, what)
    matrix = isinstance(table, np.ndarray) or (
        channels > 2 and all(len(row) == channels and all(c in (0, 1) for c in row) for row in rows)
    )
    mask = np.zeros((filters, channels), dtype=bool)
    for f, row in enumerate(rows):
        seen = _matrix_row(f, row, channels, what) if matrix else row
        if len(seen) == 0:
            raise _table_error(what, f"filter {f} sees no channel")
        for c in seen:
            if isinstance(c, bool) or not hasattr(c, "__index__") or not 0 <= c < channels:
                raise _table_error(
                    what, f"filter {f} sees channel {quoted(c)}; the input has channels 0 to {channels - 1}"
                )
            if mask[f, c]:
                raise _table_error(
                    what, f"filter {f} sees channel {c} twice", "a table of 0 and 1 must be a numpy array"
                )
            mask[f, c] = True
    return mask


def _rows(table: Any, filters: int, channels: int, what: str) -> list[Any]:
    """The table as a list with one row for each filter."""
    if isinstance(table, np.ndarray):
        as_numbers(table, f"{what}: the table of connections")
    try:
        rows = table.tolist() if isinstance(table, np.ndarray) else [list(row) for row in table]
    except TypeError:
        raise _table_error(what, f"it is {quoted(table)}; expected the channels that each filter sees") from None
    if not isinstance(rows, list) or len(rows) != filters:
        hint = ["the rows are filters; transpose it"] if isinstance(rows, list) and len(rows) == channels else []
        count = len(rows) if isinstance(rows, list) else "no"
        raise _table_error(what, f"it has {count} rows; expected one for each of the {filters} filters", *hint)
    return rows


def _matrix_row(f: int, row: Any, channels: int, what: str) -> list[int]:
    if not isinstance(row, list) or len(row) != channels or not all(c in (0, 1) for c in row):
        raise _table_error(what, f"row {f} is {quoted(row)}; expected a 0 or 1 for each of the {channels} channels")
    return [c for c, seen in enumerate(row) if seen]


def _table_error(what: str, problem: str, *details: str) -> ArgumentError:
    return ArgumentError(message(f"{what}: the table of connections: {problem}", *details, site=call_site()))
