"""Products of matrices within each image, natively, beside NumPy's in float64."""

import numpy as np
import pytest

import symcnn as sc

PAIRS = {
    "one each": ((None, 5, 7), (None, 7, 4)),
    "a stack each": ((None, 2, 3, 19, 6), (None, 2, 3, 6, 21)),
    "a shared matrix": ((None, 6, 9), (9, 17)),
    "a shared matrix first": ((5, 6), (None, 6, 9)),
    "a shared stack": ((None, 2, 4, 3), (2, 3, 5)),
    "a shared stack with an axis for images": ((1, 2, 4, 3), (None, 2, 3, 5)),
    "one for all of a stack": ((None, 1, 4, 3), (None, 6, 3, 2)),
    "a row and a column": ((None, 1, 40), (None, 40, 1)),
}


def left(report):
    """What is left to NumPy, and depends on images."""
    stages = [stage for stage in report.split("\nstage ")[1:] if "by NumPy" in stage.partition("\n")[0]]
    return [line for stage in stages for line in stage.splitlines()[1:] if "needed before" not in line]


@pytest.mark.parametrize("shapes", PAIRS.values(), ids=PAIRS)
def test_products_and_their_gradients(shapes):
    a, b = sc.Input("a", shapes[0]), sc.Input("b", shapes[1])
    z = a @ b
    delta = sc.Input("delta", z.shape)
    program = sc.compile([z, *sc.grad(z, [a, b], seed=delta)], backend="native")
    assert left(program.report()) == []
    rng = np.random.default_rng(0)
    for batch in (1, 2, 15, 16, 33):
        given = {i.name: rng.standard_normal(i.spec.bind(batch)).astype("float32") for i in (a, b, delta)}
        x, y, d = (given[name].astype("float64") for name in ("a", "b", "delta"))
        expected = [x @ y, d @ np.swapaxes(y, -1, -2), np.swapaxes(x, -1, -2) @ d]
        for found, e in zip(program(given), expected, strict=True):
            lead = e.ndim - found.ndim
            e = e.sum(axis=tuple(range(lead)))
            e = e.sum(axis=tuple(n for n, size in enumerate(found.shape) if size != e.shape[n]), keepdims=True)
            np.testing.assert_allclose(found, e, rtol=2e-5, atol=2e-5 * np.abs(e).max())


@pytest.mark.parametrize("batch", [1, 16, 33])
def test_the_gradient_of_a_shared_matrix_is_one_sum_over_steps_and_images(batch):
    x, w = sc.Input("x", (None, 9, 5), "float64"), sc.Param("w", np.ones((7, 5)))
    z = x @ sc.transpose(w)
    delta = sc.Input("delta", z.shape, "float64")
    (gradient,) = sc.grad(z, [w], seed=delta)
    program = sc.compile(gradient, backend="native")
    assert "sum of outer products" in program.report() and left(program.report()) == []
    rng = np.random.default_rng(0)
    given = {"x": rng.standard_normal((batch, 9, 5)), "delta": rng.standard_normal((batch, 9, 7))}
    expected = np.einsum("ntd,nth->hd", given["x"], given["delta"])
    used = {node.name: given[node.name] for node in program.inputs}
    np.testing.assert_allclose(program(used), expected, atol=1e-12)
