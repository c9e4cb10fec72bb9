"""Errors as weighted sums of what stands at the same place, and the sentences of steps."""

import numpy as np
import pytest
from pages import NETWORKS

import symcnn as sc
from symcnn.draw.page.sums import added_up


def steps_of(J, **feeds):
    return {(s["direction"], s["value"]): s for s in sc.explain(J, **feeds).data["steps"]}


def test_weights_are_found_for_any_loss_that_is_linear_at_its_place():
    x, t = sc.Input("x", (None, 3)), sc.Input("t", (None, 3))
    a = sc.tanh(sc.dense(x, 3, seed=0))
    feeds = {"x": np.ones(3), "t": np.arange(3.0)}
    assert steps_of(3 * sc.squared_error(a, t), **feeds)["backward", "J"]["sums"] == {
        "δ(a1)": [("a1", 3.0), ("t", -3.0)]
    }
    ((_, weight),) = steps_of(sc.mean(sc.Exp(a) + t), **feeds)["backward", "J"]["sums"]["δ(a1)"]
    assert weight == pytest.approx(1 / 3)
    assert steps_of(sc.mean(a * a * a), x=np.ones(3))["backward", "J"]["sums"] == {}


def test_parts_that_do_not_add_up_are_no_sum():
    p, t = np.array([0.2, 0.8]), np.array([0.0, 1.0])
    parts = [("p", np.ones(2)), ("t", -np.ones(2))]
    assert added_up(p - t, parts, {"p": p, "t": t}) == [("p", 1.0), ("t", -1.0)]
    assert added_up(p - t + 0.01, parts, {"p": p, "t": t}) is None
    assert added_up(p * p, [("p", 2 * p)], {"p": p}) is None
    assert added_up(p, [], {}) is None


def test_the_sentences_of_a_composite_are_those_of_its_parts_in_order():
    J, feeds = NETWORKS["lenet5"]()
    steps = steps_of(J, **feeds)
    loss = steps["forward", "J"]["sentence"]
    said = ["subtracted", "squared", "added up", "fixed number", "mean is taken over the examples"]
    assert [loss.index(word) for word in said] == sorted(loss.index(word) for word in said)
    back = steps["backward", "J"]["sentence"]
    assert back.index("equal part") < back.index("twice its unit") < back.index("sign changed")
    assert steps["forward", "z2"]["sentence"].startswith("A table says which channels each filter sees.")
    assert "all 100 units" in steps["backward", "z2"]["sentence"] and " 1 units" not in str(steps)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_sentence_ends_and_none_is_said_twice(name):
    J, feeds = NETWORKS[name]()
    for step in sc.explain(J, **feeds).data["steps"]:
        assert step["sentence"].endswith(".")
        parts = step["sentence"].split(". ")
        assert len(parts) == len(set(parts))
