"""The equations read as the tutorial's do, and are true."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symcnn as sc
from symcnn.draw.equations import Equation
from symcnn.draw.typeset import Writer
from symcnn.graph.node import node_types


def lines(J):
    return {e.left: e.right for e in sc.backprop(J).equations()}


def test_the_network_of_the_tutorial(make):
    assert str(sc.backprop(make["tutorial"]()).equations()) == (
        """\
Forward
   z1 = x * rot90(W1, 2) + b1        (N, 20, 20, 20)
   a1 = σ(z1)                        (N, 20, 20, 20)
   p1 = mean₂ₓ₂(a1)                  (N, 20, 10, 10)
   z2 = W2 p1 + b2                   (N, 10)
    J = mean(−log softmax(z2)[y])    ()
Errors
 δ(J) = 1                            ()
δ(z2) = (softmax(z2) − 1[y]) / N     (N, 10)
δ(p1) = W2ᵀ δ(z2)                    (N, 20, 10, 10)
δ(a1) = upsample(δ(p1) / 4)          (N, 20, 20, 20)
δ(z1) = δ(a1) · a1 · (1 − a1)        (N, 20, 20, 20)
 δ(x) = δ(z1) *_full W1              (N, 1, 28, 28)  not needed
Gradients
  ∇W1 = x * rot90(δ(z1), 2)          (20, 1, 9, 9)
  ∇b1 = Σ δ(z1)                      (20,)
  ∇W2 = δ(z2) p1ᵀ                    (10, 2000)
  ∇b2 = Σ δ(z2)                      (10,)"""
    )


def test_latex_of_the_network_of_the_tutorial(make):
    latex = sc.backprop(make["tutorial"]()).equations().latex
    assert latex.startswith("\\begin{aligned}\n") and latex.endswith("\n\\end{aligned}")
    for line in (
        r"z_{1} &= x \ast \operatorname{rot90}(W_{1}, 2) + b_{1} \\",
        r"J &= \operatorname{mean}(-\log \operatorname{softmax}(z_{2})_{y}) \\[1ex]",
        r"\delta(z_{2}) &= \frac{\operatorname{softmax}(z_{2}) - 1[y]}{N} \\",
        r"\delta(p_{1}) &= W_{2}^{\top} \, \delta(z_{2}) \\",
        r"\delta(z_{1}) &= \delta(a_{1}) \odot a_{1} \odot \left(1 - a_{1}\right) \\",
        r"\delta(x) &= \delta(z_{1}) \ast_{\text{full}} W_{1} \\[1ex]",
        r"\nabla W_{1} &= x \ast \operatorname{rot90}(\delta(z_{1}), 2) \\",
        r"\nabla W_{2} &= \delta(z_{2}) \, p_{1}^{\top} \\",
    ):
        assert line in latex.splitlines()


def test_a_lower_layer_gets_the_full_convolution_and_switches(make):
    found = lines(make["two_layers"]())
    assert found["δ(p1)"] == "δ(z2) *_full W2"
    assert found["∇W2"] == "p1 * rot90(δ(z2), 2)"
    assert found["δ(a2)"] == "upsample(δ(p2), switches(a2))"
    assert found["p2"] == "max₂ₓ₂(a2)"


def test_branches_skips_and_shared_parameters(make):
    found = lines(make["residual"]())
    assert found["v1"] == "a1 + z3" and found["δ(z3)"] == "δ(v1)"
    assert found["δ(a1)"] == "δ(v1) + crop_1(δ(z2) *_full W2)"
    assert found["δ(z1)"] == "where(z1 > 0, δ(a1), 0)"
    found = lines(make["two_inputs"]())
    assert found["J"] == "mean(−log softmax(z3)[y]) + 0.01 · Σ W1²"
    assert found["∇W1"] == "0.02 · W1 + right * rot90(δ(z2), 2) + left * rot90(δ(z1), 2)"
    assert found["δ(p1)"] == "δ(v1)[:, 0:4, :, :]"


def test_lenet5(make):
    found = lines(make["lenet5"]())
    assert found["v1"] == "g1 · p1 + b1′"
    assert found["z2"] == "a1 * rot90(W2 · table, 2) + b2"
    assert found["J"] == "mean(0.5 · Σ (a5 − t)²)"
    assert found["δ(a5)"] == "(a5 − t) / N"
    assert found["∇W2"] == "(a1 * rot90(δ(z2), 2)) · table"
    assert "δ(table)" not in found


def test_the_order_is_that_of_the_sweep(make):
    J = make["residual"]()
    back = sc.backprop(J)
    equations = back.equations()
    assert [e.left for e in equations.errors] == (
        ["δ(J)", "δ(z4)", "δ(p3)", "δ(a3)", "δ(v1)", "δ(z3)", "δ(a2)", "δ(z2)", "δ(a1)", "δ(z1)", "δ(x)"]
    )
    assert [e.left for e in equations.gradients] == [f"∇{letter}{n}" for n in (1, 2, 3, 4) for letter in "Wb"]
    assert [e.shape for e in equations.gradients] == [p.value.shape for p in back.grads]
    assert [e.note for e in equations.errors] == [""] * 10 + ["not needed"]


def test_a_collection_of_equations(make):
    equations = sc.backprop(make["tutorial"]()).equations()
    first = equations[0]
    assert isinstance(first, Equation) and len(equations) == 15 == len(list(equations))
    assert (first.left, first.right, first.shape) == ("z1", "x * rot90(W1, 2) + b1", (None, 20, 20, 20))
    assert first.latex == ("z_{1}", r"x \ast \operatorname{rot90}(W_{1}, 2) + b_{1}")
    assert str(first) == "z1 = x * rot90(W1, 2) + b1"
    assert equations._repr_latex_() == f"$${equations.latex}$$"
    assert repr(equations) == str(equations)


def test_a_users_node_type():
    class Swish(sc.Node):
        z: sc.Node
        latex = r"\operatorname{{swish}}({z})"
        text = "swish({z})"
        symbol = "a"

        def forward(self, xp, z):
            return z / (1 + xp.exp(-z))

        def backward(self, delta):
            s = sc.sigmoid(self.z)
            return (delta * (s + self * (1 - s)),)

    x = sc.Input("x", (None, 3))
    found = lines(sc.mean(Swish(sc.dense(x, 2, seed=0))))
    assert found["a1"] == "swish(z1)"
    assert found["δ(z1)"] == "δ(a1) · (σ(z1) + a1 · (1 − σ(z1)))"
    assert found["δ(a1)"] == "1 / (2 · N)"


def test_a_rule_that_makes_a_huge_formula_is_written_in_parts():
    class Knot(sc.Node):
        z: sc.Node

        def forward(self, xp, z):
            return z

        def backward(self, delta):
            for _ in range(60):
                delta = delta * self.z + delta
            return (delta,)

    x, w = sc.Input("x", (3,)), sc.Param("w", np.ones(3))
    equations = sc.backprop(sc.sum(Knot(sc.exp(w) * x, name="knot"))).equations()
    assert max(len(str(e)) for e in equations) < 2000
    parts = [e.left for e in equations.errors + equations.gradients if e.left.startswith("e")]
    assert parts[:3] == ["e1", "e2", "e3"]
    known = set()
    for e in equations:
        assert set(re.findall(r"\be\d+", e.right)) <= known
        known.add(e.left)


def test_a_row_vector_of_examples_reads_as_a_column():
    x, w = sc.Input("x", (None, 3)), sc.Param("w", np.ones((3, 2)))
    found = lines(sc.mean(sc.sigmoid(x @ w)))
    assert found["v1"] == "wᵀ x"
    assert found["∇w"] == "x δ(v1)ᵀ"
    left, right = sc.Param("L", np.ones((2, 3))), sc.Param("R", np.ones((3, 2)))
    found = lines(sc.sum(sc.tanh(left @ right)))
    assert found["a1"] == "tanh(L R)"
    assert found["∇L"] == "(1 − a1²) Rᵀ" and found["∇R"] == "Lᵀ (1 − a1²)"


SECOND_ORDER = {
    "of its sum": lambda dW, u: sc.sum(dW),
    "of its square": lambda dW, u: sc.sum(dW * dW),
    "times a vector": lambda dW, u: sc.sum(dW * u),
}


@pytest.mark.parametrize("case", SECOND_ORDER)
def test_the_gradient_of_a_gradient(make, case):
    J = make["tutorial"]()
    W = J.params[0]
    (dW,) = sc.grad(J, [W])
    back = sc.backprop(SECOND_ORDER[case](dW, sc.Input("u", W.shape)))
    equations = back.equations()
    assert [e.left for e in equations.gradients] == ["∇W1", "∇b1", "∇W2", "∇b2"]
    assert [e.right for e in equations if e.left == "z3"] == ["x * rot90(v2, 2)"]
    assert "δ(N)" not in str(equations)
    assert "∇W1" in back.draw().svg and equations.latex.count("&=") == len(equations)


def test_the_third_derivative_of_a_sigmoid():
    x = sc.Input("x", (), "float64")
    y = sc.sigmoid(x)
    (third,) = sc.grad(sc.grad(sc.grad(y, [x])[0], [x])[0], [x])
    values = evaluated(sc.backprop(third).equations(), {"x": 0.3})
    a = 1 / (1 + np.exp(-0.3))
    assert values["J"] == pytest.approx(a * (1 - a) * (1 - 6 * a + 6 * a**2))
    assert values["δ(x)"] == pytest.approx(a * (1 - a) * (1 - 2 * a) * (1 - 12 * a + 12 * a**2))


def test_numbers_stand_in_front_and_ones_vanish():
    x, w = sc.Input("x", (None, 4)), sc.Param("w", np.ones(4))
    assert lines(sc.mean((x * w) ** 2))["∇w"] == "Σ x · w · x / (2 · N)"
    assert lines(1 * sc.sum(x * 3 * w)) == {
        "J": "Σ 3 · x · w", "δ(J)": "1", "δ(x)": "3 · w", "∇w": "Σ 3 · x"
    }  # fmt: skip
    J = sc.mean(sc.tanh(x * w))
    (dw,) = sc.grad(J, [w])
    assert lines(sc.sum(dw * dw))["v2"] == "(Σ (1 − a1²) · x / (4 · N))²"


def test_a_seed_instead_of_a_scalar():
    x = sc.Input("x", (None, 3))
    z = sc.dense(x, 2, seed=0)
    u = sc.Input("u", (None, 2))
    found = {e.left: e.right for e in sc.backprop(z, u).equations()}
    assert found["J"] == "W1 x + b1" and found["δ(J)"] == "u" and found["∇W1"] == "δ(J) xᵀ"


def test_a_long_chain(make):
    equations = sc.backprop(make["chain"](3000)).equations()
    assert len(equations.forward) == 3001
    assert str(equations).count("\n") == len(equations) + 2
    assert equations.latex.count("\\\\") == len(equations) - 1


@pytest.mark.slow
def test_a_chain_of_100_000_nodes(make):
    equations = sc.backprop(make["chain"](100_000)).equations()
    assert len(equations.forward) == 100_001
    assert "δ(v50000) = δ(a50000) · a50000 · (1 − a50000)" in str(equations)


SAMPLES = {
    f"{cls.__name__}-{n}": node
    for cls in node_types()
    if cls.__module__.startswith("symcnn.")
    for n, node in enumerate(cls.samples())
    if node.dtype.kind == "f"
}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_node_type_has_equations_and_a_picture(name):
    node = SAMPLES[name]
    back = sc.backprop(node, sc.Input("u", node.shape, node.dtype))
    equations = back.equations()
    assert [e.left for e in equations.forward][-1] == "J" and equations.errors[0].right == "u"
    check_latex(equations.latex)
    assert "u" in back.draw().svg


def check_latex(latex):
    """Braces balance, and nothing has two subscripts or two superscripts, which TeX refuses."""
    text = re.sub(r"\\[{}_^]", "", latex)
    assert text.count(r"\left") == text.count(r"\right")
    scripts, waiting = [""], ""
    for token in re.findall(r"\\[A-Za-z]+|\\.|\s+|.", text):
        if token in "_^":
            assert not waiting and token not in scripts[-1], latex
            scripts[-1] += token
            waiting = token
        elif token == "{":
            scripts = [*scripts[:-1], scripts[-1] if waiting else "", ""]
            waiting = ""
        elif token == "}":
            scripts.pop()
            assert scripts, latex
        elif waiting:
            waiting = ""
        elif not token.isspace() and token != "'":
            scripts[-1] = ""
    assert len(scripts) == 1 and not waiting, latex


@pytest.mark.parametrize("wrong", ["z_{1}_{2}", "{a", "a}", "e^{x}^2", "x^2_{1}^3", "a_{b_{1}_{2}}", r"\left(a"])
def test_the_check_of_latex_sees_what_tex_refuses(wrong):
    with pytest.raises(AssertionError):
        check_latex(wrong)
    check_latex(r"z_{1}^{2} + \left(e^{x_{1}}\right)^2 + \text{a\_b}_{1}'")


def strided():
    x, y = sc.Input("x", (None, 2, 13, 13)), sc.Input("y", (None,), dtype="int64")
    a1 = sc.sigmoid(sc.conv(x, 4, 3, stride=2, pad=1, name="edges", seed=0))
    z2 = sc.conv(a1, 6, 2, stride=3, seed=0)
    squares = sc.mean(sc.exp(z2) ** 2 + sc.exp(z2) * sc.exp(z2) + z2[:, 0:1, ::2, 1:] ** 2)
    return sc.softmax_cross_entropy(sc.dense(z2, 3, seed=0), y) + squares


def test_a_strided_convolution_is_one_value():
    x = sc.Input("x", (None, 1, 28, 28))
    z = sc.conv(x, 2, 5, stride=2, pad=2, name="c", seed=0)
    back = sc.backprop(sc.mean(sc.dense(sc.sigmoid(z), 3, name="out", seed=0)))
    first = back.equations().forward[0]
    assert (str(first), first.shape) == ("z1 = subsample_2(pad_2(x) * rot90(W1, 2) + b1)", z.shape)
    found = {e.left: e.right for e in back.equations()}
    assert found["a1"] == "σ(z1)" and found["z2"] == "W2 a1 + b2" and found["δ(z1)"] == "δ(a1) · a1 · (1 − a1)"
    assert found["∇W1"] == "pad_2(x) * rot90(dilate_2(δ(z1), 28×28), 2)" and found["∇b1"] == "Σ δ(z1)"
    box = back.draw().story.boxes[1]
    assert (box.title, box.shape) == ("c · Pad + Conv + Subsample", "2×14×14")


def test_a_convolution_that_is_read_beside_its_stride_keeps_its_name():
    x, w = sc.Input("x", (None, 1, 6, 6)), sc.Param("W", np.ones((1, 1, 3, 3)))
    z = sc.Conv(x, w)
    found = lines(sc.sum(sc.subsample(z, 2)) + sc.sum(z * z))
    assert found["z1"] == "x * rot90(W1, 2)" and found["J"] == "Σ subsample_2(z1) + Σ z1²"


def test_latex_of_a_strided_network():
    latex = sc.backprop(strided()).equations().latex
    check_latex(latex)
    assert r"\operatorname{subsample}_{2}(" in latex and r"\operatorname{dilate}_{3}(" in latex


def test_different_crops_pads_and_takes_are_told_apart():
    x, s = sc.Input("x", (None, 4, 6, 6)), sc.Input("s", (None, 4, 3, 3))
    none = (0, 0)
    nodes = [sc.Pad(x, (none, *w)) for w in product([(0, 0), (0, 1), (1, 1), (2, 2)], repeat=3)]
    nodes += [sc.Crop(x, (none, *w)) for w in product([(0, 0), (0, 1), (1, 1), (1, 0)], repeat=3)]
    nodes += [sc.Subsample(x, (1, *n)) for n in product([1, 2, 3], repeat=3)]
    nodes += [sc.Dilate(s, (1, 1, 2, 2), (None, 4, *n)) for n in product([5, 6], repeat=2)]
    nodes += [sc.Take(x, sc.Const(index), axis) for index in ([0, 1], [1, 0], [0]) for axis in (1, 2, 3)]
    nodes += [sc.Put(x, sc.Const([0, 1, 2, 3]), 1, size) for size in (4, 5)]
    for kind in ("text", "latex"):
        shown = [Writer(kind, lambda n: getattr(n, "name", "") or None, lambda _, f: f).formula(n).text for n in nodes]
        assert len(set(shown)) == len(nodes)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (lambda x: sc.pad(x, 2), "pad_2(x)"),
        (lambda x: sc.pad(x, ((0, 0), (0, 0), (1, 2), (3, 3))), "pad(x, [0, 0, 1+2, 3])"),
        (lambda x: sc.crop(x, 1), "crop_1(x)"),
        (lambda x: x[:, 1:3], "x[:, 1:3, :, :]"),
        (lambda x: x[:, :, ::2, ::2], "subsample_2(x)"),
        (lambda x: x[:, :, ::2, ::3], "x[:, :, ::2, ::3]"),
        (lambda x: x[:, [2, 0]], "x[:, [2, 0]]"),
        (lambda x: sc.Dilate(x, (1, 1, 2, 2), (None, 4, 12, 11)), "dilate_2(x, 12×11)"),
    ],
)
def test_geometry_says_how_much(node, expected):
    x = sc.Input("x", (None, 4, 6, 6))
    assert str(sc.backprop(sc.sum(node(x))).equations().forward[-1]) == f"J = Σ {expected}"


# True: what is printed is computed, and compared with what the compiled graph computes -------------

FUNCTIONS = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "where": np.where,
}


def as_python(text, names):
    """A printed formula of scalars as Python, with v0, v1, ... for the names."""
    for sign, python in {"−": "-", "·": "*", "²": "**2", "^": "**", "σ": "sigmoid", "Σ": "1 *"}.items():
        text = text.replace(sign, python)
    pattern = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<!\w)({pattern})(?!\w)", lambda m: f" {names[m[0]]} ", text)


def evaluated(equations, feeds):
    """Compute the equations one after the other."""
    known = dict(feeds)
    names = {name: f"v{n}" for n, name in enumerate(known)}
    for e in equations:
        python = as_python(e.right, names)
        values = {names[name]: value for name, value in known.items()}
        known[e.left] = eval(python, {**FUNCTIONS, **values})
        names.setdefault(e.left, f"v{len(names)}")
    return known


@st.composite
def scalar_graphs(draw):
    """A scalar J of scalar inputs and parameters."""
    x, y = sc.Input("x", (), "float64"), sc.Input("y", (), "float64")
    p, q = sc.Param("p", np.float64(0.7)), sc.Param("q", np.float64(-0.4))
    nodes = [x, y, p, q]
    pick = st.integers(0, 10**6)
    for _ in range(draw(st.integers(1, 14))):
        a, b = (nodes[-1 - draw(pick) % min(len(nodes), 6)] for _ in range(2))
        kinds = [
            lambda a, b: a + b,
            lambda a, b: a - b,
            lambda a, b: a * b,
            lambda a, b: a / (2 + b * b),
            lambda a, b: -a,
            lambda a, b: a * -b,
            lambda a, b: sc.sigmoid(a),
            lambda a, b: sc.tanh(a + b),
            lambda a, b: sc.exp(sc.tanh(a)),
            lambda a, b: sc.log(1 + b**2) * a,
            lambda a, b: 0.5 * (a + a) - 3 * b,
            lambda a, b: sc.where(a > b, a * b, -b),
            lambda a, b: sc.tanh(a) ** 2,
        ]
        nodes.append(kinds[draw(pick) % len(kinds)](a, b))
    return sc.sum(nodes[-1] + 0.1 * p * q)


@settings(max_examples=100)
@given(scalar_graphs())
def test_what_is_printed_is_what_is_computed(J):
    back = sc.backprop(J)
    feeds = {"x": 0.3, "y": -1.2}
    wanted = {n: v for n, v in feeds.items() if n in {i.name for i in J.graph().inputs}}
    values = evaluated(back.equations(), {**feeds, "p": 0.7, "q": -0.4})
    names = {f"∇{p.name}": g for p, g in back.grads.items()}
    names |= {f"δ({i.name})": back.delta(i) for i in J.graph().inputs if f"δ({i.name})" in values}
    expected = sc.compile([J, *names.values()])(wanted)
    got = [values["J"], *(values[name] for name in names)]
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
