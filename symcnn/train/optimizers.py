"""Optimizers: each writes the new value of a parameter as nodes, so the update is part of the graph.

An optimizer only holds settings; the state (velocities, moments) belongs to the step that is made with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from ..graph.algebra import cast
from ..graph.arguments import flag
from ..graph.errors import ArgumentError, call_site, message
from ..graph.keywords import hinted_class
from ..graph.leaves import Param
from ..graph.naming import named
from ..graph.node import Node
from ..nodes.elementwise import Sqrt
from .schedules import Schedule, number

Updates = dict[Param, Node]
Setting = Callable[[str], Node]
"""Gives a setting's current value as a scalar node, by its name."""


class Range(NamedTuple):
    """Numbers from `low` on, to below `high`."""

    low: float
    high: float = np.inf

    def holds(self, value: float) -> bool:
        """Whether `value` is one of them: NaN and infinity never are."""
        return self.low <= value < self.high and value > -np.inf

    def __str__(self) -> str:
        if self.low == -np.inf:
            return "a finite number"
        return f"a number from {self.low:g}" + (" on" if self.high == np.inf else f" to below {self.high:g}")


AT_LEAST_0, BELOW_1 = Range(0), Range(0, 1)


class Optimizer(Protocol):
    """What `train_step` needs of an optimizer. It may have `ranges`, too: of each setting, which numbers it takes."""

    @property
    def settings(self) -> Mapping[str, float | Schedule]:
        """The numbers that may follow a schedule, by name."""
        ...

    def updates(self, grads: Mapping[Param, Node], setting: Setting) -> Updates:
        """New values for the parameters and for the state, as nodes."""
        ...


@hinted_class
@dataclass(frozen=True)
class SGD:
    """Gradient descent with momentum, as in the UFLDL tutorial: v <- m v + lr g; w <- w - v.

    Parameters
    ----------
    lr : float or schedule
        The learning rate.
    momentum : float or schedule
        m, from 0 to below 1.
    nesterov : bool
        Look ahead: w <- w - (m v + lr g), with the new v (Nesterov, 1983, as in Sutskever et al., 2013).
    weight_decay : float
        c, adds c w to the gradient of each weight: of parameters with two or more axes, not of biases and gains.

    Examples
    --------
    >>> import symcnn as sc
    >>> w = sc.Param("w", [1.0])
    >>> step = sc.train_step(sc.sum(w * w), sc.SGD(lr=0.25))
    >>> step(), step(), w.value
    (1.0, 0.25, array([0.25]))
    """

    lr: float | Schedule = 0.01
    momentum: float | Schedule = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    ranges: ClassVar[Mapping[str, Range]] = {"lr": AT_LEAST_0, "momentum": BELOW_1}

    def __post_init__(self) -> None:
        _check(self, lr=AT_LEAST_0, momentum=BELOW_1, weight_decay=AT_LEAST_0)
        flag(self.nesterov, f"{type(self).__name__}: nesterov")

    @property
    def settings(self) -> Mapping[str, float | Schedule]:
        """The rate and the momentum."""
        return {"lr": self.lr, "momentum": self.momentum}

    def updates(self, grads: Mapping[Param, Node], setting: Setting) -> Updates:
        """v <- m v + lr g, and w <- w - v."""
        new: Updates = {}
        names = _names(grads)
        for w, grad in grads.items():
            dtype = w.dtype.name
            lr, momentum = cast(setting("lr"), dtype), cast(setting("momentum"), dtype)
            g = grad + self.weight_decay * w if self.weight_decay and w.is_weight else grad
            if self.momentum == 0:
                new[w] = w - lr * g
                continue
            v = Param(f"velocity of {names[w]}", np.zeros_like(w.value))
            new[v] = momentum * v + lr * g
            new[w] = w - (momentum * new[v] + lr * g if self.nesterov else new[v])
        return new


@hinted_class
@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba, 2015), with decoupled weight decay (Loshchilov and Hutter, 2019).

    Parameters
    ----------
    lr : float or schedule
    beta1, beta2 : float
        How slowly the means of the gradient and of its square forget: from 0 to below 1.
    eps : float
        Added to the root of the mean square.
    weight_decay : float
        c, takes lr c w from each weight: from parameters with two or more axes, not from biases.
    """

    lr: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    ranges: ClassVar[Mapping[str, Range]] = {"lr": AT_LEAST_0}

    def __post_init__(self) -> None:
        _check(self, lr=AT_LEAST_0, beta1=BELOW_1, beta2=BELOW_1, eps=AT_LEAST_0, weight_decay=AT_LEAST_0)

    @property
    def settings(self) -> Mapping[str, float | Schedule]:
        """The rate."""
        return {"lr": self.lr}

    def updates(self, grads: Mapping[Param, Node], setting: Setting) -> Updates:
        """The two means, corrected for their start at 0, and the step."""
        t = Param("steps taken", np.zeros((), np.float64))
        new: Updates = {t: t + 1}
        names = _names(grads)
        for w, g in grads.items():
            dtype = w.dtype.name
            lr = cast(setting("lr"), dtype)
            first, second = (Param(f"{m} moment of {names[w]}", np.zeros_like(w.value)) for m in ("first", "second"))
            new[first] = self.beta1 * first + (1 - self.beta1) * g
            new[second] = self.beta2 * second + (1 - self.beta2) * g * g
            mean = new[first] / cast(1 - self.beta1 ** new[t], dtype)
            square = new[second] / cast(1 - self.beta2 ** new[t], dtype)
            step = mean / (Sqrt(square) + self.eps)
            if self.weight_decay and w.is_weight:
                step = step + self.weight_decay * w
            new[w] = w - lr * step
        return new


def _names(grads: Mapping[Param, Node]) -> dict[Param, str]:
    """A name of its own for each parameter that is trained."""
    return {param: name for name, param in named(list(grads)).items()}


def _check(optimizer: SGD | Adam, **ranges: Range) -> None:
    """Refuse numbers outside their range; what a schedule gives is looked at when it gives it."""
    kind = type(optimizer).__name__
    for name, expected in ranges.items():
        value = getattr(optimizer, name)
        if callable(value) and name in type(optimizer).ranges:
            continue
        if not expected.holds(number(value, f"{kind}: {name}", or_schedule=name in type(optimizer).ranges)):
            raise ArgumentError(message(f"{kind}: {name} is {value}; expected {expected}", site=call_site()))
