"""Which layers a figure of units shows, and what it says where they are no chain."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.draw.units.chain import Reader
from symcnn.graph.errors import GraphError

x = sc.Input("x", (None, 2, 8, 8))


def names(J):
    return [(row.kind, row.maps, *row.size) for row in Reader(J).chain().rows]


def conv(h, name, size=3, filters=2, **options):
    return sc.conv(h, filters, size, name=name, seed=0, **options)


def test_layers_up_to_the_loss(make):
    assert names(make["tutorial"]()) == [
        ("input", 1, 28, 28), ("conv", 20, 20, 20), ("pool", 20, 10, 10), ("dense", 10, 1, 1),
    ]  # fmt: skip
    assert [row[0] for row in names(make["two_layers"]())] == ["input", *("conv", "pool") * 2, "dense"]


def test_stride_padding_and_crop():
    h = sc.max_pool(conv(x, "c", stride=2, pad=1), 3, border="drop")
    rows = Reader(h).chain().rows
    assert [row.size for row in rows] == [(8, 8), (4, 4), (1, 1)]
    assert rows[1].how == ("padding 1", "stride 2") and rows[2].how == ("cropped by 0+1",)
    assert rows[1].reads[0] == ((None, 0, 1), (1, 2, 3), (3, 4, 5), (5, 6, 7))


@pytest.mark.parametrize(
    "function",
    [
        lambda z: z * sc.sigmoid(z),
        lambda z: sc.where(z > 0, z, 0.1 * z),
        lambda z: sc.scale(z, name="s"),
        lambda z: sc.maximum(z, 0),
    ],
)
def test_functions_of_each_unit_are_no_branches(function):
    h = conv(function(conv(x, "a")), "b")
    assert [row[0] for row in names(h)] == ["input", "conv", "conv"]


def test_other_uses_of_a_layer_are_no_branches():
    a = conv(x, "a")
    scores = sc.dense(sc.tanh(a), 3, seed=0)
    J = sc.mean(scores) + 0.1 * sc.mean(a**2) + 0.01 * sum(sc.sum(p * p) for p in scores.params)
    assert [row[0] for row in names(J)] == ["input", "conv", "dense"]
    decoded = sc.dense(scores, 128, seed=0)
    assert [row[0] for row in names(sc.squared_error(decoded, sc.flatten(x)))] == ["input", "conv", "dense", "dense"]


def test_an_input_that_is_reshaped_to_maps():
    flat = sc.Input("flat", (None, 64))
    for h in (sc.reshape(flat / 255, (None, 1, 8, 8)), sc.reshape(sc.Input("m", (None, 1, 4, 16)), (None, 1, 8, 8))):
        assert names(conv(h, "c"))[0] == ("input", 1, 8, 8)


def test_means_and_maxima_of_whole_maps_are_pools():
    for h in (sc.mean(x, axis=(2, 3)), sc.max(x, axis=(2, 3), keepdims=True)):
        row = Reader(sc.dense(h, 3, seed=0)).chain().rows[1]
        assert (row.kind, row.window, row.size) == ("pool", (8, 8), (1, 1))
        assert row.mode == type(h).__name__.lower()


def test_a_matrix_product_is_a_dense_layer():
    h = sc.flatten(conv(x, "c")) @ sc.Param("w", np.ones((72, 5)))
    assert names(h)[-1] == ("dense", 5, 1, 1)


def test_the_first_input_with_layers_counts():
    sc.Input("y", (None,), dtype="int64")
    mask = sc.Input("mask", (None, 3))
    z = sc.Input("z", (None, 1, 6, 6))
    rows = Reader(sc.dense(conv(z, "c"), 3, seed=0) * mask).chain().rows
    assert [row.node.name for row in rows][:2] == ["z", "c"]


def test_what_follows_a_value_without_units_is_named():
    h = conv(x, "c")
    h = h - sc.mean(h, axis=(0, 2, 3), keepdims=True)
    chain = Reader(sc.dense(sc.max_pool(h, 2, name="p"), 3, name="d", seed=0)).chain()
    assert [row.kind for row in chain.rows] == ["input", "conv"]
    assert chain.rest == "Not drawn: Mean, Pool 'p', Dense 'd'. A unit of Mean reads several examples."
    a = conv(x, "a")
    chain = Reader(sc.dense(a[:, :, 1:] * a[:, :, :-1], 2, name="d", seed=0)).chain()
    assert chain.rest == "Not drawn: Mul, Dense 'd'. Mul joins units of different places."


a = conv(x, "a")
other = sc.Input("other", (None, 2, 8, 8))
BRANCHES = {
    "residual": (sc.tanh(a) + conv(a, "b", pad=1), "Conv 'a': .* Conv 'b' and Add read it"),
    "heads": (sc.mean(sc.dense(a, 2, name="h1", seed=0) + sc.dense(a, 2, name="h2", seed=0)), "'a': .*'h1' and .*'h2'"),
    "joined": (sc.concat([conv(a, "b"), conv(a, "c")]), "Conv 'a': .* Conv 'b' and Conv 'c' read it"),
    "skip": (sc.concat([sc.upsample(sc.mean_pool(x, 2, name="p"), 2), x]), "Input 'x': .* Pool 'p' and Concat read it"),
    "inputs": (conv(x, "l") + conv(other, "r"), "Add: Input 'x' and Input 'other' meet here"),
}


@pytest.mark.parametrize("case", BRANCHES)
def test_branches_are_named(case):
    h, message = BRANCHES[case]
    with pytest.raises(GraphError, match=f"(?s){message}.*sc\\.draw.*made at .*test_units_chain"):
        sc.draw_units(sc.dense(h, 3, seed=0) if h.ndim else h)


@pytest.mark.parametrize(
    "J",
    [
        sc.dense(sc.Input("x", (None, 4)), 3, seed=0),
        sc.Param("w", 1.0),
        sc.mean(x),
        sc.conv(sc.Param("w", np.ones((1, 1, 4, 4))), 2, 3, seed=0),
    ],
)
def test_nothing_to_draw(J):
    with pytest.raises(GraphError, match=r"(?s)no convolution and no pooling.*sc\.draw"):
        sc.draw_units(J)
