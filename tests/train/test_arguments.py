"""Odd arguments of what trains: refused by name, with what was expected, and nothing is ignored."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.train import evaluate

INF, NAN = float("inf"), float("nan")
X = np.arange(12.0).reshape(6, 2) / 10
DATA = {"x": X, "t": X.sum(axis=1, keepdims=True)}


def regression():
    x, t = sc.Input("x", (None, 2)), sc.Input("t", (None, 1))
    return sc.squared_error(sc.dense(x, 1, seed=0), t)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: sc.Adam(beta1=1),
            r"Adam: beta1 is 1; expected a number from 0 to below 1\n  made at .*py",
        ),
        (lambda: sc.Adam(beta2=1.0), "Adam: beta2 is 1.0; expected a number from 0 to below 1"),
        (lambda: sc.Adam(beta1=lambda i, e: 0.9), "Adam: beta1 is .*; expected a number"),
        (lambda: sc.Adam(eps=-1e-8), "Adam: eps is -1e-08; expected a number from 0 on"),
        (lambda: sc.Adam(weight_decay=NAN), "Adam: weight_decay is nan; expected a number from 0 on"),
        (lambda: sc.Adam(lr=None), "Adam: lr: None is neither a number nor a schedule"),
        (lambda: sc.SGD(lr=INF), "SGD: lr is inf; expected a number from 0 on"),
        (lambda: sc.SGD(lr=True), "SGD: lr: True is neither a number nor a schedule"),
        (lambda: sc.SGD(lr="0.1"), "SGD: lr: '0.1' is neither a number nor a schedule"),
        (lambda: sc.SGD(momentum=1), "SGD: momentum is 1; expected a number from 0 to below 1"),
        (lambda: sc.SGD(nesterov="no"), "SGD: nesterov is 'no'; expected True or False"),
        (lambda: sc.schedules.piecewise({1: 0.5}), r"needs a value for iteration 0; it has \[1\]"),
        (lambda: sc.schedules.piecewise({0: "a"}), "piecewise: the value from 0 on is 'a'; expected a number"),
        (lambda: sc.schedules.piecewise({"0": 1}), "piecewise: an iteration is '0'"),
        (lambda: sc.schedules.piecewise(3), "piecewise takes {iteration: value}, got 3"),
        (lambda: sc.schedules.cosine(0.1, 0), "cosine: iterations is 0"),
        (lambda: sc.schedules.cosine(0.1, 2.5), "cosine: iterations is 2.5"),
        (lambda: sc.schedules.cosine(None, 2), "cosine: start is None"),
        (lambda: sc.schedules.by_epoch(0.1, "half"), "by_epoch: factor is 'half'; expected a number"),
        (lambda: sc.schedules.constant([1]), r"constant: value is \[1\]; expected a number"),
    ],
)
def test_settings_that_cannot_be(make, said):
    with pytest.raises(sc.errors.SymcnnError, match=said):
        make()


@pytest.mark.parametrize("given", [-0.1, NAN, INF, -INF])
def test_what_a_schedule_gives_is_checked_in_each_step(given):
    w = sc.Param("w", np.ones(1))
    step = sc.train_step(sc.sum(w), sc.SGD(lr=lambda i, e: 0.5 if i == 0 else given))
    step()
    for _ in range(2):
        said = rf"the schedule of lr gave {given}; expected a number from 0 on\n  it was asked for iteration 1"
        with pytest.raises(sc.errors.ArgumentError, match=said):
            step()
    assert w.value == [0.5]
    with pytest.raises(sc.errors.ArgumentError, match=r"the schedule of momentum gave 1.0; expected .* to below 1"):
        sc.train_step(sc.sum(w), sc.SGD(momentum=lambda i, e: 1.0))()


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (lambda i: 0.1, r"the schedule of lr failed: TypeError: (.|\n)*schedule\(iteration, epoch\)"),
        (lambda i, e: 1 / 0, "the schedule of lr failed: ZeroDivisionError"),
        (sc.schedules.by_epoch(2.0, 1e300), None),
    ],
)
def test_a_schedule_that_fails(schedule, said):
    step = sc.train_step(regression(), sc.SGD(lr=schedule))
    if said is None:
        step.epoch, said = 5, "the schedule of lr failed: OverflowError"
    with pytest.raises(sc.errors.ArgumentError, match=said):
        step(DATA)


def test_which_parameters_are_trained():
    J = regression()
    w, b = J.params
    for params, said in (
        ([], r"params is empty: there is nothing to train\n  leave params out"),
        (w, "params is a list of parameters, got Param"),
        (["dense1.W"], "params is a list of parameters, got 'dense1.W'"),
        ("dense1.W", "params is a list of parameters, got 'dense1.W'"),
        (3, "params is a list of parameters, got 3"),
        ([J], "params is a list of parameters, got Mean"),
    ):
        with pytest.raises(sc.errors.SymcnnError, match=said):
            sc.train_step(J, sc.SGD(), params=params)
    kept = b.value.copy()
    sc.train_step(J, sc.SGD(lr=0.1), params=(p for p in [w]))(DATA)
    assert (b.value == kept).all()


class Halved(sc.SGD):
    """Half the rate that it is told, and without momentum in its settings."""

    @property
    def settings(self):
        return {"lr": self.lr}


class Plain:
    """Gradient descent as a user writes it."""

    def __init__(self, settings):
        self.settings = settings

    def updates(self, grads, setting):
        return {w: w + setting("rate") * g for w, g in grads.items()}


def test_an_own_optimizer():
    J = regression()
    with pytest.raises(sc.errors.ArgumentError, match=r"Halved asks for the setting 'momentum'(.|\n)*are 'lr'"):
        sc.train_step(J, Halved())
    with pytest.raises(sc.errors.ArgumentError, match=r"Plain asks for the setting 'rate'(.|\n)*settings are empty"):
        sc.train_step(J, Plain({}))
    with pytest.raises(sc.errors.DTypeError, match="the settings of Plain are 3"):
        sc.train_step(J, Plain(3))
    with pytest.raises(sc.errors.DTypeError, match="a setting: 'fast' is neither a number nor a schedule"):
        sc.train_step(J, Plain({"rate": "fast"}))
    with pytest.raises(sc.errors.DTypeError, match=r"the optimizer is .*SGD(.|\n)*expected sc.SGD"):
        sc.train_step(J, sc.SGD)
    with pytest.raises(sc.errors.DTypeError, match="it has no settings"):
        sc.train_step(J, type("Half", (), {"updates": lambda self, grads, setting: {}})())
    w = sc.Param("w", np.ones(1))
    sc.train_step(sc.sum(w), Plain({"rate": -0.5}))()  # what its settings may be is its own affair
    assert w.value == [0.5]
    with pytest.raises(sc.errors.ArgumentError, match="gave nan; expected a finite number"):
        sc.train_step(sc.sum(w), Plain({"rate": NAN}))()


def test_metrics_without_validation_are_those_of_the_training_data():
    x, t = sc.Input("x", (None, 2)), sc.Input("t", (None, 1))
    z = sc.dense(x, 1, seed=0)
    J, error = sc.squared_error(z, t), sc.mean(sc.abs(z - t))
    history = sc.fit(J, DATA, epochs=2, batch=4, metrics={"error": error}, progress=False)
    w, b = (p.value.astype(float) for p in J.params)
    expected = np.abs(X @ w.T + b - DATA["t"]).mean()
    np.testing.assert_allclose(history.training["error"], expected, rtol=1e-5)
    assert [list(e.training) for e in history.epochs] == [["error"]] * 2
    assert history.validation == {}
    assert "error" in str(history) and "val" not in str(history)
    assert history.csv().startswith("epoch,loss,error,seconds\n1,")
    held = sc.fit(J, DATA, metrics={"error": error}, validation=DATA, progress=False)
    assert set(held.validation) == {"loss", "error"} and held.training == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shuffle": "no"}, "shuffle is 'no'; expected True or False"),
        ({"optimizer": 0}, "the optimizer is 0; expected"),
        ({"metrics": {"loss": sc.Param("p", 1.0)}}, "a metric is named 'loss'"),
        ({"metrics": {3: sc.Param("p", 1.0)}}, "expected names and nodes"),
        ({"metrics": sc.Param("p", 1.0)}, "expected names and nodes"),
        ({"metrics": {"p": sc.Param("p", [1.0])}}, "must be a scalar"),
        ({"epochs": True}, "epochs is True; it must be a whole number"),
        ({"batch": 2.0}, "batch is 2.0; it must be a whole number"),
        ({"seed": "x"}, "fit: seed is 'x'"),
        ({"threads": 0}, "threads"),
        ({"backend": "cuda"}, "'cuda'"),
        ({"validation": {}}, "nothing was given"),
    ],
)
def test_options_of_fit(options, said):
    with pytest.raises(sc.errors.SymcnnError, match=said):
        sc.fit(regression(), DATA, progress=False, **options)


def test_data_that_are_named_oddly():
    J = regression()
    x = J.graph().inputs[0]
    for data in ({**DATA, 3: X}, {**DATA, x: X}):
        with pytest.raises(sc.errors.DTypeError, match=r"the data are named .*; expected one name, or Input, for each"):
            sc.fit(J, data, progress=False)
        with pytest.raises(sc.errors.DTypeError, match="the data are named"):
            evaluate({"loss": J}, data)
