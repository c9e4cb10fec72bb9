"""fit: the same bits for the same seed, every row once an epoch, the figures it reports, and its errors."""

import io
import sys
import warnings
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest

import symcnn as sc
from symcnn.tutorial import tutorial_network, tutorial_optimizer


def small_network():
    x, y = sc.Input("x", (None, 1, 6, 6)), sc.Input("y", (None,), dtype="int64")
    z = sc.dense(sc.mean_pool(sc.sigmoid(sc.conv(x, 3, 3, seed=0, name="conv")), 2), 4, seed=1, name="out")
    return sc.softmax_cross_entropy(z, y), sc.accuracy(z, y)


def rows(n=23):
    rng = np.random.default_rng(5)
    return {"x": rng.random((n, 1, 6, 6), dtype=np.float32), "y": rng.integers(0, 4, n)}


def test_the_same_seed_gives_the_same_bits():
    results = []
    for seed in (3, 3, 4):
        J, _ = small_network()
        history = sc.fit(J, rows(), epochs=2, batch=5, seed=seed)
        results.append((history.loss, [p.value.copy() for p in J.params]))
    (first, params), (again, same_params), (other, _) = results
    assert first == again
    assert all((a == b).all() for a, b in zip(params, same_params, strict=True))
    assert first != other


def test_each_epoch_takes_every_row_once_and_the_last_batch_is_ragged():
    x, w = sc.Input("x", (None,)), sc.Param("w", np.float64(0))
    J = sc.mean(0 * w + x)
    data = np.arange(10.0)
    history = sc.fit(J, {"x": data}, epochs=3, batch=4, optimizer=sc.SGD(lr=0.1))
    assert len(history.loss) == 9
    for epoch in range(3):
        first, second, last = history.loss[3 * epoch : 3 * epoch + 3]
        assert 4 * first + 4 * second + 2 * last == pytest.approx(data.sum())
        assert history.epochs[epoch].loss == pytest.approx(4.5)
    assert history.loss[:3] != history.loss[3:6]
    plain = sc.fit(J, {"x": data}, batch=4, shuffle=False, optimizer=sc.SGD(lr=0.1))
    assert plain.loss == [1.5, 5.5, 8.5]


def test_validation_and_metrics_are_means_over_all_rows():
    J, accuracy = small_network()
    held = rows(1203)
    history = sc.fit(J, rows(), validation=held, metrics={"accuracy": accuracy})
    whole = sc.compile([J, accuracy])(**held)
    assert history.validation["loss"] == pytest.approx(float(whole[0]), rel=1e-5)
    assert history.validation["accuracy"] == pytest.approx(float(whole[1]), rel=1e-6)
    assert sc.evaluate({"a": accuracy}, held)["a"] == history.validation["accuracy"]
    assert "val accuracy" in str(history)
    assert history.csv().splitlines()[0] == "epoch,loss,val_loss,val_accuracy,seconds"


def test_the_callers_arrays_are_not_changed():
    J, _ = small_network()
    data = rows()
    before = {k: v.copy() for k, v in data.items()}
    sc.fit(J, data, epochs=1)
    assert all((data[k] == before[k]).all() for k in data)


def test_the_bar_is_silent_when_there_is_no_terminal(monkeypatch):
    J, _ = small_network()
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    sc.fit(J, rows())
    assert pipe.getvalue() == ""
    sc.fit(J, rows(), progress=True)
    assert "step" in pipe.getvalue()


@pytest.mark.parametrize("widgets", [False, True])
def test_a_notebook_without_widgets_gets_a_plain_bar(monkeypatch, widgets):
    """tqdm.auto would warn that it finds no IProgress."""
    made = import_module("symcnn.train.fit")
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setattr(made, "find_spec", lambda name: object() if widgets and name == "ipywidgets" else None)
    asked = []
    monkeypatch.setattr(made, "load", lambda name: asked.append(name) or import_module("tqdm.std"))
    J, _ = small_network()
    sc.fit(J, rows())
    assert asked == ["tqdm.auto" if widgets else "tqdm.std"]


@pytest.mark.slow
def test_a_training_in_a_notebook_warns_of_nothing():
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    source = """
    import numpy as np, symcnn as sc
    J = sc.mean(sc.dense(sc.Input("x", (None, 3)), 2, seed=0) ** 2)
    h = sc.fit(J, {"x": np.ones((8, 3), "float32")}, epochs=1, batch=4, backend="numpy")
    """
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    with warnings.catch_warnings():  # the client's own
        warnings.simplefilter("ignore")
        nbclient.NotebookClient(book, timeout=60, kernel_name="python3").execute()
    told = [output["text"] for output in book.cells[0].outputs if output.output_type == "stream"]
    assert not [text for text in told if "Warning" in text]


def test_a_loss_that_becomes_nan_stops_with_the_node_that_made_it():
    x = sc.Input("x", (None, 2))
    w = sc.Param("w", np.ones((1, 2), "float32"))
    z = sc.Dense(x, w, name="score")
    J = sc.mean(sc.Log(z, name="the logarithm"))
    data = {"x": np.array([[1, 1], [1, 1], [-1, -1]], "float32")}
    with pytest.raises(sc.errors.NonFiniteError, match=r"Log 'the logarithm'") as caught:
        sc.fit(J, data, batch=3, optimizer=sc.SGD(lr=0.1))
    assert "test_fit.py" in str(caught.value)
    assert (w.value == 1).all()


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ({"x": np.zeros((3, 1, 6, 6)), "y": np.zeros(4, int)}, {}, "x has 3, y has 4"),
        ({"x": np.zeros((0, 1, 6, 6)), "y": np.zeros(0, int)}, {}, "no row"),
        ({"x": np.zeros((3, 1, 6, 6))}, {}, "missing: y"),
        ({"x": np.zeros((3, 1, 6, 6)), "y": np.zeros(3, int), "w": np.zeros(3)}, {}, "unknown: w"),
        ({}, {}, "same number of rows"),
        (rows(), {"epochs": 0}, "epochs is 0"),
        (rows(), {"batch": -1}, "batch is -1"),
    ],
)
def test_wrong_arguments_are_named(data, options, message):
    J, _ = small_network()
    before = [p.value.copy() for p in J.params]
    with pytest.raises(ValueError, match=message):
        sc.fit(J, data, **options)
    assert all((p.value == b).all() for p, b in zip(J.params, before, strict=True))


def test_one_epoch_on_real_digits_learns():
    digits = sc.data.mnist_mini()
    network = tutorial_network(filters=4)
    history = sc.fit(
        network.J,
        digits.train,
        optimizer=tutorial_optimizer(),
        validation=digits.test,
        metrics={"accuracy": network.accuracy},
    )
    assert history.validation["accuracy"] > 0.75
    assert np.mean(history.loss[-10:]) < 0.5 * np.mean(history.loss[:10])


def test_the_batch_on_another_axis_than_the_first_is_refused(refused):
    """The rows of a square array would be shuffled in the place of its examples, the columns."""
    x, t = sc.Input("x", (4, None)), sc.Input("t", (None, 1))
    loss = sc.squared_error(sc.dense(sc.transpose(x), 1, seed=0), t)
    data = {"x": np.eye(4), "t": np.ones((4, 1))}
    with refused(sc.errors.ShapeError, "Input 'x'", "the batch is on axis 1", "sc.transpose(x)"):
        sc.fit(loss, data, batch=4)
    with refused(sc.errors.ShapeError, "Input 'x'", "the batch is on axis 1"):
        sc.evaluate({"loss": loss}, data)
