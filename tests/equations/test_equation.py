"""The equations read as the tutorial's do."""

import copy
import pickle
import re

import numpy as np
import pytest

import symcnn as sc
from symcnn.equations.equation import Equation


def lines(J):
    return {e.left: e.right for e in sc.backprop(J).equations()}


def test_the_network_of_the_tutorial(make):
    assert str(sc.backprop(make["tutorial"]()).equations()) == (
        """\
Forward
   z1 = x * rot90(W1, 2) + b1        (N, 20, 20, 20)  conv1
   a1 = σ(z1)                        (N, 20, 20, 20)
   p1 = mean₂ₓ₂(a1)                  (N, 20, 10, 10)
   z2 = W2 p1 + b2                   (N, 10)          out
    J = mean(−log softmax(z2)[y])    ()
Errors
 δ(J) = 1                            ()
δ(z2) = (softmax(z2) − 1[y]) / N     (N, 10)
δ(p1) = W2ᵀ δ(z2)                    (N, 20, 10, 10)
δ(a1) = upsample₂ₓ₂(δ(p1) / 4)       (N, 20, 20, 20)
δ(z1) = δ(a1) · a1 · (1 − a1)        (N, 20, 20, 20)
 δ(x) = δ(z1) *_full W1              (N, 1, 28, 28)   not needed
Gradients
  ∇W1 = x * rot90(δ(z1), 2)          (20, 1, 9, 9)    conv1.W
  ∇b1 = Σ₀₂₃ δ(z1)                   (20,)            conv1.b
  ∇W2 = δ(z2) p1ᵀ                    (10, 2000)       out.W
  ∇b2 = Σ₀ δ(z2)                     (10,)            out.b"""
    )


def test_a_lower_layer_gets_the_full_convolution_and_switches(make):
    found = lines(make["two_layers"]())
    assert found["δ(p1)"] == "δ(z2) *_full W2"
    assert found["∇W2"] == "p1 * rot90(δ(z2), 2)"
    assert found["δ(a2)"] == "upsample₂ₓ₂(δ(p2), switches₂ₓ₂(a2))"
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
    assert found["J"] == "mean(0.5 · Σ₁ (a5 − t)²)"
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
    assert first.sides == ("z_{1}", r"x \ast \operatorname{rot90}(W_{1}, 2) + b_{1}")
    assert first.latex == " = ".join(first.sides) and first.note == "conv1"
    assert str(first) == repr(first) == "z1 = x * rot90(W1, 2) + b1"
    assert first._repr_mimebundle_() == {"text/latex": f"$${first.latex_with_shape}$$", "text/plain": str(first)}
    assert equations._repr_mimebundle_() == {"text/latex": f"$${equations.latex}$$", "text/plain": str(equations)}
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


def test_numbers_stand_in_front_and_ones_vanish():
    x, w = sc.Input("x", (None, 4)), sc.Param("w", np.ones(4))
    assert lines(sc.mean((x * w) ** 2))["∇w"] == "Σ₀ x · w · x / (2 · N)"
    assert lines(1 * sc.sum(x * 3 * w)) == {
        "J": "Σ 3 · x · w", "δ(J)": "1", "δ(x)": "3 · w", "∇w": "Σ₀ 3 · x"
    }  # fmt: skip
    J = sc.mean(sc.tanh(x * w))
    (dw,) = sc.grad(J, [w])
    assert lines(sc.sum(dw * dw))["v2"] == "(Σ₀ (1 − a1²) · x / (4 · N))²"


def test_a_seed_instead_of_a_scalar():
    x = sc.Input("x", (None, 3))
    z = sc.dense(x, 2, seed=0)
    u = sc.Input("u", (None, 2))
    found = {e.left: e.right for e in sc.backprop(z, u).equations()}
    assert found["J"] == "W1 x + b1" and found["δ(J)"] == "u" and found["∇W1"] == "δ(J) xᵀ"


@pytest.mark.slow
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


@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy, copy.copy])
def test_equations_are_pickled_and_copied(again):
    a = sc.tanh(sc.dense(sc.Input("x", (None, 4)), 3, name="out", seed=0))
    for shown in (a.equation, sc.backprop(sc.sum(a)).equations()):
        other = again(shown)
        assert (str(other), other.latex, other.mathml) == (str(shown), shown.latex, shown.mathml)
