"""Recurrent layers beside PyTorch's: values, and gradients by all that they depend on."""

from pathlib import Path

import numpy as np
import pytest

import symcnn as sc
from symcnn.testing import check_gradients

LENGTHS = [5, 2, 4]
LAYERS = {"rnn": sc.rnn, "lstm": sc.lstm, "gru": sc.gru}
CASES = ["rnn", "rnn_relu", "rnn_lengths", "lstm", "lstm_lengths", "gru", "gru_lengths"]


def stored(case):
    """The arrays of a case."""
    with np.load(Path(__file__).parents[1] / "references" / "recurrent.npz") as file:
        return {name.removeprefix(f"{case}/"): file[name] for name in file.files if name.startswith(f"{case}/")}


def from_pytorch(kind, arrays, way=""):
    """PyTorch's arrays as parameters, and the weights that the layer takes: as its docstring says."""
    w, u, b, c = (
        sc.Param(f"{name}_l0{way}", arrays[f"{name}_l0{way}"])
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    return [w, u, b, c], [w, u, b, c] if kind == "gru" else [w, u, b + c]


def built(case, arrays):
    """Outputs and last states, as PyTorch gives them; and what they depend on, by PyTorch's names."""
    kind = case.partition("_")[0]
    more = {"activation": sc.relu} if case == "rnn_relu" else {}
    wrt = {"x": sc.Input("x", (None, *arrays["x"].shape[1:]), "float64")}
    if "h" in arrays:
        wrt |= {name: sc.Input(name, (None, 3), "float64") for name in "hc" if name in arrays}
        more["state"] = (wrt["h"], wrt["c"]) if kind == "lstm" else wrt["h"]
    if "lengths" in case:
        more["lengths"] = sc.Input("lengths", (None,), "int64")
    outputs, states = [], []
    for way in ("", "_reverse"):
        if f"weight_ih_l0{way}" in arrays:
            params, weights = from_pytorch(kind, arrays, way)
            wrt |= {p.name: p for p in params}
            out, last = LAYERS[kind](wrt["x"], weights=weights, returns="both", reverse=bool(way), **more)
            outputs.append(out)
            states.append(last if isinstance(last, tuple) else (last,))
    return sc.concat(outputs, axis=2), list(zip(*states, strict=True)), wrt


@pytest.mark.parametrize("backend", ["numpy", pytest.param("native", marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_those_of_pytorch(case, backend):
    arrays = stored(case)
    out, states, wrt = built(case, arrays)
    pairs = [(out, "0"), *((s, f"{n}/{way}") for n, some in enumerate(states, 1) for way, s in enumerate(some))]

    def of(kind, place):
        number, _, way = place.partition("/")
        array = arrays[f"{kind}{number}"]
        return array[int(way)] if way else array

    J = sum(sc.sum(node * sc.Input(f"delta{place}", node.shape, "float64")) for node, place in pairs)
    program = sc.compile([*(node for node, _ in pairs), *sc.grad(J, list(wrt.values()))], backend=backend)
    feeds = {name: arrays[name] if name == "x" else arrays[name][0] for name in ("x", "h", "c") if name in wrt}
    feeds |= {f"delta{place}": of("delta", place) for _, place in pairs}
    feeds |= {"lengths": LENGTHS} if "lengths" in case else {}
    found = program(feeds)
    expected = [of("out", place) for _, place in pairs]
    expected += [arrays[f"d{name}"][0] if name in ("h", "c") else arrays[f"d{name}"] for name in wrt]
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-10, atol=1e-12)


def network(kind, **more):
    """A loss, on top of two layers, that sees all outputs."""
    x, lengths = sc.Input("x", (None, 4, 2), "float64"), sc.Input("lengths", (None,), "int64")
    h = LAYERS[kind](x, 3, lengths=lengths, seed=0, name="below", **more)
    last = LAYERS[kind](sc.concat([h, h[:, :, :1]], axis=2), 2, reverse=True, returns="last", seed=1, name="above")
    return sc.mean(h**2) + sc.mean(sc.sum(last, axis=1) ** 3)


def feeds(batch, steps=4, features=2):
    rng = np.random.default_rng(batch)
    return {"x": rng.normal(size=(batch, steps, features)), "lengths": rng.integers(0, steps + 1, batch)}


@pytest.mark.parametrize("kind", LAYERS)
def test_first_and_second_derivatives_are_right(kind):
    J = network(kind)
    check_gradients(J, feeds(3))
    gradients = list(sc.backprop(J).grads.values())
    check_gradients(sum(sc.sum(g**2) for g in gradients[:3]), feeds(3))


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 2, 15, 16, 33])
@pytest.mark.parametrize("kind", LAYERS)
def test_engines_agree(kind, batch):
    J = network(kind)
    sc.testing.agree([J, *sc.backprop(J).grads.values()], feeds(batch)).check(within=64)


def test_an_empty_batch_gives_empty_outputs():
    x = sc.Input("x", (None, 4, 2))
    for made in LAYERS.values():
        for backend in ("numpy", "native"):
            assert sc.compile(made(x, 3), backend=backend)(x=np.zeros((0, 4, 2))).shape == (0, 4, 3)


@pytest.mark.slow
def test_twenty_steps_of_an_lstm_run_natively():
    x, y = sc.Input("x", (None, 20, 12)), sc.Input("y", (None,), "int64")
    J = sc.softmax_cross_entropy(sc.dense(sc.lstm(x, 16, returns="last", seed=0), 9, seed=1), y)
    report = sc.compile([J, *sc.backprop(J).grads.values()], backend="native").report()
    left = [
        line.strip() for stage in report.split("stage ")[1:] if "by NumPy" in stage for line in stage.splitlines()[1:]
    ]
    assert left == ["Div, Reshape: the same for all images, and needed before"]


@pytest.mark.parametrize("kind", LAYERS)
def test_new_weights_are_drawn_gate_by_gate(kind):
    x, gates = sc.Input("x", (None, 2, 6)), {"rnn": 1, "lstm": 4, "gru": 3}[kind]
    h = LAYERS[kind](x, 5, seed=0, name="r")
    w, u, *biases = (p.value for p in h.params)
    assert [p.name for p in h.params] == ["r.W", "r.U", *(["r.b", "r.c"] if kind == "gru" else ["r.b"])]
    assert w.shape == (gates * 5, 6) and u.shape == (gates * 5, 5)
    assert np.abs(w).max() <= 5**-0.5 and np.abs(u).max() <= 5**-0.5
    assert len({part.tobytes() for part in np.split(u, gates)}) == gates
    forget = np.repeat([0, 1, 0, 0], 5) if kind == "lstm" else np.zeros(gates * 5)
    np.testing.assert_array_equal(biases, [forget] * len(biases))
    same, other = (LAYERS[kind](x, 5, seed=s).params[0].value for s in (0, 1))
    np.testing.assert_array_equal(same, w)
    assert not np.array_equal(other, w)
    assert len(LAYERS[kind](x, 5, bias=False).params) == 2


def test_a_first_state_may_be_learned():
    x, start = sc.Input("x", (None, 3, 2), "float64"), sc.Param("start", np.full(4, 0.3))
    J = sc.mean(sc.gru(x, 4, state=start, seed=0) ** 2)
    check = check_gradients(J, {"x": np.random.default_rng(0).normal(size=(3, 3, 2))})
    assert check[start] < 1e-8


def test_all_steps_share_their_weights_and_each_is_a_layer():
    from symcnn.graph.layer import records

    x = sc.Input("x", (None, 7, 2))
    h = sc.lstm(x, 3, name="enc")
    cells = [r for node in h.graph().order for r in records(node) if r.function == "lstm_cell"]
    assert len({id(r) for r in cells}) == 7
    assert [r.name for r in records(h) if r.function == "lstm"] == ["enc"]
    assert len(h.params) == 3


def test_what_does_not_fit_is_refused(refused):
    x = sc.Input("x", (None, 4, 2))
    with refused(sc.errors.ShapeError, "lstm 'enc'", "reads (N, T, D)", "(None, 8)"):
        sc.lstm(sc.Input("flat", (None, 8)), 3, name="enc")
    with refused(sc.errors.ArgumentError, "gru", "say how many units"):
        sc.gru(x)
    with refused(sc.errors.ArgumentError, "rnn: units is 0"):
        sc.rnn(x, 0)
    with refused(sc.errors.ArgumentError, "returns 'all' is not known"):
        sc.rnn(x, 3, returns="all")
    with refused(sc.errors.ShapeError, "lstm", "the state has shape (None, 4)", "(None, 3)"):
        sc.lstm(x, 3, state=(sc.Input("h", (None, 4)), sc.Input("c", (None, 3))))
    with refused(sc.errors.ArgumentError, "the state is (h, c)"):
        sc.lstm(x, 3, state=sc.Input("h", (None, 3)))
    with refused(sc.errors.ArgumentError, "3 weights were given; expected W, U, b, c, or W and U"):
        sc.gru(x, weights=[np.ones((9, 2)), np.ones((9, 3)), np.ones(9)])
    with refused(sc.errors.ShapeError, "lstm: W has shape (12, 5); expected (12, 2)"):
        sc.lstm(x, weights=[np.ones((12, 5)), np.ones((12, 3))])
    h, w = sc.Input("h", (None, 3)), np.ones((13, 2), np.float32)
    with refused(sc.errors.ShapeError, "shape (13, 2) have no rows for 4 gates of 3 units"):
        sc.lstm_cell(x[:, 0], (h, h), w, np.ones((13, 3), np.float32))
    with refused(sc.errors.ArgumentError, "lstm_cell: the state is (h, c)"):
        sc.lstm_cell(x[:, 0], h, w, w)
    with refused(sc.errors.DTypeError, "the activation is 'relu'", "sc.tanh"):
        sc.rnn(x, 3, activation="relu")
    with refused(sc.errors.ArgumentError, "4 units, but U is for 3"):
        sc.lstm(x, 4, weights=[np.ones((12, 2)), np.ones((12, 3))])
