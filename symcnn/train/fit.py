"""`fit`: epochs of steps over shuffled data, with validation and a progress bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..engine.program import Program, compile
from ..graph.apart import load
from ..graph.arguments import flag, positive_int
from ..graph.errors import ArgumentError, DTypeError, FeedError, ShapeError, SpeedWarning, call_site, message, warn
from ..graph.leaves import Input, as_numbers
from ..graph.node import Node
from ..nodes.in_training import inference
from ..nodes.weights import generator
from ..text import quoted
from .history import Epoch, History
from .optimizers import Adam, Optimizer
from .step import TrainStep, train_step

Data = dict[str, NDArray[Any]]


def fit(
    J: Node,
    data: Mapping[str, ArrayLike],
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 1,
    batch: int = 32,
    shuffle: bool = True,
    seed: int = 0,
    validation: Mapping[str, ArrayLike] | None = None,
    metrics: Mapping[str, Node] | None = None,
    watch: Callable[[int, int], None] | None = None,
    progress: bool | None = None,
    backend: str = "auto",
    threads: int | None = None,
) -> History:
    """Train the parameters of `J` on `data`.

    Parameters
    ----------
    J : Node
        The loss: a scalar, the mean over the batch.
    data : mapping
        An array for each input, all with the same number of rows.
    optimizer : Optimizer
        ``Adam()`` unless told.
    epochs : int
        How many passes over the data.
    batch : int
        Rows a step; the last batch of an epoch may have fewer.
    shuffle : bool
        Whether each epoch takes the rows in a new order.
    seed : int
        Of the shuffling: the same seed gives the same bits.
    validation : mapping, optional
        Data on which the loss and the metrics are computed after each epoch, by the graph that predicts: see
        `symcnn.inference`.
    metrics : {name: Node}, optional
        Scalars, means over the batch, like `symcnn.accuracy`: computed after each epoch on the validation data, or,
        where there are none, on the training data.
    watch : callable, optional
        Called with the number of steps done and of all steps: before the first, and after each. A
        `symcnn.Recorder` keeps some of these moments for a page.
    progress : bool, optional
        Whether to show a bar; unless told, only at a terminal.
    backend, threads
        As for `symcnn.compile`.

    Returns
    -------
    History
        The loss of each step, and a record of each epoch. The parameters hold what was learned.

    Raises
    ------
    NonFiniteError
        When the loss becomes NaN or infinite, with the node that made it first.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, t = sc.Input("x", (None, 1)), sc.Input("t", (None, 1))
    >>> J = sc.squared_error(sc.dense(x, 1, seed=0), t)
    >>> rows = [[0], [1], [2], [3]]
    >>> history = sc.fit(J, dict(x=rows, t=[[1], [3], [5], [7]]), epochs=200, batch=2, optimizer=sc.SGD(lr=0.1))
    >>> [round(float(p.value.item()), 3) for p in J.params]
    [2.0, 1.0]
    """
    positive_int(epochs, "epochs")
    positive_int(batch, "batch")
    shuffle = flag(shuffle, "shuffle")
    arrays = _rows(data)
    rows = len(next(iter(arrays.values())))
    if rows == 0:
        raise FeedError(message("there is no row to train on", site=call_site()))
    step = train_step(J, Adam() if optimizer is None else optimizer, backend=backend, threads=threads)
    _check_axes(step.program)
    _warn(step.program, min(batch, rows))
    measure = _measured(J, metrics, validation)
    judge = compile(_measures(measure), backend=backend, threads=threads) if measure else None
    held = _taken(judge, data if validation is None else validation) if judge is not None else {}
    rng = generator(seed, "fit")
    history = History()
    steps = epochs * -(-rows // batch)
    watched = _watched(watch, steps)
    with _bar(steps, progress) as bar:
        watched(0)
        for epoch in range(epochs):
            step.epoch = epoch
            order = rng.permutation(rows) if shuffle else np.arange(rows)
            loss, seconds = _one_epoch(step, arrays, order, batch, history, bar, watched)
            figures = {} if judge is None else dict(zip(measure, _means(judge, held, 500), strict=True))
            history.epochs.append(Epoch(loss, seconds, *(({}, figures) if validation is None else (figures, {}))))
            before = "" if validation is None else "val "
            shown = {f"{before}{name}": f"{value:.4f}" for name, value in figures.items()}
            bar.set_postfix({"loss": f"{loss:.4f}", **shown})
    return history


def _check_axes(program: Program) -> None:
    """Refuse inputs of which the examples are not rows: what is taken of the data are rows."""
    for node in program.inputs:
        if None in node.shape[1:]:
            problem = f"the batch is on axis {node.shape.index(None)}; the data are taken along the first one"
            raise ShapeError(message(problem, "declare it as (None, ...), and turn it: sc.transpose(x)", node=node))


def _warn(program: Program, batch: int) -> None:
    """Say at the caller's line that native code does little of the work, where a declaration is to blame."""
    if told := program.advice(batch):
        warn(SpeedWarning, f"fit: {told}", "report() of the program tells all")


def _one_epoch(
    step: TrainStep,
    arrays: Data,
    order: NDArray[np.intp],
    batch: int,
    history: History,
    bar: Any,
    watched: Callable[[int], None],
) -> tuple[float, float]:
    """All steps of one epoch; the mean loss of its rows, and the seconds."""
    start, total = time.perf_counter(), 0.0
    space = {name: np.empty((min(batch, len(order)), *a.shape[1:]), a.dtype) for name, a in arrays.items()}
    for first in range(0, len(order), batch):
        chosen = order[first : first + batch]
        loss = step({name: _gathered(array, chosen, space[name]) for name, array in arrays.items()})
        history.loss.append(loss)
        total += loss * len(chosen)
        bar.update()
        watched(len(history.loss))
    return total / len(order), time.perf_counter() - start


def _gathered(array: NDArray[Any], chosen: NDArray[np.intp], space: NDArray[Any]) -> NDArray[Any]:
    """The chosen rows, in memory that serves all batches: new memory for each costs more than the copying."""
    return array.take(chosen, axis=0, out=space[: len(chosen)], mode="clip")  # another mode copies twice


def _watched(watch: Callable[[int, int], None] | None, steps: int) -> Callable[[int], None]:
    """What is called with the number of steps done."""
    if watch is None:
        return lambda done: None
    if not callable(watch):
        problem = f"watch is {quoted(watch)}; expected a function of the steps done and all steps, or a Recorder"
        raise DTypeError(message(problem, site=call_site()))
    return lambda done: watch(done, steps)


def evaluate(
    nodes: Mapping[str, Node],
    data: Mapping[str, ArrayLike],
    *,
    batch: int = 500,
    backend: str = "auto",
    threads: int | None = None,
) -> dict[str, float]:
    """The means of scalar nodes over `data`, computed in batches by the graph that predicts: see `symcnn.inference`.

    Parameters
    ----------
    nodes : {name: Node}
        Scalars, each a mean over the batch.
    data : mapping
        An array for each input.
    batch : int
        Rows at a time.
    backend, threads
        As for `symcnn.compile`.

    Returns
    -------
    dict of str to float
    """
    program = compile(_measures(nodes), backend=backend, threads=threads)
    return dict(zip(nodes, _means(program, _taken(program, data), positive_int(batch, "batch")), strict=True))


def _measured(J: Node, metrics: Mapping[str, Node] | None, validation: object) -> dict[str, Node]:
    """What is computed after each epoch: the metrics, and on validation data the loss, too."""
    named = {} if metrics is None else dict(_named(metrics))
    if "loss" in named:
        problem = "a metric is named 'loss'; that is the name of the loss itself"
        raise ArgumentError(message(problem, "choose another name", site=call_site()))
    return named if validation is None else {"loss": J, **named}


def _named(nodes: Mapping[str, Node]) -> Mapping[str, Node]:
    """`nodes`, which must be a mapping from names to nodes."""
    if isinstance(nodes, Mapping) and all(isinstance(k, str) and isinstance(n, Node) for k, n in nodes.items()):
        return nodes
    problem = f"what is to be measured is {quoted(nodes)}; expected names and nodes: {{'accuracy': node}}"
    raise DTypeError(message(problem, site=call_site()))


def _measures(nodes: Mapping[str, Node]) -> list[Node]:
    """The nodes, which must be scalars, as they predict."""
    for name, node in _named(nodes).items():
        if node.shape != ():
            problem = f"{name!r} has shape {node.shape}; what is measured must be a scalar, a mean over the batch"
            raise ShapeError(message(problem, node=node))
    return inference(list(nodes.values()))


def _means(program: Program, arrays: Data, batch: int) -> list[float]:
    rows = len(next(iter(arrays.values()), (None,)))  # what reads no input is measured once
    sums = np.zeros(len(program.plan.asked))
    for first in range(0, rows, batch):
        part = {name: array[first : first + batch] for name, array in arrays.items()}
        size = min(batch, rows - first)
        sums += size * np.array([float(value) for value in program(part)])
    return [float(total) / rows for total in sums]


def _taken(program: Program, data: Mapping[str, ArrayLike]) -> Data:
    """What `program` takes of `data`, looked at before anything is computed."""
    _check_axes(program)
    arrays = _rows(data)
    known = {node.name for node in (*program.inputs, *program.plan.optional)}
    taken = {name: array for name, array in arrays.items() if name in known}
    program.plan.collect(taken, {})
    if not len(next(iter(arrays.values()))):
        raise FeedError(message("there is no row to measure", site=call_site()))
    return taken


def _rows(data: Mapping[str, ArrayLike]) -> Data:
    """The arrays of `data`, which must agree on their number of rows."""
    if not isinstance(data, Mapping):
        problem = f"the data are a {type(data).__name__}; expected a mapping: dict(x=images, y=labels)"
        raise DTypeError(message(problem, site=call_site()))
    named = {key.name if isinstance(key, Input) else key: value for key, value in data.items()}
    if len(named) < len(data) or not all(isinstance(name, str) for name in named):
        problem = f"the data are named {', '.join(map(quoted, data))}; expected one name, or Input, for each array"
        raise DTypeError(message(problem, site=call_site()))
    arrays = {name: as_numbers(value, f"the data for {name!r}") for name, value in named.items()}
    sizes = {name: (a.shape[0] if a.ndim else None) for name, a in arrays.items()}
    if len(set(sizes.values())) != 1 or None in sizes.values():
        listed = ", ".join(f"{name} has {size}" for name, size in sizes.items()) or "nothing was given"
        raise FeedError(message(f"the data must be arrays with the same number of rows: {listed}", site=call_site()))
    return arrays


class _NoBar(AbstractContextManager[Any]):
    """What nobody sees; tqdm, whose locks a forked process may find closed, is not asked for it."""

    def update(self) -> None:
        pass

    def set_postfix(self, figures: Mapping[str, str]) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def _bar(total: int, progress: bool | None) -> Any:
    in_notebook = "ipykernel" in sys.modules
    seen = in_notebook or (sys.stderr is not None and sys.stderr.isatty()) if progress is None else progress
    if not seen:
        return _NoBar()
    # what tqdm.auto imports takes longer than a small training; without ipywidgets it warns
    tqdm = load("tqdm.auto" if in_notebook and find_spec("ipywidgets") is not None else "tqdm.std").tqdm
    return tqdm(total=total, unit="step", leave=False, disable=None if progress is None else not progress)
