"""Tables of vectors; `dense` and `scale` are tested beside the node `Dense`, in tests/nodes/test_dense.py."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.layer import records


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("batch", [0, 1, 17])
def test_words_become_vectors_and_errors_go_to_their_rows(batch, backend):
    rng = np.random.default_rng(0)
    words = sc.Input("words", (None, 5), "int64")
    vectors = sc.embedding(words, 7, 3, seed=0, name="E")
    (table,) = vectors.params
    weights, fed = rng.normal(size=(5, 3)).astype("float32"), rng.integers(0, 7, (batch, 5))
    value, error = sc.compile([vectors, *sc.grad(sc.sum(vectors * weights), [table])], backend=backend)(words=fed)
    np.testing.assert_array_equal(value, table.value[fed])
    expected = np.zeros((7, 3), "float32")
    np.add.at(expected, fed, np.broadcast_to(weights, (batch, 5, 3)))
    np.testing.assert_allclose(error, expected, rtol=1e-5, atol=1e-6)


def test_a_table_is_normal_and_repeatable():
    words = sc.Input("words", (None,), "uint8")
    values = [sc.embedding(words, 1000, 20, seed=3).params[0].value for _ in range(2)]
    np.testing.assert_array_equal(*values)
    assert abs(values[0].std() - 1) < 0.02
    assert sc.embedding(words, 10, 2, init=sc.initial.zeros).params[0].value.sum() == 0


def test_they_are_layers():
    a = sc.Input("a", (None, 4))
    built = [
        sc.dense(a, 2, name="d"),
        sc.scale(a, name="s"),
        sc.embedding(sc.Input("w", (None,), "int64"), 3, 2, name="e"),
    ]
    assert [(r.title, r.name) for node in built for r in records(node)] == [
        ("Dense", "d"),
        ("Scale", "s"),
        ("Embedding", "e"),
    ]


@pytest.mark.parametrize(
    ("build", "fragments"),
    [
        (lambda: sc.embedding(sc.Input("w", (None, 3)), 5, 2), ("embedding reads integers", "float32", "sc.dense")),
        (lambda: sc.embedding(sc.Input("w", (None,), "int64"), 0, 2, name="E"), ("embedding 'E': entries is 0",)),
    ],
)
def test_what_does_not_fit_is_refused(build, fragments, refused):
    with refused((TypeError, ValueError), *fragments):
        build()


def test_words_that_are_not_in_the_table_are_refused():
    vectors = sc.embedding(sc.Input("w", (None, 2), "int64"), 5, 2)
    with pytest.raises(sc.errors.FeedError, match="number 3 is 5; expected 0 to 4"):
        sc.compile(vectors)(w=[[0, 1], [2, 5]])
