"""Which values cross from one image stage to another, and which are computed again."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.runtime.compiled import Compiled
from symcnn.engine.plan import Plan

X, Y = sc.Input("x", (None, 2, 6, 6)), sc.Input("y", (None,), "int64")


def written(*nodes):
    return Compiled.written(Plan.of(nodes, {}), Cpu.host())


def kept(compiled):
    """What stays in lanes between stages, by type and shape of an image, in order."""
    found = [n for n in compiled.plan.order if n in compiled.kept]
    return [(type(n).__name__, n.shape[1:]) for n in found]


def agree(nodes, batches=(1, 3, 16, 17, 33)):
    by_numpy, natively = (sc.compile(nodes, backend=backend) for backend in ("numpy", "native"))
    for batch in batches:
        rng = np.random.default_rng(batch)
        feeds = {"x": rng.standard_normal((batch, 2, 6, 6)), "y": rng.integers(0, 3, batch)}
        feeds = {i.name: feeds[i.name] for i in natively.inputs}
        for a, b in zip(natively(feeds), by_numpy(feeds), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4 * (1 + np.abs(b).max()))


def with_gradients(a):
    J = sc.softmax_cross_entropy(sc.dense(a, 3, seed=9), Y)
    return [J, *sc.grad(J, J.params)]


def test_of_a_normalised_convolution_its_value_and_its_error_cross():
    nodes = with_gradients(sc.relu(sc.batch_norm(sc.conv(X, 4, 3, seed=0))))
    compiled = written(*nodes)
    # the product, and the error times its scale; what is centred, its relu and the relu's mask are computed again
    assert kept(compiled) == [("Conv", (4, 4, 4)), ("Scaled", (4, 4, 4))]
    agree(nodes)


def test_what_takes_long_crosses():
    nodes = with_gradients(sc.batch_norm(sc.sigmoid(sc.conv(X, 4, 3, seed=0)), gain=False))
    assert ("Sigmoid", (4, 4, 4)) in kept(written(*nodes))
    agree(nodes)


def test_what_was_dropped_crosses_as_bits():
    nodes = with_gradients(sc.dropout(sc.batch_norm(sc.conv(X, 4, 3, seed=0)), 0.5, seed=0))
    compiled = written(*nodes)
    assert "Uniform" not in dict(kept(compiled))
    stages = [s for s in compiled.partition.stages if any(type(n) is sc.Uniform for n in s.nodes)]
    assert len(stages) == 1
    agree(nodes)


def test_switches_cross_as_they_are_kept():
    nodes = with_gradients(sc.batch_norm(sc.max_pool(sc.batch_norm(sc.conv(X, 4, 3, seed=0)), 2)))
    assert ("Switches", (4, 2, 2)) in kept(written(*nodes))
    agree(nodes)


def test_a_chain_is_not_computed_from_its_beginning():
    a = sc.batch_norm(sc.conv(X, 2, 3, pad=1, seed=0))
    for _ in range(30):
        a = a + X
    nodes = with_gradients(sc.batch_norm(a))
    compiled = written(*nodes)
    again = [n for n in compiled.plan.order if sum(n in s.nodes for s in compiled.partition.stages) > 2]
    assert len(again) < 20
    agree(nodes, [17])


def test_results_and_what_numpy_reads_have_arrays():
    centred = sc.tanh(X) - sc.mean(sc.tanh(X), axis=0, keepdims=True)
    turned = sc.transpose(centred * centred, (1, 0, 2, 3))
    nodes = [centred, sc.sum(turned * turned), sc.mean(centred**2, axis=0)]
    compiled = written(*nodes)
    assert centred not in compiled.kept and turned.x not in compiled.kept
    agree(nodes)


def test_every_stage_reads_what_is_there():
    compiled = written(*with_gradients(sc.relu(sc.batch_norm(sc.relu(sc.batch_norm(sc.conv(X, 4, 3, seed=0)))))))
    there = set(compiled.lowered.inline)
    for number, stage in enumerate(compiled.partition.stages):
        own = set(stage.nodes)
        for node in stage.nodes:
            read = [s for s in compiled.partition.sources(node) if s.inputs and s not in own]
            assert all(s in there for s in read), (stage.kind, node)
        there |= set(compiled.results[number]) | (own if stage.kind != "image" else set())


@pytest.mark.parametrize("batch", [17, 40])
def test_nobody_writes_into_the_images_of_others(batch):
    """Whole blocks are kept; lanes without an image hold no part of any result."""
    x = sc.Input("x", (None, 2, 6, 6))
    J = sc.sum(sc.batch_norm(sc.conv(sc.relu(sc.batch_norm(sc.conv(x, 3, 3, seed=0))), 3, 3, seed=1)) ** 3)
    nodes = [J, *sc.grad(J, [x, *J.params])]
    f = sc.compile(nodes, backend="native")
    given = np.random.default_rng(0).standard_normal((batch, 2, 6, 6))
    first = f(x=given)
    f(x=100 * np.ones((batch, 2, 6, 6)))
    for a, b in zip(first, f(x=given), strict=True):
        np.testing.assert_array_equal(a, b)
