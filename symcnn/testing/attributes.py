"""A check of formulas: nodes that differ in an attribute, and therefore in their value, are not written the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..graph.errors import SymcnnError
from ..graph.graph import Graph
from ..graph.leaves import Input
from ..graph.node import Node
from ..rules import errors_sent
from .cases import drawn, evaluate
from .findings import Problem

_BATCH = 2


def formula_shows_attributes(sample: Node) -> Iterator[Problem]:
    """What changes the value, and not the shape, which is written beside it, changes the formula."""
    for name, other in _relatives(sample):
        for kind in ("text", "latex"):
            if _written(sample, kind) == _written(other, kind) and _differ(sample, other):
                yield Problem(
                    f"the {kind} formula {_written(sample, kind)} is the same for {name}={getattr(sample, name)!r} "
                    f"and {getattr(other, name)!r}, which differ in value",
                    f"declare {kind} with {{{name}}} in it, or a template(kind) method",
                )


def _relatives(sample: Node) -> Iterator[tuple[str, Node]]:
    """Nodes over the same inputs, of the same shape, with one attribute of another value: its name, and the node."""
    seen = {sample}
    for name, value in _others(sample):
        fields = {n: getattr(sample, n) for n in sample.field_names}
        try:
            other = type(sample)(**{**fields, name: value})
        except Exception:  # a value that this node cannot have
            continue
        if other not in seen and other.spec == sample.spec:
            seen.add(other)
            yield name, other


def _others(sample: Node) -> Iterator[tuple[str, Any]]:
    """Other values that an attribute might have: those of other samples and of what backward returns, and near ones."""
    for node in _alike(sample):
        yield from ((name, getattr(node, name)) for name in sample.attributes)
    for name in sample.attributes:
        value = getattr(sample, name)
        if isinstance(value, bool):
            yield name, not value
        elif isinstance(value, int | float):
            yield name, value + 1
        elif isinstance(value, tuple):
            yield name, value[::-1]


def _alike(sample: Node) -> list[Node]:
    """Other nodes of the type: its samples, and what the sample's backward rule makes of it."""
    cls = type(sample)
    try:
        found = cls.samples()
    except Exception:  # it has none, or another check tells of it
        found = []
    try:
        sent = [error for _, error in errors_sent(sample, Input("delta", sample.shape, sample.dtype))]
    except SymcnnError:  # another check tells of it
        sent = []
    made = Graph(*sent).nodes if sent else ()
    return [node for node in (*found, *made) if type(node) is cls]


def _written(node: Node, kind: str) -> str:
    """The right side of the equation, as it is printed."""
    return node.equation.latex if kind == "latex" else str(node.equation)


def _differ(one: Node, other: Node) -> bool:
    values = drawn([one, other], _BATCH)
    try:
        a, b = evaluate([one, other], values, _BATCH)
    except Exception:  # a value that its forward rule cannot take, or a rule of which other checks tell
        return False
    return not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
