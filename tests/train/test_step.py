"""One compiled step: what it returns, what it changes, and that a failed step changes nothing."""

import numpy as np
import pytest

import symcnn as sc


def test_a_step_returns_the_loss_before_its_update():
    w = sc.Param("w", [2.0])
    step = sc.train_step(sc.sum(w * w), sc.SGD(lr=0.5))
    assert step() == 4.0
    assert w.value == [0.0]
    assert step.iteration == 1


def test_a_failed_step_changes_neither_parameters_nor_state():
    x, y = sc.Input("x", (None, 2)), sc.Input("y", (None,), dtype="int64")
    J = sc.softmax_cross_entropy(sc.dense(x, 3, seed=0), y)
    step = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.9))
    step(x=np.ones((4, 2)), y=[0, 1, 2, 0])
    before = [p.value.copy() for p in (*J.params, *step.state)]
    for feeds in ({"x": np.ones((4, 2)), "y": [0, 1, 3, 0]}, {"x": np.full((4, 2), np.nan), "y": [0] * 4}):
        with pytest.raises(sc.errors.SymcnnError):
            step(feeds)
    assert all((p.value == b).all() for p, b in zip((*J.params, *step.state), before, strict=True))
    assert step.iteration == 1


def test_the_fed_array_is_named_when_it_holds_nan():
    x = sc.Input("x", (None, 2))
    step = sc.train_step(sc.mean(sc.dense(x, 1, seed=0)), sc.SGD())
    with pytest.raises(sc.errors.NonFiniteError, match=r"Input 'x'.*fed(.|\n)*\(1, 0\)"):
        step(x=[[0, 0], [np.inf, 0]])


def test_profiling_updates_nothing():
    w = sc.Param("w", [2.0])
    step = sc.train_step(sc.sum(w * w), sc.SGD(lr=0.5))
    profile = step.profile(runs=3)
    assert w.value == [2.0]
    assert profile.rows
    assert "ms" in str(profile)
    assert profile.seconds > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_rate_is_that_of_the_schedule_at_each_step(dtype):
    rates = [0.5, 0.5, 0.25, 0.5]
    w = sc.Param("w", np.zeros(1, dtype))
    step = sc.train_step(sc.sum(w), sc.SGD(lr=lambda iteration, _: rates[iteration]))
    for _ in rates:
        step()
    assert w.value == [-1.75]


def test_parameters_of_two_dtypes_have_one_rate():
    w, v = sc.Param("w", np.ones(1, "float32")), sc.Param("v", np.ones(1, "float64"))
    sc.train_step(sc.sum(sc.cast(w, "float64") + v), sc.SGD(lr=0.1))()
    assert (w.value.dtype, v.value.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal([w.value[0], v.value[0]], [np.float32(1) - np.float32(0.1), 0.9])


def test_a_rate_beyond_float32_is_refused_without_a_warning():
    w = sc.Param("w", np.ones(1, "float32"))
    with pytest.raises(sc.errors.NonFiniteError):
        sc.train_step(sc.sum(w), sc.SGD(lr=1e300))()
    assert w.value == [1]


@pytest.mark.parametrize("given", ["abc", None, 1j, [0.1, 0.2], 10**400])
def test_a_rate_that_is_no_number_is_refused_each_time(given):
    w = sc.Param("w", np.ones(1))
    step = sc.train_step(sc.sum(w), sc.SGD(lr=lambda iteration, epoch: given))
    for _ in range(2):
        with pytest.raises(sc.errors.DTypeError, match="the schedule of lr gave"):
            step()
    assert w.value == [1]


def test_a_rate_that_someone_else_has_written_over_is_written_again():
    w = sc.Param("w", np.zeros(1))
    step = sc.train_step(sc.sum(w), sc.SGD(lr=0.5))
    step()
    for param in step.program.plan.order:
        if isinstance(param, sc.Param) and param.name == "lr":
            param.value[...] = 0
    step()
    assert w.value == [-1]


@pytest.mark.filterwarnings("error")
def test_a_tiny_rate_raises_no_alarm():
    w = sc.Param("w", np.zeros(1, "float32"))
    with np.errstate(all="raise"):
        sc.train_step(sc.sum(w), sc.SGD(lr=lambda iteration, epoch: np.float64(1e-60)))()
    assert w.value == [0]


def test_a_rate_may_be_an_array_that_changes():
    rate = np.array(0.5)
    w = sc.Param("w", np.zeros(1))
    step = sc.train_step(sc.sum(w), sc.SGD(lr=lambda iteration, epoch: rate))
    step()
    rate *= 0.5
    step()
    assert w.value == [-0.75]
