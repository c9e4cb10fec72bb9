"""Initial values for parameters: functions (rng, shape) -> array.

How far values are spread depends on how many numbers a unit reads (fan-in) and on how many units read a number
(fan-out). They follow from the shape of the weights, as the layers of the package have them:

=====================  ==========================================  ========================  =======================
layer                  shape of W                                  fan-in                    fan-out
=====================  ==========================================  ========================  =======================
dense                  (out, in)                                   in                        out
conv                   (filters, channels / groups, *size)         channels / groups * size  filters * size
conv_transposed        (channels, filters / groups, *size)         filters / groups * size   channels * size
=====================  ==========================================  ========================  =======================

*size* stands for the product of the sizes. So it is written in Glorot & Bengio (2010) for dense layers and in He et al.
(2015), section 2.2, for convolutions, and PyTorch counts in the same way from the same shapes; a stride is not
considered. In a transposed convolution a unit of the result reads channels * size numbers, divided by the strides: what
is called fan-in there is that of the convolution whose errors it passes back, as in PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..graph.arguments import number_from
from ..graph.errors import ShapeError, call_site, message
from ..text import quoted

__all__ = [
    "Initializer",
    "constant",
    "fans",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "tutorial_uniform",
    "uniform",
    "zeros",
]

Initializer = Callable[["np.random.Generator", tuple[int, ...]], NDArray[np.float64]]  # in quotes: not loaded here


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Fan-in and fan-out: how many values feed one unit, and how many units one value feeds.

    Raises
    ------
    ShapeError
        For a shape of fewer than two axes.

    Examples
    --------
    >>> fans((20, 1, 9, 9))
    (81, 1620)
    """
    if not isinstance(shape, tuple) or len(shape) < 2:
        problem = f"weights of shape {quoted(shape)} have no fans; expected (out, in, ...)"
        raise ShapeError(message(problem, site=call_site()))
    area = math.prod(shape[2:])
    return shape[1] * area, shape[0] * area


def zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """All 0, as for biases.

    Examples
    --------
    >>> zeros(np.random.default_rng(0), (2,))
    array([0., 0.])
    """
    return np.zeros(shape)


def ones(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """All 1, as for gains.

    Examples
    --------
    >>> ones(np.random.default_rng(0), (2,))
    array([1., 1.])
    """
    return np.ones(shape)


def constant(value: float) -> Initializer:
    """All `value`.

    Examples
    --------
    >>> constant(0.5)(np.random.default_rng(0), (2,))
    array([0.5, 0.5])
    """
    return lambda rng, shape: np.full(shape, float(value))


def normal(std: float) -> Initializer:
    """Normal with mean 0 and standard deviation `std`: the tutorial's filters have ``normal(0.1)``.

    Examples
    --------
    >>> normal(0.1)(np.random.default_rng(0), (2,)).round(3)
    array([ 0.013, -0.013])
    """
    return lambda rng, shape: std * rng.standard_normal(shape)


def uniform(limit: float) -> Initializer:
    """Uniform between -`limit` and `limit`.

    Examples
    --------
    >>> uniform(0.1)(np.random.default_rng(0), (2,)).round(3)
    array([ 0.027, -0.046])
    """
    return lambda rng, shape: rng.uniform(-limit, limit, shape)


def truncated_normal(std: float) -> Initializer:
    """Normal with mean 0, where what is beyond two standard deviations is drawn again; it then has the spread `std`.

    Parameters
    ----------
    std : float
        The standard deviation of what comes out: before anything is cut off, it is larger by 1 / 0.8796, which is
        sqrt(1 - 4 phi(2) / (Phi(2) - Phi(-2))) for the normal density phi and its integral Phi.

    Notes
    -----
    Keras and JAX widen it so in their variance-scaling initialisers; PyTorch's ``trunc_normal_`` takes the other one.

    Examples
    --------
    >>> drawn = truncated_normal(0.1)(np.random.default_rng(0), (100, 100))
    >>> round(float(drawn.std()), 3), round(float(np.abs(drawn).max()), 3)
    (0.1, 0.227)
    """

    def init(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
        values = rng.standard_normal(shape)
        while (far := np.abs(values) > 2).any():
            values[far] = rng.standard_normal(int(far.sum()))
        return std / _SPREAD_WITHIN_TWO * values

    return init


_SPREAD_WITHIN_TWO = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))


def lecun_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Normal with variance 1 / fan_in, which keeps the size of the activations (LeCun et al., 1998).

    Examples
    --------
    >>> round(float(lecun_normal(np.random.default_rng(0), (200, 100)).std()), 2)
    0.1
    """
    return rng.standard_normal(shape) / math.sqrt(fans(shape)[0])


def lecun_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Uniform within +-sqrt(3 / fan_in), so the variance is 1 / fan_in (LeCun et al., 1998).

    Examples
    --------
    >>> round(float(lecun_uniform(np.random.default_rng(0), (200, 100)).std()), 2)
    0.1
    """
    return _within(rng, shape, 3 / fans(shape)[0])


def glorot_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Normal with variance 2 / (fan_in + fan_out), for tanh and sigmoid (Glorot & Bengio, 2010, equation 12).

    Examples
    --------
    >>> round(float(glorot_normal(np.random.default_rng(0), (100, 100)).std()), 2)
    0.1
    """
    return rng.standard_normal(shape) * math.sqrt(2 / sum(fans(shape)))


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Uniform within +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010, equation 16), as in Keras' layers.

    Examples
    --------
    >>> round(float(glorot_uniform(np.random.default_rng(0), (100, 100)).std()), 2)
    0.1
    """
    return _within(rng, shape, 6 / sum(fans(shape)))


def he_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Normal with variance 2 / fan_in, for relu (He et al., 2015, equation 10).

    Examples
    --------
    >>> round(float(he_normal(np.random.default_rng(0), (100, 200)).std()), 2)
    0.1
    """
    return rng.standard_normal(shape) * math.sqrt(2 / fans(shape)[0])


def he_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Uniform within +-sqrt(6 / fan_in), so the variance is 2 / fan_in, for relu (He et al., 2015, equation 10).

    Examples
    --------
    >>> round(float(he_uniform(np.random.default_rng(0), (100, 200)).std()), 2)
    0.1
    """
    return _within(rng, shape, 6 / fans(shape)[0])


def tutorial_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Uniform within +-sqrt(6 / (fan_in + fan_out + 1)): the dense layer of the UFLDL exercise.

    Examples
    --------
    >>> round(float(tutorial_uniform(np.random.default_rng(0), (100, 100)).std()), 2)
    0.1
    """
    limit = math.sqrt(6) / math.sqrt(sum(fans(shape)) + 1)
    return rng.uniform(-limit, limit, shape)


def orthogonal(gain: float = 1.0) -> Initializer:
    """Rows, or columns if they are fewer, that are orthogonal and of length `gain`; each such matrix is as likely.

    Parameters
    ----------
    gain : float
        sqrt(2) is usual before relu.

    Notes
    -----
    Saxe, McClelland & Ganguli, "Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Neural Networks"
    (2014). Filters (filters, channels, ...) are taken for a matrix with a filter a row. Q of the QR decomposition of
    normal numbers is uniform where R has a positive diagonal (Mezzadri, 2007).

    Examples
    --------
    >>> w = orthogonal()(np.random.default_rng(0), (2, 3))
    >>> np.abs(w @ w.T - np.eye(2)).max() < 1e-12
    np.True_
    """
    gain = number_from(gain, -math.inf, math.inf, "orthogonal: gain")

    def init(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
        fans(shape)  # which refuses what is no matrix
        rows, columns = shape[0], math.prod(shape[1:])
        drawn = rng.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(drawn)
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        return gain * (q if rows > columns else q.T).reshape(shape)

    return init


def _within(rng: np.random.Generator, shape: tuple[int, ...], square: float) -> NDArray[np.float64]:
    """Uniform numbers within +- the root of `square`."""
    limit = math.sqrt(square)
    return rng.uniform(-limit, limit, shape)
