"""Whether what was traced of a user's rule is what the rule computes: both on a few numbers, by NumPy.

Stand-ins refuse what they do not stand for, but they are not asked everything: ``isinstance(z, np.ndarray)`` and
``xp is np`` are answered by Python itself, and a rule can take another way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....graph.leaves import Const
from ....graph.node import Node
from ..ir.interpreter import Array, interpreted
from ..ir.loops import Builder, Value
from .purity import impurity, is_own

_BATCHES = 1, 2, 17
_MOST = 1 << 16
"""No more numbers than this, if that leaves a row of the batch."""
_ROOM = 1e-3
"""How far both may be apart, in parts of the largest number: machine code is more exact, but rounds in other places."""


def doubt(node: Node, b: Builder, inputs: Sequence[Value], traced: Value) -> str | None:
    """Why machine code made of `traced`, in a trial in `b`, may compute something else than the rule of `node`.

    The package's own rules are tested, and not tried here.
    """
    if is_own(type(node)):
        return None
    return impurity(node) or _difference(node, b, inputs, traced)


def _difference(node: Node, b: Builder, inputs: Sequence[Value], traced: Value) -> str | None:
    rng = np.random.default_rng(0)
    for batch in _BATCHES:
        shape, dtype = node.spec.bind(batch), node.dtype
        if batch > 1 and (None not in node.shape or np.prod(shape) > _MOST):
            break
        known = {i: _sample(i, batch, rng) for i in node.inputs}
        arrays = [known[i] for i in node.inputs]
        results = [_by_rule(node, arrays) for _ in range(2)]
        for found in results:
            if isinstance(found, str):
                return found
            if found.shape != shape or found.dtype != dtype:
                return f"it returns {found.shape} {found.dtype} for a batch of {batch}, not {shape} {dtype}"
        first, second = results
        loaded = {v: _signed(a) for v, a in zip(inputs, arrays, strict=True) if v.op == "load"}
        said = interpreted(b, loaded).get(traced)
        number = np.asarray(traced.args[0]).astype(dtype) if said is None else said  # a rule may return a number
        if not _agree(np.broadcast_to(number, shape), first) or not np.array_equal(first, second, equal_nan=True):  # type: ignore[arg-type]
            return "it takes another way for arrays than for stand-ins, or each time another one"
    return None


def _by_rule(node: Node, arrays: Sequence[Array]) -> Array | str:
    try:
        with np.errstate(all="ignore"):
            return np.asarray(node.forward(np, *arrays))
    except Exception as error:  # a run says so, and names the node
        return f"it fails for arrays: {type(error).__name__}: {error}"


def _sample(node: Node, batch: int, rng: np.random.Generator) -> Array:
    """Numbers for an input: around 0, with some 0, 1 and -1 among them."""
    if isinstance(node, Const):
        return node.value
    shape, kind = node.spec.bind(batch), node.dtype.kind
    if kind == "f":
        value = np.asarray(np.where(rng.random(shape) < 0.1, rng.integers(-1, 2, shape), rng.normal(size=shape)))
    else:
        value = np.asarray(rng.integers(-3 if kind == "i" else 0, 2 if kind == "b" else 6, shape))
    value = value.astype(node.dtype)
    value.flags.writeable = False
    return value


def _signed(a: Array) -> Array:
    """As the loop language keeps it: its whole numbers have no sign of their own."""
    return a.view(f"i{a.itemsize}") if a.dtype.kind == "u" else a


def _agree(said: Array, found: Array) -> bool:
    if found.dtype.kind != "f":
        return bool(np.array_equal(_signed(np.asarray(said, found.dtype)), _signed(found)))
    finite = found[np.isfinite(found)]
    room = _ROOM * float(np.abs(finite).max(initial=0.0))
    return bool(np.allclose(said, found, rtol=_ROOM, atol=room, equal_nan=True))
