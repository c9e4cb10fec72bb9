"""`train_step`: forward, backward and update in one compiled program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..backprop import backprop
from ..engine.profile import Profile
from ..engine.program import Program, compile
from ..graph.arguments import listed
from ..graph.errors import ArgumentError, DTypeError, GradientError, call_site, message
from ..graph.leaves import Param
from ..graph.node import Node
from ..nodes.in_training import renewed
from ..text import quoted, shown
from .optimizers import Optimizer, Range
from .schedules import Schedule, as_schedule

_UNASKED: Any = object()
_FINITE = Range(-np.inf)
"""What a setting may be of which an optimizer says nothing."""


class TrainStep:
    """One step of training: call it with a batch, and it returns the loss before the update.

    Make one with `symcnn.train_step`.

    Attributes
    ----------
    program : Program
        Computes the loss and the new values of parameters and states.
    state : list of Param
        The optimizer's velocities and moments. (What J itself keeps from step to step are ``J.states``.)
    iteration, epoch : int
        How many steps have been made, and which epoch the schedules are told; `fit` counts it up.
    """

    def __init__(
        self,
        program: Program,
        state: list[Param],
        settings: dict[Param, Schedule],
        ranges: Mapping[str, Range] | None = None,
    ) -> None:
        self.program = program
        self.state = state
        self.iteration = 0
        self.epoch = 0
        self._settings = settings
        self._ranges = ranges or {}
        self._written: dict[Param, tuple[float, float]] = {}  # as given, and as the parameter holds it

    def __call__(self, feeds: Mapping[Any, Any] | None = None, /, **named: Any) -> float:
        """Run one step.

        Parameters
        ----------
        feeds, **named
            The batch, as for a `Program`.

        Returns
        -------
        float
            The loss of the batch, before the update.

        Raises
        ------
        NonFiniteError
            If the loss or an update is NaN or infinite: the node where it arose is named, and neither
            parameters nor state are changed.
        """
        self._set_settings()
        (loss,) = self.program(feeds, **named)
        self.iteration += 1
        return float(loss)

    def profile(self, feeds: Mapping[Any, Any] | None = None, /, *, runs: int = 10, **named: Any) -> Profile:
        """Time each node of the step; nothing is updated."""
        self._set_settings()
        return self.program.profile(feeds, runs=runs, **named)

    def _set_settings(self) -> None:
        for param, schedule in self._settings.items():
            given = _UNASKED
            try:
                given = schedule(self.iteration, self.epoch)
                value = float(given)
            except Exception as error:
                raise self._misled(param.name, given, error) from error
            if self._written.get(param) != (value, param.value.item()):
                if isinstance(given, bool | np.bool_):
                    raise DTypeError(self._misgiven(param.name, given, "a number"))
                if not (allowed := self._ranges.get(param.name, _FINITE)).holds(value):
                    raise ArgumentError(self._misgiven(param.name, value, str(allowed)))
                with np.errstate(all="ignore"):  # what is too large makes infinite parameters, and these are an error
                    param.value[...] = value
                self._written[param] = value, param.value.item()

    def _misled(self, name: str, given: object, error: Exception) -> Exception:
        """What to raise where a schedule failed, or gave no number."""
        if given is not _UNASKED:
            return DTypeError(self._misgiven(name, given, "a number"))
        problem = f"the schedule of {shown(name)} failed: {type(error).__name__}: {error}"
        hint = "it is called with the numbers of iterations and epochs: schedule(iteration, epoch)"
        return ArgumentError(message(problem, hint, f"it was asked for iteration {self.iteration}"))

    def _misgiven(self, name: str, given: object, expected: str) -> str:
        problem = f"the schedule of {shown(name)} gave {quoted(given)}; expected {expected}"
        return message(problem, f"it was asked for iteration {self.iteration}")

    def __repr__(self) -> str:
        return f"TrainStep({self.program!r}, {self.iteration} steps made)"


def train_step(
    J: Node,
    optimizer: Optimizer,
    *,
    params: Sequence[Param] | None = None,
    backend: str = "auto",
    threads: int | None = None,
) -> TrainStep:
    """Compile one step of training: forward, backward and the update of the parameters and of the states.

    Parameters
    ----------
    J : Node
        The loss, a scalar.
    optimizer : Optimizer
        `symcnn.SGD`, `symcnn.Adam`, or anything with their two methods.
    params : sequence of Param, optional
        What is trained; all parameters of J unless told. Its states, such as running statistics, are renewed in any
        case: see `symcnn.in_training`.
    backend, threads
        As for `symcnn.compile`.

    Returns
    -------
    TrainStep
        Its rates have the dtype of the parameters (float64, if these have several).

    Raises
    ------
    GradientError
        If J depends on no parameter, or not on one of `params`.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, t = sc.Input("x", (None, 1)), sc.Input("t", (None, 1))
    >>> J = sc.squared_error(sc.dense(x, 1, seed=0), t)
    >>> step = sc.train_step(J, sc.SGD(lr=0.5))
    >>> losses = [step(x=[[0], [1]], t=[[1], [3]]) for _ in range(100)]
    >>> losses[-1] < 1e-6
    True
    """
    _check_optimizer(optimizer)
    back = backprop(J)
    trained = list(back.grads) if params is None else _as_params(params)
    if not trained:
        raise GradientError(message("the loss depends on no parameter: there is nothing to train", node=J))
    dtypes = {p.dtype for p in trained}
    dtype = dtypes.pop() if len(dtypes) == 1 else np.dtype(float)  # nothing is left to be cast in each step
    settings = {name: Param(name, np.zeros((), dtype)) for name in optimizer.settings}
    updates = optimizer.updates({p: back.delta(p) for p in trained}, partial(_setting, optimizer, settings))
    state = [p for p in updates if p not in trained]
    program = compile([J], updates={**updates, **renewed([J])}, backend=backend, guard=True, threads=threads)
    schedules = {settings[name]: as_schedule(value) for name, value in optimizer.settings.items()}
    return TrainStep(program, state, schedules, _ranges(optimizer))


def _ranges(optimizer: object) -> dict[str, Range]:
    """What the settings may be, where the optimizer says it."""
    said = getattr(optimizer, "ranges", None)
    return {k: r for k, r in said.items() if isinstance(r, Range)} if isinstance(said, Mapping) else {}


def _check_optimizer(optimizer: Any) -> None:
    """Refuse what is no optimizer, or only a class of them."""
    missing = [name for name in ("settings", "updates") if not hasattr(optimizer, name)]
    if isinstance(optimizer, type) or missing:
        problem = f"the optimizer is {quoted(optimizer)}; expected sc.SGD(...), sc.Adam(...), or one like them"
        hint = [] if isinstance(optimizer, type) else [f"it has no {' and no '.join(missing)}: see sc.train.Optimizer"]
        raise DTypeError(message(problem, *hint, site=call_site()))
    if not isinstance(settings := optimizer.settings, Mapping):
        problem = f"the settings of {type(optimizer).__name__} are {quoted(settings)}"
        raise DTypeError(message(problem, "expected names and numbers or schedules: {'lr': 0.1}", site=call_site()))


def _as_params(params: Any) -> list[Param]:
    """The parameters that are to be trained, of which there must be some."""
    given = listed(params)
    wrong = [params] if given is None else [p for p in given if not isinstance(p, Param)]
    if given is None or wrong:
        problem = f"params is a list of parameters, got {quoted(wrong[0])}"
        raise DTypeError(message(problem, 'as in params=[J.param("conv1.W")]', site=call_site()))
    if not given:
        hint = "leave params out, and all that the loss depends on are trained"
        raise ArgumentError(message("params is empty: there is nothing to train", hint, site=call_site()))
    for param in given:
        if not param.trainable:
            raise ArgumentError(message("it was made with trainable=False, and cannot be trained", node=param))
    return given


def _setting(optimizer: Optimizer, settings: Mapping[str, Param], name: str) -> Node:
    """The node of a setting's current value: what an optimizer asks for by name."""
    if name in settings:
        return settings[name]
    problem = f"{type(optimizer).__name__} asks for the setting {quoted(name)}, which it does not have"
    hint = f"its settings are {', '.join(map(quoted, settings)) or 'empty'}: add it there"
    raise ArgumentError(message(problem, hint, site=call_site()))
