"""Indexing as in NumPy: slices, with steps to either side, new axes, and one array of indices."""

from __future__ import annotations

import builtins
from types import EllipsisType
from typing import Any

import numpy as np

from ..graph.errors import DTypeError, ShapeError, message
from ..graph.node import Node, as_node
from ..graph.operators import builds, is_node
from ..graph.spec import Dim
from .border import crop, subsample
from .shape import Flip, axis_of, reshape
from .take import Take


def take(x: Node, index: Any, axis: int = 0) -> Node:
    """The slices of `x` along `axis` that `index` names, from the end where it is negative; see `Take`.

    Parameters
    ----------
    x : Node
    index : Node or array of integers
        Of any shape: its axes take the place of `axis`, as in NumPy.
    axis : int

    Examples
    --------
    >>> import symcnn as sc
    >>> words, vectors = sc.Input("words", (None, 7), dtype="int64"), sc.Param("vectors", np.zeros((100, 16)))
    >>> sc.take(vectors, words).shape
    (None, 7, 16)

    See Also
    --------
    symcnn.gather : for an index of its own in each row.
    """
    x = as_node(x)
    if isinstance(index, list | tuple) and len(index) == 0:
        index = np.zeros(0, np.int64)
    return Take(x, index, axis_of(x, axis))


@builds("getitem")
def getitem(x: Node, index: Any) -> Node:
    """NumPy's basic slicing, and one array of indices among slices.

    Raises
    ------
    ShapeError
        For an index out of range, or one that would change the batch axis.
    DTypeError
        For a mask, and for several arrays, or an array beside a number, which NumPy broadcasts.
    """
    items = _expanded(index, x)
    arrays = [n for n, i in enumerate(items) if not isinstance(i, slice | int | np.integer | type(None))]
    if arrays:
        return _with_array(x, items, arrays)
    widths, steps, turned = [], [], []
    shape: list[Dim] = []
    axis = 0
    for item in items:
        if item is None:
            shape.append(1)
            continue
        places = _places(item, x, axis)
        size = x.shape[axis]
        widths.append((0, 0) if size is None else _around(places, size))
        steps.append(builtins.abs(places.step))
        if places.step < 0:
            turned.append(axis)
        if isinstance(item, slice):
            shape.append(None if size is None else len(places))
        axis += 1
    kept = crop(x, tuple(widths))
    return reshape(subsample(Flip(kept, tuple(turned)) if turned else kept, tuple(steps)), tuple(shape))


def _expanded(index: Any, x: Node) -> list[Any]:
    """The index with one item for each axis."""
    items = list(index) if isinstance(index, tuple) else [index]
    used = builtins.sum(i is not None and not isinstance(i, EllipsisType) for i in items)
    if builtins.sum(isinstance(i, EllipsisType) for i in items) > 1:
        raise ShapeError(message("an index can have one '...' only", node=x))
    if used > x.ndim:
        raise ShapeError(message(f"{used} indices for the {x.ndim} axes of {x.shape}", node=x))
    fill = [slice(None)] * (x.ndim - used)
    at = next((n for n, i in enumerate(items) if isinstance(i, EllipsisType)), None)
    return [*items, *fill] if at is None else [*items[:at], *fill, *items[at + 1 :]]


def _places(item: Any, x: Node, axis: int) -> range:
    """Which places along an axis a slice or a number names; those of the batch are not known."""
    size = x.shape[axis]
    if size is None:
        if item != slice(None):
            raise ShapeError(message(f"axis {axis} of {x.shape} is the batch: it cannot be indexed", node=x))
        return range(0)
    if isinstance(item, slice):
        try:
            return range(*item.indices(size))
        except (TypeError, ValueError) as error:
            raise ShapeError(message(f"{item} cannot slice axis {axis} of {x.shape}: {error}", node=x)) from None
    if isinstance(item, bool):
        raise DTypeError(message(f"{item} is no index; choose with sc.where, or with a list of numbers", node=x))
    if not -size <= item < size:
        raise ShapeError(message(f"index {item} is out of range for axis {axis} of {x.shape}", node=x))
    return range(int(item) % size, int(item) % size + 1)


def _around(places: range, size: int) -> tuple[int, int]:
    """How many elements there are before and after those that are kept, before steps are taken among them."""
    if places.step > 0:
        return places.start, size - builtins.max(places.start, places.stop)
    return (places[-1], size - 1 - places[0]) if places else (0, size)


def _with_array(x: Node, items: list[Any], arrays: list[int]) -> Node:
    """What one array of indices takes, sliced along the other axes."""
    (first, *others), named = arrays, [i for i in items if isinstance(i, int | np.integer)]
    if others or named:
        what = "several arrays of indices" if others else f"an array of indices beside {named[0]}"
        hint = "index one axis after the other: x[:, 0][:, [1, 2]]; an index of its own for each row: sc.gather"
        raise DTypeError(message(f"{what}: NumPy would broadcast them", hint, node=x))
    given = items[first]
    if (given.dtype if is_node(given) else np.asarray(given).dtype) == np.dtype(bool):
        hint = "choose with sc.where(mask, x, 0), or take the indices where it holds"
        raise DTypeError(message("how many elements a mask leaves is not known before it is run", hint, node=x))
    taken = take(x, given, builtins.sum(i is not None for i in items[:first]))
    more = taken.ndim - x.ndim + 1
    return getitem(taken, (*items[:first], *[slice(None)] * more, *items[first + 1 :]))
