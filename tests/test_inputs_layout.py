"""Dtypes, memory layouts, array-likes of every kind, and whose array is whose."""

import array
import decimal
import fractions

import numpy as np
import pytest

import symcnn as sc

LAYOUTS = {
    "contiguous": lambda a, path: a.copy(),
    "Fortran": lambda a, path: np.asfortranarray(a),
    "transposed": lambda a, path: np.ascontiguousarray(a.T).T,
    "every second": lambda a, path: np.kron(a, np.ones((2,) * a.ndim, a.dtype))[(slice(None, None, 2),) * a.ndim],
    "reversed": lambda a, path: np.flip(np.flip(a).copy()),
    "read-only": lambda a, path: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "big-endian": lambda a, path: a.astype(a.dtype.newbyteorder(">")),
    "unaligned": lambda a, path: unaligned(a),
    "memory-mapped": lambda a, path: mapped(a, path),
    "matrix": lambda a, path: a.view(np.matrix) if a.ndim == 2 else a.copy(),
    "record array": lambda a, path: a.view(np.recarray),
    "lists": lambda a, path: a.tolist(),
    "tuple of arrays": lambda a, path: tuple(a),
    "buffer": lambda a, path: memoryview(a),
    "array interface": lambda a, path: Interface(a),
    "__array__": lambda a, path: Convertible(a),
}


class Interface:
    def __init__(self, a):
        self.a, self.__array_interface__ = a, a.__array_interface__


class Convertible:
    def __init__(self, a):
        self.a = a

    def __array__(self, dtype=None, copy=None):
        return self.a


def unaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)
    made = raw[1:].view(a.dtype).reshape(a.shape)
    made[...] = a
    assert not made.flags.aligned
    return made


def mapped(a, path):
    name = path / a.dtype.name
    a.tofile(name)
    return np.memmap(name, a.dtype, "r", shape=a.shape)


def network():
    x, y = sc.Input("x", (None, 2, 6, 6)), sc.Input("y", (None,), "int64")
    a = sc.max_pool(sc.sigmoid(sc.conv(x, 3, 3, seed=0, name="conv1")), 2)
    J = sc.softmax_cross_entropy(sc.dense(a, 4, seed=1, name="out"), y)
    return x, y, J


RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.standard_normal((5, 2, 6, 6)).astype("float32"), RNG.integers(0, 4, 5)


@pytest.fixture(scope="module")
def program():
    x, _, J = network()
    return sc.compile([J, sc.grad(J, x), *sc.grad(J, J.params)])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_what_its_contiguous_copy_gives(program, layout, tmp_path):
    images, labels = LAYOUTS[layout](IMAGES, tmp_path), LAYOUTS[layout](LABELS, tmp_path)
    for found, expected in zip(program(x=images, y=labels), program(x=IMAGES, y=LABELS), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.asarray(images), IMAGES)
    np.testing.assert_array_equal(np.asarray(labels), LABELS)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_parameters_and_constants_from_any_layout(layout, tmp_path):
    given = LAYOUTS[layout](IMAGES[:, 0], tmp_path)
    for made in (sc.Param("w", given).value, sc.Const(given).value):
        np.testing.assert_array_equal(made, IMAGES[:, 0])
        assert type(made) is np.ndarray
        assert made.flags.c_contiguous
        assert made.flags.aligned
        assert made.dtype.isnative
        assert made.dtype == (np.float64 if layout == "lists" else np.float32)


def test_broadcast_arrays(program):
    image, label = IMAGES[:1], LABELS[:1]
    wide = program(x=np.broadcast_to(image, (4, 2, 6, 6)), y=np.broadcast_to(label, (4,)))
    for found, expected in zip(wide, program(x=np.repeat(image, 4, 0), y=np.repeat(label, 4)), strict=True):
        np.testing.assert_array_equal(found, expected)
    w = sc.Param("w", np.broadcast_to(np.float32(1), (3, 2)))
    w.value[0, 0] = 5
    np.testing.assert_array_equal(w.value, [[5, 1], [1, 1], [1, 1]])


def test_parameters_in_any_layout_are_read_at_each_run():
    """A parameter's array is the house's own; writing a strided part of it in place is seen by the next run."""
    x = sc.Input("x", (None, 3))
    w = sc.Param("w", np.zeros((2, 3), np.float32))
    f = sc.compile(sc.Dense(x, w))
    w.value[:, ::2] = [[1, 2], [3, 4]]
    np.testing.assert_array_equal(f(x=[[1, 10, 100]]), [[201, 403]])


# dtypes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "uint64", "bool", "float16", "float64", ">i2"])
def test_fed_numbers_are_converted_at_the_edge(dtype):
    x = sc.Input("x", (None, 3))
    given = np.array([[0, 1, 1], [1, 0, 1]], dtype) * np.array(1 if dtype == "bool" else 100, dtype)
    value = sc.compile(3 * x - 200)(x=given)
    assert value.dtype == np.float32
    np.testing.assert_array_equal(value, 3 * given.astype(float) - 200)


def test_images_of_uint8_never_wrap():
    x = sc.Input("x", (None, 1, 4, 4), "uint8")
    images = np.full((2, 1, 4, 4), 250, np.uint8)
    nodes = [x + x, x * 2, x - 255, -x, x**2, sc.sum(x), sc.mean(x), sc.mean_pool(x, 2), sc.maximum(x, 300)]
    values = [np.unique(v).tolist() for v in sc.compile(nodes)(x=images)]
    assert values == [[500], [500], [-5], [-250], [62500], [8000], [250], [250], [300]]


def test_layers_over_integers_have_real_weights():
    x = sc.Input("x", (None, 1, 4, 4), "uint8")
    for layer in (sc.conv(x, 2, 3, seed=0), sc.dense(x, 2, seed=0), sc.scale(x)):
        assert layer.dtype == np.float32
        assert all(p.dtype == np.float32 for p in layer.params)
        assert all(np.unique(p.value).size > 1 for p in layer.params if p.name == "W")
    real = sc.Input("x", (None, 1, 4, 4))
    np.testing.assert_array_equal(sc.conv(x, 2, 3, seed=0).params[0].value, sc.conv(real, 2, 3, seed=0).params[0].value)


def test_float32_with_float64_promotes():
    x, d = sc.Input("x", (3,)), sc.Input("d", (3,), "float64")
    h = sc.Input("h", (3,), "float16")
    for node in (x + d, d * x, x / d, sc.maximum(x, d), sc.where(x > d, x, d), sc.concat([x, d], 0), x @ d):
        assert node.dtype == np.float64
    assert (x + np.array(1.0)).dtype == (x + np.ones(3)).dtype == np.float64
    assert (x + np.float32(1)).dtype == (x + 1).dtype == (x + 1.5).dtype == (x + np.float64(1)).dtype == np.float32
    assert (h + x).dtype == np.float32
    assert (h + 1).dtype == (h * 2.5).dtype == np.float16
    assert (x + np.ones(3, np.int64)).dtype == np.float32
    third = 1 / 3
    assert sc.compile(x + d)(x=[0, 0, 0], d=[third] * 3)[0] == third


def test_gradients_have_the_dtype_of_what_they_are_of():
    x, d = sc.Input("x", (None, 3), "float64"), sc.Input("h", (None, 3), "float16")
    w, v = sc.Param("w", np.ones((2, 3), np.float32)), sc.Param("v", np.ones((2, 3), np.float64))
    J = sc.sum(sc.Dense(x, w) * sc.Dense(d, v))
    assert J.dtype == np.float64
    dx, dd, dw, dv = sc.compile(sc.grad(J, [x, d, w, v]))(x=np.ones((4, 3)), h=np.ones((4, 3)))
    assert [g.dtype for g in (dx, dd, dw, dv)] == [np.float64, np.float16, np.float32, np.float64]
    np.testing.assert_array_equal(dw, np.full((2, 3), 12))


NO_NUMBERS = {
    "complex": np.array([1j, 2, 3]),
    "object": np.array([1, 2, None], object),
    "objects that are numbers": np.array([1, 2, 3], object),
    "string": "123",
    "strings": ["1", "2", "3"],
    "bytes": b"123",
    "None": None,
    "Nones": [None, None, None],
    "a dict": {"a": 1},
    "a set": {1, 2, 3},
    "a generator": (i for i in (1, 2, 3)),
    "a range of decimals": [decimal.Decimal(1)] * 3,
    "fractions": [fractions.Fraction(1, 3)] * 3,
    "a structure": np.zeros(3, [("a", float)]),
    "dates": np.zeros(3, "M8[s]"),
    "durations": np.zeros(3, "m8[s]"),
    "a function": np.sin,
    "a type": float,
    "a module": np,
    "ragged lists": [[1, 2], [3]],
    "a node": sc.Input("other", (3,)),
    "nodes": [sc.Input("other", ())] * 3,
    "a program": sc.compile(sc.Input("other", (3,))),
    "too large integers": [10**30] * 3,
}


@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_what_is_no_array_of_numbers_is_refused(kind, refused):
    given = NO_NUMBERS[kind]
    x = sc.Input("x", (3,))
    program = sc.compile(2 * x)
    with refused(TypeError, "Input 'x'"):
        program(x=given)
    with refused(TypeError, "the value of Param 'w'"):
        sc.Param("w", given)
    if kind not in ("a node", "nodes"):
        with refused(TypeError, "Const"):
            sc.Const(given, name="c")
        with refused(TypeError, "Add: its input b"):
            x + given
    with refused(TypeError, "Input 'x'"):
        program({x: given})


def test_array_likes_that_hold_numbers():
    x = sc.Input("x", (3,))
    f = sc.compile(2 * x)
    for given in (
        range(1, 4),
        array.array("d", [1, 2, 3]),
        memoryview(np.arange(1.0, 4)),
        (1, np.float32(2), True + 2),
    ):
        np.testing.assert_array_equal(f(x=given), [2, 4, 6])


def test_masked_arrays_are_refused(refused):
    """Their mask would be dropped without a word; so would that of `numpy.ma.masked` in a list."""
    masked = np.ma.masked_array([1.0, 2, 3], [0, 1, 0])
    x = sc.Input("x", (3,))
    for given in (masked, np.ma.masked_array([1.0, 2, 3])):
        with refused(TypeError, "Input 'x'", "a masked array was fed", "array.filled(0)"):
            sc.compile(x)(x=given)
        with refused(TypeError, "the value of Param 'w' is a masked array", "array.filled(0)"):
            sc.Param("w", given)
        with refused(TypeError, "is a masked array"):
            sc.Const(given)
        with refused(TypeError, "Mul: its input b is a masked array"):
            x * given
    with refused(TypeError, "masked array"):
        sc.Const([masked, masked])
    with refused(TypeError, "the mask of Param 'w' is a masked array"):
        sc.Param("w", [1, 2, 3], mask=masked == 1)
    with pytest.raises(TypeError):
        masked * x


def test_matrices_and_arrays_on_the_left():
    x = sc.Input("x", (2, 2))
    feeds = {"x": [[1, 2], [3, 4]]}
    m = np.array([[1, 2], [3, 4]]).view(np.matrix)
    assert type(sc.compile(x)(x=m)) is np.ndarray
    np.testing.assert_array_equal(sc.compile(x * m)(feeds), [[1, 4], [9, 16]])
    np.testing.assert_array_equal(sc.compile(np.array([1, 2]) + x)(feeds), [[2, 4], [4, 6]])
    np.testing.assert_array_equal(sc.compile(np.float32(2) ** x)(feeds), [[2, 4], [8, 16]])
    np.testing.assert_array_equal(sc.compile([1, 2] - x)(feeds), [[0, 0], [-2, -2]])
    np.testing.assert_array_equal(sc.compile(np.eye(2) @ x)(feeds), feeds["x"])


@pytest.mark.parametrize(
    "dtype", ["complex64", "object", "U3", "S1", "M8[s]", "longdouble", "nope", None, [("a", "f4")]]
)
def test_dtypes_that_hold_no_reals_or_integers(dtype, refused):
    with refused(TypeError, "Input 'x'", "dtype"):
        sc.Input("x", (2,), dtype)
    with refused(TypeError, "dtype"):
        sc.cast(sc.Input("x", (2,)), dtype)
    if dtype is not None:
        with refused(TypeError, "OneHot", "dtype"):
            sc.one_hot(sc.Input("y", (None,), "int64"), 3, dtype)


def test_spellings_of_a_dtype():
    for dtype in (np.float64, "float64", "f8", ">f8", np.dtype("<f8"), float):
        assert sc.Input("x", (2,), dtype).dtype == np.dtype("float64")
        assert sc.cast(sc.Input("x", (2,)), dtype).to == "float64"
    x = sc.Input("x", (2,), ">f4")
    assert x.dtype.isnative
    assert sc.cast(x, "<f4") is x


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_reals_are_not_fed_to_integers(dtype, refused):
    x = sc.Input("x", (2,), dtype)
    with refused(TypeError, "Input 'x'", "an array of float32", f"expected {dtype}"):
        sc.compile(x)(x=np.float32([0, 1]))


@pytest.mark.parametrize(("dtype", "wrong"), [("uint8", 256), ("uint8", -1), ("int8", 128)])
def test_integers_that_do_not_fit_are_not_wrapped(dtype, wrong, refused):
    x = sc.Input("x", (2,), dtype)
    with refused(ValueError, "Input 'x'", f"do not fit into {dtype}"):
        sc.compile(x)(x=np.array([0, wrong]))


def test_conditions_must_be_booleans(refused):
    x, b = sc.Input("x", (2,)), sc.Input("b", (2,), "bool")
    with refused(TypeError, "Where", "must be bool", "sc.where(x > 0, a, b)"):
        sc.where(x, 1, 2)
    with refused(TypeError, "Input 'b'", "expected bool"):
        sc.compile(sc.where(b, 1, 2))(b=[1, 0])
    np.testing.assert_array_equal(sc.compile(sc.where(b, x, -x))(b=[True, False], x=[1, 1]), [1, -1])


# Whose array is whose ----------------------------------------------------------------------------


def test_fed_arrays_are_not_changed(program):
    images, labels = IMAGES.copy(), LABELS.copy()
    program(x=images, y=labels)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    x = sc.Input("x", (3,))
    given = np.float32([1, 2, 3])
    for node in (-x, x + 1, sc.exp(x), x * x, sc.reshape(x, (3, 1)), sc.sigmoid(x)):
        sc.compile(node)(x=given)
        np.testing.assert_array_equal(given, [1, 2, 3])


def test_results_are_the_callers_own():
    x, w = sc.Input("x", (2, 3)), sc.Param("w", np.ones((2, 3), np.float32))
    c = sc.Const(np.ones((2, 3), np.float32))
    nodes = [x, w, c, sc.transpose(x), sc.rot90(w), x[0], sc.reshape(c, (6,)), sc.broadcast_to(w, (4, 2, 3)), x, x + w]
    f = sc.compile(nodes)
    given = np.float32([[1, 2, 3], [4, 5, 6]])
    first = f(x=given)
    kept = [v.copy() for v in first]
    for value in first:
        assert value.flags.owndata or value.base is None
        assert value.flags.writeable
        value[...] = -7
    assert not any(np.shares_memory(v, given) or np.shares_memory(v, w.value) for v in first)
    assert not any(np.shares_memory(a, b) for n, a in enumerate(first) for b in first[:n])
    np.testing.assert_array_equal(given, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(w.value, np.ones((2, 3)))
    for value, expected in zip(f(x=given), kept, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_results_of_one_run_survive_the_next():
    x = sc.Input("x", (None, 3))
    f = sc.compile([2 * x, sc.sum(x)])
    first = f(x=np.ones((2, 3)))
    f(x=np.zeros((2, 3)))
    np.testing.assert_array_equal(first[0], np.full((2, 3), 2))
    assert first[1] == 6


def test_results_can_be_fed_back():
    x = sc.Input("x", (None, 2))
    f = sc.compile(2 * x)
    value = np.ones((1, 2))
    for _ in range(5):
        value = f(x=value)
    np.testing.assert_array_equal(value, [[32, 32]])
    w = sc.Param("w", np.ones((2, 2), np.float32))
    np.testing.assert_array_equal(f(x=w.value), np.full((2, 2), 2))


def test_one_array_for_two_inputs():
    a, b = sc.Input("a", (3,)), sc.Input("b", (3,))
    f = sc.compile([a + b, a - b, sc.exp(a) * b])
    given = np.float32([1, 2, 3])
    for feeds in ({"a": given, "b": given}, {"a": given, "b": given[::-1]}):
        values = f(feeds)
        np.testing.assert_array_equal(values[0], feeds["a"] + feeds["b"])
        np.testing.assert_array_equal(values[1], feeds["a"] - feeds["b"])
        np.testing.assert_allclose(values[2], np.exp(feeds["a"]) * feeds["b"], rtol=1e-6)
    np.testing.assert_array_equal(given, [1, 2, 3])


def test_what_was_given_can_be_changed_later():
    value, mask = np.ones((2, 2)), np.array([[True, False], [True, True]])
    w, c = sc.Param("w", value, mask=mask), sc.Const(value)
    x = sc.Input("x", (2, 2))
    node = x * value
    value[...], mask[...] = 7, False
    np.testing.assert_array_equal(w.value, [[1, 0], [1, 1]])
    np.testing.assert_array_equal(w.mask, [[True, False], [True, True]])
    np.testing.assert_array_equal(c.value, np.ones((2, 2)))
    np.testing.assert_array_equal(sc.compile(node)(x=np.ones((2, 2))), np.ones((2, 2)))
    with pytest.raises(ValueError, match="read-only"):
        c.value[0] = 1


def test_a_parameter_that_cannot_be_written(refused):
    w, v = sc.Param("w", np.ones(2)), sc.Param("v", np.ones(2))
    step = sc.compile(sc.sum(w), updates={v: v + 1, w: w + 1})
    w.value.flags.writeable = False
    assert sc.compile(sc.sum(w))() == 2
    with refused(ValueError, "Param 'w'", "cannot be written"):
        step()
    np.testing.assert_array_equal(v.value, [1, 1])
    w.value.flags.writeable = True
    step()
    np.testing.assert_array_equal(w.value, [2, 2])


def test_a_parameter_changes_in_place_only(refused):
    w = sc.Param("w", np.ones(2))
    f = sc.compile(3 * w)
    w.value += 1
    w.value *= [1, 2]
    np.testing.assert_array_equal(f(), [6, 12])
    with refused(AttributeError, "Param 'w'", "'value' cannot be changed", ".value[...] = ..."):
        w.value = np.zeros(2)
    with refused(AttributeError, "Param 'w'", "'name' cannot be changed"):
        w.name = "v"
    with refused(AttributeError, "'anything' cannot be changed"):
        w.anything = 1
    with refused(AttributeError, "'value' cannot be changed"):
        del w.value
    np.testing.assert_array_equal(f(), [6, 12])


@pytest.mark.parametrize(
    ("mask", "kind", "problem"),
    [
        ([True], ValueError, "the mask has shape (1,), the value (2,)"),
        ([2, 3], ValueError, "other numbers than 0 and 1"),
        ([0.5, 1], ValueError, "other numbers than 0 and 1"),
        ([np.nan, 1], ValueError, "other numbers than 0 and 1"),
        ("ab", TypeError, "'ab'"),
        ([None, True], TypeError, "None"),
    ],
)
def test_masks_that_are_none(mask, kind, problem, refused):
    with refused(kind, "Param 'w'", problem):
        sc.Param("w", [1.0, 2.0], mask=mask)
