"""The rewrites for the eye keep the value."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.equations.tidy import tidy, unspread, without_gaps
from symcnn.simplify import RULES, simplify

a, b, s = sc.Input("a", (2, 3), "float64"), sc.Input("b", (2, 3), "float64"), sc.Input("s", (), "float64")
FEEDS = {
    "a": np.arange(1.0, 7).reshape(2, 3),
    "b": np.linspace(-1, 2, 6).reshape(2, 3),
    "s": np.array(2.5),
    "h": np.ones((2, 3)),
}
spread = sc.broadcast_to(sc.reshape(1 / s, (1, 1)), (2, 3))

CASES = {
    "a + a": (a + a, ["Mul"]),
    "numbers stand in front": (a * 3, ["Mul"]),
    "numbers are multiplied": (2 * (a * (3 * b)), ["Mul", "Mul"]),
    "numbers go through": ((2 * a) * (3 * b), ["Mul", "Mul"]),
    "what is spread": (a * spread, ["Div"]),
    "divided once": ((a / s) * b, ["Mul", "Div"]),
    "a share of a share": ((a / s) / (b + 3), ["Add", "Div", "Div"]),
    "minus in front": (a * -b, ["Mul", "Neg"]),
    "minus of a difference": (-(a - b), ["Sub"]),
    "minus of a quotient of a difference": (-((a - b) / s), ["Sub", "Div"]),
    "minus below": (a / -(b + 3), ["Add", "Div", "Neg"]),
    "a half of twice": (0.5 * (a + a), []),
    "two thirds": ((2 * a) / 4, ["Mul"]),
    "the same number above and below": ((3 * a) / (3 * s), ["Div"]),
    "once, in a wider dtype": (sc.Const(1.0) * sc.Input("h", (2, 3), "float32"), ["Cast"]),
    "a sum over gaps": (sc.sum(sc.Dilate(a, (1, 2), (2, 5)), axis=1), ["Sum"]),
    "a sum beside gaps": (sc.sum(sc.Dilate(a, (1, 2), (2, 5)), axis=0), ["Dilate", "Sum"]),
    "one, spread": (a * sc.broadcast_to(sc.Const(1.0), (2, 3)), []),
    "two quarters": ((2 * a) / (4 * s), ["Mul", "Div"]),
    "four halves": ((4 * a) / (2 * s), ["Mul", "Div"]),
    "two thirds stay": ((2 * a) / (3 * s), ["Mul", "Mul", "Div"]),
    "divided by a number at the end": ((a / s) / 4, ["Mul", "Div"]),
    "minus of what is added": (a + -b, ["Sub"]),
    "all scalars": (-spread * a, ["Div", "Neg"]),
}


@pytest.mark.parametrize("case", CASES)
def test_rules(case):
    node, kinds = CASES[case]
    (found,) = simplify([node], (*RULES, tidy, without_gaps))
    order = [type(n).__name__ for n in found.graph().order if n.inputs]
    assert order == kinds
    assert found.spec == node.spec
    expected, got = (sc.compile(n)({i.name: FEEDS[i.name] for i in n.graph().inputs}) for n in (node, found))
    np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_what_is_spread_is_found():
    assert type(unspread(spread)).__name__ == "Div"
    assert unspread(a) is a
    assert unspread(sc.reshape(a, (6,))).shape == (6,)
