"""Initial values for parameters: functions (rng, shape) -> array.

The shape is (out, in) for dense layers and (filters, channels, height, width) for convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import ArgumentError, DTypeError, ShapeError, SizeError, call_site, explain, quoted
from ..graph.leaves import as_numbers
from ..graph.spec import DType

Initializer = Callable[["np.random.Generator", tuple[int, ...]], NDArray[np.float64]]  # in quotes: not loaded here


def drawn(init: Initializer, seed: int | None, shape: tuple[int, ...], dtype: DType, what: str) -> NDArray[np.generic]:
    """The first value of a parameter; `what` says in errors whose.

    Raises
    ------
    ArgumentError, DTypeError, ShapeError
        For a seed that NumPy does not take, and an initializer that returns something else.
    """
    if not callable(init):
        hint = "expected a function (rng, shape) -> array, like sc.initial.normal(0.1)"
        raise DTypeError(explain(f"{what}: init is {quoted(init)}", hint, site=call_site()))
    rng = generator(seed, what)
    try:
        given = init(rng, shape)
    except MemoryError:
        raise SizeError(explain(f"{what}: there is no memory for {shape} weights", site=call_site())) from None
    except Exception as error:
        problem = f"{what}: init failed: {type(error).__name__}: {error}"
        raise ArgumentError(explain(problem, site=call_site())) from error
    value = as_numbers(given, f"{what}: what init returned")
    if value.shape != shape:
        message = f"{what}: init returned an array of shape {value.shape}; expected {shape}"
        raise ShapeError(explain(message, site=call_site()))
    try:
        with np.errstate(over="raise", under="ignore", invalid="ignore"):
            return value.astype(dtype)
    except FloatingPointError:
        message = f"{what}: init returned numbers that are too large for {dtype}"
        raise ArgumentError(explain(message, site=call_site())) from None


def generator(seed: int | None, what: str) -> np.random.Generator:
    """NumPy's random numbers from `seed`; ArgumentError, which begins with `what`, for a seed that is none."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise ArgumentError(explain(f"{what}: seed is {quoted(seed)}: {error}", site=call_site())) from None


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many values feed one unit, and how many units one value feeds.

    Examples
    --------
    >>> fans((20, 1, 9, 9))
    (81, 1620)
    """
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
