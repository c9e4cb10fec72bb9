"""The networks of the gallery: functions that return the loss of each."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import symcnn as sc
from symcnn.tutorial import Network, tutorial_network, tutorial_optimizer

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from lenet5 import lenet5 as lenet5_layers


def shared(name: str, shape: tuple[int, ...]) -> sc.Param:
    """Filters that more than one convolution reads."""
    return sc.Param(name, sc.initial.lecun_normal(np.random.default_rng(0), shape).astype("float32"))


def tutorial() -> sc.Node:
    """The tutorial's network: convolution, sigmoid, mean pooling, a dense layer, the softmax."""
    return tutorial_network().J


def lenet5() -> sc.Node:
    """LeNet-5 of examples/lenet5.py, with the table of connections in C3."""
    x, y = sc.Input("x", (None, 1, 28, 28)), sc.Input("y", (None,), dtype="int64")
    return sc.softmax_cross_entropy(lenet5_layers(x)["OUTPUT"], y)


def residual() -> sc.Node:
    """A residual block that applies one convolution twice."""
    x, y = sc.Input("x", (None, 4, 12, 12)), sc.Input("y", (None,), dtype="int64")
    w = shared("block.W", (8, 8, 3, 3))
    h = sc.relu(sc.conv(x, 8, 3, pad=1, name="stem", seed=1))
    inner = h
    for _ in range(2):
        inner = sc.relu(sc.Conv(sc.pad(inner, 1), w))
    return sc.softmax_cross_entropy(sc.dense(sc.mean_pool(h + inner, 2), 10, name="out", seed=2), y)


def two_losses() -> sc.Node:
    """Two inputs through the same filters, joined; a class and a number are learned together."""
    left, right = sc.Input("left", (None, 1, 12, 12)), sc.Input("right", (None, 1, 12, 12))
    y, t = sc.Input("y", (None,), dtype="int64"), sc.Input("t", (None, 1))
    w = shared("eye.W", (4, 1, 3, 3))
    seen = [sc.mean_pool(sc.sigmoid(sc.Conv(x, w)), 2) for x in (left, right)]
    joined = sc.tanh(sc.dense(sc.concat(seen), 16, name="joined", seed=1))
    kind = sc.softmax_cross_entropy(sc.dense(joined, 3, name="kind", seed=2), y)
    distance = sc.squared_error(sc.dense(joined, 1, name="distance", seed=3), t)
    return kind + 0.5 * distance


def deep(blocks: int = 32) -> sc.Node:
    """A residual network of some 300 nodes: three stages of blocks with two convolutions each."""
    x, y = sc.Input("x", (None, 3, 32, 32)), sc.Input("y", (None,), dtype="int64")
    h = sc.relu(sc.conv(x, 16, 3, pad=1, name="stem", seed=0))
    for stage, maps in enumerate((16, 32, 64)):
        h = sc.relu(sc.conv(h, maps, 3, stride=1 if stage == 0 else 2, pad=1, name=f"down{stage}", seed=1))
        for n in range(blocks // 3):
            r = sc.relu(sc.conv(h, maps, 3, pad=1, name=f"s{stage}b{n}a", seed=2))
            h = sc.relu(h + sc.conv(r, maps, 3, pad=1, name=f"s{stage}b{n}b", seed=3))
    return sc.softmax_cross_entropy(sc.dense(sc.mean_pool(h, 8), 10, name="out", seed=4), y)


def speech() -> sc.Node:
    """The one-row network of the tutorial's figure 1."""
    x = sc.Input("x", (None, 1, 1, 10))
    return sc.mean_pool(sc.sigmoid(sc.conv(x, 2, (1, 3), name="conv", seed=0)), (1, 2))


def trained(digits: sc.data.Digits) -> Network:
    """The tutorial's network with 8 filters, after some epochs on real digits."""
    network = tutorial_network(filters=8)
    sc.fit(network.J, digits.train, optimizer=tutorial_optimizer(), epochs=5, batch=32)
    return network


ALL = {f.__name__: f for f in (tutorial, lenet5, residual, two_losses, deep)}
