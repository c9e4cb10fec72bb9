"""Gradients of each example against a loop over batches of one, and what mixes rows is refused."""

import numpy as np
import pytest

import symcnn as sc

Y = sc.Input("y", (None,), "int64")
RNG = np.random.default_rng(0)


def x_of(*shape):
    return sc.Input("x", (None, *shape), "float64")


def mlp():
    h = sc.tanh(sc.dense(x_of(4), 5, seed=0))
    return sc.softmax_cross_entropy(sc.dense(h, 3, seed=1), Y)


def convnet():
    a = sc.sigmoid(sc.conv(x_of(2, 8, 7), 3, 3, seed=0))
    a = sc.scale(sc.max_pool(a, 2, stride=1))
    return sc.softmax_cross_entropy(sc.dense(sc.mean_pool(a, 2, ceil=True), 3, seed=1), Y)


def convolutions_in_full():
    a = sc.relu(sc.conv(x_of(4, 7, 8), 4, 3, stride=2, pad=1, groups=2, dilation=(1, 2), seed=0))
    a = sc.conv_transposed(a, 2, 3, stride=2, seed=1)
    a = sc.conv(a, 3, 2, table=[[0], [1], [0, 1]], seed=2)
    return sc.mean(a * a)


def along_time():
    a = sc.conv(x_of(2, 6), 3, 3, pad="same", seed=0)
    a = sc.dense(sc.transpose(a, (0, 2, 1)), 4, axis=-1, seed=1)
    return sc.mean(sc.logsumexp(a, axis=2))


def normalised():
    a = sc.layer_norm(sc.conv(x_of(2, 5, 5), 4, 2, seed=0))
    a = sc.group_norm(a, 2)
    a = sc.local_response_norm(sc.instance_norm(a), 3)
    return sc.mean(sc.exp(0.1 * a))


def embedded():
    table = sc.Param("table", RNG.standard_normal((3, 4)))
    w = sc.Param("w", RNG.standard_normal((4,)))
    rows = sc.take(table, Y)
    return sc.mean(sc.tanh(rows @ w + sc.sum(x_of(2) * rows[:, :2], axis=1)))


def embedded_words():
    table = sc.Param("table", RNG.standard_normal((2, 3, 4)))
    words = sc.Input("y", (None, 5), "int64")
    rows = sc.take(table, words, axis=1)  # (2, N, 5, 4)
    return sc.mean(sc.tanh(sc.sum(sc.transpose(rows, (1, 0, 2, 3)), axis=(1, 2))) ** 2)


def tied():
    w = sc.Param("w", RNG.standard_normal((3, 4)))
    x = x_of(4)
    back = sc.MatMul(sc.sigmoid(sc.Dense(x, w)), w)
    return sc.squared_error(back, x)


def decayed():
    return sc.weight_decay(mlp(), 0.1)


def gradient_penalty():
    x = x_of(4)
    J = sc.mean(sc.tanh(sc.dense(x, 3, seed=0)) @ sc.Param("v", RNG.standard_normal(3)))
    g = sc.grad(J, x)
    return J + sc.sum(g * g)


def with_offsets():
    w = sc.Param("w", RNG.standard_normal((2, 1, 3)))
    parts = sc.concat([w * w, sc.reshape(sc.max(w, axis=2), (2, 1, 1))], axis=2)
    moved = sc.pad(sc.rot90(parts), ((0, 0), (1, 0), (0, 0)))
    return sc.sum(sc.sum(x_of(2, 2, 4) * moved, axis=(1, 2)) ** 2)


NETWORKS = [
    mlp, convnet, convolutions_in_full, along_time, normalised, embedded, embedded_words, tied, decayed,
    gradient_penalty, with_offsets,
]  # fmt: skip


def feeds_for(J, batch):
    shapes = {i: (batch, *i.shape[1:]) for i in sc.Graph(J).inputs}
    rng = np.random.default_rng(7)
    return {i: rng.standard_normal(s) if i.dtype.kind == "f" else rng.integers(0, 3, s) for i, s in shapes.items()}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("total", [False, True])
def test_each_gradient_is_that_of_a_batch_of_one(network, total):
    J = network()
    wrt = [*J.params, *(i for i in sc.Graph(J).inputs if i.dtype.kind == "f")]
    if total:  # another scale of the loss: its errors are not divided by N
        J = J * sc.batch_size("float64") if network is mlp else 3 * J
    each = sc.grad(J, wrt, each=True)
    plain, apart = sc.compile(sc.grad(J, wrt), backend="numpy"), sc.compile(each, backend="numpy")
    feeds = feeds_for(J, 5)
    found = apart({i: feeds[i] for i in apart.inputs})
    alone = [plain({i: feeds[i][n : n + 1] for i in plain.inputs}) for n in range(5)]
    for k, w in enumerate(wrt):
        one = [gradients[k] for gradients in alone]
        batch = None in w.shape
        assert each[k].shape == (w.shape if batch else (None, *w.shape))
        np.testing.assert_allclose(found[k], np.concatenate(one) if batch else one, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("network", [mlp, convnet, convolutions_in_full])
@pytest.mark.parametrize("batch", [0, 1, 33])
def test_engines_agree_and_the_mean_of_all_is_the_gradient(network, batch):
    J = network()
    wrt = J.params
    asked = sc.grad(J, wrt, each=True) + (sc.grad(J, wrt) if batch else [])
    feeds = feeds_for(J, batch)
    a, b = (sc.compile(asked, backend=backend)(feeds) for backend in ("numpy", "native"))
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)
    assert all(x.shape == (batch, *w.shape) for x, w in zip(a, wrt, strict=False))
    for x, g in zip(a, a[len(wrt) :], strict=False):
        np.testing.assert_allclose(x.mean(axis=0), g, rtol=1e-9, atol=1e-12)


def test_losses_of_rows_and_seeds():
    x, w = x_of(3), sc.Param("w", RNG.standard_normal((2, 3)))
    losses = sc.sum(sc.tanh(sc.Dense(x, w)), axis=1)
    given = RNG.standard_normal((4, 3))
    by_loss, by_mean = sc.compile([sc.grad(losses, w, each=True), sc.grad(sc.mean(losses), w, each=True)])(x=given)
    np.testing.assert_allclose(by_loss, by_mean, rtol=1e-12)
    seed = sc.Input("seed", (None, 2), "float64")
    found = sc.compile(sc.grad(sc.Dense(x, w), [w], seed=seed, each=True)[0])(x=given, seed=np.ones((4, 2)))
    np.testing.assert_allclose(found, np.repeat(given[:, None], 2, axis=1))


def test_gradients_of_each_can_be_differentiated_again():
    x, w = x_of(3), sc.Param("w", RNG.standard_normal(3))
    each = sc.grad(sc.mean(sc.exp(x @ w)), w, each=True)
    norms = sc.sum(each * each, axis=1)
    given = RNG.standard_normal((4, 3))
    found = sc.compile(sc.grad(sc.mean(norms), w))(x=given)
    e = np.exp(given @ w.value)
    np.testing.assert_allclose(found, (2 * (e**2 * (given**2).sum(1))[:, None] * given).mean(0), rtol=1e-12)


def test_random_numbers_stay_those_of_the_batch():
    x = x_of(50)
    w = sc.Param("w", np.ones(50))
    J = sc.mean(sc.dropout(x * w, 0.5, seed=1))
    each, plain = sc.compile([sc.grad(J, w, each=True), sc.grad(J, w)])(x=np.ones((6, 50)))
    np.testing.assert_allclose(each.mean(axis=0), plain, rtol=1e-12)
    assert len(np.unique(each, axis=0)) == 6


def test_what_is_the_same_for_all():
    x, w = x_of(3), sc.Param("w", np.ones(3))
    only_decay = sc.sum(w * w) + 0 * sc.mean(x)
    assert sc.compile(sc.grad(only_decay, w, each=True))(x=np.ones((2, 3))).tolist() == [[2, 2, 2], [2, 2, 2]]
    assert sc.compile(sc.grad(sc.mean(x), w, unconnected="zeros", each=True))(x=np.ones((2, 3))).shape == (2, 3)


W = sc.Param("w", np.ones((4, 4)))
Z = sc.Dense(x_of(4), W)
MIXED = {
    "batch norm": lambda: sc.mean(sc.batch_norm(Z) ** 3),
    "partners": lambda: sc.info_nce(Z, sc.tanh(Z)),
    "a weighted mean": lambda: sc.softmax_cross_entropy(Z, Y, weights=[1, 2, 3, 4]),
    "a square of the mean": lambda: sc.mean(Z) ** 2,
    "the largest of the batch": lambda: sc.max(Z, axis=(0, 1)),
    "a smooth maximum": lambda: sc.logsumexp(Z),
    "a centred batch": lambda: sc.mean((Z - sc.mean(Z, axis=0)) ** 2),
    "a stopped mean": lambda: sc.mean(Z * sc.stop_gradient(sc.mean(Z))),
    "a softmax over the batch": lambda: sc.mean(sc.softmax(sc.transpose(Z)) ** 2),
}


@pytest.mark.parametrize("name", MIXED)
def test_what_mixes_rows_is_refused(name):
    with pytest.raises(sc.errors.GradientError, match="with each=True, no row may depend on others"):
        sc.grad(MIXED[name](), W, each=True)


def test_a_type_of_the_users_that_says_nothing_of_its_rows():
    class Cumulated(sc.Node):
        """Sums of all rows up to each."""

        z: sc.Node
        mixes_rows = True
        latex = text = "cum({z})"

        def forward(self, xp, z):
            return xp.cumulative_sum(z, axis=0)

        def backward(self, delta):
            return (Cumulated(delta),)

    with pytest.raises(sc.errors.GradientError, match="this Cumulated mixes them, or may do so"):
        sc.grad(sc.mean(Cumulated(Z)), W, each=True)


def test_refused():
    with pytest.raises(sc.errors.DTypeError, match="each is 'yes'"):
        sc.grad(sc.mean(Z), W, each="yes")
    with pytest.raises(sc.errors.GradientError, match="needs a seed"):
        sc.grad(Z, W, each=True)
