"""The job on MNIST with PyTorch: `mnist_torch.py ENGINE DATA EPOCHS`; engines as in `torch_worker`."""

from __future__ import annotations

import os
import sys

import numpy as np
import torch
from mnist_task import BATCH, CLASSES, FILTERS, SIZE, Diary, first_values, learning_rate, momentum, orders
from torch import nn
from torch.nn.functional import cross_entropy

EVALUATED = 1000
"""How many images are evaluated at a time: the values of all at once would need three times the memory."""


class Job:
    """The data as tensors, the model and its optimizer."""

    def __init__(self, engine: str, data: str) -> None:
        layout = torch.channels_last if engine == "channels_last" else torch.contiguous_format
        with np.load(data) as archive:
            images = [torch.from_numpy(archive[f"x_{part}"])[:, None].float().div_(255) for part in ("train", "test")]
            self.y, self.y_test = (torch.from_numpy(archive[f"y_{part}"]).long() for part in ("train", "test"))
        self.x, self.x_test = (x.to(memory_format=layout) for x in images)
        side = (28 - SIZE + 1) // 2
        self.model = nn.Sequential(
            nn.Conv2d(1, FILTERS, SIZE),
            nn.Sigmoid(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(FILTERS * side * side, CLASSES),
        )
        with torch.no_grad():
            for parameter, value in zip(self.model.parameters(), first_values(), strict=True):
                parameter.copy_(torch.from_numpy(value))
        self.model = self.model.to(memory_format=layout)
        self.loss = torch.compile(self._loss, dynamic=False) if engine == "compile" else self._loss
        self.optimizer = torch.optim.SGD(self.model.parameters(), learning_rate(0), momentum(0), fused=True)
        self.steps = 0

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return cross_entropy(self.model(x), y)

    def step(self, chosen: torch.Tensor, epoch: int) -> float:
        """One step on the chosen rows; the loss before it."""
        for group in self.optimizer.param_groups:
            group["lr"], group["momentum"] = learning_rate(epoch), momentum(self.steps)
        self.optimizer.zero_grad()
        loss = self.loss(self.x[chosen], self.y[chosen])
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        return loss.item()

    @torch.inference_mode()
    def evaluate(self) -> tuple[float, float]:
        """The mean loss and the accuracy on the test digits."""
        loss = right = 0.0
        for x, y in zip(self.x_test.split(EVALUATED), self.y_test.split(EVALUATED), strict=True):
            scores = self.model(x)
            loss += cross_entropy(scores, y, reduction="sum").item()
            right += (scores.argmax(dim=1) == y).sum().item()
        return loss / len(self.y_test), right / len(self.y_test)


def main(engine: str, data: str, epochs: int) -> None:
    """The usual loop: tensors in memory, rows chosen by an index."""
    diary = Diary()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    diary.done("import")
    job = Job(engine, data)
    diary.done("load")
    losses, accuracy = [], 0.0
    for epoch, order in enumerate(orders(len(job.y), epochs)):
        total = 0.0
        for chosen in torch.from_numpy(order).split(BATCH):
            total += len(chosen) * job.step(chosen, epoch)
            diary.done("compile" if job.steps == 1 else "training")
        losses.append(total / len(order))
        _, accuracy = job.evaluate()
        diary.done("evaluation")
    diary.close(torch.__version__, losses, accuracy)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
