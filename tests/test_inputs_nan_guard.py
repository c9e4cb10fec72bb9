"""The NaN guard: training stops at the first NaN or infinity and names the node that made it."""

import numpy as np
import pytest

import symcnn as sc

NAN, INF = np.nan, np.inf


def stopped(run, *fragments):
    """`run` must end with a NonFiniteError that has `fragments` and this file in its message."""
    with pytest.raises(sc.errors.NonFiniteError) as caught:
        run()
    text = str(caught.value)
    assert isinstance(caught.value, ArithmeticError)
    assert all(part in text for part in (*fragments, "test_inputs_nan_guard.py")), text
    return text


def regression(rate, scale=1.0):
    x, t = sc.Input("x", (None, 3)), sc.Input("t", (None, 1))
    J = sc.squared_error(sc.dense(x, 1, seed=0, name="out"), t)
    rng = np.random.default_rng(0)
    data = {"x": scale * rng.standard_normal((64, 3)), "t": rng.standard_normal((64, 1))}
    return J, data, sc.SGD(lr=rate)


# Programs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "given", "name"),
    [
        (lambda x: sc.sigmoid(sc.Log(x, name="bad")) + 1, [1, -1], "Log 'bad'"),
        (lambda x: sc.exp(sc.Log(x, name="bad")), [1, 0], None),  # e^-inf is 0: nothing is wrong
        (lambda x: 2 * sc.Log(x, name="bad"), [1, 0], "Log 'bad'"),
        (lambda x: sc.tanh(sc.Div(x, x - x, name="bad")), [1, 0], "Div 'bad'"),
        (lambda x: 1 + sc.Sqrt(x, name="bad"), [1, -1], "Sqrt 'bad'"),
        (lambda x: sc.sum(sc.Exp(100 * x, name="bad")), [1, 5], "Exp 'bad'"),
        (lambda x: sc.Sum(3e38 * sc.tanh(x), name="bad"), [5, 5], "Sum 'bad'"),
        (lambda x: sc.where(x > 0, sc.log(x), 0), [-1, 2], None),  # what is not chosen does not count
        (lambda x: sc.max(sc.Pow(x, 0.5, name="bad")), [-1, 2], "Pow 'bad'"),
        (lambda x: sc.mean(sc.Mul(2e19 * x, 2e19 * x, name="bad")), [1, 1], "Mul 'bad'"),
    ],
)
def test_the_first_node_is_named(build, given, name):
    x = sc.Input("x", (2,))
    guarded, plain = sc.compile(build(x), guard=True), sc.compile(build(x))
    if name is None:
        assert np.isfinite(guarded(x=given)).all()
        assert plain.check_finite(x=given) is None
        return
    for run in (guarded, plain.check_finite):
        text = stopped(lambda run=run: run(x=given), name, "computed NaN or infinity from finite numbers")
        assert "(2,) float32" in text or "() float32" in text
    assert np.isfinite(guarded(x=[0.5, 0.25])).all()


def test_fed_arrays_and_parameters_are_named_with_the_place():
    x, w = sc.Input("x", (None, 2, 2)), sc.Param("w", np.ones((2, 2)))
    f = sc.compile(sc.sum(sc.tanh(x * w) * 2), guard=True)
    images = np.zeros((3, 2, 2))
    images[2, 0, 1] = NAN
    stopped(lambda: f(x=images), "Input 'x'", "the array that was fed has NaN or infinite numbers", "(2, 0, 1): nan")
    images[2, 0, 1] = 0
    w.value[1, 0] = -INF
    f = sc.compile(sc.sum(x * w), guard=True)
    stopped(lambda: f(x=images), "Param 'w'", "its value has NaN or infinite numbers", "(1, 0): -inf")
    c = sc.Const([1.0, NAN], name="table")
    stopped(lambda: sc.compile(sc.sum(c * w), guard=True)(), "Const 'table'")


def test_scalars_and_single_numbers_have_a_place():
    s = sc.Input("s", ())
    stopped(lambda: sc.compile(2 * s, guard=True)(s=NAN), "Input 's'", "the first one is at (): nan")


def test_each_output_counts():
    x = sc.Input("x", (2,))
    f = sc.compile([sc.sigmoid(x), x + 1, sc.Log(x, name="third")], guard=True)
    assert len(f(x=[1, 2])) == 3
    stopped(lambda: f(x=[1, 0]), "Log 'third'")


def test_nan_in_what_a_view_leaves_out_is_not_to_blame():
    """Only a part of x goes into the sum; the part that is cropped away may be NaN."""
    x, u = sc.Input("x", (4,)), sc.Input("u", (2,))
    f = sc.compile(sc.sum(x[1:3] + sc.Log(u, name="bad")), guard=True)
    assert np.isfinite(f(x=[NAN, 1, 2, INF], u=[1, 2]))
    stopped(lambda: f(x=[NAN, 1, 2, INF], u=[0, 1]), "Log 'bad'")
    stopped(lambda: f(x=[1, 1, NAN, 1], u=[1, 1]), "Input 'x'", "(2,): nan")


def test_inputs_may_hold_infinities_that_vanish():
    x = sc.Input("x", (3,))
    f = sc.compile([sc.sigmoid(x), sc.softmax(sc.reshape(sc.minimum(x, 5), (1, 3)))], guard=True)
    np.testing.assert_array_equal(f(x=[-INF, 0, INF])[0], [0, 0.5, 1])


def test_integers_and_booleans_are_always_finite():
    x = sc.Input("x", (2,))
    f = sc.compile([x > 0, sc.argmax(x)], guard=True)
    np.testing.assert_array_equal(f(x=[NAN, 1])[0], [False, True])


def test_without_the_guard_nan_is_a_result():
    x = sc.Input("x", (2,))
    np.testing.assert_array_equal(sc.compile(sc.log(x))(x=[-1, 0]), [NAN, -INF])


def test_the_gradient_is_told_by_the_line_of_the_forward_node():
    x = sc.Input("x", (2,))
    J = sc.sum(sc.Sqrt(x, name="root"))
    f = sc.compile([J, sc.grad(J, x)], guard=True)
    stopped(lambda: f(x=[0, 1]), "the backward rule of Sqrt 'root'")


# Training --------------------------------------------------------------------------------------------


def test_fit_stops_where_the_loss_explodes():
    """The learning rate is far too large: the loss grows until float32 ends, and never becomes a score."""
    J, data, optimizer = regression(rate=1e6)
    seen = [p.value.copy() for p in J.params]
    text = stopped(lambda: sc.fit(J, data, optimizer=optimizer, epochs=50, batch=8), "computed NaN or infinity")
    assert "float32" in text
    assert all(np.isfinite(p.value).all() for p in J.params)
    assert any(not np.array_equal(p.value, s) for p, s in zip(J.params, seen, strict=True))


def test_fit_stops_at_the_first_bad_row():
    J, data, optimizer = regression(rate=0.01)
    data["x"][37, 1] = NAN
    rows = []

    def run():
        rows.append(sc.fit(J, data, optimizer=optimizer, epochs=1, batch=8, shuffle=False))

    stopped(run, "Input 'x'", "the array that was fed", "(5, 1): nan")  # row 37 is number 5 of the fifth batch
    assert not rows
    assert all(np.isfinite(p.value).all() for p in J.params)


@pytest.mark.parametrize("optimizer", [sc.SGD(lr=0.1, momentum=0.9), sc.Adam(lr=0.1)])
def test_a_stopped_step_changes_neither_parameters_nor_state(optimizer):
    J, data, _ = regression(rate=0.1)
    step = sc.train_step(J, optimizer)
    step({name: array[:8] for name, array in data.items()})
    held = [*J.params, *step.state]
    before = [p.value.copy() for p in held]
    bad = {"x": np.full((8, 3), INF), "t": data["t"][:8]}
    stopped(lambda: step(bad), "Input 'x'")
    assert all(np.array_equal(p.value, b) for p, b in zip(held, before, strict=True))
    assert step.iteration == 1
    assert np.isfinite(step({name: array[:8] for name, array in data.items()}))


def test_an_update_that_overflows_is_stopped_though_the_loss_is_finite():
    w = sc.Param("w", np.float32([1e20]))
    step = sc.train_step(sc.sum(w * sc.Const(np.float32([1e18]))), sc.SGD(lr=1e30))
    text = stopped(step)
    assert "1e" not in text.splitlines()[0]
    np.testing.assert_array_equal(w.value, np.float32([1e20]))


def test_dead_parameters_are_found_before_the_first_step():
    J, data, optimizer = regression(rate=0.1)
    J.params[0].value[0, 2] = NAN
    stopped(lambda: sc.fit(J, data, optimizer=optimizer), "Param 'out.W'", "(0, 2): nan")


def test_a_classifier_never_reports_a_score_of_nan():
    """An input of 1e38 squared: the loss is NaN, and "accuracy 9.8%" would be all that is seen of it."""
    x, y = sc.Input("x", (None, 1, 6, 6)), sc.Input("y", (None,), "int64")
    a = sc.max_pool(sc.conv(x * x, 2, 3, seed=0, name="conv1"), 2)
    z = sc.dense(a, 3, seed=1, name="out")
    J = sc.softmax_cross_entropy(z, y)
    images = np.full((10, 1, 6, 6), 1e38)
    data = {"x": images, "y": np.arange(10) % 3}
    stopped(lambda: sc.fit(J, data, epochs=1, metrics={"accuracy": sc.accuracy(z, y)}), "Mul", "from Input 'x'")
