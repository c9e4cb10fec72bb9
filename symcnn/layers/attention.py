"""Attention: sums of values, weighted by how well their keys match a query."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.arguments import flag, items, positive_int
from ..graph.errors import ArgumentError, DTypeError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.leaves import Const, Param
from ..graph.node import Node, as_node
from ..graph.operators import Operand
from ..graph.spec import Dim, DType, promote
from ..nodes.dense import matmul
from ..nodes.initial import Initializer, tutorial_uniform
from ..nodes.loss import softmax
from ..nodes.select import where
from ..nodes.shape import reshape, transpose
from ..nodes.weights import drawn, generator, prefixed
from ..text import called
from .scan import sequence_mask

_HEADS_FIRST = (0, 2, 1, 3)
"""Steps and heads exchanged: (N, T, heads, D) becomes (N, heads, T, D), and back."""


@layer
def attention(
    q: Node,
    k: Node,
    v: Node,
    *,
    mask: Operand | None = None,
    lengths: Operand | None = None,
    causal: bool = False,
    heads: int = 1,
    name: str = "",
) -> Node:
    """Scaled dot-product attention: softmax(q kᵀ / sqrt(D)) v, for each head.

    Parameters
    ----------
    q : Node
        Queries, (N, S, heads * D).
    k : Node
        Keys, (N, T, heads * D).
    v : Node
        Values, (N, T, heads * E).
    mask : Node or array, optional
        Booleans, (S, T), (N, S, T) or (N, heads, S, T), each axis of which may be 1: True where a query may look at a
        key. (So it is in PyTorch's function; in its ``MultiheadAttention`` True means the opposite.)
    lengths : Node, optional
        (N,), integers: how many of the T keys of each example there are; see `symcnn.sequence_mask`.
    causal : bool
        Whether query s looks at the keys 0 to s alone.
    heads : int
        In how many parts features are divided; each of them is a weighting of its own.

    Returns
    -------
    Node
        (N, S, heads * E); 0 for a query that may look at nothing.

    Raises
    ------
    ShapeError, ArgumentError, DTypeError
        Where shapes do not fit together, heads do not divide the features, or a mask is not of booleans.

    Notes
    -----
    Vaswani et al., "Attention Is All You Need" (2017), section 3.2.

    Examples
    --------
    >>> import symcnn as sc
    >>> q, k = sc.Input("q", (None, 3, 8)), sc.Input("k", (None, 5, 8))
    >>> sc.attention(q, k, k, heads=2).shape
    (None, 3, 8)
    """
    what = called("attention", name)
    q, k, v = (as_node(x, what=f"{what}: {letter}") for x, letter in zip((q, k, v), "qkv", strict=True))
    heads = positive_int(heads, f"{what}: heads")
    _check_fit(q, k, v, heads, what)
    q, k, v = (_divided(x, heads) for x in (q, k, v))
    scores = matmul(q, transpose(k, (0, 1, 3, 2))) * (1 / math.sqrt(q.shape[3] or 1))
    seen = [*_masks(mask, scores.shape, what), *_known(lengths, scores.shape), *_before(causal, scores.shape, what)]
    for allowed in seen:
        scores = where(allowed, scores, _least(scores.dtype))
    shares = softmax(scores)
    for allowed in seen:
        shares = where(allowed, shares, 0)
    mixed = transpose(matmul(shares, v), _HEADS_FIRST)
    return reshape(mixed, (*mixed.shape[:2], -1))


@layer
def multi_head_attention(
    q: Node,
    k: Node | None = None,
    v: Node | None = None,
    *,
    heads: int,
    units: int | None = None,
    mask: Operand | None = None,
    lengths: Operand | None = None,
    causal: bool = False,
    weights: Sequence[Any] | None = None,
    bias: bool = True,
    init: Initializer = tutorial_uniform,
    seed: int | None = None,
    name: str = "",
) -> Node:
    """Attention between what trained matrices make of queries, keys and values, and another matrix for the result.

    Parameters
    ----------
    q : Node
        (N, S, D).
    k, v : Node, optional
        (N, T, ...); default: `q`, as self-attention has it, and `k`.
    heads : int
        In how many parts the features are divided.
    units : int, optional
        How many features queries, keys and values become; default: D.
    mask, lengths, causal
        As for `attention`.
    weights : sequence of Node or array, optional
        Wq, Wk, Wv (units, ...), Wo (D, units), and the biases bq, bk, bv and bo, which may be left out, in place of
        parameters that the layer makes.
    bias : bool
        Whether there are biases, 0 at first.
    init, seed
        As for `symcnn.dense`.
    name : str, optional
        The parameters are called ``name.Wq`` to ``name.bo``.

    Returns
    -------
    Node
        (N, S, D).

    Notes
    -----
    PyTorch's ``MultiheadAttention`` is this one with ``weights=[*np.split(in_proj_weight, 3), out_proj.weight,
    *np.split(in_proj_bias, 3), out_proj.bias]``.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 20, 16))
    >>> y = sc.multi_head_attention(x, heads=4, name="attn", seed=0)
    >>> y.shape, [p.name for p in y.params][:4]
    ((None, 20, 16), ['attn.Wq', 'attn.Wk', 'attn.Wv', 'attn.Wo'])
    """
    what, q = called("multi_head_attention", name), as_node(q)
    k = q if k is None else as_node(k)
    v = k if v is None else as_node(v)
    for x in (q, k, v):
        if x.ndim != 3 or None in x.shape[1:]:
            raise ShapeError(message(f"{what} reads (N, T, D), with T and D known; this has shape {x.shape}", node=x))
    features = q.shape[2]
    assert features is not None
    if weights is None:
        inner = features if units is None else positive_int(units, f"{what}: units")
        shapes = [(inner, q.shape[2]), (inner, k.shape[2]), (inner, v.shape[2]), (features, inner)]
        biases = flag(bias, f"{what}: bias")
        given = _new(shapes, biases, promote(q.dtype), init, seed, name, what)  # type: ignore[arg-type]
    else:
        given = _given(weights, what)
    ws, bs = given[:4], _or_none(given[4:])
    inside = [_projected(x, w, b) for x, w, b in zip((q, k, v), ws, bs, strict=False)]
    mixed = attention(*inside, mask=mask, lengths=lengths, causal=causal, heads=heads)
    return _projected(mixed, ws[3], bs[3])


def _least(dtype: DType) -> float:
    """A score beside which others are large, but no infinity: it may be that of a whole row."""
    return float(np.finfo(dtype.name).min) / 2


def _check_fit(q: Node, k: Node, v: Node, heads: int, what: str) -> None:
    """Refuse queries, keys and values that do not fit together."""
    listed = f"q is {q.shape}, k is {k.shape}, v is {v.shape}"
    for x in (q, k, v):
        if x.ndim != 3 or None in x.shape[1:]:
            raise ShapeError(message(f"{what} reads (N, T, features), with T and features known", listed, node=x))
        if x.shape[2] % heads:  # type: ignore[operator]
            problem = f"{what}: {heads} heads do not divide {x.shape[2]} features"
            raise ArgumentError(message(problem, listed, node=x))
    if q.shape[2] != k.shape[2] or k.shape[1] != v.shape[1] or len({x.shape[0] for x in (q, k, v)}) > 1:
        problem = f"{what}: q and k must have as many features, k and v as many steps, and all as many examples"
        raise ShapeError(message(problem, listed, node=k))


def _divided(x: Node, heads: int) -> Node:
    """(N, T, heads * D) as (N, heads, T, D)."""
    return transpose(reshape(x, (*x.shape[:2], heads, -1)), _HEADS_FIRST)


def _masks(mask: Operand | None, shape: tuple[Dim, ...], what: str) -> list[Node]:
    """The caller's mask, with all four axes."""
    if mask is None:
        return []
    node = as_node(mask, what=f"{what}: mask")
    if node.dtype != np.dtype(bool):
        hint = "compare it with something, such as mask > 0: True is where a query may look at a key"
        raise DTypeError(message(f"{what}: the mask has dtype {node.dtype}; it must be bool", hint, node=node))
    wanted = {2: shape[2:], 3: (shape[0], *shape[2:]), 4: shape}.get(node.ndim, ())
    if not wanted or any(d not in (1, w) for d, w in zip(node.shape, wanted, strict=True)):
        n, _, s, t = shape
        problem = f"{what}: the mask has shape {node.shape}; expected ({s}, {t}), ({n}, {s}, {t}) or {shape}"
        hint = "lengths= says how many keys there are; a mask (N, T) of keys is mask[:, None]"
        raise ShapeError(message(problem, hint, node=node))
    if node.ndim == 3:
        node = reshape(node, (node.shape[0], 1, *node.shape[1:]))
    return [node]


def _known(lengths: Operand | None, shape: tuple[Dim, ...]) -> list[Node]:
    """Which keys there are."""
    if lengths is None:
        return []
    there = sequence_mask(lengths, shape[3] or 0)
    if there.shape[0] != shape[0]:
        problem = f"attention: lengths are of {there.shape[0]} examples; there are {shape[0]}"
        raise ShapeError(message(problem, node=as_node(lengths)))
    return [reshape(there, (there.shape[0], 1, 1, there.shape[1]))]


def _before(causal: object, shape: tuple[Dim, ...], what: str) -> list[Node]:
    """Which keys do not come after a query."""
    if not flag(causal, f"{what}: causal"):
        return []
    return [Const(np.tri(shape[2] or 0, shape[3] or 0, dtype=bool), name="causal")]


def _or_none(biases: Sequence[Node]) -> Sequence[Node | None]:
    """Four of them, or four times None."""
    return biases or (None,) * 4


def _projected(x: Node, w: Node, b: Node | None) -> Node:
    """W x + b at each step."""
    z = matmul(x, transpose(w))
    return z if b is None else z + b


def _new(
    shapes: list[tuple[int, int]],
    biases: bool,
    dtype: DType,
    init: Initializer,
    seed: int | None,
    name: str,
    what: str,
) -> list[Node]:
    """Parameters."""
    seeds = generator(seed, what).integers(2**31, size=4)
    made: list[Node] = [
        Param(prefixed(name, f"W{letter}"), drawn(init, int(s), shape, dtype, what), layer="attention")
        for letter, s, shape in zip("qkvo", seeds, shapes, strict=True)
    ]
    if biases:
        made += [
            Param(prefixed(name, f"b{letter}"), np.zeros(shape[0], dtype), layer="attention")
            for letter, shape in zip("qkvo", shapes, strict=True)
        ]
    return made


def _given(weights: Sequence[Any], what: str) -> list[Node]:
    """Weights of the caller: their shapes are checked by the products that they are in."""
    listed = items(weights) or []
    if len(listed) not in (4, 8):
        problem = f"{what}: {len(listed)} weights were given; expected Wq, Wk, Wv, Wo, and bq, bk, bv, bo or none"
        raise ArgumentError(message(problem, site=call_site()))
    nodes = [as_node(w, what=f"{what}: a weight") for w in listed]
    for letter, w, b in zip("qkvo", nodes[:4], _or_none(nodes[4:]), strict=True):
        if w.ndim != 2 or (b is not None and b.shape != w.shape[:1]):
            beside = "" if b is None else f", and its bias {b.shape}"
            problem = f"{what}: W{letter} has shape {w.shape}{beside}; expected (units, features) and (units,)"
            raise ShapeError(message(problem, node=w))
    return nodes
