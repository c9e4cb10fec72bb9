"""Normalisation layers against stored references of PyTorch in float64 (`tests/references/make_normalisation.py`)."""

import re
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.layer import records

REFERENCES = np.load(Path(__file__).parents[1] / "references" / "normalisation.npz")
BACKENDS = ["numpy", "native"]
LAYERS = {
    "layer/all": lambda x: sc.layer_norm(x, eps=1e-3),
    "layer/last": lambda x: sc.layer_norm(x, axes=-1),
    "group/2": lambda x: sc.group_norm(x, 2),
    "group/3 of a row": lambda x: sc.group_norm(x, 3, eps=0.1),
    "instance/t": sc.instance_norm,
    "instance/h_w": sc.instance_norm,
    "response/5": lambda x: sc.local_response_norm(x, 5, alpha=0.3, beta=0.75, k=2),
    "response/4": lambda x: sc.local_response_norm(x, 4, alpha=0.5, beta=1.5),
    "response/3 of 2": lambda x: sc.local_response_norm(x, 3, alpha=1, beta=0.5),
}
ALL = {**{name.partition("/")[0]: make for name, make in LAYERS.items()}, "batch": sc.batch_norm}


def stored(prefix):
    """The arrays of one reference, by name."""
    return {k.removeprefix(f"{prefix}/"): REFERENCES[k] for k in REFERENCES.files if k.startswith(f"{prefix}/")}


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["n_c", "n_c_t", "n_c_h_w", "n_c_d_h_w"])
def test_ten_steps_of_batch_norm(name, backend, fixed):
    ref = stored(f"batch/{name}")
    shape = ref["x"].shape[1:] if fixed else (None, *ref["x"].shape[2:])
    x, t = sc.Input("x", shape, "float64"), sc.Input("t", shape, "float64")
    a = sc.batch_norm(x, momentum=0.8, eps=1e-3, name="bn")
    J = sc.mean((sc.tanh(a) - t) ** 2)
    channels = shape[1]
    J.param("bn.gain").assign(np.linspace(0.5, 1.5, channels))
    J.param("bn.b").assign(np.linspace(-0.2, 0.3, channels))
    wrt = [x, J.param("bn.gain"), J.param("bn.b")]
    gradients = sc.compile(sc.grad(J, wrt), backend=backend)(x=ref["x"][0], t=ref["t"][0])
    for found, word in zip(gradients, ("dx", "dgain", "db"), strict=True):
        close(found, ref[word])
    step = sc.train_step(J, sc.SGD(lr=0.3, momentum=0), backend=backend)
    close([step(x=ref["x"][n], t=ref["t"][n]) for n in range(10)], ref["losses"])
    for word in ("gain", "b", "mean", "var"):
        close(J.param(f"bn.{word}").value, ref[word])
    close(sc.compile(sc.inference(a), backend=backend)(x=ref["x"][0]), ref["predicted"])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", LAYERS)
def test_values_and_errors(name, backend):
    ref = stored(name)
    x = sc.Input("x", (None, *ref["x"].shape[1:]), "float64")
    a = LAYERS[name](x)
    for p in a.params:
        p.assign(ref[p.name])
    delta = sc.Input("delta", a.shape, "float64")
    back = sc.backprop(a, delta)
    program = sc.compile([a, back.delta(x), *back.grads.values()], backend=backend)
    value, dx, *rest = program(x=ref["x"], delta=ref["delta"])
    close(value, ref["value"])
    close(dx, ref["dx"])
    assert [p.name for p in a.params] == ([] if name.startswith("response") else ["gain", "b"])
    for p, found in zip(a.params, rest, strict=True):
        close(found, ref[f"d{p.name}"])


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("batch", [1, 2, 17, 33])
def test_engines_agree(kind, batch):
    x = sc.Input("x", (None, 4, 5) if kind == "layer" else (None, 6, 5, 2))
    a = ALL[kind](x)
    J = sc.sum(a * sc.sigmoid(a))
    nodes = [J, a, *sc.grad(J, [x, *J.params])]
    feeds = {"x": 1 + 2 * numbers(batch, *x.shape[1:], seed=batch)}
    by_numpy, natively = (sc.compile(nodes, backend=backend) for backend in BACKENDS)
    for expected, found in zip(by_numpy(feeds), natively(feeds), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4 * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("kind", ALL)
def test_second_derivatives(kind):
    x = sc.Input("x", (None, 6, 3), "float64")
    a = sc.layer_norm(x, axes=(1, 2)) if kind == "layer" else ALL[kind](x)
    at, u, v = (numbers(4, 6, 3, seed=n) for n in range(3))
    direction = sc.Input("v", x.shape, "float64")
    (dx,) = sc.grad(sc.sum(sc.tanh(a)), [x])
    slope, h = sc.compile(dx), 1e-5
    (second,) = sc.grad(sc.sum(dx * direction), [x])
    numeric = ((slope(x=at + h * u) - slope(x=at - h * u)) * v).sum() / (2 * h)
    assert np.sum(sc.compile(second)(x=at, v=v) * u) == pytest.approx(numeric, rel=1e-6)


def test_by_hand():
    x = np.array([[1.0, 10], [3, 10], [8, 10]])
    a = sc.batch_norm(sc.Input("x", (None, 2), "float64"), eps=0.25)
    expected = (x[:, 0] - 4) / np.sqrt(26 / 3 + 0.25)
    close(sc.compile(a)(x=x), np.stack([expected, 0 * expected], axis=1))


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_kept_follows_the_unbiased_variance(backend):
    x = sc.Input("x", (None, 1))
    J = sc.mean(sc.batch_norm(x, momentum=0.75, name="bn"))
    step = sc.train_step(J, sc.SGD(lr=0), backend=backend)
    step(x=[[1], [3], [8]])
    assert J.param("bn.mean").value == [1] and J.param("bn.var").value == pytest.approx([0.75 + 13 / 4])


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_number_becomes_the_bias(backend):
    x = sc.Input("x", (None, 2))
    a = sc.batch_norm(x, name="bn")
    a.param("bn.b").assign([5, 6])
    J = sc.sum(a * a)
    value, dx = sc.compile([a, *sc.grad(J, [x])], backend=backend)(x=[[1, 2]])
    assert (value == [[5, 6]]).all() and (dx == 0).all()
    sc.train_step(J, sc.SGD(lr=0), backend=backend)(x=[[1, 2]])
    assert J.param("bn.mean").value == pytest.approx([0.1, 0.2]) and (J.param("bn.var").value == 1).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_constant_channels_and_large_means(backend):
    x = sc.Input("x", (None, 2, 8))
    a = sc.batch_norm(x)
    given = np.full((16, 2, 8), 1e4, "f4")
    given[:, 1] += numbers(16, 8)
    value = sc.compile(a, backend=backend)(x=given)
    wide = given[:, 1].astype(float)
    assert np.abs(value[:, 0]).max() <= 1e4 * 2**-23 * 330  # what the mean of equal numbers is off by, over sqrt(eps)
    np.testing.assert_allclose(value[:, 1], (wide - wide.mean()) / np.sqrt(wide.var() + 1e-5), atol=5e-3)


def test_options():
    x = sc.Input("x", (None, 3, 4))
    plain = sc.batch_norm(x, gain=False, bias=False)
    assert plain.params == [] and [p.name for p in plain.states] == ["mean", "var"]
    assert [p.name for p in sc.layer_norm(x, bias=False, name="ln").params] == ["ln.gain"]
    assert sc.layer_norm(x, axes=(1,)).params[0].value.shape == (3,)
    assert sc.layer_norm(x).params[0].value.shape == (3, 4)
    assert list(sc.batch_norm(sc.batch_norm(x)).named_params) == [
        f"batch_norm{n}.{word}" for n in (1, 2) for word in ("mean", "var", "gain", "b")
    ]
    assert sc.batch_norm(sc.Input("x", (None, 3), "uint8")).dtype == np.float32


def test_the_record():
    x = sc.Input("x", (None, 3, 4))
    a = sc.batch_norm(x, name="bn1")
    for node in (a, sc.inference(a)):
        (record,) = records(node)
        assert (record.title, record.name, record.inputs) == ("BatchNorm", "bn1", (x,))


def test_the_training_step_is_native():
    x, y = sc.Input("x", (None, 1, 12, 12)), sc.Input("y", (None,), "int64")
    a = sc.relu(sc.batch_norm(sc.conv(x, 4, 3, seed=0)))
    a = sc.relu(sc.group_norm(sc.conv(sc.dropout(a, 0.3, seed=0), 4, 3, seed=1), 2))
    a = sc.local_response_norm(sc.instance_norm(sc.layer_norm(a)))
    J = sc.softmax_cross_entropy(sc.dense(a, 3, seed=2), y)
    report = sc.train_step(J, sc.SGD(), backend="native").program.report(32)
    by_numpy = re.findall(r"stage \d+, by NumPy:\n((?: {6}.*\n)*)", report)
    assert len(by_numpy) == 1 and by_numpy[0].count("\n") == 1 and "the same for all images" in by_numpy[0]


@pytest.mark.parametrize(
    ("kind", "options", "fragments"),
    [
        (sc.batch_norm, {"momentum": 1.5}, ("momentum is 1.5",)),
        (sc.batch_norm, {"momentum": float("nan")}, ("momentum is nan",)),
        (sc.batch_norm, {"eps": 0}, ("eps is 0", "above 0")),
        (sc.layer_norm, {"eps": -1.0, "name": "ln"}, ("layer_norm 'ln'", "eps is -1.0")),
        (sc.instance_norm, {"eps": -1}, ("eps is -1",)),
        (sc.local_response_norm, {"size": 0}, ("size is 0",)),
        (sc.local_response_norm, {"k": 0}, ("k is 0", "above 0")),
        (sc.local_response_norm, {"alpha": -1}, ("alpha is -1",)),
    ],
)
def test_numbers_out_of_range(refused, kind, options, fragments):
    x = sc.Input("x", (None, 6, 4))
    with refused(sc.errors.ArgumentError, *fragments):
        kind(x, **options)


def test_shapes_that_do_not_fit(refused):
    x = sc.Input("x", (None, 6))
    with refused(sc.errors.ArgumentError, "6 channels do not divide into 4 groups"):
        sc.group_norm(x, 4)
    with refused(sc.errors.ShapeError, "with spatial axes", "(None, 6)"):
        sc.instance_norm(x)
    with refused(sc.errors.ShapeError, "batch_norm reads (N, channels, ...)", "(None,)"):
        sc.batch_norm(sc.Input("x", (None,)))
    with refused(sc.errors.ShapeError, "(None, 6)", "sc.batch_norm normalises over the batch"):
        sc.layer_norm(x, axes=0)
    with refused(sc.errors.ShapeError, "layer_norm", "axis 2"):
        sc.layer_norm(x, axes=2)
    with refused(sc.errors.ShapeError, "layer_norm"):
        sc.layer_norm(sc.Input("x", (None,)))
    with refused(sc.errors.DTypeError, "gain is 'no'"):
        sc.batch_norm(x, gain="no")
    with refused(sc.errors.FeedError, "mean of an empty batch"):
        sc.compile(sc.batch_norm(x))(x=np.zeros((0, 6)))
