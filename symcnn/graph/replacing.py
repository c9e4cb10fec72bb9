"""`replace`: the same graph with other nodes in the places of some. Names, layers, sites and what is shared stay."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from ..text import quoted
from .algebra import cast
from .collector import collector_paused
from .context import group_of, remember
from .errors import DTypeError, GraphError, ShapeError, call_site, in_place_of, message
from .graph import Graph
from .layer import LayerRecord, recall, recalled
from .leaves import Input
from .node import Node, as_node


@overload
def replace(nodes: Node, new: Mapping[Node, Any]) -> Node: ...
@overload
def replace(nodes: Sequence[Node], new: Mapping[Node, Any]) -> list[Node]: ...
def replace(nodes: Node | Sequence[Node], new: Mapping[Node, Any]) -> Node | list[Node]:
    """Nodes computed from others: wherever a key of `new` is read upstream, its value is read instead.

    All are replaced at once: what stands in `new` is put in as it is, so ``{x: 2 * x}`` doubles x, and ``{a: b, b: a}``
    exchanges two nodes.

    Parameters
    ----------
    nodes : Node, or list of Node
    new : {Node: Node, or array}
        What takes the place of each node, of the same shape and dtype. Any node can be replaced, not only leaves; an
        array or a number becomes a constant.

    Returns
    -------
    Node, or list of Node
        As `nodes` is given. What reads nothing that is replaced is the same node. All others have the names, the
        lines and the layers of those whose place they take; parameters are shared with the graph that was there.

    Raises
    ------
    GraphError
        For a node that `nodes` are not computed from.
    ShapeError, DTypeError
        For something of another shape or dtype: build the graph anew for that.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 3))
    >>> a = sc.sigmoid(sc.dense(x, 2, seed=0), name="a")
    >>> mirrored = sc.replace(a, {x: -x})
    >>> mirrored.name, mirrored.params == a.params
    ('a', True)
    """
    if isinstance(nodes, Node):
        return replace([nodes], new)[0]
    if not isinstance(nodes, list | tuple) or not all(isinstance(node, Node) for node in nodes):
        raise DTypeError(message(f"replace takes a node or a list of nodes, got {quoted(nodes)}", site=call_site()))
    if not isinstance(new, Mapping) or not all(isinstance(old, Node) for old in new):
        raise DTypeError(message(f"replace: {quoted(new)} is not {{old node: new node}}", site=call_site()))
    put = {old: _fitting(old, value) for old, value in new.items()}
    if missing := set(put).difference(Graph(*nodes).nodes):
        node = min(missing, key=lambda n: n.serial)
        raise GraphError(message("replace: nothing reads it: it is not in this graph", node=node))
    return rewritten(nodes, put.get)


def _fitting(old: Node, value: Any) -> Node:
    """`value` as a node that can stand in the place of `old`."""
    new = value if isinstance(value, Node) else cast(as_node(value, old.dtype), old.dtype.name)
    if new.spec != old.spec:
        kind = DTypeError if new.shape == old.shape else ShapeError
        raise kind(message(f"replace: a {new.spec} cannot take its place; it is a {old.spec}", node=old))
    return new


@collector_paused
def rewritten(nodes: Sequence[Node], put: Callable[[Node], Node | None], *, again: bool = False) -> list[Node]:
    """`nodes` over what `put` says stands in the place of a node.

    Parameters
    ----------
    nodes : sequence of Node
    put : callable
        Node -> the node in its place; None where it stays.
    again : bool
        Whether in what is put in, too, nodes are replaced: it is upstream of the node whose place it takes.
    """
    order, needed = Graph(*nodes).order, set(nodes)
    given = {node: found for node in order if (found := put(node)) is not None}
    for node in reversed(order):
        if node in needed:
            needed.update(node.inputs if node not in given else (given[node],) if again else ())
    new: dict[Node, Node] = {}
    calls: dict[LayerRecord, LayerRecord] = {}
    for node in order:
        if node in given:
            found = new.get(given[node], given[node]) if again else given[node]
            new[node] = cast(found, node.dtype.name)
        elif node in needed:
            inputs = [new[i] for i in node.inputs]
            same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
            new[node] = node if same else in_place_of(node, _over, node, inputs, new, calls)
    return [new[node] for node in nodes]


def _over(
    node: Node, inputs: Sequence[Node], new: Mapping[Node, Node], calls: dict[LayerRecord, LayerRecord]
) -> Node:
    """`node` over other inputs, with what it remembers and the records of its layers; `calls` has those so far."""
    made = node.with_inputs(inputs)
    if node._context:
        remember(made, tuple(group_of(_inputs_of(group, new)) for group in node._context))
    if not recalled(made):
        carried = ((calls.setdefault(record, _record_over(record, new)), place) for record, place in recalled(node))
        recall(made, carried)
    return made


def _inputs_of(group: Sequence[Input], new: Mapping[Node, Node]) -> list[Input]:
    """What is to be fed in the place of the inputs in `group`."""
    return [i for old in group for i in (Graph(new[old]).inputs if new.get(old, old) is not old else [old])]


def _record_over(record: LayerRecord, new: Mapping[Node, Node]) -> LayerRecord:
    def mapped(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return type(value)(map(mapped, value))
        if isinstance(value, dict):
            return {key: mapped(v) for key, v in value.items()}
        return new.get(value, value) if isinstance(value, Node) else value

    return dataclasses.replace(record, inputs=mapped(record.inputs), arguments=mapped(dict(record.arguments)))
