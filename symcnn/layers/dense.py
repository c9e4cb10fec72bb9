"""Layers of products with a matrix: dense, scale, and tables of vectors that are looked up."""

from __future__ import annotations

import numpy as np

from ..graph.algebra import Add
from ..graph.arguments import flag, positive_int
from ..graph.errors import DTypeError, ShapeError, message
from ..graph.layer import layer
from ..graph.leaves import Param
from ..graph.node import Node, as_node
from ..graph.spec import DEFAULT_FLOAT, promote
from ..nodes.dense import Dense, MatMul
from ..nodes.indexing import take
from ..nodes.initial import Initializer, normal, tutorial_uniform
from ..nodes.shape import Transpose, axis_of, flatten, reshape, transpose
from ..nodes.weights import drawn, prefixed
from ..text import called

_NORMAL = normal(1.0)


@layer
def dense(
    a: Node,
    units: int,
    *,
    axis: int | None = None,
    bias: bool = True,
    init: Initializer = tutorial_uniform,
    seed: int | None = None,
    name: str = "",
) -> Node:
    """A dense layer with parameters of its own: z = W a + b.

    Parameters
    ----------
    a : Node
        (N, in), or maps (N, channels, height, width), which are flattened. Of other shapes say what is meant: `axis`,
        or ``sc.flatten(a)``.
    units : int
        How many outputs.
    axis : int, optional
        Which axis the units read, at each place along the others: -1 is the last one, as in Keras and PyTorch.
    bias, init, seed, name
        As for `symcnn.conv`.

    Returns
    -------
    Node
        (N, units); with `axis`, the shape of `a` with that axis of length `units`.

    Examples
    --------
    >>> import symcnn as sc
    >>> z = sc.dense(sc.Input("p", (None, 20, 10, 10)), 10, name="out", seed=0)
    >>> z.shape, [(p.name, p.value.shape) for p in z.params]
    ((None, 10), [('out.W', (10, 2000)), ('out.b', (10,))])
    >>> steps = sc.Input("steps", (None, 7, 16))
    >>> sc.dense(steps, 4, axis=-1).shape, sc.dense(sc.flatten(steps), 4).shape
    ((None, 7, 4), (None, 4))
    """
    what, a = called("dense", name), as_node(a)
    units = positive_int(units, f"{what}: units")
    if a.ndim < 2:
        raise ShapeError(message(f"{what}: a dense layer reads (N, features); this has shape {a.shape}", node=a))
    if a.ndim == 3 and axis is None:
        problem = f"{what}: it could read all features of {a.shape} at once, or the last axis step by step"
        hint = "say which: sc.dense(sc.flatten(a), ...), or axis=-1"
        raise ShapeError(message(problem, hint, node=a))
    along = a.ndim - 1 if axis is None else axis_of(a, axis)
    flat = flatten(a) if axis is None else a
    fan_in, dtype = flat.shape[1 if axis is None else along], promote(a.dtype)
    if fan_in is None:
        raise ShapeError(message(f"{what}: the features of {a.shape} are the batch axis", node=a))
    w = Param(prefixed(name, "W"), drawn(init, seed, (units, fan_in), dtype, what), layer="dense")
    b = Param(prefixed(name, "b"), np.zeros(units, dtype), layer="dense") if flag(bias, f"{what}: bias") else None
    return Dense(flat, w, b, name=name) if flat.ndim == 2 and along else _dense_along(a, along, w, b, name)


def _dense_along(a: Node, axis: int, w: Node, b: Node | None, name: str) -> Node:
    """W a + b along one axis of an array with others."""
    order = [k for k in range(a.ndim) if k != axis] + [axis]
    back = tuple(sorted(range(a.ndim), key=order.__getitem__))
    last = axis == a.ndim - 1
    z: Node = MatMul(a if last else transpose(a, tuple(order)), transpose(w), name=name if b is None and last else "")
    if b is not None:
        z = Add(z, b, name=name if last else "")
    return z if last else Transpose(z, back, name=name)


@layer
def scale(x: Node, *, name: str = "") -> Node:
    """A trainable gain (1 at first) and bias (0) for each channel: y = g x + b.

    After a mean pool it is the trainable subsampling of LeNet-5.

    Parameters
    ----------
    x : Node
        (N, channels, ...).

    Examples
    --------
    >>> import symcnn as sc
    >>> s2 = sc.scale(sc.mean_pool(sc.Input("c1", (None, 6, 28, 28)), 2), name="S2")
    >>> [p.size for p in s2.params]
    [6, 6]
    """
    what, x = called("scale", name), as_node(x)
    if x.ndim < 2 or x.shape[1] is None:
        raise ShapeError(message(f"{what} reads (N, channels, ...); this has shape {x.shape}", node=x))
    shape, dtype = (x.shape[1], *(1,) * (x.ndim - 2)), promote(x.dtype)
    gain = Param(prefixed(name, "g"), np.ones(x.shape[1], dtype), layer="scale")
    bias = Param(prefixed(name, "b"), np.zeros(x.shape[1], dtype), layer="scale")
    return reshape(gain, shape) * x + reshape(bias, shape)


@layer
def embedding(
    words: Node,
    entries: int,
    units: int,
    *,
    init: Initializer = _NORMAL,
    seed: int | None = None,
    name: str = "",
) -> Node:
    """A vector for each number: the rows of a table that is learned.

    Parameters
    ----------
    words : Node
        Integers from 0 to entries - 1, of any shape, such as (N, T).
    entries, units : int
        How many vectors the table has, and how long they are.
    init, seed, name
        As for `symcnn.conv`; the table is standard normal unless told, as in PyTorch.

    Returns
    -------
    Node
        The shape of `words`, and units.

    Examples
    --------
    >>> import symcnn as sc
    >>> words = sc.Input("words", (None, 7), dtype="int64")
    >>> vectors = sc.embedding(words, 1000, 16, name="E", seed=0)
    >>> vectors.shape, [(p.name, p.shape) for p in vectors.params]
    ((None, 7, 16), [('E.W', (1000, 16))])
    """
    what, words = called("embedding", name), as_node(words)
    if words.dtype.kind not in "iu":
        hint = "its numbers are the rows of a table; sc.dense multiplies real numbers with a matrix"
        raise DTypeError(message(f"{what} reads integers; this has dtype {words.dtype}", hint, node=words))
    shape = positive_int(entries, f"{what}: entries"), positive_int(units, f"{what}: units")
    w = Param(prefixed(name, "W"), drawn(init, seed, shape, DEFAULT_FLOAT, what), layer="embedding")
    return take(w, words)
