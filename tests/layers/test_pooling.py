"""Pooling in full, beside PyTorch's: values and gradients."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import symcnn as sc

Arrays = dict[str, NDArray[Any]]
STORED = Path(__file__).parents[1] / "references" / "pooling.npz"


def stored() -> Iterator[tuple[dict[str, Any], Arrays]]:
    """The cases of PyTorch, with their arrays."""
    with np.load(STORED) as file:
        told, numbers = file["cases"], {kind: file[kind].astype("float64") for kind in ("whole", "real")}
    used = dict.fromkeys(numbers, 0)
    for case, shapes in map(ast.literal_eval, told):
        arrays = {}
        for name, shape in shapes.items():
            kind = "real" if case["kind"] == "lp" and name in ("z", "gx") else "whole"
            start, used[kind] = used[kind], used[kind] + int(np.prod(shape))
            arrays[name] = numbers[kind][start : used[kind]].reshape(shape)
        yield case, arrays


def built(case: dict[str, Any], x: sc.Node) -> sc.Node:
    options = {"stride": case["stride"], "ceil": case["ceil"]}
    if case["kind"] == "max":
        return sc.max_pool(x, case["size"], pad=case["pad"], dilation=case["dilation"], **options)
    if case["kind"] == "mean":
        return sc.mean_pool(x, case["size"], pad=case["pad"], count_border=case["counted"], **options)
    return sc.lp_pool(x, case["size"], 2, **options)


def compared(number: int, backend: str) -> None:
    case, arrays = CASES[number]
    x = sc.Input("x", (None, *arrays["x"].shape[1:]), dtype="float64")
    z = built(case, x)
    delta = sc.Input("delta", z.shape, dtype="float64")
    found = sc.compile([z, *sc.grad(z, [x], seed=delta)], backend=backend)(x=arrays["x"], delta=arrays["delta"])
    for a, name in zip(found, ("z", "gx"), strict=True):
        np.testing.assert_allclose(a, arrays[name], rtol=1e-13, atol=1e-9, err_msg=f"{name} of {case}")


CASES = list(stored())


def test_there_are_cases_of_every_kind() -> None:
    assert len(CASES) >= 200
    assert {case["kind"] for case, _ in CASES} == {"max", "mean", "lp"}
    assert {len(case["size"]) for case, _ in CASES} == {1, 2, 3}
    assert any(max(case["pad"]) and case["ceil"] and not case["counted"] for case, _ in CASES)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_values_and_gradients_are_those_of_pytorch(number: int) -> None:
    compared(number, "numpy")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(0, len(CASES), 4))  # each takes a compilation
def test_native_values_and_gradients_are_those_of_pytorch(number: int) -> None:
    compared(number, "native")
