"""Noise that trains and does not predict: dropout, of units or of whole maps, and Gaussian noise."""

from __future__ import annotations

import math
import zlib

import numpy as np

from ..graph.arguments import number_from
from ..graph.errors import ShapeError, message
from ..graph.layer import layer
from ..graph.leaves import Param
from ..graph.node import Node, as_node
from ..graph.spec import Shape, promote
from ..nodes.elementwise import abs, log, sqrt
from ..nodes.in_training import in_training
from ..nodes.random import key_of, uniform_like
from ..nodes.select import where
from ..nodes.weights import prefixed
from ..text import called


@layer
def dropout(x: Node, rate: float = 0.5, *, seed: int | None = None, name: str = "") -> Node:
    """Each unit becomes 0 with the probability `rate`, and is divided by 1 - rate else: while one trains.

    Parameters
    ----------
    x : Node
        The batch is its first axis.
    rate : float
        From 0 to below 1.
    seed : int, optional
        From 0 to below 2^64: the same seed and name give the same numbers, for every backend and number of threads.
    name : str, optional
        Shown in errors and diagrams.

    Returns
    -------
    Node
        Of the shape of `x`. In the graph of `symcnn.inference` it is `x` itself.

    Notes
    -----
    Srivastava et al., "Dropout" (2014). What is dropped is a function of the seed, the name, the place in the example,
    the number of the example in the batch, and of how many steps were made: that is counted by the state ``name.step``,
    which a step of `train_step` or `fit` adds 1 to, and which is saved with the parameters. A program that was compiled
    of the training graph alone counts nothing, and drops the same units in each run.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 8))
    >>> sc.compile(sc.dropout(x, 0.5, seed=1))(x=[[1] * 8])
    array([[2., 2., 2., 2., 2., 2., 0., 2.]], dtype=float32)
    """
    x = as_node(x)
    return _dropped(x, x.shape, rate, seed, name, "dropout")


@layer
def spatial_dropout(x: Node, rate: float = 0.5, *, seed: int | None = None, name: str = "") -> Node:
    """Whole maps of an example become 0 with the probability `rate`, and are divided by 1 - rate else.

    Parameters
    ----------
    x : Node
        (N, channels, ...).
    rate, seed, name
        As for `dropout`.

    Returns
    -------
    Node
        Of the shape of `x`. In the graph of `symcnn.inference` it is `x` itself.

    Notes
    -----
    Tompson et al., "Efficient Object Localization Using Convolutional Networks" (2015): neighbours in a map tell of
    each other, so dropping one of them drops little.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 4, 2))
    >>> sc.compile(sc.spatial_dropout(x, 0.5, seed=3))(x=[[[1, 1]] * 4])[0].tolist()
    [[2.0, 2.0], [0.0, 0.0], [2.0, 2.0], [2.0, 2.0]]
    """
    what, x = called("spatial_dropout", name), as_node(x)
    if x.ndim < 2:
        problem = f"{what} reads (N, channels, ...); this input has shape {x.shape}"
        raise ShapeError(message(problem, "sc.dropout drops single units", node=x))
    return _dropped(x, (*x.shape[:2], *(1,) * (x.ndim - 2)), rate, seed, name, "spatial_dropout")


@layer
def gaussian_noise(x: Node, std: float = 1.0, *, seed: int | None = None, name: str = "") -> Node:
    """x plus normal noise with the standard deviation `std`: while one trains.

    Parameters
    ----------
    x : Node
        The batch is its first axis.
    std : float
        At least 0.
    seed, name
        As for `dropout`.

    Returns
    -------
    Node
        Of the shape of `x`. In the graph of `symcnn.inference` it is `x` itself.

    Notes
    -----
    Two uniform numbers u and v make a normal one: sqrt(-2 log(1 - u)) cos(2 pi v) (Box & Muller, 1958).

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1000))
    >>> noisy = sc.compile(sc.gaussian_noise(x, 0.1, seed=0))(x=np.ones((10, 1000)))
    >>> round(float(noisy.mean()), 2), round(float(noisy.std()), 2)
    (1.0, 0.1)
    """
    what, x = called("gaussian_noise", name), as_node(x)
    std = number_from(std, 0, float("inf"), f"{what}: std")
    if not std:
        return x
    step, key, dtype = _step(name, "gaussian_noise"), key_of(seed, what), promote(x.dtype)
    u, v = (uniform_like(step, _batch_first(x, x.shape, what), dtype, key, _layer(name + end)) for end in ("", " v"))
    return in_training(x + std * sqrt(-2 * log(1 - u)) * _cosine_of_turns(v), x)


def _dropped(x: Node, shape: Shape, rate: float, seed: int | None, name: str, kind: str) -> Node:
    """x, of which some are dropped: those of `shape`, which stretches to that of x."""
    what = called(kind, name)
    rate = number_from(rate, 0, 1, f"{what}: rate")
    if not rate:
        return x
    drawn = uniform_like(
        _step(name, kind), _batch_first(x, shape, what), promote(x.dtype), key_of(seed, what), _layer(name)
    )
    return in_training(where(drawn >= rate, x * (1 / (1 - rate)), 0), x)


def _batch_first(x: Node, shape: Shape, what: str) -> Shape:
    """`shape`, in which the batch must be the first axis."""
    if None in x.shape[1:]:
        raise ShapeError(message(f"{what}: the batch is not the first axis of {x.shape}", node=x))
    return shape


def _step(name: str, kind: str) -> Node:
    """How many steps were made: a state, to which each step adds 1."""
    count = Param(prefixed(name, "step"), np.zeros((), np.int64), layer=kind, trainable=False)
    return in_training(count, count, state=count, new=count + 1)


def _layer(name: str) -> int:
    """A number of 32 bits for a name."""
    return zlib.crc32(name.encode())


def _cosine_of_turns(v: Node) -> Node:
    """cos(2 pi v) for v from 0 to 1: the sine of a quarter turn at most, by Taylor's polynomial, right to 1e-11."""
    angle = 2 * math.pi * (abs(v - 0.5) - 0.25)
    square = angle * angle
    total: Node = square * (-1 / math.factorial(15)) + 1 / math.factorial(13)
    for n in (11, 9, 7, 5, 3, 1):
        total = total * square + (-1) ** (n // 2) / math.factorial(n)
    return angle * total
