"""`Program.trace`: all values of a run, the same bits as a call gives, though buffers are used again and again."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.trace import Trace


def network():
    x, y = sc.Input("x", (None, 2, 8, 8)), sc.Input("y", (None,), "int64")
    z = sc.conv(x, 3, 3, seed=0, name="conv1")
    p = sc.max_pool(sc.sigmoid(z), 2)
    return x, y, z, p, sc.softmax_cross_entropy(sc.dense(p, 4, seed=1, name="out"), y)


def feeds(n=5):
    rng = np.random.default_rng(n)
    return {"x": rng.standard_normal((n, 2, 8, 8), dtype="float32"), "y": rng.integers(0, 4, n)}


@pytest.mark.parametrize("rows", [1, 5])
def test_the_bits_are_those_of_a_call(rows):
    *_, J = network()
    nodes = [J, *sc.grad(J, J.params)]
    program = sc.compile(nodes)
    trace, results = program.trace(feeds(rows)), program(feeds(rows))
    assert trace.batch == rows
    for node, result in zip(nodes, results, strict=True):
        assert trace[node].dtype == result.dtype
        np.testing.assert_array_equal(trace[node], result, strict=True)


def test_every_value_is_what_a_program_for_it_alone_gives():
    x, y, *_, J = network()
    program = sc.compile([J, *sc.grad(J, J.params)])
    trace = program.trace(feeds())
    assert set(trace) >= set(program.plan.order) and len(trace) > 30
    for node, value in trace.items():
        alone = sc.compile([node, x, y])  # with the inputs, so that the size of the batch is known
        np.testing.assert_allclose(value, alone(feeds())[0], rtol=1e-5, atol=1e-7)


def test_values_that_are_overwritten_in_place_are_kept():
    x = sc.Input("x", (None, 3), "float64")
    nodes = [x]
    for function in (sc.exp, sc.tanh, sc.sqrt, sc.log, sc.exp, sc.tanh):
        nodes.append(function(nodes[-1]))
    numbers = np.linspace(0.1, 2, 6).reshape(2, 3)
    trace = sc.compile(sc.sum(nodes[-1])).trace(x=numbers)
    expected = numbers
    for node, function in zip(nodes[1:], (np.exp, np.tanh, np.sqrt, np.log, np.exp, np.tanh), strict=True):
        expected = function(expected)
        np.testing.assert_allclose(trace[node], expected, rtol=1e-14)
    assert trace.order == [*nodes, trace.order[-1]]


def test_what_was_asked_for_is_there_though_it_was_rewritten():
    x = sc.Input("x", (None, 1, 3, 3))
    turned = sc.rot90(sc.rot90(x))
    odd = 1 * turned - 0
    trace = sc.compile([odd, sc.tanh(odd)]).trace(x=np.arange(9).reshape(1, 1, 3, 3))
    np.testing.assert_array_equal(trace[odd], np.arange(9).reshape(1, 1, 3, 3))
    assert trace.order.index(odd) == trace.order.index(x) + 1
    assert list(trace) == trace.order and len(set(trace)) == len(trace)


def test_inputs_come_before_what_reads_them():
    *_, J = network()
    program = sc.compile(sc.grad(J, J.params))
    place = {node: n for n, node in enumerate(program.trace(feeds()).order)}
    assert all(place[i] < place[node] for node in program.plan.order for i in node.inputs)


def test_the_arrays_are_the_callers_own():
    x, w = sc.Input("x", (None, 2)), sc.Param("w", [1.0, 2.0])
    program, fed = sc.compile(sc.sum(x * w)), np.ones((3, 2), "float32")
    first = program.trace(x=fed)
    for value in first.values():
        value[...] = 7
    assert fed.tolist() == [[1, 1]] * 3 and w.value.tolist() == [1, 2]
    assert program.trace(x=fed)[w].tolist() == [1, 2] and program(x=fed) == 9


def test_parameters_are_those_of_the_run_and_no_update_is_made():
    w = sc.Param("w", [1.0, 2.0])
    program = sc.compile([sc.sum(w)], updates={w: 2 * w})
    trace = program.trace()
    assert w.value.tolist() == [1, 2]
    program()
    assert w.value.tolist() == [2, 4] and trace[w].tolist() == [1, 2]


def test_nan_stops_nothing():
    x = sc.Input("x", (2,))
    bad = sc.log(x)
    trace = sc.compile(sc.sum(bad), guard=True).trace(x=[-1, 0])
    assert np.isnan(trace[bad][0]) and trace[bad][1] == -np.inf


@pytest.mark.parametrize("wrong", [{}, {"x": np.ones((2, 2, 8, 8))}, {**feeds(), "z": 1}, {**feeds(), "x": "no"}])
def test_feeds_are_refused_as_by_a_call(wrong):
    *_, J = network()
    program = sc.compile(J)
    texts = []
    for function in (program, program.trace):
        with pytest.raises(sc.errors.SymcnnError) as caught:
            function(wrong)
        texts.append((caught.type, str(caught.value)))
    assert texts[0] == texts[1]


def test_labels_are_verified():
    *_, J = network()
    with pytest.raises(sc.errors.FeedError, match="number 4 is 9; expected 0 to 3"):
        sc.compile(J).trace({**feeds(), "y": [0, 1, 2, 3, 9]})


def test_what_was_not_computed_is_named():
    x, _, z, *_ = network()
    trace = sc.compile(z).trace(x=feeds()["x"])
    other = sc.tanh(z)
    assert z in trace and other not in trace and "z" not in trace and trace.get(other) is None
    with pytest.raises(KeyError, match="it was not computed in this run") as error:
        trace[other]
    assert str(error.value).startswith("Tanh: ") and __file__ in str(error.value)
    with pytest.raises(KeyError, match="asked by nodes, got 'z'"):
        trace["z"]
    with pytest.raises(KeyError, match="asked by nodes"):
        trace[[x]]
    assert repr(trace) == f"Trace({len(trace)} values, batch 5)" and isinstance(trace, Trace)
