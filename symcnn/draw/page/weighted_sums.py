"""Errors that are weighted sums of what stands at the same place: the softmax minus 1 for the label, a minus t.

The weights are not looked up by the type of a loss: they are the derivative of the error by what it is made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backprop import errors_swept
from ...graph.algebra import ones
from ...graph.graph import Graph
from ...graph.node import Node

_TOLERANCE = 1e-5
"""How exactly the parts must add up to the error: they are computed in float32."""


def weights_in(error: Node, parts: Iterable[Node], known: Iterable[Node]) -> list[tuple[Node, Node]]:
    """For the parts that have the shape of an error: their weight in each unit of it, as a node.

    Parameters
    ----------
    error : Node
    parts : iterable of Node
        What it may be made of: nothing behind them is looked at.
    known : iterable of Node
        What it is also made of, such as the error that comes in; nothing behind it is looked at, either.
    """
    alike = [part for part in dict.fromkeys(parts) if part.shape == error.shape]
    ends = {*parts, *known}
    sent = errors_swept((node for node in reversed(Graph(error).order) if node not in ends), {error: ones(error)})
    return [(part, sent[part]) for part in alike if part in sent]


def added_up(
    error: NDArray[Any], parts: Sequence[tuple[str, NDArray[Any]]], numbers: Mapping[str, NDArray[Any]]
) -> list[tuple[str, float]] | None:
    """The keys and weights of the parts, if all units have the same weights and the parts add up to the error.

    Examples
    --------
    >>> p, t = np.array([0.2, 0.8]), np.array([0.0, 1.0])
    >>> added_up(p - t, [("p", np.ones(2)), ("t", -np.ones(2))], {"p": p, "t": t})
    [('p', 1.0), ('t', -1.0)]
    >>> added_up(p * p, [("p", 2 * p)], {"p": p}) is None
    True
    """
    if not parts or any(np.ptp(weight) > 0 or not np.isfinite(weight).all() for _, weight in parts):
        return None
    weights = [(key, float(weight.flat[0])) for key, weight in parts]
    with np.errstate(all="ignore"):
        total = sum(weight * numbers[key].astype(np.float64) for key, weight in weights)
        most = max(float(np.nanmax(np.abs(numbers[key]), initial=0.0)) for key, _ in weights)
    return weights if np.allclose(total, error, rtol=_TOLERANCE, atol=_TOLERANCE * most, equal_nan=True) else None
