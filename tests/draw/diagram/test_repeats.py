"""Folding: the search for repeats, and pictures of large graphs, against the graph itself."""

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from user_nodes import Blend, Scaled

import symcnn as sc
from symcnn.draw.diagram.grouping import grouped
from symcnn.draw.diagram.repeats import ENDS, MOST, Piece, Run, folded
from symcnn.equations.notation import Notation


def blocks(count, stem=True, size=8):
    """Residual blocks, with a stem and a head."""
    x, y = sc.Input("x", (None, 4, 6, 6)), sc.Input("y", (None,), dtype="int64")
    h = sc.relu(sc.conv(x, size, 3, pad=1, name="stem", seed=0)) if stem else x
    for n in range(1, count + 1):
        r = sc.relu(sc.conv(h, size, 3, pad=1, name=f"res{n}a", seed=n))
        h = sc.relu(h + sc.conv(r, size, 3, pad=1, name=f"res{n}b", seed=n))
    return sc.softmax_cross_entropy(sc.dense(sc.max_pool(h, 2), 3, name="fc", seed=0), y)


def layers(widths):
    """Dense layers of different widths: no two of them are alike."""
    x, y = sc.Input("x", (None, 4)), sc.Input("y", (None,), dtype="int64")
    h = x
    for n in widths:
        h = sc.tanh(sc.dense(h, n, seed=0))
    return sc.softmax_cross_entropy(sc.dense(h, 3, seed=0), y)


def titles(diagram):
    return [box.title for box in diagram.story.boxes]


# The search -----------------------------------------------------------------------------------------


def run_like(runs):
    return [(r.stop - r.start, r.copies) for r in runs]


def chain(looks):
    """Each item reads the one before it."""
    return [Piece(look, (n - 1,)) for n, look in enumerate(looks)]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ("", []),
        ("a", [(1, 1)]),
        ("aa", [(1, 1), (1, 1)]),
        ("aaa", [(3, 3)]),
        ("abab", [(4, 2)]),
        ("abcabcabc", [(9, 3)]),
        ("xabababy", [(1, 1), (6, 3), (1, 1)]),
        ("aabaabaabaab", [(12, 4)]),
        ("ababcababcababc", [(15, 3)]),
        ("zaq" + "zawcr" * 3, [(1, 1)] * 3 + [(15, 3)]),
        ("ababcdcdcd", [(4, 2), (6, 3)]),
        ("abcdefgh", [(1, 1)] * 8),
    ],
)
def test_repeats_in_a_chain(looks, expected):
    assert run_like(folded(chain(looks))) == expected


def test_copies_that_read_something_else_are_no_copies():
    same = [Piece("a", (n - 1,)) for n in range(8)]
    assert run_like(folded(same)) == [(8, 8)]
    skipping = [*same[:5], Piece("a", (2,)), *same[6:]]
    assert run_like(folded(skipping)) == [(5, 5), (3, 3)]  # the first copy of a repeat may read anything
    within = [Piece("a", (-1,)), Piece("b", (0,)), Piece("a", (1,)), Piece("b", (0,))]
    assert run_like(folded(within)) == [(1, 1)] * 4
    branching = [Piece("root", (-1,)), *(Piece("a", (0,)) for _ in range(6))]
    assert run_like(folded(branching)) == [(1, 1), (6, 6)]


def test_parameters_are_their_own_or_shared_but_not_now_one_now_the_other():
    def dense(*params):
        return [Piece("dense", (n - 1, p)) for n, p in enumerate(params)]

    assert run_like(folded(dense(-2, -3, -4, -5))) == [(4, 4)]
    assert run_like(folded(dense(-2, -2, -2, -2))) == [(4, 4)]
    assert run_like(folded(dense(-2, -2, -2, -3, -4, -5))) == [(3, 3), (3, 3)]
    tied = [Piece("a", (-1, -2)), Piece("b", (0, -2)), Piece("a", (1, -3)), Piece("b", (2, -3))]
    assert run_like(folded(tied)) == [(4, 2)]
    untied = [*tied[:3], Piece("b", (2, -4))]
    assert run_like(folded(untied)) == [(1, 1)] * 4


def test_what_stays_by_itself_is_in_no_run():
    runs = folded(chain("ab" * 20), fixed=[7, 39])
    assert Run(7, 8) in runs and Run(39, 40) in runs


def test_layers_and_then_the_middle():
    pieces = [Piece(n, (n - 1,), layer=n // 2 + 1) for n in range(300)]
    few = folded(pieces[:60])
    assert all(run.kind == "one" for run in few) and len(few) == 60
    assert [run.kind for run in folded(pieces[:60], layers=True)] == ["layer"] * 30
    assert [run.kind for run in folded(pieces[:100])] == ["layer"] * 50
    many = folded(pieces)
    assert [run.kind for run in many] == ["layer"] * ENDS + ["middle"] + ["layer"] * ENDS
    assert (many[ENDS].start, many[ENDS].stop) == (2 * ENDS, 300 - 2 * ENDS)
    parted = folded(pieces, fixed=[150])
    assert [run.kind for run in parted[ENDS:-ENDS]] == ["middle", "one", "middle"]
    no_layers = folded([Piece(n, (n - 1,)) for n in range(100)])
    assert [run.kind for run in no_layers] == ["one"] * ENDS + ["middle"] + ["one"] * ENDS


@st.composite
def sequences(draw):
    """A prefix, a block again and again, a suffix; each item reads items before it, and things from outside."""
    period, copies = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    block = [
        (draw(st.sampled_from("ab")), draw(st.lists(st.integers(1, 7), max_size=2, unique=True)), draw(st.booleans()))
        for _ in range(period)
    ]
    extra = st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.integers(1, 7), max_size=2, unique=True),
                               st.booleans()), max_size=5)  # fmt: skip
    pieces = []
    for look, offsets, own in [*draw(extra), *block * copies, *draw(extra)]:
        at = len(pieces)
        reads = (*(max(at - offset, -1) for offset in offsets), *([-100 - at] if own else []))
        pieces.append(Piece((look, len(reads)), reads))
    return pieces


@given(sequences())
def test_the_copies_of_a_repeat_are_alike(pieces):
    runs = folded(pieces)
    assert [n for run in runs for n in range(run.start, run.stop)] == list(range(len(pieces)))
    for run in runs:
        copies = [range(run.start + k * run.period, run.start + (k + 1) * run.period) for k in range(run.copies)]
        for a in copies[0] if run.copies > 1 else ():
            for s, t in zip(pieces[a].reads, pieces[a + run.period].reads, strict=True):
                if t >= run.start:  # from the same copy, or the one before
                    assert s == t - run.period if t in copies[1] else s < run.start
                else:
                    assert t == s or (s < 0 and t < 0)
        for before, here, there in zip(copies, copies[1:], copies[2:], strict=False):
            same = dict(zip([*before, *here], [*here, *there], strict=True))
            for a, b in zip(here, there, strict=True):
                assert pieces[a].look == pieces[b].look
                for s, t in zip(pieces[a].reads, pieces[b].reads, strict=True):
                    if s in same:  # made by this copy or the one before
                        assert t == same[s] or t == s
                    else:  # shared by all, or of each copy's own
                        assert t == s or (s < 0 and t < 0)
                        same[s] = t


# Pictures --------------------------------------------------------------------------------------------


def test_residual_blocks_become_one_box():
    story = sc.draw(blocks(12)).story
    assert [b.title for b in story.boxes] == [
        "x", "y", "stem · Conv", "Relu", "res1a … res12b · (Conv, Relu, Add) ×12", "Pool", "fc · Dense",
        "loss · SoftmaxCrossEntropy",
    ]  # fmt: skip
    fold = next(box for box in story.boxes if box.kind == "fold")
    assert fold.node is None and len(fold.members) == 5 * 12 and (fold.symbol, fold.shape) == ("a25", "8×6×6")
    assert fold.lines == [
        "z2 = pad_1(a1) * rot90(W2, 2) + b2", "a2 = max(0, z2)", "z3 = pad_1(a2) * rot90(W3, 2) + b3",
        "v1 = a1 + z3", "a3 = max(0, v1)", "12 times, each from the one before", "z2 … a25: 84 nodes, 48 parameters",
        "shapes: 8×6×6 → 8×6×6",
    ]  # fmt: skip
    assert fold.twin.lines[0] == "δ(v12) = where(v12 > 0, δ(a25), 0)" and fold.twin.lines[-1] == "48 gradients"
    assert "∇W24 = pad_1(a23) * rot90(δ(z24), 2)" in fold.twin.lines and fold.twin.needed
    bundle = next(b for b in story.bundles if b.folded)
    numbers = 24 * (8 * 8 * 3 * 3 + 8)
    assert bundle.lines == ["W2 … W25 (24 of 8×8×3×3)", "b2 … b25 (24 of 8)", f"48 parameters, {numbers:,} numbers"]
    assert bundle.gradients == ["∇W2 … ∇W25 (24 of 8×8×3×3)", "∇b2 … ∇b25 (24 of 8)"]
    assert (
        story.note.splitlines()[0]
        == "84 nodes are folded into 1 box: fold=False draws them all, focus=node what is near it."
    )


def test_stages_of_different_shapes_are_no_repeats():
    def stages(widths):
        h = sc.Input("x", (None, 3, 32, 32))
        for n in widths:
            h = sc.max_pool(sc.relu(sc.conv(sc.relu(sc.conv(h, n, 3, pad=1, seed=0)), n, 3, pad=1, seed=0)), 2)
        return sc.mean(h)

    diagram = sc.draw(stages([8, 16, 32]), fold=True)
    assert not any("×" in title for title in titles(diagram))


def test_a_fold_is_asked_for_or_not():
    J = blocks(3)
    assert len(sc.draw(J).story.boxes) == 3 * 5 + 7 and "fold" not in sc.draw(J).story.note
    assert sc.draw(J).svg == sc.draw(J, fold=False).svg == sc.backprop(J).draw(fold=False).svg
    assert titles(sc.draw(J, fold=True))[2:4] == [
        "stem · Conv, Relu",
        "res1a … res3b · (Conv, Relu, Add) ×3",
    ]
    large = blocks(12)
    assert len(sc.draw(large, fold=False).story.boxes) == 12 * 5 + 7 > MOST
    assert "fold" not in sc.draw(large, fold=False).story.note


def test_layers_have_names_and_all_their_equations(make):
    story = sc.draw(make["lenet5"](), fold=True).story
    titles = [box.title for box in story.boxes if box.kind == "fold"]
    assert titles == ["C1 … S2 · Conv, Pool, Scale, Tanh", "C3 … S4 · Conv, Pool, Scale, Tanh",
                      "C5 · Conv, Tanh", "F6 · Dense, Tanh", "out · Dense, Tanh"]  # fmt: skip
    c3 = next(box for box in story.boxes if box.title.startswith("C3"))
    assert c3.lines[:4] == [
        "z2 = a1 * rot90(W2 · table, 2) + b2",
        "p2 = mean₂ₓ₂(z2)",
        "v2 = g2 · p2 + b2′",
        "a2 = tanh(v2)",
    ]
    assert c3.lines[-1] == "shapes: 6×14×14 → 16×5×5"
    bundle = next(b for b in story.bundles if b.readers == [c3.key])
    assert bundle.lines[-1] == "4 parameters, 1,248 numbers"  # 48 of 96 pairs, 25 each, and biases 16; S4 has 32
    assert story.boxes[-1].kind == "loss"


def test_layers_without_names_are_numbered():
    drawn = titles(sc.draw(layers(range(5, 45))))
    assert drawn[2] == "layer 1 · Dense, Tanh" and drawn[41] == "layer 40 · Dense, Tanh" and len(drawn) == 44


def test_the_middle_is_left_out_where_nothing_is_alike():
    story = sc.draw(layers(range(5, 105))).story
    (middle,) = (box for box in story.boxes if box.title.startswith("…"))
    hidden = len(middle.members)
    assert hidden == 2 * (100 - 20 - (20 - 2))  # the last 20 boxes: 18 layers, the head, the loss
    assert middle.title == middle.twin.title == f"… {hidden} nodes …"
    assert middle.lines[0] == f"z21 … a{20 + hidden // 2}: {hidden} parameters" and middle.twin.lines[-1] == "not drawn"
    (bundle,) = (b for b in story.bundles if b.readers == [middle.key])
    half = hidden // 2
    assert bundle.lines[:2] == [
        f"W21 … W{20 + half} ({half} of different shapes)",
        f"b21 … b{20 + half} ({half} of different shapes)",
    ]
    assert len(story.boxes) <= MOST


@pytest.mark.parametrize("length", [1000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_long_chain_is_one_box(make, length):
    diagram = sc.draw(make["chain"](length))
    assert titles(diagram) == ["x", f"(Mul, Sigmoid) ×{length // 2:,}", "loss · Mean"]
    (bundle,) = diagram.story.bundles
    assert bundle.lines == [f"w (4), read {length // 2:,} times"] and bundle.gradients == ["∇w (4)"]
    fold = diagram.story.boxes[1]
    assert fold.lines[:3] == ["v1 = x · w", "a1 = σ(v1)", f"{length // 2:,} times, each from the one before"]
    assert fold.twin.lines[:2] == [f"δ(v{length // 2}) = δ(a{length // 2}) · a{length // 2} · (1 − a{length // 2})",
                                   f"δ(a{length // 2 - 1}) = δ(v{length // 2}) · w"]  # fmt: skip
    assert len(diagram.svg) < 30_000


def test_branches_that_are_alike_stand_side_by_side():
    h = sc.tanh(sc.Input("h", (None, 4)), name="root")
    branches = [sc.tanh(sc.dense(h, 4, seed=n)) for n in range(40)]
    story = sc.draw(sc.mean(sc.concat(branches))).story
    fold = next(box for box in story.boxes if box.kind == "fold")
    assert fold.title == "(Dense, Tanh) ×40" and "40 times, side by side" in fold.lines
    assert (fold.symbol, fold.error, fold.shape) == ("40 values", "40 errors", "4")


def test_inputs_of_each_step_share_a_box():
    W, U = sc.Param("W", np.ones((4, 4), "float32")), sc.Param("U", np.ones((4, 5), "float32"))
    h = sc.Input("h", (None, 4))
    for n in range(30):
        h = sc.tanh(sc.Dense(h, W) + sc.Dense(sc.Input(f"x{n}", (None, 5)), U))
    story = sc.draw(sc.mean(h)).story
    inputs = [box for box in story.boxes if box.kind == "input"]
    assert [(box.title, box.lines, box.twin.title) for box in inputs] == [
        ("h", ["input"], "∂J/∂h"), ("x0 … x29", ["30 inputs"], "∂J/∂(x0 … x29)")]  # fmt: skip
    assert [b.title for b in story.boxes][2] == "(Dense, Add, Tanh) ×30"


def test_frozen_layers_are_not_folded_with_those_that_learn():
    h = sc.Input("x", (None, 4))
    for _ in range(20):
        h = sc.tanh(sc.Dense(h, sc.Const(np.ones((4, 4), "float32"))))
    for n in range(20):
        h = sc.tanh(sc.dense(h, 4, bias=False, seed=n))
    story = sc.draw(sc.mean(h)).story
    folds = [box for box in story.boxes if box.kind == "fold"]
    assert [(box.title, box.twin.needed) for box in folds] == [
        ("(Dense, Tanh) ×20", False),
        ("(Dense, Tanh) ×20", True),
    ]
    assert folds[0].twin.lines == ["not needed"]


def test_a_first_copy_whose_error_nobody_needs_stands_by_itself():
    h = sc.Input("x", (None, 4))
    for n in range(40):
        h = sc.dense(sc.tanh(h), 4, seed=n)
    assert titles(sc.draw(sc.mean(h))) == ["x", "Tanh", "(Dense, Tanh) ×39", "Dense", "loss · Mean"]


def test_what_was_made_late_is_folded_with_its_layer():
    h, seen = sc.Input("x", (None, 4)), []
    for n in range(30):
        h = sc.tanh(sc.dense(h, 4, seed=n))
        seen.append(h)
    J = sc.mean(sc.concat([sc.sigmoid(h) for h in seen]))
    assert titles(sc.draw(J)) == ["x", "(Dense, Tanh, Sigmoid) ×30", "Concat", "loss · Mean"]


def test_groups_are_in_topological_order_whatever_the_layers():
    w, x = sc.Param("w", np.ones(4, "float32")), sc.Input("x", (None, 4))
    u = sc.sigmoid(w)  # it has the number of the layer that reads it first, the fifth
    a = [x]
    for n in range(4):
        a.append(sc.tanh(sc.dense(a[-1], 4, seed=n)))
    late = sc.tanh(sc.dense(a[-1] * u, 4, seed=4))
    early = a[2] * sc.sigmoid(u)  # of the second layer
    J = sc.mean(late + early)
    back = sc.backprop(J)
    notation = Notation(back)
    layers = notation.values.layers
    assert layers[u] > layers[sc.sigmoid(u)]
    groups = grouped(notation, [x], notation.values.computed, fold=True)
    place = {node: n for n, node in enumerate(node for group in groups for node in group.members)}
    assert len(place) == len(notation.values.computed) + 1
    for node in notation.values.computed:
        assert all(place[s] < place[node] for s in notation.values.sources(node) if s in place)


def test_along_which_edges_errors_come_back():
    x = sc.Input("x", (None, 4))
    a = sc.tanh(sc.dense(x, 4, name="one", seed=0))
    z = sc.dense(a, 4, name="two", seed=0)
    chosen = sc.where(a > 0, sc.sigmoid(z), 0)
    J = sc.mean(chosen)
    plain, story = sc.draw(J, fold=False).story, sc.draw(J, fold=True).story
    assert {("a1", "v1"), ("a1", "z2")} <= set(plain.edges) and ("a1", "z2") in plain.sent
    assert ("a1", "v1") not in plain.sent and ("a2", "v1") in plain.sent
    one, two = (box.key for box in story.boxes if box.kind == "fold")
    assert [box.title for box in story.boxes if box.kind == "fold"] == [
        "one · Dense, Tanh",
        "two · Dense, Sigmoid, Greater + Where",
    ]
    assert (one, two) in story.sent
    J = sc.mean(sc.where(a > 0, sc.sigmoid(sc.Input("t", (None, 4))), 0)) + sc.mean(a)
    assert ("a1", "v1") in sc.draw(J).story.edges and ("a1", "v1") not in sc.draw(J).story.sent


def test_node_types_of_users_and_attributes():
    h = sc.Input("x", (None, 3))
    for n in range(40):
        h = Blend((Scaled(h, 2.0 if n < 20 else 3.0, name=f"s{n}"), h))
    story = sc.draw(sc.mean(sc.Exp(h, name="e"))).story
    folds = [box for box in story.boxes if box.kind == "fold"]
    assert [box.title.rpartition(" ")[2] for box in folds] == ["×20", "×20"] and folds[0].title.startswith(
        "s0 … s19 · "
    )


def test_a_run_is_drawn_folded_and_focused():
    J = blocks(3)
    run = sc.backprop(J).run(x=np.ones((2, 4, 6, 6), "float32"), y=[0, 1])
    plain, story = run.draw(fold=False).story, run.draw(fold=True).story
    norms = {box.node: box.norm for box in plain.boxes}
    assert all(norms.values()) and all(box.norm == norms[box.node] for box in story.boxes if box.node is not None)
    (bundle,) = (b for b in story.bundles if len(b.params) > 4)
    assert bundle.pictures == [] and bundle.lines[0] == "W2 … W7 (6 of 8×8×3×3)"
    pool = next(box.node for box in plain.boxes if box.title == "Pool")
    near = run.draw(focus=pool).story
    assert all(box.norm == norms[box.node] for box in near.boxes if box.node is not None)


@pytest.mark.parametrize("wrong", [1, 0, "yes", [True]])
def test_a_fold_is_true_false_or_none(make, wrong):
    with pytest.raises(sc.errors.ArgumentError, match="expected True, False or None"):
        sc.draw(make["tutorial"](), fold=wrong)


# Against the graph itself ----------------------------------------------------------------------------


def readers_in_graph(J, members, starts):
    """Members that are reached from some nodes without going through other members."""
    below = nx.DiGraph(sc.Graph(J).to_networkx())
    found, todo, seen = set(), list(starts), set(starts)
    while todo:
        for reader in below.successors(todo.pop()):
            if reader not in seen:
                seen.add(reader)
                found.add(reader) if reader in members else todo.append(reader)
    return found


def check_against_graph(J, **options):
    """Boxes hold each value once; edges are those of the graph; parameters are all there, each once."""
    plain, story = sc.draw(J, fold=False).story, sc.draw(J, **options).story
    home = {node: box.key for box in story.boxes for node in box.members}
    assert sum(len(box.members) for box in story.boxes) == len(home) == len(plain.boxes)
    assert set(home) == {box.node for box in plain.boxes}
    assert all(len(box.members) == 1 for box in story.boxes if box.kind in ("value", "loss"))
    expected = {(home[a], home[b]) for a in home for b in readers_in_graph(J, home, [a])}
    assert set(story.edges) == {(a, b) for a, b in expected if a != b}
    assert nx.is_directed_acyclic_graph(nx.DiGraph(story.edges))
    plain_home = {box.key: home[box.node] for box in plain.boxes}
    assert story.sent == {(plain_home[a], plain_home[b]) for a, b in plain.sent if plain_home[a] != plain_home[b]}
    params = [p for bundle in story.bundles for p in bundle.params]
    assert len(params) == len(set(params)) and set(params) == set(sc.Graph(J).params)
    for bundle in story.bundles:
        for p in bundle.params:
            assert set(bundle.readers) == {home[node] for node in readers_in_graph(J, home, [p])}
    assert any(box.kind == "loss" and box.node is J for box in story.boxes)


@pytest.mark.parametrize("fold", [True, None])
@pytest.mark.parametrize(
    "J", [blocks(2), blocks(14), layers(range(5, 25)), layers(range(5, 75))], ids=["two", "many", "layers", "middle"]
)
def test_boxes_edges_and_parameters_are_those_of_the_graph(J, fold):
    check_against_graph(J, fold=fold)


def test_those_of_all_networks(network):
    check_against_graph(network, fold=True)


@st.composite
def repetitive(draw):
    """A recipe of a few operations, followed again and again, with what it reads drawn once; then a few more."""
    inputs = [sc.Input("x", (None, 4)), sc.Input("t", (None, 4))]
    w = sc.Param("shared", np.ones((4, 4), "float32"))
    operations = [
        lambda a, b: sc.sigmoid(a),
        lambda a, b: sc.dense(a, 4, seed=0),
        lambda a, b: sc.tanh(sc.Dense(b, w)),
        lambda a, b: a + b,
        lambda a, b: a * b,
        lambda a, b: sc.where(a > b, a, sc.exp(b)),
        lambda a, b: Blend((a, b, a)),
    ]
    step = st.tuples(st.sampled_from(operations), st.integers(1, 4), st.integers(1, 4))
    recipe = draw(st.lists(step, min_size=1, max_size=5)) * draw(st.integers(2, 30)) + draw(st.lists(step, max_size=3))
    nodes = list(inputs)
    for operation, a, b in recipe:
        nodes.append(operation(nodes[-min(a, len(nodes))], nodes[-min(b, len(nodes))]))
    J = sc.mean(nodes[-1]) + sc.mean(nodes[len(nodes) // 2])
    return J + 0.01 * sc.sum(w * w) if draw(st.booleans()) else J


@pytest.mark.slow
@given(repetitive())
@settings(max_examples=20)
def test_repetitive_graphs(J):
    for fold in (True, None):
        check_against_graph(J, fold=fold)


def test_signatures_tell_formulas_apart():
    """Pairs of chains that differ in one thing are never one repeat."""
    steps = {
        "plain": lambda v: sc.tanh(v * 2),
        "attribute": lambda v: sc.tanh(v * 3),
        "type": lambda v: sc.sigmoid(v * 2),
        "order": lambda v: sc.tanh(2 / (v + 9)),
        "shape": lambda v: sc.tanh(sc.reshape(sc.reshape(v, (None, 2, 2)), (None, 4)) * 2),
    }
    for one, other in itertools.combinations(steps, 2):
        v = sc.Input("x", (None, 4))
        for name in (one, other):
            for _ in range(31):
                v = steps[name](v)
        copies = [t for t in titles(sc.draw(sc.mean(v))) if "×" in t]
        assert [t.rpartition("×")[2] for t in copies] == ["31", "31"], (one, other)
