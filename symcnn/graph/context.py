"""Of what a gradient is a function: of the inputs of what was differentiated, even where it reads them no longer.

The gradient of ``sum(x)`` by x is an array of ones, as many as x has. It reads no x, but x tells how many there are,
and who computes a gradient feeds what he would feed for the value. So the nodes that a sweep hands out remember those
inputs. It is no part of their identity and changes no value: two sums over arrays of one shape have one and the same
gradient, which then remembers the inputs of both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from .spec import Spec

if TYPE_CHECKING:
    from .leaves import Input
    from .node import Node

Context = Mapping[tuple[str, Spec], "Input"]
"""Inputs by what a feed must fit: of two with the same name, shape and dtype, one stands for both."""


def context_of(inputs: Iterable[Input]) -> Context:
    """`inputs`, as nodes remember them."""
    return {(i.name, i.spec): i for i in inputs}


def remember(node: Node, context: Context) -> None:
    """Add the inputs in `context` to those that `node` is known to be a function of."""
    if not node.inputs:
        context = {key: i for key, i in context.items() if i is not node}
    vars(node)["_context"] = _joined(node._context, context)


def carried(node: Node, known: Mapping[Node, Context]) -> Context:
    """The inputs that `node` is a function of, as far as it or its inputs, of which they are `known`, remember them."""
    found = node._context
    for source in node.inputs:
        if source in known:
            found = _joined(found, known[source])
    return found


def _joined(a: Context, b: Context) -> Context:
    """Both; one of them itself, where that is all: nodes of one sweep share what they remember."""
    if a is b or not b:
        return a
    return {**b, **a} if a else b


def remembered(nodes: Iterable[Node], outputs: Iterable[Node]) -> list[Input]:
    """The inputs that `nodes` remember, of which `outputs` are what is asked for.

    A leaf is asked only where it is an output itself: a constant 1 that some gradient is has nothing to say of
    another graph in which a 1 stands.
    """
    asked = set(outputs)
    found: dict[tuple[str, Spec], Input] = {}
    for node in nodes:
        if node._context and (node.inputs or node in asked):
            found |= node._context
    return list(found.values())
