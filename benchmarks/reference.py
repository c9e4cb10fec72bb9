"""The same training steps, written out in plain NumPy and float64: what every peer's results are held against.

It shares no code with symcnn, and is slow and short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from networks import LEARNING_RATE, MOMENTUM, Conv, Dense, Layer, Network, Pointwise, Pool, Residual
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]


def train(network: Network, batch: int, steps: int) -> tuple[list[float], list[Array]]:
    """The loss before each of `steps` steps of SGD with momentum, and the parameters after them."""
    images, labels = network.data(batch)
    x = images.astype(np.float64)
    parameters = [p.astype(np.float64) for p in network.parameters()]
    velocities = [np.zeros_like(p) for p in parameters]
    losses = []
    for _ in range(steps):
        loss, gradients = loss_and_gradients(network, parameters, x, labels)
        losses.append(loss)
        for p, v, g in zip(parameters, velocities, gradients, strict=True):
            v[...] = MOMENTUM * v + g
            p -= LEARNING_RATE * v
    return losses, parameters


def loss_and_gradients(
    network: Network, parameters: list[Array], x: Array, labels: NDArray[np.int64]
) -> tuple[float, list[Array]]:
    """The mean cross-entropy, and its gradient for each parameter."""
    value, tape = run(network.layers, x, iter(parameters))
    scores = value - value.max(axis=1, keepdims=True)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = float(-np.log(probabilities[rows, labels]).mean())
    probabilities[rows, labels] -= 1
    _, gradients = back(tape, probabilities / len(labels))
    return loss, gradients


@dataclass
class Record:
    """A layer that was run: its input and value, and its own weights and biases, or the records of what is in it."""

    layer: Layer
    x: Array
    value: Array
    own: tuple[Array, ...] = ()
    inside: list[Record] = field(default_factory=list)


def run(layers: Sequence[Layer], x: Array, parameters: Iterator[Array]) -> tuple[Array, list[Record]]:
    """The value of the last layer, and what is needed to go back."""
    tape = []
    for layer in layers:
        if isinstance(layer, Residual):
            branch, inside = run(layer.layers, x, parameters)
            tape.append(Record(layer, x, x + branch, inside=inside))
        else:
            own = (next(parameters), next(parameters)) if isinstance(layer, Conv | Dense) else ()
            tape.append(Record(layer, x, forward(layer, x, own), own))
        x = tape[-1].value
    return x, tape


def back(tape: list[Record], delta: Array) -> tuple[Array, list[Array]]:
    """The error of the first layer's input, and the gradients of all parameters, in their order."""
    gradients: list[Array] = []
    for record in reversed(tape):
        if isinstance(record.layer, Residual):
            branch, found = back(record.inside, delta)
            delta = delta + branch
        else:
            delta, found = backward(record.layer, record.x, record.value, record.own, delta)
        gradients[:0] = found
    return delta, gradients


def forward(layer: Layer, x: Array, own: tuple[Array, ...]) -> Array:
    """The value of a layer that is no residual."""
    match layer:
        case Conv(_, size, stride, pad):
            w, b = own
            seen = _windows(_bordered(x, pad), size)[:, :, ::stride, ::stride]
            return np.tensordot(seen, w, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2) + b[:, None, None]
        case Dense():
            w, b = own
            return x.reshape(len(x), -1) @ w.T + b
        case Pool(mode, size):
            return _corners(x, size).mean(axis=0) if mode == "mean" else _corners(x, size).max(axis=0)
        case Pointwise("sigmoid"):
            return 1 / (1 + np.exp(-x))
        case Pointwise("tanh"):
            return np.tanh(x)
        case Pointwise("relu"):
            return np.maximum(x, 0)
        case Pointwise("squareplus"):
            return (x + np.sqrt(x**2 + 4)) / 2
    raise ValueError(layer)


def backward(layer: Layer, x: Array, value: Array, own: tuple[Array, ...], delta: Array) -> tuple[Array, list[Array]]:
    """The error of the layer's input, and the gradients of its own parameters."""
    match layer:
        case Conv():
            return _conv_backward(layer, x, own[0], delta)
        case Dense():
            w, _ = own
            return (delta @ w).reshape(x.shape), [delta.T @ x.reshape(len(x), -1), delta.sum(axis=0)]
        case Pool(mode, size):
            spread = np.kron(delta, np.ones((size, size)))
            if mode == "mean":
                return spread / size**2, []
            return np.where(x == np.kron(value, np.ones((size, size))), spread, 0), []
        case Pointwise("sigmoid"):
            return delta * value * (1 - value), []
        case Pointwise("tanh"):
            return delta / np.cosh(x) ** 2, []
        case Pointwise("relu"):
            return np.where(x > 0, delta, 0), []
        case Pointwise("squareplus"):
            return delta * (1 + x / np.sqrt(x**2 + 4)) / 2, []
    raise ValueError(layer)


def _conv_backward(layer: Conv, x: Array, w: Array, delta: Array) -> tuple[Array, list[Array]]:
    """As for the convolution without a stride, with errors of 0 at the units that a stride leaves out."""
    x = _bordered(x, layer.pad)
    full = np.zeros((*delta.shape[:2], *(side - layer.size + 1 for side in x.shape[2:])))
    full[:, :, :: layer.stride, :: layer.stride] = delta
    rotated = w[:, :, ::-1, ::-1]
    seen = _windows(_bordered(full, layer.size - 1), layer.size)
    error = np.tensordot(seen, rotated, axes=((1, 4, 5), (0, 2, 3))).transpose(0, 3, 1, 2)
    gradient = np.tensordot(full, _windows(x, layer.size), axes=((0, 2, 3), (0, 2, 3)))
    inner = slice(layer.pad, -layer.pad or None)
    return error[:, :, inner, inner], [gradient * layer.mask(x.shape[1]), delta.sum(axis=(0, 2, 3))]


def _bordered(x: Array, width: int) -> Array:
    return np.pad(x, ((0, 0), (0, 0), (width, width), (width, width)))


def _windows(x: Array, size: int) -> Any:
    return sliding_window_view(x, (size, size), axis=(2, 3))


def _corners(x: Array, size: int) -> Array:
    return np.stack([x[..., u::size, v::size] for u in range(size) for v in range(size)])
