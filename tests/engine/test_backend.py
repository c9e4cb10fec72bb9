"""The seam between programs and engines: a backend of another package does all that a program asks of one."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest
from registered_types import SAMPLES

import symcnn as sc
from symcnn.engine import backend
from symcnn.testing.forward import _engine_agrees

POINTS = {"strict": EntryPoint("strict", "strict_backend:StrictBackend", "symcnn.backends")}


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    monkeypatch.setattr(backend, "_installed", lambda: POINTS)


@pytest.mark.parametrize("sample", SAMPLES)
def test_it_computes_every_node_type_and_its_errors(sample):
    assert list(_engine_agrees(sample, "strict", ("float32", "float64"), (3, 1, 0))) == []


def network():
    x, y = sc.Input("x", (None, 1, 8, 8)), sc.Input("y", (None,), "int64")
    p = sc.max_pool(sc.sigmoid(sc.conv(x, 3, 3, seed=0)), 2)
    return sc.softmax_cross_entropy(sc.dense(p, 4, seed=1), y)


def trained(name):
    rng = np.random.default_rng(0)
    data = {"x": rng.standard_normal((40, 1, 8, 8), "float32"), "y": rng.integers(0, 4, 40)}
    J = network()
    program = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.9), backend=name)
    losses = [float(program(x=data["x"][n : n + 10], y=data["y"][n : n + 10])) for n in (0, 10, 20, 30) * 5]
    return losses, [p.value for p in J.params]


def test_it_trains_as_numpy_does():
    (losses, weights), (expected, others) = trained("strict"), trained("numpy")
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert losses[-4:] < losses[:4]
    for found, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(found, other, rtol=1e-4, atol=1e-6)


def test_traces_reports_and_blame_work_with_it(refused):
    x = sc.Input("x", (None, 2))
    f = sc.compile(sc.log(x), backend="strict", guard=True)
    assert f.trace(x=[[1, 1]])[f.plan.outputs[0]].tolist() == [[0, 0]]
    assert f.report(3).splitlines()[0] == "backend strict, batch 3: 2 nodes"
    assert f.advice(3) == ""
    with refused(ArithmeticError, "Log", "computed NaN or infinity from finite numbers"):
        f(x=[[1, 0]])
    with pytest.raises(ValueError, match="the backend 'strict' has no profiles"):
        f.profile(x=[[1, 1]])


def test_backends_that_are_unknown_or_cannot_be_loaded(refused, monkeypatch):
    monkeypatch.setitem(POINTS, "broken", EntryPoint("broken", "no_such_module:Backend", "symcnn.backends"))
    x = sc.Input("x", (2,))
    with refused(ValueError, "unknown backend 'stricter'", "'auto', 'numpy', 'native', 'strict', 'broken'"):
        sc.compile(x + 1, backend="stricter")
    with refused(ValueError, "'broken' cannot be loaded from no_such_module:Backend: ModuleNotFoundError"):
        sc.compile(x + 1, backend="broken")


def test_a_package_brings_a_backend_by_an_entry_point(tmp_path, monkeypatch):
    monkeypatch.undo()
    info = tmp_path / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[symcnn.backends]\nmine = strict_backend:StrictBackend\n")
    monkeypatch.syspath_prepend(tmp_path)
    backend._installed.cache_clear()
    try:
        assert "mine" in backend.names()
        x = sc.Input("x", (2,))
        assert sc.compile(x + 1, backend="mine")(x=[1, 2]).tolist() == [2, 3]
    finally:
        monkeypatch.undo()
        backend._installed.cache_clear()
