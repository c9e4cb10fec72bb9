"""A batch of a fixed size is computed image by image, and gives what NumPy gives."""

import pickle
import warnings

import numpy as np
import pytest
from batches import SAMPLES, arrays, asked, over, size
from networks import NETWORKS, tutorial

import symcnn as sc
from symcnn.engine.native.analysis.open_batch import opened, serving
from symcnn.engine.native.analysis.partition import Kind, partition
from symcnn.engine.plan import Plan
from symcnn.graph.graph import Graph


def fixed(node, rows):
    """`node` over inputs that name the number of rows."""
    new = {}
    for old in Graph(node).order:
        leaf = isinstance(old, sc.Input)
        shape = size(old.shape, rows)
        new[old] = sc.Input(old.name, shape, old.dtype) if leaf else over([new[i] for i in old.inputs], old, rows)
    return new[node]


def run(plan, feeds):
    """The outputs of a plan, by the NumPy engine."""
    results = sc.compile(list(plan.outputs), backend="numpy")
    return results({i.name: feeds[i.name] for i in results.inputs})


def left_to_numpy(nodes):
    """The types of the nodes that NumPy computes."""
    plan = Plan.of(nodes, {})
    found = serving(plan)
    kinds = partition(plan if found is None else found.plan).kinds
    return {type(n).__name__ for n, kind in kinds.items() if kind is Kind.NUMPY}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("rows", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 5))])
def test_an_opened_plan_computes_the_same(name, rows):
    """Also where other axes are as long as the batch."""
    nodes = asked(fixed(SAMPLES[name], rows))
    plan = Plan.of(nodes, {})
    found, feeds = opened(plan, rows), arrays(nodes[0], 1)
    assert [n.spec.bind(rows) for n in found.plan.outputs] == [n.shape for n in plan.outputs]
    for a, b in zip(run(found.plan, feeds), run(plan, feeds), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
    if rows == 5 and SAMPLES[name].shape[:1] == (None,) and name != "Pow4":  # x^0 is 1; no other axis is as long
        assert found.plan.outputs[0].shape[0] is None


def networks(rows, channels=2, height=10, width=12):
    x, y = sc.Input("x", (rows, channels, height, width)), sc.Input("y", (rows,), "int64")
    return x, y


def fed(rows, channels=2, height=10, width=12, classes=3):
    rng = np.random.default_rng(rows)
    x = rng.standard_normal((rows, channels, height, width)).astype("float32")
    return {"x": x, "y": rng.integers(0, classes, rows)}


@pytest.mark.parametrize(
    ("make", "rows"),
    [(tutorial, 4), *(pytest.param(make, rows, marks=pytest.mark.slow) for make in NETWORKS for rows in (1, 4, 20))],
)
def test_networks_run_in_lanes(make, rows):
    loss = make(*networks(rows))
    nodes = [loss, *sc.backprop(loss).grads.values()]
    program = sc.compile(nodes, backend="native")
    for a, b in zip(program(fed(rows)), sc.compile(nodes, backend="numpy")(fed(rows)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    free = make(*networks(None))
    assert left_to_numpy(nodes) <= left_to_numpy([free, *sc.backprop(free).grads.values()])
    assert f"the first axis of x, y is the batch: {rows} rows" in program.report()


def test_a_step_of_training_updates_as_it_does_for_any_number_of_rows():
    """The same machine code, so the same bits."""
    losses, params = [], []
    for rows in (6, None):
        loss = tutorial(*networks(rows))
        step = sc.train_step(loss, sc.SGD(lr=0.1, momentum=0.9), backend="native")
        losses.append([step(fed(6)) for _ in range(3)])
        params.append([p.value for p in loss.params])
    assert losses[0] == losses[1]
    for a, b in zip(*params, strict=True):
        np.testing.assert_array_equal(a, b)


def statistics(x):
    """Normalised over the batch, as batch normalisation does it."""
    mean = sc.mean(x, axis=(0, 2, 3), keepdims=True)
    variance = sc.mean((x - mean) ** 2, axis=(0, 2, 3), keepdims=True)
    return (x - mean) / sc.sqrt(variance + 1e-3)


class DivNoNan(sc.Node):
    """z divided by the number of rows, which its rule asks of its own shape."""

    z: sc.Node
    latex = r"{z}/N"

    def forward(self, xp, z):
        return z / float(self.z.shape[0]) if self.z.shape[0] == 4 else z

    def backward(self, delta):
        return (DivNoNan(delta),)


def _rows_of_params(x, y):
    h = sc.dense(x, 4, seed=0) + sc.Param("one for each row", np.arange(16.0, dtype="float32").reshape(4, 4))
    return sc.squared_error(h, np.arange(16.0, dtype="float32").reshape(4, 4))


MIXED = {
    "all axes as long as the batch": lambda x, y: sc.softmax_cross_entropy(
        sc.dense(sc.relu(sc.conv(sc.conv(x, 4, 1, seed=0), 4, 1, seed=3)), 4, seed=1), y
    ),
    "normalised": lambda x, y: sc.softmax_cross_entropy(sc.dense(statistics(sc.conv(x, 3, 2, seed=0)), 4, seed=1), y),
    "cut rows": lambda x, y: (
        sc.sum(sc.relu(sc.conv(x, 3, 2, seed=0)[:2]) ** 2) + sc.mean(sc.conv(x, 2, 2, seed=1)[::2])
    ),
    "joined rows": lambda x, y: sc.sum(
        sc.concat([sc.conv(x, 3, 2, seed=0), sc.conv(x * x, 3, 2, seed=1)], axis=0) ** 2
    ),
    "merged axes": lambda x, y: sc.sum(sc.reshape(sc.conv(x, 3, 2, seed=0), (12, 9)) ** 3),
    "rows taken": lambda x, y: sc.mean(sc.take(sc.dense(x, 3, seed=0), [3, 0, 0]) ** 2),
    "rows that meet": lambda x, y: sc.softmax_cross_entropy(
        (h := sc.dense(x, 3, seed=0)) @ sc.transpose(h), np.array([2, 0, 1, 3])
    ),
    "parameters and targets for each row": _rows_of_params,
    "an own rule that asks for its shape": lambda x, y: sc.softmax_cross_entropy(
        sc.dense(DivNoNan(sc.conv(x, 3, 2, seed=0)), 4, seed=1), y
    ),
    "softmax over the batch": lambda x, y: sc.sum(sc.softmax(sc.transpose(sc.dense(x, 3, seed=0))) ** 2),
    "turned": lambda x, y: sc.mean(sc.dense(sc.transpose(sc.conv(x, 4, 1, seed=0), (1, 0, 3, 2)), 3, seed=1) ** 2),
    "largest of all": lambda x, y: sc.max(sc.dense(x, 3, seed=0)) + sc.sum(sc.max(sc.dense(x, 3, seed=1), axis=0)),
    "noise that is fed": lambda x, y: sc.mean((sc.dense(x, 4, seed=0) * sc.Input("noise", (4, 4))) ** 2),
    "a square of weights that is fed": lambda x, y: sc.mean((sc.dense(x, 4, seed=0) @ sc.Input("noise", (4, 4))) ** 2),
}


QUICK = {"all axes as long as the batch", "cut rows", "parameters and targets for each row"}


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in MIXED])
def test_what_mixes_rows_is_right(name):
    """Against the NumPy engine, over the graph as it is."""
    x, y = sc.Input("x", (4, 4, 4, 4)), sc.Input("y", (4,), "int64")
    loss = MIXED[name](x, y)
    nodes = [loss, *sc.backprop(loss).grads.values(), sc.grad(loss, [x])[0]]
    feeds = fed(4, 4, 4, 4, 4) | {"noise": np.random.default_rng(1).standard_normal((4, 4))}
    assert serving(Plan.of(nodes, {})) is not None
    program = sc.compile(nodes, backend="native")
    feeds = {i.name: feeds[i.name] for i in program.inputs}
    for a, b in zip(program(feeds), sc.compile(nodes, backend="numpy")(feeds), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["normalised", "parameters and targets for each row", "an own rule that asks for its shape"]
)
def test_what_keeps_rows_apart_is_in_lanes(name):
    x, y = sc.Input("x", (4, 4, 4, 4)), sc.Input("y", (4,), "int64")
    loss = MIXED[name](x, y)
    assert not left_to_numpy([loss, *sc.backprop(loss).grads.values()]) & {
        "Conv",
        "Dense",
        "MatMul",
        "Mul",
        "Sub",
        "DivNoNan",
        "Sum",
    }


def test_errors_name_the_nodes_of_the_user(refused):
    x, y = networks(4)
    step = sc.train_step(tutorial(x, y), sc.SGD(lr=0.1), backend="native")
    with pytest.raises(sc.errors.FeedError, match=r"number 0 is 9; expected 0 to 2\n.*Dense, Input 'y'\n.*networks.py"):
        step(fed(4) | {"y": np.full(4, 9)})
    with refused(sc.errors.FeedError, "an array of shape (5, 2, 10, 12) was fed; expected (4, 2, 10, 12)"):
        step(fed(5) | {"y": np.zeros(4, int)})
    bad = fed(4)
    bad["x"][2, 0, 0, 0] = np.nan
    with refused(sc.errors.NonFiniteError, "the array that was fed has NaN"):
        step(bad)
    assert np.isfinite(step(fed(4)))


def test_programs_of_a_fixed_batch_do_all_that_others_do():
    x, y = networks(4)
    loss = tutorial(x, y)
    program = sc.compile([loss, x, *loss.params], backend="native")
    feeds = fed(4)
    value, given, *_ = program(feeds)
    np.testing.assert_array_equal(given, feeds["x"])
    assert program.trace(feeds)[loss] == pytest.approx(value, abs=1e-6)
    assert len(program.profile(feeds, runs=1).rows) > 5
    assert pickle.loads(pickle.dumps(program))(feeds)[0] == value
    program.check_finite(feeds)
    again = {name: a.copy() for name, a in feeds.items()}
    first = program(feeds)[0]
    feeds["x"] += 1
    assert program(again)[0] == first
    assert program(feeds)[0] != first


def test_no_network_is_left_as_it_is():
    """What has a batch axis, or does no work on parameters, is not touched."""
    x, w = sc.Input("x", (32, 5)), sc.Param("w", np.ones((5, 3), "float32"))
    assert serving(Plan.of([sc.exp(x)], {})) is None
    assert serving(Plan.of([x @ sc.Input("a", (5, 7))], {})) is None
    assert serving(Plan.of([w @ sc.transpose(w)], {})) is None
    assert serving(Plan.of([sc.dense(sc.Input("x", (None, 5)), 2, seed=0)], {})) is None
    assert serving(Plan.of([x @ w], {})) is not None


def test_the_report_says_what_to_declare():
    """A picture of two axes is no batch."""
    x = sc.Input("x", (12, 10))
    z = sc.conv(sc.reshape(x, (1, 1, 12, 10)), 3, 3, seed=0, name="c")
    text = sc.compile(sc.mean(z * z), backend="native").report()
    assert (
        "Reshape, Conv, Mul, Mean: none of its axes is the batch, as the first one of an input that is declared" in text
    )
    numbers = sc.compile(sc.Param("w", np.ones(3)) + 1, backend="native").report()
    assert "Add: the same for all images, and needed before" in numbers
    largest = sc.compile(2 * sc.max(sc.Input("x", (None, 3))), backend="native").report()
    assert "Max (): it reads the whole batch, and is no sum" in largest
    assert "Mul: it follows from what NumPy has computed of the whole batch" in largest


@pytest.mark.parametrize("rows", [6, None])
def test_fit_is_silent_where_native_code_works(rows):
    loss = tutorial(*networks(rows))
    assert len(sc.fit(loss, fed(6), batch=6, epochs=2, backend="native").loss) == 2


def test_fit_warns_where_most_of_the_work_is_left_to_numpy():
    x = sc.Input("x", (12, 10))
    loss = sc.mean(sc.conv(sc.reshape(x, (1, 1, 12, 10)), 3, 3, seed=0, name="c") ** 2)
    with pytest.warns(
        sc.errors.SpeedWarning, match=r"most of the work is left to NumPy, as that of .*Conv.*\(None, "
    ) as found:
        sc.fit(loss, {"x": np.ones((12, 10))}, batch=12, backend="native")
    assert found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sc.errors.SpeedWarning)
        sc.fit(loss, {"x": np.ones((12, 10))}, batch=12, backend="native")
    sc.fit(loss, {"x": np.ones((12, 10))}, batch=12, backend="numpy")


def test_pairs_of_rows_are_no_reason_for_a_warning():
    """Nothing that can be declared puts the Gram matrix of a batch into lanes."""
    x = sc.Input("x", (None, 8))
    h = sc.dense(x, 4, seed=0)
    loss = sc.mean(sc.exp(-((h @ sc.transpose(h)) ** 2)))
    sc.fit(loss, {"x": np.ones((40, 8))}, batch=20, backend="native")


def test_a_batch_without_rows_is_left_as_it_is():
    x = sc.Input("x", (0, 3))
    total = sc.sum(sc.dense(x, 2, seed=0))
    assert serving(Plan.of([total], {})) is None
    assert sc.compile(total, backend="native")(x=np.zeros((0, 3))) == 0
