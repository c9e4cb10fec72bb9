"""`Graph`: the order, the questions that go to networkx, and the flat table in which nodes are pickled and copied."""

import copy
import pickle
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symcnn as sc
from symcnn.graph.graph import pack, unpack


class Stretch(sc.Node):
    """A node type of a module: it can be pickled."""

    z: sc.Node
    by: float = 2.0

    def forward(self, xp, z):
        return self.by * z

    def backward(self, delta):
        return (self.by * delta,)


def small():
    x, w, b = sc.Input("x", (None, 2)), sc.Param("w", np.ones((3, 2))), sc.Param("b", np.zeros(3))
    z = sc.Dense(x, w, b, name="z1")
    a = sc.sigmoid(z)
    return x, w, b, z, a, sc.sum(a * a)


@st.composite
def random_graphs(draw):
    """Some outputs over two leaves, with nodes that are shared, repeated and skipped over."""
    nodes = [sc.Input("x", (2,), "float64"), sc.Param("w", [0.5, -1.0])]
    for _ in range(draw(st.integers(1, 25))):
        build = draw(st.sampled_from([sc.tanh, sc.abs, lambda a: -a, Stretch, "add", "mul", "sub"]))
        some = draw(st.sampled_from(nodes))
        other = draw(st.sampled_from(nodes))
        made = {"add": lambda a, b: a + b, "mul": lambda a, b: a * b, "sub": lambda a, b: a - b}
        nodes.append(made[build](some, other) if isinstance(build, str) else build(some))
    return draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3))


@given(random_graphs())
def test_the_order_has_inputs_first_and_is_that_of_making(outputs):
    graph = sc.Graph(*outputs)
    place = {node: n for n, node in enumerate(graph.order)}
    assert len(place) == len(graph.order) == len(graph) == len(graph.nodes)
    assert set(place) == set(graph.nodes) >= set(outputs)
    assert all(place[i] < place[node] for node in graph.order for i in node.inputs)
    assert [n.serial for n in graph.order] == sorted(n.serial for n in graph.order)
    assert all(i in place for node in graph.order for i in node.inputs)


@given(random_graphs())
def test_what_networkx_answers(outputs):
    graph = sc.Graph(*outputs)
    net = graph.to_networkx()
    assert isinstance(net, nx.MultiDiGraph)
    assert net.number_of_edges() == sum(len(node.inputs) for node in graph.order)
    for node in graph.order:
        uses = sorted(
            (data["input"], source) for source, _, data in net.in_edges(node, data=True) if source is not None
        )
        assert [source for _, source in sorted(uses, key=lambda u: u[0])] == list(node.inputs)
        below = {n for n in graph.order if nx.has_path(net, node, n)} - {node}
        assert graph.descendants(node) == below
    depth = {}
    for node in graph.order:
        depth[node] = 1 + max((depth[i] for i in node.inputs), default=-1)
    levels = graph.levels()
    assert all(depth[node] == n for n, level in enumerate(levels) for node in level)
    assert sum(len(level) for level in levels) == len(graph)
    path = graph.longest_path()
    assert len(path) == 1 + max(depth.values())
    assert all(a in b.inputs for a, b in pairwise(path))


@given(random_graphs())
def test_the_table_gives_the_graph_again(outputs):
    last = outputs[-1]
    assert unpack(pack(last)) is last  # over the same leaves, the same nodes
    loaded = pickle.loads(pickle.dumps(outputs))
    assert sorted(map(repr, sc.Graph(*loaded).nodes)) == sorted(map(repr, sc.Graph(*outputs).nodes))
    feeds = {"x": [0.25, -2]}
    needed = {i.name for i in sc.Graph(*outputs).inputs}
    feeds = {name: value for name, value in feeds.items() if name in needed}
    for one, other in zip(sc.compile(outputs)(feeds), sc.compile(loaded)(feeds), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_networkx_graph_is_the_callers_own():
    *_, J = small()
    graph = J.graph()
    graph.to_networkx().clear()
    assert graph.to_networkx().number_of_nodes() == len(graph)


def test_parameters_and_inputs_in_the_order_of_making():
    x, w, b, *_, J = small()
    graph = sc.Graph(b * 2, J, x)
    assert graph.params == [w, b] == J.params
    assert graph.inputs == [x]
    assert graph.outputs == (b * 2, J, x)
    assert repr(graph) == "Graph(9 nodes, 2 parameters -> 3 outputs)"
    assert J.graph().order[-1] is J


def test_the_empty_graph():
    graph = sc.Graph()
    assert graph.order == graph.nodes == graph.params == graph.inputs == graph.levels() == graph.longest_path() == []
    assert len(graph) == 0


def test_what_has_replaced_another_node_keeps_its_place():
    x = sc.Input("x", (2,))
    a = sc.exp(x)
    late = sc.tanh(x)
    (new,) = sc.simplify([1 * a + late])
    assert [type(n).__name__ for n in sc.Graph(new).order] == ["Input", "Exp", "Tanh", "Add"]


# Pickles and copies ------------------------------------------------------------------------------------


def test_a_deep_copy_has_parameters_of_its_own():
    _, w, *_, J = small()
    copied = copy.deepcopy(J)
    assert copied is not J
    assert [p.name for p in copied.params] == ["w", "b"]
    assert not {w, *J.params} & set(copied.params)
    copied.params[0].value[...] = 7
    np.testing.assert_array_equal(w.value, np.ones((3, 2)))
    value, other = sc.compile(J)(x=[[1, 1]]), sc.compile(copied)(x=[[1, 1]])
    assert value != other


def test_what_is_copied_together_stays_together():
    _, w, _, z, a, J = small()
    for again in (copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))):
        table = again({"J": J, "z": z, "w": w, "list": [a, J]})
        assert table["list"][1] is table["J"]
        assert table["w"] is table["J"].params[0]
        assert table["z"] in table["J"].graph().nodes
        assert table["list"][0] in table["J"].graph().nodes
        assert table["z"].name == "z1"


def test_a_shallow_copy_is_the_node():
    *_, J = small()
    assert copy.copy(J) is J


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol(protocol):
    x, y = sc.Input("x", (None, 1, 6, 6)), sc.Input("y", (None,), "int64")
    a = sc.max_pool(sc.conv(x, 2, 3, seed=0, table=[[0], [0]], name="conv1"), 2)
    J = sc.softmax_cross_entropy(sc.dense(Stretch(sc.concat([a, a[:, :1]]), 3.0), 3, seed=1), y)
    back = sc.backprop(J)
    loaded = pickle.loads(pickle.dumps([J, *back.grads.values()], protocol))
    feeds = {"x": np.random.default_rng(0).standard_normal((4, 1, 6, 6)), "y": [0, 1, 2, 0]}
    for one, other in zip(sc.compile([J, *back.grads.values()])(feeds), sc.compile(loaded)(feeds), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [p.name for p in loaded[0].params] == [p.name for p in J.params]
    assert [p.size for p in loaded[0].params] == [p.size for p in J.params]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_an_array_among_the_attributes(again):
    x, weights = sc.Input("x", (2,)), np.array([1.0, 2.0])
    weights.flags.writeable = False
    node = Stretch(x, (3, weights))
    same = again(node)
    np.testing.assert_array_equal(same.by[1], weights)
    assert not same.by[1].flags.writeable
    assert Stretch(same.z, (3, weights)) is same


def test_a_type_that_python_cannot_find_cannot_be_pickled():
    class Local(sc.Node):
        z: sc.Node

    with pytest.raises((AttributeError, pickle.PicklingError), match="Local"):
        pickle.dumps(Local(sc.Input("x", ())))
