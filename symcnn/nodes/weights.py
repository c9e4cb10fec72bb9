"""The weights of a layer: what they are called, and their first values, which an initializer draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..graph.apart import load
from ..graph.errors import ArgumentError, DTypeError, ShapeError, SizeError, call_site, message
from ..graph.leaves import as_numbers
from ..graph.spec import DType
from ..text import quoted
from .initial import Initializer


def drawn(init: Initializer, seed: int | None, shape: tuple[int, ...], dtype: DType, what: str) -> NDArray[np.generic]:
    """The first value of a parameter; `what` says in errors whose.

    Raises
    ------
    ArgumentError, DTypeError, ShapeError
        For a seed that NumPy does not take, and an initializer that returns something else.
    """
    if not callable(init):
        hint = "expected a function (rng, shape) -> array, like sc.initial.normal(0.1)"
        raise DTypeError(message(f"{what}: init is {quoted(init)}", hint, site=call_site()))
    rng = generator(seed, what)
    try:
        given = init(rng, shape)
    except MemoryError:
        raise SizeError(message(f"{what}: there is no memory for {shape} weights", site=call_site())) from None
    except Exception as error:
        problem = f"{what}: init failed: {type(error).__name__}: {error}"
        raise ArgumentError(message(problem, site=call_site())) from error
    value = as_numbers(given, f"{what}: what init returned")
    if value.shape != shape:
        what = f"{what}: init returned an array of shape {value.shape}; expected {shape}"
        raise ShapeError(message(what, site=call_site()))
    try:
        with np.errstate(over="raise", under="ignore", invalid="ignore"):
            return value.astype(dtype)
    except FloatingPointError:
        what = f"{what}: init returned numbers that are too large for {dtype}"
        raise ArgumentError(message(what, site=call_site())) from None


def generator(seed: int | None, what: str) -> np.random.Generator:
    """NumPy's random numbers from `seed`; ArgumentError, which begins with `what`, for a seed that is none."""
    try:
        made: np.random.Generator = load("numpy.random").default_rng(seed)
        return made
    except (TypeError, ValueError) as error:
        raise ArgumentError(message(f"{what}: seed is {quoted(seed)}: {error}", site=call_site())) from None


def prefixed(layer: str, letter: str) -> str:
    """The name of a layer's parameter."""
    if not isinstance(layer, str):
        raise DTypeError(message(f"the name of a layer must be a string, got {quoted(layer)}", site=call_site()))
    return f"{layer}.{letter}" if layer else letter
