"""PyTorch as a peer; the engines are "eager", "channels_last" and "compile"."""

from __future__ import annotations

import os
import sys

import numpy as np
import torch
from networks import LEARNING_RATE, MOMENTUM, Conv, Dense, Network, Pool
from numpy.typing import NDArray
from protocol import serve
from torch import nn


class TorchTrainer:
    """The usual training loop's step, over tensors made beforehand."""

    def __init__(self, network: Network, batch: int, engine: str) -> None:
        torch._dynamo.reset()
        images, labels = network.data(batch)
        layout = torch.channels_last if engine == "channels_last" else torch.contiguous_format
        self.images = torch.from_numpy(images).to(memory_format=layout)
        self.labels = torch.from_numpy(labels)
        self.model = build(network).to(memory_format=layout)
        self.optimizer = torch.optim.SGD(self.model.parameters(), LEARNING_RATE, MOMENTUM, fused=True)
        self.loss = torch.compile(self._loss, dynamic=False) if engine == "compile" else self._loss

    def _loss(self) -> torch.Tensor:
        return nn.functional.cross_entropy(self.model(self.images), self.labels)

    def step(self) -> float:
        self.optimizer.zero_grad()
        loss = self.loss()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def parameters(self) -> list[NDArray[np.float32]]:
        return [p.detach().contiguous().numpy() for p in self.model.parameters()]


def build(network: Network) -> nn.Module:
    """The network as torch modules, with the first values that all peers share."""
    layers: list[nn.Module] = []
    for layer, before in zip(network.layers, network.shapes(), strict=False):
        if isinstance(layer, Conv):
            layers.append(nn.Conv2d(before[0], layer.filters, layer.size))
        elif isinstance(layer, Dense):
            layers += [nn.Flatten(), nn.Linear(int(np.prod(before)), layer.units)]
        elif isinstance(layer, Pool):
            layers.append(nn.AvgPool2d(2) if layer.mode == "mean" else nn.MaxPool2d(2))
        else:
            layers.append(nn.Sigmoid())
    model = nn.Sequential(*layers)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), network.parameters(), strict=True):
            parameter.copy_(torch.from_numpy(value))
    return model


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    serve(torch.__version__, lambda network, batch: TorchTrainer(network, batch, sys.argv[1]))
