"""Each optimizer against the same rule written in NumPy, and against its properties."""

import numpy as np
import pytest

import symcnn as sc


def quadratic(start, dtype="float64"):
    """J = 1/2 sum c w^2 with its gradient c w."""
    w = sc.Param("w", np.array(start, dtype))
    c = sc.Const(np.array([[1.0, 4.0], [0.5, 2.0]], dtype))
    return w, c.value, 0.5 * sc.sum(c * w * w)


START = [[1.0, -2.0], [3.0, 0.5]]


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_the_tutorials_rule(momentum, nesterov):
    w, c, J = quadratic(START)
    step = sc.train_step(J, sc.SGD(lr=0.1, momentum=momentum, nesterov=nesterov, weight_decay=0.01))
    expected, velocity = np.array(START), np.zeros((2, 2))
    for _ in range(5):
        gradient = c * expected + 0.01 * expected
        velocity = momentum * velocity + 0.1 * gradient
        expected = expected - (momentum * velocity + 0.1 * gradient if nesterov and momentum else velocity)
        step()
    np.testing.assert_allclose(w.value, expected, rtol=1e-13)


def test_adam_is_the_papers_rule():
    w, c, J = quadratic(START)
    step = sc.train_step(J, sc.Adam(lr=0.1, weight_decay=0.01))
    expected, m, v = np.array(START), np.zeros((2, 2)), np.zeros((2, 2))
    for t in range(1, 6):
        gradient = c * expected
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        update = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8) + 0.01 * expected
        expected = expected - 0.1 * update
        step()
    np.testing.assert_allclose(w.value, expected, rtol=1e-11)


def test_schedules_reach_the_update():
    w, _, J = quadratic(START)
    rates = []

    def schedule(iteration, epoch):
        rates.append((iteration, epoch))
        return 0.1 if iteration == 0 else 0.0

    step = sc.train_step(J, sc.SGD(lr=schedule))
    step()
    after_first = w.value.copy()
    step.epoch = 3
    step()
    assert rates == [(0, 0), (1, 3)]
    np.testing.assert_array_equal(w.value, after_first)


def test_weight_decay_leaves_biases_alone():
    b = sc.Param("b", [1.0])
    step = sc.train_step(sc.sum(0 * b), sc.SGD(lr=0.1, weight_decay=0.5))
    step()
    assert b.value == [1.0]


@pytest.mark.parametrize("optimizer", [sc.SGD(0.01, momentum=0.9), sc.Adam()], ids=["sgd", "adam"])
def test_state_and_update_keep_the_parameters_dtype(optimizer):
    w, _, J = quadratic(START, "float32")
    step = sc.train_step(J, optimizer)
    step()
    assert w.value.dtype == np.float32
    assert {s.dtype.name for s in step.state if s.ndim} == {"float32"}


def test_the_state_belongs_to_the_step_and_not_to_the_loss():
    w, _, J = quadratic(START)
    sc.train_step(J, sc.SGD(momentum=0.9))
    assert J.params == [w]


@pytest.mark.parametrize(
    "make",
    [lambda: sc.SGD(lr=-1), lambda: sc.SGD(momentum=1.5), lambda: sc.SGD(lr=float("nan")), lambda: sc.Adam(beta1=2)],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match="expected a number from"):
        make()


def test_only_the_named_parameters_are_trained():
    a, b = sc.Param("a", [1.0]), sc.Param("b", [1.0])
    step = sc.train_step(sc.sum(a * b), sc.SGD(lr=0.1), params=[a])
    step()
    assert a.value == [0.9]
    assert b.value == [1.0]


def test_nothing_to_train_is_an_error():
    x = sc.Input("x", (3,))
    with pytest.raises(sc.errors.GradientError, match="nothing to train"):
        sc.train_step(sc.sum(x), sc.SGD())
    with pytest.raises(sc.errors.GradientError, match="does not depend on it"):
        sc.train_step(sc.sum(sc.Param("w", [1.0])), sc.SGD(), params=[sc.Param("other", [1.0])])


def test_unconnected_weights_of_a_table_are_neither_counted_nor_trained():
    x, y = sc.Input("x", (None, 3, 6, 6)), sc.Input("y", (None,), dtype="int64")
    z = sc.conv(x, filters=2, size=3, table=[[0, 1], [2]], seed=0, name="c")
    J = sc.softmax_cross_entropy(sc.dense(sc.sigmoid(z), 2, seed=1), y)
    w = J.params[0]
    unseen = ~np.broadcast_to(np.array([[1, 1, 0], [0, 0, 1]], bool)[:, :, None, None], w.value.shape)
    rng = np.random.default_rng(0)
    for optimizer in (sc.SGD(lr=0.5, momentum=0.9, weight_decay=0.1), sc.Adam(weight_decay=0.1)):
        before = w.value.copy()
        step = sc.train_step(J, optimizer)
        for _ in range(3):
            step(x=rng.random((4, 3, 6, 6)), y=[0, 1, 1, 0])
        assert (w.value[~unseen] != before[~unseen]).all()
        assert (w.value[unseen] == 0).all()
    assert w.size == 3 * 9
