"""Arrays put together, taken apart and repeated: stack, split, tile, repeat, roll, squeeze, expand_dims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from ..graph.algebra import broadcast_to
from ..graph.arguments import items, natural, positive_int, whole
from ..graph.errors import DTypeError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.node import Node, as_node
from ..graph.spec import Dim, normal_axes
from ..nodes.border import crop
from ..nodes.indexing import take
from ..nodes.shape import axis_of, concat, reshape
from ..text import quoted

Axes = int | tuple[int, ...]


def squeeze(x: Node, axis: Axes | None = None) -> Node:
    """`x` without axes of length 1: those that are named, or all of them.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 28, 1))
    >>> sc.squeeze(x).shape, sc.squeeze(x, 1).shape
    ((None, 28), (None, 28, 1))
    """
    x = as_node(x)
    axes = tuple(k for k, d in enumerate(x.shape) if d == 1) if axis is None else _axes(x, axis, x.ndim, "squeeze")
    wrong = next((k for k in axes if x.shape[k] != 1), None)
    if wrong is not None:
        raise ShapeError(message(f"squeeze: axis {wrong} of {x.shape} does not have length 1", node=x))
    return reshape(x, tuple(d for k, d in enumerate(x.shape) if k not in axes))


def expand_dims(x: Node, axis: Axes) -> Node:
    """`x` with new axes of length 1; `axis` says where they are in the result.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 28))
    >>> sc.expand_dims(x, 1).shape, sc.expand_dims(x, (-2, -1)).shape
    ((None, 1, 28), (None, 28, 1, 1))
    """
    x, given = as_node(x), items(axis)
    ndim = x.ndim + (1 if given is None else len(given))
    axes, rest = _axes(x, axis, ndim, "expand_dims"), iter(x.shape)
    return reshape(x, tuple(1 if k in axes else next(rest) for k in range(ndim)))


@layer
def stack(xs: Sequence[Node], axis: int = 1, *, name: str = "") -> Node:
    """Nodes of one shape side by side along a new axis (1 unless told, as for `concat`).

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.stack([sc.Input("a", (None, 5)), sc.Input("b", (None, 5))]).shape
    (None, 2, 5)
    """
    given = items(xs)
    if not given:
        raise DTypeError(message(f"stack: {quoted(xs)} was given; expected a list of nodes", site=call_site()))
    nodes = [as_node(x, what="stack: an input") for x in given]
    if len({n.shape for n in nodes}) > 1:
        listed = ", ".join(str(n.shape) for n in nodes)
        raise ShapeError(message(f"stack: the shapes {listed} differ; sc.concat joins along an axis", node=nodes[0]))
    at = _axes(nodes[0], axis, nodes[0].ndim + 1, "stack")[0]
    return concat([expand_dims(n, at) for n in nodes], axis=at)


def split(x: Node, sections: int | Sequence[int], axis: int = 1) -> tuple[Node, ...]:
    """`x` cut along an axis (1, the channels, unless told).

    Parameters
    ----------
    x : Node
    sections : int or list of int
        How many parts of equal length; or the lengths of the parts, which add up to the axis'.
    axis : int

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 6, 4))
    >>> [part.shape for part in sc.split(x, 3)], [part.shape for part in sc.split(x, [1, 3], axis=-1)]
    ([(None, 2, 4), (None, 2, 4), (None, 2, 4)], [(None, 6, 1), (None, 6, 3)])
    """
    x = as_node(x)
    at, size = _known_axis(x, axis, "split")
    given = items(sections)
    if given is None:
        count = positive_int(sections, "split: sections")
        if size % count:
            hint = "give the lengths of the parts: a list of numbers"
            raise ShapeError(message(f"split: {size} of {x.shape} are not {count} equal parts", hint, node=x))
        given = [size // count] * count
    lengths = [natural(n, "split: the length of a part") for n in given]
    if sum(lengths) != size:
        hint = "they are lengths, not the places to cut at"
        raise ShapeError(message(f"split: {quoted(given)} do not add up to the {size} of {x.shape}", hint, node=x))
    ends = list(accumulate(lengths))
    return tuple(crop(x, _on(x, at, (end - n, size - end))) for n, end in zip(lengths, ends, strict=True))


@layer
def roll(x: Node, shift: int | tuple[int, ...], axis: Axes, *, name: str = "") -> Node:
    """`x` shifted along axes: what leaves at one end comes in at the other.

    Parameters
    ----------
    x : Node
    shift : int or tuple of int
        By how many places, towards the end; one number is for all axes.
    axis : int or tuple of int
        Not the batch.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.roll(sc.Input("x", (4,)), 1, axis=0))(x=[1, 2, 3, 4])
    array([4., 1., 2., 3.], dtype=float32)
    """
    x = as_node(x)
    axes = items(axis) or [axis]
    shifts = items(shift) or [shift] * len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(message(f"roll: {quoted(shift)} are not as many as the axes {quoted(axis)}", node=x))
    for by, along in zip(shifts, axes, strict=True):
        at, size = _known_axis(x, along, "roll")
        moved = whole(by, "roll: shift") % max(size, 1)
        if moved:
            last, first = _on(x, at, (size - moved, 0)), _on(x, at, (0, moved))
            x = concat([crop(x, last), crop(x, first)], axis=at)
    return x


@layer
def tile(x: Node, reps: int | tuple[int, ...], *, name: str = "") -> Node:
    """`x` laid side by side, as often as `reps` says for each axis, or for the last ones where there are fewer.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.tile(sc.Input("x", (1, 2)), (2, 2)))(x=[[1, 2]])
    array([[1., 2., 1., 2.],
           [1., 2., 1., 2.]], dtype=float32)
    """
    x, given = as_node(x), items(reps)
    counts = [natural(n, "tile: reps") for n in (given if given is not None else [reps])]
    x = reshape(x, (*(1,) * (len(counts) - x.ndim), *x.shape))
    counts = [1] * (x.ndim - len(counts)) + counts
    for axis, count in enumerate(counts):
        if count != 1:
            _known_axis(x, axis, "tile")
    return _repeated(x, counts, before=True)


@layer
def repeat(x: Node, repeats: int | Sequence[int], axis: int, *, name: str = "") -> Node:
    """Each element of `x` along an axis several times in a row.

    Parameters
    ----------
    x : Node
    repeats : int or list of int
        How often: all alike, or one number for each.
    axis : int
        Not the batch.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (3,))
    >>> sc.compile([sc.repeat(x, 2, axis=0), sc.repeat(x, [0, 1, 3], axis=0)])(x=[1, 2, 3])
    [array([1., 1., 2., 2., 3., 3.], dtype=float32), array([2., 3., 3., 3.], dtype=float32)]
    """
    x, given = as_node(x), items(repeats)
    at, size = _known_axis(x, axis, "repeat")
    if given is None:
        counts = [1] * x.ndim
        counts[at] = natural(repeats, "repeat: repeats")
        return _repeated(x, counts, before=False)
    if len(given) != size:
        raise ShapeError(message(f"repeat: {len(given)} numbers for the {size} of axis {at} of {x.shape}", node=x))
    return take(x, np.repeat(np.arange(size), [natural(n, "repeat: repeats") for n in given]), at)


def _repeated(x: Node, counts: Sequence[int], before: bool) -> Node:
    """`x` repeated along each axis: all of it side by side, or each element in a row."""
    apart: list[Dim] = []
    wide: list[Dim] = []
    joined: list[Dim] = []
    for size, count in zip(x.shape, counts, strict=True):
        if count == 1:
            sides: list[tuple[Dim, Dim]] = [(size, size)]
        else:
            sides = [(1, count), (size, size)] if before else [(size, size), (1, count)]
        apart += [small for small, _ in sides]
        wide += [large for _, large in sides]
        joined.append(size if count == 1 else math.prod(large or 0 for _, large in sides))
    return reshape(broadcast_to(reshape(x, tuple(apart)), tuple(wide)), tuple(joined))


def _axes(x: Node, axis: object, ndim: int, what: str) -> tuple[int, ...]:
    """Axes as sorted numbers that are not negative, of `ndim` axes."""
    try:
        return normal_axes(axis, ndim)  # type: ignore[arg-type]
    except ValueError as error:
        raise ShapeError(message(f"{what}: {error}", f"the shape is {x.shape}", node=x)) from None


def _known_axis(x: Node, axis: int, what: str) -> tuple[int, int]:
    """An axis as a number that is not negative, and its length; the batch is refused."""
    at = axis_of(x, axis)
    size = x.shape[at]
    if size is None:
        raise ShapeError(message(f"{what}: axis {at} of {x.shape} is the batch, whose length is not known", node=x))
    return at, size


def _on(x: Node, axis: int, widths: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Widths for `crop` that cut along one axis."""
    return tuple(widths if k == axis else (0, 0) for k in range(x.ndim))
