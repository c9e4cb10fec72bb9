"""What node types say of themselves beside their rules, and what is refused of it."""

import pytest

import symcnn as sc
from symcnn.graph.declared import influence_of, sentences_of, windows_of
from symcnn.testing import check_node


class Twice(sc.Node):
    """2 z, with whatever a test lets it say."""

    z: sc.Node

    def forward(self, xp, z):
        return 2 * z

    def backward(self, delta):
        return (2 * delta,)


def saying(**methods):
    """A node type that says other things."""
    return type("Saying", (Twice,), {name: lambda self, said=said: said for name, said in methods.items()})


X = sc.Input("x", (None, 3))


@pytest.mark.parametrize("said", [None, (), (1.0, 2.0), "slope", ("slop",), (2,), (True,), (float("nan"),), ([],)])
def test_an_influence_that_fits_no_input(said):
    node = saying(influence=said)(X)
    with pytest.raises(sc.errors.NodeTypeError, match=r"Saying: influence (returned|says) [\s\S]*test_declared.py"):
        influence_of(node)
    with pytest.raises(sc.errors.NodeTypeError, match=r"influence is at .*test_declared"):
        check_node(saying(influence=said))
    with pytest.raises(sc.errors.NodeTypeError, match="influence"):
        sc.explain(sc.sum(node), x=[1, 2, 3])


@pytest.mark.parametrize(
    "said",
    [
        None,
        "ab",
        ("a",),
        (1, 2),
        ("a", None),
        ("a", "b", "c"),
        ("a", ()),
        ("a", ("b", "c")),
        ("a", (1,)),
        (("a",), "b"),
    ],
)
def test_sentences_that_are_no_two_texts(said):
    with pytest.raises(sc.errors.NodeTypeError, match="Saying: sentences returned"):
        sentences_of(saying(sentences=said)(X))
    with pytest.raises(sc.errors.NodeTypeError, match=r"sentences is at .*test_declared"):
        check_node(saying(sentences=said))


@pytest.mark.parametrize(
    ("method", "ask"), [("windows", windows_of), ("influence", influence_of), ("sentences", sentences_of)]
)
def test_a_method_that_raises_is_named(method, ask):
    def failing(self):
        return [][3]

    node = type("Saying", (Twice,), {method: failing})(X, name="mine")
    place = rf"Saying 'mine': {method} failed: IndexError: list index out of range\n  the rule is at .*test_declared.py"
    with pytest.raises(sc.errors.NodeTypeError, match=place) as caught:
        ask(node)
    assert isinstance(caught.value.__cause__, IndexError) and str(node.site) in str(caught.value)
    with pytest.raises(sc.errors.NodeTypeError, match=place):
        sc.explain(sc.sum(node), x=[1, 2, 3])


def test_what_the_house_says_fits_in_graphs_of_gradients_too():
    w = sc.Param("w", [1.0, 2.0, 3.0])
    first = sc.backprop(sc.mean(sc.tanh(w * X))).grads[w]
    second = sc.grad(sc.sum(first * first), [w])[0]
    empty = sc.mean(sc.Input("e", (None, 0)), axis=1)
    for node in [*second.graph().order, *empty.graph().order]:
        assert len(influence_of(node)) == len(node.inputs)
        forward, backward = sentences_of(node)
        assert isinstance(forward, str) and len(backward) == len(node.inputs)
        assert all(isinstance(text, str) for text in backward)


@pytest.mark.parametrize(("attribute", "given"), [("symbol", None), ("symbol", 3), ("latex", 3), ("text", None),
                                                  ("binding", "x"), ("binding", None)])  # fmt: skip
def test_words_that_can_stand_in_no_formula_are_refused_at_once(attribute, given):
    with pytest.raises(sc.errors.NodeTypeError, match=f"Odd: {attribute} is {given!r}; expected a "):
        type("Odd", (Twice,), {attribute: given})


def test_a_property_may_tell_the_words():
    cls = type("Told", (Twice,), {"symbol": property(lambda self: "q")})
    assert str(sc.sigmoid(cls(X)).graph().order[1].symbol) == "q"
