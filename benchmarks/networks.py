"""The networks that are timed, their first values and data, and the arithmetic of one step. NumPy only.

Every peer builds its network from these descriptions and starts from these numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

CLASSES = 10
LEARNING_RATE, MOMENTUM = 0.01, 0.9


@dataclass(frozen=True)
class Conv:
    """`filters` square filters of `size`, each with a bias; stride 1, no border."""

    filters: int
    size: int


@dataclass(frozen=True)
class Pool:
    """The "mean" or the "max" of windows of 2x2."""

    mode: str


@dataclass(frozen=True)
class Sigmoid:
    """1 / (1 + e^-z)."""


@dataclass(frozen=True)
class Dense:
    """A fully connected layer of `units` with biases; maps are flattened before it."""

    units: int


Layer = Conv | Pool | Sigmoid | Dense


@dataclass(frozen=True)
class Network:
    """Layers over images of (channels, height, width), ending in the mean softmax cross-entropy."""

    name: str
    title: str
    image: tuple[int, int, int]
    layers: tuple[Layer, ...]

    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of one image before the first layer and after each layer."""
        shapes: list[tuple[int, ...]] = [self.image]
        for layer in self.layers:
            shapes.append(_shape_after(layer, shapes[-1]))
        return shapes

    def parameter_shapes(self) -> list[tuple[int, ...]]:
        """Weights and biases of each layer that has them, in order: (filters, channels, n, n), (units, inputs)."""
        found: list[tuple[int, ...]] = []
        for layer, before in zip(self.layers, self.shapes(), strict=False):
            if isinstance(layer, Conv):
                found += [(layer.filters, before[0], layer.size, layer.size), (layer.filters,)]
            elif isinstance(layer, Dense):
                found += [(layer.units, int(np.prod(before))), (layer.units,)]
        return found

    def parameters(self, seed: int = 0) -> list[Array]:
        """The first values: uniform within 1 / sqrt(inputs of a unit), the same for all peers."""
        rng = np.random.default_rng(seed)
        values, shapes = [], self.parameter_shapes()
        for weights, biases in zip(shapes[::2], shapes[1::2], strict=True):
            bound = 1 / np.sqrt(np.prod(weights[1:]))
            values += [rng.uniform(-bound, bound, shape).astype(np.float32) for shape in (weights, biases)]
        return values

    def data(self, batch: int, seed: int = 1) -> tuple[Array, NDArray[np.int64]]:
        """`batch` images of uniform noise from 0 to 1, and labels."""
        rng = np.random.default_rng(seed)
        images = rng.random((batch, *self.image), dtype=np.float32)
        return images, rng.integers(0, CLASSES, batch)

    def flops(self, batch: int) -> int:
        """Additions and multiplications of the convolutions and dense layers in one training step.

        Forward, the gradient of the weights and the error of the input cost the same each; the first layer needs
        no error of its input.
        """
        total, shapes = 0, self.shapes()
        for n, (layer, before, after) in enumerate(zip(self.layers, shapes[:-1], shapes[1:], strict=True)):
            passes = 2 if n == 0 else 3
            if isinstance(layer, Conv):
                total += passes * 2 * before[0] * layer.size**2 * int(np.prod(after))
            elif isinstance(layer, Dense):
                total += passes * 2 * int(np.prod(before)) * layer.units
        return batch * total


def _shape_after(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    match layer:
        case Conv(filters, size):
            return filters, shape[1] - size + 1, shape[2] - size + 1
        case Pool():
            return shape[0], shape[1] // 2, shape[2] // 2
        case Dense(units):
            return (units,)
    return shape


_MEAN, _MAX, _SIGMOID, _OUT = Pool("mean"), Pool("max"), Sigmoid(), Dense(CLASSES)

NETWORKS = {
    net.name: net
    for net in (
        Network("N1", "the tutorial's", (1, 28, 28), (Conv(20, 9), _SIGMOID, _MEAN, _OUT)),
        Network(
            "N2",
            "like LeNet-5",
            (1, 32, 32),
            (
                *(Conv(6, 5), _SIGMOID, _MEAN, Conv(16, 5), _SIGMOID, _MEAN),
                *(Dense(120), _SIGMOID, Dense(84), _SIGMOID, _OUT),
            ),
        ),
        Network("N3", "wider, RGB", (3, 32, 32), (Conv(32, 5), _MAX, _SIGMOID, Conv(64, 5), _MAX, _SIGMOID, _OUT)),
    )
}
