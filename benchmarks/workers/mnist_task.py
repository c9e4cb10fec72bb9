"""What a job on MNIST is: the tutorial's three epochs, with the test digits evaluated after each. NumPy only.

Also how a job says what it did: one JSON object on stdout.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from protocol import peak

FILTERS, SIZE, CLASSES = 20, 9, 10
EPOCHS, BATCH, SEED = 3, 256, 0
STARTED = "BENCHMARK_JOB_STARTED"
"""The environment variable with the monotonic clock's seconds at which the process was started."""


def learning_rate(epoch: int) -> float:
    """0.1, and half of it after each epoch."""
    return 0.1 * 0.5**epoch


def momentum(step: int) -> float:
    """0.5 for the first 20 steps, then 0.95."""
    return 0.5 if step < 20 else 0.95


def first_values() -> list[NDArray[np.float32]]:
    """Filters, their biases, the dense layer's weights and biases: what symcnn's tutorial network starts from."""
    filters = 0.1 * np.random.default_rng(SEED).standard_normal((FILTERS, 1, SIZE, SIZE))
    inputs = FILTERS * ((28 - SIZE + 1) // 2) ** 2
    bound = np.sqrt(6 / (inputs + CLASSES + 1))
    weights = np.random.default_rng(SEED + 1).uniform(-bound, bound, (CLASSES, inputs))
    return [v.astype(np.float32) for v in (filters, np.zeros(FILTERS), weights, np.zeros(CLASSES))]


def orders(rows: int, epochs: int) -> list[NDArray[np.int64]]:
    """In which order each epoch takes the rows: as symcnn's `fit` does with this seed."""
    rng = np.random.default_rng(SEED)
    return [rng.permutation(rows) for _ in range(epochs)]


@dataclass
class Diary:
    """The seconds of each phase of a job, from the start of its process on."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=lambda: float(os.environ.get(STARTED, time.monotonic())))

    def done(self, phase: str, at: float | None = None) -> None:
        """The phase ends now, or at a time of the monotonic clock; the next one begins."""
        now = time.monotonic() if at is None else at
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self.last
        self.last = now

    def close(self, version: str, losses: list[float], accuracy: float) -> None:
        """Say what was done: the mean loss of each epoch, the share of test digits that are right at the end."""
        answer = {"version": version, "losses": losses, "accuracy": accuracy, "peak_bytes": peak()}
        json.dump(answer | {"phases": self.seconds}, sys.stdout)
