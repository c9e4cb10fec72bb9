"""The registry of kernels: each registered one gives what the forward rule gives, whatever the memory it works on."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.numpy.registry import KERNELS, VIEWS, prepare, view_of

BUILT_IN = [cls for cls in sc.node_types() if cls.__module__.startswith("symcnn.")]
SAMPLES = [node for cls in BUILT_IN if cls.samples() for node in cls.samples()]
LAYOUTS = {
    "contiguous": lambda a: a,
    "reversed": lambda a: np.flip(np.flip(a).copy()),
    "transposed": lambda a: a.T.copy().T,
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape) if a.ndim else a,
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}


def arrays(node, batch, layout):
    """A value for each input of `node`, in range where it is an index or a condition."""
    rng = np.random.default_rng(0)
    made = []
    for i in node.inputs:
        shape = i.spec.bind(batch)
        if isinstance(i, sc.BatchSize):
            value = np.asarray(batch, i.dtype)
        elif isinstance(i, sc.Const | sc.Param):
            value = i.value
        elif i.dtype.kind in "iub":
            value = rng.integers(0, 2, shape).astype(i.dtype)
        else:
            value = rng.uniform(0.5, 1.5, shape).astype(i.dtype)
            value = value / 2 if isinstance(node, sc.Asin | sc.Acos) else value
        made.append(np.asarray(LAYOUTS[layout](value)) if value.size else value)
    return made


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("node", SAMPLES, ids=lambda n: type(n).__name__)
def test_what_is_prepared_gives_what_the_rule_gives(node, layout):
    if not node.inputs:
        pytest.fail("a sample without inputs has no forward rule")
    for batch in (3, 1):
        inputs = arrays(node, batch, layout)
        kept = [a.copy() for a in inputs]
        expected = np.asarray(node.forward(np, *[a.copy() for a in inputs]))
        out = np.full(node.spec.bind(batch), 7, node.dtype)
        run, how = prepare(node, out, inputs)
        assert how in ("kernel", "ufunc", "rule")
        for _ in range(2):
            run()
            np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)
            out[...] = 3
        assert all(np.array_equal(a, b) for a, b in zip(inputs, kept, strict=True))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("node", SAMPLES, ids=lambda n: type(n).__name__)
def test_every_real_dtype(node, dtype):
    """A kernel that cannot serve a dtype must say so, and leave it to the rule."""
    real = {i for i in node.inputs if i.dtype.kind == "f" and not isinstance(i, sc.BatchSize)}
    node = node.with_inputs([sc.Input("i", i.shape, dtype) if i in real else i for i in node.inputs])
    inputs = arrays(node, 2, "contiguous")
    out = np.zeros(node.spec.bind(2), node.dtype)
    run, _ = prepare(node, out, inputs)
    run()
    expected = node.forward(np, *inputs)
    np.testing.assert_allclose(out, expected, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


def test_kernels_are_registered_for_exact_types():
    class Derived(sc.Sigmoid):
        def forward(self, xp, z):
            return 2 * z

    x = sc.Input("x", (2,))
    out = np.zeros(2, np.float32)
    run, how = prepare(Derived(x), out, [np.float32([1, 2])])
    run()
    assert how == "rule"
    np.testing.assert_array_equal(out, [2, 4])
    assert sc.Sigmoid in KERNELS
    assert Derived not in KERNELS


def test_views_share_memory_wherever_numpy_can():
    a = np.arange(24.0).reshape(2, 3, 4)
    x = sc.Input("x", (2, 3, 4), "float64")
    for node in (sc.rot90(x), sc.swap(x), sc.transpose(x), sc.crop(x, 1), sc.subsample(x, 2), sc.reshape(x, (6, 4))):
        assert isinstance(node, VIEWS)
        value = view_of(node, a)
        assert np.shares_memory(value, a)
        np.testing.assert_array_equal(value, node.forward(np, a))
    turned = np.ascontiguousarray(a.T).T
    assert view_of(sc.reshape(x, (24,)), turned) is None
    assert view_of(sc.tanh(x), a) is None
    assert view_of(sc.crop(x, ((1, 1), (0, 0), (0, 0))), a) is None  # nothing is left to share
