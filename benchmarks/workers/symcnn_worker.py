"""symcnn as a peer: the engine is the name of a backend."""

from __future__ import annotations

import sys

import numpy as np
from networks import LEARNING_RATE, MOMENTUM, Conv, Dense, Network, Pool
from numpy.typing import NDArray
from protocol import serve

import symcnn as sc


class SymcnnTrainer:
    """One compiled program: forward, backward, update."""

    def __init__(self, network: Network, batch: int, backend: str) -> None:
        self.images, self.labels = network.data(batch)
        self.params, loss = build(network)
        self.run = sc.train_step(loss, sc.SGD(lr=LEARNING_RATE, momentum=MOMENTUM), backend=backend)

    def step(self) -> float:
        return self.run(x=self.images, y=self.labels)

    def parameters(self) -> list[NDArray[np.float32]]:
        return [p.value for p in self.params]


def build(network: Network) -> tuple[list[sc.Param], sc.Node]:
    """The parameters and the loss."""
    params = [sc.Param(f"p{n}", value) for n, value in enumerate(network.parameters())]
    left = iter(params)
    value: sc.Node = sc.Input("x", (None, *network.image))
    for layer in network.layers:
        if isinstance(layer, Conv):
            value = sc.Conv(value, next(left), next(left))
        elif isinstance(layer, Dense):
            value = sc.Dense(sc.flatten(value), next(left), next(left))
        else:
            value = sc.Pool(value, 2, layer.mode) if isinstance(layer, Pool) else sc.Sigmoid(value)
    return params, sc.softmax_cross_entropy(value, sc.Input("y", (None,), dtype="int64"))


if __name__ == "__main__":
    serve(sc.__version__, lambda network, batch: SymcnnTrainer(network, batch, sys.argv[1]))
