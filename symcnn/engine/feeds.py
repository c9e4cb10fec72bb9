"""From what a caller feeds to arrays that a program can use; every mistake is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import DTypeError, FeedError, SymcnnError, call_site, message
from ..graph.leaves import Input, is_masked
from ..graph.node import Node
from ..text import quoted, shown

Feeds = dict[Input, NDArray[Any]]


def collect(
    inputs: Sequence[Input],
    feeds: Mapping[Any, Any] | None,
    named: Mapping[str, Any],
    optional: Sequence[Input] = (),
    tellers: Sequence[Input] = (),
) -> Feeds:
    """The array for each input, in any memory layout; names and `Input` nodes are both fine as keys of `feeds`.

    What is `optional` may be fed, too; of the `tellers` among these, which alone tell the size of the batch, one must.

    Raises
    ------
    FeedError
        For missing or unknown inputs, and shapes that do not fit. (`batch_of` sees whether they agree.)
    DTypeError
        For arrays whose kind of numbers an input cannot take.
    """
    if feeds is None and not tellers and named.keys() == {i.name for i in inputs}:
        return {i: checked(i, named[i.name]) for i in inputs}
    if feeds is not None and not isinstance(feeds, Mapping):
        hint = f"as in f({inputs[0].name}=array), or a dict of arrays" if inputs else "this program takes nothing"
        raise DTypeError(message(f"arrays are fed by name; a {type(feeds).__name__} was given", hint, site=call_site()))
    found: Feeds = {}
    unknown = []
    by_name = {i.name: i for i in inputs}
    for key, value in [*(feeds or {}).items(), *named.items()]:
        node = key if isinstance(key, Input) else by_name.get(key) if isinstance(key, str) else None
        if node is None or by_name.get(node.name) is not node:
            node = _meant(key, value, optional)
        if node is None:
            unknown.append(key)
        elif node in found:
            raise FeedError(message("two arrays were fed, one by the name and one by the node", node=node))
        else:
            found[node] = value
    told = dict.fromkeys(tellers, True) if any(i in found for i in tellers) else {}
    _check_names([*inputs, *tellers[:1]], found | told, unknown, optional)
    return {i: checked(i, found[i]) for i in dict.fromkeys((*inputs, *found))}


def _meant(key: Any, value: Any, optional: Sequence[Input]) -> Input | None:
    """The optional input that a key means; of several with one name, that whose shape the value has."""
    if isinstance(key, Input):
        return next((i for i in optional if (i.name, i.spec) == (key.name, key.spec)), None)
    meant = [i for i in optional if i.name == key]
    return next((i for i in meant if _takes(i, value)), meant[0] if meant else None)


def _takes(node: Input, value: Any) -> bool:
    try:
        checked(node, value)
    except SymcnnError:
        return False
    return True


def _check_names(
    inputs: Sequence[Input], found: Mapping[Input, Any], unknown: Sequence[Any], optional: Sequence[Input]
) -> None:
    missing = [i for i in inputs if i not in found]
    if not missing and not unknown:
        return
    names = [key.label if isinstance(key, Node) else shown(str(key)) for key in unknown]
    takes = ", ".join(f"{shown(i.name)} {i.shape}" for i in inputs) or "nothing"
    beside = ", ".join(f"{shown(i.name)} {i.shape}" for i in optional if i not in inputs)
    takes += f"; it may be fed {beside}, too" if beside else ""
    problem = [f"missing: {', '.join(shown(i.name) for i in missing)}"] if missing else []
    problem += [f"unknown: {', '.join(names)}"] if unknown else []
    details = [f"{i.label} was {i.site}" for i in missing]
    details += [f"{key.label}, {key.site}, is not in this program" for key in unknown if isinstance(key, Node)]
    site = None if details else call_site()
    raise FeedError(message("; ".join(problem), f"this program takes {takes}", *details, site=site))


def checked(node: Input, value: Any) -> NDArray[Any]:
    """`value` as an array whose shape fits `node` and whose numbers it can take."""
    if type(value) is np.ndarray and value.dtype == node.dtype and _fits(value, node):
        return value
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DTypeError(message(f"what was fed is not an array: {error}", node=node)) from None
    if is_masked(value):
        raise DTypeError(message("a masked array was fed", "fill it: array.filled(0)", node=node))
    kind, wanted = array.dtype.kind, node.dtype.kind
    unfit = (kind == "f" and wanted != "f") or (wanted == "b" and kind != "b")
    if kind not in "fiub" or (unfit and array.size):  # NumPy takes an empty list for float64
        given = f"an array of {array.dtype}" if isinstance(value, np.ndarray) else quoted(value)
        hint = ["labels are whole numbers: y.astype('int64')"] if wanted in "iu" and kind == "f" else []
        raise DTypeError(message(f"{given} was fed; expected {node.dtype}", *hint, node=node))
    if not _fits(array, node):
        raise FeedError(message(f"an array of shape {array.shape} was fed; expected {node.shape}", node=node))
    return array


def _fits(array: NDArray[Any], node: Input) -> bool:
    if array.ndim and node.shape[:1] == (None,) and array.shape[1:] == node.shape[1:]:
        return True
    return array.ndim == node.ndim and all(w is None or w == g for w, g in zip(node.shape, array.shape, strict=True))


def batch_of(feeds: Feeds) -> int:
    """The number of rows, on which all inputs with a batch axis must agree; 1 where there is none."""
    sizes = {i: a.shape[i.shape.index(None)] for i, a in feeds.items() if None in i.shape}
    if len(sizes) > 1 and len(set(sizes.values())) > 1:
        listed = ", ".join(f"{shown(i.name)} has {size}" for i, size in sizes.items())
        sites = [f"{i.label} was {i.site}" for i in sizes]
        raise FeedError(message(f"the inputs disagree on the number of rows: {listed}", *sites))
    return next(iter(sizes.values()), 1)


def copy_into(target: NDArray[Any], node: Input, value: NDArray[Any]) -> None:
    """Convert a feed to the input's dtype; a number that does not fit is an error, not a wrong number."""
    if value.dtype == target.dtype:
        np.copyto(target, value)
        return
    if value.dtype.kind in "iu" and target.dtype.kind in "iu" and value.size:
        info = np.iinfo(target.dtype)
        if int(value.min()) < info.min or int(value.max()) > info.max:
            raise FeedError(message(f"the numbers fed do not fit into {target.dtype}", node=node))
    try:
        with np.errstate(over="raise", invalid="ignore", under="ignore"):
            np.copyto(target, value, casting="unsafe")
    except FloatingPointError:
        raise FeedError(message(f"a number that was fed is too large for {target.dtype}", node=node)) from None
