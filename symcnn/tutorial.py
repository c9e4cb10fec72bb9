"""The network of the UFLDL tutorial "Convolutional Neural Network", as one function."""

from __future__ import annotations

from dataclasses import dataclass

from .graph.leaves import Input
from .graph.node import Node
from .layers.conv import conv
from .layers.dense import dense
from .layers.losses import softmax_cross_entropy
from .layers.pooling import pool
from .nodes.initial import normal
from .nodes.loss import accuracy
from .nodes.sigmoid import sigmoid
from .train.optimizers import SGD
from .train.schedules import Schedule, piecewise


@dataclass(frozen=True)
class Network:
    """A network with its inputs, its scores and its loss.

    Attributes
    ----------
    x, y : Input
        Images (N, 1, 28, 28) and labels (N,).
    scores : Node
        (N, 10), before the softmax.
    J : Node
        The mean cross-entropy.
    accuracy : Node
        The share of images whose largest score stands at the label.
    """

    x: Input
    y: Input
    scores: Node
    J: Node
    accuracy: Node


def tutorial_network(
    filters: int = 20, size: int = 9, window: int = 2, mode: str = "mean", seed: int = 0, dtype: str = "float32"
) -> Network:
    """Convolution, sigmoid, pooling, a dense layer and the softmax, with the tutorial's initial values.

    Parameters
    ----------
    filters, size : int
        How many filters, and how wide they are.
    window : int
        Of the pooling.
    mode : "mean" or "max"
    seed : int
    dtype : "float32" or "uint8"
        Of the images: grey values from 0 to 1, or bytes, from 0 to 255, which the network divides by 255.

    Examples
    --------
    >>> network = tutorial_network()
    >>> [p.value.shape for p in network.J.params]
    [(20, 1, 9, 9), (20,), (10, 2000), (10,)]
    """
    x, y = Input("x", (None, 1, 28, 28), dtype), Input("y", (None,), "int64")
    grey = x / 255 if dtype == "uint8" else x
    z1 = conv(grey, filters, size, init=normal(0.1), seed=seed, name="conv1")
    p1 = pool(sigmoid(z1, name="sigmoid1"), window, mode, name="pool1")
    scores = dense(p1, 10, seed=seed + 1, name="out")
    return Network(x, y, scores, softmax_cross_entropy(scores, y), accuracy(scores, y))


def tutorial_optimizer(lr: float | Schedule = 0.1) -> SGD:
    """Gradient descent with momentum 0.5, and 0.95 from iteration 20 on."""
    return SGD(lr=lr, momentum=piecewise({0: 0.5, 20: 0.95}))
