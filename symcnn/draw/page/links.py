"""How a unit of a named value depends on the units that it reads: what the inspector of the page is told.

Composed from what the node types behind a value's formula declare: which units are read (`Node.windows`), and what
each counts (`Node.influence`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...equations.names import Values
from ...graph.algebra import Cast, Mul
from ...graph.declared import influence_of
from ...graph.leaves import Const, Leaf, Param
from ...graph.node import Node
from ...graph.window import Influence
from ...nodes.border import Crop, Pad
from ...nodes.shape import Reshape
from ..receptive_field import Box, named_reach, table

_IN_ORDER = (Cast, Crop, Pad, Reshape)
"""What units may go through on their way into a product: their windows keep their row-major order."""


@dataclass(frozen=True)
class Link:
    """From a value to one of the named values that its formula reads.

    Attributes
    ----------
    value, source : Node
    box : tuple of Window
        The part of the source that a unit of the value reads.
    kind : "factor", "products", "first maximum", "slope" or ""
        What that part counts, as in `Node.influence`; "" where it is not said.
    factor : float
        Of the kind "factor".
    other : Node or None
        Of the kind "products": the source that it is multiplied with.
    """

    value: Node
    source: Node
    box: Box
    kind: str = ""
    factor: float = 1.0
    other: Node | None = None


@dataclass(frozen=True)
class _Way:
    """What a unit of a node on the way counts in the value; `at` is where products began, and `slot` which input."""

    kind: str
    factor: float = 1.0
    at: Node | None = None
    slot: int = 0


_UNKNOWN = _Way("")


def links_of(values: Values, value: Node) -> list[Link]:
    """The links from a named value to its named sources."""
    boxes = named_reach(values, value)
    ways = _ways(value, values.inner(value))
    tables = {n.inputs[1 - k] for n in values.inner(value) for k in range(len(n.inputs)) if is_masked(n, k)}
    sources = [s for s in boxes if s in values.symbols and s not in tables]
    links = [Link(value, s, boxes[s], ways[s].kind, ways[s].factor) for s in sources]
    return [_paired(link, links, ways) if link.kind == "products" else link for link in links]


def _ways(value: Node, inner: list[Node]) -> dict[Node, _Way]:
    """For the nodes of a formula and its sources: what a unit of each counts in the value."""
    ways = {value: _Way("factor")}
    for node in reversed(inner):
        for slot, (source, influence) in enumerate(zip(node.inputs, influence_of(node), strict=True)):
            way = ways.get(node, _UNKNOWN)
            if not is_masked(node, slot):
                way = _further(way, influence, node, slot, value)
            both_slopes = source in ways and {way.kind, ways[source].kind} == {"slope"}
            ways[source] = way if source not in ways or both_slopes else _UNKNOWN
    return ways


def is_masked(node: Node, slot: int) -> bool:
    """Whether a product only says which weights exist, as a table of connections does: it changes none of them."""
    if not isinstance(node, Mul):
        return False
    weights, table = node.inputs[slot], node.inputs[1 - slot]
    if not isinstance(weights, Param) or weights.mask is None or not isinstance(table, Const):
        return False
    return bool(np.array_equal(np.broadcast_to(table.value, weights.value.shape), weights.mask))


def _further(way: _Way, influence: Influence, node: Node, slot: int, value: Node) -> _Way:
    """The way on, through one more rule."""
    if isinstance(node, Reshape) and way.kind == "products":
        return way
    if isinstance(influence, float):
        if way.kind == "factor":
            return replace(way, factor=way.factor * influence)
        ordered = isinstance(node, _IN_ORDER) or node is way.at
        in_place = way.kind == "slope" and node.shape == value.shape
        return way if in_place or (influence == 1.0 and ordered) else _UNKNOWN
    if influence == "slope" and way.kind in ("factor", "slope") and node.shape == value.shape:
        return _Way("slope")
    if way != _Way("factor") or influence is None:
        return _UNKNOWN
    return _Way("products", at=node, slot=slot) if influence == "paired" else _Way(str(influence))


def _paired(link: Link, links: list[Link], ways: dict[Node, _Way]) -> Link:
    """The link with the source that it is multiplied with; without a kind where that is no named value."""
    own = ways[link.source]
    for other in links:
        way = ways[other.source]
        if way.kind == "products" and way.at is own.at and way.slot != own.slot and _count(other) == _count(link):
            return replace(link, other=other.source)
    return replace(link, kind="")


def _count(link: Link) -> int:
    """How many units a window has, borders included."""
    return math.prod(_size(link, k) for k in range(len(link.box)))


def _size(link: Link, k: int) -> int:
    window, length = link.box[k], link.source.shape[k]
    if window.axis is not None:
        return window.size if window.per == 1 else -1  # no whole number of positions: nothing is paired with it
    high = window.high if window.high is not None else (length or 1) - 1
    return high - window.low + 1


def is_slope(link: Link) -> bool:
    """Whether a link is explained by a slope, which is a tensor of its own."""
    return link.kind == "slope" and link.source.shape == link.value.shape


def read_beside(error: Node, known: dict[Node, Any]) -> list[Node]:
    """What a backward rule computes from the forward pass alone, such as a softmax or the switches of a pool.

    Parameters
    ----------
    error : Node
        What is sent to a source.
    known : dict of Node
        Named values and errors: nothing behind them is looked at.
    """
    order = _up_to(error, known)
    inside = set(order)
    apart: dict[Node, bool] = {}
    for node in order:
        apart[node] = all(apart.get(i, _is_forward(i, known)) for i in node.inputs) and not isinstance(node, Leaf)
    found: dict[Node, None] = {}
    todo = [error]
    seen: set[Node] = set()
    while todo:
        node = todo.pop()
        if node in seen or node not in inside:
            continue
        seen.add(node)
        if apart[node] and node.ndim and not _is_arithmetic(node):
            found[node] = None
        else:
            todo.extend(reversed(node.inputs))
    return list(found)


def _up_to(error: Node, known: dict[Node, Any]) -> list[Node]:
    """What `error` is computed from, inputs first, up to what is known."""
    order: list[Node] = []
    seen: set[Node] = set(known)
    todo = [(error, False)]
    while todo:
        node, is_done = todo.pop()
        if is_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            todo.append((node, True))
            todo.extend((i, False) for i in node.inputs)
    return order


def _is_forward(node: Node, known: dict[Node, Any]) -> bool:
    """Whether a node that is known, or a leaf, is no error."""
    return bool(known.get(node, "value") == "value")


def _is_arithmetic(node: Node) -> bool:
    """Whether a node only moves, adds and multiplies: what it is made of says more than it does."""
    plain = all(isinstance(i, float) or i == "paired" for i in influence_of(node))
    return plain or len(node.inputs) > 1 or isinstance(node, Reshape)


def as_record(link: Link, name: Any) -> dict[str, Any]:
    """A link as the page reads it: without the batch axis, of which the page shows one example."""
    batch = link.value.shape.index(None) if None in link.value.shape else None
    box = []
    for window, length in zip(link.box, link.source.shape, strict=True):
        if length is None:
            continue
        axis = window.axis
        if axis is not None and batch is not None:
            axis = None if axis == batch else axis - (axis > batch)
        box.append(replace(window, axis=axis, high=length - 1 if window.high is None else window.high))
    windows = [list(record.values()) for record in table(tuple(box))]
    found: dict[str, Any] = {"value": name(link.value), "source": name(link.source), "windows": windows}
    if link.kind == "slope" and not is_slope(link):
        return found
    found["kind"] = link.kind
    if link.kind == "factor":
        found["factor"] = link.factor
    if link.other is not None:
        found["other"] = name(link.other)
    if link.kind == "slope":
        found["slope"] = slope_key(name(link.value), name(link.source))
    return found


def slope_key(value: str, source: str) -> str:
    """What the slope of a value is called."""
    return f"∂{value}/∂{source}"
