"""Formulas: brackets exactly where the operators ask for them."""

from xml.etree import ElementTree

import numpy as np
import pytest

import symcnn as sc
from symcnn.equations.typeset import Formula, Hole, Writer, fitted, holes, number
from symcnn.graph.errors import NodeTypeError


def text_of(node, kind="text"):
    """The formula of a node over inputs that are shown by their names."""

    def naming(n):
        return n.name if isinstance(n, sc.Input) else None

    return Writer(kind, naming, lambda _, formula: formula).formula(node).text


a, b, c = (sc.Input(name, (2, 3)) for name in "abc")
square = sc.Input("s", (3, 3))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (a + b + c, "a + b + c"),
        (a + (b + c), "a + b + c"),
        (a - (b - c), "a − (b − c)"),
        (a - (b + c), "a − (b + c)"),
        ((a - b) - c, "a − b − c"),
        ((a + b) * c, "(a + b) · c"),
        (a * (b - c), "a · (b − c)"),
        (a * b + c, "a · b + c"),
        (a / (b * c), "a / (b · c)"),
        (a / b / c, "a / b / c"),
        (a / (b / c), "a / (b / c)"),
        (a * b / c, "a · b / c"),
        (-(a + b), "−(a + b)"),
        (-(a * b), "−a · b"),
        (-a * b, "−a · b"),
        (a * -b, "a · (−b)"),
        (a - -b, "a − (−b)"),
        (sc.Neg(-a), "−(−a)"),
        ((a + b) ** 2, "(a + b)^2"),
        ((a**2) ** 3, "(a^2)^3"),
        (a ** (b + 1), "a^(b + 1)"),
        (a * a, "a²"),
        ((a + b) * (a + b), "(a + b)²"),
        (-(a * a), "−a²"),
        (sc.exp(a + b), "exp(a + b)"),
        (sc.abs(a - b), "|a − b|"),
        (sc.sum(a * b), "Σ a · b"),
        (sc.sum(a + b), "Σ (a + b)"),
        (sc.sum(a) * sc.sum(b), "(Σ a) · Σ b"),
        (2 * sc.sum(a) + 1, "2 · Σ a + 1"),
        ((2 * sc.sum(a)) / sc.sum(b), "(2 · Σ a) / (Σ b)"),
        (sc.where(a > b, a + b, -c), "where(a > b, a + b, −c)"),
        (sc.matmul(square, square) + square, "s s + s"),
        (sc.matmul(square + 1, square), "(s + 1) s"),
        (sc.matmul(square, square) * square, "s s · s"),
        (square * sc.matmul(square, square), "s · s s"),
        (sc.matmul(square * square, square), "(s²) s"),
        (sc.transpose(sc.matmul(square, square)), "(s s)ᵀ"),
        (sc.transpose(square), "sᵀ"),
        (sc.reshape(a + b, (6,)) * 2, "(a + b) · 2"),
        (sc.softplus(a - b), "log(1 + e^(a − b))"),
        (a + 0.1, "a + 0.1"),
        (a * -2.0, "a · (−2)"),
        (a + sc.Const([1.0, 2.0, 3.0]), "a + [1, 2, 3]"),
    ],
)
def test_brackets(node, expected):
    assert text_of(node) == expected


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (a / (b + c), r"\frac{a}{b + c}"),
        ((a + b) / c * a, r"\frac{a + b}{c} \odot a"),
        ((a + b) * (a + b), r"\left(a + b\right)^2"),
        (a ** (b + 1), "a^{b + 1}"),
        (sc.exp(a) ** 2, r"\left(e^{a}\right)^{2}"),
        (sc.exp(a) * sc.exp(a), r"\left(e^{a}\right)^2"),
        (sc.transpose(sc.transpose(square) * 1) * 1, r"\left(s^{\top} \cdot 1\right)^{\top} \cdot 1"),
        (sc.Transpose(sc.Transpose(square, (1, 0)), (1, 0)), r"\left(s^{\top}\right)^{\top}"),
        (sc.sum(a * b) * 2, r"\left(\textstyle\sum a \odot b\right) \cdot 2"),
        (sc.where(a > 0, a + b, 0), r"\begin{cases} a + b & a > 0 \\ 0 & \text{else} \end{cases}"),
        (sc.abs(a - b), r"\lvert a - b \rvert"),
        (a * 1e-7, r"a \cdot 1 \cdot 10^{-7}"),
    ],
)
def test_brackets_in_latex(node, expected):
    assert text_of(node, "latex") == expected


def test_a_node_type_without_a_template_is_shown_as_a_function():
    class Blur(sc.Node):
        x: sc.Node
        radius: int = 2

        def forward(self, xp, x):
            return x

    assert text_of(Blur(a + b)) == "Blur(a + b, radius=2)"
    assert text_of(Blur(a + b, 3), "latex") == r"\operatorname{Blur}(a + b, \text{radius}=3)"


def test_without_a_template_attributes_are_shown_where_they_are_short():
    class Warp(sc.Node):
        x: sc.Node
        y: sc.Node | None = None
        k: float = -0.5
        edge_mode: str = "keep"
        size: tuple[int, int] = (2, 3)
        exact: bool = True
        table: object = None

        def forward(self, xp, x, y=None):
            return x

    assert text_of(Warp(a)) == "Warp(a, k=-0.5, edge_mode=keep, size=2×3, exact=True)"
    assert text_of(Warp(a, b, table=len)) == "Warp(a, b, k=-0.5, edge_mode=keep, size=2×3, exact=True)"
    assert text_of(Warp(a), "latex") == (
        r"\operatorname{Warp}(a, k=-0.5, \text{edge\_mode}=\text{keep}, "
        r"\text{size}=2 \times 3, \text{exact}=\text{True})"
    )


def test_a_template_shows_attributes_and_tuples_of_nodes():
    class Mixed(sc.Node):
        xs: tuple[sc.Node, ...]
        rate: float = 0.25
        size: tuple[int, int] = (2, 3)
        mode: str = "soft_max"
        text = "mix[{rate:.1f}, {rate}, {size}, {mode}]({xs})"
        latex = r"\operatorname{{{mode}}}_{{{size}}}({xs})"

        def forward(self, xp, *xs):
            return xs[0]

    node = Mixed((a, b + c))
    assert text_of(node) == "mix[0.2, 0.25, 2×3, soft_max](a, b + c)"
    assert text_of(node, "latex") == r"\operatorname{soft\_max}_{2 \times 3}(a, b + c)"


@pytest.mark.parametrize(
    ("template", "message"), [("f({zz})", r"shows \{zz\}"), ("f({x)", "write a brace"), ("f(}x)", "write a brace")]
)
def test_a_broken_template_is_named(template, message):
    class Broken(sc.Node):
        x: sc.Node
        text = template

        def forward(self, xp, x):
            return x

    with pytest.raises(NodeTypeError, match=message) as error:
        text_of(Broken(a, name="mine"))
    assert "Broken 'mine'" in str(error.value) and "test_typeset.py" in str(error.value)


def test_a_deep_formula_needs_no_recursion():
    node = a
    for _ in range(5000):
        node = sc.exp(node)
    text = text_of(node)
    assert text == "exp(" * 5000 + "a" + ")" * 5000


def test_holes_know_what_stands_beside_them():
    found, tail = holes("f({x} + {y:.2f})!")
    assert found == [Hole("f(", "x", "", " + ", True, False), Hole(" + ", "y", ".2f", ")!", False, True)]
    assert tail == ")!"


def test_an_unknown_sign_beside_a_hole_gets_brackets():
    assert fitted(Formula("a + b", 1), Hole("", "x", "", " ⊗ ", True, False), "text") == "(a + b)"
    assert fitted(Formula("a", 9), Hole("", "x", "", " ⊗ ", True, False), "text") == "a"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(4.0, "4"), (0.1, "0.1"), (-1.5, "−1.5"), (1e-8, "1e-08"), (np.inf, "∞"), (-np.inf, "−∞"), (np.nan, "NaN")],
)
def test_numbers(value, expected):
    assert number(np.float64(value), "text").text == expected
    assert number(np.float32(0.1), "text").text == "0.1"


@pytest.mark.parametrize("sign", ["\ud800", "\x00", "\ufffe", "\n"])
def test_signs_in_a_template_that_no_file_can_hold(sign):
    class Odd(sc.Node):
        z: sc.Node
        text = latex = f"f{sign}({{z}})"

        def forward(self, xp, z):
            return z

        def backward(self, delta):
            return (delta,)

    J = sc.sum(Odd(sc.Input("x", (2,))))
    ElementTree.fromstring(sc.draw(J).svg.encode())
    assert sign not in sc.backprop(J).equations().latex.replace("\n", "") + str(J.equation)


@pytest.mark.parametrize("given", [None, 3])
def test_a_template_that_is_no_text(given):
    class Odd(sc.Node):
        z: sc.Node

        def template(self, kind):
            return given

    with pytest.raises(sc.errors.NodeTypeError, match=f"Odd: the text template is {given}; expected a text"):
        str(Odd(sc.Input("x", ())).equation)
