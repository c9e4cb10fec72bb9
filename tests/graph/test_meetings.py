"""What is warned of where inputs meet: two real dtypes, and (N, 1) with (N,)."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc

BroadcastWarning, DTypeWarning = sc.errors.BroadcastWarning, sc.errors.DTypeWarning

RNG = np.random.default_rng(0)


def warned(build):
    """The messages of what `build` warns of, and what it makes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = build()
    assert all(w.filename == __file__ for w in caught), "a warning is of the user's line"
    return [(w.category, str(w.message)) for w in caught], made


@pytest.fixture
def x():
    return sc.Input("x", (None, 4))


# Two real dtypes --------------------------------------------------------------------------------------


def test_where_two_dtypes_meet_both_are_named_with_their_lines(x):
    w = sc.Param("w", RNG.standard_normal((3, 4)))
    ((kind, text),), z = warned(lambda: sc.Dense(x, w))
    assert kind is DTypeWarning
    assert z.dtype == np.float64
    for part in ("Dense: float64 meets float32", "float32: Input 'x', made at", "float64: Param 'w', made at",
                 'array.astype("float32")', "symcnn.errors.DTypeWarning", Path(__file__).name):  # fmt: skip
        assert part in text


def test_it_is_said_once_and_not_at_every_node_that_follows(x):
    wide, narrow = (sc.Param("w", RNG.standard_normal((4, 4)).astype(d)) for d in ("float64", "float32"))

    def network():
        a = sc.sigmoid(sc.Dense(x, wide))
        for _ in range(5):
            a = sc.tanh(sc.Dense(a, narrow)) + a * sc.Dense(a, wide)
        J = sc.mean(a * x)
        sc.grad(sc.sum(sc.grad(J, wide) * wide), [wide, narrow])
        sc.simplify([J])
        sc.train_step(J, sc.Adam(), params=[narrow])
        return J

    messages, _ = warned(network)
    assert len(messages) == 1
    assert "Dense: float64 meets float32" in messages[0][1]


def test_two_branches_that_mix_are_two_meetings(x):
    v = sc.Param("v", RNG.standard_normal(4))
    messages, _ = warned(lambda: sc.maximum(x + v, x * v))
    assert [m.split(":")[0] for _, m in messages] == ["Add", "Mul"]


def test_where_a_dtype_comes_from_is_told(x):
    v = sc.Param("gain", RNG.standard_normal(4))
    ((_, text),), _ = warned(lambda: x * sc.exp(sc.reshape(v, (1, 4))))
    assert "float64: Exp, made at" in text
    assert "which comes from Param 'gain', made at" in text


def test_an_array_of_float64_is_named_too(x):
    messages, _ = warned(lambda: x - np.zeros(4))
    assert [kind for kind, _ in messages] == [DTypeWarning]
    assert "float64: Const" in messages[0][1]


def test_no_warning_where_one_dtype_is_meant(x):
    y, d = sc.Input("y", (None,), "int64"), sc.Input("d", (None, 4), "float64")

    def build():
        z = sc.dense(sc.relu(x / np.sqrt(64) - np.float64(2)), 3, seed=0)
        J = sc.softmax_cross_entropy(z, y) + sc.mean(x * sc.cast(d, "float32")) + sc.mean(x * (x > d))
        sc.train_step(J, sc.SGD(momentum=0.9))
        sc.train_step(J, sc.Adam(weight_decay=0.1))
        sc.sigmoid(d) * 2 + d * np.float32(3) + sc.dense(d, 4, seed=0)
        sc.testing.check_node(sc.Dense)
        return sc.Input("u", (None, 4), "uint8") * x + y[:, None]

    assert warned(build)[0] == []


def test_it_can_be_silenced_and_comes_once_for_a_line():
    code = """
import numpy as np, symcnn as sc
x = sc.Input("x", (3,))
for k in range(3):
    x * sc.Param("w", np.ones(3))
{silence}
x + sc.Param("w", np.ones(3))
"""
    silence = 'import warnings; warnings.simplefilter("ignore", sc.errors.DTypeWarning)'
    for line, lines in (("", 2), (silence, 1)):
        done = subprocess.run(
            [sys.executable, "-c", code.format(silence=line)], capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stderr.count("DTypeWarning: ") == lines


# (N, 1) and (N,) --------------------------------------------------------------------------------------


def test_a_column_minus_a_row_is_warned_of(x):
    """Everybody's lost day: the mean of all N x N differences is not the loss of a regression."""
    a, t = sc.dense(x, 1, seed=0, name="out"), sc.Input("t", (None,))
    ((kind, text),), J = warned(lambda: sc.mean((a - t) ** 2))
    assert kind is BroadcastWarning
    for part in ("Sub: (None, 1) and (None,) become (None, None)", "(None, 1): Dense 'out', made at",
                 "(None,): Input 't', made at", "t[:, None]", "symcnn.errors.BroadcastWarning"):  # fmt: skip
        assert part in text
    assert J.shape == ()


@pytest.mark.parametrize(
    "build",
    [
        lambda a, t, x: t * a,
        lambda a, t, x: a > t,
        lambda a, t, x: sc.maximum(2 * a + 1, t),
        lambda a, t, x: sc.where(a > 0, a, t),
        lambda a, t, x: sc.sum(x, axis=1, keepdims=True) - t,
        lambda a, t, x: sc.flatten(sc.reshape(a, (None, 1, 1))) - t,
        lambda a, t, x: sc.Input("q", (None, 1, 4)) - x,
        lambda a, t, x: sc.Input("q", (8, 1)) - sc.Input("r", (8,)),
    ],
)
def test_relatives_of_it(build, x):
    a, t = sc.Input("a", (None, 1)), sc.Input("t", (None,))
    messages, _ = warned(lambda: build(a, t, x))
    assert [kind for kind, _ in messages] == [BroadcastWarning]


@pytest.mark.parametrize(
    "build",
    [
        lambda a, t, x: x[:, None, :] - x,
        lambda a, t, x: sc.exp(-2 * x[:, None, :]) - x,
        lambda a, t, x: t[:, None] - t,
        lambda a, t, x: sc.reshape(t, (None, 1)) + t,
        lambda a, t, x: sc.broadcast_to(t[:, None], (None, 1)) + t,
        lambda a, t, x: a + sc.transpose(a),
        lambda a, t, x: a - t[None, :],
        lambda a, t, x: a - t[:, None],
        lambda a, t, x: a[:, 0] - t,
        lambda a, t, x: sc.squared_error(a, t[:, None]),
        lambda a, t, x: x * a,
        lambda a, t, x: x @ sc.transpose(x) - t,
        lambda a, t, x: sc.Input("q", (8, 1)) - sc.Input("r", (3,)),
        lambda a, t, x: sc.Input("q", (1, 1)) - sc.Input("r", (1,)),
        lambda a, t, x: sc.grad(sc.sum((x[:, None, :] - x) ** 2), x),
    ],
)
def test_what_is_written_down_is_meant(build, x):
    a, t = sc.Input("a", (None, 1)), sc.Input("t", (None,))
    assert warned(lambda: build(a, t, x))[0] == []


def test_losses_refuse_it(x, refused):
    a, t = sc.dense(x, 1, seed=0), sc.Input("t", (None,))
    for loss in (sc.squared_error, sc.sigmoid_cross_entropy, sc.binary_cross_entropy):
        with refused(ValueError, "outputs of (None, 1) and targets of (None,) do not fit"):
            loss(a, t)
