"""The zoom "nodes": every node and every edge of both graphs, each once, with formulas over what is drawn."""

from collections import Counter
from time import perf_counter
from xml.etree import ElementTree

import numpy as np
import pytest
from drawn import clashes, ends, graphs
from hypothesis import given, settings
from user_nodes import Blend, Scaled

import symcnn as sc
from symcnn.graph.errors import ArgumentError, GraphError

SVG = "{http://www.w3.org/2000/svg}"


def nodes_of(J, back=None):
    """The nodes of the forward graph, and those that the sweep added, found by walking from the ends.

    What only the errors of constants are computed from is not drawn.
    """
    back = back or sc.backprop(J)

    def upstream(ends):
        found, todo = set(), list(ends)
        while todo:
            node = todo.pop()
            if node not in found:
                found.add(node)
                todo.extend(node.inputs)
        return found

    forward = upstream([J])
    varying = {n for n in forward if any(isinstance(i, sc.Input | sc.Param) for i in upstream([n]))} | {J}
    return forward, upstream(step.delta for step in back.steps if step.node in varying) - forward


def is_boxed(node):
    """Whether a node has a box: all but parameters, a few numbers in a row and the size of the batch."""
    if isinstance(node, sc.Const):
        return node.uniform is None and not (node.ndim == 1 and node.value.size <= 4)
    return not isinstance(node, sc.Param | sc.BatchSize)


def check_complete(J, back=None):
    """Each node has one box in its lane, each pair of nodes in a lane one edge, each parameter a line."""
    forward, backward = nodes_of(J, back)
    story = sc.draw(back or J, zoom="nodes", fold=False).story
    for lane, nodes in ((story, forward), (story.below, backward)):
        assert Counter(box.node for box in lane.boxes) == Counter(filter(is_boxed, nodes))
        at = {box.key: box.node for box in lane.boxes}
        wanted = {(i, node) for node in nodes for i in node.inputs if i in nodes and is_boxed(i)}
        assert Counter((at[a], at[b]) for a, b in lane.edges) == Counter(wanted)
    keys = [box.key for box in (*story.boxes, *story.below.boxes)]
    assert len(keys) == len(set(keys))
    read = {p for node in forward for p in node.inputs if isinstance(p, sc.Param)}
    assert Counter(p for bundle in story.bundles for p in bundle.params) == Counter(read)
    return story


def lines(story):
    return [line for box in (*story.boxes, *story.below.boxes) for line in box.lines]


def test_every_node_and_edge_of_networks(network):
    story = check_complete(network)
    diagram = sc.draw(network, zoom="nodes", fold=False)
    assert set(diagram.layout.edges) == set(story.edges) and set(diagram.layout.flows) == set(story.below.edges)
    ids = Counter(g.get("id") for g in ElementTree.fromstring(diagram.svg.encode()).iter(f"{SVG}g"))
    for wanted in (
        *(f"value-{box.key}" for box in story.boxes),
        *(f"back-{box.key}" for box in story.below.boxes),
        *(f"edge-{a}:{b}" for a, b in story.edges),
        *(f"error-{a}:{b}" for a, b in story.below.edges),
    ):
        assert ids[wanted] == 1


@given(graphs())
@settings(max_examples=30)
def test_every_node_and_edge_of_random_graphs(J):
    check_complete(J)


def test_every_node_type(make):
    """What any type's rule makes is drawn, and nothing lies on anything else."""
    drawn = 0
    for cls in sc.node_types():
        if not cls.__module__.startswith("symcnn."):
            continue
        for sample in cls.samples():
            if sample.dtype.kind != "f" or not sample.inputs:
                continue
            back = sc.backprop(sample, sc.Input("given", sample.shape, sample.dtype))
            check_complete(sample, back)
            layout = sc.draw(back, zoom="nodes").layout
            assert clashes(layout) == [] and ends(layout) == [], sample
            drawn += 1
    assert drawn > 40


def test_the_formulas_of_the_tutorials_network(make):
    story = sc.draw(make["tutorial"](), zoom="nodes").story
    assert [box.lines[0] for box in story.boxes if box.kind != "input"] == [
        "z1 = x * rot90(W1, 2) + b1", "a1 = σ(z1)", "p1 = mean₂ₓ₂(a1)", "v1 = p1 as N×2000", "z2 = W2 v1 + b2",
        "v2 = −log softmax(z2)[y]", "J = mean(v2)",
    ]  # fmt: skip
    assert [box.lines[0] for box in story.below.boxes][-12:] == [
        "e10 = δ(a1) · a1", "e11 = 1 − a1", "δ(z1) = e10 · e11", "e12 = pad_8(δ(z1))", "e13 = swap(W1)",
        "e14 = rot90(e13, 2)", "δ(x) = e12 * rot90(e14, 2)", "e15 = swap(x)", "e16 = swap(δ(z1))",
        "e17 = e15 * rot90(e16, 2)", "∇W1 = swap(e17)", "∇b1 = Σ₀₂₃ δ(z1)",
    ]  # fmt: skip
    below = {box.lines[0].partition(" ")[0]: box for box in story.below.boxes}
    assert {name for name, box in below.items() if box.kind == "gradient"} == {"∇W1", "∇b1", "∇W2", "∇b2"}
    assert {below[n].key for n in ("e12", "e13", "e14", "δ(x)")} == story.below.unneeded
    assert story.below.reads[below["e10"].key] == "a1" and story.below.reads[below["e14"].key] == ""
    assert "δ(J) = 1" in story.note


def test_each_formula_names_all_that_its_node_reads(network):
    story = sc.draw(network, zoom="nodes", fold=False).story
    symbols = {box.node: box.symbol for box in (*story.boxes, *story.below.boxes)}
    for box in (*story.boxes, *story.below.boxes):
        for source in box.node.inputs:
            assert source not in symbols or symbols[source] in box.lines[0].partition(" = ")[2]


def test_an_error_that_is_another_one_too_is_said(make):
    story = sc.draw(make["residual"](), zoom="nodes").story
    several = [box.lines for box in story.below.boxes if len(box.lines) > 1]
    assert several == [["δ(v1) = where(e10, δ(a3), 0)", "δ(z3) = δ(v1)"]]


def test_values_are_norms_on_the_edges_of_both_lanes(make, feed):
    J = make["tutorial"]()
    run = sc.backprop(J).run(feed(J))
    diagram = run.draw(zoom="nodes")
    below = {box.symbol: box for box in diagram.story.below.boxes}
    z1 = next(box for box in diagram.story.boxes if box.symbol == "z1")
    error = run.delta(z1.node)
    assert below["δ(z1)"].norm == f"‖δ(z1)‖ {np.linalg.norm(error):.3g}" in diagram.svg
    assert below["δ(x)"].lines[1:] == ["not run"] and z1.pictures and not below["δ(z1)"].pictures
    W1 = next(param for param in J.params if param.name == "conv1.W")
    assert below["∇W1"].lines[1:] == [f"‖∇W1‖ {np.linalg.norm(run.grads[W1]):.3g}"]
    assert clashes(diagram.layout) == [] and "Run with 2 examples" in diagram.story.note


def test_a_focus_shows_nodes_and_what_their_rules_made(make):
    J = make["lenet5"]()
    back = sc.backprop(J)
    tanh = next(node for node in back.J.graph().order if isinstance(node, sc.Tanh))
    story = back.draw(zoom="nodes", focus=tanh, hops=0).story
    assert [box.lines for box in story.boxes] == [["a1 = tanh(v1)"]]
    made = next(step.made for step in back.steps if step.node is tanh)
    assert [box.node for box in story.below.boxes] == [node for node in made if is_boxed(node)]
    assert "Within 0 edges of a1: 1 of " in story.note
    near = back.draw(zoom="nodes", focus=back.delta(tanh), hops=1)
    assert {box.title for box in near.story.boxes} == {"S2 · Add", "Tanh", "C3 · Conv"}
    assert clashes(near.layout) == [] and ends(near.layout) == []
    with pytest.raises(GraphError, match="not in the graph"):
        back.draw(zoom="nodes", focus=sc.Input("z", (2,)))


def test_large_graphs_are_drawn_on_request(make):
    J = make["chain"](120)
    with pytest.raises(ArgumentError, match=r"up to 150 nodes.*here are") as error:
        sc.draw(J, zoom="nodes")
    assert all(remedy in str(error.value) for remedy in ("focus=node", "fold=False", "zoom='layers'"))
    start = perf_counter()
    diagram = sc.draw(J, zoom="nodes", fold=False)
    assert diagram.svg and perf_counter() - start < 3
    assert sum(map(len, (diagram.story.boxes, diagram.story.below.boxes))) > 300


def test_what_is_refused(make):
    with pytest.raises(ArgumentError, match="zoom='nodes' draws single nodes"):
        sc.draw(make["tutorial"](), zoom="nodes", fold=True)
    with pytest.raises(ArgumentError, match="zoom 'node' is not known; expected 'layers' or 'nodes'"):
        sc.draw(make["tutorial"](), zoom="node")


def test_users_node_types():
    x, w = sc.Input("x", (None, 3)), sc.Param("w", np.ones(3))
    J = sc.sum(Scaled(Blend((x, w, sc.tanh(x * w)), x), 2.0, name="twice"))
    story = check_complete(J)
    assert {"Blend", "twice · Scaled"} <= {box.title for box in story.boxes}
    assert any(line.startswith("v2 = Blend(x, w, ") for line in lines(story))


@pytest.mark.parametrize("name", ["<lambda>", "\\", "c:1", 'say "hi"', "größe 名前", "a\x00b\ud800", "e1", "δ(J)"])
def test_names_that_are_hard_to_write(name):
    x = sc.Input(name, (3,))
    J = sc.sum(sc.Exp(sc.Param(name, np.ones(3)) * x, name=name))
    check_complete(J)
    diagram = sc.draw(J, zoom="nodes")
    ElementTree.fromstring(diagram.svg.encode())
    assert diagram.dot.encode() and clashes(diagram.layout) == []


def test_errors_without_a_node_of_their_own_are_in_the_note():
    x, w = sc.Input("x", (3,)), sc.Param("w", np.ones(3, "float32"))
    story = check_complete(x + w, sc.backprop(x + w, x))
    assert story.below.boxes == [] and "∇w = x" in story.note and "δ(J) = x" in story.note
    seed = sc.tanh(sc.Input("u", (3,)))
    story = check_complete(x * w, sc.backprop(x * w, seed))
    assert {"u = given", "∇w = δ(J) · x"} <= set(lines(story))
    diagram = sc.draw(sc.backprop(x * w, sc.Param("u", np.ones(3, "float32")) * seed), zoom="nodes")
    assert "u′ = given" in lines(diagram.story) and clashes(diagram.layout) == [] and diagram.dot
    for leaf in (sc.Param("w", 2.0), sc.Input("w", ())):
        assert "J = w" in sc.draw(leaf, zoom="nodes").svg


def test_a_table_of_numbers_is_a_box_of_its_own(make):
    story = sc.draw(make["lenet5"](), zoom="nodes").story
    assert [(box.title, box.lines) for box in story.boxes if isinstance(box.node, sc.Const)] == [
        ("table", ["constant"])
    ]


def test_the_dot_text_has_all_boxes_and_edges(make):
    diagram = sc.draw(make["two_inputs"](), zoom="nodes")
    story, dot = diagram.story, diagram.dot
    assert dot.count("arrowtail=empty") == len(story.below.edges)
    assert all(f'"back-{box.key}" [' in dot or f"back-{box.key} [" in dot for box in story.below.boxes)


def test_errors_of_constants_are_not_drawn_and_the_picture_says_so(make):
    x, w = sc.Input("x", (None, 3)), sc.Param("w", np.ones(3, "float32"))
    scale = sc.Const(np.arange(9.0, dtype="float32").reshape(3, 3), name="scale")
    story = sc.draw(sc.mean(sc.tanh(1.7159 * w * x) @ scale), zoom="nodes").story
    assert "Not drawn: " in story.note and "only the errors of constants" in story.note
    shown = lines(story)
    assert "δ(scale)" not in "".join(shown) and any(line.startswith("∇w") for line in shown)
    assert "Not drawn" not in sc.draw(make["tutorial"](), zoom="nodes").story.note
    assert len(sc.draw(make["lenet5"](), zoom="nodes").story.below.boxes) < 90
