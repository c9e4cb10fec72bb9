"""Networks that the tests of pictures and equations share, and fixtures that give them."""

import numpy as np
import pytest

import symcnn as sc


def tutorial(mode="mean"):
    """The network of the tutorial."""
    x, y = sc.Input("x", (None, 1, 28, 28)), sc.Input("y", (None,), dtype="int64")
    z1 = sc.conv(x, filters=20, size=9, name="conv1", seed=0)
    p1 = sc.pool(sc.sigmoid(z1), 2, mode=mode)
    return sc.softmax_cross_entropy(sc.dense(p1, 10, name="out", seed=0), y)


def two_layers():
    """Two layers of convolution and pooling."""
    x, y = sc.Input("x", (None, 1, 28, 28)), sc.Input("y", (None,), dtype="int64")
    p1 = sc.mean_pool(sc.sigmoid(sc.conv(x, 8, 5, seed=0)), 2)
    p2 = sc.max_pool(sc.sigmoid(sc.conv(p1, 12, 5, seed=0)), 2)
    return sc.softmax_cross_entropy(sc.dense(p2, 10, seed=0), y)


def residual():
    """A residual block."""
    x, y = sc.Input("x", (None, 4, 12, 12)), sc.Input("y", (None,), dtype="int64")
    h = sc.relu(sc.conv(x, 8, 3, pad=1, name="stem", seed=0))
    r = sc.relu(sc.conv(h, 8, 3, pad=1, name="res_a", seed=0))
    out = sc.relu(h + sc.conv(r, 8, 3, pad=1, name="res_b", seed=0))
    return sc.softmax_cross_entropy(sc.dense(sc.max_pool(out, 2), 10, name="fc", seed=0), y)


def two_inputs():
    """Two inputs that share their filters, joined, with weight decay."""
    left, right = sc.Input("left", (None, 1, 12, 12)), sc.Input("right", (None, 1, 12, 12))
    y = sc.Input("y", (None,), dtype="int64")
    w = sc.Param("W", np.ones((4, 1, 3, 3), "float32"))
    seen = [sc.mean_pool(sc.sigmoid(sc.Conv(x, w)), 2) for x in (left, right)]
    loss = sc.softmax_cross_entropy(sc.dense(sc.concat(seen), 3, name="fc", seed=0), y)
    return loss + 0.01 * sc.sum(w * w)


def lenet5():
    """LeNet-5 with its scale layers and a table of connections."""
    x, t = sc.Input("x", (None, 1, 32, 32)), sc.Input("t", (None, 10))
    table = [[k % 6, (k + 1) % 6, (k + 2) % 6] for k in range(16)]
    s2 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(x, 6, 5, name="C1", seed=0), 2), name="S2"))
    s4 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(s2, 16, 5, table=table, name="C3", seed=0), 2), name="S4"))
    c5 = sc.tanh(sc.conv(s4, 120, 5, name="C5", seed=0))
    f6 = sc.tanh(sc.dense(c5, 84, name="F6", seed=0))
    return sc.squared_error(sc.tanh(sc.dense(f6, 10, name="out", seed=0)), t)


def chain(length):
    """Alternating products with one shared parameter and sigmoids."""
    v = sc.Input("x", (None, 4))
    w = sc.Param("w", np.ones(4, "float32"))
    for _ in range(length // 2):
        v = sc.sigmoid(v * w)
    return sc.mean(v)


NETWORKS = {f.__name__: f for f in (tutorial, two_layers, residual, two_inputs, lenet5)}


@pytest.fixture(params=NETWORKS)
def network(request):
    """Each of the networks."""
    return NETWORKS[request.param]()


@pytest.fixture(scope="session")
def make():
    """The functions above, by name."""
    return {**NETWORKS, "chain": chain}


@pytest.fixture(scope="session")
def feed():
    """A function: arrays for all inputs of a node, of some rows, the same at each call."""

    def arrays(J, rows=2):
        rng = np.random.default_rng(rows)
        fed = {}
        for node in J.graph().inputs:
            shape = tuple(rows if d is None else d for d in node.shape)
            real = node.dtype.kind == "f"
            fed[node] = rng.standard_normal(shape) if real else rng.integers(0, 3, shape)
        return fed

    return arrays
