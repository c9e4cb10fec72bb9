"""`train_step`: forward, backward and update in one compiled program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..backprop import backprop
from ..engine.profile import Profile
from ..engine.program import Program, compile
from ..graph.errors import DTypeError, GradientError, call_site, explain, quoted, shown
from ..graph.leaves import Param
from ..graph.node import Node
from .optimizers import Optimizer
from .schedules import Schedule, as_schedule


class TrainStep:
    """One step of training: call it with a batch, and it returns the loss before the update.

    Make one with `symcnn.train_step`.

    Attributes
    ----------
    program : Program
        Computes the loss and the new values of parameters and state.
    state : list of Param
        The optimizer's velocities and moments.
    iteration, epoch : int
        How many steps have been made, and which epoch the schedules are told; `fit` counts it up.
    """

    def __init__(self, program: Program, state: list[Param], settings: dict[Param, Schedule]) -> None:
        self.program = program
        self.state = state
        self.iteration = 0
        self.epoch = 0
        self._settings = settings
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
            given = schedule(self.iteration, self.epoch)
            try:
                value = float(given)
            except (TypeError, ValueError, OverflowError):
                problem = f"the schedule of {shown(param.name)} gave {quoted(given)}; expected a number"
                raise DTypeError(explain(problem, f"it was asked for iteration {self.iteration}")) from None
            if self._written.get(param) != (value, param.value.item()):
                with np.errstate(all="ignore"):  # what is too large makes infinite parameters, and these are an error
                    param.value[...] = value
                self._written[param] = value, param.value.item()

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
    """Compile one step of training: forward, backward and the update of the parameters.

    Parameters
    ----------
    J : Node
        The loss, a scalar.
    optimizer : Optimizer
        `symcnn.SGD`, `symcnn.Adam`, or anything with their two methods.
    params : sequence of Param, optional
        What is trained; all parameters of J unless told.
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
    if not hasattr(optimizer, "updates") or isinstance(optimizer, type):
        problem = f"the optimizer is {quoted(optimizer)}; expected sc.SGD(...), sc.Adam(...), or one like them"
        raise DTypeError(explain(problem, site=call_site()))
    back = backprop(J)
    trained = list(back.grads) if params is None else list(params)
    if not trained:
        raise GradientError(explain("the loss depends on no parameter: there is nothing to train", node=J))
    dtypes = {p.dtype for p in trained}
    dtype = dtypes.pop() if len(dtypes) == 1 else np.dtype(float)  # nothing is left to be cast in each step
    settings = {name: Param(name, np.zeros((), dtype)) for name in optimizer.settings}
    updates = optimizer.updates({p: back.delta(p) for p in trained}, settings.__getitem__)
    program = compile([J], updates=updates, backend=backend, guard=True, threads=threads)
    state = [p for p in updates if p not in trained]
    schedules = {settings[name]: as_schedule(value) for name, value in optimizer.settings.items()}
    return TrainStep(program, state, schedules)
