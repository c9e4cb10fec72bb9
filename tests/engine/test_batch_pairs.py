"""Rows of a batch that meet each other: Gram matrices, distances, contrastive losses, attention within a batch.

What is right is written out in NumPy, in float64, row by row where that is short enough.
"""

import numpy as np
import pytest

import symcnn as sc
from symcnn.testing import check_node

EVERY = [0, 1, 5, 15, 16, 17, 20, 33]
FEW = [1, 5, 20]


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def gradient_by_gram(of_gram):
    """By a and b, of a function of G = a b' that is written out with its slope by G: (value, slope)."""

    def written(f):
        value, slope = of_gram(f["a"] @ f["b"].T, f)
        return value, {"a": slope @ f["b"], "b": slope.T @ f["a"]}

    return written


def first_max(g, axis):
    """1 at the first maximum along an axis, or of all."""
    hit = np.zeros_like(g)
    if axis is None:
        hit.flat[g.argmax()] = 1
        return hit
    np.put_along_axis(hit, np.expand_dims(g.argmax(axis), axis), 1, axis)
    return hit


def cross_entropy(g, f):
    """InfoNCE: each row is to find its partner y among all columns."""
    n = len(g)
    p, one = softmax(g), np.eye(n)[f["y"]]
    return -np.log((p * one).sum(1)).mean(), (p - one) / n


A, B = sc.Input("a", (None, 3)), sc.Input("b", (None, 3))
Y = sc.Input("y", (None,), "int64")
G = A @ sc.transpose(B)
R, S = sc.sum(A, axis=1), sc.mean(B, axis=1)
ONE = np.ones

# The loss, and of its value and its slope by G what is right
OF_GRAM = {
    "sum of exp": (sc.sum(sc.exp(G)), lambda g, f: (np.exp(g).sum(), np.exp(g))),
    "sum of squares": (sc.sum(G * G), lambda g, f: ((g * g).sum(), 2 * g)),
    "mean": (sc.mean(G * G), lambda g, f: ((g * g).mean(), 2 * g / g.size)),
    "sums of rows": (
        sc.sum(sc.sum(G, axis=1) ** 2),
        lambda g, f: ((g.sum(1) ** 2).sum(), 2 * g.sum(1)[:, None] * ONE(g.shape)),
    ),
    "sums of columns": (
        sc.sum(sc.sum(G, axis=0) ** 2),
        lambda g, f: ((g.sum(0) ** 2).sum(), 2 * g.sum(0) * ONE(g.shape)),
    ),
    "means of columns": (
        sc.sum(sc.mean(G, axis=0) ** 3),
        lambda g, f: ((g.mean(0) ** 3).sum(), 3 * g.mean(0) ** 2 * ONE(g.shape) / len(g)),
    ),
    "largest": (sc.max(G), lambda g, f: (g.max(), first_max(g, None))),
    "largest of rows": (sc.sum(sc.max(G, axis=1)), lambda g, f: (g.max(1).sum(), first_max(g, 1))),
    "largest of columns": (sc.sum(sc.max(G, axis=0)), lambda g, f: (g.max(0).sum(), first_max(g, 0))),
    "where": (sc.sum(sc.where(G > 0.5, G * G, 0)), lambda g, f: (np.where(g > 0.5, g * g, 0).sum(), 2 * g * (g > 0.5))),
    "relu of scaled": (sc.sum(sc.relu(2 * G - 1)), lambda g, f: (np.maximum(2 * g - 1, 0).sum(), 2.0 * (2 * g > 1))),
    "softmax": (
        sc.sum(sc.softmax(G) ** 2),
        lambda g, f: (
            (softmax(g) ** 2).sum(),
            2 * softmax(g) * (softmax(g) - (softmax(g) ** 2).sum(1, keepdims=True)),
        ),
    ),
    "log softmax": (
        sc.sum(sc.log_softmax(G)),
        lambda g, f: (np.log(softmax(g)).sum(), 1 - len(g) * softmax(g)),
    ),
    "InfoNCE": (sc.softmax_cross_entropy(G, Y), cross_entropy),
    "InfoNCE at temperature": (
        sc.softmax_cross_entropy(G / 0.5, Y),
        lambda g, f: (cross_entropy(2 * g, f)[0], 2 * cross_entropy(2 * g, f)[1]),
    ),
    "one hot": (
        sc.sum(sc.one_hot(Y, None) * G),
        lambda g, f: (g[np.arange(len(g)), f["y"]].sum(), np.eye(len(g))[f["y"]]),
    ),
    "joined": (
        sc.sum(sc.concat([G[:, None, :], (3 * G)[:, None, :]]) ** 2),
        lambda g, f: (10 * (g * g).sum(), 20 * g),
    ),
}


def distances(f):
    """|a_i - b_j|^2, cubed and summed."""
    value, by = 0.0, {"a": np.zeros_like(f["a"]), "b": np.zeros_like(f["b"])}
    for i, p in enumerate(f["a"]):
        for j, q in enumerate(f["b"]):
            d = ((p - q) ** 2).sum()
            value += d * d
            by["a"][i] += 4 * d * (p - q)
            by["b"][j] -= 4 * d * (p - q)
    return value, by


def attended(f):
    """Rows of b, weighted by softmax(a b'), and the sum of all."""
    p = softmax(f["a"] @ f["b"].T)
    total = f["b"].sum(1)
    slope = p * (total - (p * total).sum(1, keepdims=True))
    return (p @ f["b"]).sum(), {
        "a": slope @ f["b"],
        "b": slope.T @ f["a"] + p.sum(0)[:, None] * np.ones((1, 3)),
    }


def outer(f):
    """(N, 1) times (N,) is (N, N)."""
    r, s = f["a"].sum(1), f["b"].mean(1)
    value = ((r[:, None] * s) ** 2).sum()
    by_r, by_s = 2 * r * (s**2).sum(), 2 * s * (r**2).sum()
    return value, {"a": by_r[:, None] * np.ones((1, 3)), "b": by_s[:, None] * np.full((1, 3), 1 / 3)}


def over_rows(f):
    """A softmax over the rows of the batch, as a weighted mean of them."""
    r, s = f["a"].sum(1), f["b"].mean(1)
    p = softmax(r)
    slope = p * (s - (p * s).sum())
    return (p * s).sum(), {"a": slope[:, None] * np.ones((1, 3)), "b": p[:, None] * np.full((1, 3), 1 / 3)}


FORMS = {name: (loss, gradient_by_gram(right)) for name, (loss, right) in OF_GRAM.items()} | {
    "distances": (sc.sum(sc.sum((A[:, None, :] - B) ** 2, axis=2) ** 2), distances),
    "attention": (sc.sum(sc.softmax(G) @ B), attended),
    "outer": (sc.sum((sc.reshape(R, (None, 1)) * S) ** 2), outer),
    "softmax over rows": (sc.sum(sc.softmax(R) * S), over_rows),
}


def fed(batch):
    rng = np.random.default_rng(batch)
    found = {name: rng.standard_normal((batch, 3)).astype(np.float32).astype(float) for name in "ab"}
    return found | {"y": rng.permutation(batch)}


def check(name, batch, backend):
    """Value and gradients of a form against what is written out."""
    loss, written = FORMS[name]
    back, f = sc.backprop(loss), fed(batch)
    program = sc.compile([loss, back.delta(A), back.delta(B)], backend=backend)
    feeds = {i.name: f[i.name] for i in program.inputs}
    if batch == 0:  # there is no mean and no maximum of nothing; of all else, the sum is 0
        if any(word in name for word in ("mean", "largest", "InfoNCE")):
            with pytest.raises(sc.errors.FeedError, match="of an empty batch does not exist"):
                program(feeds)
        else:
            assert [a.tolist() for a in program(feeds)] == [0, [], []]
        return
    value, *gradients = program(feeds)
    right, by = written(f)
    np.testing.assert_allclose(value, right, rtol=1e-4, atol=1e-4)
    for key, found in zip("ab", gradients, strict=True):
        scale = max(1.0, float(np.abs(by[key]).max(initial=0)))
        np.testing.assert_allclose(found, by[key], rtol=1e-4, atol=2e-5 * scale)


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("name", FORMS)
def test_rows_that_meet_each_other(name, backend):
    for batch in FEW:
        check(name, batch, backend)


@pytest.mark.slow
@pytest.mark.parametrize("batch", EVERY)
def test_rows_that_meet_each_other_at_every_batch(batch):
    for name in FORMS:
        for backend in ("numpy", "native"):
            check(name, batch, backend)


def test_a_formula_shows_examples_as_columns():
    """Row i and column j of the array is a_i . b_j; with an example a column, that is row j and column i of b' a."""
    assert str(sc.matmul(A, sc.transpose(B)).equation).endswith("= bᵀ a")
    assert str(sc.matmul(sc.softmax(G), B).equation).endswith("= b a1")


@pytest.mark.parametrize("node", [sc.exp(G), sc.softmax(G), sc.max(G, axis=0), sc.softmax(G) @ B, sc.one_hot(Y, None)])
def test_nodes_with_the_batch_twice_keep_what_a_node_type_owes(node):
    report = check_node(node)
    assert "forward runs on the array API standard's strict namespace" in report.passed
    assert sc.draw(node).svg


def test_filters_that_differ_from_image_to_image_are_subsampled():
    """Each of 3 images is convolved with each of 3 filters."""
    x, w = sc.Input("x", (None, 1, 7, 5)), sc.Input("w", (None, 1, 3, 3))
    rng = np.random.default_rng(0)
    images, filters = rng.standard_normal((3, 1, 7, 5)), rng.standard_normal((3, 1, 3, 3))
    right = np.zeros((3, 3, 3, 2))
    for n, f, i, j in np.ndindex(right.shape):
        right[n, f, i, j] = (images[n, 0, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * filters[f, 0]).sum()
    z = sc.subsample(sc.Conv(x, w), 2)
    for backend in ("numpy", "native"):
        np.testing.assert_allclose(sc.compile(z, backend=backend)(x=images, w=filters), right, rtol=1e-4, atol=1e-5)


def test_the_report_says_why_it_is_left_to_numpy():
    text = sc.compile(sc.sum(sc.exp(G)), backend="native").report()
    assert "Exp (None, None): the batch is on more than one of its axes" in text
    assert "Sum (): it reads the whole batch, and is no sum over its first axis" in text


def test_a_broadcast_must_know_the_size_of_the_batch(refused):
    with refused(sc.errors.ShapeError, "how long the batch is", "sc.broadcast_to"):
        sc.BroadcastTo(sc.Input("w", (3,)), (None, 3))
    with refused(sc.errors.ShapeError, "sc.one_hot(y, None)"):
        sc.OneHot(Y, None)
