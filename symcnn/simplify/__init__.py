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
from typing import overload

from ..graph.collector import collector_paused
from ..graph.context import Context, carried, remember
from ..graph.errors import ArgumentError, DTypeError, ShapeError, call_site, in_place_of, message, place_of
from ..graph.graph import Graph
from ..graph.leaves import folded
from ..graph.node import Node
from ..text import quoted
from .cancel import cancel
from .neutral import neutral
from .stable import stable
from .zero_errors import plain

Rule = Callable[[Node], Node | None]

RULES: tuple[Rule, ...] = (folded, cancel, plain, neutral, stable)
"""Each gives a node of the same value, shape and dtype, or None where it has nothing to say."""


_PASSES, _STEPS = 100, 1000
"""Rules that go on for longer (of passes: for two more of each node that there was) are taken for endless."""
_HINT = "a rule returns None where it has nothing to say, and none undoes what another does"


@overload
def simplify(nodes: Node, rules: Sequence[Rule] | None = None) -> Node: ...
@overload
def simplify(nodes: Sequence[Node], rules: Sequence[Rule] | None = None) -> list[Node]: ...
@collector_paused
def simplify(nodes: Node | Sequence[Node], rules: Sequence[Rule] | None = None) -> Node | list[Node]:
    """Nodes with the values of `nodes`, rewritten until no rule applies.

    Parameters
    ----------
    nodes : list of Node, or Node
    rules : sequence of callables, optional
        Default: `RULES`.

    Returns
    -------
    list of Node, or Node
        As `nodes` is given.

    Raises
    ------
    ShapeError, DTypeError
        For a rule that gives a node of another shape or dtype, or something else.
    ArgumentError
        For rules that come to no end.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 5, 5))
    >>> sc.simplify(1 * x - 0) is x
    True
    """
    if isinstance(nodes, Node):
        return simplify([nodes], rules)[0]
    _check_given(nodes, rules)
    current = list(nodes)
    settled: set[Node] = set()
    passes = 0
    while True:
        following = _one_pass(current, RULES if rules is None else rules, settled)
        if all(a is b for a, b in zip(current, following, strict=True)):
            return following
        current = following
        passes += 1
        if passes > _PASSES and passes > _PASSES + 2 * len(Graph(*nodes)):
            problem = f"the rules do not come to an end: after {passes} passes they still rewrite something"
            raise ArgumentError(message(problem, _HINT, site=call_site()))


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
        if (told or node._context) and (known := carried(node, told)):  # a rule may leave out the nodes that told it
            remember(new[node], known)
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
    for _ in range(_STEPS):
        for rule in rules:
            found = rule(node)
            if found is not None and found is not node:
                _check_found(node, rule, found)
                node = found
                break
        else:
            return node
    problem = f"the rules do not come to an end: {_STEPS} times one has rewritten what another has made"
    raise ArgumentError(message(problem, f"the last was {quoted(rule)}", _HINT, node=node))


def _check_given(nodes: object, rules: object) -> None:
    """Refuse anything but a list of nodes, and anything but a list of functions."""
    if not isinstance(nodes, list | tuple) or not all(isinstance(node, Node) for node in nodes):
        raise DTypeError(message(f"simplify takes a node or a list of nodes, got {quoted(nodes)}", site=call_site()))
    if rules is not None and not (isinstance(rules, list | tuple) and all(callable(rule) for rule in rules)):
        problem = f"the rules are {quoted(rules)}; expected a list of functions: a node -> another one, or None"
        raise DTypeError(message(problem, site=call_site()))


def _check_found(node: Node, rule: Rule, found: object) -> None:
    """Refuse what cannot stand in the place of `node`."""
    if not isinstance(found, Node):
        problem = f"a rewriting rule returned {quoted(found)}; expected a node, or None"
        raise DTypeError(message(problem, f"the rule is at {place_of(rule)}", node=node))
    if found.spec != node.spec:
        place = f"the rule is at {place_of(rule)}"
        problem = f"a rewriting rule gave {found.label}, a {found.spec}, in place of a {node.spec}"
        kind = DTypeError if found.shape == node.shape else ShapeError
        raise kind(message(problem, "what it gives must have the same shape and dtype", place, node=node))
