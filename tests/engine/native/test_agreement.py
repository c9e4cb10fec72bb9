"""Every node type of the package, its gradient, and networks of them: the native engine against the NumPy engine."""

import platform
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NETWORKS, lenet, strided
from user_nodes import Blend, Scaled

import symcnn as sc
from symcnn.engine.native.analysis.partition import OF_MANY
from symcnn.engine.native.cpu import Cpu
from symcnn.graph.spec import is_real
from symcnn.testing.cases import recast

BATCHES = [1, 15, 16, 17, 33]
WIDE_BATCHES = [1, 9]
"""For float64, of which a block has half as many images."""
TOLERANCES = {"float32": 2e-5, "float64": 1e-13}
TYPES = [
    cls
    for cls in sc.node_types()
    if cls.__module__.startswith(("symcnn.graph.", "symcnn.nodes.")) and cls.samples() and type(cls.samples()[0]) is cls
]
SAMPLES = [pytest.param(s, id=repr(s).split("): ")[0] + ")") for cls in TYPES for s in cls.samples()]


def feeds(nodes, batch, seed=0):
    """Numbers for all inputs; labels are small enough for any sample."""
    rng = np.random.default_rng(seed)
    found = {}
    for i in sc.Graph(*nodes).inputs:
        shape = i.spec.bind(batch)
        if i.dtype.kind == "f":
            found[i] = rng.standard_normal(shape).astype(i.dtype)
        else:
            found[i] = rng.integers(0, 2, shape).astype(i.dtype)
    return found


def assert_agree(nodes, batches=BATCHES, tolerance=2e-5):
    """The same numbers for each batch, up to rounding: relative to the largest number of an array."""
    if not has_batch(nodes):
        batches = batches[:1]
    reference, native = (sc.compile(nodes, backend=backend) for backend in ("numpy", "native"))
    for batch in batches:
        values = feeds(nodes, batch, seed=batch)
        for node, e, f in zip(nodes, reference(values), native(values), strict=True):
            assert (f.dtype, f.shape) == (e.dtype, e.shape)
            if e.dtype.kind == "f":
                scale = float(np.max(np.abs(e), initial=1.0, where=np.isfinite(e)))
                np.testing.assert_allclose(f, e, atol=tolerance * scale, rtol=tolerance, err_msg=node.label)
            else:
                np.testing.assert_array_equal(f, e, err_msg=node.label)
    return native


def has_batch(nodes):
    return any(None in i.shape for i in sc.Graph(*nodes).inputs)


def with_rows(node):
    """The node, and an input that says how many rows there are where nothing else does."""
    return [node] if has_batch([node]) or None not in node.shape else [node, sc.Input("rows", (None,), node.dtype)]


def with_gradients(node):
    """The node, and the errors of its inputs for an error that differs from place to place."""
    if not is_real(node.dtype):
        return with_rows(node)
    J = sc.sum(sc.tanh(node) * node)
    wrt = [i for i in node.graph().inputs if is_real(i.dtype)]
    return [*with_rows(node), *sc.grad(J, wrt, unconnected="zeros")]


LEFT = {
    "Cast": "float64",
    "Conv": "the batch is not|it reads the whole batch",
    "Transpose": "the batch is not",
    "Swap": "the batch is not",
    "MatMul": "it is no product of rows with a shared matrix|the batch is not",
    "LogSumExp": "it reads the whole batch",
    "CumSum": "it mixes the rows of the batch",
    "Gather": "its inputs are checked by its own rule",
    "Scatter": "its inputs are checked by its own rule",
    "Min": "it mixes the rows of the batch|it reads the whole batch, and is no sum",
    "Max": "it mixes the rows of the batch|it reads the whole batch, and is no sum",
    "FirstMax": "it mixes the rows of the batch",
}
"""The types of which some samples, or their gradients, are left to NumPy, and why."""


def reasons(report):
    """Why the nodes of a program that depend on the images are left to NumPy."""
    stages = re.split(r"\nstage \d+, ", report)[1:]
    lines = [line for stage in stages if stage.startswith("by NumPy") for line in stage.splitlines()[1:]]
    return {line.split("): ")[1] for line in lines if not line.endswith(OF_MANY)}


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_and_its_gradients(sample):
    native = assert_agree(with_gradients(sample))
    unexpected = [r for r in reasons(native.report()) if not re.search(LEFT.get(type(sample).__name__, "$^"), r)]
    assert unexpected == []


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_and_its_gradients_in_float64(sample):
    native = assert_agree(with_gradients(recast(sample, ["float64"])), WIDE_BATCHES, TOLERANCES["float64"])
    assert "float64, not float32" not in native.report()


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_of_both_kinds_of_numbers_at_once(sample):
    assert_agree(with_rows(recast(sample, ["float32", "float64"])), [9])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_that_are_none(dtype):
    """NaN, infinities and zeros with a sign: comparisons, maxima and switches treat them as NumPy does."""
    x = sc.Input("x", (None, 2, 4, 6), dtype)
    rng = np.random.default_rng(0)
    smallest, largest = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
    numbers = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, smallest * 700, largest, 1, -1], dtype)
    special = rng.choice(numbers, (33, 2, 4, 6))
    rows = sc.sum(x, axis=3)
    functions = [sc.sigmoid, sc.tanh, sc.relu, sc.softplus, sc.exp, sc.log, sc.sqrt, sc.abs, sc.Sign]
    nodes = [f(x) for f in functions]
    nodes += [sc.max_pool(x, 2), sc.Switches(x, 2), sc.maximum(x, 0 * x), sc.minimum(x, 1 - x), sc.argmax(x)]
    nodes += [
        sc.FirstMax(x, (1, 3)),
        sc.max(x, axis=(1, 2)),
        sc.softmax(x),
        sc.log_softmax(x),
        x > rows.dtype.type(0),
        sc.equal(x, x),
    ]
    reference, native = (sc.compile(nodes, backend=b)(x=special) for b in ("numpy", "native"))
    for node, e, f in zip(nodes, reference, native, strict=True):
        assert f.dtype == e.dtype
        np.testing.assert_allclose(f, e, rtol=TOLERANCES[dtype] / 2, atol=10 * np.finfo(dtype).tiny, err_msg=node.label)


def test_losses_of_several_rows_an_image():
    z, y = sc.Input("z", (None, 3, 2, 4)), sc.Input("y", (None, 3, 2), "int64")
    J = sc.softmax_cross_entropy(z, y)
    assert_agree([J, sc.SoftmaxCrossEntropy(z, y), sc.grad(J, z)])


def test_labels_that_are_computed_are_looked_at():
    z, scores = sc.Input("z", (None, 3)), sc.Input("s", (None, 5))
    f = sc.compile(sc.softmax_cross_entropy(z, sc.argmax(scores)), backend="native")
    assert np.isfinite(f(z=np.zeros((2, 3)), s=[[1, 0, 0, 0, 0], [0, 0, 1, 0, 0]]))
    with pytest.raises(sc.errors.FeedError, match="expected 0 to 2"):
        f(z=np.zeros((2, 3)), s=[[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        (sc.Input("y", (None, 1), "int64"), lambda y: sc.reshape(y, (None,))),
        (sc.Input("y", (None, 2), "int64"), lambda y: y[:, 0]),
        (sc.Input("y", (None,), "uint8"), lambda y: sc.cast(y, "int64")),
    ],
    ids=["reshaped", "sliced", "cast"],
)
@pytest.mark.parametrize("batch", [2, 20])
def test_labels_that_are_made_of_what_is_fed_are_looked_at(given, labels, batch):
    z = sc.Input("z", (None, 3))
    J = sc.softmax_cross_entropy(z, labels(given))
    f, hot = (sc.compile(node, backend="native") for node in (sc.grad(J, z), sc.one_hot(labels(given), 3)))
    right = np.full(given.spec.bind(batch), 2, given.dtype)
    errors, ones = np.full((batch, 3), 1 / 3), np.eye(3)[np.full(batch, 2)]
    np.testing.assert_allclose(f(z=np.zeros((batch, 3)), y=right), (errors - ones) / batch, atol=1e-7)
    np.testing.assert_array_equal(hot(y=right), ones)
    with pytest.raises(sc.errors.FeedError, match="expected 0 to 2"):
        f(z=np.zeros((batch, 3)), y=right + 1)
    with pytest.raises(sc.errors.FeedError, match="expected 0 to 2"):
        hot(y=right + 1)


def test_wide_maps_and_long_filters():
    x = sc.Input("x", (None, 1, 3, 150))
    z = sc.conv(x, 3, (1, 70), pad=2, seed=0)
    J = sc.sum(sc.tanh(sc.conv(z, 2, (2, 40), seed=1)))
    assert_agree([J, *sc.grad(J, J.params)], [17], tolerance=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [Scaled, Blend])
def test_types_of_a_user(kind, dtype):
    x, y = sc.Input("x", (None, 2, 3), dtype), sc.Input("y", (None, 2, 3), dtype)
    node = Scaled(x, 3) if kind is Scaled else Blend((x, y, x * y), sc.tanh(y))
    native = assert_agree(with_gradients(node), tolerance=TOLERANCES[dtype])
    assert "by NumPy" not in native.report()
    assert kind.__name__ in native.report()


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize(
    ("dtype", "batch"),
    [
        *(("float32", n) for n in (1, 17, 33)),
        *(pytest.param("float64", n, marks=pytest.mark.slow) for n in WIDE_BATCHES),
    ],
)
def test_training_steps_of_whole_networks(make, dtype, batch):
    losses, values = {}, {}
    rng = np.random.default_rng(batch)
    images, labels = rng.standard_normal((batch, 2, 10, 12)), rng.integers(0, 3, batch)
    for backend in ("numpy", "native"):
        x, y = sc.Input("x", (None, 2, 10, 12), dtype), sc.Input("y", (None,), "int64")
        J = make(x, y)
        step = sc.train_step(J, sc.SGD(lr=0.05, momentum=0.9), backend=backend)
        losses[backend] = [step(x=images, y=labels) for _ in range(4)]
        values[backend] = [p.value for p in (*J.params, *J.states)]
    tolerance = TOLERANCES[dtype] / 2
    np.testing.assert_allclose(losses["native"], losses["numpy"], rtol=tolerance)
    for a, b in zip(values["native"], values["numpy"], strict=True):
        np.testing.assert_allclose(a, b, atol=tolerance * (0.2 + np.abs(b).max()))


@pytest.mark.parametrize("make", [lenet, strided])
def test_gradients_are_those_of_numerical_derivatives(make):
    J = make(sc.Input("x", (None, 2, 10, 12)), sc.Input("y", (None,), "int64"))
    rng = np.random.default_rng(0)
    feeds = {"x": rng.standard_normal((11, 2, 10, 12)), "y": rng.integers(0, 3, 11)}
    assert sc.testing.check_gradients(J, feeds, backend="native").worst < 1e-8


@pytest.mark.skipif("86" not in platform.machine(), reason="code for x86 runs on x86")
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("name", "features", "lanes"), [("haswell", "+avx2,+fma", 8), ("x86-64", "", 4)])
@pytest.mark.parametrize("make", [*NETWORKS[:2], *(pytest.param(m, marks=pytest.mark.slow) for m in NETWORKS[2:])])
def test_code_for_lesser_processors(monkeypatch, make, name, features, lanes, dtype):
    cpu = Cpu.of(name, features)
    assert cpu.lanes == lanes
    monkeypatch.setattr(Cpu, "host", lambda: cpu)
    J = make(sc.Input("x", (None, 2, 10, 12), dtype), sc.Input("y", (None,), "int64"))
    assert_agree([J, *sc.grad(J, J.params)], [1, 7, 8, 9, 33] if dtype == "float32" else [1, 5], TOLERANCES[dtype])


FUNCTIONS = [sc.sigmoid, sc.tanh, sc.relu, sc.softplus, sc.exp, lambda a: a * a - 0.5, lambda a: sc.maximum(a, -a) / 2]


@st.composite
def networks(draw):
    """A loss over small images: some layers of any kind and size, perhaps with a branch, and a dense end."""
    channels, height, width = (draw(st.integers(1, n)) for n in (4, 13, 13))
    x, y = sc.Input("x", (None, channels, height, width)), sc.Input("y", (None,), "int64")
    h = x
    for n in range(draw(st.integers(1, 4))):
        h = draw_layer(draw, h, n)
    if draw(st.booleans()):
        h = sc.dense(h, draw(st.integers(1, 40)), seed=7)
        h = draw(st.sampled_from(FUNCTIONS[:4]))(h)
    z = sc.dense(h, 3, bias=draw(st.booleans()), seed=8)
    losses = [
        lambda: sc.softmax_cross_entropy(z, y),
        lambda: sc.squared_error(sc.softmax(z), sc.one_hot(y, 3)),
        lambda: sc.binary_cross_entropy(sc.sigmoid(z), sc.one_hot(y, 3)),
    ]
    return draw(st.sampled_from(losses))()


def draw_layer(draw, h, seed):
    height, width = h.shape[2:]
    kind = draw(st.sampled_from(["conv", "function", "mean", "max", "branch", "normalised"]))
    if kind == "conv":
        pad = draw(st.integers(0, 3))
        size = tuple(draw(st.integers(1, min(6, d + 2 * pad))) for d in (height, width))
        filters, stride = draw(st.integers(1, 9)), draw(st.integers(1, 3))
        return sc.conv(h, filters, size, stride=stride, pad=(pad, pad), bias=draw(st.booleans()), seed=seed)
    if kind in ("mean", "max"):
        size = tuple(draw(st.integers(1, min(3, d))) for d in (height, width))
        return sc.pool(h, size, kind, border="drop")
    if kind == "branch":
        return h + sc.conv(sc.sigmoid(h), h.shape[1], 3, pad=1, seed=seed)
    if kind == "normalised":
        kinds = [sc.batch_norm, sc.layer_norm, lambda h: sc.dropout(sc.batch_norm(h), 0.3, seed=seed)]
        return draw(st.sampled_from(kinds))(sc.conv(h, 3, 1, seed=seed))
    return draw(st.sampled_from(FUNCTIONS))(h * 0.5)


@given(networks(), st.sampled_from([1, 15, 16, 17, 33]))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_random_networks_and_their_gradients(J, batch):
    assert_agree([J, *sc.grad(J, J.params)], [batch], tolerance=1e-4)


@pytest.mark.slow
@given(networks(), st.sampled_from(WIDE_BATCHES))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_random_networks_in_float64(J, batch):
    wide = recast(J, ["float64"])
    assert_agree([wide, *sc.grad(wide, wide.params)], [batch], tolerance=1e-12)


@pytest.mark.slow
@given(networks(), st.sampled_from([1, 7, 8, 9, 33]))
@settings(max_examples=150, deadline=None)
def test_many_random_networks_in_float64(J, batch):
    wide = recast(J, ["float64"])
    assert_agree([wide, *sc.grad(wide, wide.params)], [batch], tolerance=1e-12)


@pytest.mark.slow
@given(networks(), st.sampled_from([1, 15, 16, 17, 33, 256]))
@settings(max_examples=300, deadline=None)
def test_many_random_networks_and_their_gradients(J, batch):
    assert_agree([J, *sc.grad(J, J.params)], [batch], tolerance=1e-4)


@pytest.mark.parametrize(
    "optimizer", [sc.SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3), sc.Adam(lr=0.01)]
)
def test_a_whole_training(optimizer):
    data = sc.data.mnist_mini()
    losses, accuracy = {}, {}
    for backend in ("numpy", "native"):
        x, y = sc.Input("x", (None, 1, 28, 28)), sc.Input("y", (None,), "int64")
        a = sc.mean_pool(sc.sigmoid(sc.conv(x, 6, 5, seed=0)), 2)
        z = sc.dense(sc.max_pool(sc.tanh(sc.conv(a, 8, 3, seed=1)), 2), 10, seed=2)
        train, test = {"x": data.x_train, "y": data.y_train}, {"x": data.x_test, "y": data.y_test}
        history = sc.fit(
            sc.softmax_cross_entropy(z, y),
            train,
            optimizer=optimizer,
            epochs=3,
            batch=50,
            validation=test,
            metrics={"accuracy": sc.accuracy(z, y)},
            backend=backend,
        )
        losses[backend], accuracy[backend] = history.loss, history.validation["accuracy"]
    np.testing.assert_allclose(losses["native"][:20], losses["numpy"][:20], rtol=1e-4)
    np.testing.assert_allclose(losses["native"], losses["numpy"], rtol=0.05, atol=0.01)
    assert accuracy["native"] == pytest.approx(accuracy["numpy"], abs=0.01)
    assert accuracy["native"] > 0.85


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [17, 20, 33])
def test_slopes_of_lanes_without_an_image(batch, dtype):
    """What was cleared for one sum is read for the next: the square root of 0 has an infinite slope there."""
    rng = np.random.default_rng(batch)
    a, w, v, u = (rng.random(shape) + 0.5 for shape in ((batch, 3), (4, 3), (4, 1), (1, 2)))
    x = sc.Input("x", (None, 3), dtype)
    params = [sc.Param(name, value.astype(dtype)) for name, value in (("w", w), ("b", np.zeros(4)), ("v", v), ("u", u))]
    loss = sc.sum(sc.tanh(0.1 * (sc.sqrt(sc.Dense(x, *params[:2]) @ params[2]) @ params[3])))
    found = sc.compile(sc.grad(loss, [x, *params]), backend="native")(x=a)
    z = a @ w.T
    root = np.sqrt(z @ v)
    sent = 0.1 * (1 - np.tanh(0.1 * root @ u) ** 2)
    error = sent @ u.T / (2 * root)
    back = error @ v.T
    right = (back @ w, back.T @ a, back.sum(axis=0), z.T @ error, root.T @ sent)
    for gradient, wanted in zip(found, right, strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=2e-5 if dtype == "float32" else 1e-12)
