"""Training with states: what is measured predicts, and a training that is taken up again goes on as it would have."""

import numpy as np
import pytest

import symcnn as sc

IMAGES = np.random.default_rng(0).standard_normal((12, 2, 6, 6)).astype("f4")
DATA = {"x": IMAGES, "y": np.arange(12) % 3}


def network():
    x, y = sc.Input("x", (None, 2, 6, 6)), sc.Input("y", (None,), "int64")
    a = sc.dropout(sc.relu(sc.batch_norm(sc.conv(x, 4, 3, seed=0, name="c"), name="bn")), 0.4, seed=1, name="d")
    z = sc.dense(a, 3, seed=2, name="out")
    return sc.softmax_cross_entropy(z, y), sc.accuracy(z, y)


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_what_is_measured_predicts(backend):
    J, right = network()
    history = sc.fit(
        J, DATA, optimizer=sc.SGD(lr=0.1), epochs=2, batch=5, validation=DATA, metrics={"right": right}, backend=backend
    )
    expected = [float(v) for v in sc.compile(sc.inference([J, right]), backend=backend)(DATA)]
    found = history.epochs[-1].validation
    assert [found["loss"], found["right"]] == pytest.approx(expected, rel=1e-5)
    assert sc.evaluate({"loss": J}, DATA, backend=backend)["loss"] == pytest.approx(expected[0], rel=1e-5)
    trained = sc.fit(J, DATA, optimizer=sc.SGD(lr=0), batch=5, metrics={"right": right}, backend=backend)
    assert trained.epochs[-1].training["right"] == pytest.approx(float(sc.compile(sc.inference(right))(DATA)), rel=1e-5)


@pytest.mark.parametrize(("backend", "threads"), [("numpy", 1), ("native", 1), ("native", 2)])
def test_a_training_goes_on_as_it_would_have(backend, threads):
    whole, _ = network()
    first = sc.train_step(whole, sc.SGD(lr=0.1, momentum=0), backend=backend, threads=threads)
    saved, losses = {}, []
    for n in range(4):
        if n == 2:
            saved = {name: p.value.copy() for name, p in whole.named_params.items()}
        losses.append(first(DATA))
    assert set(saved) == {"c.W", "c.b", "bn.mean", "bn.var", "bn.gain", "bn.b", "d.step", "out.W", "out.b"}
    again, _ = network()
    for name, p in again.named_params.items():
        p.assign(saved[name])
    second = sc.train_step(again, sc.SGD(lr=0.1, momentum=0), backend=backend, threads=threads)
    assert [second(DATA) for _ in range(2)] == losses[2:]
    for name, p in again.named_params.items():
        np.testing.assert_array_equal(p.value, whole.named_params[name].value)


def test_profiles_and_checks_renew_nothing():
    J, _ = network()
    step = sc.train_step(J, sc.SGD())
    step.profile(DATA, runs=1)
    step.program.check_finite(DATA)
    step.program.trace(DATA)
    assert [p.value.sum() for p in J.states] == [0, 4, 0]


def test_the_optimizer_has_its_own_state():
    J, _ = network()
    step = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.9))
    assert not set(step.state) & set(J.states) and len(step.state) == len(J.params)
    frozen = sc.train_step(J, sc.SGD(lr=0.1), params=[J.param("out.W")])
    before = J.param("c.W").value.copy()
    frozen(DATA)
    assert (J.param("c.W").value == before).all() and J.param("d.step").value == 1 and J.param("bn.mean").value.any()
