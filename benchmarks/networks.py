"""The networks that are timed, their first values and data, and the arithmetic of one step. NumPy only.

Every peer builds its network from these descriptions and starts from these numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Shape = tuple[int, ...]

CLASSES = 10
LEARNING_RATE, MOMENTUM = 0.01, 0.9


@dataclass(frozen=True)
class Conv:
    """`filters` square filters of `size`, each with a bias, over maps with `pad` zeros around them.

    With a `table`, the filter at each place sees only the channels that are listed there.
    """

    filters: int
    size: int
    stride: int = 1
    pad: int = 0
    table: tuple[tuple[int, ...], ...] | None = None

    def mask(self, channels: int) -> Array:
        """(filters, channels, 1, 1): 1 where a filter sees a channel, else 0."""
        seen = np.ones((self.filters, channels, 1, 1), np.float32)
        for row, listed in zip(seen, self.table or (), strict=False):
            row[[c for c in range(channels) if c not in listed]] = 0
        return seen


@dataclass(frozen=True)
class Pool:
    """The "mean" or the "max" of windows that do not overlap."""

    mode: str
    size: int = 2


@dataclass(frozen=True)
class Pointwise:
    """A function of each element: "sigmoid", "tanh", "relu" or "squareplus", (z + sqrt(z^2 + 4)) / 2.

    The last one is nobody's built-in: each peer writes it as its users would write a function of their own.
    """

    function: str


@dataclass(frozen=True)
class Dense:
    """A fully connected layer of `units` with biases; maps are flattened before it."""

    units: int


@dataclass(frozen=True)
class Residual:
    """x + f(x), where f are `layers` that keep the shape."""

    layers: tuple[Layer, ...]


Layer = Conv | Pool | Pointwise | Dense | Residual


@dataclass(frozen=True)
class Network:
    """Layers over images of (channels, height, width), ending in the mean softmax cross-entropy.

    `batches` are the sizes at which it is timed unless told otherwise.
    """

    name: str
    title: str
    image: tuple[int, int, int]
    layers: tuple[Layer, ...]
    batches: tuple[int, ...] = (1, 32, 256)

    def shapes(self) -> list[Shape]:
        """The shape of one image before the first layer and after each layer."""
        return [self.image, *(after for _, _, after in steps(self.layers, self.image))]

    def parameter_shapes(self) -> list[Shape]:
        """Weights and biases of each layer that has them, in order: (filters, channels, n, n), (units, inputs)."""
        return [shape for layer, before, _ in self._simple() for shape in own_shapes(layer, before)]

    def parameters(self, seed: int = 0) -> list[Array]:
        """The first values: uniform within 1 / sqrt(inputs of a unit), the same for all peers."""
        rng = np.random.default_rng(seed)
        values = []
        for layer, before, _ in self._simple():
            shapes = own_shapes(layer, before)
            bound = 1 / np.sqrt(prod(shapes[0][1:])) if shapes else 0
            values += [rng.uniform(-bound, bound, shape).astype(np.float32) for shape in shapes]
            if isinstance(layer, Conv):
                values[-2] *= layer.mask(before[0])
        return values

    def data(self, batch: int, seed: int = 1) -> tuple[Array, NDArray[np.int64]]:
        """`batch` images of uniform noise from 0 to 1, and labels."""
        rng = np.random.default_rng(seed)
        images = rng.random((batch, *self.image), dtype=np.float32)
        return images, rng.integers(0, CLASSES, batch)

    def flops(self, batch: int) -> int:
        """Additions and multiplications of the convolutions and dense layers in one training step.

        Forward, the gradient of the weights and the error of the input cost the same each; the first layer needs
        no error of its input. What a table leaves out, and what a stride skips, is not counted.
        """
        total = 0
        for n, (layer, before, after) in enumerate(self._simple()):
            passes = 2 if n == 0 else 3
            if isinstance(layer, Conv):
                connections = int(layer.mask(before[0]).sum())
                total += passes * 2 * connections * layer.size**2 * prod(after[1:])
            elif isinstance(layer, Dense):
                total += passes * 2 * prod(before) * layer.units
        return batch * total

    def _simple(self) -> Iterator[tuple[Layer, Shape, Shape]]:
        """The layers with their shapes; in the place of a residual, the layers in it."""
        todo = list(steps(self.layers, self.image))[::-1]
        while todo:
            layer, before, after = todo.pop()
            if isinstance(layer, Residual):
                todo += list(steps(layer.layers, before))[::-1]
            else:
                yield layer, before, after


def steps(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[Layer, Shape, Shape]]:
    """Each layer, with the shape of one image before and after it."""
    for layer in layers:
        before, shape = shape, _shape_after(layer, shape)
        yield layer, before, shape


def own_shapes(layer: Layer, before: Shape) -> list[Shape]:
    """The shapes of the layer's own weights and biases."""
    match layer:
        case Conv(filters, size):
            return [(filters, before[0], size, size), (filters,)]
        case Dense(units):
            return [(units, prod(before)), (units,)]
    return []


def _shape_after(layer: Layer, shape: Shape) -> Shape:
    match layer:
        case Conv(filters, size, stride, pad):
            return filters, *(1 + (side + 2 * pad - size) // stride for side in shape[1:])
        case Pool(_, size):
            return shape[0], *(side // size for side in shape[1:])
        case Dense(units):
            return (units,)
    return shape


_MEAN, _MAX, _OUT = Pool("mean"), Pool("max"), Dense(CLASSES)
_SIGMOID, _TANH, _RELU, _SQUAREPLUS = (Pointwise(f) for f in ("sigmoid", "tanh", "relu", "squareplus"))
_C3 = (
    *((f % 6, (f + 1) % 6, (f + 2) % 6) for f in range(6)),
    *(tuple(sorted((f + k) % 6 for k in range(4))) for f in range(6)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    tuple(range(6)),
)
"""LeNet-5's third layer: which maps of the second each of its 16 maps sees."""
_OTHERS = (64,)

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
        Network(
            "M1",
            "three convolutions with borders",
            (3, 32, 32),
            (
                *(Conv(16, 3, pad=1), _RELU, _MAX, Conv(32, 3, pad=1), _RELU, _MAX),
                *(Conv(64, 3, pad=1), _RELU, _MAX, _OUT),
            ),
            _OTHERS,
        ),
        Network(
            "M2",
            "LeNet-5 with its table",
            (1, 32, 32),
            (
                *(Conv(6, 5), _TANH, _MEAN, Conv(16, 5, table=_C3), _TANH, _MEAN),
                *(Conv(120, 5), _TANH, Dense(84), _TANH, _OUT),
            ),
            _OTHERS,
        ),
        Network(
            "M3",
            "strides instead of pools",
            (1, 28, 28),
            (Conv(16, 5, stride=2, pad=2), _RELU, Conv(32, 3, stride=2, pad=1), _RELU, Dense(64), _RELU, _OUT),
            _OTHERS,
        ),
        Network(
            "M4",
            "large images",
            (3, 64, 64),
            (Conv(16, 5), _RELU, _MAX, Conv(32, 3), _RELU, _MAX, _OUT),
            _OTHERS,
        ),
        Network(
            "M5",
            "a function of one's own",
            (1, 28, 28),
            (Conv(12, 5), _SQUAREPLUS, Pool("max", 3), Conv(24, 3), _SQUAREPLUS, _MEAN, _OUT),
            _OTHERS,
        ),
        Network(
            "M6",
            "a residual branch",
            (1, 28, 28),
            (
                *(Conv(16, 3, pad=1), _RELU, _MAX),
                *(Residual((Conv(16, 3, pad=1), _RELU, Conv(16, 3, pad=1))), _RELU, _MEAN, _OUT),
            ),
            _OTHERS,
        ),
    )
}
