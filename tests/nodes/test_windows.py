"""What node types say that a unit reads, against what changes when numbers are changed."""

import numpy as np
import pytest
from reading import seen

import symcnn as sc

X = sc.Input("x", (None, 2, 6, 5))
M = sc.Input("m", (4, 6))
Y = sc.Input("y", (None,), "int64")


def told(node, source, axis, batch):
    """What the declaration says, as booleans like those of `seen`: along one axis, for each unit."""
    box = node.windows()[node.inputs.index(source)]
    lengths, shape = source.spec.bind(batch), node.spec.bind(batch)
    flags = np.zeros((lengths[axis], *shape), dtype=bool)
    for unit in np.ndindex(shape):
        places = [0 if w is None or w.axis is None else unit[w.axis] for w in box]
        spans = [range(n) if w is None else w.span(i, n) for w, i, n in zip(box, places, lengths, strict=True)]
        flags[(slice(None), *unit)] = [all(spans) and p in spans[axis] for p in range(lengths[axis])]
    return flags


EXACT = [
    sc.Conv(X, sc.Input("w", (2, 2, 3, 2)), sc.Input("b", (2,))),
    sc.max_pool(X, (3, 5)),
    sc.upsample(X, (2, 3)),
    sc.rot90(X),
    sc.swap(X),
    sc.transpose(X, (3, 0, 2, 1)),
    sc.pad(X, ((0, 0), (1, 0), (2, 3), (0, 1))),
    sc.crop(X, ((0, 0), (1, 0), (2, 3), (0, 1))),
    sc.subsample(X, (1, 2, 4, 3)),
    sc.Dilate(sc.Input("d", (None, 2, 2)), (1, 3, 2), (None, 5, 4)),
    sc.Dense(M, sc.Input("w", (3, 6)), sc.Input("b", (3,))),
    sc.matmul(X, sc.Input("c", (2, 5, 3))),
    sc.take(M, [5, 3, 1], axis=1),
    sc.take(M, [2, 2], axis=1),
    sc.mean(X, axis=(1, 3)),
    sc.sum(X, axis=(0, 2), keepdims=True),
    sc.softmax(M),
    sc.log_softmax(X),
    sc.sum_to(X, (2, 1, 5)),
    sc.broadcast_to(sc.Input("v", (2, 1)), (None, 2, 3)),
    sc.reshape(M, (4, 1, 6)),
    sc.softmax_cross_entropy(sc.Input("z", (None, 3)), Y, reduction="none"),
    sc.where(sc.Input("p", (6, 1)) > 0, X, 0.0),
]


@pytest.mark.parametrize("node", EXACT, ids=lambda n: type(n).__name__)
def test_every_position_that_is_declared_is_read_and_no_other(node):
    for source in node.inputs:
        if isinstance(source, sc.Const | sc.BatchSize):
            continue
        for axis in range(source.ndim):
            assert np.array_equal(told(node, source, axis, 3), seen(node, source, axis, batch=3, draws=8)), (
                source,
                axis,
            )


def test_joined_parts_read_their_own():
    a, b = sc.Input("a", (None, 2, 3)), sc.Input("b", (None, 1, 3))
    node = sc.concat([a, b])
    assert [w[1] for w in node.windows()] == [sc.Window(1), sc.Window(1, start=-2)]
    for source in (a, b):
        assert np.array_equal(told(node, source, 1, 2), seen(node, source, 1))


def test_slices_that_are_put_in_equal_steps():
    x = sc.Input("x", (3, 2))
    for index in ([4, 2, 0], [0, 3, 6], [5, 6, 7]):
        node = sc.Put(x, sc.Const(index), 0, 8)
        assert np.array_equal(told(node, x, 0, 1), seen(node, x, 0))
    assert sc.Put(x, sc.Const([0, 3, 2]), 0, 8).windows()[0] == (None, sc.Window(1))


@pytest.mark.parametrize(
    ("old", "new"),
    [((None, 2, 3, 2), (None, 12)), ((None, 12), (None, 3, 4)), ((6, 4), (4, 6)), ((2, 6), (2, 1, 3, 2))],
)
def test_reshaped_axes_read_no_more_than_is_said(old, new):
    x = sc.Input("x", old)
    node = sc.reshape(x, new)
    known = [axis for axis, window in enumerate(node.windows()[0]) if window is not None]
    assert known
    for axis in known:
        read, said = seen(node, x, axis), told(node, x, axis, 2)
        assert not (read & ~said).any()
        together = tuple(1 + k for k in range(node.ndim) if k != node.windows()[0][axis].axis)
        assert np.array_equal(read.any(axis=together), said.any(axis=together))


def test_types_that_say_nothing_keep_rows_apart():
    class Reversed(sc.Node):
        """The last axis from its end."""

        x: sc.Node

        def infer(self):
            return self.x.spec

    class Mixed(Reversed):
        """Rows, mixed."""

        mixes_rows = True

    x = sc.Input("x", (None, 3))
    assert Reversed(x).windows() == ((sc.Window(0), None),)
    assert Mixed(x).windows() == ((None, None),)


def test_elementwise_types_read_the_unit_at_the_same_place():
    a, b = sc.Input("a", (None, 2, 3)), sc.Input("b", (2, 1))
    assert (a * b).windows() == ((sc.Window(0), sc.Window(1), sc.Window(2)), (sc.Window(1), sc.Window(None)))
