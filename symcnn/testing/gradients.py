"""`check_gradients`: the tutorial's check of a whole network against numerical derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..backprop import backprop
from ..engine.program import compile
from ..graph.errors import GradientError, message
from ..graph.leaves import Param
from ..graph.node import Node
from ..text import plain_text
from .cases import Array, recast_all
from .kinks import Differences, Entry, gradients_beside


@dataclass(frozen=True)
class GradientCheck:
    """The distance between the two gradients, for each parameter; prints as a table.

    Attributes
    ----------
    distances : {Param: float}
        ||numerical - symbolic|| / ||numerical + symbolic|| over the entries that were compared; 0 where both are 0.
    checked : {Param: int}
        How many entries were compared.
    kinks : {Param: int}
        How many were not, as they are at a kink of J (relu, abs, a maximum of equals): the slopes to both sides differ
        there, and all that is known of a right gradient is that it is one of them, or between them, as these are.
    """

    distances: dict[Param, float]
    checked: dict[Param, int] = field(default_factory=dict)
    kinks: dict[Param, int] = field(default_factory=dict)

    @property
    def worst(self) -> float:
        """The largest of the distances."""
        return float(np.max(list(self.distances.values()), initial=0.0))  # NaN is the largest

    def __getitem__(self, param: Param) -> float:
        return self.distances[param]

    def __str__(self) -> str:
        width = max((len(plain_text(p.name)) for p in self.distances), default=0)
        return "\n".join(self._line(param, width) for param in self.distances)

    def _line(self, param: Param, width: int) -> str:
        checked, kinks = self.checked.get(param, param.size), self.kinks.get(param, 0)
        apart = f", and {kinks:,} at kinks" if kinks else ""
        return f"{plain_text(param.name):{width}}  {checked:>9,} entries  {self.distances[param]:.2e}{apart}"

    def __repr__(self) -> str:
        return str(self)


def check_gradients(
    J: Node,
    feeds: Mapping[Any, Any] | None = None,
    params: Sequence[Param] | None = None,
    step: float = 1e-4,
    tolerance: float = 1e-6,
    *,
    backend: str = "auto",
    **named: Any,
) -> GradientCheck:
    """Compare the gradients of `J` with numerical ones: (J(w + step) - J(w - step)) / (2 step), entry by entry.

    Everything is computed in float64, on copies: the parameters keep their values. A network in float32 is
    checked as if it were float64, since differences of rounded numbers say little.

    Where a difference is not the gradient, smaller steps tell whether the entry is at a kink, as a bias of 0 is whose
    relu sees the black border of a digit. The slopes to its left and right then differ, however small the step is:
    such entries are counted apart, and their gradients must be at or between the two slopes, or those right beside.

    Parameters
    ----------
    J : Node
        A scalar.
    feeds : mapping, optional
        An array for each input, by name.
    params : sequence of Param, optional
        Those to check; default: all of them.
    step : float
        The tutorial's is 1e-4.
    tolerance : float
        The largest distance that passes. Right gradients of smooth networks come well below 1e-8.
    backend : str
        What computes all values, as in `symcnn.compile`; so the code that it makes is checked, too.
    **named
        Arrays as keywords, as for a program.

    Returns
    -------
    GradientCheck
        ||numerical - symbolic|| / ||numerical + symbolic|| for each parameter, and how many entries are at kinks.

    Raises
    ------
    GradientError
        If a distance is above the tolerance, or the gradient at a kink is outside its slopes; if J or a gradient is NaN
        or infinite, or J is so next to the values of the parameters; if all entries are at kinks, as nothing is checked
        then.

    Examples
    --------
    >>> import numpy as np
    >>> import symcnn as sc
    >>> x, y = sc.Input("x", (None, 1, 6, 6)), sc.Input("y", (None,), dtype="int64")
    >>> a = sc.sigmoid(sc.conv(x, filters=2, size=3, name="conv", seed=0))
    >>> J = sc.softmax_cross_entropy(sc.dense(sc.mean_pool(a, 2), 3, name="out", seed=1), y)
    >>> images = np.random.default_rng(0).random((4, 1, 6, 6))
    >>> check = check_gradients(J, x=images, y=[0, 1, 2, 0])
    >>> check.worst < 1e-8
    True
    >>> [p.name for p in check.distances]
    ['conv.W', 'conv.b', 'out.W', 'out.b']

    Where the image is black, relu is at its kink when the bias is 0:

    >>> J = sc.mean(sc.relu(sc.conv(x, filters=2, size=3, name="conv", seed=0)))
    >>> images[:, :, :3] = 0
    >>> check = check_gradients(J, x=images)
    >>> [(p.name, check.checked[p], check.kinks[p]) for p in check.distances]
    [('conv.W', 18, 0), ('conv.b', 0, 2)]
    """
    wanted = J.params if params is None else list(params)
    new = recast_all(J, ["float64"])
    if strange := [p for p in wanted if p not in new]:
        raise GradientError(message(f"{J.label} does not depend on it", "leave it out of params", node=strange[0]))
    wide: list[Param] = [new[p] for p in wanted]  # type: ignore[misc]
    back = backprop(new[J])
    given = {new.get(key, key): array for key, array in (feeds or {}).items()}
    outputs = [new[J], *(back.delta(p, unconnected="zeros") for p in wide)]
    program = compile(outputs, backend=backend)
    here, *gradients = program(given, **named)
    if not np.isfinite(here):
        raise GradientError(message(f"it is {here}: there is no derivative to compare with", node=J))
    value = compile(new[J], backend=backend)
    found = []
    for param, copy, gradient in zip(wanted, wide, gradients, strict=True):
        _check_finite(J, param, gradient)
        differences = Differences(lambda: float(value(given, **named)), copy, step)
        found.append(_compared(differences, copy, gradient, tolerance))
    check = GradientCheck(
        {p: part.distance for p, part in zip(wanted, found, strict=True)},
        {p: int(np.count_nonzero(part.compared)) for p, part in zip(wanted, found, strict=True)},
        {p: part.kinks for p, part in zip(wanted, found, strict=True)},
    )
    outside: list[str] = []
    if any(part.outside for part in found):
        beside = gradients_beside(wide, lambda: program(given, **named)[1:], step / 100)
        for parts in zip(found, wanted, gradients, beside, strict=True):
            outside += _outside(*parts, tolerance)
    _judge(J, check, outside, tolerance)
    return check


def _check_finite(J: Node, param: Param, gradient: Array) -> None:
    """Refuse a gradient of NaN or infinity."""
    strange = gradient[~np.isfinite(gradient)]
    if strange.size:
        problem = f"its gradient is {strange[0]} in {strange.size:,} of {gradient.size:,} entries, where J is finite"
        raise GradientError(message(problem, f"J is {J.label}, {J.site}", node=param))


@dataclass
class _Compared:
    """What was found of one parameter: the mask of the entries that were compared, their distance, and the others."""

    compared: Array
    distance: float = 0.0
    kinks: int = 0
    outside: dict[tuple[int, ...], Entry] = field(default_factory=dict)


def _compared(differences: Differences, param: Param, gradient: Array, tolerance: float) -> _Compared:
    """All entries that exist are compared; those that are off are looked at, until no unknown one is."""
    compared = np.ones(gradient.shape, bool) if param.mask is None else param.mask.copy()
    numerical = np.zeros(gradient.shape)
    for place in _places(compared):
        numerical[place] = differences.central(place)
    rounding = np.full(gradient.shape, differences.noise)
    result = _Compared(compared)
    unknown = compared.copy()
    while (distance := _distance(numerical[compared], gradient[compared])) > tolerance:
        total = np.linalg.norm((numerical + gradient)[compared])
        off = np.abs(numerical - gradient) > tolerance * total / np.sqrt(np.count_nonzero(compared))
        if not np.any(off & unknown):
            break
        for place in _places(off & unknown):
            entry = differences.looked_at(place, float(gradient[place]))
            numerical[place], rounding[place] = entry.difference, entry.slack
            if entry.sides is not None:
                compared[place] = False
                result.kinks += 1
                if not entry.allows(float(gradient[place]), tolerance):
                    result.outside[place] = entry
        unknown &= ~off
    is_noise = bool(np.all((np.abs(numerical - gradient) <= rounding)[compared]))
    result.distance = 0.0 if distance > tolerance and is_noise else distance
    return result


def _outside(found: _Compared, param: Param, gradient: Array, beside: Array, tolerance: float) -> list[str]:
    """The entries at kinks whose gradient is none of the slopes there, nor between them: a line for each."""
    lines = []
    for place, entry in found.outside.items():
        if entry.sides is not None and not entry.allows(
            float(gradient[place]), tolerance, np.moveaxis(beside, 0, -1)[place]
        ):
            left, right = entry.sides
            lines.append(f"{param.name}, entry {place}: {gradient[place]:.6g}, not between {left:.6g} and {right:.6g}")
    return lines


def _places(mask: Array) -> list[tuple[int, ...]]:
    """The places at which a mask is true."""
    return [tuple(map(int, place)) for place in np.argwhere(mask)]


def _judge(J: Node, check: GradientCheck, outside: Sequence[str], tolerance: float) -> None:
    """Refuse what is off, what is outside the slopes of its kink, and a check of nothing."""
    rules = "a wrong backward rule does that: sc.testing.check_node tells which"
    table = str(check).splitlines()
    if not check.worst <= tolerance:
        problem = f"the gradients differ from numerical ones by more than {tolerance:g}"
        raise GradientError(message(problem, *table, rules, node=J))
    if outside:
        problem = "there are gradients at kinks that are not between the slopes to their left and right"
        more = [f"and {len(outside) - 5} more"] if len(outside) > 5 else []
        kinks = "so do several kinks of different signs at one place, such as relu(w) - relu(-w): try other values"
        raise GradientError(message(problem, *outside[:5], *more, *table, rules, kinks, node=J))
    if any(check.kinks.values()) and not any(check.checked.values()):
        problem = "nothing was checked: all entries are at kinks, where the slopes to their left and right differ"
        raise GradientError(message(problem, *table, "try other feeds, or move the parameters a little", node=J))


def _distance(a: Array, b: Array) -> float:
    total = float(np.linalg.norm(a + b))
    apart = float(np.linalg.norm(a - b))
    return apart / total if total else float(apart > 0)
