"""The picture of every node: what stands in it, compared with the sweep's own records."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.errors import ArgumentError, GraphError
from symcnn.graph.leaves import Leaf


def stories(J):
    story = sc.draw(J, zoom="nodes").story
    return story, story.lower


def upstream(nodes):
    found, todo = set(), list(nodes)
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo.extend(node.inputs)
    return found


def depends_on_data(J):
    """The nodes of the forward pass that an input or a parameter is upstream of."""
    return [n for n in J.graph().order if any(isinstance(i, sc.Input | sc.Param) for i in upstream([n]))]


def test_every_node_has_a_box(network):
    story, lower = stories(network)
    back = sc.backprop(network)
    forward = set(network.graph().nodes)
    computed = {n for n in forward if not isinstance(n, Leaf)}
    assert {b.node for b in story.boxes} == computed | set(network.graph().inputs)
    errors = [back.delta(n) for n in depends_on_data(network) if n.dtype.kind == "f"]
    made = {n for n in upstream(errors) - forward if not isinstance(n, Leaf)}
    drawn = [b.node for b in lower.boxes]
    assert {n for n in drawn if not isinstance(n, Leaf)} == made and len(drawn) == len(set(drawn))
    assert [b.title for b in lower.boxes if isinstance(b.node, Leaf)] == ["seed"]


def test_edges_are_the_inputs_of_nodes(network):
    story, lower = stories(network)
    for lane in (story, lower):
        at = {b.key: b.node for b in lane.boxes}
        inside = set(at.values())
        edges = {(at[a], at[b]) for a, b in lane.edges}
        expected = {(i, n) for n in inside for i in n.inputs if i in inside}
        assert {e for e in expected - edges if not isinstance(e[0], sc.Const)} == set() and edges <= expected


def test_each_node_stands_under_the_one_whose_rule_made_it(make):
    J = make["tutorial"]()
    story, lower = stories(J)
    made = {node: step.node for step in sc.backprop(J).steps for node in step.made}
    above = {b.key: b.node for b in story.boxes}
    rules = [b for b in lower.boxes if b.node in made]
    assert len(rules) > 20 and all(above[b.under] is made[b.node] for b in rules)


def test_sums_stand_under_the_value_whose_error_they_are(make):
    _, lower = stories(make["residual"]())
    (total,) = [b for b in lower.boxes if b.title == "sum · Add"]
    assert total.under == "a1" and total.lines == ["δ(a1) = δ(v1) + e24"]


def test_errors_run_from_right_to_left_and_nothing_is_right_of_its_rule(network):
    story, lower = stories(network)
    slots = lower.slots
    assert all(slots.column[a] < slots.column[b] for a, b in lower.edges)
    assert all(story.slots.column[a] < story.slots.column[b] for a, b in story.edges)
    starts = [n for n in range(slots.count) if n not in story.slots.inside]
    block = {n: max(s for s in starts if s <= n) for n in range(slots.count)}
    above = story.slots.column
    for box in lower.boxes:
        assert block[slots.count - 1 - slots.column[box.key]] == block[above[box.under]]


def test_what_boxes_say(make):
    story, lower = stories(make["tutorial"]())
    lines = {b.symbol: (b.title, *b.lines) for b in [*story.boxes, *lower.boxes]}
    assert lines["u1"] == ("Reshape", "u1 = Reshape(p1)")
    assert lines["z1"] == ("conv1 · Conv", "z1 = x * rot90(W1, 2) + b1")
    assert lines["δ(J)"] == ("seed", "δ(J) = 1")
    assert lines["e1"] == ("∂J · Mul", "e1 = δ(J) · N") and lines["e11"] == ("∂a1 · Sub", "e11 = 1 − a1")
    assert lines["e12"] == ("∂z1 · Pad", "e12 = pad_8(δ(z1))") and lines["e14"][1] == "e14 = rot90(e13, 2)"
    assert lines["δ(a1)"] == ("∂p1 · Upsample", "δ(a1) = upsample₂ₓ₂(e9)")
    assert lines["∇b1"] == ("∂z1 · Sum", "∇b1 = Σ₀₂₃ δ(z1)")
    kinds = {b.symbol: b.kind for b in lower.boxes}
    assert kinds["∇W1"] == kinds["∇b2"] == "gradient" and kinds["δ(z1)"] == "error"
    assert {s for s, kind in kinds.items() if kind == "unneeded"} == {"δ(x)", "e12", "e13", "e14"}
    reads = {b.symbol: b.reads for b in story.boxes}
    assert reads == {"x": "", "y": "", "z1": "W1, x", "a1": "a1", "p1": "shape only", "u1": "shape only",
                     "z2": "W2, u1", "u2": "z2, y", "J": "shape only"}  # fmt: skip


def test_an_error_of_several_values_says_so(make):
    _, lower = stories(make["residual"]())
    box = next(b for b in lower.boxes if b.symbol == "δ(v1)")
    assert box.lines == ["δ(v1) = where(e10, δ(a3), 0)", "δ(z3) = δ(v1)"]


def test_a_gradient_that_is_a_value_of_the_forward_pass():
    w, x = sc.Param("w", np.ones(2, "float32")), sc.Input("x", (2,))
    boxes = sc.draw(sc.backprop(sc.relu(w) + x, seed=x), zoom="nodes").story.lower.boxes
    assert [b.lines for b in boxes if b.kind == "gradient"] == [["∇w = where(e1, x, 0)"]]
    boxes = sc.draw(sc.backprop(w + x, seed=x), zoom="nodes").story.lower.boxes
    assert [(b.title, b.lines) for b in boxes] == [("gradient", ["∇w = x"])]


def test_the_seed_has_a_box():
    w, x = sc.Param("w", np.ones(2, "float32")), sc.Input("x", (2,))
    boxes = sc.draw(sc.backprop(w * x, seed=sc.Input("u", (2,))), zoom="nodes").story.lower.boxes
    assert [b.lines for b in boxes if b.title == "seed"] == [["δ(J) = u"]]
    boxes = sc.draw(sc.backprop(w * x, seed=sc.tanh(sc.Input("u", (2,)))), zoom="nodes").story.lower.boxes
    assert [b.lines for b in boxes if b.title == "seed · Tanh"] == [["δ(J) = tanh(u)"]]


def test_without_a_parameter_every_error_is_needed():
    _, lower = stories(sc.sum(sc.tanh(sc.Input("x", (3,)))))
    assert {b.kind for b in lower.boxes} == {"error"} and any(b.symbol == "δ(x)" for b in lower.boxes)


@pytest.mark.parametrize("J", [sc.Param("w", 2.0), sc.Input("w", ())])
def test_a_graph_of_one_leaf(J):
    assert "J = Reshape(w)" in sc.draw(J, zoom="nodes").svg


def test_a_users_node_type():
    class Twice(sc.Node):
        x: sc.Node

        def forward(self, xp, x):
            return 2 * x

        def backward(self, delta):
            return (Twice(delta),)

    story, lower = stories(sc.sum(Twice(sc.Param("w", [1.0, 2.0]) * sc.Input("x", (2,)))))
    assert "Twice" in {b.title for b in story.boxes} and "∂u2 · Twice" in {b.title for b in lower.boxes}


def test_large_graphs_and_wrong_options_are_refused(make):
    with pytest.raises(GraphError, match=r'up to 600 nodes.*\n.*zoom="layers"'):
        sc.draw(make["chain"](20_000), zoom="nodes")
    J = make["tutorial"]()
    with pytest.raises(ArgumentError, match="zoom"):
        sc.draw(J, zoom="units")
    for option in ({"fold": True}, {"focus": J}, {"values": {}}):
        with pytest.raises(ArgumentError, match="without fold"):
            sc.draw(J, zoom="nodes", **option)


def test_names_that_are_hard_to_write():
    names = ["<lambda>", "\\", "c:1", 'say "hi"', "a&b", "größe 名前", "a\ud800", "]]>"]
    total = sc.tanh(sc.Param(names[0], np.ones(3)))
    for name in names:
        total = sc.Exp(total * sc.Input(name, (3,)), name=name)
    diagram = sc.draw(sc.sum(total), zoom="nodes")
    assert "&lt;lambda&gt;" in diagram.svg and "größe 名前" in diagram.svg
    assert '\\"hi\\"' in diagram.dot and '"back-' in diagram.dot
