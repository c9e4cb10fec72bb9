"""PyTorch as a peer; the engines are "eager", "channels_last" and "compile"."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
import torch
from networks import LEARNING_RATE, MOMENTUM, Conv, Dense, Layer, Network, Pointwise, Pool, Residual, Shape, steps
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


class TableConv2d(nn.Conv2d):
    """Filters that see only some of the channels: the other weights are 0, and stay 0."""

    def __init__(self, channels: int, layer: Conv) -> None:
        super().__init__(channels, layer.filters, layer.size, layer.stride, layer.pad)
        self.register_buffer("mask", torch.from_numpy(layer.mask(channels)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._conv_forward(x, self.weight * self.mask, self.bias)


class Plus(nn.Sequential):
    """x + f(x)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + super().forward(x)


class Squareplus(nn.Module):
    """(z + sqrt(z^2 + 4)) / 2."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return (z + torch.sqrt(z * z + 4)) / 2


FUNCTIONS = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": lambda: nn.ReLU(inplace=True),
    "squareplus": Squareplus,
}


def build(network: Network) -> nn.Module:
    """The network as torch modules, with the first values that all peers share."""
    model = nn.Sequential(*modules(network.layers, network.image))
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), network.parameters(), strict=True):
            parameter.copy_(torch.from_numpy(value))
    return model


def modules(layers: Sequence[Layer], shape: Shape) -> Iterator[nn.Module]:
    """The modules of `layers`, the first of which gets images of `shape`."""
    for layer, before, _ in steps(layers, shape):
        match layer:
            case Conv(filters, size, stride, pad, table):
                yield TableConv2d(before[0], layer) if table else nn.Conv2d(before[0], filters, size, stride, pad)
            case Dense(units):
                yield nn.Flatten()
                yield nn.Linear(prod(before), units)
            case Pool(mode, size):
                yield nn.AvgPool2d(size) if mode == "mean" else nn.MaxPool2d(size)
            case Pointwise(function):
                yield FUNCTIONS[function]()
            case Residual(inside):
                yield Plus(*modules(inside, before))


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    serve(torch.__version__, lambda network, batch: TorchTrainer(network, batch, sys.argv[1]))
