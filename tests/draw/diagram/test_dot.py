"""The DOT text: every label as it is, and a way back from the text to it."""

import re
import subprocess
import sys

import numpy as np
import pytest

import symcnn as sc

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


def labels(dot):
    """The labels, as Graphviz reads them: \\" is a quote, \\\\ a backslash."""
    found = re.findall(r"label=(\"(?:[^\"\\]|\\.)*\"|[^\s\]]+)", dot, re.DOTALL)
    plain = [f[1:-1] if f.startswith('"') else f for f in found]
    return [re.sub(r"\\(.)", r"\1", p) for p in plain]


def test_the_tutorials_network(make):
    dot = sc.draw(make["tutorial"]()).dot
    assert dot.startswith("// Backpropagation of J\ndigraph backprop {")
    found = labels(dot)
    for label in ("conv1 · Conv\nz1 = x * rot90(W1, 2) + b1", "z1\n20×20×20", "δ(z1)", "W1 (20×1×9×9)\nb1 (20)"):
        assert label in found
    assert '"back-z1" -> "back-a1"' in dot and "arrowtail=empty" in dot and "style=dashed" in dot
    assert '"value-z1" -> "value-a1"' in dot


@pytest.mark.parametrize(
    "name", ["<lambda>", "\\", "\\N", "c:1", 'say "hi"', "größe 名前", "a->b;{}", "<b>bold</b>", "x\\"]
)
def test_labels_are_escaped(name):
    x = sc.Input(name, (3,))
    dot = sc.draw(sc.sum(sc.tanh(sc.Param(name, np.ones(3)) * x))).dot
    assert f"{name}\ninput" in labels(dot)
    outside = QUOTED.sub('""', dot)
    assert "<" not in outside and "\\" not in outside
    assert outside.count("{") == outside.count("}")


def test_a_name_in_angle_brackets_is_no_html():
    dot = sc.draw(sc.sum(sc.Input("<i>", (3,)))).dot
    assert '"<i>\ninput"' in dot and "label=<" not in dot


def test_graphviz_is_imported_only_when_it_is_asked_for():
    program = """
import sys
import symcnn as sc
d = sc.draw(sc.sum(sc.tanh(sc.Input("x", (3,)))))
d.svg
assert not {"graphviz", "matplotlib", "IPython"} & set(sys.modules)
d.dot
assert "graphviz" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_to_graphviz(make):
    import graphviz

    diagram = sc.draw(make["residual"]())
    graph = diagram.to_graphviz()
    assert isinstance(graph, graphviz.Digraph) and graph.source == diagram.dot
