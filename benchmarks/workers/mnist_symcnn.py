"""The job on MNIST with symcnn: `mnist_symcnn.py BACKEND DATA EPOCHS`."""

from __future__ import annotations

import sys
import time

from mnist_task import BATCH, SEED, Diary

import symcnn as sc
from symcnn.train import schedules
from symcnn.tutorial import tutorial_network, tutorial_optimizer


def main(backend: str, data: str, epochs: int) -> None:
    """What `symcnn train` does, with the time of each phase."""
    diary = Diary()
    diary.done("import")
    digits = sc.data.mnist(data, "uint8")
    diary.done("load")
    network = tutorial_network(seed=SEED, dtype="uint8")
    moments: list[float] = []
    history = sc.fit(
        network.J,
        digits.train,
        optimizer=tutorial_optimizer(schedules.by_epoch(0.1, 0.5)),
        epochs=epochs,
        batch=BATCH,
        seed=SEED,
        validation=digits.test,
        metrics={"accuracy": network.accuracy},
        watch=lambda done, steps: moments.append(time.monotonic()),
        backend=backend,
    )
    diary.done("compile", at=moments[1])  # the first step compiles
    training = sum(epoch.seconds for epoch in history.epochs) - (moments[1] - moments[0])
    diary.done("training", at=moments[1] + training)
    diary.done("evaluation")
    diary.close(sc.__version__, [epoch.loss for epoch in history.epochs], history.validation["accuracy"])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
