"""From what a caller feeds to arrays that a program can use; every mistake is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import DTypeError, FeedError, explain
from ..graph.leaves import Input

Feeds = dict[Input, NDArray[Any]]


def collect(inputs: Sequence[Input], given: Mapping[Any, Any]) -> Feeds:
    """The array for each input, in any memory layout; names and `Input` nodes are both fine as keys.

    Raises
    ------
    FeedError
        For missing or unknown inputs, and shapes that do not fit.
    DTypeError
        For arrays whose kind of numbers an input cannot take.
    """
    by_name = {key.name if isinstance(key, Input) else key: value for key, value in given.items()}
    names = [i.name for i in inputs]
    missing = [n for n in names if n not in by_name]
    unknown = [str(n) for n in by_name if n not in names]
    if missing or unknown:
        takes = ", ".join(f"{i.name} {i.shape}" for i in inputs) or "nothing"
        problem = [f"missing: {', '.join(missing)}"] if missing else []
        problem += [f"unknown: {', '.join(unknown)}"] if unknown else []
        raise FeedError(explain("; ".join(problem), f"this program takes {takes}"))
    feeds = {i: checked(i, by_name[i.name]) for i in inputs}
    batch_of(feeds)
    return feeds


def checked(node: Input, value: Any) -> NDArray[Any]:
    """`value` as an array whose shape fits `node` and whose numbers it can take."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DTypeError(explain(f"what was fed is no array: {error}", node=node)) from None
    kind, wanted = array.dtype.kind, node.dtype.kind
    unfit = (kind == "f" and wanted != "f") or (wanted == "b" and kind != "b")
    if kind not in "fiub" or (unfit and array.size):  # NumPy takes an empty list for float64
        hint = ["labels are whole numbers: y.astype('int64')"] if wanted in "iu" and kind == "f" else []
        raise DTypeError(explain(f"an array of {array.dtype} was fed; expected {node.dtype}", *hint, node=node))
    fits = array.ndim == node.ndim and all(w is None or w == g for w, g in zip(node.shape, array.shape, strict=True))
    if not fits:
        raise FeedError(explain(f"an array of shape {array.shape} was fed; expected {node.shape}", node=node))
    return array


def batch_of(feeds: Feeds) -> int:
    """The number of rows, on which all inputs with a batch axis must agree; 1 where there is none."""
    sizes = {i.name: a.shape[i.shape.index(None)] for i, a in feeds.items() if None in i.shape}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise FeedError(explain(f"the inputs disagree on the number of rows: {listed}"))
    return next(iter(sizes.values()), 1)


def copy_into(target: NDArray[Any], node: Input, value: NDArray[Any]) -> None:
    """Convert a feed to the input's dtype; a number that does not fit is an error, not a wrong number."""
    if value.dtype.kind in "iu" and target.dtype.kind in "iu" and value.size:
        info = np.iinfo(target.dtype)
        if int(value.min()) < info.min or int(value.max()) > info.max:
            raise FeedError(explain(f"the numbers fed do not fit into {target.dtype}", node=node))
    try:
        with np.errstate(over="raise", invalid="ignore", under="ignore"):
            np.copyto(target, value, casting="unsafe")
    except FloatingPointError:
        raise FeedError(explain(f"a number that was fed is too large for {target.dtype}", node=node)) from None
