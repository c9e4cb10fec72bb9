"""Two lanes with columns in common: nothing lies on anything else, errors go left, and stand under what made them."""

from itertools import pairwise

import numpy as np
import pytest
from drawn import clashes, ends, graphs
from hypothesis import given, settings
from hypothesis import strategies as st

import symcnn as sc
from symcnn.draw.diagram.layout.swim_lanes import shared_columns


def check(diagram):
    layout, story = diagram.layout, diagram.story
    assert clashes(layout) == []
    assert ends(layout) == []
    check_columns(story)
    check_bands(layout)
    if diagram.width is not None and layout.width > diagram.width:
        from symcnn.draw.diagram.layout.layout import laid_out

        assert layout.width <= laid_out(story, 1).width, "wider than a single column"


def check_columns(story):
    upper, lower, _, count = shared_columns(story, story.below)
    assert all(upper[a] < upper[b] for a, b in story.edges)
    assert all(lower[a] > lower[b] for a, b in story.below.edges)
    assert set(range(count)) >= {*upper.values(), *lower.values()}


def check_bands(layout):
    """The pieces of an edge follow each other from band to band, and where they begin they have their name again."""
    for (source, _), pieces in layout.edges.items():
        for before, after in pairwise(pieces):
            assert before.end[1] < after.start[1]
            assert beside(layout.names_again, source, after.start, 1)
    for (source, _), pieces in layout.flows.items():
        for before, after in pairwise(pieces):
            assert before.end[1] > after.start[1], "errors come from the band below"
            assert beside(layout.errors_again, source, after.start, -1)


def beside(texts, source, point, side):
    """Whether the name of a box stands along a line that begins at a point: above it, or below in the lower lane."""
    rects = [text.rect for (key, _), text in texts.items() if key == source]
    gaps = [point[1] - r.bottom if side == 1 else r.y - point[1] for r in rects]
    return any(0 < gap < 12 and (r.centre[0] - point[0]) * side > 0 for gap, r in zip(gaps, rects, strict=True))


@pytest.mark.parametrize("width", [700, 1400, None])
def test_networks(network, width):
    check(sc.draw(network, zoom="nodes", width=width))


def test_networks_with_values(network, feed):
    check(sc.backprop(network).run(feed(network)).draw(zoom="nodes"))


def test_a_focus_on_each_node(network):
    back = sc.backprop(network)
    for n, node in enumerate(back.J.graph().order):
        if n % 3 == 0:
            check(back.draw(zoom="nodes", focus=node, hops=n % 4))


@given(graphs(), st.sampled_from([500, 900, 1400, None]))
@settings(max_examples=25)
def test_random_graphs(J, width):
    check(sc.draw(J, zoom="nodes", fold=False, width=width))


def test_the_nodes_that_a_rule_made_stand_under_its_node(make):
    back = sc.backprop(make["lenet5"]())
    story = back.draw(zoom="nodes").story
    upper, lower, *_ = shared_columns(story, story.below)
    ordered = sorted(set(upper.values()))
    for key, home in story.below.homes.items():
        before = max((n for n in ordered if n < upper[home]), default=-1)
        after = min((n for n in ordered if n > upper[home]), default=10**6)
        assert before < lower[key] < after, key


def test_a_sum_of_errors_stands_where_the_last_of_them_has_come():
    """The rule of the second reader is visited first, but its error comes from further to the right."""
    x = sc.Input("x", (None, 4))
    w = sc.Param("w", np.ones(4))
    h = sc.tanh(x * w)
    far = sc.exp(sc.exp(sc.exp(h)))
    story = sc.draw(sc.sum(far * h), zoom="nodes").story
    _, lower, *_ = shared_columns(story, story.below)
    (total,) = story.below.sums
    sent = [a for a, b in story.below.edges if b == total]
    assert len(sent) == 2 and lower[total] == min(lower[a] for a in sent) - 1


def test_what_two_rules_share_stands_at_the_first_that_needs_it():
    x, w = sc.Input("x", (None, 2, 6, 6)), sc.Param("W", np.ones((2, 2, 1, 1)))
    z = sc.Conv(sc.sigmoid(sc.Conv(x, w)), w)
    story = sc.draw(sc.mean(z * z), zoom="nodes").story
    _, lower, *_ = shared_columns(story, story.below)
    (shared,) = (box.key for box in story.below.boxes if box.title == "Rot90")
    readers = [b for a, b in story.below.edges if a == shared]
    assert len(readers) == 2 and lower[shared] == max(lower[b] for b in readers) + 1


def test_a_wide_picture_is_cut_into_bands_in_both_lanes(make):
    whole = sc.draw(make["tutorial"](), zoom="nodes", width=None).layout
    cut = sc.draw(make["tutorial"](), zoom="nodes").layout
    assert whole.width > 2000 and 900 < cut.width <= 1400
    assert not whole.errors_again and {text.lines for text in cut.errors_again.values()} >= {("δ(z1)",), ("δ(p1)",)}
    assert max(map(len, whole.flows.values())) == 1 and max(map(len, cut.flows.values())) == 2
