"""symcnn as a peer: the engine is the name of a backend."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from networks import LEARNING_RATE, MOMENTUM, Conv, Dense, Layer, Network, Pointwise, Pool, Residual
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


class Squareplus(sc.Node):
    """(z + sqrt(z^2 + 4)) / 2, element by element: a node type of a user's own."""

    z: sc.Node
    latex = r"\frac{{{z} + \sqrt{{{z}^2 + 4}}}}{{2}}"

    def forward(self, xp: Any, z: Any) -> Any:
        return (z + xp.sqrt(z * z + 4)) / 2

    def backward(self, delta: sc.Node) -> tuple[sc.Node]:
        return (delta * (1 + self.z / sc.sqrt(self.z * self.z + 4)) / 2,)


FUNCTIONS = {"sigmoid": sc.Sigmoid, "tanh": sc.Tanh, "relu": sc.Relu, "squareplus": Squareplus}


def build(network: Network) -> tuple[list[sc.Param], sc.Node]:
    """The parameters and the loss."""
    params: list[sc.Param] = []
    scores = applied(network.layers, sc.Input("x", (None, *network.image)), iter(network.parameters()), params)
    return params, sc.softmax_cross_entropy(scores, sc.Input("y", (None,), dtype="int64"))


def applied(
    layers: Sequence[Layer], value: sc.Node, first: Iterator[NDArray[np.float32]], params: list[sc.Param]
) -> sc.Node:
    """The value of the last layer; the parameters that it makes are added to `params`."""

    def made(mask: Any = None) -> sc.Param:
        params.append(sc.Param(f"p{len(params)}", next(first), mask))
        return params[-1]

    for layer in layers:
        match layer:
            case Conv():
                value = convolved(layer, value, made)
            case Dense():
                value = sc.Dense(sc.flatten(value), made(), made())
            case Pool(mode, size):
                value = sc.Pool(value, size, mode)
            case Pointwise(function):
                value = FUNCTIONS[function](value)
            case Residual(inside):
                value = value + applied(inside, value, first, params)
    return value


def convolved(layer: Conv, x: sc.Node, made: Callable[..., sc.Param]) -> sc.Node:
    """As `sc.conv` builds it, from given weights."""
    if layer.table is None:
        w: sc.Node = made()
    else:
        seen = layer.mask(x.shape[1])
        w = made(np.broadcast_to(seen, (layer.filters, x.shape[1], layer.size, layer.size))) * sc.Const(seen)
    return sc.subsample(sc.Conv(sc.pad(x, layer.pad), w, made()), layer.stride)


if __name__ == "__main__":
    serve(sc.__version__, lambda network, batch: SymcnnTrainer(network, batch, sys.argv[1]))
