"""Sums of products by the names of their axes, beside NumPy's einsum; errors by NumPy's einsum again."""

import sys

import numpy as np
import pytest

import symcnn as sc

SIZES = {"n": 6, "m": 6, "i": 3, "j": 4, "k": 5, "h": 2, "d": 3, "t": 4, "q": 2, "e": 5}
EQUATIONS = [
    *("nij,njk->nik", "ij,jk->ik", "ni,ij->nj", "nthd,hde->nte", "nqhd,nkhd->nhqk", "ni,nj->ij", "ni,ni->n", "ni,ni->"),
    *("nij->nji", "nij->n", "nii->n", "ii", "ij,ij", "i,j->ij", "ni,nj,nk->nijk", "nij,jk,kd->nid", "ni,nij,nj->n"),
    *(
        "nij,nij->ij",
        "nij,nik->jk",
        "ij,ke->ijke",
        "nij,ij->nij",
        "ji,nj",
        "nk,ke,ej->jn",
        "nijk,nijd->kd",
        "iij,nj->ni",
    ),
]


def operands(equation, rng):
    for number, axes in enumerate(equation.split("->")[0].split(",")):
        shape = tuple(SIZES[a] for a in axes)
        declared = tuple(None if a in "nm" else SIZES[a] for a in axes)
        yield sc.Input(f"x{number}", declared, "float64"), rng.normal(size=shape)


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("equation", EQUATIONS)
def test_value_and_errors(equation, backend):
    rng = np.random.default_rng(0)
    nodes, arrays = zip(*operands(equation, rng), strict=True)
    y, expected = sc.einsum(equation, *nodes), np.einsum(equation, *arrays)
    delta, seed = rng.normal(size=expected.shape), sc.Input("delta", y.shape, "float64")
    feeds = {n.name: a for n, a in zip(nodes, arrays, strict=True)} | {"delta": delta}
    value, *errors = sc.compile([y, *sc.grad(y, nodes, seed=seed)], backend=backend)(feeds)
    assert y.spec.bind(6) == expected.shape
    np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-12)
    for number, (array, error) in enumerate(zip(arrays, errors, strict=True)):  # linear in each operand
        unit = rng.normal(size=array.shape)
        moved = np.einsum(equation, *arrays[:number], unit, *arrays[number + 1 :])
        np.testing.assert_allclose(np.sum(error * unit), np.sum(delta * moved), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("n...i,ij->n...j", [(6, 2, 3, 4), (4, 5)]),
        ("...i,...i->...", [(6, 2, 3), (6, 2, 3)]),
        ("...ij,...jk", [(6, 1, 3, 4), (2, 4, 5)]),
        ("...i->i...", [(6, 2, 3)]),
        ("...,...", [(3,), (2, 3)]),
    ],
)
def test_axes_that_broadcast(equation, shapes):
    arrays = [np.random.default_rng(n).normal(size=shape) for n, shape in enumerate(shapes)]
    nodes = [sc.Input(f"x{n}", shape, "float64") for n, shape in enumerate(shapes)]
    found = sc.compile(sc.einsum(equation, *nodes))(dict(zip(nodes, arrays, strict=True)))
    np.testing.assert_allclose(found, np.einsum(equation, *arrays), rtol=1e-12)


def test_products_of_matrices_where_they_are():
    q, k = sc.Input("q", (None, 7, 2, 8)), sc.Input("k", (None, 9, 2, 8))
    order = sc.einsum("nqhd,nkhd->nhqk", q, k).graph.order
    assert {type(n) for n in order} == {sc.Input, sc.Transpose, sc.MatMul}


def test_without_a_planner_it_goes_from_left_to_right(monkeypatch):
    monkeypatch.setitem(sys.modules, "opt_einsum", None)
    shapes = {"a": (2, 3), "b": (3, 4), "c": (4, 5), "d": (5, 2)}
    arrays = {name: np.random.default_rng(0).normal(size=shape) for name, shape in shapes.items()}
    nodes = [sc.Input(name, shape, "float64") for name, shape in shapes.items()]
    found = sc.compile(sc.einsum("ij,jk,kl,li->", *nodes))(arrays)
    np.testing.assert_allclose(found, np.einsum("ij,jk,kl,li->", *arrays.values()))


def test_the_planner_is_followed():
    pytest.importorskip("opt_einsum")
    a, b, v = sc.Input("a", (50, 60)), sc.Input("b", (60, 70)), sc.Input("v", (70,))
    order = sc.einsum("ij,jk,k->i", a, b, v).graph.order
    (product,) = [n for n in order if isinstance(n, sc.MatMul) and n.shape == (60, 1)]
    assert b in product.graph.order  # b v first: there is no product of two matrices


@pytest.mark.parametrize(
    ("equation", "fragments"),
    [
        ("ij,jk", ("does not name the axes of 1 operands",)),
        ("i", ("'i' in 'i' does not fit the 2 axes of (None, 4)",)),
        ("i1", ("does not name the axes",)),
        ("ij->k", ("'k' of the result is there twice, or in no operand",)),
        ("ij->ii", ("'i' of the result is there twice",)),
        ("ii", ("there is no diagonal along axes 0 and 1 of (None, 4)",)),
        ("...i->i", ("the result lacks '...'",)),
        (3, ("the equation is 3",)),
    ],
)
def test_what_does_not_fit_is_refused(equation, fragments, refused):
    with refused((TypeError, ValueError), *fragments):
        sc.einsum(equation, sc.Input("x", (None, 4)))


def test_lengths_that_differ_are_refused(refused):
    with refused(ValueError, "axis 'j' of 'ij,jk' has different lengths in (2, 3), (4, 5)"):
        sc.einsum("ij,jk", sc.Input("a", (2, 3)), sc.Input("b", (4, 5)))
