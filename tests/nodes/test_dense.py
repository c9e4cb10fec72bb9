"""Dense layers and matrix products against NumPy's, and the tutorial's equations for their errors."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symcnn as sc


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@given(batch=st.sampled_from([0, 1, 3]), n=st.sampled_from([1, 2, 7]), units=st.sampled_from([1, 3]))
def test_dense_example_by_example(passes, batch, n, units):
    """z = W a + b, delta(a) = W^T delta, grad W = delta a^T, grad b = delta: summed over the examples."""
    a, w, b = numbers(batch, n), numbers(units, n, seed=1), numbers(units, seed=2)
    nodes = sc.Input("a", (None, n), "float64"), sc.Input("w", w.shape, "float64"), sc.Input("b", b.shape, "float64")
    delta = numbers(batch, units, seed=3)
    z, errors = np.zeros((batch, units)), [np.zeros(a.shape), np.zeros(w.shape), np.zeros(b.shape)]
    for row in range(batch):
        z[row] = w @ a[row] + b
        errors[0][row] = w.T @ delta[row]
        errors[1] += np.outer(delta[row], a[row])
        errors[2] += delta[row]
    value, found = passes(sc.Dense(*nodes), nodes, {"a": a, "w": w, "b": b}, delta)
    np.testing.assert_allclose(value, z, rtol=1e-12, atol=1e-13)
    for one, expected in zip(found, errors, strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-12, atol=1e-13)
    alone, _ = passes(sc.Dense(*nodes[:2]), nodes[:2], {"a": a, "w": w}, delta)
    np.testing.assert_allclose(alone, z - b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_narrow_dtypes(passes, dtype):
    a, w, b = numbers(3, 40).astype(dtype), numbers(5, 40, seed=1).astype(dtype), numbers(5, seed=2).astype(dtype)
    nodes = sc.Input("a", (None, 40), dtype), sc.Input("w", w.shape, dtype), sc.Input("b", b.shape, dtype)
    value, (da, dw, db) = passes(sc.Dense(*nodes), nodes, {"a": a, "w": w, "b": b}, np.ones((3, 5), dtype))
    assert {x.dtype for x in (value, da, dw, db)} == {np.dtype(dtype)}
    wide = [x.astype("float64") for x in (a, w, b)]
    np.testing.assert_allclose(value, wide[0] @ wide[1].T + wide[2], rtol=0, atol=40 * np.finfo(dtype).eps)


def test_float16_products_are_summed_in_float32():
    a, w = sc.Input("a", (None, 5000), "float16"), sc.Input("w", (1, 5000), "float16")
    found = sc.compile([sc.Dense(a, w), sc.MatMul(a, sc.transpose(w))])(a=np.ones((1, 5000)), w=np.ones((1, 5000)))
    assert [x.item() for x in found] == [5000, 5000]


def test_layer_flattens_what_it_is_given(passes):
    x_node = sc.Input("x", (None, 2, 3, 2), "float64")
    z = sc.dense(x_node, 4, seed=0, name="out")
    w, b = z.params
    b.value[:] = [1, 2, 3, 4]
    x, delta = numbers(3, 2, 3, 2), numbers(3, 4, seed=1)
    value, (dx, dw) = passes(z, [x_node, w], {"x": x}, delta)
    np.testing.assert_allclose(value, np.einsum("ni,ui->nu", x.reshape(3, 12), w.value) + b.value, rtol=1e-13)
    np.testing.assert_allclose(dx, np.einsum("nu,ui->ni", delta, w.value).reshape(x.shape), rtol=1e-12)
    np.testing.assert_allclose(dw, np.einsum("nu,ni->ui", delta, x.reshape(3, 12)), rtol=1e-12, atol=1e-14)


def test_layer_makes_named_repeatable_parameters():
    a = sc.Input("a", (None, 12))
    first, again, other = (sc.dense(a, 3, seed=s, name="out") for s in (0, 0, 1))
    assert [(p.name, p.value.shape, p.value.dtype.name) for p in first.params] == [
        ("out.W", (3, 12), "float32"),
        ("out.b", (3,), "float32"),
    ]
    assert np.array_equal(first.params[0].value, again.params[0].value)
    assert not np.array_equal(first.params[0].value, other.params[0].value)
    assert np.abs(first.params[0].value).max() <= np.sqrt(6) / np.sqrt(12 + 3 + 1)
    assert [p.name for p in sc.dense(a, 3, bias=False).params] == ["W"]


# Matrix products -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3, 4), (4, 2)),
        ((1, 1), (1, 1)),
        ((3, 4), (4,)),
        ((4,), (4, 2)),
        ((4,), (4,)),
        ((2, 3, 4), (4, 2)),
        ((2, 3, 4), (2, 4, 2)),
        ((3, 4), (2, 4, 2)),
        ((2, 1, 3, 4), (5, 4, 2)),
        ((2, 3, 4), (4,)),
        ((4,), (2, 4, 3)),
    ],
)
def test_matmul(passes, left, right):
    a, b = numbers(*left), numbers(*right, seed=1)
    nodes = sc.Input("a", left, "float64"), sc.Input("b", right, "float64")
    expected = a @ b
    delta = numbers(*expected.shape, seed=2)
    for node in (nodes[0] @ nodes[1], sc.matmul(*nodes), np.matmul(*nodes)):
        assert node.shape == expected.shape
        value, errors = passes(node, nodes, {"a": a, "b": b}, delta)
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-13)
        for found, wanted in zip(errors, products_of_errors(a, b, delta), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (0, 1, 2), (1, 0, 2), (2, 0, 1), (0, 2, 1)])
def test_factors_whose_axes_were_exchanged_before(passes, axes):
    """All sides are equal: an error that goes back through the wrong order of axes has the right shape."""
    x, b = numbers(*(3,) * len(axes)), numbers(3, 3, seed=1)
    nodes = sc.Input("x", x.shape, "float64"), sc.Input("b", b.shape, "float64")
    delta = numbers(*x.shape, seed=2)
    back = np.argsort(axes)
    for left in (True, False):
        turned = sc.Transpose(nodes[0], axes)
        node = turned @ nodes[1] if left else nodes[1] @ turned
        factors = (np.transpose(x, axes), b) if left else (b, np.transpose(x, axes))
        value, errors = passes(node, nodes, {"x": x, "b": b}, delta)
        np.testing.assert_allclose(value, factors[0] @ factors[1], rtol=1e-12, atol=1e-13)
        wanted = products_of_errors(*factors, delta)
        wanted = wanted if left else wanted[::-1]
        np.testing.assert_allclose(errors[0], np.transpose(wanted[0], back), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(errors[1], wanted[1], rtol=1e-12, atol=1e-13)


def products_of_errors(a, b, delta):
    """The errors of a @ b, element by element: each is linear in a, and in b."""
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for error, other in ((da, lambda unit: unit @ b), (db, lambda unit: a @ unit)):
        for place in np.ndindex(error.shape):
            unit = np.zeros(error.shape)
            unit[place] = 1
            error[place] = np.sum(delta * other(unit))
    return da, db


def test_matmul_with_an_array():
    a = sc.Input("a", (None, 2))
    f = sc.compile([a @ np.eye(2, dtype="float32")[::-1], np.ones((1, 2), "float32") @ sc.transpose(a)])
    first, second = f(a=[[1, 2], [3, 4]])
    assert first.tolist() == [[2, 1], [4, 3]]
    assert second.tolist() == [[3, 7]]


@given(batch=st.sampled_from([0, 1, 3]))
def test_product_over_the_batch(passes, batch):
    """a^T a sums over the rows: the gram matrix, and 0 where there are none."""
    a, node = numbers(batch, 3), sc.Input("a", (None, 3), "float64")
    delta = numbers(3, 3, seed=1)
    gram = sc.transpose(node) @ node
    value, (da,) = passes(gram, [node], {"a": a}, delta)
    np.testing.assert_allclose(value, np.einsum("ni,nj->ij", a, a), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(da, np.einsum("ij,nj->ni", delta + delta.T, a), rtol=1e-12, atol=1e-14)


# The trainable gain and bias of LeNet-5's subsampling ------------------------------------------


@given(shape=st.sampled_from([(2,), (2, 4, 3), (2, 5)]))
def test_scale(passes, shape):
    node = sc.Input("x", (None, *shape), "float64")
    y = sc.scale(node, name="S2")
    g, b = y.params
    assert [(p.name, p.size) for p in (g, b)] == [("S2.g", 2), ("S2.b", 2)]
    assert (g.value.tolist(), b.value.tolist()) == ([1, 1], [0, 0])
    g.value[:], b.value[:] = [2, -3], [5, 7]
    x, delta = numbers(3, *shape), numbers(3, *shape, seed=1)
    value, (dx, dg, db) = passes(y, [node, g, b], {"x": x}, delta)
    other = tuple(i for i in range(x.ndim) if i != 1)
    for c in range(2):
        np.testing.assert_allclose(value[:, c], g.value[c] * x[:, c] + b.value[c], rtol=1e-13)
        np.testing.assert_allclose(dx[:, c], g.value[c] * delta[:, c], rtol=1e-13)
    np.testing.assert_allclose(dg, (x * delta).sum(axis=other), rtol=1e-12)
    np.testing.assert_allclose(db, delta.sum(axis=other), rtol=1e-12)


# What is refused -----------------------------------------------------------------------------

A = sc.Input("a", (None, 6))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sc.Dense(A, sc.Input("w", (3, 5))), "w takes 5 values, a has 6"),
        (lambda: sc.Dense(A, sc.Input("w", (3, 6)), sc.Input("b", (1,))), "the bias has shape (1,); expected (3,)"),
        (lambda: sc.Dense(sc.Input("x", (None, 2, 3)), sc.Input("w", (3, 6))), "expected a of (N, in) and w of (out"),
        (lambda: sc.dense(A, 0), "is 0; it must be at least 1"),
        (lambda: sc.dense(sc.Input("v", (6,)), 3), "reads (N, features); this has shape (6,)"),
        (lambda: A @ sc.Input("b", (5, 2)), "the shapes (None, 6) and (5, 2) do not multiply"),
        (lambda: A @ 3.0, "a scalar has no matrix product; use *"),
        (lambda: sc.MatMul(A, sc.Input("v", (6,))), "do not multiply"),
        (lambda: sc.scale(sc.Input("v", (6,))), "scale reads (N, channels, ...); this has shape (6,)"),
    ],
)
def test_refused(build, message):
    with pytest.raises(sc.errors.SymcnnError, match=re.escape(message)) as caught:
        build()
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("wrong", [2.0, True, "3", None])
def test_units_that_are_no_whole_number(wrong):
    with pytest.raises(TypeError, match="it must be a whole number"):
        sc.dense(A, wrong)


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("axis", [-1, 2, 1, -2])
def test_a_layer_along_one_axis(backend, axis):
    """Keras' and PyTorch's dense layer: each place along the other axes is an example of its own."""
    x_node, X = sc.Input("x", (None, 5, 7), "float64"), numbers(3, 5, 7)
    z = sc.dense(x_node, 4, axis=axis, seed=0, name="d")
    w, b = z.params
    b.assign([1, 2, 3, 4])
    rows = np.moveaxis(X, axis, -1)
    flat = rows.reshape(-1, rows.shape[-1])
    scores = flat @ w.value.T + b.value
    program = sc.compile([z, *sc.grad(sc.sum(z * z), [x_node, w, b])], backend=backend)
    value, dx, dw, db = program(x=X)
    expected = (scores.reshape(*rows.shape[:-1], 4), (2 * scores @ w.value).reshape(rows.shape))
    for found, right in zip((value, dx), expected, strict=True):
        np.testing.assert_allclose(found, np.moveaxis(right, -1, axis), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dw, 2 * scores.T @ flat, rtol=1e-12)
    np.testing.assert_allclose(db, 2 * scores.sum(axis=0), rtol=1e-12)
    assert (z.name, list(z.named_params)) == ("d", ["d.W", "d.b"])
    bare = sc.compile(sc.dense(x_node, 4, axis=axis, seed=0, bias=False))(x=X)
    np.testing.assert_allclose(bare, np.moveaxis(expected[0] - b.value, -1, axis), rtol=1e-12, atol=1e-12)


def test_an_array_of_three_axes_is_not_flattened_without_a_word():
    x = sc.Input("x", (None, 5, 7))
    with pytest.raises(sc.errors.ShapeError, match=r"dense 'd': .*\n  say which: sc.dense\(sc.flatten\(a\).*axis=-1"):
        sc.dense(x, 4, name="d")
    assert sc.dense(sc.flatten(x), 4).shape == (None, 4)
    flat = sc.Input("f", (None, 7))
    assert isinstance(sc.dense(flat, 4, axis=-1), sc.Dense)
    for axis, said in ((0, "are the batch axis"), (3, "axis 3 is out of range"), ("last", "must be a whole number")):
        with pytest.raises(sc.errors.SymcnnError, match=said):
            sc.dense(x, 4, axis=axis)
