"""Of what a gradient is a function: of the inputs of what was differentiated, even where it reads them no longer.

The gradient of ``sum(x)`` by x is an array of ones, as many as x has. It reads no x, but x tells how many there are,
and who computes a gradient feeds what he would feed for the value. So the nodes that a sweep hands out remember those
inputs. It is no part of their identity and changes no value: two sums over arrays of one shape have one and the same
gradient, which then remembers the inputs of the one and those of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING

from .spec import Spec

if TYPE_CHECKING:
    from .leaves import Input
    from .node import Node

Group = tuple["Input", ...]
"""The inputs of what one sweep has differentiated."""
Context = tuple[Group, ...]
"""The groups that a node is known by, the latest last."""


def group_of(inputs: Iterable[Input]) -> Group:
    """`inputs`, once each: of two with the same name, shape and dtype, one stands for both."""
    return tuple({(i.name, i.spec): i for i in inputs}.values())


def remember(node: Node, context: Context) -> None:
    """Add the groups in `context` to those that `node` is known by."""
    if not node.inputs:
        context = tuple(tuple(i for i in group if i is not node) for group in context)
    vars(node)["_context"] = _joined(node._context, context)


def carried(node: Node, known: Mapping[Node, Context]) -> Context:
    """The groups that `node`, or an input of it of which they are `known`, remembers."""
    found = node._context
    for source in node.inputs:
        if source in known:
            found = _joined(found, known[source])
    return found


def _joined(a: Context, b: Context) -> Context:
    """Both; one of them itself, where that is all: nodes of one sweep share what they remember."""
    if a is b or not b:
        return a
    new = [_names(group) for group in b]
    return (*(group for group in a if _names(group) not in new), *b) if a else b


def _names(group: Iterable[Input]) -> set[tuple[str, Spec]]:
    """By what a feed must fit."""
    return {(i.name, i.spec) for i in group}


def remembered(outputs: Iterable[Node], read: Iterable[Input]) -> Group:
    """The inputs that `outputs` remember, or the nodes that they are computed from, where they do not themselves.

    Behind a node that does, nothing is asked: what it is computed from may stand in other graphs, too. Nor is a leaf
    asked that is no output: a constant 1 that some gradient is has nothing to say of another graph in which a 1 stands.
    And where a node is known by groups with all that is `read`, it is asked for these alone. The latest come first.
    """
    needed, todo = _names(read), list(outputs)
    found: list[list[Group]] = []
    asked, seen = set(todo), set(todo)
    while todo:
        node = todo.pop()
        if node._context and (node.inputs or node in asked):
            fitting = [group for group in node._context if needed <= _names(group)]
            found.append([*reversed(fitting or node._context)])
            continue
        new = [source for source in node.inputs if source not in seen]
        seen.update(new)
        todo += new
    return group_of(i for groups in zip_longest(*found, fillvalue=()) for group in groups for i in group)
