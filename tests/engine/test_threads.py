"""How many threads a program uses: said, from the environment, or one for each processor."""

import os

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.threads import asked, size, using


def loss():
    x, y = sc.Input("x", (None, 2, 9, 8)), sc.Input("y", (None,), dtype="int64")
    return sc.softmax_cross_entropy(sc.dense(sc.sigmoid(sc.conv(x, 3, (4, 3), seed=0)), 4, seed=1), y)


DATA = {
    "x": np.random.default_rng(0).standard_normal((37, 2, 9, 8)).astype("float32"),
    "y": np.random.default_rng(1).integers(0, 4, 37),
}


def test_what_is_said_counts_more_than_the_environment(monkeypatch):
    monkeypatch.setenv("SYMCNN_THREADS", "7")
    assert (size(), asked()) == (7, None)
    assert using(3, lambda: (size(), asked())) == (3, 3)
    assert using(3, lambda: using(None, size)) == 3
    assert size() == 7


def test_an_empty_environment_says_nothing(monkeypatch):
    monkeypatch.setenv("SYMCNN_THREADS", "")
    assert 1 <= size() <= os.cpu_count()


@pytest.mark.parametrize("nonsense", ["0", "-2", "many", "2.5", "1e3", "²", "٣", "9" * 5000, "4096"])
def test_an_environment_that_says_nothing_sensible_is_refused(monkeypatch, nonsense):
    monkeypatch.setenv("SYMCNN_THREADS", nonsense)
    x = sc.Input("x", (None, 2))
    for call in (size, lambda: sc.compile(sc.sum(x), backend="native")(x=[[1, 2]])):
        with pytest.raises(sc.errors.ArgumentError, match="SYMCNN_THREADS is"):
            call()


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_a_whole_training_with_threads_said(backend):
    """The same number of threads gives the same bits, in `compile`, `train_step`, `fit` and `evaluate`."""
    found = set()
    for _ in range(2):
        J = loss()
        history = sc.fit(J, DATA, epochs=2, batch=20, backend=backend, threads=3, validation=DATA, progress=False)
        value = sc.compile(J, backend=backend, threads=3)(DATA)
        assert sc.evaluate({"loss": J}, DATA, backend=backend, threads=3)["loss"] == pytest.approx(float(value))
        assert sc.train_step(J, sc.SGD(lr=0.1), backend=backend, threads=3)(DATA) == pytest.approx(float(value))
        found.add((tuple(history.loss), value.tobytes()))
    assert len(found) == 1


def test_numpy_divides_among_as_many_as_are_said(monkeypatch):
    seen = set()
    monkeypatch.setenv("SYMCNN_THREADS", "2")
    monkeypatch.setattr("symcnn.engine.numpy.workers.WORTH_BYTES", 0)
    monkeypatch.setattr(
        "symcnn.engine.numpy.convolve.run_all", lambda parts: [seen.add(len(parts)), *(p() for p in parts)]
    )
    for threads in (1, 3, 4):
        sc.compile(loss(), backend="numpy", threads=threads)(DATA)
        assert seen == {threads}
        seen.clear()


@pytest.mark.parametrize(
    ("threads", "error", "words"),
    [
        (0, sc.errors.ArgumentError, "threads is 0; it must be at least 1"),
        (-1, sc.errors.ArgumentError, "threads is -1; it must be at least 1"),
        (5000, sc.errors.ArgumentError, "threads is 5000; it must be at most 1024"),
        (2.0, sc.errors.DTypeError, "threads is 2.0; it must be a whole number"),
        (True, sc.errors.DTypeError, "threads is True; it must be a whole number"),
        ("2", sc.errors.DTypeError, "threads is '2'; it must be a whole number"),
    ],
)
def test_numbers_of_threads_that_cannot_be(threads, error, words):
    calls = [
        lambda: sc.compile(loss(), threads=threads),
        lambda: sc.train_step(loss(), sc.SGD(lr=0.1), threads=threads),
        lambda: sc.fit(loss(), DATA, threads=threads),
        lambda: sc.evaluate({"loss": loss()}, DATA, threads=threads),
    ]
    for call in calls:
        with pytest.raises(error, match=words):
            call()
