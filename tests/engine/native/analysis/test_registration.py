"""A node type becomes native by one function with one decorator."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.native.analysis import registration
from symcnn.engine.native.analysis.registration import native
from symcnn.engine.native.kernels.expressions import linear
from symcnn.engine.native.kernels.kernel import nest, sizes
from symcnn.testing import agree


class Reversed(sc.Node):
    """The last axis from its end."""

    x: sc.Node

    def infer(self):
        return self.x.spec

    def forward(self, xp, x):
        return xp.flip(x, axis=(-1,))

    def backward(self, delta):
        return (Reversed(delta),)

    @classmethod
    def samples(cls):
        return [cls(sc.Input("x", (None, 2, 3)))]


class Doubled(Reversed):
    """Each row from its end, twice as large: with loops of its own."""

    def forward(self, xp, x):
        return 2 * xp.flip(x, axis=(-1,))

    def backward(self, delta):
        return (Doubled(delta),)


@pytest.fixture(autouse=True)
def _own_table(monkeypatch):
    monkeypatch.setattr(registration, "_TABLE", dict(registration._TABLE))


def from_the_end(read, node, place):
    return read.at(node.x, (*place[:-1], node.shape[-1] - 1 - place[-1]))


def doubled(k, node):
    shape = sizes(node.shape[1:])
    with nest(k.b, shape) as place:
        value = k.read.fresh().at(node.x, (*place[:-1], shape[-1] - 1 - place[-1]))
        k.write(k.read.buffer(node), linear(place, shape), k.b.binary("fadd", value, value))


def network(cls):
    x = sc.Input("x", (None, 3, 5))
    J = sc.mean(sc.sigmoid(sc.dense(sc.flatten(cls(sc.tanh(x))), 4, seed=0)))
    return [J, *sc.backprop(J).grads.values(), sc.grad(J, x)]


@pytest.mark.parametrize(("cls", "kind", "write"), [(Reversed, "element", from_the_end), (Doubled, "loops", doubled)])
@pytest.mark.parametrize("rows", [1, 5, 20])
def test_a_registered_type_runs_natively(cls, kind, write, rows):
    nodes = network(cls)
    assert "there are no loops for its type" in sc.compile(nodes, backend="native").report()
    native(cls, kind=kind)(write)
    assert "there are no loops for its type" not in sc.compile(nodes, backend="native").report()
    x = np.random.default_rng(0).standard_normal((rows, 3, 5))
    assert agree(nodes, x=x, backends=["numpy", "native"]).max_ulp < 50


def test_a_type_that_is_derived_from_a_registered_one_is_not_registered():
    class Other(sc.Pool):
        """Another rule under the same shape."""

    assert registration.is_registered(sc.Pool(sc.Input("x", (None, 1, 4, 4)), 2, "max"))
    assert not registration.is_registered(Other(sc.Input("x", (None, 1, 4, 4)), 2, "max"))
