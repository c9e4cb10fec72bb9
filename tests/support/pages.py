"""Networks and pages for the tests of the step-through page, and the browser that opens them."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc
from symcnn.tutorial import tutorial_network

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def chromium():
    """The path of Chromium, or a skip that says what is missing."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    found = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return found


def axe():
    """The code of axe-core, or a skip that says what is missing."""
    path = Path(os.environ.get("AXE_CORE", "node_modules/axe-core/axe.min.js"))
    if not path.is_file():
        pytest.skip("needs axe-core: npm install axe-core, or its axe.min.js in AXE_CORE")
    return path.read_text(encoding="utf-8")


def digit():
    """A real digit and its label."""
    digits = sc.data.mnist_mini()
    return digits.x_test[3], digits.y_test[3]


def tutorial(mode="mean"):
    x, y = digit()
    return tutorial_network(mode=mode).J, {"x": x, "y": y}


def tutorial_max():
    return tutorial("max")


def lenet5():
    """LeNet-5 at 32x32 with its table of connections."""
    rng = np.random.default_rng(0)
    x, t = sc.Input("x", (None, 1, 32, 32)), sc.Input("t", (None, 10))
    table = [[k % 6, (k + 1) % 6, (k + 2) % 6] for k in range(16)]
    s2 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(x, 6, 5, name="C1", seed=0), 2), name="S2"))
    s4 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(s2, 16, 5, table=table, name="C3", seed=0), 2), name="S4"))
    c5 = sc.tanh(sc.conv(s4, 120, 5, name="C5", seed=0))
    f6 = sc.tanh(sc.dense(c5, 84, name="F6", seed=0))
    J = sc.squared_error(sc.tanh(sc.dense(f6, 10, name="out", seed=0)), t)
    return J, {"x": rng.random((1, 32, 32), dtype=np.float32), "t": np.eye(10, dtype=np.float32)[3]}


def residual():
    """A residual block that applies one convolution twice, with padding and a stride before it."""
    rng = np.random.default_rng(1)
    x, y = sc.Input("x", (None, 3, 12, 12)), sc.Input("y", (None,), dtype="int64")
    w = sc.Param("W", (0.2 * rng.standard_normal((4, 4, 3, 3))).astype("float32"))
    h = sc.relu(sc.conv(x, 4, 3, stride=2, pad=1, name="stem", seed=0))
    r = sc.relu(sc.Conv(sc.pad(h, 1), w))
    out = sc.relu(h + sc.Conv(sc.pad(r, 1), w))
    J = sc.softmax_cross_entropy(sc.dense(sc.max_pool(out, 2), 5, name="fc", seed=0), y)
    return J, {"x": rng.standard_normal((3, 12, 12)).astype("float32"), "y": 2}


def two_inputs():
    """Two inputs, filters in common, two losses."""
    rng = np.random.default_rng(2)
    left, right = sc.Input("left", (None, 1, 8, 8)), sc.Input("right", (None, 1, 8, 8))
    y, t = sc.Input("y", (None,), dtype="int64"), sc.Input("t", (None, 1))
    w = sc.Param("W", rng.standard_normal((3, 1, 3, 3)).astype("float32"))
    seen = sc.concat([sc.mean_pool(sc.sigmoid(sc.Conv(x, w)), 2) for x in (left, right)])
    J = sc.softmax_cross_entropy(sc.dense(seen, 3, name="kind", seed=0), y)
    J = J + 0.5 * sc.squared_error(sc.dense(seen, 1, name="distance", seed=1), t)
    images = rng.random((2, 1, 8, 8), dtype=np.float32)
    return J, {"left": images[0], "right": images[1], "y": 1, "t": np.ones(1, "float32")}


def speech():
    """One-row maps: a convolution along time."""
    rng = np.random.default_rng(3)
    x, y = sc.Input("x", (None, 12, 1, 29)), sc.Input("y", (None,), dtype="int64")
    p1 = sc.max_pool(sc.relu(sc.conv(x, filters=8, size=(1, 6), name="conv1", seed=0)), (1, 4))
    J = sc.softmax_cross_entropy(sc.dense(p1, 9, name="out", seed=1), y)
    return J, {"x": rng.standard_normal((12, 1, 29)).astype("float32"), "y": 4}


def users_own():
    """A node type that says nothing but its rules."""
    from user_nodes import Scaled

    x, y = digit()
    a, b = sc.Input("x", (None, 1, 28, 28)), sc.Input("y", (None,), dtype="int64")
    z = Scaled(sc.conv(a, 3, 9, name="conv1", seed=0), 2.0)
    return sc.softmax_cross_entropy(sc.dense(sc.mean_pool(z, 4), 10, seed=0), b), {"x": x, "y": y}


NETWORKS = {f.__name__: f for f in (tutorial, tutorial_max, lenet5, residual, two_inputs, speech, users_own)}
