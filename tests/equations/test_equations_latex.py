"""The LaTeX of equations: TeX takes it."""

import re

import pytest

import symcnn as sc
from symcnn.graph.node import node_types


def test_latex_of_the_network_of_the_tutorial(make):
    latex = sc.backprop(make["tutorial"]()).equations().latex
    assert latex.startswith("\\begin{aligned}\n") and latex.endswith("\n\\end{aligned}")
    for line in (
        r"z_{1} &= x \ast \operatorname{rot90}(W_{1}, 2) + b_{1} && (N, 20, 20, 20) && \text{conv1} \\",
        r"J &= \operatorname{mean}(-\log \operatorname{softmax}(z_{2})_{y}) && () \\[1ex]",
        r"\delta(z_{2}) &= \frac{\operatorname{softmax}(z_{2}) - 1[y]}{N} && (N, 10) \\",
        r"\delta(p_{1}) &= W_{2}^{\top} \, \delta(z_{2}) && (N, 20, 10, 10) \\",
        r"\delta(a_{1}) &= \operatorname{upsample}_{2 \times 2}\left(\frac{\delta(p_{1})}{4}\right)"
        r" && (N, 20, 20, 20) \\",
        r"\delta(z_{1}) &= \delta(a_{1}) \odot a_{1} \odot \left(1 - a_{1}\right) && (N, 20, 20, 20) \\",
        r"\delta(x) &= \delta(z_{1}) \ast_{\text{full}} W_{1} && (N, 1, 28, 28) && \text{not needed} \\[1ex]",
        r"\nabla W_{1} &= x \ast \operatorname{rot90}(\delta(z_{1}), 2) && (20, 1, 9, 9) && \text{conv1.W} \\",
        r"\nabla W_{2} &= \delta(z_{2}) \, p_{1}^{\top} && (10, 2000) && \text{out.W} \\",
    ):
        assert line in latex.splitlines()


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


def test_latex_of_a_strided_network():
    latex = sc.backprop(strided()).equations().latex
    check_latex(latex)
    assert r"\operatorname{subsample}_{2}(" in latex and r"\operatorname{dilate}_{3}(" in latex
