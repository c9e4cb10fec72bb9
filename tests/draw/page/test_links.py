"""What node types say their units count: against the numeric derivative, unit by unit, for samples of every type."""

import itertools

import numpy as np
import pytest
from user_nodes import Blend, Scaled

import symcnn as sc
from symcnn.draw.receptive_field import reach, reads


def samples():
    types = [t for t in sc.node_types() if t.__module__.startswith("symcnn.")]
    return [node for t in types for node in t.samples() if any(i is not None for i in node.influence())]


def numbers(node, rng):
    shape = [2 if d is None else d for d in node.shape]
    if node.dtype.kind != "f":
        return rng.integers(0, 2, shape).astype(node.dtype)
    return np.array(rng.permutation(int(np.prod(shape))).reshape(shape) / 7 + 0.3 * rng.random(shape) + 0.1)


def derivative(program, feeds, name, unit, at, step=1e-6):
    moved = []
    for sign in (1, -1):
        array = feeds[name].copy()
        array[at] += sign * step
        moved.append(program({**feeds, name: array})[unit])
    return (moved[0] - moved[1]) / (2 * step)


def retyped(node):
    """The sample in float64 over inputs of its own, whose values are the caller's."""
    names = [f"i{n}" for n, _ in enumerate(node.inputs)]
    dtypes = ["float64" if i.dtype.kind == "f" else i.dtype for i in node.inputs]
    inputs = [sc.Input(n, i.shape, d) for n, i, d in zip(names, node.inputs, dtypes, strict=True)]
    return node.with_inputs(inputs), names


@pytest.mark.parametrize("sample", samples(), ids=lambda node: type(node).__name__)
def test_what_a_unit_counts(sample):
    rng = np.random.default_rng(0)
    node, names = retyped(sample)
    feeds = {name: numbers(i, rng) for name, i in zip(names, node.inputs, strict=True)}
    if isinstance(node, sc.Asin | sc.Acos):
        feeds = {name: array / 2 for name, array in feeds.items()}
    program = sc.compile(node)
    value = program(feeds)
    units = list(np.ndindex(value.shape))[:: max(1, value.size // 5)]
    for unit in units:
        spans = [list(itertools.product(*reads(reach(node)[i], unit, feeds[n].shape)))
                 for i, n in zip(node.inputs, names, strict=True)]  # fmt: skip
        for k, influence in enumerate(node.influence()):
            stretched = influence == "slope" and node.inputs[k].shape != node.shape
            if influence is None or not spans[k] or stretched:
                continue
            found = [derivative(program, feeds, names[k], unit, at) for at in spans[k]]
            assert found == pytest.approx(expected(node, names, feeds, spans, k, influence, unit), abs=1e-4, rel=1e-4)


def expected(node, names, feeds, spans, k, influence, unit):
    """The derivatives by what is declared."""
    if isinstance(influence, float):
        return [influence] * len(spans[k])
    if influence == "paired":
        (other,) = [n for n, i in enumerate(node.influence()) if i == "paired" and n != k]
        return [feeds[names[other]][at] for at in spans[other]]
    seen = [feeds[names[k]][at] for at in spans[k]]
    if influence == "first maximum":
        return [float(n == int(np.argmax(seen))) for n in range(len(seen))]
    assert influence == "slope" and len(seen) == 1
    seed = sc.Input("seed", node.shape, "float64")
    slopes = sc.compile(sc.grad(node, [node.inputs[k]], seed=seed, unconnected="zeros")[0] + 0 * node.inputs[k])
    given = {**feeds, "seed": np.ones([2 if d is None else d for d in node.shape])}
    return [slopes({i.name: given[i.name] for i in slopes.inputs})[spans[k][0]]]


def test_users_types_need_say_nothing():
    x = sc.Input("x", (None, 3))
    assert Scaled(x, 2.0).influence() == ("slope",)
    assert Blend((x, x + 1)).influence() == ("slope", "slope")
    forward, backward = Scaled(x, 2.0).sentences()
    assert forward == "k z + c: an attribute with a default value, and one without." and "steep" in backward
