"""Other nodes in the places of some: values, names, layers, sharing, and graphs of any depth."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.layer import records


def network():
    x = sc.Input("x", (None, 4))
    h = sc.tanh(sc.dense(x, 3, seed=0, name="hidden"), name="h")
    return x, h, sc.dense(h, 2, seed=1, name="out")


def test_any_node_can_be_replaced():
    x, h, z = network()
    given = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")
    other = sc.replace(z, {h: sc.exp(h)})
    w, b = z.params[2:]
    hidden = sc.compile(h)(x=given)
    np.testing.assert_allclose(sc.compile(other)(x=given), np.exp(hidden) @ w.value.T + b.value, rtol=1e-6, atol=1e-6)
    assert sc.replace(z, {h: h}) is z
    assert sc.replace([z, h], {x: x}) == [z, h]


def test_all_are_replaced_at_once():
    a, b = sc.Input("a", (2,)), sc.Input("b", (2,))
    exchanged, doubled = sc.replace(a - b, {a: b, b: a}), sc.replace(a - b, {a: 2 * a})
    assert sc.compile(exchanged)(a=[1, 2], b=[5, 5]).tolist() == [4, 3]
    assert sc.compile(doubled)(a=[1, 2], b=[5, 5]).tolist() == [-3, -1]


def test_names_sites_parameters_and_sharing_stay():
    x, h, z = network()
    shared = h * h + h
    other = sc.replace(sc.sum(shared) + sc.sum(z), {x: -x})
    by_name = {node.name: node for node in sc.Graph(other).nodes if node.name}
    assert by_name["h"] is not h and by_name["h"].site == h.site
    assert [p.name for p in other.params] == ["hidden.W", "hidden.b", "out.W", "out.b"]
    assert other.params == z.params
    assert sum(isinstance(node, sc.Tanh) for node in sc.Graph(other).nodes) == 1
    assert sc.replace(shared, {x: -x}) is sc.replace(shared, {x: -x})


def test_layers_are_carried_over():
    x = sc.Input("x", (None, 4))
    a = sc.layer_norm(x, name="norm")
    (record,) = records(sc.replace(sc.exp(a), {x: -x}).x)
    assert (record.function, record.name) == ("layer_norm", "norm")
    assert record.inputs == (-x,)
    assert record.arguments["x"] is -x
    assert records(a)[-1].inputs == (x,)


def test_an_array_becomes_a_constant_and_weights_may_be_set():
    _, _, z = network()
    frozen = sc.replace(z, {p: p.value for p in z.params})
    given = np.ones((3, 4))
    assert frozen.params == []
    np.testing.assert_array_equal(sc.compile(frozen)(x=given), sc.compile(z)(x=given))
    assert sc.compile(sc.replace(sc.mean(sc.Input("s", ())) + z, {}))


def test_gradients_of_what_was_replaced_and_what_was_replaced_in_gradients():
    x, _, z = network()
    J = sc.sum(z * z)
    (dw,) = sc.grad(J, [z.params[0]])
    y = sc.Input("y", (None, 4))
    given = np.random.default_rng(1).standard_normal((5, 4))
    first = sc.compile(sc.replace(dw, {x: 3 * y}))(y=given)
    second = sc.compile(sc.grad(sc.replace(J, {x: 3 * y}), [z.params[0]])[0])(y=given)
    np.testing.assert_allclose(first, second, rtol=1e-5)
    ones = sc.grad(sc.sum(x), [x])[0]
    assert [i.name for i in sc.compile(sc.replace(ones + 0 * x, {x: y})).inputs] == ["y"]


def test_deep_graphs():
    x = a = sc.Input("x", ())
    for _ in range(10_000):
        a = a + 1
    other = sc.replace(a, {x: 2 * x})
    assert len(sc.Graph(other)) == 10_004
    chain = [other]
    while not isinstance(chain[-1], sc.Mul):
        chain.append(chain[-1].a)
    assert len(chain) == 10_001


@pytest.mark.parametrize(
    ("new", "kind", "text"),
    [
        (lambda x, z: {x: sc.Input("y", (None, 5))}, sc.errors.ShapeError, "a (None, 5) float32 cannot take its place"),
        (lambda x, z: {x: sc.Input("y", (None, 4), "int64")}, sc.errors.DTypeError, "it is a (None, 4) float32"),
        (lambda x, z: {x: 1.0}, sc.errors.ShapeError, "a () float32 cannot take its place"),
        (lambda x, z: {sc.Input("other", (None, 4)): x}, sc.errors.GraphError, "it is not in this graph"),
        (lambda x, z: {"x": x}, sc.errors.DTypeError, "is not {old node: new node}"),
        (lambda x, z: [x], sc.errors.DTypeError, "is not {old node: new node}"),
        (lambda x, z: {x: "x"}, sc.errors.DTypeError, ""),
    ],
)
def test_refused(new, kind, text, refused):
    x, _, z = network()
    with refused(kind, text):
        sc.replace(z, new(x, z))


def test_only_nodes_have_something_to_replace(refused):
    with refused(sc.errors.DTypeError, "replace takes a node or a list of nodes"):
        sc.replace("z", {})
