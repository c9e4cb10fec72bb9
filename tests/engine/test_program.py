"""`compile` and `Program`: what a program takes, gives, keeps and says of itself."""

import copy
import pickle
from importlib.util import find_spec

import numpy as np
import pytest

import symcnn as sc


def network():
    x, y = sc.Input("x", (None, 1, 6, 6)), sc.Input("y", (None,), "int64")
    z1 = sc.conv(x, 2, 3, seed=0, name="conv1")
    a = sc.max_pool(sc.sigmoid(z1), 2)
    return x, y, z1, sc.softmax_cross_entropy(sc.dense(a, 3, seed=1, name="out"), y)


def batch(n):
    rng = np.random.default_rng(n)
    return {"x": rng.standard_normal((n, 1, 6, 6)), "y": rng.integers(0, 3, n)}


def test_of_one_node_an_array_of_a_list_a_list():
    x = sc.Input("x", (2,))
    one, several = sc.compile(x + 1), sc.compile([x + 1])
    assert isinstance(one(x=[1, 2]), np.ndarray)
    assert isinstance(several(x=[1, 2]), list)
    np.testing.assert_array_equal(one(x=[1, 2]), several(x=[1, 2])[0])
    assert sc.compile((x + 1, x, x + 1))(x=[1, 2])[2].tolist() == [2, 3]
    assert sc.compile(sc.sum(x))(x=[1, 2]).shape == ()


def test_every_output_is_an_array_of_its_own_even_if_asked_for_twice():
    x = sc.Input("x", (2,))
    a = sc.exp(x)
    first, second, same, simplified = sc.compile([a, a, x, 1 * x])(x=[0, 0])
    first[...] = 5
    same[...] = 6
    np.testing.assert_array_equal(second, [1, 1])
    np.testing.assert_array_equal(simplified, [0, 0])


def test_outputs_may_be_leaves():
    x, w = sc.Input("x", (None, 2)), sc.Param("w", [1.0, 2.0])
    values = sc.compile([x, w, sc.Const(3.0), sc.batch_size()])(x=[[1, 2], [3, 4]])
    assert [v.tolist() for v in values] == [[[1, 2], [3, 4]], [1, 2], 3, 2]


def test_inputs_in_the_order_of_making():
    x, y, *_, J = network()
    program = sc.compile(J)
    assert program.inputs == [x, y]
    assert repr(program) == "Program(x (None, 1, 6, 6), y (None,) -> 1 outputs, backend='numpy')"
    assert program.backend == "numpy"


def test_an_input_that_simplify_removes_is_still_fed():
    x, y = sc.Input("x", (2,)), sc.Input("y", (2,))
    f = sc.compile(sc.where(y > 0, x, x))
    assert f.inputs == [x, y]
    np.testing.assert_array_equal(f(x=[1, 2], y=[0, 1]), [1, 2])
    with pytest.raises(sc.errors.FeedError, match="missing: y"):
        f(x=[1, 2])


def test_several_batch_sizes_in_one_program():
    *_, z1, J = network()
    program = sc.compile([J, z1, *sc.grad(J, J.params)])
    fresh = {n: sc.compile([J, z1, *sc.grad(J, J.params)])(batch(n)) for n in range(1, 9)}
    for n in (3, 1, 8, 3, 2, 5, 7, 4, 6, 3, 8, 1):  # more sizes than a program keeps buffers for
        for value, expected in zip(program(batch(n)), fresh[n], strict=True):
            np.testing.assert_array_equal(value, expected)


def test_programs_of_one_graph_share_parameters():
    w = sc.Param("w", np.ones(2))
    f, g = sc.compile(w * 2), sc.compile(sc.sum(w))
    step = sc.compile([], updates={w: w + 1})
    step()
    np.testing.assert_array_equal(f(), [4, 4])
    assert g() == 4
    w.value[0] = 10
    assert g() == 12


def test_updates_come_after_the_results():
    w, v = sc.Param("w", [1.0]), sc.Param("v", [10.0])
    f = sc.compile([w, 2 * w, v], updates={w: w + v, v: 2 * v})
    assert [a.item() for a in f()] == [1, 2, 10]
    assert [a.item() for a in f()] == [11, 22, 20]
    assert (w.value.item(), v.value.item()) == (31, 40)


def test_an_update_may_read_what_is_fed():
    x, w = sc.Input("x", (None, 2)), sc.Param("w", np.zeros(2, np.float32))
    f = sc.compile(sc.batch_size(), updates={w: w + sc.sum(x, axis=0)})
    for n in (3, 0, 2):
        assert f(x=np.ones((n, 2))) == n
    np.testing.assert_array_equal(w.value, [5, 5])


def test_profiles_and_checks_make_no_updates():
    w = sc.Param("w", [1.0])
    f = sc.compile(w, updates={w: w + 1})
    f.profile(runs=3)
    f.check_finite()
    f.report()
    assert w.value.item() == 1


def test_check_finite_computes():
    x, w = sc.Input("x", (2,)), sc.Param("w", [1.0, 1])
    f = sc.compile(sc.sum(sc.Log(x, name="bad") * w), updates={w: w + 1})
    f.check_finite(x=[1, 2])
    with pytest.raises(sc.errors.NonFiniteError, match="Log 'bad'"):
        f.check_finite(x=[1, -2])
    np.testing.assert_array_equal(w.value, [1, 1])


def test_the_report_lists_the_plan():
    *_, J = network()
    program = sc.compile([J, *sc.grad(J, J.params)])
    head, *steps = program.report(5).splitlines()
    assert head.startswith(f"backend numpy, batch 5: {len(steps)} steps, ")
    assert head.endswith(" bytes of buffers")
    assert any("Conv" in line and "conv1" in line and "(None, 2, 4, 4) float32" in line for line in steps)
    assert [int(line.split()[0]) for line in steps] == list(range(len(steps)))
    assert len(sc.compile(J.params).report().splitlines()) == 1


def test_a_program_does_not_keep_the_feeds():
    x = sc.Input("x", (None, 2))
    f = sc.compile(2 * x)
    given = np.ones((1, 2), np.float32)
    f(x=given)
    given[...] = 5
    np.testing.assert_array_equal(f(x=np.zeros((1, 2))), [[0, 0]])


def test_backends_by_name(monkeypatch):
    x = sc.Input("x", (2,))
    best = "native" if find_spec("llvmlite") else "numpy"
    for told, name, expected in [
        ("", "auto", best),
        ("numpy", "auto", "numpy"),
        (best, "numpy", "numpy"),
        ("numpy", best, best),
    ]:
        monkeypatch.setenv("SYMCNN_BACKEND", told)
        program = sc.compile(-x, backend=name)
        assert program.backend == expected
        np.testing.assert_array_equal(program(x=[1, 2]), [-1, -2])
    monkeypatch.setenv("SYMCNN_BACKEND", "fast")
    with pytest.raises(sc.errors.ArgumentError, match="unknown backend 'fast', set by SYMCNN_BACKEND"):
        sc.compile(-x)


def test_without_llvmlite_auto_is_numpy(monkeypatch):
    monkeypatch.delenv("SYMCNN_BACKEND", raising=False)
    monkeypatch.setattr("symcnn.engine.backend.find_spec", lambda name: None)
    assert sc.compile(sc.Input("x", (2,))).backend == "numpy"


def test_scalars_and_no_inputs():
    assert sc.compile(sc.Const(2.0) * 3)() == 6
    assert sc.compile(sc.Param("w", 2.0) ** 2)() == 4
    s = sc.Input("s", ())
    for given in (3, 3.0, np.float32(3), np.array(3), True + 2):
        assert sc.compile(s * s)(s=given) == 9


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("again", [lambda f: pickle.loads(pickle.dumps(f)), copy.deepcopy])
def test_a_training_is_pickled_and_goes_on(backend, again):
    """Loss and velocity are those of the moment; what is trained then are parameters of its own."""
    x, y = sc.Input("x", (None, 6)), sc.Input("y", (None,), "int64")
    J = sc.softmax_cross_entropy(sc.dense(sc.tanh(sc.dense(x, 5, seed=0)), 3, seed=1), y)
    rate = sc.schedules.by_epoch(0.5, 0.9)
    step = sc.train_step(J, sc.SGD(lr=rate, momentum=0.9), backend=backend, threads=2)
    batch = {"x": np.random.default_rng(0).standard_normal((20, 6)), "y": np.arange(20) % 3}
    step(batch)
    other = again(step)
    assert (other.program.backend, other.program.threads, other.iteration) == (backend, 2, 1)
    assert repr(other.program) == repr(step.program)
    values = [p.value.copy() for p in step.program.plan.updated]
    losses = [other(batch) for _ in range(3)]
    for p, value in zip(step.program.plan.updated, values, strict=True):
        np.testing.assert_array_equal(p.value, value)
    assert [step(batch) for _ in range(3)] == losses
    assert losses[0] > losses[1] > losses[2]


def test_a_pickle_has_each_node_once():
    """Many outputs over one long chain: a table of all, not one for each."""
    x = sc.Input("x", (None, 2))
    h, outputs = x, []
    for _ in range(300):
        h = sc.tanh(h)
        outputs.append(h)
    one, all_of_them = (len(pickle.dumps(sc.compile(nodes))) for nodes in ([h], outputs))
    assert all_of_them < 1.5 * one
    rows = np.ones((3, 2), "float32")
    f = pickle.loads(pickle.dumps(sc.compile(outputs)))
    for a, b in zip(f(x=rows), sc.compile(outputs)(x=rows), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_pickled_program_updates_a_parameter_that_it_does_not_read():
    w, x = sc.Param("w", np.zeros(2)), sc.Input("x", (2,), "float64")
    f = pickle.loads(pickle.dumps(sc.compile([x + 1], updates={w: x * 2}, guard=True)))
    (result,) = f(x=[1, 2])
    np.testing.assert_array_equal(result, [2, 3])
    np.testing.assert_array_equal(f.plan.updated[0].value, [2, 4])
    np.testing.assert_array_equal(w.value, [0, 0])
    with pytest.raises(sc.errors.NonFiniteError):
        f(x=[np.inf, 1])
