"""MathML: well formed, of MathML Core, and what the LaTeX says."""

import subprocess
import sys
from xml.etree import ElementTree

import pytest
from user_nodes import Blend, Scaled

import symcnn as sc
from symcnn.equations.mathml import converted
from symcnn.graph.node import node_types

CORE = {
    *(
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "mtext",
        "mspace",
        "ms",
        "mfrac",
        "msqrt",
        "mroot",
        "mstyle",
        "merror",
        "mpadded",
    ),
    *("mphantom", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "mtable"),
    *("mtr", "mtd"),
}
ATTRIBUTES = {
    *("display", "displaystyle", "style", "columnspan", "form", "fence", "stretchy", "lspace", "rspace", "largeop"),
    *("movablelimits", "accent", "width"),
}
MATHML = "{http://www.w3.org/1998/Math/MathML}"


def parsed(mathml):
    root = ElementTree.fromstring(mathml)
    for element in root.iter():
        assert element.tag.removeprefix(MATHML) in CORE and element.tag.startswith(MATHML), mathml
        assert set(element.attrib) <= ATTRIBUTES, element.attrib
    assert root.tag == f"{MATHML}math" and root.get("display") == "block"
    return root


def shown(latex, text="?"):
    return ElementTree.tostring(converted(latex, text), encoding="unicode")


def read(element):
    """What stands in an element, without the gaps."""
    return "".join(element.itertext())


def test_the_network_of_the_tutorial(make):
    root = parsed(sc.backprop(make["tutorial"]()).equations().mathml)
    rows = [[read(cell) for cell in row] for row in root.iter(f"{MATHML}mtr")]
    assert rows[:3] == [
        ["Forward"],
        ["z1", "=x∗rot90(W1,2)+b1", "(N,20,20,20)", "conv1"],
        ["a1", "=σ(z1)", "(N,20,20,20)"],
    ]
    assert [row[0] for row in rows if len(row) == 1] == ["Forward", "Errors", "Gradients"]
    assert ["δ(x)", "=δ(z1)∗fullW1", "(N,1,28,28)", "not needed"] in rows
    assert ["∇W2", "=δ(z2)p1⊤", "(10,2000)", "out.W"] in rows and len(rows) == 18


def test_names_of_functions_are_one_word():
    assert shown(r"\operatorname{rot90}(W_{1}, 2)").startswith("<mrow><mi>rot90</mi><mo stretchy=")
    assert "<msub><mi>mean</mi>" in shown(r"\operatorname{mean}_{2 \times 2}(a)")
    assert shown(r"\operatorname{first\_max}(x)").startswith("<mrow><mi>first_max</mi>")
    assert shown(r"\tanh(x) + \max(0, x)").count("<mi>tanh</mi>") == 1
    assert '<mi>log</mi><mspace width="0.167em" /><mi>softmax</mi>' in shown(r"\log \operatorname{softmax}(z)")


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\ast_{\text{full}}", "<msub><mo>∗</mo><mrow><mtext>full</mtext></mrow></msub>"),
        (
            "b_{1}''",
            '<msubsup><mi>b</mi><mrow><mn>1</mn></mrow><mrow><mo lspace="0" rspace="0">″</mo></mrow></msubsup>',
        ),
        (r"W_{1}'^{\top}", '<mrow><mo lspace="0" rspace="0">′</mo><mi>⊤</mi></mrow>'),
        (r"W'^2", '<mrow><mo lspace="0" rspace="0">′</mo><mn>2</mn></mrow>'),
        (r"\textstyle\sum_{0, 2} x", '<msub><mo largeop="false" movablelimits="false">∑</mo>'),
        (r"\text{a\_b $\lt$ \{\} \% größe}", "<mtext>a_b &lt; {} % größe</mtext>"),
        (r"\lvert x \rvert", '<mo form="postfix" fence="true" stretchy="true">|</mo>'),
        (r"f(-x)", '<mo form="prefix">−</mo><mi>x</mi>'),
        (r"a - x", "<mi>a</mi><mo>−</mo><mi>x</mi>"),
        (
            r"\begin{cases} a & x > 0 \\ 0 & \text{else} \end{cases}",
            '<mtd style="text-align: left"><mi>x</mi><mo>&gt;</mo>',
        ),
        (r"(20,)", '<mo rspace="0">,</mo>'),
        (r"\left(\frac{a}{4}\right)", '<mo stretchy="true" fence="true" form="prefix">(</mo><mfrac>'),
    ],
)
def test_what_is_mended(latex, expected):
    assert expected in shown(latex)


@pytest.mark.parametrize("latex", [r"\frac{a}", "{", r"\text{a", "a & b", r"\operatorname{f"])
def test_what_cannot_be_converted_stands_there_as_text(latex):
    assert shown(latex, "odd & <b>") == "<mtext>odd &amp; &lt;b&gt;</mtext>"


def test_a_users_template_that_cannot_be_converted():
    class Odd(sc.Node):
        x: sc.Node
        text = "odd({x})"
        latex = r"\begin{{array}} {x} & \\ \frac"

        def forward(self, xp, x):
            return x

        def backward(self, delta):
            return (delta,)

    root = parsed(Odd(sc.Input("x", (3,))).equation.mathml)
    assert read(root) == "v1=odd(x)"


SAMPLES = {
    f"{cls.__name__}-{n}": node
    for cls in node_types()
    if cls.__module__.startswith("symcnn.")
    for n, node in enumerate(cls.samples())
} | {"Scaled": Scaled(sc.Input("x", (None, 3)), 2.0), "Blend": Blend((sc.Input("x", (3,)), sc.Input("y'", (3,))))}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_node_type(name):
    node = SAMPLES[name]
    lines = [node.equation]
    if node.dtype.kind == "f":
        equations = sc.backprop(node, sc.Input("u", node.shape, node.dtype)).equations()
        lines += equations
        parsed(equations.mathml)
    for e in lines:
        assert "\\" not in read(parsed(e.mathml))
        for side, text in zip(e.sides, (e.left, e.right), strict=True):
            assert not shown(side, text).startswith("<mtext>" + text[:1])  # it was converted


def test_the_network_is_the_same_text_in_every_process():
    script = (
        "import symcnn as sc; x = sc.Input('x', (None, 3)); "
        "print(ascii(sc.backprop(sc.sum(sc.sigmoid(sc.dense(x, 2, seed=0)))).equations().mathml))"
    )
    run = [sys.executable, "-c", script]
    made = {subprocess.run(run, capture_output=True, check=True, env={"PYTHONHASHSEED": s}).stdout for s in "12"}
    assert len(made) == 1 and b"<math" in made.pop()
