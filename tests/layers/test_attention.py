"""Attention beside PyTorch's: values, gradients, masks."""

from pathlib import Path

import numpy as np
import pytest

import symcnn as sc
from symcnn.testing import check_gradients

LENGTHS = [5, 2, 4]


def stored(case):
    """The arrays of a case."""
    with np.load(Path(__file__).parents[1] / "references" / "recurrent.npz") as file:
        return {name.removeprefix(f"{case}/"): file[name] for name in file.files if name.startswith(f"{case}/")}


def fed(arrays, *names):
    return {name: sc.Input(name, (None, *arrays[name].shape[1:]), arrays[name].dtype) for name in names}


def compared(out, wrt, arrays, backend, **expected):
    """The value, and the gradients of out times delta."""
    delta = sc.Input("delta", out.shape, "float64")
    program = sc.compile([out, *sc.grad(sc.sum(out * delta), list(wrt.values()))], backend=backend)
    feeds = {node.name: LENGTHS if node.name == "lengths" else arrays[node.name] for node in program.inputs}
    found = program(feeds)
    for name, a in zip(["out", *(f"d{name}" for name in wrt)], found, strict=True):
        np.testing.assert_allclose(a, expected.get(name, arrays.get(name)), rtol=1e-10, atol=1e-12, err_msg=name)


BACKENDS = ["numpy", pytest.param("native", marks=pytest.mark.slow)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("case", "heads"), [("attention", 1), ("attention_lengths", 3), ("attention_mask", 2)])
def test_scaled_dot_products_are_those_of_pytorch(case, heads, backend):
    arrays = stored(case)
    wrt = fed(arrays, "q", "k", "v")
    more = {}
    if "lengths" in case:
        more["lengths"] = sc.Input("lengths", (None,), "int64")
    elif "mask" in case:
        more["mask"] = sc.Input("mask", (None, *arrays["mask"].shape[1:]), "bool")
    compared(sc.attention(*wrt.values(), heads=heads, **more), wrt, arrays, backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", ["multi_head_causal", "multi_head_lengths"])
def test_the_layer_is_that_of_pytorch(case, backend):
    arrays = stored(case)
    w, b, wo, bo = arrays["in_proj_weight"], arrays["in_proj_bias"], arrays["out_proj.weight"], arrays["out_proj.bias"]
    weights = [*np.split(w, 3), wo, *np.split(b, 3), bo]  # as the docstring says
    params = [sc.Param(f"p{n}", value) for n, value in enumerate(weights)]
    given = [*np.split(arrays["din_proj_weight"], 3), arrays["dout_proj.weight"]]
    given += [*np.split(arrays["din_proj_bias"], 3), arrays["dout_proj.bias"]]
    wrt = fed(arrays, *("qk" if "lengths" in case else "q"))
    more = {"lengths": sc.Input("lengths", (None,), "int64")} if "lengths" in case else {"causal": True}
    out = sc.multi_head_attention(*wrt.values(), heads=2, weights=params, **more)
    expected = {f"d{p.name}": value for p, value in zip(params, given, strict=True)}
    compared(out, wrt | {p.name: p for p in params}, arrays, backend, **expected)


def network(**more):
    x = sc.Input("x", (None, 3, 4), "float64")
    lengths = sc.Input("lengths", (None,), "int64")
    return sc.mean(sc.multi_head_attention(x, heads=2, units=6, lengths=lengths, seed=0, **more) ** 3)


def feeds(batch):
    rng = np.random.default_rng(batch)
    return {"x": rng.normal(size=(batch, 3, 4)), "lengths": rng.integers(0, 4, batch)}


def test_first_and_second_derivatives_are_right():
    J = network(causal=True)
    check_gradients(J, feeds(3))
    gradients = list(sc.backprop(J).grads.values())
    check_gradients(sum(sc.sum(g**2) for g in gradients[:3]), feeds(3))


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 2, 15, 16, 33])
def test_engines_agree(batch):
    J = network(bias=False)  # that of keys changes nothing: its gradient is 0, but for rounding
    sc.testing.agree([J, *sc.backprop(J).grads.values()], feeds(batch)).check(within=64)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_query_that_may_look_at_nothing_gets_0(dtype):
    q, k = sc.Input("q", (None, 2, 3), dtype), sc.Input("k", (None, 4, 3), dtype)
    lengths = sc.Input("lengths", (None,), "int64")
    out = sc.attention(q, k, k, lengths=lengths)
    program = sc.compile([out, *sc.grad(sc.sum(out**2), [q, k])])
    numbers = 1e3 * np.random.default_rng(0).normal(size=(2, 4, 3))
    value, dq, dk = program(q=numbers[:, :2], k=numbers, lengths=[0, 4])
    assert not value[0].any() and not dq[0].any() and not dk[0].any()
    assert value[1].all() and np.isfinite(dk).all()


def test_an_empty_batch_gives_an_empty_result():
    q = sc.Input("q", (None, 2, 4))
    for backend in ("numpy", "native"):
        assert sc.compile(sc.attention(q, q, q, heads=2), backend=backend)(q=np.zeros((0, 2, 4))).shape == (0, 2, 4)


def test_what_does_not_fit_is_refused(refused):
    q, k = sc.Input("q", (None, 3, 4)), sc.Input("k", (None, 5, 4))
    with refused(sc.errors.ArgumentError, "attention", "3 heads do not divide 4 features"):
        sc.attention(q, k, k, heads=3)
    with refused(sc.errors.ShapeError, "q and k must have as many features", "k is (None, 5, 2)"):
        sc.attention(q, k[:, :, :2], k)
    with refused(sc.errors.ShapeError, "k and v as many steps"):
        sc.attention(q, k, k[:, :2])
    with refused(sc.errors.DTypeError, "the mask has dtype float32", "mask > 0"):
        sc.attention(q, k, k, mask=sc.Input("mask", (3, 5)))
    with refused(sc.errors.ShapeError, "the mask has shape (None, 5)", "(3, 5), (None, 3, 5)", "mask[:, None]"):
        sc.attention(q, k, k, mask=sc.Input("mask", (None, 5), "bool"))
    with refused(sc.errors.DTypeError, "lengths are float32"):
        sc.attention(q, k, k, lengths=sc.Input("lengths", (None,)))
    with refused(sc.errors.ShapeError, "multi_head_attention 'a'", "reads (N, T, D)"):
        sc.multi_head_attention(sc.Input("flat", (None, 12)), heads=2, name="a")
    with refused(sc.errors.ArgumentError, "3 weights were given", "expected Wq, Wk, Wv, Wo"):
        sc.multi_head_attention(q, heads=2, weights=[np.ones((4, 4))] * 3)
    with refused(sc.errors.ShapeError, "Wo has shape (4, 4), and its bias (3,)"):
        sc.multi_head_attention(q, heads=2, weights=[np.ones((4, 4))] * 4 + [np.ones(4)] * 3 + [np.ones(3)])
