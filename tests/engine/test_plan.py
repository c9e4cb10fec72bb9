"""`Plan`: what is computed, in which order, from what, and how often each value is read."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.plan import Plan


def test_the_order_is_that_of_the_simplified_graph():
    x = sc.Input("x", (None, 3))
    plan = Plan.of([1 * sc.tanh(x) - 0], {})
    assert plan.outputs == (sc.tanh(x),)
    assert plan.order == [x, sc.tanh(x)]
    assert plan.asked == (1 * sc.tanh(x) - 0,)


def test_inputs_are_those_of_what_was_asked():
    x, y = sc.Input("x", (3,)), sc.Input("y", (3,))
    plan = Plan.of([sc.where(y > 0, x, x)], {})
    assert plan.order == [x]
    assert plan.inputs == [x, y]


def test_uses_count_edges_and_outputs():
    x = sc.Input("x", (3,))
    a = sc.tanh(x)
    plan = Plan.of([a * a, a, a], {})
    assert plan.uses == {x: 1, a: 4, a * a: 1}


def test_updates_are_outputs_at_the_end():
    w, v = sc.Param("w", np.ones(2)), sc.Param("v", np.ones(2))
    plan = Plan.of([sc.sum(w)], {w: w * 2, v: w * 3})
    assert plan.updated == (w, v)
    assert plan.asked == (sc.sum(w), w * 2, w * 3)
    assert len(plan.outputs) == 3


def test_two_inputs_of_one_name(refused):
    first = sc.Input("x", (3,))
    second = sc.Input("x", (3,))
    with refused(ValueError, "Input 'x'", "two inputs are named 'x'", f"the other is {first.site}", str(second.site)):
        Plan.of([first + second], {})
    with refused(ValueError, "two inputs are named 'x'"):
        Plan.of([first, second], {})


def test_two_parameters_of_one_name_are_fine():
    w, v = sc.Param("w", [1.0]), sc.Param("w", [2.0])
    assert Plan.of([w + v], {}).order == [w, v, w + v]


def test_the_size_of_the_batch_needs_a_batch(refused):
    w, x = sc.Param("w", np.ones(3)), sc.Input("x", (None,))
    wide = sc.broadcast_to(w, (None, 3))
    with refused(ValueError, "BatchSize", "no input has a batch axis"):
        Plan.of([wide], {})
    assert len(Plan.of([wide, x], {}).outputs) == 2


def test_errors_of_sizes_that_simplify_removes_are_not_raised():
    w = sc.Param("w", np.ones(3))
    assert Plan.of([sc.sum(w) * (sc.batch_size("float64") ** 0)], {}).order


@pytest.mark.parametrize("outputs", [[], [sc.Const(1.0)]])
def test_plans_of_almost_nothing(outputs):
    plan = Plan.of(outputs, {})
    assert plan.inputs == []
    assert plan.order == outputs
