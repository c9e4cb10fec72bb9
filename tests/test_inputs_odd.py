"""Odd arguments of what is public: each is taken, or refused by an error of the house, never by one from inside."""

import inspect

import numpy as np
import pytest

import symcnn as sc

ODD = [
    *(
        None,
        0,
        -1,
        7,
        True,
        1.5,
        float("nan"),
        10**30,
        1j,
        "",
        "odd",
        b"x",
        [],
        [1, -1],
        (0,),
        (1, 2, 3),
        (None,),
        {},
        {"a": 1},
    ),
    *(np.array(3), np.array([1.5, 2]), np.zeros((2, 3)), np.array("odd"), np.array([None]), np.bool_(True), np.float64),
    *(sc.Node, object(), len, slice(None), Ellipsis, range(3), np.ma.masked_array([1.0]), {1, 2}, {"a": 1}),
]
X, V, Y = sc.Input("x", (None, 2, 6, 6)), sc.Input("v", (None, 4)), sc.Input("y", (None,), "int64")
ODD += [X, V, Y, [V], sc.Input("s", ())]
J = sc.softmax_cross_entropy(sc.dense(V, 3, seed=0), Y)
DATA = {"v": np.ones((2, 4)), "y": np.zeros(2, int)}
PROGRAM = sc.compile([J], backend="numpy")
TRACE = PROGRAM.trace(DATA)
BACK = sc.backprop(J)

CALLS = {
    sc.Input: (("q", (None, 2)), {"dtype": "float32"}),
    sc.Param: (("q", np.ones(2)), {"mask": [1, 0], "layer": ""}),
    sc.Const: ((np.ones(2),), {}),
    sc.Spec: (((1,), "float32"), {}),
    sc.conv: ((X, 2, 3), {"stride": 1, "pad": 0, "bias": True, "table": None, "seed": 0, "name": "c"}),
    sc.dense: ((V, 2), {"axis": None, "bias": True, "seed": 0, "name": "c"}),
    sc.scale: ((X,), {"name": ""}),
    sc.pool: ((X, 2), {"mode": "mean", "border": "error"}),
    sc.sum: ((V,), {"axis": 1, "keepdims": False}),
    sc.reshape: ((V, (None, 2, 2)), {}),
    sc.transpose: ((V, (1, 0)), {}),
    sc.concat: (([V, V],), {"axis": 1}),
    sc.take: ((V, [0]), {"axis": 1}),
    sc.pad: ((X, 1), {}),
    sc.crop: ((X, 1), {}),
    sc.subsample: ((X, 2), {}),
    sc.cast: ((V, "float64"), {}),
    sc.one_hot: ((Y, 3), {}),
    sc.where: ((V > 0, V, V), {}),
    sc.batch_size: (("float32",), {}),
    sc.broadcast_to: ((V, (None, 4)), {}),
    sc.squared_error: ((V, V), {"reduction": "mean"}),
    sc.simplify: (([V],), {"rules": None}),
    sc.compile: ((J,), {"updates": None, "backend": "numpy", "guard": False, "threads": 1}),
    sc.grad: ((J, J.params), {"seed": None, "unconnected": "zeros"}),
    sc.Graph: ((J,), {}),
    sc.SGD: ((), {"lr": 0.1, "momentum": 0.5, "nesterov": False, "weight_decay": 0.0}),
    sc.Adam: ((), {"lr": 0.1, "beta1": 0.9, "beta2": 0.9, "eps": 1e-8, "weight_decay": 0.0}),
    sc.train_step: ((J, sc.SGD()), {"params": None, "backend": "numpy", "threads": 1}),
    sc.evaluate: (({"loss": J}, DATA), {"batch": 2, "backend": "numpy"}),
    sc.schedules.by_epoch: ((0.1, 0.5), {}),
    sc.schedules.piecewise: (({0: 1.0},), {}),
    sc.schedules.cosine: ((0.1, 5), {"end": 0.0}),
    J.param: (("W",), {}),
    J.params[0].assign: ((np.ones((3, 4)),), {}),
    X.__getitem__: ((0,), {}),
    PROGRAM: ((DATA,), {}),
    TRACE.__getitem__: ((J,), {}),
    BACK.delta: ((J,), {"unconnected": "error"}),
    BACK.equation: ((J,), {}),
}


def refused_properly(call, *args, **options):
    """Whether a call works, or says in the house's words why not; as text what came instead."""
    try:
        with np.errstate(all="ignore"):
            call(*args, **options)
    except sc.errors.SymcnnError:
        pass
    except Exception as error:
        return [f"{type(error).__name__}: {error} from {call!r:.60} of {args!r:.120}, {options!r:.120}"]
    return []


@pytest.mark.parametrize("call", CALLS, ids=lambda call: getattr(call, "__qualname__", "run"))
def test_odd_arguments(call):
    args, options = CALLS[call]
    found = []
    for odd in ODD:
        for n in range(len(args)):
            found += refused_properly(call, *args[:n], odd, *args[n + 1 :], **options)
        for name in options:
            found += refused_properly(call, *args, **{**options, name: odd})
    assert not found, "\n".join(found)


@pytest.mark.slow
def test_a_fit_with_odd_arguments():
    found = []
    for name in set(inspect.signature(sc.fit).parameters) - {"J", "data", "watch", "progress", "backend"}:
        for odd in (o for o in ODD if not (isinstance(o, int) and o > 100)):
            found += refused_properly(sc.fit, J, DATA, **{"progress": False, "backend": "numpy", name: odd})
    for odd in ODD:
        found += refused_properly(sc.fit, odd, DATA, progress=False)
        found += refused_properly(sc.fit, J, odd, progress=False)
        found += refused_properly(sc.fit, J, {**DATA, "v": odd}, progress=False)
    assert not found, "\n".join(found)


def test_text_is_no_flag():
    for call in (lambda f: sc.sum(V, keepdims=f), lambda f: sc.conv(X, 2, 3, bias=f), lambda f: sc.dense(V, 2, bias=f)):
        with pytest.raises(sc.errors.DTypeError, match="is 'no'; expected True or False"):
            call("no")
        call(np.bool_(False))
    assert sc.sum(V, axis=1, keepdims=1).shape == (None, 1)


def test_what_reads_no_input_is_measured_once():
    w = sc.Param("w", [3.0, 4.0])
    assert sc.evaluate({"norm": sc.sum(w * w)}, DATA) == {"norm": 25.0}


def test_weights_that_have_no_fans():
    for make in (sc.initial.lecun_normal, sc.initial.tutorial_uniform):
        with pytest.raises(sc.errors.ShapeError, match=r"weights of shape \(3,\) have no fans"):
            make(np.random.default_rng(0), (3,))
