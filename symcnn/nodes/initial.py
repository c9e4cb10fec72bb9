"""Initial values for parameters: functions (rng, shape) -> array.

The shape is (out, in) for dense layers and (filters, channels, height, width) for convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import ShapeError, call_site, message
from ..text import quoted

Initializer = Callable[["np.random.Generator", tuple[int, ...]], NDArray[np.float64]]  # in quotes: not loaded here


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many values feed one unit, and how many units one value feeds.

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
    """All 0, as for biases."""
    return np.zeros(shape)


def constant(value: float) -> Initializer:
    """All `value`."""
    return lambda rng, shape: np.full(shape, float(value))


def normal(std: float) -> Initializer:
    """Normal with mean 0 and standard deviation `std`: the tutorial's filters have ``normal(0.1)``."""
    return lambda rng, shape: std * rng.standard_normal(shape)


def uniform(limit: float) -> Initializer:
    """Uniform between -`limit` and `limit`."""
    return lambda rng, shape: rng.uniform(-limit, limit, shape)


def lecun_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Normal with variance 1 / fan_in, which keeps the size of the activations (LeCun et al., 1998)."""
    return rng.standard_normal(shape) / math.sqrt(fans(shape)[0])


def he_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Normal with variance 2 / fan_in, for relu (He et al., 2015)."""
    return rng.standard_normal(shape) * math.sqrt(2 / fans(shape)[0])


def tutorial_uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Uniform within +-sqrt(6 / (fan_in + fan_out + 1)): the dense layer of the UFLDL exercise."""
    limit = math.sqrt(6) / math.sqrt(sum(fans(shape)) + 1)
    return rng.uniform(-limit, limit, shape)
