"""A focus: what is near some nodes, and small boxes where the graph goes on."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from user_nodes import Blend

import symcnn as sc


def titles(story):
    return [box.title for box in story.boxes]


def edges_by_title(story):
    title = {box.key: box.title for box in story.boxes}
    return {(title[a], title[b]) for a, b in story.edges}


def junction():
    """A residual block, and its values by name."""
    x = sc.Input("x", (None, 4))
    h = sc.relu(sc.dense(x, 4, name="stem", seed=0))
    r = sc.relu(sc.dense(h, 4, name="inside", seed=0))
    v = sc.Add(h, sc.dense(r, 4, name="back", seed=0), name="sum")
    return sc.mean(sc.dense(sc.tanh(v), 3, name="head", seed=0)), {"h": h, "r": r, "v": v, "x": x}


def test_the_neighbourhood_of_a_residual_junction():
    J, at = junction()
    story = sc.draw(J, focus=at["v"]).story
    assert titles(story) == [
        "… from z1",
        "… from a2",
        "Relu",
        "back · Dense",
        "sum · Add",
        "Tanh",
        "… to z2",
        "… to z4",
    ]
    assert ("Relu", "… to z2") in edges_by_title(story) and ("Tanh", "… to z4") in edges_by_title(story)
    assert ("… from z1", "Relu") in edges_by_title(story)
    assert [bundle.lines for bundle in story.bundles] == [["W3 (4×4)", "b3 (4)"]]
    twins = {box.title: box.twin.title for box in story.boxes}
    assert twins["… from a2"] == "… to δ(a2)" and twins["… to z4"] == "… from δ(z4)"
    assert ("… from z1", "Relu") in {
        (a.title, b.title) for a in story.boxes for b in story.boxes if (a.key, b.key) in story.sent
    }
    assert story.note.splitlines()[0] == "Within 1 edge of sum: 4 of 9 values; hops=2 shows more."
    assert story.name == "J"


def test_no_edge_at_all_and_all_edges():
    J, at = junction()
    alone = sc.draw(J, focus=at["r"], hops=0).story
    assert titles(alone) == ["… from z2", "Relu", "… to z3"] and alone.bundles == []
    assert alone.note.startswith("Within 0 edges of a2: 1 of 9 values")
    all_of_it = sc.draw(J, focus=at["r"], hops=10**9)
    assert set(titles(all_of_it.story)) == set(titles(sc.draw(J).story))
    assert all_of_it.story.note.splitlines()[0] == "Within 1,000,000,000 edges of a2: 9 of 9 values."
    assert all_of_it.layout.width == sc.draw(J).layout.width


def test_an_input_alone_goes_on():
    J, at = junction()
    assert titles(sc.draw(J, focus=at["x"], hops=0).story) == ["x", "… to z1"]
    assert sc.draw(J, focus=at["x"], hops=0).svg.startswith("<svg")


def test_a_shared_parameter_stands_for_its_readers_and_says_who_else_reads_it():
    x, w = sc.Input("x", (None, 4)), sc.Param("w", np.ones((4, 4), "float32"))
    h = x
    for _ in range(4):
        h = sc.tanh(sc.Dense(h, w))
    J = sc.mean(h)
    story = sc.draw(J, focus=w).story
    dense = [box.title for box in story.boxes if box.title == "Dense"]
    assert len(dense) == 4 and story.bundles[0].lines == ["w1 (4×4)"]
    first = next(node for node in sc.Graph(J).order if isinstance(node, sc.Dense))
    near = sc.draw(J, focus=first).story
    assert near.bundles[0].lines == ["w1 (4×4), and by 3 values not drawn"]


def test_nodes_without_a_box_stand_for_the_box_they_belong_to():
    x = sc.Input("x", (None, 1, 4, 4))
    flat = sc.flatten(sc.mean_pool(x, 2))
    z = sc.dense(flat, 3, name="out", seed=0)
    J = sc.mean(sc.tanh(z) * 3)
    back = sc.backprop(J)
    own = sc.draw(back, focus=z).svg
    assert isinstance(flat, sc.Reshape) and sc.draw(back, focus=flat).svg == own
    assert sc.draw(back, focus=back.delta(z)).svg == own
    assert sc.draw(back, focus=z.params[0]).svg == own
    assert sc.draw(back, focus=back.grads[z.params[0]]).svg == own
    assert back.draw(focus=[z, flat], hops=1).svg == own == back.draw(focus=(n for n in [z])).svg
    inner = next(n for step in back.steps if step.node is z for n in step.made if n not in back.grads.values())
    assert sc.draw(back, focus=inner).svg == own
    three = next(n for n in sc.Graph(J).order if isinstance(n, sc.Const))
    assert sc.draw(back, focus=three).svg == sc.draw(back, focus=J).svg


def test_the_centre_is_never_folded():
    h = sc.Input("x", (None, 4))
    for n in range(60):
        h = sc.tanh(sc.dense(h, 4, seed=n))
        if n == 30:
            middle = h
    story = sc.draw(sc.mean(h), focus=middle, hops=50).story
    boxes = {box.node: box for box in story.boxes}
    assert boxes[middle].kind == "value" and any("×" in title for title in titles(story))
    assert "fold=False draws them all." in story.note and story.note.startswith("Within 50 edges of a31: 101 of 121")


def test_the_readers_of_what_all_layers_share_are_folded(make):
    J = make["chain"](1000)
    story = sc.draw(J, focus=J.params[0], hops=0).story
    assert titles(story) == [
        "… from a1, a2 and 497 more", "x", "Mul ×500", "… to a1, a2 and 498 more",
    ]  # fmt: skip
    assert [box.symbol for box in story.boxes] == ["499 values", "x", "500 values", ""]
    assert ("from-a1", story.boxes[2].key) in story.sent and story.bundles[0].lines == ["w (4), read 500 times"]
    assert story.note.startswith("Within 0 edges of v1, v2, v3, v4, v5, … and 495 more: 500 of 1,001 values; ")


def test_several_nodes_and_awkward_names():
    x = sc.Input("<lambda>", (3,))
    a = sc.Exp(x, name="\\")
    b = sc.Exp(sc.Exp(sc.Exp(a, name='"'), name="c:1"), name="größe & 名前")
    diagram = sc.draw(sc.sum(b * x), focus=[a, b], hops=0)
    assert len(diagram.svg) > 0 and len(diagram.dot) > 0
    assert titles(diagram.story) == [
        "… from c:1", "<lambda>", "\\ · Exp", "größe & 名前 · Exp", '… to "', "… to J", "… to J",
    ]  # fmt: skip
    keys = [box.key for box in diagram.story.boxes]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"focus": "z1"}, sc.errors.DTypeError, "focus takes a node.* got 'z1'"),
        ({"focus": 3}, sc.errors.DTypeError, "focus takes a node"),
        ({"focus": []}, sc.errors.ArgumentError, "focus is empty"),
        ({"hops": -1}, sc.errors.ArgumentError, "hops is -1"),
        ({"hops": 1.0}, sc.errors.DTypeError, "hops is 1.0"),
        ({"hops": True}, sc.errors.DTypeError, "hops is True"),
    ],
)
def test_what_is_refused(options, error, words):
    J, _ = junction()
    with pytest.raises(error, match=words):
        sc.draw(J, **options)


def test_a_node_of_another_graph_is_named():
    J, _ = junction()
    other = sc.tanh(sc.Input("q", (3,)), name="elsewhere")
    with pytest.raises(
        sc.errors.GraphError, match=r"Tanh 'elsewhere' is not in the graph that is drawn.*\n.*\n"
    ) as error:
        sc.draw(J, focus=[J, other])
    assert "test_focus.py" in str(error.value)


@st.composite
def cases(draw):
    """A random graph, some of its values, and a number of hops."""
    nodes = [sc.Input("x", (None, 4)), sc.Input("t", (None, 4))]
    w = sc.Param("w", np.ones((4, 4), "float32"))
    operations = [
        lambda a, b: sc.sigmoid(a),
        lambda a, b: sc.Dense(a, w),
        lambda a, b: a + b,
        lambda a, b: sc.relu(a * b),
        lambda a, b: sc.where(a > b, a, sc.exp(b)),
        lambda a, b: Blend((a, b), sc.tanh(a)),
    ]
    for _ in range(draw(st.integers(1, 14))):
        a, b = (nodes[draw(st.integers(0, len(nodes) - 1))] for _ in range(2))
        nodes.append(draw(st.sampled_from(operations))(a, b))
    J = sc.mean(nodes[-1]) + sc.mean(nodes[len(nodes) // 2])
    drawn = [box.node for box in sc.draw(J, fold=False).story.boxes]
    centre = draw(st.lists(st.sampled_from(drawn), min_size=1, max_size=2, unique=True))
    return J, centre, draw(st.integers(0, 4))


@given(cases())
def test_boxes_are_those_within_so_many_edges_and_stubs_are_the_edges_that_lead_on(case):
    J, centre, hops = case
    plain, story = sc.draw(J, fold=False).story, sc.draw(J, focus=centre, hops=hops, fold=False).story
    key = {box.node: box.key for box in plain.boxes}
    kind = {box.key: box.kind for box in plain.boxes}
    symbol = {box.key: box.symbol for box in plain.boxes}
    around = nx.Graph(plain.edges)
    around.add_nodes_from(key.values())
    kept = set().union(*(nx.ego_graph(around, key[node], radius=hops) for node in centre))
    kept |= {a for a, b in plain.edges if b in kept and kind[b] != "input" and kind[a] == "input"}
    real = {box.key: key[box.node] for box in story.boxes if box.node is not None}
    stubs = {box.key: box for box in story.boxes if box.node is None}
    assert set(real.values()) == kept
    inside = {(real[a], real[b]) for a, b in story.edges if a in real and b in real}
    assert inside == {(a, b) for a, b in plain.edges if a in kept and b in kept}
    arriving = {(stubs[a].symbol, real[b]) for a, b in story.edges if a in stubs}
    assert arriving == {(symbol[a], b) for a, b in plain.edges if a not in kept and b in kept}
    for a, box in ((a, stubs[b]) for a, b in story.edges if b in stubs):
        left = [symbol[r] for s, r in plain.edges if s == real[a] and r not in kept]
        named = box.title.removeprefix("… to ").partition(" and ")[0].split(", ")
        assert set(named) <= set(left) and len(left) >= len(named) > 0
    leaving = {real[a] for a, b in story.edges if b in stubs}
    assert leaving == {a for a, b in plain.edges if a in kept and b not in kept}
    errors = {(real[a], real[b]) for a, b in story.sent if a in real and b in real}
    assert errors == {(a, b) for a, b in plain.sent if a in kept and b in kept}
    assert nx.is_directed_acyclic_graph(nx.DiGraph(story.edges))
