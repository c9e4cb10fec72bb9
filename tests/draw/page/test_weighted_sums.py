"""Errors as weighted sums of what stands at the same place, and the sentences of steps."""

import numpy as np
import pytest
from pages import NETWORKS

import symcnn as sc
from symcnn.draw.page.weighted_sums import added_up


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
    assert back.index("equal part") < back.index("twice its unit") < back.index("the first value")
    assert steps["forward", "z2"]["sentence"].startswith("A table says which channels each filter sees.")
    assert "all 100 units" in steps["backward", "z2"]["sentence"] and " 1 units" not in str(steps)


def test_a_step_says_nothing_of_errors_that_are_not_needed():
    """No error goes on to the image, nor to its border, nor to the target; the second convolution's goes back."""
    x, t = sc.Input("x", (None, 1, 8, 8)), sc.Input("t", (None, 1, 4, 4))
    a1 = sc.tanh(sc.conv(x, 2, 5, pad=1, seed=0))
    J = sc.squared_error(sc.conv(a1, 1, 3, seed=1), t)
    first, second, loss = (
        steps_of(J, x=np.ones((1, 8, 8)), t=np.ones((1, 4, 4)))["backward", name] for name in ("z1", "z2", "J")
    )
    on = "An error goes back to the window that its unit has read, times the filter."
    gradients = (
        "Tied weights: the errors of all {} units of a map add up in the gradient of its one filter. "
        "The gradient of a bias is the sum of the errors of its map."
    )
    assert first["makes"] == ["∇W1", "∇b1"] and first["sentence"] == gradients.format(36)
    assert second["makes"] == ["δ(a1)", "∇W2", "∇b2"] and second["sentence"] == f"{on} {gradients.format(16)}"
    assert "the first value as it is" in loss["sentence"] and "second value" not in loss["sentence"]


def test_a_step_says_what_passes_to_a_second_value_and_not_to_weights_that_are_fixed():
    x, w = sc.Input("x", (None, 3)), sc.Param("w", np.ones(3, "float32"))
    z = sc.Dense(x - sc.tanh(w * x), sc.Const(np.eye(3, dtype="float32")))
    steps = steps_of(sc.mean(sc.tanh(z)), x=np.ones(3))
    said = " ".join(step["sentence"] for (direction, _), step in steps.items() if direction == "backward")
    assert "An error passes to the second value with its sign changed." in said and "first value" not in said
    assert "Wᵀ carries each error back" in said and "gradient of a weight" not in said and "bias" not in said
    without = steps_of(sc.mean(sc.tanh(sc.Dense(x, sc.Const(np.eye(3, dtype="float32"))))), x=np.ones(3))
    assert "Wᵀ carries each error back" in str(without)  # nothing is learned: the error of x is what is asked for


def test_a_rule_that_sends_nothing_on_says_why():
    x, w = sc.Input("x", (None, 3)), sc.Param("w", np.ones(3, "float32"))
    J = sc.mean(sc.where(x * w > 0, x * w, 0.0))
    said = " ".join(step["sentence"] for step in steps_of(J, x=np.ones(3)).values())
    assert "No error passes through a comparison." in said


@pytest.mark.parametrize("name", NETWORKS)
def test_each_sentence_ends_and_none_is_said_twice(name):
    J, feeds = NETWORKS[name]()
    for step in sc.explain(J, **feeds).data["steps"]:
        assert step["sentence"].endswith(".")
        parts = step["sentence"].split(". ")
        assert len(parts) == len(set(parts))


def test_a_value_that_only_moves_numbers_has_its_sentences_too():
    x = sc.Input("x", (None, 2, 3))
    moved = sc.Transpose(sc.tanh(x * sc.Param("w", np.ones((2, 3), "float32"))), (0, 2, 1), name="moved")
    steps = sc.explain(sc.mean(sc.tanh(moved)), x=np.ones((2, 3))).data["steps"]
    (said,) = [s["sentence"] for s in steps if s["value"] == "moved" and s["direction"] == "forward"]
    assert said == "The axes in another order."
    assert all(step["sentence"] for step in steps)
