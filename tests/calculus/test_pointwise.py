"""Node types from formulas: values as NumPy computes what is written, rules as sympy finds them, to any order."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import expit

import symcnn as sc
from symcnn.calculus import formula
from symcnn.testing import check_node

SWISH = sc.pointwise("swish", "x / (1 + exp(-x))")
FORMULAS = {
    "x / (1 + exp(-x))": lambda x: x * expit(x),
    "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x**3)))": lambda x: (
        0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))
    ),
    "where((x > -1) & (x <= 1) | ~(x < 2), x**2, sin(x) * cos(x / 3))": lambda x: np.where(
        ((x > -1) & (x <= 1)) | ~(x < 2), x**2, np.sin(x) * np.cos(x / 3)
    ),
    "maximum(0, x) - minimum(x, 2 * pi) + abs(x - 1) * sign(x)": lambda x: (
        np.maximum(0, x) - np.minimum(x, 2 * np.pi) + np.abs(x - 1) * np.sign(x)
    ),
    "log1p(x**2) + expm1(-abs(x)) + sqrt(1 + x*x) + atan(x) ** 3 + floor(x) - ceil(+x) * e ** -2": lambda x: (
        np.log1p(x**2)
        + np.expm1(-np.abs(x))
        + np.sqrt(1 + x * x)
        + np.arctan(x) ** 3
        + np.floor(x)
        - np.ceil(x) * np.e**-2
    ),
}


@pytest.mark.parametrize("text", FORMULAS)
def test_values_and_three_derivatives(text):
    x = sc.Input("x", (None,), "float64")
    given = np.linspace(-2.95, 2.9, 20)
    nodes = [sc.pointwise("f", text)(x)]
    for _ in range(2):
        nodes.append(sc.grad(sc.sum(nodes[-1]), x))
    found = sc.compile(nodes)(x=given)
    np.testing.assert_allclose(found[0], FORMULAS[text](given), rtol=1e-14, atol=1e-15)
    step = 1e-5
    f = sc.compile(nodes[:-1])
    slopes = [(a - b) / (2 * step) for a, b in zip(f(x=given + step), f(x=given - step), strict=True)]
    for symbolic, measured in zip(found[1:], slopes, strict=True):
        np.testing.assert_allclose(symbolic, measured, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("cls", [SWISH, sc.pointwise("f", "where(x > y, x * y**2, abs(x) + sin(y) * z)")])
def test_a_type_keeps_what_a_node_type_owes(cls):
    assert check_node(cls).unchecked == {}


def test_derivatives_are_types_of_the_same_kind():
    x, y = sc.Input("x", (3,)), sc.Input("y", (3,))
    assert sc.pointwise("swish", "x / (1 + exp(-x))") is SWISH
    assert issubclass(SWISH, sc.Node) and SWISH.__name__ == "Swish"
    first = sc.grad(sc.sum(SWISH(x)), x)
    assert "swish′(x)" in str(first.equation)
    second = sc.grad(sc.sum(first), x)
    assert "swish′′(x)" in str(second.equation)
    f = sc.pointwise("f", "y * exp(x) + 3 * x", inputs=["x", "y"])
    dx, dy = sc.grad(sc.sum(f(x, y)), [x, y])
    assert "f_x(x, y)" in str(dx.equation)
    assert "f_y(x)" in str(dy.equation)
    assert sc.grad(sc.sum(dy), y, unconnected="zeros") is sc.zeros(y)
    assert pickle.loads(pickle.dumps(SWISH)) is SWISH
    assert [type(n) for n in pickle.loads(pickle.dumps([first, second]))] == [type(first), type(second)]


def test_broadcasting_and_numbers_among_the_inputs():
    f = sc.pointwise("f", "a * b + where(a > 0, 1, b)")
    x = sc.Input("x", (None, 3), "float64")
    w = sc.Param("w", np.float64([[1], [2]]))
    z = f(sc.reshape(x, (None, 1, 3)), w)
    given = np.random.default_rng(0).standard_normal((4, 3))
    value, dw = sc.compile([z, sc.grad(sc.sum(z), w)])(x=given)
    wide = given[:, None]
    np.testing.assert_allclose(value, wide * w.value + np.where(wide > 0, 1, w.value))
    np.testing.assert_allclose(dw, (wide + (wide <= 0)).sum((0, 2))[:, None] * np.ones((2, 1)))
    assert f(x, 2).shape == (None, 3)


@pytest.mark.parametrize("batch", [0, 1, 33])
def test_it_trains_natively(batch):
    x = sc.Input("x", (None, 4))
    J = sc.sum(SWISH(sc.dense(x, 3, seed=0)) ** 2)
    asked = [J, *sc.grad(J, J.params)]
    given = np.random.default_rng(1).standard_normal((batch, 4))
    native = sc.compile(asked, backend="native")
    for a, b in zip(native(x=given), sc.compile(asked, backend="numpy")(x=given), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert "Swish" not in native.report().partition("by NumPy")[2]


def test_sympy_is_loaded_when_a_derivative_is_asked_for():
    script = """if True:
        import sys, symcnn as sc
        x = sc.Input("x", (3,))
        y = sc.pointwise("f", "x**2")(x)
        sc.compile(y, backend="numpy")(x=[1, 2, 3])
        print("sympy" in sys.modules, end=" ")
        sc.grad(sc.sum(y), x)
        print("sympy" in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_without_sympy_there_is_no_derivative(monkeypatch):
    def none(name):
        raise ImportError(name)

    monkeypatch.setattr(formula, "load", none)
    x = sc.Input("x", (3,))
    with pytest.raises(sc.errors.ArgumentError, match=r"needs sympy\n  pip install 'symcnn\[sympy\]'"):
        sc.grad(sc.sum(sc.pointwise("unseen", "x**2 + 1")(x)), x)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("swish", "x +"), "it is not read"),
        (("swish", "gelu(x)"), "'gelu(x)' has no meaning in it"),
        (("swish", "x.real"), "'x.real' has no meaning in it"),
        (("swish", "__import__('os').getcwd()"), "has no meaning in it"),
        (("swish", "exp(x, x)"), "'exp(x, x)' has no meaning in it"),
        (("swish", "x ^ 2"), "'x ^ 2' has no meaning in it"),
        (("swish", "x > 0"), "it is a comparison"),
        (("swish", "1 + (x > 0)"), "a comparison stands where a number is expected"),
        (("swish", "where(x, 1, 0)"), "where, &, | and ~ read comparisons"),
        (("swish", "0 < x < 1"), "has no meaning in it"),
        (("swish", "x / (1 - 1)"), None),
        (("swish", "x + 1 / 0"), "/ of 1 and 0 is no number"),
        (("swish", "x + (-1) ** 0.5"), "is no number"),
        (("swish", "True * x"), "'True' has no meaning in it"),
        (("swish", "1 + 2"), "has no input"),
        (("sw ish", "x"), "the name is 'sw ish'"),
        (("lambda", "x"), "the name is 'lambda'"),
        (("swish", 3), "the formula is 3"),
    ],
)
def test_refused(args, text):
    if text is None:
        assert sc.pointwise(*args)
        return
    with pytest.raises(sc.errors.ArgumentError) as caught:
        sc.pointwise(*args)
    assert text in str(caught.value)


def test_inputs_must_be_those_of_the_formula():
    for inputs in (["x"], ["x", "y", "z"], "xy", [1, 2]):
        with pytest.raises(sc.errors.ArgumentError, match=r"its names are x, y, not|expected names"):
            sc.pointwise("f", "x * y", inputs=inputs)
    with pytest.raises(sc.errors.NodeTypeError, match="'shape' is taken by Node"):
        sc.pointwise("f", "shape * 2")
