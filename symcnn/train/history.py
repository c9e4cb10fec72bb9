"""`History`: what happened in a training, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field


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

    def __str__(self) -> str:
        names = list(self.validation)
        head = ["epoch", "loss", *(f"val {n}" for n in names), "seconds"]
        rows = [
            [str(n), f"{e.loss:.4f}", *(f"{e.validation[name]:.4f}" for name in names), f"{e.seconds:.2f}"]
            for n, e in enumerate(self.epochs, start=1)
        ]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        return "\n".join("  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in [head, *rows])

    def __repr__(self) -> str:
        return str(self)

    def csv(self) -> str:
        """The epochs as comma-separated text, with a line of names."""
        names = list(self.validation)
        lines = [",".join(["epoch", "loss", *(f"val_{n}" for n in names), "seconds"])]
        for n, e in enumerate(self.epochs, start=1):
            numbers = [e.loss, *(e.validation[name] for name in names), e.seconds]
            lines.append(",".join([str(n), *(f"{x:.6g}" for x in numbers)]))
        return "\n".join(lines) + "\n"
