"""Checks of the forward rule: what it returns, in which shape and dtype, and everywhere the same."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..backprop import grad
from ..engine.backend import chosen, names
from ..engine.program import compile
from ..graph.algebra import fed
from ..graph.errors import place_of
from ..graph.graph import Graph
from ..graph.leaves import BatchSize, Input
from ..graph.node import Node
from ..graph.spec import is_real, promote
from .cases import REALS, Array, Refused, drawn, evaluate, has_batch, recast, variables, verify
from .findings import Problem, Unchecked


def _batches(sample: Node) -> tuple[int, ...]:
    return (1, 3) if has_batch(sample) else (1,)


def _inputs(sample: Node, batch: int) -> list[Array]:
    """Values for the inputs of `sample` itself."""
    return evaluate(sample.inputs, drawn([sample], batch), batch)


def _close(a: Array, b: Array, dtype: np.dtype[Any], room: float) -> bool:
    """Whether two arrays agree up to `room` roundings of `dtype` (10 of float16), relative to the largest number."""
    if a.shape != b.shape:
        return False
    if not is_real(dtype) or not a.size:
        return bool(np.array_equal(a, b))
    eps = (room if dtype.itemsize > 2 else 10) * float(np.finfo(dtype).eps)
    wide = np.asarray(a, "float64"), np.asarray(b, "float64")
    largest = float(np.max(np.abs(wide[0]), initial=1.0, where=np.isfinite(wide[0])))
    return bool(np.allclose(*wide, rtol=eps, atol=eps * largest, equal_nan=True))


# The shape rule ------------------------------------------------------------------------------


def forward_runs(sample: Node) -> Iterator[Problem]:
    """forward takes what it is given, changes nothing of it, and returns."""
    for batch in _batches(sample):
        inputs = _inputs(sample, batch)
        verify(sample, inputs)
        try:
            np.asarray(sample.forward(np, *inputs))
        except Exception as error:
            given = ", ".join(f"{a.shape} {a.dtype}" for a in inputs)
            yield Problem(
                f"forward fails for inputs of {given}: {type(error).__name__}: {error}",
                f"the rule is at {place_of(type(sample).forward)}; its inputs are read-only",
            )
            return


def forward_keeps_promise(sample: Node) -> Iterator[Problem]:
    """`infer` says what `forward` returns, for batches of one row, three rows and none."""
    for batch in _batches(sample):
        inputs = _inputs(sample, batch)
        value = np.asarray(sample.forward(np, *inputs))
        shape, dtype = sample.spec.bind(batch), sample.dtype
        if value.shape != shape or value.dtype != dtype:
            given = ", ".join(f"{a.shape} {a.dtype}" for a in inputs)
            rules = f"infer is at {place_of(type(sample).infer)}, forward at {place_of(type(sample).forward)}"
            yield Problem(
                f"forward returned {value.shape} {value.dtype} for inputs of {given}; infer promised {shape} {dtype}",
                f"make them agree: {rules}",
            )
            return
    if has_batch(sample):
        yield from _without_rows(sample)


def forward_is_finite(sample: Node) -> Iterator[Problem]:
    """The samples stay in the function's domain."""
    value = np.asarray(sample.forward(np, *_inputs(sample, 3)))
    if is_real(value.dtype) and not np.all(np.isfinite(value)):
        yield Problem(
            "forward returned NaN or infinity for inputs drawn from the normal distribution",
            "declare samples() whose inputs are in the function's domain, such as cls(1 + Input('x', (None, 3)) ** 2)",
        )


def _without_rows(sample: Node) -> Iterator[Problem]:
    """A batch of no rows: an empty result, or a refusal by `verify`."""
    try:
        inputs = _inputs(sample, 0)
        verify(sample, inputs)
    except Refused:
        return
    try:
        value = np.asarray(sample.forward(np, *inputs))
    except Exception as error:
        yield Problem(
            f"forward fails for a batch of no rows: {type(error).__name__}: {error}",
            "return an empty array, or raise ValueError in verify(self, *inputs) if there is no value",
        )
        return
    if value.shape != sample.spec.bind(0):
        yield Problem(
            f"forward returned {value.shape} for a batch of no rows; infer promised {sample.spec.bind(0)}",
            "name the other axes' lengths instead of -1 where forward reshapes",
        )


def dtypes_are_kept(sample: Node) -> Iterator[Problem]:
    """float16 in, float16 out; the same for float32 and float64; of mixed dtypes the widest."""
    leaves = [n for n in Graph(sample).nodes if not n.inputs and is_real(n.dtype)]
    mixed = len(leaves) > 1 and not any(isinstance(i, BatchSize) for i in sample.inputs)
    for dtypes in (*((d,) for d in REALS), *([("float32", "float64")] if mixed else [])):
        node = recast(sample, dtypes)
        value = np.asarray(node.forward(np, *_inputs(node, 2)))
        reals = [i.dtype for i in node.inputs if is_real(i.dtype)]
        given = " and ".join(d.name for d in dict.fromkeys(reals))
        if reals and is_real(node.dtype) and node.dtype != promote(*reals):
            yield Problem(
                f"infer promises {node.dtype} for inputs of {given}",
                f"return the inputs' own dtype ({promote(*reals)} here), the widest where they differ",
            )
        if value.dtype != node.dtype:
            yield Problem(
                f"forward returned {value.dtype} for inputs of {given or 'integers'}; infer promised {node.dtype}",
                "compute with the dtype of the inputs: no numbers as arrays of another dtype in forward",
            )


def rows_are_independent(sample: Node) -> Iterator[Problem]:
    """Each row of the batch, computed alone, is the row of the whole batch's result."""
    rows = [i for i in sample.inputs if None in i.shape]
    counts = any(isinstance(i, BatchSize) for i in sample.inputs)
    if sample.mixes_rows:
        raise Unchecked("the type declares mixes_rows")
    if not sample.shape or sample.shape[0] is not None or not rows or counts:
        raise Unchecked("the batch is not the first axis of the result")
    if any(n.shape.count(None) > 1 for n in (sample, *sample.inputs)):
        raise Unchecked("the batch is on more than one axis")
    node = recast(sample, ["float64"])
    inputs = _inputs(node, 3)
    whole = np.asarray(node.forward(np, *inputs))
    for row in range(3):
        alone = np.asarray(node.forward(np, *(_row(i, a, row) for i, a in zip(node.inputs, inputs, strict=True))))
        if not _close(alone, whole[row : row + 1], node.dtype, 100):
            yield Problem(
                f"row {row} of the batch has another value when it is computed alone",
                "sum, sort and normalise over other axes than the batch's; declare mixes_rows = True if it is meant",
            )
            return


def _row(node: Node, value: Array, row: int) -> Array:
    if None not in node.shape:
        return value
    axis = node.shape.index(None)
    return value[(slice(None),) * axis + (slice(row, row + 1),)]


def forward_is_silent(sample: Node) -> Iterator[Problem]:
    """forward passes under ``np.errstate(all="raise", under="ignore")`` and warns of nothing."""
    for batch in _batches(sample):
        inputs = _inputs(sample, batch)
        try:
            with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")
                sample.forward(np, *inputs)
        except (FloatingPointError, Warning) as error:
            yield Problem(
                f"forward is not silent: {type(error).__name__}: {error}",
                "choose a form without overflow and division by 0: both sides of xp.where are computed",
            )


# Other namespaces, and the engine ------------------------------------------------------------


def forward_is_portable(sample: Node) -> Iterator[Problem]:
    """forward runs on the array API standard's strict namespace and gives NumPy's result."""
    try:
        import array_api_strict as strict
    except ImportError:
        raise Unchecked("array-api-strict is not installed") from None
    inputs = _inputs(sample, 3)
    expected = np.asarray(sample.forward(np, *inputs))
    mend = (
        "use only functions of xp that the array API standard has, no NumPy function or method; "
        "numbers beside arrays must be Python's"
    )
    try:
        result = sample.forward(strict, *(strict.asarray(a.copy()) for a in inputs))
        found = np.asarray(result)
    except Exception as error:
        yield Problem(f"forward fails on array_api_strict: {type(error).__name__}: {error}", mend)
        return
    if isinstance(result, np.ndarray | np.generic):
        yield Problem("forward returns a NumPy array for arrays of another library", mend)
    elif found.dtype != expected.dtype or not _close(found, expected, expected.dtype, 100):
        yield Problem(f"forward gives another result on array_api_strict: {found.dtype} {found.shape}", mend)


def engines_agree(sample: Node) -> Iterator[Problem]:
    """Every installed backend gives what the forward rules give, for the value and its errors.

    NumPy's with its kernels, machine code where llvmlite is installed, and those that other packages bring; where
    SYMCNN_BACKEND names one, that and NumPy's alone.
    """
    told = os.environ.get("SYMCNN_BACKEND", "auto") not in ("", "auto")
    for backend in dict.fromkeys(("numpy", chosen("auto"))) if told else names():
        yield from _engine_agrees(sample, backend, *_ENGINES.get(backend, _ENGINES["native"]))


_ENGINES = {"numpy": (REALS, (3, 3, 1, 0)), "native": (REALS[1:], (3, 20, 1, 0))}
"""With which dtypes and batches: machine code is another one for few images, and has a block that is not full."""
_ROOM = 200
"""How many units in the last place engines may be apart, relative to the largest number of a value."""


def _mend(backend: str) -> str:
    if backend == "numpy":
        return "the type's kernel, or a rewriting rule, must give what forward gives"
    same = "forward must give the same for the same arrays each time"
    return f'{same}; where it does, it is the engine\'s fault: report it, and use backend="numpy"'


def _engine_agrees(sample: Node, backend: str, dtypes: Sequence[str], batches: Sequence[int]) -> Iterator[Problem]:
    for dtype in dtypes:
        node = recast(sample, [dtype])
        nodes = [node]
        if is_real(node.dtype):
            seed = fed(f"the error of {node.label}", node.shape, node.dtype.name)
            nodes += [e for e in grad(node, variables(node), seed=seed, unconnected="zeros") if e is not seed]
        rows = Input("rows of the batch", (None,))
        program = compile([*nodes, rows], backend=backend)
        for turn, batch in enumerate(batches):
            values = drawn([*nodes, rows], batch, seed=turn)
            try:
                expected = evaluate(nodes, values, batch)
            except Refused:
                if batch:
                    raise
                continue
            found = program({i: values[i] for i in program.inputs})
            for n, (a, b) in enumerate(zip(found[:-1], expected, strict=True)):
                if a.dtype != b.dtype or not _close(a, b, b.dtype, _ROOM):
                    what = "the value" if n == 0 else f"the error sent to input {variables(node)[n - 1].name!r}"
                    name = "NumPy" if backend == "numpy" else backend
                    yield Problem(f"the {name} engine computes another result for {what}, in {dtype}", _mend(backend))
                    return
