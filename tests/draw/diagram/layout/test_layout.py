"""The geometry: no box on a box, no text on a text, no line through a box or a text, twins under each other."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from drawn import clashes, ends, graphs
from hypothesis import given, settings
from hypothesis import strategies as st

import symcnn as sc
from symcnn.draw.canvas.geometry import Path, Rect, Text, line_height
from symcnn.draw.canvas.text_metrics import text_width
from symcnn.draw.diagram.layout.placement import BODY, TITLE


def crooked_twins(layout):
    """BackwardBoxes that are not under their boxes: neither the middle nor the right side agrees."""
    pairs = ((key, layout.forward[key].rect, layout.backward[key].rect) for key in layout.backward)
    return [
        key
        for key, a, b in pairs
        if b.y < a.bottom or (abs(a.centre[0] - b.centre[0]) > 0.01 and abs(a.right - b.right) > 0.01)
    ]


def check(layout):
    assert clashes(layout) == []
    assert ends(layout) == []
    assert crooked_twins(layout) == []


def test_networks(network):
    check(sc.draw(network).layout)


def test_folded_networks(network, make):
    check(sc.draw(network, fold=True).layout)
    check(sc.draw(make["chain"](1000)).layout)


def test_a_focus_on_each_node(network):
    back = sc.backprop(network)
    for n, node in enumerate(sc.Graph(network).order):
        check(sc.draw(back, focus=node, hops=n % 3).layout)


def test_networks_with_values(network, feed):
    back = sc.backprop(network)
    check(back.run(feed(network)).draw().layout)
    broken = {node: array * np.nan if array.dtype.kind == "f" else array for node, array in feed(network).items()}
    check(back.run(broken).draw().layout)


def test_pictures_stand_in_their_boxes_below_the_text(network, feed):
    diagram = sc.backprop(network).run(feed(network)).draw()
    layout = diagram.layout
    sizes = [p.size for kind in ("forward", "backward", "params", "gradients") for p in getattr(layout, kind).values()]
    for size in sizes:
        text = 14 + len(size.title) * line_height(TITLE) + len(size.lines) * line_height(BODY)
        places = [place for _, place in size.pictures]
        assert all(not a.overlaps(b) for a, b in combinations(places, 2))
        assert size.gallery[0] < size.width and all(r.right <= size.gallery[0] for r in places)
        assert text + size.gallery[1] <= size.height and all(r.bottom <= size.gallery[1] for r in places)
    assert sum(len(size.pictures) for size in sizes) > 50


def test_texts_fit_their_boxes(network):
    layout = sc.draw(network).layout
    for placed in (layout.forward, layout.backward, layout.params, layout.gradients):
        for p in placed.values():
            widths = [text_width(t, TITLE) for t in p.size.title] + [text_width(t, BODY) for t in p.size.lines]
            assert max(widths) < p.rect.width


def test_a_recurrent_network_with_shared_parameters():
    x = sc.Input("x", (None, 5))
    w, u, b = sc.Param("W", np.ones((4, 4))), sc.Param("U", np.ones((4, 5))), sc.Param("b", np.ones(4))
    h = sc.Dense(x, u, b)
    for _ in range(4):
        h = sc.tanh(sc.Dense(sc.tanh(h), w) + sc.Dense(x, u, b))
    check(sc.draw(sc.mean(h)).layout)


def test_an_inception_block_and_two_losses():
    x, y, t = sc.Input("x", (None, 3, 8, 8)), sc.Input("y", (None,), "int64"), sc.Input("t", (None, 4))
    branches = [sc.relu(sc.conv(x, 2, n, pad=n // 2, name=f"branch{n}", seed=0)) for n in (1, 3, 5)]
    joined = sc.concat([*branches, sc.conv(sc.max_pool(x, 1), 2, 1, name="pooled", seed=0)])
    head = sc.dense(sc.mean_pool(joined, 4), 4, name="head", seed=0)
    J = sc.softmax_cross_entropy(head, y) + 0.3 * sc.squared_error(sc.tanh(head), t)
    check(sc.draw(J).layout)


def test_a_graph_without_inputs_and_one_without_parameters():
    w = sc.Param("w", np.ones(3))
    check(sc.draw(sc.sum(w * w)).layout)
    layout = sc.draw(sc.sum(sc.tanh(sc.Input("x", (3,))))).layout
    check(layout)
    assert layout.params == {}


def test_names_of_any_length_and_script():
    x = sc.Input("a name that is far longer than anybody would think reasonable for an input", (3,))
    w = sc.Param("パラメータの名前パラメータの名前", np.ones(3))
    check(sc.draw(sc.sum(sc.Exp(sc.Tanh(w * x), name="величина"))).layout)


@given(graphs(), st.data())
@settings(max_examples=30)
def test_random_graphs_folded_and_focused(J, data):
    check(sc.draw(J, fold=True).layout)
    focus = data.draw(st.sampled_from(sc.Graph(J).order))
    check(sc.draw(J, fold=data.draw(st.booleans()), focus=focus, hops=data.draw(st.integers(0, 3))).layout)


@given(graphs(), st.sampled_from([600, 900, 1400, None]))
@settings(max_examples=40)
def test_random_graphs(J, width):
    layout = sc.draw(J, width=width).layout
    check(layout)
    check_bands(J, layout, width)


# Bands ----------------------------------------------------------------------------------------------


def check_bands(J, layout, width):
    """Pieces of an edge follow each other from band to band, each with its name said again, and none is too wide."""
    if width is not None and layout.width > width:
        assert layout.width <= sc.draw(J, width=1).layout.width, "wider than a single column"
    for wires, again in ((layout.edges, layout.names_again), (layout.returns, layout.errors_again)):
        for (source, _), pieces in wires.items():
            for before, after in pairwise(pieces):
                assert before.flat()[-1][1] < after.flat()[0][1], "a later piece is in a lower band"
            beginnings = [piece.start for piece in pieces[1:]]
            names = [t for (key, _), t in again.items() if key == source]
            for x, y in beginnings:
                assert any(t.x > x and 0 < y - t.rect.bottom < 12 for t in names), f"{source} is not said again"


def test_a_wide_picture_is_cut_into_balanced_bands(make):
    wide = sc.draw(make["lenet5"](), width=None).layout
    cut = sc.draw(make["lenet5"]()).layout
    assert wide.width > 3000 and 1000 < cut.width <= 1400
    assert max(map(len, wide.edges.values())) == 1 and max(map(len, cut.edges.values())) == 2
    check(cut)
    check_bands(make["lenet5"](), cut, 1400)


def test_the_tutorials_network_is_one_band(make):
    layout = sc.draw(make["tutorial"]()).layout
    assert layout.width <= 1400 and not layout.names_again


def test_an_edge_over_several_bands_runs_through_all_of_them(make):
    layout = sc.draw(make["residual"](), width=700).layout
    check(layout)
    check_bands(make["residual"](), layout, 700)
    assert max(map(len, layout.edges.values())) >= 3


def test_shared_parameters_have_a_copy_in_each_band_that_reads_them():
    x = sc.Input("x", (None, 4))
    w = sc.Param("shared", np.ones((4, 4)))
    for _ in range(12):
        x = sc.tanh(sc.Dense(x, w))
    layout = sc.draw(sc.mean(x), width=800).layout
    check(layout)
    copies = [bundle for bundle in layout.bundles.values() if bundle.lines[0].startswith("again")]
    assert len(copies) == len(layout.bundles) - 1 >= 3
    readers = [reader for bundle in layout.bundles.values() for reader in bundle.readers]
    assert len(readers) == len(set(readers)) == 12


@pytest.mark.parametrize("width", [0, -5, "wide", True, float("nan")])
def test_a_width_that_is_none(width, make):
    with pytest.raises(sc.errors.SymcnnError, match="width"):
        sc.draw(make["tutorial"](), width=width)


# The checks themselves find what they look for ------------------------------------------------------


def test_rectangles_and_lines():
    r = Rect(0, 0, 10, 10)
    assert r.overlaps(Rect(9, 9, 5, 5)) and not r.overlaps(Rect(10, 0, 5, 5))
    assert r.is_cut_by((-1, 5), (11, 5)) and r.is_cut_by((5, 5), (6, 6)) and r.is_cut_by((-5, 0), (15, 9))
    assert not r.is_cut_by((-1, 11), (11, 11)) and not r.is_cut_by((0, -5), (0, 5)) and not r.is_cut_by((-5, 2), (0, 5))
    path = Path((0, 0))
    path.to((10, 0))
    path.to((20, 0), (20, 10), (30, 10))
    assert path.end == (30, 10) and path.flat()[-1] == (30, 10) and path.flat(2)[2] == pytest.approx((20, 5))


def test_moved_things_are_found(make):
    layout = sc.draw(make["tutorial"]()).layout
    box = layout.forward["a1"]
    box.rect = Rect(layout.forward["z1"].rect.x, box.rect.y, 90, 40)
    found = clashes(layout)
    assert "forward z1 on forward a1" in found and "a1" in crooked_twins(layout) and ends(layout)
    layout.names["x"] = Text(*layout.forward["x"].rect.centre, ("x",), 11)
    assert "forward x on names x" in clashes(layout)
    rect = layout.forward["p1"].rect
    layout.edges["x", "z1"] = [Path((0.0, rect.centre[1]), [((rect.right + 5, rect.centre[1]),)])]
    assert "edges ('x', 'z1') through forward p1" in clashes(layout)
