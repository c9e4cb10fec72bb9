"""`History`: what happened in a training, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..graph.errors import plain_text
from ..notebook import bundle
from ..tables import Table

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
    """

    loss: float
    seconds: float
    validation: dict[str, float] = field(default_factory=dict)


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
    def measured(self) -> list[str]:
        """The names of what was measured on the validation data, in any epoch."""
        return list(dict.fromkeys(name for epoch in self.epochs for name in epoch.validation))

    @property
    def table(self) -> Table:
        """The epochs in rows; an empty cell where something was not measured."""
        rows = [
            [str(n), f"{e.loss:.4f}", *(_cell(e.validation.get(name)) for name in self.measured), f"{e.seconds:.2f}"]
            for n, e in enumerate(self.epochs, start=1)
        ]
        return Table(["epoch", "loss", *(f"val {name}" for name in self.measured), "seconds"], rows)

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
        names = self.measured
        lines = [",".join(["epoch", "loss", *(f"val_{plain_text(n)}" for n in names), "seconds"])]
        for n, e in enumerate(self.epochs, start=1):
            numbers = [e.loss, *(e.validation.get(name) for name in names), e.seconds]
            lines.append(",".join([str(n), *("" if x is None else f"{x:.6g}" for x in numbers)]))
        return "\n".join(lines) + "\n"


def _cell(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.4f}"
