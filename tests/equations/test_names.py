"""Which values are named, and what they are called."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.equations.names import Names, Symbol, Values


def symbols(J):
    values = Values(J.graph().order)
    return {str(symbol): node for node, symbol in values.symbols.items()}


def test_the_index_goes_up_with_each_layer(make):
    assert list(symbols(make["two_layers"]())) == (
        ["x", "y", "J", "W1", "b1", "z1", "a1", "p1", "W2", "b2", "z2", "a2", "p2", "W3", "b3", "z3"]
    )


def test_a_reshape_and_the_mean_of_a_loss_have_no_name(make):
    J = make["tutorial"]()
    named = symbols(J)
    assert [type(named[s]).__name__ for s in ("z1", "a1", "p1", "z2", "J")] == (
        ["Conv", "Sigmoid", "Pool", "Dense", "Mean"]
    )
    values = Values(J.graph().order)
    assert [type(n).__name__ for n in values.inner(J)] == ["SoftmaxCrossEntropy", "Mean"]
    assert [str(values.symbols[s]) for s in values.sources(J)] == ["z2", "y"]


def test_a_gain_and_a_bias_are_one_value(make):
    named = symbols(make["lenet5"]())
    assert type(named["v1"]).__name__ == "Add"
    assert named["g1"].name == "S2.g" and named["b1"].name == "C1.b" and named["b1′"].name == "S2.b"
    assert named["table"].value.shape == (16, 6, 1, 1)


def test_where_branches_meet_is_a_value_and_a_shared_parameter_has_its_first_readers_number(make):
    assert type(symbols(make["residual"]())["v1"]).__name__ == "Add"
    named = symbols(make["two_inputs"]())
    assert "W1" in named and "W2" not in named and {"z1", "z2", "z3"} <= set(named)


def test_names_that_the_user_gave():
    x = sc.Input("z1", (3,))
    h = sc.Exp(x, name="growth")
    z = sc.Dense(sc.reshape(h, (1, 3)), sc.Param("layer.kernel", np.ones((2, 3))), sc.Param("w7", np.ones(2)))
    assert list(symbols(sc.sum(sc.sigmoid(z)))) == ["z1", "J", "growth", "kernel1", "w7", "z1′", "a1"]


def test_the_second_of_a_name_is_marked():
    names = Names()
    assert [str(names.new("a", "1")) for _ in range(6)] == ["a1", "a1′", "a1″", "a1‴", "a1.5", "a1.6"]
    assert [Symbol("a", "1", n).latex for n in (0, 2, 4)] == ["a_{1}", "a_{1}''", "a_{1.5}"]


def test_names_that_look_alike_are_told_apart():
    names = Names()
    assert [str(names.new("a", "1")), str(names.new("a1")), str(names.new("a\n1")), str(names.new("a 1"))] == (
        ["a1", "a1′", "a 1", "a 1′"]
    )


def test_symbols_of_errors_and_gradients():
    assert str(Symbol("z", "1").wrapped("delta")) == "δ(z1)"
    assert Symbol("W", "2").wrapped("grad").latex == r"\nabla W_{2}"
    assert Symbol("two words", "2").latex == r"\text{two words}_{2}"


def test_without_layers_a_symbol_is_counted():
    x = sc.Input("x", (3,))
    assert list(symbols(sc.sum(sc.tanh(sc.tanh(x))))) == ["x", "J", "a1", "a2"]


def test_a_large_formula_is_divided():
    x = sc.Input("x", (3,))
    v = x
    for n in range(30):
        v = sc.exp(v + n)
    named = symbols(sc.sum(v))
    assert [s for s in named if s.startswith("v")] == ["v1", "v2", "v3", "v4"]


@pytest.mark.parametrize("count", [1, 5])
def test_small_constants_are_numbers_and_large_ones_are_named(count):
    x = sc.Input("x", (count,))
    named = symbols(sc.sum(x * sc.Const(np.arange(count) + 1.0)))
    assert list(named) == (["x", "J"] if count == 1 else ["x", "J", "c1"])
