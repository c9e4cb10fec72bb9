"""Convolutions in full, beside PyTorch's: values and gradients, as exact numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import symcnn as sc

Arrays = dict[str, NDArray[Any]]
STORED = Path(__file__).parents[1] / "references" / "convolutions.npz"


def stored() -> Iterator[tuple[dict[str, Any], Arrays]]:
    """The cases of PyTorch, with their arrays."""
    with np.load(STORED) as file:
        told, numbers = file["cases"], file["numbers"].astype("float64")
    every = [ast.literal_eval(text) for text in told]
    ends = accumulate((int(np.prod(shape)) for _, shapes in every for shape in shapes.values()), initial=0)
    pieces = iter(pairwise(ends))
    for case, shapes in every:
        parts = {name: next(pieces) for name in shapes}
        yield case, {name: numbers[slice(*parts[name])].reshape(shape) for name, shape in shapes.items()}


def built(case: dict[str, Any], arrays: Arrays) -> tuple[sc.Node, list[sc.Node]]:
    """The convolution, and what it is a function of."""
    x = sc.Input("x", (None, *arrays["x"].shape[1:]), dtype="float64")
    w, b = sc.Param("w", arrays["w"]), sc.Param("b", arrays["b"]) if case["bias"] else None
    options = {name: case[name] for name in ("stride", "pad", "dilation", "groups")}
    if case["kind"] == "transposed":
        z = sc.convolve_transposed(x, w, b, output_pad=case["more"], **options)
    else:
        z = sc.convolve(x, w, b, **options)
    return z, [x, w] if b is None else [x, w, b]


def compared(number: int, backend: str) -> None:
    """Value and gradients of one case, to the last digit: all numbers are whole."""
    case, arrays = CASES[number]
    z, wrt = built(case, arrays)
    delta = sc.Input("delta", z.shape, dtype="float64")
    found = sc.compile([z, *sc.grad(z, wrt, seed=delta)], backend=backend)(x=arrays["x"], delta=arrays["delta"])
    expected = [arrays["z"], arrays["gx"], arrays["gw"], *([arrays["gb"]] if case["bias"] else [])]
    for name, a, e in zip(("z", "gx", "gw", "gb"), found, expected, strict=False):
        np.testing.assert_array_equal(a, e, f"{name} of {case}")


CASES = list(stored())


def test_there_are_cases_of_every_kind() -> None:
    assert len(CASES) >= 250
    for name, values in {"kind": {"conv", "transposed"}, "axes": {1, 2, 3}, "groups": {1, 2, 3}}.items():
        assert {case[name] for case, _ in CASES} == values


@pytest.mark.parametrize("number", range(len(CASES)))
def test_values_and_gradients_are_those_of_pytorch(number: int) -> None:
    compared(number, "numpy")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(0, len(CASES), 3))  # each takes a compilation
def test_native_values_and_gradients_are_those_of_pytorch(number: int) -> None:
    compared(number, "native")
