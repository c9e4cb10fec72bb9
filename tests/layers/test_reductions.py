"""Reductions that compose against NumPy's, with their derivatives written out, on both engines."""

import numpy as np
import pytest

import symcnn as sc

AXES = [None, 0, -1, (0, 2), (1, 2)]
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "native"])
X = np.random.default_rng(0).normal(size=(17, 4, 3))


def value_and_error(build, x, backend, weights=None):
    node = sc.Input("x", (None, *x.shape[1:]), "float64")
    y = build(node)
    rng = np.random.default_rng(1)
    bound = y.spec.bind(len(x))
    delta = rng.normal(size=bound) if weights is None else weights
    seed = sc.Input("delta", y.shape, "float64")
    found = sc.compile([y, *sc.grad(y, [node], seed=seed)], backend=backend)
    return (*found({"x": x, "delta": delta}), delta)


def spread(delta, axis, keepdims, shape):
    if axis is None:
        return np.broadcast_to(delta, shape)
    return np.broadcast_to(delta if keepdims else np.expand_dims(delta, axis), shape)


@BACKENDS
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("name", ["var", "std"])
def test_var_and_std(name, ddof, axis, keepdims, backend):
    value, error, delta = value_and_error(lambda x: getattr(sc, name)(x, axis, keepdims, ddof=ddof), X, backend)
    expected = getattr(X, name)(axis=axis, keepdims=keepdims, ddof=ddof)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    number = X.size // np.size(expected) - ddof
    slope = (X - X.mean(axis=axis, keepdims=True)) / number
    scale = 2 if name == "var" else 1 / spread(expected, axis, keepdims, X.shape)
    np.testing.assert_allclose(error, spread(delta, axis, keepdims, X.shape) * slope * scale, rtol=1e-9, atol=1e-14)


def test_std_of_equal_numbers_has_slope_0():
    x = sc.Input("x", (3,), "float64")
    assert sc.compile([sc.std(x), *sc.grad(sc.std(x), [x])])(x=[2, 2, 2])[1].tolist() == [0, 0, 0]


@BACKENDS
@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_prod(axis, zeros, backend):
    x = X.copy()
    x[:, 0, :zeros] = 0
    value, error, delta = value_and_error(lambda n: sc.prod(n, axis), x, backend)
    np.testing.assert_allclose(value, x.prod(axis=axis), rtol=1e-12)
    slope = np.empty_like(x)
    for place in np.ndindex(x.shape):
        others = x.copy()
        others[place] = 1
        kept = tuple(i for k, i in enumerate(place) if k not in np.atleast_1d(np.array(axis) % 3))
        slope[place] = others.prod(axis=axis)[kept]
    np.testing.assert_allclose(error, spread(delta, axis, False, x.shape) * slope, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 13])
def test_prod_of_any_length(length):
    x = np.arange(1, length + 1)
    node = sc.Input("x", (length,), "int32")
    product = sc.prod(node, keepdims=True)
    assert (product.dtype, product.shape) == ("int32" if length == 1 else "int64", (1,))
    assert sc.compile(product)(x=x) == [np.prod(x)]


@BACKENDS
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("ord", [1, 1.5, 2, 3, np.inf])
def test_norm(ord, axis, backend):
    value, error, delta = value_and_error(lambda x: sc.norm(x, ord, axis), X, backend)
    size = np.abs(X)
    if ord == np.inf:
        expected = size.max(axis=axis)
        slope = np.sign(X) * (size == spread(expected, axis, False, X.shape))
    else:
        expected = (size**ord).sum(axis=axis) ** (1 / ord)
        slope = np.sign(X) * (size / spread(expected, axis, False, X.shape)) ** (ord - 1)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(error, spread(delta, axis, False, X.shape) * slope, rtol=1e-11)


@pytest.mark.parametrize("ord", [1, 1.5, 2, 3, np.inf])
def test_norm_of_zeros_has_slope_0(ord):
    x = sc.Input("x", (3,), "float64")
    assert sc.compile([sc.norm(x, ord), *sc.grad(sc.norm(x, ord), [x])])(x=[0, 0, 0])[1].tolist() == [0, 0, 0]


@BACKENDS
@pytest.mark.parametrize("axis", AXES)
def test_any_and_all(axis, backend):
    x = np.random.default_rng(0).normal(size=(17, 4, 3)) + 1
    node = sc.Input("x", (None, 4, 3), "float64")
    found = sc.compile([sc.any(node > 2, axis), sc.all(node > 0, axis, True)], backend=backend)(x=x)
    np.testing.assert_array_equal(found[0], (x > 2).any(axis=axis))
    np.testing.assert_array_equal(found[1], (x > 0).all(axis=axis, keepdims=True))


def test_any_and_all_of_numbers_and_of_nothing():
    x = sc.Input("x", (None, 2))
    f = sc.compile([sc.any(x, 1), sc.all(x, 1), sc.any(x, 0), sc.all(x, 0)])
    found = f(x=[[0, np.nan], [0, 0], [1, 2]])
    assert [a.tolist() for a in found] == [[True, False, True], [False, False, True], [True, True], [False, False]]
    assert [a.tolist() for a in f(x=np.zeros((0, 2)))[2:]] == [[False, False], [True, True]]


@pytest.mark.parametrize(
    ("build", "fragments"),
    [
        (lambda x: sc.prod(x), ("prod: axis 0 of (None, 4) is the batch",)),
        (lambda x: sc.prod(x, 7), ("prod: axis 7 is out of range",)),
        (lambda x: sc.var(x, 1, ddof=4), ("var: ddof is 4, of (4,) numbers",)),
        (lambda x: sc.std(x, ddof=-1), ("std: ddof is -1",)),
        (lambda x: sc.norm(x, 0.5), ("norm: ord is 0.5", "from 1 on")),
        (lambda x: sc.norm(x, "fro"), ("norm: ord is 'fro'",)),
        (lambda x: sc.cumsum(x, 2), ("axis 2 is out of range",)),
    ],
)
def test_what_does_not_fit_is_refused(build, fragments, refused):
    with refused((TypeError, ValueError), *fragments):
        build(sc.Input("x", (None, 4)))
