"""What the checks work on: samples in another dtype, numbers for their leaves, values by the bare forward rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import made_by_rule
from ..graph.graph import Graph, is_leaf
from ..graph.leaves import BatchSize, Const, Input, Param
from ..graph.node import Node
from ..graph.spec import is_real

Array = NDArray[Any]
Values = dict[Node, Array]
REALS = ("float16", "float32", "float64")


def recast(node: Node, dtypes: Sequence[str]) -> Node:
    """The same graph with its real leaves in other dtypes: in turn, where there are several.

    With one dtype, attributes that name a dtype (``Cast.to``) name that one too.

    Examples
    --------
    >>> import symcnn as sc
    >>> recast(sc.sigmoid(sc.Input("z", (3,))), ["float64"]).dtype
    dtype('float64')
    """
    return recast_all(node, dtypes)[node]


def recast_all(node: Node, dtypes: Sequence[str]) -> dict[Node, Node]:
    """For each node upstream, what `recast` makes of it."""
    new: dict[Node, Node] = {}
    turn = 0
    for old in Graph(node).order:
        if is_leaf(old) and is_real(old.dtype):
            new[old] = _leaf_as(old, dtypes[turn % len(dtypes)])
            turn += 1
        elif is_leaf(old):
            new[old] = old
        else:
            again = made_by_rule(old, "check", old.with_inputs, [new[i] for i in old.inputs])  # dtypes may be mixed
            new[old] = _renamed(again, dtypes)
    return new


def _leaf_as(leaf: Node, dtype: str) -> Node:
    if isinstance(leaf, Input):
        return Input(leaf.name, leaf.shape, dtype)
    if isinstance(leaf, Param):
        return Param(leaf.name, leaf.value.astype(dtype), leaf.mask, layer=leaf.layer, trainable=leaf.trainable)
    if isinstance(leaf, Const):
        return Const(leaf.value.astype(dtype), name=leaf.name)
    return BatchSize(dtype) if isinstance(leaf, BatchSize) else leaf


def _renamed(node: Node, dtypes: Sequence[str]) -> Node:
    """`node` with the one dtype in place of every attribute that names a real dtype."""
    names = {k: dtypes[0] for k, v in node.attributes.items() if isinstance(v, str) and v in REALS}
    if not names or len(dtypes) > 1:
        return node
    fields = {f.name: getattr(node, f.name) for f in dataclasses.fields(node)}
    made: Node = type(node)(**(fields | names))
    return made


def variables(node: Node) -> list[Node]:
    """The real inputs and parameters upstream: what a derivative can be taken by."""
    return [n for n in Graph(node).order if isinstance(n, Input | Param) and is_real(n.dtype)]


def has_batch(node: Node) -> bool:
    """Whether the value depends on how many rows are fed."""
    return any(isinstance(n, BatchSize) or (isinstance(n, Input) and None in n.shape) for n in Graph(node).nodes)


def drawn(nodes: Sequence[Node], batch: int, seed: int = 0, spread: float = 1.0) -> Values:
    """Numbers for the leaves of `nodes`: normal ones for real inputs, 0 and 1 for integers and booleans.

    In a batch of one row there are only zeros among the latter, as they may be numbers of rows. `spread` is the
    standard deviation of the normal ones.
    """
    rng = np.random.default_rng(seed)
    values: Values = {}
    for node in Graph(*nodes).order:
        if isinstance(node, Input):
            shape = node.spec.bind(batch)
            numbers = (
                spread * rng.standard_normal(shape)
                if is_real(node.dtype)
                else rng.integers(0, 2 if batch > 1 else 1, shape)
            )
            values[node] = np.asarray(numbers).astype(node.dtype)
    return values


def evaluate(nodes: Sequence[Node], values: Mapping[Node, Array], batch: int) -> list[Array]:
    """The values of `nodes`, node after node, by nothing but their forward rules.

    Parameters
    ----------
    nodes : sequence of Node
    values : mapping
        An array for each input; for a parameter one that replaces its own.
    batch : int
        The number of rows.
    """
    known: Values = {}
    for node in Graph(*nodes).order:
        known[node] = _sealed(values[node] if node in values else _value(node, known, batch))
    return [known[node] for node in nodes]


def _value(node: Node, known: Values, batch: int) -> Array:
    if isinstance(node, Param | Const):
        return node.value
    if isinstance(node, BatchSize):
        return np.asarray(batch, dtype=node.dtype)
    inputs = [known[i] for i in node.inputs]
    verify(node, inputs)
    return np.asarray(node.forward(np, *inputs))


def verify(node: Node, inputs: Sequence[Array]) -> None:
    """Ask the node whether it has a value for `inputs`; raise Refused where it has none."""
    try:
        node.verify(*inputs)
    except ValueError as error:
        raise Refused(str(error)) from None


class Refused(ValueError):
    """A node's `verify` refused the values that it was given, as it may do with an empty batch."""


def _sealed(array: Array) -> Array:
    """A view that cannot be written: a rule that changes what it is given fails."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
