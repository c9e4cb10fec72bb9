"""The batch on any axis, and on several: both engines compute what the same graph with fixed sizes computes.

For some of the forms in which rows of a batch meet each other, values and gradients are written out by hand.
"""

import numpy as np
import pytest
from batches import SAMPLES, arrays, asked, over, size, values

import symcnn as sc
from symcnn.graph.graph import Graph
from symcnn.testing.cases import recast

EVERY = [0, 1, 5, 15, 16, 17, 20, 33]
FEW = [5, 17]
BACKENDS = ["numpy", "native"]


def turned(leaf, batch):
    """An input of the same shape whose array has the batch last."""
    if None not in leaf.shape:
        return sc.Input(leaf.name, leaf.shape, leaf.dtype)
    back = (leaf.ndim - 1, *range(leaf.ndim - 1))
    return sc.transpose(sc.Input(leaf.name, size((*leaf.shape[1:], None), batch), leaf.dtype), back)


def moved(axis):
    """An input with the batch on another axis, counted from the last."""

    def make(leaf, batch):
        shape = [4 if d is None else d for d in leaf.shape]
        if leaf.ndim >= axis:
            shape[-axis] = None
        return sc.Input(leaf.name, size(tuple(shape), batch), leaf.dtype)

    return make


def doubled(axis):
    """A value with the batch on its first axis and on another, counted from the last."""

    def make(leaf, batch):
        if None not in leaf.shape or leaf.ndim <= axis or leaf.dtype.kind != "f":
            return sc.Input(leaf.name, size(leaf.shape, batch), leaf.dtype)
        one = [1 if k == leaf.ndim - axis else d for k, d in enumerate(leaf.shape)]
        other = [None if k == leaf.ndim - axis else 1 for k in range(leaf.ndim)]
        first = sc.Input(leaf.name, size(one, batch), leaf.dtype)
        second = sc.Input(leaf.name + "'", size((None,), batch), leaf.dtype)
        return first * sc.reshape(second, size(other, batch))

    return make


VARIANTS = {"turned": turned} | {f"{f.__name__}{k}": f(k) for f in (moved, doubled) for k in (1, 2, 3)}


def remade(node, variant, batch=None):
    """`node` over other leaves; None where its shapes do not allow that."""
    new = {}
    try:
        for old in Graph(node).order:
            if isinstance(old, sc.Input):
                new[old] = VARIANTS[variant](old, batch)
            else:
                new[old] = over([new[i] for i in old.inputs], old, batch)
    except (sc.errors.ShapeError, sc.errors.DTypeError):
        return None
    order = Graph(new[node]).order
    told = any(isinstance(n, sc.Input) and None in n.shape for n in order) and any(None in n.shape[1:] for n in order)
    return new[node] if told or batch is not None else None


def check(name, variant, batch):
    """Both engines against the same graph with fixed sizes in float64; whether there is such a variant."""
    free = remade(SAMPLES[name], variant)
    if free is None:
        return False
    feeds = arrays(free, batch)
    fixed = None
    if batch > 1:  # 1 and 0 have another meaning where arrays broadcast
        fixed = recast(remade(SAMPLES[name], variant, batch), ["float64"])
        right = values(
            asked(fixed), {k: a.astype("float64") if a.dtype.kind == "f" else a for k, a in feeds.items()}, "numpy"
        )
    first = values(asked(free), feeds, "numpy")
    second = values(asked(free), feeds, "native")
    if first is sc.errors.FeedError:
        assert second is first
        return True
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-4)
        if fixed is not None:
            np.testing.assert_allclose(a, right[n], rtol=2e-4, atol=2e-4)
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_engines_agree_with_fixed_sizes(name):
    done = [check(name, variant, batch) for variant in VARIANTS for batch in EVERY]
    assert sum(done) >= len(EVERY) or name == "OneHot"


@pytest.mark.parametrize("name", [n for n in SAMPLES if not n[-1].isdigit()])
def test_engines_agree_with_fixed_sizes_for_some(name):
    done = [check(name, variant, 5) for variant in ("turned", "moved1", "doubled1", "doubled2")]
    assert any(done) or name == "OneHot"
