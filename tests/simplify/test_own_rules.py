"""Rewriting rules of a user's own: what they give is looked at, and rules that come to no end are stopped."""

import pytest

import symcnn as sc

X, Y = sc.Input("x", (None, 3)), sc.Input("y", (None, 3))


def test_a_rule_that_does_nothing_ends():
    node = sc.exp(X) + Y
    assert sc.simplify([node], rules=[lambda n: n, lambda n: None]) == [node]


@pytest.mark.parametrize(
    ("rule", "kind", "said"),
    [
        (
            lambda n: sc.sum(n),
            "ShapeError",
            r"gave Sum, a \(\) float32, in place of a \(None, 3\) float32\n  .*same",
        ),
        (lambda n: sc.cast(n, "float64"), "DTypeError", r"gave Cast, a \(None, 3\) float64, in place of"),
        (lambda n: 3, "DTypeError", "a rewriting rule returned 3; expected a node, or None"),
        (lambda n: [n], "DTypeError", r"a rewriting rule returned \["),
    ],
)
def test_a_rule_whose_result_does_not_fit(rule, kind, said):
    with pytest.raises(getattr(sc.errors, kind), match=rf"Input 'x': (.|\n)*{said}(.|\n)*test_own_rules.py"):
        sc.simplify([sc.exp(X)], rules=[rule])


def swapped(node):
    return sc.Add(node.b, node.a) if isinstance(node, sc.Add) else None


@pytest.mark.parametrize(
    "rules",
    [
        [swapped],
        [lambda n: sc.Mul(n, 1.0)],
        [
            lambda n: sc.Sub(n.a, -n.b) if isinstance(n, sc.Add) else None,
            lambda n: n.a + n.b if isinstance(n, sc.Sub) else None,
        ],
        [lambda n: n + 0 if isinstance(n, sc.Input) else None],  # it grows by one node in each pass
    ],
)
def test_rules_without_an_end_are_stopped(rules):
    with pytest.raises(sc.errors.ArgumentError, match="the rules do not come to an end"):
        sc.simplify([sc.Add(X, Y)], rules=rules)


def test_a_rule_may_need_a_pass_for_each_node():
    """-(...) is pushed down a chain of sums, by one level in each pass."""
    chain = X
    for _ in range(60):
        chain = sc.Add(chain, Y)

    def pushed(node):
        match node:
            case sc.Neg(sc.Add(a, b)):
                return sc.Add(sc.Neg(a), sc.Neg(b))
        return None

    (found,) = sc.simplify([-chain], rules=[pushed])
    assert [type(n) for n in found.graph().order].count(sc.Neg) == 2


def test_what_is_not_a_list():
    for nodes, rules, said in ((3, None, "takes a node or a list of nodes, got 3"), ([3], None, "got \\[3\\]"),
                               ([X], 3, "the rules are 3"), ([X], [None], "expected a list of functions")):  # fmt: skip
        with pytest.raises(sc.errors.DTypeError, match=said):
            sc.simplify(nodes, rules)
