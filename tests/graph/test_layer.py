"""A function that is a layer leaves a record of what it has built, and is one value in what is shown."""

import pickle

import numpy as np

import symcnn as sc
from symcnn.graph.layer import records


@sc.layer
def block(x, filters, *, name=""):
    h = sc.relu(sc.conv(x, filters, 3, pad=1, seed=0))
    return sc.relu(sc.batch_norm(h) + x)


@sc.layer(title="Pair")
def both(x):
    gate = sc.sigmoid(x)
    return gate * x, gate + x


X = sc.Input("x", (None, 4, 6, 6))


def test_a_record_says_what_was_called_and_read():
    (*inner, record) = records(block(X, 4, name="b1"))
    assert inner == []  # the relu is no layer
    assert (record.function, record.title, record.name, record.inputs) == ("block", "Block", "b1", (X,))
    assert record.arguments["filters"] == 4


def test_a_layer_within_a_layer_is_recorded_first():
    @sc.layer
    def outer(x):
        return sc.batch_norm(x, name="bn")

    assert [r.title for r in records(outer(X))] == ["BatchNorm", "Outer"]


def test_the_same_call_twice_leaves_one_record():
    @sc.layer
    def doubled(x):
        return 2 * x

    assert len(records(doubled(X))) == 1
    assert len(records(doubled(X))) == 1


def test_what_a_layer_only_hands_on_has_no_record():
    @sc.layer
    def same(x):
        return x

    assert records(same(X)) == ()


def test_a_block_is_one_row_one_equation_and_one_box():
    J = sc.mean(block(block(X, 4, name="b1"), 4, name="b2"))
    rows = [(row.name, row.types) for row in sc.summary(J).rows]
    assert rows[1:3] == [("b1", "Block"), ("b2", "Block")]
    back = sc.backprop(J)
    forward = [str(e) for e in back.equations().parts["Forward"] if e.note in ("b1", "b2")]
    assert len(forward) == 2
    drawn = back.draw().svg
    assert all(f"{sign}{name} · Block" in drawn for sign in ("", "∂") for name in ("b1", "b2"))


def test_a_layer_that_returns_several_has_a_box_for_each():
    one, other = both(X)
    assert [records(n)[0].title for n in (one, other)] == ["Pair", "Pair"]
    assert {row.types for row in sc.summary(sc.sum(one + other)).rows} >= {"Pair"}


def test_a_value_that_others_read_is_one_of_its_own():
    kept = []

    @sc.layer
    def leaky(x):
        kept.append(sc.exp(x))
        return sc.log(1 + kept[0])

    z = leaky(X)
    assert "Exp" in {row.types for row in sc.summary(sc.sum(z * kept[0])).rows}
    assert "Exp" not in {row.types for row in sc.summary(sc.sum(z)).rows}


def test_records_change_no_value_and_survive_a_pickle():
    z = block(X, 4, name="b1")
    again = pickle.loads(pickle.dumps(z))
    assert [r.title for r in records(again)] == ["Block"]
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 6))
    np.testing.assert_array_equal(sc.compile(z)(x=x), sc.compile(again)(x=x))
