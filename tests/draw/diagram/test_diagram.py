"""The face: draw, and what a notebook shows."""

import sys

import numpy as np
import pytest

import symcnn as sc
from symcnn.draw.diagram.diagram import Diagram
from symcnn.graph.errors import DTypeError, GradientError


def test_draw_takes_a_node_or_a_sweep(make):
    J = make["tutorial"]()
    back = sc.backprop(J)
    assert isinstance(sc.draw(J), Diagram)
    assert sc.draw(J).svg == sc.draw(back).svg == back.draw().svg


def test_draw_after_the_equations_were_asked_for(make):
    back = sc.backprop(make["tutorial"]())
    back.equations()
    assert callable(sc.draw)
    assert sc.draw(back).svg.startswith("<svg")


@pytest.mark.parametrize("wrong", [3, "x", None, [1]])
def test_draw_refuses_what_is_no_graph(wrong):
    with pytest.raises(DTypeError, match=r"a node or the result of sc\.backprop"):
        sc.draw(wrong)


def test_the_error_of_what_is_no_scalar_is_given():
    x = sc.Input("x", (None, 3))
    diagram = sc.draw(sc.tanh(x))
    box = diagram.story.boxes[-1]
    assert (box.title, box.lines) == ("output · Tanh", ["J = tanh(x)"])
    assert box.twin.lines == ["δ(J) = given", "δ(x) = δ(J) · (1 − J²)"]
    assert "δ(J) = given" in diagram.svg and "δ(J) = given" in diagram.dot
    assert sc.draw(sc.transpose(x)).story.boxes[-1].twin.lines == ["δ(J) = given", "δ(x) = δ(J)ᵀ"]
    back = sc.backprop(sc.tanh(x), sc.Input("u", (None, 3)))
    assert "δ(J) = u" in back.draw().svg
    with pytest.raises(GradientError, match="int64"):
        sc.draw(sc.argmax(x))


def test_a_notebook_shows_it_and_a_repr_never_raises(make, monkeypatch):
    diagram = sc.draw(make["tutorial"]())
    assert repr(diagram) == "Diagram of J: 7 boxes, 6 edges"
    assert diagram._repr_mimebundle_() == {"image/svg+xml": diagram.embedded_svg, "text/plain": repr(diagram)}

    def fails(story, width):
        raise ValueError("no room")

    monkeypatch.setattr(sys.modules[Diagram.__module__], "laid_out", fails)
    broken = sc.draw(make["tutorial"]())
    assert broken._repr_mimebundle_() == {"text/plain": f"{broken!r}\n(shown as text alone: no room)"}


def test_a_users_node_type_draws_itself():
    class Twice(sc.Node):
        x: sc.Node
        text = "2 · {x}"
        symbol = "d"

        def forward(self, xp, x):
            return 2 * x

        def backward(self, delta):
            return (2 * delta,)

    svg = sc.draw(sc.sum(Twice(sc.Param("w", [1.0, 2.0])) * sc.Input("x", (2,)))).svg
    for text in (">Twice<", "d1 = 2 · w", "∇w = 2 · δ(d1)", "δ(d1) = x"):
        assert text in svg


def test_a_value_without_an_error_has_no_twin():
    x = sc.Input("x", (None, 3))
    hard = sc.argmax(x)
    story = sc.draw(sc.mean(sc.softmax_cross_entropy(sc.dense(x, 3, seed=0), hard, reduction="none"))).story
    assert {box.key: box.twin is None for box in story.boxes if box.kind == "input"} == {"x": False}


def test_a_title_comes_from_the_boxes_own_nodes(make):
    x, y = sc.Input("x", (None, 1, 8, 8)), sc.Input("y", (None,), dtype="int64")
    z = sc.conv(x, 2, 3, name="edges", seed=0)
    s = sc.dense(sc.sigmoid(z), 3, name="out", seed=0)
    J = sc.softmax_cross_entropy(s, y) + 1e-3 * sc.sum(z.params[0] ** 2)
    titles = [box.title for box in sc.draw(J).story.boxes]
    assert titles == ["x", "y", "edges · Conv", "Sigmoid", "out · Dense", "loss · SoftmaxCrossEntropy + Pow"]
    lenet5 = [box.title for box in sc.draw(make["lenet5"]()).story.boxes]
    assert "S2 · Scale" in lenet5 and "C3 · Conv" in lenet5 and "loss" in lenet5[-1]


def test_what_only_depends_on_inputs_is_not_needed():
    x = sc.Input("x", (None, 3))
    story = sc.draw(sc.mean(sc.dense(sc.tanh(x), 2, seed=0))).story
    twins = {box.key: box.twin for box in story.boxes}
    assert twins["a0"].lines == twins["x"].lines == ["not needed"] and not twins["a0"].needed
    assert twins["z1"].lines == ["∇W1 = δ(z1) a0ᵀ", "∇b1 = Σ₀ δ(z1)"] and twins["z1"].reads == "a0"
    assert "not needed" not in sc.draw(sc.sum(sc.tanh(sc.Input("x", (3,))))).svg.split('id="legend"')[0]


@pytest.mark.parametrize("J", [sc.Param("w", 2.0), sc.Input("w", ())])
def test_a_graph_of_one_leaf(J):
    back = sc.backprop(J)
    lines = [str(e) for e in back.equations()]
    assert lines[:2] == ["J = w", "δ(J) = 1"] and lines[2] in ("∇w = 1", "δ(w) = 1") and len(lines) == 3
    assert "J = w" in back.draw().svg and "J = w" in back.draw().dot


@pytest.mark.parametrize("width", [np.int64(900), np.float32(900), 10**400, float("inf"), 1])
def test_any_number_of_pixels_is_a_width(width):
    assert "<svg" in sc.draw(sc.sum(sc.Param("w", [1.0])), width=width).svg


@pytest.mark.parametrize("width", [0, -3, 1e-300, float("nan"), "900", True, 1j])
def test_what_is_no_width(width):
    with pytest.raises(sc.errors.ArgumentError, match="width is"):
        sc.draw(sc.sum(sc.Param("w", [1.0])), width=width)
