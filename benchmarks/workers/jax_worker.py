"""JAX as a peer; the engines are "jit" (images as channels, height, width) and "jit_nhwc" (channels last)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from networks import LEARNING_RATE, MOMENTUM, Conv, Dense, Layer, Network, Pointwise, Pool, Residual
from numpy.typing import NDArray
from protocol import serve

Values = list[jax.Array]


def squareplus(z: jax.Array) -> jax.Array:
    """(z + sqrt(z^2 + 4)) / 2."""
    return (z + jnp.sqrt(z * z + 4)) / 2


FUNCTIONS = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu, "squareplus": squareplus}


class JaxTrainer:
    """One jitted function from parameters and velocities to new ones, whose memory it reuses."""

    def __init__(self, network: Network, batch: int, engine: str) -> None:
        images, labels = network.data(batch)
        self.last = engine == "jit_nhwc"
        self.network = network
        self.images = jnp.asarray(images.transpose(0, 2, 3, 1) if self.last else images)
        self.labels = jnp.asarray(labels)
        self.values = [jnp.asarray(p) for p in network.parameters()]
        self.velocities = [jnp.zeros_like(p) for p in self.values]
        self.run = jax.jit(self._step, donate_argnums=(0, 1))

    def _loss(self, values: Values, x: jax.Array, y: jax.Array) -> jax.Array:
        scores = self._applied(self.network.layers, x, iter(values))
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(scores), y[:, None], axis=1))

    def _applied(self, layers: Sequence[Layer], x: jax.Array, left: Iterator[jax.Array]) -> jax.Array:
        for layer in layers:
            match layer:
                case Conv():
                    x = self._conv(layer, x, next(left), next(left))
                case Dense():
                    x = self._flat(x) @ next(left).T + next(left)
                case Pool():
                    x = self._pool(x, layer)
                case Pointwise(function):
                    x = FUNCTIONS[function](x)
                case Residual(inside):
                    x = x + self._applied(inside, x, left)
        return x

    def _conv(self, layer: Conv, x: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
        maps = "NHWC" if self.last else "NCHW"
        w = w if layer.table is None else w * layer.mask(w.shape[1])
        strides, border = (layer.stride,) * 2, ((layer.pad, layer.pad),) * 2
        z = lax.conv_general_dilated(x, w, strides, border, dimension_numbers=(maps, "OIHW", maps))
        return z + (b if self.last else b[:, None, None])

    def _pool(self, x: jax.Array, layer: Pool) -> jax.Array:
        n = layer.size
        window = (1, n, n, 1) if self.last else (1, 1, n, n)
        if layer.mode == "max":
            return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
        return lax.reduce_window(x, 0.0, lax.add, window, window, "VALID") / n**2

    def _flat(self, x: jax.Array) -> jax.Array:
        x = x.transpose(0, 3, 1, 2) if self.last and x.ndim == 4 else x
        return x.reshape(len(x), -1)

    def _step(self, values: Values, velocities: Values, x: jax.Array, y: jax.Array) -> tuple[Any, Values, Values]:
        loss, gradients = jax.value_and_grad(self._loss)(values, x, y)
        velocities = [MOMENTUM * v + g for v, g in zip(velocities, gradients, strict=True)]
        values = [p - LEARNING_RATE * v for p, v in zip(values, velocities, strict=True)]
        return loss, values, velocities

    def step(self) -> float:
        loss, self.values, self.velocities = self.run(self.values, self.velocities, self.images, self.labels)
        jax.block_until_ready((self.values, self.velocities))
        return float(loss)

    def parameters(self) -> list[NDArray[np.float32]]:
        return [np.asarray(p) for p in self.values]


if __name__ == "__main__":
    serve(jax.__version__, lambda network, batch: JaxTrainer(network, batch, sys.argv[1]))
