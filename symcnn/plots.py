"""Plots of a training and of what was learned, with Matplotlib: each returns a figure, and nothing pops up.

They need the package matplotlib: ``pip install 'symcnn[plot]'``. No global state is touched: figures are not pyplot's,
so they need no screen, and need not be closed. Save one by ``figure.savefig("loss.png")``; a notebook shows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .graph.arguments import positive_int
from .graph.errors import ArgumentError, DTypeError, ShapeError, SymcnnError, call_site, message
from .graph.leaves import Param, as_numbers
from .text import plain_text, quoted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["confusion", "curves", "filters", "history"]

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A8A8A"
Masked = np.ma.MaskedArray[Any, Any]

COLOURS = (ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKS = "osD^vP"
DIVERGING = (BLUE, "#FFFFFF", ORANGE)
"""Below 0, 0, above 0."""


_MOST_CLASSES = 10_000
"""A table of confusions of more has no use, and fills the memory."""


class Epoch(Protocol):
    """What is read of an epoch of a training."""

    @property
    def validation(self) -> Mapping[str, float]:
        """The figures after it."""


class Record(Protocol):
    """What is read of a training: a `symcnn.History`."""

    @property
    def loss(self) -> Sequence[float]:
        """One number for each step."""

    @property
    def epochs(self) -> Sequence[Epoch]:
        """The epochs."""


def history(record: Record, smooth: int | None = None) -> Figure:
    """The loss by step and, beside it, what was measured on the validation data by epoch.

    Parameters
    ----------
    record : History
        From `symcnn.fit`.
    smooth : int, optional
        Over how many steps the line of the loss is averaged: each point is the mean of the steps before it, never of
        those to come. 1 draws none; default: a twentieth of the steps. The loss of each step stays behind it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    _check_record(record)
    names = list(dict.fromkeys(name for epoch in record.epochs for name in epoch.validation))
    others = [name for name in names if name != "loss"]
    figure = _figure(5.5 * (1 + bool(others)), 3.8)
    left, *right = figure.subplots(1, 1 + bool(others), squeeze=False)[0]
    _loss(left, record, smooth)
    if others:
        curves(record, others, ax=right[0])
    return figure


def _loss(ax: Axes, record: Record, smooth: int | None) -> None:
    """The loss of each step, its mean over the last ones, and the validation loss where an epoch ended."""
    loss = np.asarray(record.loss, dtype=float)
    steps = np.arange(1, len(loss) + 1)
    window = max(1, len(loss) // 20) if smooth is None else positive_int(smooth, "smooth")
    points: dict[str, Any] = {"marker": "."} if len(loss) < 30 else {}
    ax.plot(steps, loss, color=BLUE, alpha=1.0 if window == 1 else 0.35, lw=1, label="each step", **points)
    if window > 1:
        ax.plot(steps, trailing_mean(loss, window), color=BLUE, lw=2, label=f"mean of the last {window} steps")
    held = [(n, e.validation["loss"]) for n, e in enumerate(record.epochs, 1) if "loss" in e.validation]
    if held:
        ends = [n * len(loss) / len(record.epochs) for n, _ in held]
        ax.plot(ends, [value for _, value in held], color=ORANGE, ls="--", marker="o", label="validation")
    ax.set(xlabel="step", ylabel="loss", title="loss")
    _tidy(ax)
    if not len(loss):
        _say(ax, "no step yet")


def _check_record(record: object) -> None:
    if not hasattr(record, "epochs"):
        problem = f"the record of a training is {quoted(record)}; expected what sc.fit returns"
        raise DTypeError(message(problem, site=call_site()))


def trailing_mean(values: ArrayLike, window: int) -> NDArray[np.float64]:
    """The mean of each number and those before it, `window` in all, or fewer at the beginning.

    NaN and infinities make a mean NaN or infinite only while they are in the window.

    Examples
    --------
    >>> trailing_mean([4.0, 2.0, 0.0, 4.0], 2)
    array([4., 3., 1., 2.])
    """
    given = np.asarray(values, dtype=np.float64)
    window = min(window, max(len(given), 1))
    padded = np.concatenate([np.zeros(window - 1), given])
    if not len(given):
        return given
    with np.errstate(all="ignore"):
        sums = np.lib.stride_tricks.sliding_window_view(padded, window).sum(axis=1)
    means: NDArray[np.float64] = sums / np.minimum(np.arange(1, len(given) + 1), window)
    return means


def curves(record: Record, names: Sequence[str] | None = None, *, ax: Axes | None = None) -> Figure:
    """What was measured on the validation data, such as the accuracy, by epoch.

    Parameters
    ----------
    record : History
    names : list of str, optional
        Which figures; default: all but the loss.
    ax : matplotlib axes, optional
        Where to draw: axes of your own.

    Returns
    -------
    matplotlib.figure.Figure
        The figure of `ax`, or a new one.
    """
    _check_record(record)
    known = list(dict.fromkeys(name for epoch in record.epochs for name in epoch.validation))
    wanted = [name for name in known if name != "loss"] if names is None else list(names)
    for name in wanted:
        if name not in known:
            listed = ", ".join(map(quoted, known)) or "nothing: give fit validation=... and metrics=..."
            raise ArgumentError(message(f"{quoted(name)} was not measured; there is {listed}", site=call_site()))
    ax = _axes(ax)
    from matplotlib.ticker import MaxNLocator

    for n, name in enumerate(wanted):
        points = [(e, epoch.validation[name]) for e, epoch in enumerate(record.epochs, 1) if name in epoch.validation]
        look: dict[str, Any] = {"color": COLOURS[n % len(COLOURS)], "marker": MARKS[n % len(MARKS)]}
        ax.plot([e for e, _ in points], [value for _, value in points], label=_plain(name), **look)
    ax.set(xlabel="epoch", title="on the validation data")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _tidy(ax)
    if not wanted:
        _say(ax, "nothing was measured")
    return _owner(ax)


def filters(W: Param | ArrayLike, *, columns: int | None = None, most: int = 64, ax: Axes | None = None) -> Figure:
    """The filters of a convolution as a grid of pictures, on one scale about 0.

    Parameters
    ----------
    W : Param, or array of shape (filters, channels, height, width)
        Blue is below 0, white is 0, orange above it; NaN and infinities are crossed out. Of filters over several
        channels, each row is a filter and each column a channel.
    columns : int, optional
        How many pictures a row has, for filters of one channel.
    most : int
        How many filters are shown at most; the title says so.
    ax : matplotlib axes, optional
        Where to draw: axes of your own.

    Returns
    -------
    matplotlib.figure.Figure
        The figure of `ax`, or a new one.

    Raises
    ------
    ShapeError
        If W does not have four axes, or is empty.
    """
    array = as_numbers(W.value if isinstance(W, Param) else W, "the filters").astype(float)
    if array.ndim != 4 or 0 in array.shape:
        problem = f"filters are arrays of (filters, channels, height, width); this has shape {array.shape}"
        raise ShapeError(message(problem, site=call_site()))
    shown = array[: positive_int(most, "most")]
    tiles = shown.reshape(-1, *shown.shape[2:])
    wide = shown.shape[1] if shown.shape[1] > 1 else columns or math.ceil(math.sqrt(len(tiles)))
    grid = _grid(tiles, positive_int(wide, "columns"))
    rows, across = grid.shape
    size = 5.0 / max(rows, across)
    ax = _axes(ax, 1.2 + across * size, 0.6 + rows * size)
    name = _plain(W.name) if isinstance(W, Param) else "filters"
    left_out = "" if len(shown) == len(array) else f", the first {len(shown)} of them"
    count, channels, height, width = array.shape
    _signed(ax, grid, f"{name}: {count} of {channels}×{height}×{width}{left_out}")
    return _owner(ax)


def _grid(tiles: NDArray[Any], wide: int) -> Masked:
    """Pictures side by side in rows of `wide`, a masked line between them."""
    count, height, width = tiles.shape
    wide = min(wide, count)
    high = -(-count // wide)
    lines = np.zeros((high * (height + 1) - 1, wide * (width + 1) - 1))  # Matplotlib computes with masked numbers, too
    grid: Masked = np.ma.array(lines, mask=True)
    for n, tile in enumerate(tiles):
        top, left = n // wide * (height + 1), n % wide * (width + 1)
        grid[top : top + height, left : left + width] = tile
    return grid


def _signed(ax: Axes, grid: Masked, title: str) -> None:
    """An image about 0: blue, white, orange; with its scale, and a cross where there is no number."""
    from matplotlib.colors import LinearSegmentedColormap

    broken = ~np.isfinite(grid.filled(0.0))
    finite = np.ma.masked_where(broken, grid)
    largest = float(np.abs(finite).max()) if finite.count() else 0.0
    limit = largest or 1.0
    colours = LinearSegmentedColormap.from_list("signed", DIVERGING).with_extremes(bad=(0, 0, 0, 0))
    image = ax.imshow(finite, cmap=colours, vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set_facecolor("#d9d9d9")
    ax.set(title=title, xticks=[], yticks=[])
    if broken.any():
        v, u = np.nonzero(broken)
        ax.scatter(u, v, marker="x", color="#000000", s=18, label="NaN or infinite")
        ax.legend(loc="upper left", bbox_to_anchor=(0, 0), frameon=False, fontsize="small")
    _owner(ax).colorbar(image, ax=ax, fraction=0.046, pad=0.03)


def confusion(
    predictions: ArrayLike, labels: ArrayLike, *, names: Sequence[str] | None = None, ax: Axes | None = None
) -> Figure:
    """How often each class was taken for each other one.

    Parameters
    ----------
    predictions : array
        Classes (N,), or scores (N, classes), of which the largest counts: the first of equal ones.
    labels : array of int
        The true classes (N,).
    names : list of str, optional
        What the classes are called; else their numbers.
    ax : matplotlib axes, optional
        Where to draw: axes of your own.

    Returns
    -------
    matplotlib.figure.Figure
        A row is a true class. Each number is a count; the colour is its share of the row.
    """
    counts = confusion_matrix(predictions, labels)
    called = [str(n) for n in range(len(counts))] if names is None else [_plain(name) for name in names]
    if len(called) < len(counts):
        raise ArgumentError(message(f"{len(called)} names for {len(counts)} classes", site=call_site()))
    counts = np.pad(counts, (0, len(called) - len(counts)))
    side = 2.0 + 0.42 * len(counts)
    ax = _axes(ax, side, side)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(counts) <= 40:
        for (true, read), count in np.ndenumerate(counts):
            dark = "#ffffff" if shares[true, read] > 0.5 else "#1b1b1b"
            ax.text(read, true, f"{count:,}" if count else "·", ha="center", va="center", color=dark, fontsize="small")
    right, total = int(np.trace(counts)), int(counts.sum())
    title = f"{right:,} of {total:,} right ({right / total:.1%})" if total else "no example"
    ticks = range(len(counts))
    ax.set(title=title, xlabel="read as", ylabel="true class")
    ax.set_xticks(ticks, called, rotation=0 if max(map(len, called)) <= 3 else 45)
    ax.set_yticks(ticks, called)
    return _owner(ax)


def confusion_matrix(predictions: ArrayLike, labels: ArrayLike) -> NDArray[np.int64]:
    """How often each true class (a row) was read as each class (a column).

    Examples
    --------
    >>> confusion_matrix([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], [0, 1, 1])
    array([[1, 0],
           [1, 1]])
    """
    given, true = as_numbers(predictions, "the predictions"), as_numbers(labels, "the labels")
    if given.ndim not in (1, 2) or true.ndim != 1 or len(given) != len(true):
        problem = f"predictions of shape {given.shape} for labels of shape {true.shape}"
        raise ShapeError(message(problem, "expected (N,) or (N, classes) for (N,)", site=call_site()))
    classes = given.shape[1] if given.ndim == 2 else 0
    if given.ndim == 2:
        if not classes:
            raise ShapeError(message("the predictions have no class", site=call_site()))
        given = given.argmax(axis=1)
    for array, what in ((given, "predictions"), (true, "labels")):
        if array.dtype.kind not in "iu":
            raise DTypeError(message(f"the {what} are {array.dtype}; classes are whole numbers", site=call_site()))
        if len(array) and array.min() < 0:
            raise ArgumentError(message(f"there is a class {array.min()} among the {what}", site=call_site()))
    classes = max([classes, *(int(array.max()) + 1 for array in (given, true) if len(array))], default=0) or 1
    if classes > _MOST_CLASSES:
        what = f"there is a class {classes - 1:,}; a table has room for {_MOST_CLASSES:,} classes"
        raise ArgumentError(message(what, site=call_site()))
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (true.astype(np.intp), given.astype(np.intp)), 1)
    return counts


# Matplotlib --------------------------------------------------------------------------------


def _figure(width: float, height: float) -> Figure:
    """A figure that nothing else knows of."""
    try:
        from .show.figure import Figure
    except ImportError as error:
        hint = "pip install 'symcnn[plot]'"
        raise SymcnnError(message(f"plots need the package matplotlib ({error})", hint, site=call_site())) from error
    return Figure(figsize=(width, height), layout="constrained")


def _axes(ax: Axes | None, width: float = 5.5, height: float = 3.8) -> Axes:
    """`ax`, or the only axes of a new figure."""
    return _figure(width, height).subplots() if ax is None else ax


def _owner(ax: Axes) -> Figure:
    """The figure that axes belong to, also where they are in a part of it."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def _tidy(ax: Axes) -> None:
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False)


def _say(ax: Axes, what: str) -> None:
    ax.text(0.5, 0.5, what, transform=ax.transAxes, ha="center", va="center", color=GREY)


def _plain(name: object) -> str:
    """A name as Matplotlib shows it: a dollar sign begins no formula, and it is one line that can be written."""
    text = " ".join(plain_text(str(name)).split())
    return text.replace("$", r"\$")
