"""The measure for rewritten graphs: the original's forward rules, one after the other."""

import numpy as np
import pytest

import symcnn as sc


def plain(node, values, batch):
    """The value of `node` by its forward rules in order; `values` holds an array for each input's name."""
    known = {}
    for n in sc.Graph(node).order:
        if isinstance(n, sc.Input):
            known[n] = np.asarray(values[n.name], n.dtype)
        elif isinstance(n, sc.Const | sc.Param):
            known[n] = n.value
        elif isinstance(n, sc.BatchSize):
            known[n] = np.asarray(batch, n.dtype)
        else:
            known[n] = np.asarray(n.forward(np, *(known[i] for i in n.inputs)))
    return known[node]


@pytest.fixture(scope="session")
def simplified():
    """A function that simplifies a node and checks that value and spec stay what they were."""

    def check(node, batch=3, seed=0, rtol=1e-13):
        (simple,) = sc.simplify([node])
        assert simple.spec == node.spec
        rng = np.random.default_rng(seed)
        values = {}
        for n in sc.Graph(node).order:
            if isinstance(n, sc.Input):
                shape = n.spec.bind(batch)
                values[n.name] = rng.standard_normal(shape) if n.dtype.kind == "f" else rng.integers(0, 2, shape)
        with np.errstate(all="ignore"):
            before, after = plain(node, values, batch), plain(simple, values, batch)
        assert after.dtype == before.dtype
        np.testing.assert_allclose(after, before, rtol=rtol, atol=rtol)
        return simple

    return check
