"""Summaries: counts against formulas by hand and against numbers that other tools give."""

import math

import numpy as np
import pytest

import symcnn as sc
from symcnn.summary import Summary

TABLE = [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5], [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]]
TABLE += [[0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5], [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]]
"""Which maps of S2 each map of C3 sees in LeNet-5: LeCun et al. 1998, table I."""


def lenet5():
    x = sc.Input("x", (None, 1, 32, 32))
    s2 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(x, 6, 5, name="C1", seed=0), 2), name="S2"))
    s4 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(s2, 16, 5, table=TABLE, name="C3", seed=0), 2), name="S4"))
    return sc.dense(sc.tanh(sc.conv(s4, 120, 5, name="C5", seed=0)), 84, name="F6", seed=0)


def by_name(J):
    return {row.name: row for row in sc.summary(J).rows if row.name}


def test_lenet5_has_the_papers_parameters():
    rows = by_name(lenet5())
    counted = {name: row.parameters for name, row in rows.items()}
    assert counted == {"C1": 156, "S2": 12, "C3": 1516, "S4": 32, "C5": 48120, "F6": 10164}
    work = {name: row.multiply_adds for name, row in rows.items()}
    connections = {"C1": 28 * 28 * 6 * 25, "C3": 10 * 10 * 60 * 25, "C5": 16 * 25 * 120, "F6": 84 * 120}
    assert work == {**connections, "S2": 0, "S4": 0}
    text = str(sc.summary(lenet5()))
    assert "900 of the 2,400 entries of W2 are not connected, and not counted." in text
    assert "(N, 16, 10, 10)" in text and "1,516" in text


def test_the_tutorials_network_as_pytorch_counts_it():
    """By PyTorch 2.13: Conv2d(1, 20, 9), Sigmoid, AvgPool2d(2), Linear(2000, 10); FlopCounterMode, FLOPs halved."""
    x, y = sc.Input("x", (None, 1, 28, 28)), sc.Input("y", (None,), dtype="int64")
    p1 = sc.mean_pool(sc.sigmoid(sc.conv(x, 20, 9, name="conv1", seed=0)), 2)
    found = sc.summary(sc.softmax_cross_entropy(sc.dense(p1, 10, name="out", seed=0), y))
    assert found.parameters == 21650 and found.multiply_adds == 668000
    sizes = [784 * 4, 8, 8000 * 4, 8000 * 4, 2000 * 4, 40, 4]
    assert [row.nbytes for row in found.rows] == sizes and found.value_bytes == sum(sizes)
    assert found.parameter_bytes == 21650 * 4
    assert [row.symbol for row in found.rows] == ["x", "y", "z1", "a1", "p1", "z2", "J"]


def test_rows_are_the_boxes_of_the_picture():
    J = sc.softmax_cross_entropy(lenet5(), sc.Input("y", (None,), dtype="int64"))
    boxes = sc.draw(J).story.boxes
    rows = sc.summary(J).rows
    assert [box.node for box in boxes] == [row.node for row in rows]
    assert [box.title for box in boxes if box.kind != "input"] == [
        f"{row.name} · {row.types}" if row.name else row.types for row in rows if not isinstance(row.node, sc.Input)
    ]


def test_shared_parameters_are_counted_once():
    x = sc.Input("x", (None, 1, 6, 6))
    w = sc.Param("W", np.ones((1, 1, 3, 3), "float32"))
    inner = sc.sigmoid(sc.Conv(x, w))
    found = sc.summary(sc.sum(sc.Conv(inner, w)) + sc.sum(w * w))
    assert found.parameters == 9 and found.multiply_adds == 16 * 9 + 4 * 9
    assert [row.parameters for row in found.rows if row.shared] == [0, 0]
    assert "W1 is shared by z1, z2, J: counted once." in str(found)
    assert "shared" in str(found).splitlines()[4]


@pytest.mark.parametrize(("size", "stride", "pad"), [(3, 1, 0), (3, 2, 0), (5, 2, 2), ((1, 3), 3, 1)])
def test_strides_and_borders(size, stride, pad):
    z = sc.conv(sc.Input("x", (None, 2, 11, 9)), 4, size, stride=stride, pad=pad, seed=0, name="c")
    n, m = (size, size) if isinstance(size, int) else size
    height, width = (11 + 2 * pad - n) // stride + 1, (9 + 2 * pad - m) // stride + 1
    assert z.shape == (None, 4, height, width)
    assert sc.summary(z).multiply_adds == height * width * 4 * 2 * n * m


def test_what_is_kept_counts_only_where_nothing_else_reads_it():
    z = sc.conv(sc.Input("x", (None, 1, 8, 8)), 1, 3, seed=0)
    both = sc.concat([sc.flatten(sc.subsample(z, 2)), sc.flatten(sc.tanh(z))])
    assert sc.summary(both).multiply_adds == 36 * 9


def test_matrix_products_and_rearranged_tables():
    a, b = sc.Input("a", (None, 3, 5)), sc.Param("b", np.ones((5, 7)))
    assert (a @ b).multiply_adds == 3 * 7 * 5
    mask = np.ones((2, 3, 2, 2), bool)
    mask[0, 1] = mask[1, 2] = False
    w = sc.Param("w", np.ones((2, 3, 2, 2)), mask)
    x = sc.Input("x", (None, 3, 4, 4))
    for weights in (w, sc.rot90(w), sc.reshape(sc.reshape(w, (24,)), w.shape), w * 2.0, sc.cast(w, "float32")):
        assert sc.Conv(x, weights).multiply_adds == 9 * 16
    turned = sc.Conv(sc.Input("t", (None, 2, 4, 4)), sc.swap(w))
    assert turned.multiply_adds == 9 * 16
    table = sc.Const(np.array([[1.0, 0.0, 1.0]]))
    assert sc.Dense(sc.Input("d", (None, 3)), sc.Param("v", np.ones((4, 3))) * table).multiply_adds == 4 * 2


def test_a_users_type_says_what_it_does():
    class Affine(sc.Node):
        x: sc.Node

        def forward(self, xp, x):
            return 2 * x + 1

        def backward(self, delta):
            return (2 * delta,)

        @property
        def multiply_adds(self):
            return math.prod(self.spec.bind(1))

    class Silent(Affine):
        multiply_adds = sc.Node.multiply_adds

    x = sc.Input("x", (None, 4, 5))
    assert sc.summary(Affine(x)).multiply_adds == 20 and sc.summary(Silent(x)).multiply_adds == 0


@pytest.mark.parametrize("J", [sc.Param("w", np.ones((2, 3))), sc.Input("x", (None, 3)), sc.Const([1.0, 2.0])])
def test_a_leaf(J):
    found = sc.summary(J)
    assert found.parameters == (6 if isinstance(J, sc.Param) else 0) and "J" in str(found)


def test_a_sweep_a_chain_and_what_is_no_graph():
    J = sc.sum(sc.tanh(sc.Param("w", [1.0])))
    assert str(sc.summary(sc.backprop(J))) == str(sc.summary(J)) == repr(sc.summary(J))
    v = sc.Input("x", (None, 4))
    for _ in range(2000):
        v = sc.tanh(v)
    found = sc.summary(v)
    assert (
        isinstance(found, Summary)
        and len(found.rows) == 2001
        and "1,801 more rows" in found._repr_mimebundle_()["text/html"]
    )
    with pytest.raises(TypeError, match="summary needs a node"):
        sc.summary([J])


@pytest.mark.parametrize("given", [None, 1.5, -3])
def test_multiply_adds_that_are_no_count(given):
    class Odd(sc.Node):
        z: sc.Node
        multiply_adds = given

    with pytest.raises(sc.errors.NodeTypeError, match=f"Odd: multiply_adds is {given}; expected"):
        sc.summary(Odd(sc.Input("x", (2,))))
