"""Parameters have names that are all different within a graph, can be found by them, and are given new values."""

import copy
import io
import pickle

import numpy as np
import pytest

import symcnn as sc


def network():
    """Two unnamed convolutions, a trainable subsampling, two unnamed dense layers, and a named one."""
    x = sc.Input("x", (None, 1, 12, 12))
    h = sc.scale(sc.mean_pool(sc.conv(sc.conv(x, 2, 3, seed=0), 2, 3, seed=1, table=[[0], [1]]), 2))
    return sc.dense(sc.dense(sc.dense(h, 5, seed=2), 4, seed=3, bias=False), 3, seed=4, name="out")


NAMES = ["conv1.W", "conv1.b", "conv2.W", "conv2.b", "scale1.g", "scale1.b", "dense1.W", "dense1.b", "dense2.W"]


def test_unnamed_layers_are_counted_by_their_kind():
    z = network()
    assert list(z.named_params) == [*NAMES, "out.W", "out.b"]
    assert list(z.named_params.values()) == z.params
    assert z.graph().named_params == sc.Graph(z).named_params
    assert [p.name for p in z.params[:3]] == ["W", "b", "W"]  # what they were given stays


@pytest.mark.parametrize("again", [copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))])
def test_names_are_those_of_the_copy(again):
    assert list(again(network()).named_params) == list(network().named_params)


def test_saved_by_name_and_read_back_nothing_is_lost():
    z, other, file = network(), network(), io.BytesIO()
    for n, p in enumerate(z.params):
        p.assign(np.full(p.value.shape, n))
    np.savez(file, **{name: p.value for name, p in z.named_params.items()})
    file.seek(0)
    saved = np.load(file)
    assert len(saved.files) == len(z.params) == 11
    for name, p in other.named_params.items():
        p.assign(saved[name])
    assert all(np.array_equal(a.value, b.value) for a, b in zip(z.params, other.params, strict=True))


def test_given_names_are_kept_and_those_that_are_shared_are_numbered():
    x = sc.Input("x", (None, 3))
    h = sc.dense(sc.dense(x, 3, seed=0, name="out", bias=False), 3, seed=0, name="out")
    h = sc.dense(sc.dense(h, 3, seed=0, name="f6"), 3, seed=0, name="f6")
    h = sc.dense(sc.dense(h, 3, seed=0), 3, seed=0, name="dense1")  # so the unnamed one is dense2
    h = h * sc.Param("w", np.ones(3)) + sc.Param("w", np.ones(3)) * sc.Param("", np.ones(3)) + sc.Param("v", np.ones(3))
    assert list(h.named_params) == [
        *("out1.W", "out2.W", "out2.b", "f6_1.W", "f6_1.b", "f6_2.W", "f6_2.b", "dense2.W", "dense2.b"),
        *("dense1.W", "dense1.b", "w1", "w2", "param", "v"),
    ]


def test_a_shared_parameter_has_one_name_and_numbers_pass_over_names_that_are_there():
    x, w = sc.Input("x", (3,)), sc.Param("w", np.ones(3))
    J = sc.sum(w * x * w * sc.Param("w", np.ones(3)) + sc.Param("w1", np.ones(3)))
    assert list(J.named_params) == ["w2", "w3", "w1"]
    assert J.param("w1") is J.params[2]


def test_a_parameter_is_found_by_its_name():
    z = network()
    assert z.param("conv2.W") is z.params[2]
    assert z.param("g") is z.params[4]  # the only one that was called so
    for name, said in (
        ("W", r"4 parameters were named 'W'\n  here they are called conv1\.W, conv2\.W, dense1\.W, dense2\.W"),
        (
            "conv3.W",
            r"no parameter is called 'conv3.W'\n  there are conv\d\.W, conv\d\.W, .*\n  made at .*naming.py",
        ),
        ("zzz", r"no parameter is called 'zzz'\n  there are conv1\.W, .*, out\.b"),
    ):
        with pytest.raises(sc.errors.GraphError, match=said):
            z.param(name)
    with pytest.raises(sc.errors.GraphError, match="there are no parameters"):
        sc.sum(sc.Input("x", (3,))).param("w")
    with pytest.raises(sc.errors.DTypeError, match="is 3; it must be a string"):
        z.param(3)


def test_a_summary_and_the_state_of_an_optimizer_have_these_names():
    z = network()
    words = [*str(sc.summary(z)).split(), "out"]
    layers = ["conv1", "conv2", "scale1", "dense1", "dense2", "out"]
    assert sorted(layers, key=words.index) == layers
    J = sc.sum(z * z)
    for optimizer, first in ((sc.SGD(momentum=0.5), 0), (sc.Adam(), 1)):
        state = [p.name for p in sc.train_step(J, optimizer).state]
        assert len(set(state)) == len(state)
        assert state[first].endswith(" of conv1.W")


def test_assign_gives_a_value_of_the_same_shape():
    w = sc.Param("w", np.zeros((2, 3), "float32"), mask=[[1, 1, 0], [1, 0, 1]])
    held = w.value
    w.assign(np.arange(6.0).reshape(2, 3))
    assert w.value is held
    assert w.value.tolist() == [[0, 1, 0], [3, 0, 5]]  # what the mask leaves out stays 0
    w.assign(w.value[:, ::-1])
    assert w.value.tolist() == [[0, 1, 0], [5, 0, 3]]
    w.assign([[True, False, True], [False, True, False]])
    assert w.value.dtype == np.float32 and w.value.tolist() == [[1, 0, 0], [0, 0, 0]]
    s = sc.Param("s", 1.0)
    s.assign(np.float32(2))
    assert s.value == 2


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        (
            np.ones(3),
            "ShapeError",
            r"Param 'w': the new value has shape \(3,\); expected \(2, 3\)\n  made at .*py",
        ),
        (1.0, "ShapeError", r"shape \(\); expected"),
        ([[1, 2, 3]], "ShapeError", r"shape \(1, 3\); expected"),
        (np.full((2, 3), 1e60), "ArgumentError", "too large for float32"),
        (np.ones((2, 3)) * 1j, "DTypeError", "complex128"),
        ("a", "DTypeError", "expected a number or an array"),
        (None, "DTypeError", "expected a number or an array"),
        ([[1, 2], [3]], "DTypeError", "the new value of Param 'w' is not an array"),
        (np.ma.masked_array(np.ones((2, 3))), "DTypeError", "masked array"),
    ],
)
def test_assign_refuses_what_does_not_fit_and_changes_nothing(wrong, kind, said):
    w = sc.Param("w", np.ones((2, 3), "float32"))
    with pytest.raises(getattr(sc.errors, kind), match=said):
        w.assign(wrong)
    assert w.value.tolist() == np.ones((2, 3)).tolist()


def test_assign_keeps_nan_and_infinity_and_needs_an_array_that_can_be_written():
    w = sc.Param("w", np.zeros(2, "float16"))
    w.assign(np.array([np.nan, -np.inf]))
    assert np.isnan(w.value[0]) and w.value[1] == -np.inf
    w.value.flags.writeable = False
    with pytest.raises(sc.errors.ArgumentError, match="cannot be written"):
        w.assign([1, 2])
    with pytest.raises(sc.errors.FrozenError, match=r"\.assign\(array\)"):
        w.value = np.ones(2)
