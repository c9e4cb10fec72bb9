"""Odd and bad calls: feeds, names, and what compile and NumPy's functions are given."""

import pickle

import numpy as np
import pytest

import symcnn as sc

# Feeds ---------------------------------------------------------------------------------------------

A, B = sc.Input("a", (None, 2)), sc.Input("b", (None,))
F = sc.compile([A + 1, 2 * B])
ROWS = {"a": np.ones((3, 2)), "b": np.ones(3)}


@pytest.mark.parametrize(
    ("feeds", "fragments"),
    [
        ({}, ["missing: a, b", "this program takes a (None, 2), b (None,)", "Input 'a' was made at"]),
        ({"a": ROWS["a"]}, ["missing: b", "Input 'b' was made at"]),
        ({**ROWS, "c": 1}, ["unknown: c", "this program takes a (None, 2), b (None,)"]),
        ({"a": ROWS["a"], "B": ROWS["b"]}, ["missing: b; unknown: B"]),
        ({**ROWS, 3: 1}, ["unknown: 3"]),
        ({**ROWS, None: 1}, ["unknown: None"]),
        ({**ROWS, ("a",): 1}, ["unknown: ('a',)"]),
        ({**ROWS, A + 1: 1}, ["unknown: Add", "is not in this program"]),
        ({**ROWS, sc.Input("a", (None, 2)): 1}, ["unknown: Input 'a'", "is not in this program"]),
        ({**ROWS, "x" * 5000: 1}, ["unknown: 'xxx", " ... "]),
        ({**ROWS, A: ROWS["a"]}, ["Input 'a'", "two arrays were fed"]),
        ({"a": np.ones(2), "b": ROWS["b"]}, ["Input 'a'", "(2,) was fed; expected (None, 2)"]),
        ({"a": np.ones((3, 2, 1)), "b": ROWS["b"]}, ["Input 'a'", "(3, 2, 1)"]),
        ({"a": np.ones((3, 1)), "b": ROWS["b"]}, ["Input 'a'", "(3, 1) was fed; expected (None, 2)"]),
        ({"a": ROWS["a"], "b": 1}, ["Input 'b'", "() was fed; expected (None,)"]),
        ({"a": np.ones((2, 2)), "b": np.ones(3)}, ["disagree on the number of rows: a has 2, b has 3"]),
        ({"a": np.ones((1, 2)), "b": np.ones(3)}, ["disagree on the number of rows: a has 1, b has 3"]),
    ],
)
def test_wrong_feeds(feeds, fragments):
    for run in (F, F.check_finite, F.profile):
        with pytest.raises(sc.errors.FeedError) as caught:
            run(feeds)
        text = str(caught.value)
        assert all(part in text for part in fragments), text
        assert "test_inputs_feeds.py" in text
        assert len(text) < 1000
    np.testing.assert_array_equal(F(ROWS)[0], np.full((3, 2), 2))


@pytest.mark.parametrize("wrong", [np.ones((3, 2)), [ROWS["a"], ROWS["b"]], "a", 3, A, (i for i in "ab"), {1, 2}])
def test_feeds_that_are_no_mapping(wrong, refused):
    for run in (F, F.check_finite, F.profile):
        with refused(TypeError, "arrays are fed by name", type(wrong).__name__, "f(a=array)"):
            run(wrong)


def test_ways_to_feed():
    class Frozen(dict):
        pass

    for value in (F(ROWS), F(**ROWS), F({A: ROWS["a"]}, b=ROWS["b"]), F({A: ROWS["a"], B: ROWS["b"]}), F(Frozen(ROWS))):
        np.testing.assert_array_equal(value[1], [2, 2, 2])
    assert F(None, **ROWS)[0].shape == (3, 2)


@pytest.mark.parametrize(
    "name", ["x y", "λ", "class", "self", "feeds", "runs", "1", "a\nb", "{x}", "$\\<&>", " ", "é" * 999]
)
def test_names_of_any_characters(name, refused):
    x = sc.Input(name, (2,))
    w = sc.Param(name, [1.0, 2.0])
    y = sc.Sigmoid(x * w, name=name)
    f = sc.compile(y)
    np.testing.assert_allclose(f({name: [0, 0]}), [0.5, 0.5])
    np.testing.assert_allclose(f(**{name: [0, 0]}), [0.5, 0.5])
    if name != "runs":
        assert f.profile(**{name: [0, 0]}).rows
    assert len(repr(y)) < 300
    assert "\n" not in repr(y)
    with refused(ValueError, "missing: "):
        f()
    with pytest.raises(sc.errors.ShapeError) as caught:
        sc.Concat((y, sc.Input("z", ())), name=name)
    assert len(str(caught.value)) < 500
    assert str(pickle.loads(pickle.dumps(y)).name) == name


@pytest.mark.parametrize("wrong", [None, 3, b"x", ["x"], sc.Input("n", ())])
def test_names_that_are_no_text(wrong, refused):
    x = sc.Input("x", (None, 1, 4, 4))
    for build in (
        lambda: sc.Input(wrong, (2,)),
        lambda: sc.Param(wrong, [1.0]),
        lambda: sc.Const(1.0, name=wrong),
        lambda: sc.Sigmoid(x, name=wrong),
        lambda: sc.mean_pool(x, 2, name=wrong),
        lambda: sc.sigmoid(x, name=wrong),
    ):
        with refused(TypeError, "name"):
            build()


def test_empty_name_of_an_input(refused):
    with refused(TypeError, "name must be a string", "''"):
        sc.Input("", (2,))


def test_two_inputs_of_one_name(refused):
    a, b = sc.Input("x", (3,)), sc.Input("x", (3,))
    with refused(ValueError, "two inputs are named 'x'", "the other is made at"):
        sc.compile(a + b)
    assert sc.compile(a + a)(x=[1, 2, 3]).tolist() == [2, 4, 6]


# What compile is given -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [None, 3, "ab", [None], [A, "a"], {"J": A}, {A: "a"}, np.ones(2), [[A]], (3 for _ in "a")]
)
def test_compile_of_what_is_no_node(wrong, refused):
    with refused(TypeError, "compile takes a node or a list of nodes"):
        sc.compile(wrong)


def test_compile_of_any_iterable_of_nodes():
    for outputs in ([A, B], (A, B), {A: 1, B: 2}.keys(), iter([A, B]), (n for n in (A, B))):
        assert len(sc.compile(outputs)(ROWS)) == 2
    assert sc.compile([])() == []
    assert sc.compile([A])(a=ROWS["a"])[0].shape == (3, 2)


@pytest.mark.parametrize("wrong", [[1], {"w": A}, {A: A}, 3, "w"])
def test_updates_that_are_none(wrong, refused):
    with refused(TypeError, "updates are {Param: Node}"):
        sc.compile(A, updates=wrong)


def test_updates_that_do_not_fit(refused):
    w = sc.Param("w", np.float32([1, 2]))
    with refused(TypeError, "updates are"):
        sc.compile(A, updates={w: 3})
    for value in (w * np.ones(2), sc.Input("x", (3,)), sc.sum(w)):
        with refused(ValueError, "Param 'w'", "its update", "expected (2,) float32"):
            sc.compile(A, updates={w: value})


def test_unknown_backend(refused):
    for wrong in ("cuda", None, 3, "", "Numpy"):
        with refused(ValueError, "unknown backend", "'numpy'"):
            sc.compile(A, backend=wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "3", None])
def test_counts_of_a_program(wrong, refused):
    with refused((TypeError, ValueError), "profile: runs is"):
        F.profile(ROWS, runs=wrong)
    if wrong != 0:
        with refused((TypeError, ValueError), "report: batch is"):
            F.report(wrong)


def test_size_of_a_batch_that_nothing_tells(refused):
    w = sc.Param("w", np.ones(3))
    with refused(ValueError, "the size of the batch is needed, but no input has a batch axis", "BatchSize"):
        sc.compile(sc.broadcast_to(w, (None, 3)))


@pytest.mark.parametrize("wrong", ["x", None, 3, [A]])
def test_graph_of_what_is_no_node(wrong, refused):
    with refused(TypeError, "Graph takes nodes"):
        sc.Graph(wrong)
    with refused(ValueError, "is not in this graph"):
        sc.Graph(A).descendants(B)


@pytest.mark.parametrize("ufunc", [np.cbrt, np.add.reduce, np.add.outer, np.arctan2])
def test_numpy_functions_without_a_node(ufunc, refused):
    with refused(TypeError, "has no node type", "these have: absolute, add"):
        ufunc(A) if ufunc in (np.cbrt, np.add.reduce) else ufunc(A, A)


@pytest.mark.parametrize(
    "ask",
    [
        np.sum,
        np.mean,
        np.array,
        np.asarray,
        lambda x: np.dot(x, x),
        lambda x: np.concatenate([x, x]),
        np.max,
        bool,
        list,
    ],
)
def test_what_a_node_is_not(ask, refused):
    with refused(TypeError, ""):
        ask(A)


def test_sites_are_lines_of_the_user():
    """Not of NumPy, of functools, nor of the __init__ that dataclasses write."""
    line = test_sites_are_lines_of_the_user.__code__.co_firstlineno + 4
    x = sc.Input("x", (None, 1, 4, 4))
    nodes = [
        np.add(x, 1),
        np.float64(2) * x,
        np.ones(4) * x,
        sc.conv(x, 2, 3),
        sc.mean_pool(x, 2),
        x[:, 0],
        sc.cast(x, "float64"),
    ]
    for n, node in enumerate(nodes, start=1):
        assert str(node.site) == f"made at {__file__}:{line + n}"
