"""Random graphs, and mistakes that they must find. ``python tests/fuzz --graphs 20000`` runs more of them."""

import graphs
import judge
import pytest

import symcnn as sc
from symcnn.engine import plan
from symcnn.engine.native.ir import math_functions as functions
from symcnn.graph.algebra import BroadcastTo

NUMPY = [("float64", "numpy", 2)]
GRAPHS = 300


@pytest.mark.parametrize("part", range(10))
def test_values_and_two_derivatives_by_numpy_and_differences(part):
    for number in range(part, GRAPHS, 10):
        graph = graphs.drawn(number)
        assert not judge.complaints(graph, NUMPY, torch=False), str(graph)


@pytest.mark.parametrize("number", range(0, GRAPHS, 6))
def test_native_values_and_derivatives(number):
    graph = graphs.drawn(number)
    runs = [(("float32", "float64")[number // 6 % 2], "native", 1)]
    assert not judge.complaints(graph, runs, torch=False), str(graph)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_against_pytorch(part):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    for number in range(1000 + part, 1200, 10):
        graph = graphs.drawn(number)
        assert not judge.complaints(graph, judge.runs_of(number)), str(graph)


def test_a_graph_is_drawn_again_by_its_number():
    assert str(graphs.drawn(7)) == str(graphs.drawn(7)) != str(graphs.drawn(8))


def wrong_tanh(self, delta):
    return (delta * (1 - self),)


def wrong_softmax(self, delta):
    return (self * delta,)


def wrong_conv(self, delta):
    right = RULES[sc.Conv](self, delta)
    return (right[0], sc.rot90(right[1]), *right[2:])


def wrong_mean(self, delta):
    return (self.spread(delta),)


RULES = {cls: cls.backward for cls in (sc.Tanh, sc.Softmax, sc.Conv, sc.Mean)}


def found(runs, most=GRAPHS):
    """The number of the first graph with a fault."""
    return next((n for n in range(most) if judge.complaints(graphs.drawn(n), runs, torch=False)), None)


@pytest.mark.parametrize(
    ("cls", "rule"),
    [(sc.Tanh, wrong_tanh), (sc.Softmax, wrong_softmax), (sc.Conv, wrong_conv), (sc.Mean, wrong_mean)],
    ids=lambda value: value.__name__,
)
def test_a_wrong_rule_is_found(monkeypatch, cls, rule):
    monkeypatch.setattr(cls, "backward", rule)
    assert found(NUMPY) is not None


def test_an_unsound_rewrite_is_found(monkeypatch):
    def forgets_how_often(node):
        match node:
            case sc.SumTo(BroadcastTo(x)) if x.shape == node.shape:
                return x
        return None

    monkeypatch.setattr(plan, "RULES", (forgets_how_often, *plan.RULES))
    assert found(NUMPY) is not None


def test_a_wrong_kernel_is_found(monkeypatch):
    right = functions.known_power

    def forgets_one_factor(b, x, y):
        return right(b, x, 2.0 if y == 3 else y)

    monkeypatch.setattr(functions, "known_power", forgets_one_factor)
    monkeypatch.setenv("SYMCNN_CACHE", "")
    cubes = [n for n in range(GRAPHS) if "= cube" in str(graphs.drawn(n))]
    assert any(judge.complaints(graphs.drawn(n), [("float64", "native", 1)], torch=False) for n in cubes)
