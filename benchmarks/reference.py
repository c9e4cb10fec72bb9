"""The same training steps, written out in plain NumPy and float64: what every peer's results are held against.

It shares no code with symcnn, and is slow and short.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from networks import LEARNING_RATE, MOMENTUM, Conv, Dense, Layer, Network, Pool, Sigmoid
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
    left = iter(parameters)
    weights = [(next(left), next(left)) if isinstance(layer, Conv | Dense) else () for layer in network.layers]
    values = [x]
    for layer, own in zip(network.layers, weights, strict=True):
        values.append(forward(layer, values[-1], own))
    scores = values[-1] - values[-1].max(axis=1, keepdims=True)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = float(-np.log(probabilities[rows, labels]).mean())
    probabilities[rows, labels] -= 1
    delta, gradients = probabilities / len(labels), []
    for layer, own, before, after in reversed(list(zip(network.layers, weights, values[:-1], values[1:], strict=True))):
        delta, found = backward(layer, before, after, own, delta)
        gradients[:0] = found
    return loss, gradients


def forward(layer: Layer, x: Array, own: tuple[Array, ...]) -> Array:
    """The layer's value."""
    match layer:
        case Conv():
            w, b = own
            return (
                np.tensordot(_windows(x, w.shape[2]), w, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
                + (b[:, None, None])
            )
        case Dense():
            w, b = own
            return x.reshape(len(x), -1) @ w.T + b
        case Pool(mode):
            return _quarters(x).mean(axis=0) if mode == "mean" else _quarters(x).max(axis=0)
        case Sigmoid():
            return 1 / (1 + np.exp(-x))


def backward(layer: Layer, x: Array, value: Array, own: tuple[Array, ...], delta: Array) -> tuple[Array, list[Array]]:
    """The error of the layer's input, and the gradients of its own parameters."""
    match layer:
        case Conv(_, size):
            w, _ = own
            border = ((0, 0), (0, 0), (size - 1, size - 1), (size - 1, size - 1))
            rotated = w[:, :, ::-1, ::-1]
            error = np.tensordot(_windows(np.pad(delta, border), size), rotated, axes=((1, 4, 5), (0, 2, 3)))
            gradient = np.tensordot(delta, _windows(x, size), axes=((0, 2, 3), (0, 2, 3)))
            return error.transpose(0, 3, 1, 2), [gradient, delta.sum(axis=(0, 2, 3))]
        case Dense():
            w, _ = own
            return (delta @ w).reshape(x.shape), [delta.T @ x.reshape(len(x), -1), delta.sum(axis=0)]
        case Pool(mode):
            spread = np.kron(delta, np.ones((2, 2)))
            if mode == "mean":
                return spread / 4, []
            return np.where(x == np.kron(value, np.ones((2, 2))), spread, 0), []
        case Sigmoid():
            return delta * value * (1 - value), []


def _windows(x: Array, size: int) -> Any:
    return sliding_window_view(x, (size, size), axis=(2, 3))


def _quarters(x: Array) -> Array:
    return np.stack([x[..., u::2, v::2] for u in (0, 1) for v in (0, 1)])
