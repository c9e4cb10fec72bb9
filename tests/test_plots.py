"""Plots: what the figures hold, read back from them."""

import base64
import pickle
import subprocess
import sys

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.errors import ArgumentError, DTypeError, ShapeError, SymcnnError
from symcnn.train import Epoch

pytest.importorskip("matplotlib", reason="the package matplotlib is not installed")


def drawn(figure):
    """A figure that was rendered without a warning."""
    figure.canvas.draw()
    return figure


def record(steps=40, epochs=4, measured=("loss", "accuracy")):
    loss = [1 / (1 + n) for n in range(steps)]
    figures = [dict.fromkeys(measured, 0.1 * n + 0.5) for n in range(epochs)]
    return sc.History(loss, [Epoch(0.5, 0.1, f) for f in figures])


def test_a_history():
    history = record()
    figure = drawn(history.plot())
    loss, accuracy = figure.axes
    steps, mean, held = loss.lines
    assert steps.get_ydata().tolist() == history.loss and steps.get_xdata().tolist() == list(range(1, 41))
    assert mean.get_ydata()[1] == pytest.approx((history.loss[0] + history.loss[1]) / 2)
    assert held.get_xdata() == pytest.approx([10, 20, 30, 40]) and held.get_ydata()[3] == pytest.approx(0.8)
    assert accuracy.lines[0].get_ydata() == pytest.approx([0.5, 0.6, 0.7, 0.8])
    assert [t.get_text() for t in accuracy.get_legend().get_texts()] == ["accuracy"]


@pytest.mark.parametrize(
    ("steps", "epochs", "measured"), [(0, 0, ()), (1, 1, ()), (1, 1, ("loss",)), (3, 1, ("a$b", "_c"))]
)
def test_short_histories(steps, epochs, measured):
    figure = drawn(record(steps, epochs, measured).plot())
    assert len(figure.axes) == 1 + bool(set(measured) - {"loss"})
    assert len(figure.axes[0].lines[0].get_ydata()) == steps


def test_a_loss_that_is_no_number():
    history = sc.History([1.0, float("nan"), float("inf"), *[1.0] * 40])
    mean = drawn(history.plot(smooth=2)).axes[0].lines[1].get_ydata()
    assert np.isnan(mean[1:3]).all() and mean[4:] == pytest.approx(1.0)


def test_curves_that_were_not_measured():
    with pytest.raises(ArgumentError, match=r"'f1' was not measured; there is 'loss', 'accuracy'"):
        sc.plots.curves(record(), ["f1"])
    assert not drawn(sc.plots.curves(record(measured=()))).axes[0].lines


@pytest.mark.parametrize("shape", [(1, 1, 3, 3), (20, 1, 9, 9), (4, 3, 2, 5), (2, 1, 1, 1)])
def test_filters(shape):
    array = np.random.default_rng(0).normal(size=shape)
    axes, _ = drawn(sc.plots.filters(sc.Param("W$1", array))).axes
    (image,) = axes.images
    shown = np.asarray(image.get_array().compressed())
    assert np.sort(shown) == pytest.approx(np.sort(array.ravel()))
    assert image.get_array().data[: shape[2], : shape[3]] == pytest.approx(array[0, 0])
    assert image.get_clim() == pytest.approx((-abs(array).max(), abs(array).max()))


def test_filters_with_nan_and_of_zeros():
    array = np.zeros((2, 3, 4, 4))
    array[1, 2, 3, 1], array[0, 0, 0, 0] = np.nan, np.inf
    axes = drawn(sc.plots.filters(array)).axes[0]
    (crosses,) = axes.collections
    assert crosses.get_offsets().tolist() == [[0, 0], [2 * 5 + 1, 5 + 3]]
    assert np.isfinite(axes.images[0].get_clim()).all()
    drawn(sc.plots.filters(np.full((1, 1, 2, 2), np.nan)))


def test_filters_that_are_too_many_or_none():
    axes = drawn(sc.plots.filters(np.ones((100, 1, 2, 2)), most=9)).axes[0]
    assert "100 of 1×2×2, the first 9" in axes.get_title()
    for wrong in (np.ones((3, 3)), np.ones((0, 1, 3, 3))):
        with pytest.raises(ShapeError, match="filters, channels, height, width"):
            sc.plots.filters(wrong)


def test_confusion_counts():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(200, 4)), rng.integers(0, 4, 200)
    axes = drawn(sc.plots.confusion(scores, labels, names=["a", "$b", "c", "dd"])).axes[0]
    texts = [t.get_text() for t in axes.texts]
    read = scores.argmax(axis=1)
    expected = [[sum((labels == t) & (read == p)) for p in range(4)] for t in range(4)]
    assert [0 if t == "·" else int(t) for t in texts] == np.ravel(expected).tolist()
    assert f"{(read == labels).sum()} of 200 right" in axes.get_title()
    assert drawn(sc.plots.confusion(read, labels)).axes[0].get_title() == axes.get_title()


def test_confusions_that_cannot_be():
    drawn(sc.plots.confusion(np.zeros((0, 3)), np.zeros(0, int)))
    with pytest.raises(ShapeError, match="for labels of shape"):
        sc.plots.confusion([1, 2], [1])
    with pytest.raises(DTypeError, match="whole numbers"):
        sc.plots.confusion([0.5, 1.0], [0, 1])
    with pytest.raises(ArgumentError, match="class -1"):
        sc.plots.confusion([0, 1], [0, -1])
    with pytest.raises(ArgumentError, match="1 names for 2 classes"):
        sc.plots.confusion([0, 1], [0, 1], names=["a"])


def test_axes_of_ones_own():
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots(1, 3)
    assert sc.plots.curves(record(), ax=axes[0]) is figure
    assert sc.plots.filters(np.ones((1, 1, 2, 2)), ax=axes[1]) is figure
    assert sc.plots.confusion([0, 1], [0, 1], ax=axes[2]) is figure
    assert axes[0].lines and axes[1].images and axes[2].images


def test_no_global_state_and_no_screen():
    program = """
import io, sys, symcnn as sc
sc.History([1.0, 2.0]).plot().savefig(io.BytesIO())
sc.plots.confusion([0, 1], [0, 1])
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_without_matplotlib_the_error_names_what_helps(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "symcnn.show.figure", raising=False)
    with pytest.raises(SymcnnError, match=r"pip install 'symcnn\[plot\]'"):
        record().plot()


def test_a_loss_of_infinities_and_any_window():
    record = sc.History([1.0, np.nan, np.inf, -np.inf] * 10)
    for smooth in (None, 3, 10**12):
        record.plot(smooth)


def test_a_class_that_no_table_has_room_for():
    with pytest.raises(sc.errors.ArgumentError, match="a class 1,000,000,000"):
        sc.plots.confusion([10**9], [0])


def test_a_notebook_shows_every_figure():
    for figure in (record().plot(), sc.plots.filters(np.ones((2, 1, 3, 3))), sc.plots.confusion([0, 1], [0, 1])):
        made = figure._repr_mimebundle_()
        assert list(made) == ["image/png", "text/plain"] and made["text/plain"] == repr(figure)
        png = base64.b64decode(made["image/png"], validate=True)
        width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
        assert png.startswith(b"\x89PNG") and [width, height] == [int(side * 100) for side in figure.get_size_inches()]
        assert repr(pickle.loads(pickle.dumps(figure))) == repr(figure)


def test_a_figure_that_cannot_be_drawn_is_shown_as_text():
    figure = sc.plots.filters(np.ones((2, 1, 3, 3)))
    figure.axes[0].set_title("$\\nothing$")
    (text,) = figure._repr_mimebundle_().values()
    assert text.startswith(f"{figure!r}\n(shown as text alone: ")


def test_the_lines_between_filters_are_numbers():
    """They are masked, but Matplotlib scales them with the rest: what was in the memory before may overflow."""
    for _ in range(20):
        shape = (2 * (9 + 1) - 1, 2 * (9 + 1) - 1)
        del [np.full(shape, 1e308) for _ in range(4)][:]
        (image,) = sc.plots.filters(np.ones((4, 1, 9, 9))).axes[0].images
        assert not image.get_array().data[image.get_array().mask].any()
