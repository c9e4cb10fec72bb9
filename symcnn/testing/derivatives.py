"""Checks of the backward rule: its contract, and its derivatives against central differences.

The errors of a sample are contracted with random tensors into a scalar; that scalar is differentiated again,
and so on: each order is checked by the same function.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ..backprop import grad
from ..graph.algebra import fed
from ..graph.errors import NodeTypeError, place_of
from ..graph.graph import Graph
from ..graph.leaves import Const, Param
from ..graph.node import Node, as_node
from ..graph.spec import is_real
from ..nodes.reduce import sum
from ..rules import errors_sent
from .cases import Array, Values, drawn, evaluate, recast, variables
from .findings import Problem, Unchecked

_BATCH = 2
_STEP = float(np.cbrt(np.finfo("float64").eps))
"""Where truncation and rounding of a central difference are about equal."""
_RELATIVE, _ABSOLUTE = 1e-6, 1e-8
_SPREADS = (1.0, 4.0)
"""Standard deviations of the numbers at which derivatives are compared: near 0, and far from it."""
_SMALL = 100
"""Up to so many elements, each is moved by itself."""


def rule_keeps_contract(sample: Node) -> Iterator[Problem]:
    """backward returns a node of the input's shape, or None, for each input."""
    if not is_real(sample.dtype):
        raise Unchecked(f"{sample.dtype} values have no derivative")
    delta = fed("delta", sample.shape, sample.dtype.name)
    try:
        errors_sent(sample, delta)
    except NodeTypeError as error:
        if error.__cause__ is not None:
            raise error.__cause__ from None  # the rule itself failed: it is told with the line where it did
        yield Problem(str(error).splitlines()[0], f"the rule is at {place_of(type(sample).backward)}")


def first_derivative(sample: Node) -> Iterator[Problem]:
    """The errors that backward sends are the derivatives of forward."""
    J, over = _contracted(sample)
    yield from _off(J, over, f"backward, at {place_of(type(sample).backward)}, sends a wrong error", "forward")


def second_derivative(sample: Node) -> Iterator[Problem]:
    """The errors are differentiable themselves, and their derivatives are right."""
    J, over = _contracted(sample)
    K = _next_order(J, over)
    yield from _off(K, over, "a node that backward returns sends a wrong error", "the gradient")


def vocabulary_is_closed(sample: Node) -> Iterator[Problem]:
    """Every node that a backward rule returns has rules itself, to the third derivative."""
    J, over = _contracted(sample)
    for order in (1, 2, 3):
        J = _next_order(J, over)
        bare = {type(n) for n in Graph(J).nodes if n.inputs and type(n).backward is Node.backward}
        for cls in bare:
            yield Problem(
                f"derivative {order} contains a {cls.__name__}, which has no backward rule",
                f"give {cls.__name__} a backward rule, or return other nodes",
            )
        if bare:
            return
    values = drawn([J], _BATCH)
    with np.errstate(all="ignore"):
        evaluate([J], values, _BATCH)


def _contracted(sample: Node) -> tuple[Node, list[Node]]:
    """The sample in float64, times a random error, summed; and what that depends on."""
    if not is_real(sample.dtype):
        raise Unchecked(f"{sample.dtype} values have no derivative")
    node = recast(sample, ["float64"])
    over = variables(node)
    if not over:
        raise Unchecked("there is no real input to differentiate by")
    error = fed("error", node.shape, "float64")
    return sum(node * error), [*over, *variables(error)]


def _next_order(J: Node, over: Sequence[Node]) -> Node:
    """The gradient of `J`, each part times a random tensor, summed."""
    total = as_node(Const(0.0))
    for n, part in enumerate(grad(J, over, unconnected="zeros")):
        total = total + sum(part * fed(f"direction {n}", part.shape, "float64"))
    return total


# Central differences -------------------------------------------------------------------------


def _off(J: Node, over: Sequence[Node], fault: str, of: str) -> Iterator[Problem]:
    """Where the gradient of the scalar `J` differs from central differences."""
    gradients = grad(J, over, unconnected="zeros")
    for turn, spread in enumerate(_SPREADS):
        values = drawn([J, *over], _BATCH, turn, spread) | {n: n.value for n in over if isinstance(n, Param)}
        with np.errstate(all="ignore"):
            symbolic = evaluate(gradients, values, _BATCH)
            finite = np.isfinite(evaluate([J], values, _BATCH)[0])
        if spread > 1 and not (finite and all(np.isfinite(g).all() for g in symbolic)):
            continue  # outside the domain
        problems = [(leaf, _off_by(J, leaf, found, values)) for leaf, found in zip(over, symbolic, strict=True)]
        for leaf, problem in problems:
            if problem:
                yield Problem(
                    f"the derivative of {of} by {leaf.name!r} {problem}",
                    f"{fault}: it must be delta times the derivative of what forward computes",
                )
        if any(problem for _, problem in problems):
            return


def _off_by(J: Node, leaf: Node, found: Array, values: Values) -> str:
    """How the gradient by one leaf differs from what is measured, or an empty text."""
    if found.size <= _SMALL:
        for place in np.ndindex(found.shape):
            direction = np.zeros(found.shape)
            direction[place] = 1
            if wrong := _off_along(J, leaf, direction, found, values):
                return f"at {place} {wrong}"
    direction = np.random.default_rng(1).standard_normal(found.shape)
    wrong = _off_along(J, leaf, direction, found, values)
    return f"along a random direction {wrong}" if wrong else ""


def _off_along(J: Node, leaf: Node, direction: Array, found: Array, values: Values) -> str:
    """Central differences along `direction`, if they say something else than the gradient `found`."""
    ends = []
    for step in (_STEP, -_STEP):
        (value,) = evaluate([J], values | {leaf: values[leaf] + step * direction}, _BATCH)
        ends.append(float(value))
    measured = (ends[0] - ends[1]) / (2 * _STEP)
    symbolic = float(np.sum(found * direction))
    room = _ABSOLUTE * max(1.0, *map(abs, ends))
    if math.isclose(symbolic, measured, rel_tol=_RELATIVE, abs_tol=room):
        return ""
    return f"is {symbolic:.6g}; central differences say {measured:.6g}"
