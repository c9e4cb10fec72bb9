"""What differs between training and inference: values, states, and what survives rewriting and pickling."""

import pickle

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.layer import records
from symcnn.nodes.in_training import renewed

X = sc.Input("x", (None, 3))


def state(name="s", value=0.0):
    return sc.Param(name, np.float32(value), trainable=False)


@sc.layer
def shaken(x, *, name=""):
    return sc.in_training(x * 2, x, name=name)


def test_two_graphs():
    a = sc.tanh(shaken(sc.tanh(shaken(X, name="one")), name="two"))
    assert sc.inference(a) is sc.tanh(sc.tanh(X))
    assert sc.inference([a, X]) == [sc.tanh(sc.tanh(X)), X]
    given = np.ones((2, 3))
    np.testing.assert_allclose(sc.compile(a)(x=given), np.tanh(2 * np.tanh(2 * given)), rtol=1e-6)


def test_what_stands_there_otherwise_is_stretched():
    a = sc.in_training(X * X, 1)
    assert sc.inference(a).spec == a.spec
    assert (sc.compile(sc.inference(a) + 0 * X)(x=np.zeros((2, 3))) == 1).all()


def test_dtypes_that_differ_meet_in_the_wider_one():
    a = sc.in_training(X, sc.Param("s", np.zeros(3), trainable=False))
    assert a.dtype == sc.inference(a).dtype == sc.compile(a)(x=np.ones((2, 3))).dtype == np.float64
    assert sc.inference(sc.in_training(sc.in_training(X, 2 * X), sc.cast(3 * a, "float64"))).graph.states == [
        a.graph.states[0]
    ]


@pytest.mark.parametrize("copy", [lambda a: a, lambda a: pickle.loads(pickle.dumps(a)), lambda a: sc.simplify(1 * a)])
def test_states_are_renewed_whatever_became_of_the_graph(copy):
    s = state()
    a = sc.in_training(sc.mean(X), s, state=s, new=s + sc.mean(X)) * sc.Param("w", np.float32(1))
    J = copy(sc.tanh(a))
    step = sc.train_step(J, sc.SGD(lr=0))
    step(x=np.ones((2, 3)))
    step(x=np.ones((2, 3)))
    assert J.states[0].value == 2


def test_a_state_that_several_renew_takes_one_after_the_other():
    s = state(value=1)
    half = [sc.in_training(v, s, state=s, new=0.5 * s + v) for v in (sc.mean(X), sc.sum(X))]
    total = half[0] + half[1] * sc.Param("w", np.float32(1))
    sc.train_step(total, sc.SGD(lr=0))(x=np.ones((2, 3)))
    assert s.value == 0.5 * (0.5 * 1 + 1) + 6
    count = sc.Param("n", np.int64(0), trainable=False)
    both = [sc.in_training(v, 0, state=count, new=count + 1) for v in (X, 2 * X)]
    assert list(renewed([both[0] + both[1]]).values()) == [count + 1]


def test_new_values_are_those_of_training():
    s, t = state("s"), state("t", 5)
    inner = sc.in_training(sc.mean(X), t, state=t, new=t)
    outer = sc.in_training(inner, s, state=s, new=inner * 1.0 + s)
    sc.train_step(outer * sc.Param("w", np.float32(1)), sc.SGD(lr=0))(x=np.full((2, 3), 3))
    assert s.value == 3 and t.value == 5


def test_nothing_is_renewed_where_a_step_fails():
    s = state()
    J = sc.log(sc.in_training(sc.mean(X), s, state=s, new=s + 1) * sc.Param("w", np.float32(1)))
    with pytest.raises(sc.errors.NonFiniteError):
        sc.train_step(J, sc.SGD())(x=-np.ones((2, 3)))
    assert s.value == 0


def test_nothing_is_renewed_without_a_step():
    s = state()
    a = sc.in_training(sc.mean(X), s, state=s, new=s + 1)
    for node in (a, *sc.grad(a, [X])):
        sc.compile(node)(x=np.ones((2, 3)))
    assert s.value == 0


def test_params_and_states():
    a = sc.batch_norm(sc.dense(X, 2, name="d", seed=0), name="bn")
    assert [p.name for p in a.params] == ["d.W", "d.b", "bn.gain", "bn.b"]
    assert [p.name for p in a.states] == ["bn.mean", "bn.var"] == [p.name for p in a.graph().states]
    assert list(a.named_params) == ["d.W", "d.b", "bn.mean", "bn.var", "bn.gain", "bn.b"]
    assert set(sc.backprop(sc.sum(a)).grads) == set(a.params)
    assert sc.summary(sc.sum(a)).parameters == 3 * 2 + 2 + 2 + 2
    copy = pickle.loads(pickle.dumps(a))
    assert [p.trainable for p in copy.states] == [False, False] and len(copy.params) == 4


def test_whole_numbers_stay_so_in_a_state(refused):
    s = sc.Param("n", 3, trainable=False)
    assert s.dtype == np.int64 and sc.Param("n", 3).dtype == np.float32
    s.assign(4.0)
    assert s.value == 4
    with refused(sc.errors.ArgumentError, "numbers that int64 does not hold"):
        s.assign(4.5)


def test_records_of_layers_stay():
    a = sc.dense(shaken(X), 2, seed=0)
    b = sc.layer(lambda x, *, name="": 2 * sc.tanh(x))(a, name="out")
    (record,) = records(sc.inference(b))
    assert record.name == "out" and record.inputs == (sc.inference(a),) and record.arguments["x"] is sc.inference(a)


def test_frozen_weights_are_not_trained(refused):
    w = sc.Param("w", np.float32(1), trainable=False)
    J = sc.mean(X * w * sc.Param("v", np.float32(1)))
    assert [p.name for p in sc.backprop(J).grads] == ["v"]
    with refused(sc.errors.ArgumentError, "'w'", "trainable=False"):
        sc.train_step(J, sc.SGD(), params=[w])


def test_what_does_not_fit(refused):
    s = state()
    with refused(sc.errors.ShapeError, "(2, 3)"):
        sc.in_training(X, sc.Input("y", (2, 3)))
    with refused(sc.errors.DTypeError, "a state and its new value go together"):
        sc.in_training(X, X, state=s)
    with refused(sc.errors.DTypeError, "a parameter that is not trained", "trainable=False"):
        p = sc.Param("p", np.float32(0))
        sc.in_training(X, X, state=p, new=p)
    with refused(sc.errors.ShapeError, "the new value of its state is (None, 3) float32; expected () float32"):
        sc.in_training(X, X, state=s, new=X)
    with refused(sc.errors.DTypeError, "inference takes a node or a list of nodes, got 3"):
        sc.inference(3)
    with refused(sc.errors.DTypeError, "trainable is 'no'"):
        sc.Param("p", 1, trainable="no")
