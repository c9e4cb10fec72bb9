"""`agree`: every installed backend, and how far apart the values are."""

import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from strict_backend import StrictBackend

import symcnn as sc
from symcnn.engine import backend
from symcnn.testing.agreement import ulp_apart

POINTS = {"strict": EntryPoint("strict", "strict_backend:StrictBackend", "symcnn.backends")}


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    monkeypatch.setattr(backend, "_installed", lambda: POINTS)


def test_agree_tells_the_largest_difference_of_each_value():
    x = sc.Input("x", (None, 4))
    z = sc.dense(x, 3, seed=0)
    found = sc.testing.agree([z, sc.exp(z)], x=np.linspace(-1, 1, 20).reshape(5, 4))
    assert found.backends[0] == "numpy"
    assert {"native", "strict"} & set(found.ulp)
    assert 0 < found.max_ulp < 20
    assert "(N, 3)" in str(found)
    assert sc.testing.agree(z, {"x": np.ones((1, 4))}, backends=["numpy"]).max_ulp == 0


def test_agree_does_not_hide_what_is_wrong(monkeypatch):
    class Wrong:
        def load(self, plan):
            made = StrictBackend().load(plan)
            run = made.run
            made.run = lambda *given, **named: [a * 2 for a in run(*given, **named)]
            return made

    monkeypatch.setitem(sys.modules, "wrong", type(sys)("wrong"))
    sys.modules["wrong"].Backend = Wrong
    monkeypatch.setitem(POINTS, "wrong", EntryPoint("wrong", "wrong:Backend", "symcnn.backends"))
    x = sc.Input("x", (None, 4))
    found = sc.testing.agree(x + 1, x=np.ones((1, 4)), backends=["numpy", "wrong"])
    assert found.max_ulp > 1e6
    with pytest.raises(AssertionError, match="the backends differ by"):
        found.check(within=100)


def test_a_backend_that_cannot_be_loaded_is_told_and_stops_nothing(monkeypatch):
    monkeypatch.setitem(POINTS, "broken", EntryPoint("broken", "no_such_module:Backend", "symcnn.backends"))
    x = sc.Input("x", (None, 4))
    found = sc.testing.agree(x + 1, x=np.ones((1, 4)))
    assert "broken" not in found.backends
    assert "broken: the backend 'broken' cannot be loaded" in str(found)
    with pytest.raises(sc.errors.ArgumentError, match="'broken' cannot be loaded"):
        sc.testing.agree(x + 1, x=np.ones((1, 4)), backends=["broken"])


@pytest.mark.parametrize(
    ("a", "b", "apart"),
    [
        ([1.0, np.nan], [1.0, np.nan], 0),
        ([1.0, np.nan], [1.0, 2.0], np.inf),
        ([1.0, 2.0], [1.0, np.inf], np.inf),
        ([np.inf], [np.inf], 0),
        ([np.inf], [-np.inf], np.inf),
        ([], [], 0),
        ([1.0], [1.0, 2.0], np.inf),
        ([0.0, 4.0], [2.0**-50, 4.0], 1),
    ],
)
def test_ulp_apart(a, b, apart):
    assert ulp_apart(np.array(a), np.array(b)) == apart
