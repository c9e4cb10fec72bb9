"""`check_gradients`: the tutorial's check of a whole network against numerical derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backprop import backprop
from ..engine.program import Program, compile
from ..graph.errors import GradientError, explain
from ..graph.leaves import Param
from ..graph.node import Node
from .cases import Array, recast_all


@dataclass(frozen=True)
class GradientCheck:
    """The distance between the two gradients, for each parameter; prints as a table.

    Attributes
    ----------
    distances : {Param: float}
        ||numerical - symbolic|| / ||numerical + symbolic||; 0 where both are 0.
    """

    distances: dict[Param, float]

    @property
    def worst(self) -> float:
        """The largest of the distances."""
        return float(np.max(list(self.distances.values()), initial=0.0))  # NaN is the largest

    def __getitem__(self, param: Param) -> float:
        return self.distances[param]

    def __str__(self) -> str:
        width = max((len(p.name) for p in self.distances), default=0)
        return "\n".join(f"{p.name:{width}}  {p.size:>9,} entries  {d:.2e}" for p, d in self.distances.items())

    def __repr__(self) -> str:
        return str(self)


def check_gradients(
    J: Node,
    feeds: Mapping[Any, Any],
    params: Sequence[Param] | None = None,
    step: float = 1e-4,
    tolerance: float = 1e-6,
    *,
    backend: str = "auto",
) -> GradientCheck:
    """Compare the gradients of `J` with numerical ones: (J(w + step) - J(w - step)) / (2 step), entry by entry.

    Everything is computed in float64, on copies: the parameters keep their values. A network in float32 is
    checked as if it were float64, since differences of rounded numbers say little.

    Parameters
    ----------
    J : Node
        A scalar.
    feeds : mapping
        An array for each input, by name.
    params : sequence of Param, optional
        Those to check; all of them unless told.
    step : float
        The tutorial's is 1e-4.
    tolerance : float
        The largest distance that passes. Right gradients of smooth networks come well below 1e-8.
    backend : str
        What computes all values, as in `symcnn.compile`; so the code that it makes is checked, too.

    Returns
    -------
    GradientCheck
        ||numerical - symbolic|| / ||numerical + symbolic|| for each parameter.

    Raises
    ------
    GradientError
        If a distance is above the tolerance.

    Examples
    --------
    >>> import numpy as np
    >>> import symcnn as sc
    >>> x, y = sc.Input("x", (None, 1, 6, 6)), sc.Input("y", (None,), dtype="int64")
    >>> a = sc.sigmoid(sc.conv(x, filters=2, size=3, name="conv", seed=0))
    >>> J = sc.softmax_cross_entropy(sc.dense(sc.mean_pool(a, 2), 3, name="out", seed=1), y)
    >>> images = np.random.default_rng(0).random((4, 1, 6, 6))
    >>> check = check_gradients(J, dict(x=images, y=[0, 1, 2, 0]))
    >>> check.worst < 1e-8
    True
    >>> [p.name for p in check.distances]
    ['conv.W', 'conv.b', 'out.W', 'out.b']
    """
    wanted = J.params if params is None else list(params)
    new = recast_all(J, ["float64"])
    if strange := [p for p in wanted if p not in new]:
        raise GradientError(explain(f"{J.label} does not depend on it", "leave it out of params", node=strange[0]))
    wide: list[Param] = [new[p] for p in wanted]  # type: ignore[misc]
    back = backprop(new[J])
    value = compile(new[J], backend=backend)
    feeds = {new.get(key, key): array for key, array in feeds.items()}
    outputs = [new[J], *(back.delta(p, unconnected="zeros") for p in wide)]
    _, *gradients = compile(outputs, backend=backend)(feeds)
    distances = {
        param: _distance(_differences(value, feeds, copy, step), gradient)
        for param, copy, gradient in zip(wanted, wide, gradients, strict=True)
    }
    check = GradientCheck(distances)
    if check.worst > tolerance or not np.isfinite(check.worst):
        raise GradientError(
            explain(
                f"the gradients differ from numerical ones by more than {tolerance:g}",
                *str(check).splitlines(),
                "a wrong backward rule does that: sc.testing.check_node tells which; so do kinks (relu, max) "
                "closer than the step: try other feeds",
                node=J,
            )
        )
    return check


def _differences(value: Program, feeds: Mapping[Any, Any], param: Param, step: float) -> Array:
    """The central difference by each entry that exists."""
    found = np.zeros(param.value.shape)
    for place in np.ndindex(param.value.shape):
        if param.mask is not None and not param.mask[place]:
            continue
        kept = param.value[place]
        param.value[place] = kept + step
        above = float(value(feeds))
        param.value[place] = kept - step
        below = float(value(feeds))
        param.value[place] = kept
        found[place] = (above - below) / (2 * step)
    return found


def _distance(a: Array, b: Array) -> float:
    total = float(np.linalg.norm(a + b))
    apart = float(np.linalg.norm(a - b))
    return apart / total if total or np.isnan(apart) else float(apart > 0)
