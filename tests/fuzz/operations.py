"""What random graphs are made of: for each operation the package's function, and its meaning written out.

`plain` is given a module of functions (`by_numpy` or `by_torch`) and values; `house` is given nodes. Both get the
options that `choose` has drawn for the shapes of what is read; a shape says None for the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import symcnn as sc

Shape = tuple[Any, ...]


@dataclass(frozen=True)
class Draw:
    """What an operation reads beside its first value: shapes of further ones; and its options.

    A shape in `others` stands for a value that exists or a new one; `new` ones are leaves of their own. `labels` is a
    number of classes: then the last value is a leaf of labels, one for each row.
    """

    others: tuple[Shape, ...] = ()
    new: tuple[Shape, ...] = ()
    labels: int = 0
    options: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One kind of step.

    Attributes
    ----------
    house, plain : callables
        (*nodes, *options) -> node, and (module, *values, *options) -> value.
    choose : callable
        (rng, shape of the first value) -> Draw, or None where it does not fit.
    smooth : callable
        (*arrays, *options) -> how far the values are from where the function is not smooth or not defined.
    """

    name: str
    house: Callable[..., Any]
    plain: Callable[..., Any]
    choose: Callable[[np.random.Generator, Shape], Draw | None]
    smooth: Callable[..., Any] = lambda *values: np.inf


OPERATIONS: dict[str, Operation] = {}


def operation(
    name: str, house: Any, plain: Any, choose: Any = lambda rng, s: Draw(), smooth: Any = lambda *v: np.inf
) -> None:
    """Add a row to the table."""
    OPERATIONS[name] = Operation(name, house, plain, choose, smooth)


def nearest(a: Any) -> float:
    """The smallest distance from 0."""
    return float(np.min(np.abs(a), initial=np.inf))


def above(limit: float) -> Callable[..., float]:
    """Smooth where all is larger than `limit`."""
    return lambda a, *rest: np.inf if np.min(a, initial=np.inf) > limit else 0.0


# One value, element by element --------------------------------------------------------------------------------------

operation("negative", lambda a: -a, lambda m, a: -a)
operation("exp", sc.exp, lambda m, a: m.exp(a))
operation("log", sc.log, lambda m, a: m.log(a), smooth=above(0.1))
operation("sqrt", sc.sqrt, lambda m, a: m.sqrt(a), smooth=above(0.1))
operation("abs", sc.abs, lambda m, a: m.absolute(a), smooth=nearest)
operation("tanh", sc.tanh, lambda m, a: m.tanh(a))
operation("sigmoid", sc.sigmoid, lambda m, a: m.sigmoid(a))
operation("softplus", sc.softplus, lambda m, a: m.softplus(a))
operation("relu", sc.relu, lambda m, a: m.relu(a), smooth=nearest)
operation("square", lambda a: a**2, lambda m, a: a**2)
operation("cube", lambda a: a**3, lambda m, a: a**3)
operation("reciprocal", lambda a: 1 / a, lambda m, a: 1 / a, smooth=lambda a: np.inf if nearest(a) > 0.2 else 0)
operation("power", lambda a, c: a**c, lambda m, a, c: a**c,
          lambda rng, s: Draw(options=(float(rng.choice([0.5, 1.5, -0.5, 2.5])),)), above(0.1))  # fmt: skip
operation("add a number", lambda a, c: a + c, lambda m, a, c: a + c, lambda rng, s: Draw(options=(_number(rng),)))
operation("times a number", lambda a, c: c * a, lambda m, a, c: c * a, lambda rng, s: Draw(options=(_number(rng),)))
operation("from a number", lambda a, c: c - a, lambda m, a, c: c - a, lambda rng, s: Draw(options=(_number(rng),)))
operation("log of 1 + exp", lambda a: sc.log(1 + sc.exp(a)), lambda m, a: m.softplus(a))
operation("log of sigmoid", lambda a: sc.log(sc.sigmoid(a)), lambda m, a: -m.softplus(-a))
operation("1 - sigmoid", lambda a: 1 - sc.sigmoid(a), lambda m, a: m.sigmoid(-a))
operation("positive part", lambda a: sc.where(a > 0, a * a, 0.5 * a), lambda m, a: m.where(a > 0, a * a, 0.5 * a),
          smooth=nearest)  # fmt: skip
operation("guarded root", lambda a: sc.where(a > 0, a**0.5, 0),
          lambda m, a: m.where(a > 0, m.absolute(a) ** 0.5, 0 * a),
          smooth=lambda a: np.inf if nearest(a) > 0.1 else 0)  # fmt: skip


def _number(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0]))


# Two and three values -----------------------------------------------------------------------------------------------


def broadcast(rng: np.random.Generator, shape: Shape) -> Shape:
    """A shape that broadcasts with `shape` to it: some axes are 1, some of the first are missing."""
    kept = [1 if rng.random() < 0.25 else d for d in shape]
    start = int(rng.integers(0, len(kept) + 1)) if rng.random() < 0.35 else 0
    return tuple(kept[start:])


def beside(count: int) -> Callable[[np.random.Generator, Shape], Draw]:
    """As many other values, each of the same shape or one that broadcasts."""
    return lambda rng, s: Draw(others=tuple(s if rng.random() < 0.6 else broadcast(rng, s) for _ in range(count)))


operation("add", lambda a, b: a + b, lambda m, a, b: a + b, beside(1))
operation("subtract", lambda a, b: a - b, lambda m, a, b: a - b, beside(1))
operation("multiply", lambda a, b: a * b, lambda m, a, b: a * b, beside(1))
operation("divide", lambda a, b: a / b, lambda m, a, b: a / b, beside(1),
          lambda a, b: np.inf if nearest(b) > 0.2 else 0)  # fmt: skip
operation("divide by 1 + square", lambda a, b: a / (1 + b * b), lambda m, a, b: a / (1 + b * b), beside(1))
operation("maximum", sc.maximum, lambda m, a, b: m.maximum(a, b), beside(1), lambda a, b: nearest(a - b))
operation("minimum", sc.minimum, lambda m, a, b: m.minimum(a, b), beside(1), lambda a, b: nearest(a - b))
operation("choose", lambda a, b, c: sc.where(a > b, b * c, a), lambda m, a, b, c: m.where(a > b, b * c, a + 0 * b * c),
          beside(2), lambda a, b, c: nearest(a - b))  # fmt: skip
operation("power of two", lambda a, b: a**b, lambda m, a, b: a**b, beside(1), lambda a, b: above(0.1)(a))


# Rows and axes ------------------------------------------------------------------------------------------------------


def _axes(rng: np.random.Generator, s: Shape) -> Draw | None:
    if not s:
        return None
    axes = tuple(int(k) for k in np.flatnonzero(rng.random(len(s)) < 0.5)) or (int(rng.integers(len(s))),)
    return Draw(options=(axes, bool(rng.random() < 0.4)))


def _top_two(a: Any, axes: tuple[int, ...], keep: bool = False) -> float:
    """How far the largest of each group is above the second."""
    rest = [k for k in range(a.ndim) if k not in axes]
    flat = np.transpose(a, (*rest, *axes)).reshape(*(a.shape[k] for k in rest), -1)
    if flat.shape[-1] < 2 or not flat.size:
        return np.inf
    best = np.sort(flat, axis=-1)
    return float(np.min(best[..., -1] - best[..., -2]))


def _classes(rng: np.random.Generator, s: Shape) -> Draw | None:
    return Draw() if s and s[-1] != 0 else None


operation("sum", lambda a, x, k: sc.sum(a, x, k), lambda m, a, x, k: m.total(a, x, k), _axes)
operation("mean", lambda a, x, k: sc.mean(a, x, k), lambda m, a, x, k: m.mean(a, x, k), _axes)
operation("max", lambda a, x, k: sc.max(a, x, k), lambda m, a, x, k: m.largest(a, x, k), _axes, _top_two)
operation("softmax", sc.softmax, lambda m, a: m.softmax(a), _classes)
operation("log softmax", sc.log_softmax, lambda m, a: m.log_softmax(a), _classes)
operation("log of softmax", lambda a: sc.log(sc.softmax(a)), lambda m, a: m.log_softmax(a), _classes)


# Places -------------------------------------------------------------------------------------------------------------


def _permutation(rng: np.random.Generator, s: Shape) -> Draw | None:
    if len(s) < 2:
        return None
    axes = list(range(len(s)))
    first = 1 if rng.random() < 0.7 else 0
    axes[first:] = [int(k) for k in rng.permutation(axes[first:])]
    return Draw(options=(tuple(axes),))


def _flat(rng: np.random.Generator, s: Shape) -> Draw | None:
    if len(s) < 2 or None in s[1:]:
        return None
    size = int(np.prod(s[1:]))
    parts = [d for d in (2, 3) if size % d == 0 and size]
    inner = (size,) if not parts or rng.random() < 0.5 else (size // parts[0], parts[0])
    return Draw(options=((s[0], *inner),))


def _plain_reshape(m: Any, a: Any, shape: Shape) -> Any:
    return m.reshape(a, tuple(a.shape[0] if d is None else d for d in shape))


def _each_axis(draw: Callable[[np.random.Generator, int], Any], neutral: Any) -> Any:
    def choose(rng: np.random.Generator, s: Shape) -> Draw | None:
        if len(s) < 1:
            return None
        return Draw(options=(tuple(neutral if d is None or rng.random() < 0.4 else draw(rng, d) for d in s),))

    return choose


def _border(rng: np.random.Generator, size: int) -> tuple[int, int]:
    return int(rng.integers(0, 3)), int(rng.integers(0, 3))


def _cut(rng: np.random.Generator, size: int) -> tuple[int, int]:
    before = int(rng.integers(0, size)) if size else 0
    return before, int(rng.integers(0, size - before)) if size - before > 0 else 0


def _cut_of(a: Any, widths: Any) -> Any:
    return a[tuple(slice(b, n - e) for n, (b, e) in zip(a.shape, widths, strict=True))]


def _indices(rng: np.random.Generator, s: Shape) -> Draw | None:
    places = [k for k, d in enumerate(s) if d is not None and d > 0]
    if not places:
        return None
    axis = int(rng.choice(places))
    index = tuple(int(i) for i in rng.integers(0, s[axis], rng.integers(1, 5)))
    return Draw(options=(index, axis))


def _join(rng: np.random.Generator, s: Shape) -> Draw | None:
    places = [k for k, d in enumerate(s) if d is not None]
    if not places:
        return None
    axis = int(rng.choice(places))
    other = tuple(int(rng.integers(1, 4)) if k == axis and rng.random() < 0.3 else d for k, d in enumerate(s))
    return Draw(others=(other,), options=(axis,))


def _window(rng: np.random.Generator, s: Shape) -> Draw | None:
    if len(s) < 2 or None in s[-2:]:
        return None
    p, q = (int(rng.choice([n for n in range(1, 6) if d % n == 0])) for d in s[-2:])
    return Draw(options=(p, q)) if p * q > 1 else None


def _repeat(rng: np.random.Generator, s: Shape) -> Draw | None:
    return Draw(options=(int(rng.integers(1, 4)), 2)) if len(s) >= 2 and None not in s[-2:] else None


operation("transpose", sc.transpose, lambda m, a, x: m.permute(a, x), _permutation)
operation("reshape", sc.reshape, _plain_reshape, _flat)
operation(
    "turn", sc.rot90, lambda m, a: m.flip(a), lambda rng, s: Draw() if len(s) >= 2 and None not in s[-2:] else None
)
operation("pad", sc.pad, lambda m, a, w: m.pad(a, w), _each_axis(_border, (0, 0)))
operation("crop", sc.crop, lambda m, a, w: _cut_of(a, w), _each_axis(_cut, (0, 0)))
operation("subsample", sc.subsample, lambda m, a, n: a[tuple(slice(None, None, k) for k in n)],
          _each_axis(lambda rng, d: int(rng.integers(1, 4)), 1))  # fmt: skip
operation("take", lambda a, i, x: sc.take(a, list(i), x), lambda m, a, i, x: m.take(a, i, x), _indices)
operation("concat", lambda a, b, x: sc.concat([a, b], x), lambda m, a, b, x: m.concat([a, b], x), _join)
operation("mean pool", lambda a, p, q: sc.Pool(a, (p, q), "mean"),
          lambda m, a, p, q: m.mean(m.windows(a, p, q), -1, False),
          _window)  # fmt: skip
operation("max pool", lambda a, p, q: sc.Pool(a, (p, q), "max"),
          lambda m, a, p, q: m.largest(m.windows(a, p, q), -1, False),
          _window, lambda a, p, q: _pool_top_two(a, p, q))  # fmt: skip
operation("upsample", lambda a, p, q: sc.upsample(a, (p, q)), lambda m, a, p, q: m.repeat(a, p, q), _repeat)


def _pool_top_two(a: Any, p: int, q: int) -> float:
    import by_numpy

    return _top_two(by_numpy.windows(a, p, q), (a.ndim,))


# Products -----------------------------------------------------------------------------------------------------------


def _filters(rng: np.random.Generator, s: Shape) -> Draw | None:
    if len(s) != 4 or None in s[1:]:
        return None
    _, channels, height, width = s
    around, stride, filters = int(rng.integers(0, 3)), int(rng.integers(1, 3)), int(rng.integers(1, 5))
    p, q = (int(rng.integers(1, min(d + 2 * around, 5) + 1)) for d in (height, width))
    if min(p, q) <= around:
        around = 0
        p, q = min(p, height), min(q, width)
    return Draw(new=((filters, channels, p, q), (filters,)), options=(stride, around))


def _house_conv(x: Any, w: Any, b: Any, stride: int, around: int) -> Any:
    return sc.subsample(sc.Conv(sc.pad(x, around), w, b), stride)


def _columns(rng: np.random.Generator, s: Shape) -> Draw | None:
    return Draw(new=((s[-1], int(rng.integers(1, 6))),)) if len(s) >= 2 and s[-1] is not None else None


def _units(rng: np.random.Generator, s: Shape) -> Draw | None:
    if len(s) != 2 or s[1] is None:
        return None
    units = int(rng.integers(1, 6))
    return Draw(new=((units, s[1]), (units,)))


def _gram(m: Any, a: Any) -> Any:
    axes = (*range(a.ndim - 2), a.ndim - 1, a.ndim - 2)
    return m.matmul(a, m.permute(a, axes))


def _house_gram(a: Any) -> Any:
    return a @ sc.transpose(a, (*range(a.ndim - 2), a.ndim - 1, a.ndim - 2))


operation("convolve", _house_conv, lambda m, *v: m.conv(*v), _filters)
operation("matmul", lambda a, b: a @ b, lambda m, a, b: m.matmul(a, b), _columns)
operation("dense", sc.Dense, lambda m, a, w, b: m.matmul(a, m.permute(w, (1, 0))) + b, _units)
operation("gram", _house_gram, _gram, lambda rng, s: Draw() if len(s) >= 2 else None)


# Losses -------------------------------------------------------------------------------------------------------------


def _labelled(rng: np.random.Generator, s: Shape) -> Draw | None:
    if len(s) != 2 or s[1] is None or s[1] < 2:
        return None
    return Draw(labels=s[1], options=(str(rng.choice(["mean", "sum", "none"])),))


def _whole(rng: np.random.Generator, s: Shape) -> Draw | None:
    return Draw(others=(s,), options=(str(rng.choice(["mean", "sum", "none"])),)) if s else None


def _reduced(m: Any, losses: Any, reduction: str) -> Any:
    rows = m.total(losses, tuple(range(1, losses.ndim)), False) if losses.ndim > 1 else losses
    return rows if reduction == "none" else (m.mean if reduction == "mean" else m.total)(rows, (0,), False)


def _cross_entropy(m: Any, z: Any, y: Any, reduction: str) -> Any:
    return _reduced(m, -m.log_softmax(z) * m.one_hot(y, z.shape[1]), reduction)


def _by_hand(z: Any, y: Any, reduction: str) -> Any:
    rows = -sc.sum(sc.one_hot(y, z.shape[1], z.dtype.name) * sc.log(sc.softmax(z)), axis=1)
    return rows if reduction == "none" else (sc.mean if reduction == "mean" else sc.sum)(rows)


operation("cross-entropy", sc.softmax_cross_entropy, _cross_entropy, _labelled)
operation("cross-entropy by hand", _by_hand, _cross_entropy, _labelled)
operation("squared error", sc.squared_error, lambda m, a, t, r: _reduced(m, 0.5 * (a - t) * (a - t), r), _whole)
operation("binary cross-entropy", lambda z, t, r: sc.sigmoid_cross_entropy(z, sc.sigmoid(t), r),
          lambda m, z, t, r: _reduced(m, m.softplus(z) - m.sigmoid(t) * z, r), _whole)  # fmt: skip
operation("masked", lambda a, y, k: sc.where(sc.equal(sc.reshape(y, (y.shape[0],) + (1,) * (a.ndim - 1)), 1), a, k * a),
          lambda m, a, y, k: m.where(m.reshape(m.equal(y, 1), (a.shape[0],) + (1,) * (a.ndim - 1)), a, k * a),
          lambda rng, s: Draw(labels=3, options=(0.5,)) if s else None)  # fmt: skip
