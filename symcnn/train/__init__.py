"""Training: optimizers whose update is part of the graph, one compiled step, and `fit`."""

from __future__ import annotations

from . import schedules
from .fit import evaluate, fit
from .history import Epoch, History
from .optimizers import SGD, Adam, Optimizer
from .step import TrainStep, train_step

__all__ = ["SGD", "Adam", "Epoch", "History", "Optimizer", "TrainStep", "evaluate", "fit", "schedules", "train_step"]
