"""A small network and five images, shared by tests of what is fed."""

import numpy as np

import symcnn as sc

_RNG = np.random.default_rng(0)
IMAGES, LABELS = _RNG.standard_normal((5, 2, 6, 6)).astype("float32"), _RNG.integers(0, 4, 5)


def network():
    x, y = sc.Input("x", (None, 2, 6, 6)), sc.Input("y", (None,), "int64")
    a = sc.max_pool(sc.sigmoid(sc.conv(x, 3, 3, seed=0, name="conv1")), 2)
    J = sc.softmax_cross_entropy(sc.dense(a, 4, seed=1, name="out"), y)
    return x, y, J
