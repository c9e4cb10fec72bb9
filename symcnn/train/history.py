"""`History`: what happened in a training, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..show.notebook import bundle
from ..show.tables import Table
from ..text import plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data.

    Attributes
    ----------
    loss : float
        The mean loss over its batches, each before its update.
    seconds : float
        Of training, without the validation.
    validation : dict of str to float
        The loss and the metrics on the validation data, after the epoch.
    training : dict of str to float
        The metrics on the training data, after the epoch, where there are no validation data.
    """

    loss: float
    seconds: float
    validation: dict[str, float] = field(default_factory=dict)
    training: dict[str, float] = field(default_factory=dict)


@dataclass
class History:
    """The record of a training; prints as a table.

    Attributes
    ----------
    loss : list of float
        One number for each step.
    epochs : list of Epoch
    """

    loss: list[float] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)

    @property
    def validation(self) -> dict[str, float]:
        """The figures after the last epoch."""
        return self.epochs[-1].validation if self.epochs else {}

    @property
    def training(self) -> dict[str, float]:
        """The metrics on the training data after the last epoch, where there were no validation data."""
        return self.epochs[-1].training if self.epochs else {}

    @property
    def measured(self) -> list[str]:
        """The names of what was measured on the validation data, in any epoch."""
        return list(dict.fromkeys(name for epoch in self.epochs for name in epoch.validation))

    @property
    def table(self) -> Table:
        """The epochs in rows; an empty cell where something was not measured."""
        columns = self._columns(" ")
        rows = [
            [str(n), f"{e.loss:.4f}", *(_cell(column[n - 1]) for column in columns.values()), f"{e.seconds:.2f}"]
            for n, e in enumerate(self.epochs, start=1)
        ]
        return Table(["epoch", "loss", *columns, "seconds"], rows)

    def _columns(self, space: str) -> dict[str, list[float | None]]:
        """The figures by epoch, under their names."""
        trained = dict.fromkeys(name for epoch in self.epochs for name in epoch.training)
        columns = {name: [e.training.get(name) for e in self.epochs] for name in trained}
        return columns | {f"val{space}{name}": [e.validation.get(name) for e in self.epochs] for name in self.measured}

    def __str__(self) -> str:
        return str(self.table)

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "text/html", lambda: self.table.html)

    def plot(self, smooth: int | None = None) -> Figure:
        """The loss by step, and what was measured on the validation data by epoch; see `symcnn.plots.history`."""
        from ..plots import history

        return history(self, smooth)

    def csv(self) -> str:
        """The epochs as comma-separated text, with a line of names."""
        columns = {plain_text(name): figures for name, figures in self._columns("_").items()}
        lines = [",".join(["epoch", "loss", *columns, "seconds"])]
        for n, e in enumerate(self.epochs, start=1):
            numbers = [e.loss, *(column[n - 1] for column in columns.values()), e.seconds]
            lines.append(",".join([str(n), *("" if x is None else f"{x:.6g}" for x in numbers)]))
        return "\n".join(lines) + "\n"


def _cell(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.4f}"
