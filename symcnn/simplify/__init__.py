"""Rewriting a graph into one with the same values that is shorter, faster or safer to compute.

Each kind of rule is a function with one ``match``, in a file of its own: `cancel` (what undoes itself),
`neutral` (x * 1, x - 0, zeros), `stable` (log of softmax, ...), `plain` (products and quotients of errors), and
`folded` (constants).

A value stays what it was, NaN, infinities and the sign of zero included, but for two things: stable forms are nearer to
the right value, and sums may be added up in another order. In the errors of a sweep, 0 and -0 are one number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from ..graph.collector import collector_paused
from ..graph.context import Context, carried, remember
from ..graph.errors import in_place_of
from ..graph.graph import Graph
from ..graph.leaves import folded
from ..graph.node import Node
from .cancel import cancel
from .kept import plain
from .neutral import neutral
from .stable import stable

Rule = Callable[[Node], Node | None]

RULES: tuple[Rule, ...] = (folded, cancel, plain, neutral, stable)
"""Each gives a node of the same value, shape and dtype, or None where it has nothing to say."""


@collector_paused
def simplify(nodes: Sequence[Node], rules: Sequence[Rule] | None = None) -> list[Node]:
    """Nodes with the values of `nodes`, rewritten until no rule applies.

    Parameters
    ----------
    nodes : sequence of Node
    rules : sequence of callables, optional
        `RULES` unless told.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 5, 5))
    >>> simple, = sc.simplify([1 * x - 0])
    >>> simple is x
    True
    """
    current = list(nodes)
    settled: set[Node] = set()
    while True:
        following = _one_pass(current, RULES if rules is None else rules, settled)
        if all(a is b for a, b in zip(current, following, strict=True)):
            return following
        current = following


def _one_pass(nodes: Sequence[Node], rules: Sequence[Rule], settled: set[Node]) -> list[Node]:
    new: dict[Node, Node] = {}
    told: dict[Node, Context] = {}
    for node in Graph(*nodes).order:
        inputs = [new[i] for i in node.inputs]
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        if same and node in settled:
            new[node] = node
            if node._context and inputs:
                told[node] = node._context
            continue
        new[node] = in_place_of(node, _rewritten, node, None if same else inputs, rules)
        if known := carried(node, told):  # a rule may leave out the nodes that told it
            remember(new[node], known.values())
            if inputs:
                told[node] = known
        settled.add(new[node])
    return [new[node] for node in nodes]


def _meets_derived(node: Node) -> bool:
    """Whether a type derived from another one is within the reach of the patterns.

    ``case Softmax(z)`` also matches a type derived from `Softmax`, whose rule may be another.
    """
    near = (node, *node.inputs, *[second for first in node.inputs for second in first.inputs])
    return any(_is_derived(type(n)) for n in near)


@cache
def _is_derived(cls: type[Node]) -> bool:
    return any("forward" in vars(base) for base in cls.__mro__[1:] if issubclass(base, Node) and base is not Node)


def _rewritten(node: Node, inputs: list[Node] | None, rules: Sequence[Rule]) -> Node:
    """`node`, with new inputs if given, after the first rule that applies, and so on until none does."""
    node = node if inputs is None else node.with_inputs(inputs)
    if _meets_derived(node):
        return node
    changed = True
    while changed:
        changed = False
        for rule in rules:
            found = rule(node)
            if found is not None and found is not node:
                assert found.spec == node.spec, (rule, node, found)
                node, changed = found, True
                break
    return node
