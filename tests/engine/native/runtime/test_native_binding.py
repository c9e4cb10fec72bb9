"""Native programs as a user meets them: what they say, what they refuse, and what they leave as it was."""

import gc
import weakref

import numpy as np
import pytest
from user_nodes import Sorted

import symcnn as sc


def network(dtype="float32"):
    x, y = sc.Input("x", (None, 1, 8, 8), dtype), sc.Input("y", (None,), "int64")
    a = sc.mean_pool(sc.sigmoid(sc.conv(x, 3, 3, seed=0, name="conv1")), 2)
    return x, y, sc.softmax_cross_entropy(sc.dense(a, 4, seed=1, name="out"), y)


def batch(n, seed=0):
    rng = np.random.default_rng(seed)
    return {"x": rng.standard_normal((n, 1, 8, 8)).astype("float32"), "y": rng.integers(0, 4, n)}


class Branching(sc.Node):
    """A rule that looks at the numbers."""

    x: sc.Node

    def forward(self, xp, x):
        return 2 * x if bool(xp.all(x > 0)) else x


def test_a_training_step_is_one_native_call_and_says_so():
    *_, J = network()
    step = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.9), backend="native")
    report = step.program.report(32)
    assert report.startswith("backend native, batch 32: ")
    calls = step.program._executable.bind(32).calls
    assert [call.kernel for call in calls] == ["native"]
    by_numpy = report.split("by NumPy:")[1].split("stage")[0]
    before = {"Div", "Reshape"}  # one divided by N, once for all runs; and a view
    assert set(by_numpy.replace(",", "").replace(":", "").split()) >= before
    assert "the same for all images, and needed before" in by_numpy


@pytest.mark.parametrize(("kind", "why"), [(Sorted, "no loops for its type"), (Branching, "xp.all has no counterpart")])
def test_what_cannot_be_compiled_is_computed_in_between(kind, why):
    x = sc.Input("x", (None, 5))
    node = sc.sum(sc.tanh(kind(sc.sigmoid(x) - 0.5) * x), axis=1)
    native, reference = sc.compile(node, backend="native"), sc.compile(node, backend="numpy")
    rows = np.random.default_rng(0).standard_normal((19, 5))
    np.testing.assert_allclose(native(x=rows), reference(x=rows), atol=1e-5)
    report = native.report()
    assert report.count(", native, ") == 2
    assert why in report


@pytest.mark.parametrize(("most", "few"), [("float64", "float32"), ("float32", "float64")])
def test_a_program_computes_with_the_kind_of_number_that_most_of_it_has(most, few):
    x, y = sc.Input("x", (None, 3), most), sc.Input("y", (None, 3), few)
    nodes = [sc.exp(x) / sc.sum(x), sc.sum(x, axis=1), sc.exp(y)]
    native, reference = sc.compile(nodes, backend="native"), sc.compile(nodes, backend="numpy")
    rows = np.random.default_rng(0).standard_normal((2, 19, 3))
    for f, e in zip(native(x=rows[0], y=rows[1]), reference(x=rows[0], y=rows[1]), strict=True):
        assert f.dtype == e.dtype
        np.testing.assert_allclose(f, e, rtol=20 * np.finfo(e.dtype).eps)
    report = native.report(19)
    assert report.count("by NumPy:") == 1
    assert f"Exp (None, 3): it is {few}, not {most}" in report
    assert f"it is {most}" not in report


def test_the_same_bits_again_and_whoever_computes(monkeypatch):
    *_, J = network()
    results = set()
    for _ in range(5):
        g = sc.compile(sc.grad(J, J.params), backend="native")
        results |= {b"".join(a.tobytes() for a in g(batch(100))) for _ in range(5)}
    assert len(results) == 1


@pytest.mark.parametrize("threads", ["1", "2", "3", "5"])
def test_any_number_of_threads(monkeypatch, threads):
    monkeypatch.setenv("SYMCNN_THREADS", threads)
    *_, J = network()
    outputs = [J, *sc.grad(J, J.params)]
    native, reference = sc.compile(outputs, backend="native"), sc.compile(outputs, backend="numpy")
    for n in (1, 16, 17, 31, 130):
        for f, e in zip(native(batch(n)), reference(batch(n)), strict=True):
            np.testing.assert_allclose(f, e, atol=1e-6)


def test_labels_out_of_range_are_refused():
    *_, J = network()
    step = sc.train_step(J, sc.SGD(lr=0.1), backend="native")
    before = [p.value.copy() for p in J.params]
    wrong = batch(20) | {"y": np.full(20, 4)}
    with pytest.raises(sc.errors.FeedError, match="expected 0 to 3"):
        step(wrong)
    for p, value in zip(J.params, before, strict=True):
        np.testing.assert_array_equal(p.value, value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("row", [0, 16, 18])
def test_the_guard_finds_what_is_not_finite(dtype, bad, row):
    *_, J = network(dtype)
    step = sc.train_step(J, sc.SGD(lr=0.1), backend="native")
    step(batch(19))
    before = [p.value.copy() for p in J.params]
    wrong = batch(19)
    wrong["x"][row] = bad
    with pytest.raises(sc.errors.NonFiniteError, match="the array that was fed"):
        step(wrong)
    for p, value in zip(J.params, before, strict=True):
        np.testing.assert_array_equal(p.value, value)
    assert np.isfinite(step(batch(19)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_update_that_overflows_is_not_made(dtype):
    large = np.finfo(dtype).max * 0.9
    w, x = sc.Param("w", np.full(37, large, dtype)), sc.Input("x", (None, 37), dtype)
    step = sc.train_step(sc.mean(sc.sum(w * x, axis=1)), sc.SGD(lr=1.0), backend="native")
    with pytest.raises(sc.errors.NonFiniteError):
        step(x=np.full((3, 37), -large / 3))
    assert (w.value == w.value.dtype.type(large)).all()


def test_an_empty_batch():
    x = sc.Input("x", (None, 3))
    total, mean = sc.compile(sc.sum(x + 1), backend="native"), sc.compile(sc.mean(x), backend="native")
    assert total(x=np.zeros((0, 3))) == 0
    with pytest.raises(sc.errors.FeedError, match="feed at least one row"):
        mean(x=np.zeros((0, 3)))
    assert sc.compile(x * 2, backend="native")(x=np.zeros((0, 3))).shape == (0, 3)


def test_trace_and_profile_of_a_native_program():
    x, *_, J = network()
    program = sc.compile(J, backend="native")
    trace = program.trace(batch(3))
    assert trace[J] == pytest.approx(float(program(batch(3))), rel=1e-6)
    assert trace[x].shape == (3, 1, 8, 8)
    profile = program.profile(batch(40), runs=2)
    native = [type(row.node).__name__ for row in profile.rows if row.kernel == "native"]
    assert native[2:5] == ["Conv", "Pool", "Dense"]  # after the inputs; the sigmoid is computed within the pooling
    nests = [row.nest for row in profile.rows if row.kernel == "native"]
    assert [nest.kind for nest in nests[:5]] == [
        "into lanes",
        "into lanes",
        "convolution",
        "element by element",
        "product",
    ]
    assert nests[3].text == "Pool (None, 3, 3, 3) (with Sigmoid)"
    done = [nests[2].operations, nests[4].operations]
    assert done == [40 * 2 * 3 * 9 * 36, 40 * 2 * 27 * 4]  # of 40 images, not of the 48 that the lanes would hold
    assert profile.peak > 0
    assert 0 < profile.outside < 1
    assert "GFLOP/s" in str(profile)


def test_numbers_outside_of_the_rows_are_not_touched():
    """Results stand between guards in one array: rows that are not there are not written."""
    x = sc.Input("x", (None, 7))
    f = sc.compile([sc.tanh(x), x > 0], backend="native")
    for n in (1, 15, 17, 33):
        rows = np.random.default_rng(n).standard_normal((n, 7)).astype("float32")
        values, bits = f(x=rows)
        np.testing.assert_allclose(values, np.tanh(rows), atol=1e-6)
        np.testing.assert_array_equal(bits, rows > 0)


def chain(length):
    x = sc.Input("x", (None, 2))
    h = x
    for _ in range(length):
        h = sc.relu(h) - 0.5
    return h


@pytest.mark.slow
def test_a_chain_of_thousands_of_nodes_is_compiled():
    f = sc.compile(chain(4000), backend="native")
    np.testing.assert_array_equal(f(x=[[1, 2]]), [[-0.5, -0.5]])
    assert "by NumPy" not in f.report()


def test_too_many_nodes_are_left_to_numpy(monkeypatch):
    monkeypatch.setattr("symcnn.engine.native.analysis.partition._MOST", 99)
    f = sc.compile(chain(50), backend="native")
    np.testing.assert_array_equal(f(x=[[1, 2]]), [[-0.5, -0.5]])
    assert "more than 99 nodes" in f.report()


def test_functions_of_a_deep_network_are_no_longer_than_of_a_flat_one():
    """LLVM takes more than twice as long for a function that is twice as long; only the list of calls grows."""
    longest = []
    for depth in (9, 18):
        x = sc.Input("x", (None, 2))
        h = x
        for n in range(depth):
            h = sc.tanh(sc.dense(h, 2, seed=n))
        step = sc.train_step(sc.mean(h * h), sc.SGD(lr=0.1, momentum=0.9), backend="native")
        lowered = step.program._executable.bind(16).compiled.lowered
        longest.append(max(len(f.body) for f in lowered.functions if not f.name.endswith("_images")))
    assert longest[0] == longest[1]


def test_a_value_that_is_read_twice_is_looked_at_once():
    """40 squares in a row: by each of the ways from the end to the beginning, it would take for ever."""
    x = sc.Input("x", (None, 2))
    h = x
    for _ in range(40):
        h = h * h
    np.testing.assert_array_equal(sc.compile(h, backend="native")(x=[[1, 0]] * 17), [[1, 0]] * 17)


def test_a_deep_expression_is_written_down_now_and_then():
    x = sc.Input("x", (None, 20))
    h = x
    for n in range(300):
        h = h + 1 if n % 2 else h * 0.5
    np.testing.assert_allclose(
        sc.compile(h, backend="native")(x=np.ones((5, 20))), sc.compile(h, backend="numpy")(x=np.ones((5, 20)))
    )


def test_a_dropped_program_is_freed():
    x = sc.Input("x", (None, 2))
    program = sc.compile(sc.exp(x), backend="native")
    program(x=[[1, 2]])
    (bound,) = program._executable._idle.values()
    gone = [weakref.ref(bound), weakref.ref(bound.compiled.library)]
    gc.disable()
    try:
        del program, bound
        assert [ref() for ref in gone] == [None, None]
    finally:
        gc.enable()
