"""Integers stay integers: no value goes through a real number on its way, on any engine.

Right values are NumPy's on arrays that are wide enough, or Python's own integers.
"""

import numpy as np
import pytest

import symcnn as sc

BACKENDS = ("numpy", "native")
DTYPES = ("uint8", "int16", "int32", "int64", "uint64")
LARGE = (2**24, 2**24 + 1, 2**53, 2**53 + 1)
"""float32 and float64 hold the first of each pair and not the second."""


def numbers(dtype, shape, seed):
    info = np.iinfo(dtype)
    ends = [info.min, info.min + 1, info.max - 1, info.max]
    small = [0, 1, 2, 3, 5, 100, *LARGE, *(n + 1 for n in LARGE)]
    pool = [*ends, *(n for n in small if n <= info.max), *([-1, -7] if info.min else [])]
    return np.random.default_rng(seed).choice(np.array(pool, dtype), shape)


def wide(a):
    """What arithmetic computes with."""
    return a.astype("uint64" if a.dtype == np.uint64 else "int64")


def windows(a):
    """Each window of 2 x 2 as a row."""
    n, c, h, w = a.shape
    return a.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(n, c, h // 2, w // 2, 4)


def like(number, a):
    return np.array(number, a.dtype)


def first_largest(a):
    found = np.zeros(a.shape, bool)
    np.put_along_axis(found, a.argmax(-1)[..., None], True, -1)
    return found


ARITHMETIC = {
    "add": (lambda x, z: x + z, lambda x, z: wide(x) + wide(z)),
    "subtract": (lambda x, z: x - z, lambda x, z: wide(x) - wide(z)),
    "multiply": (lambda x, z: x * z, lambda x, z: wide(x) * wide(z)),
    "a number": (lambda x, z: 3 - x, lambda x, z: like(3, wide(x)) - wide(x)),
    "negate": (lambda x, z: -x, lambda x, z: -wide(x)),
    "absolute": (lambda x, z: abs(x), lambda x, z: np.abs(wide(x))),
    "square": (lambda x, z: x**2, lambda x, z: wide(x) * wide(x)),
    "sum": (lambda x, z: sc.sum(x, axis=(1, 2)), lambda x, z: wide(x).sum((1, 2))),
    "sum of the batch": (lambda x, z: sc.sum(x, axis=0), lambda x, z: wide(x).sum(0)),
    "sum_to": (lambda x, z: sc.sum_to(x, (2, 1, 4)), lambda x, z: wide(x).sum((0, 2), keepdims=True)[0]),
    "product": (lambda x, z: x @ z, lambda x, z: wide(x) @ wide(z)),
    "put": (
        lambda x, z: sc.Put(x, sc.Const([1, 1]), 1, 2),
        lambda x, z: np.stack([like(0, wide(x)) * wide(x)[:, 0], wide(x)[:, 0] + wide(x)[:, 1]], 1),
    ),
}
CHOICES = {
    "where": (lambda x, z: sc.where(x > z, x, z), lambda x, z: np.where(x > z, x, z)),
    "where 0": (lambda x, z: sc.where(x > z, x, 0), lambda x, z: np.where(x > z, x, like(0, x))),
    "maximum": (lambda x, z: sc.maximum(x, z), lambda x, z: np.maximum(x, z)),
    "minimum": (lambda x, z: sc.minimum(x, 100), lambda x, z: np.minimum(x, like(100, x))),
    "sign": (lambda x, z: np.sign(x), lambda x, z: np.sign(x)),
    "relu": (lambda x, z: sc.relu(x), lambda x, z: np.maximum(x, like(0, x))),
    "max": (lambda x, z: sc.max(x, axis=3), lambda x, z: x.max(3)),
    "max_pool": (lambda x, z: sc.max_pool(x, 2), lambda x, z: windows(x).max(-1)),
    "argmax": (lambda x, z: sc.argmax(x), lambda x, z: x.argmax(-1)),
    "first maximum": (lambda x, z: sc.FirstMax(x, (3,)), lambda x, z: first_largest(x)),
    "switches": (lambda x, z: sc.Switches(x, 2), lambda x, z: windows(x).argmax(-1)),
    "concat": (lambda x, z: sc.concat([x, z]), lambda x, z: np.concatenate([x, z], 1)),
}
COMPARISONS = {
    ">": (lambda x, z: x > z, lambda x, z: x > z),
    ">=": (lambda x, z: x >= z, lambda x, z: x >= z),
    "<": (lambda x, z: x < z, lambda x, z: x < z),
    "<=": (lambda x, z: x <= z, lambda x, z: x <= z),
    "equal": (lambda x, z: sc.equal(x, z), lambda x, z: x == z),
    "> 2^24": (lambda x, z: x > 2**24, lambda x, z: x.astype(object) > 2**24),
    "< 2^53 + 1": (lambda x, z: x < 2**53 + 1, lambda x, z: x.astype(object) < 2**53 + 1),
    "> a half": (lambda x, z: x > 2**24 + 0.5, lambda x, z: x.astype(object) > 2**24 + 0.5),
    ">= a whole float": (lambda x, z: x >= 2.0**53, lambda x, z: x.astype(object) >= 2**53),
}
MOVES = {
    "pad": (lambda x, z: sc.pad(x, 1), lambda x, z: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))),
    "crop": (lambda x, z: sc.crop(x, 1), lambda x, z: x[:, :, 1:-1, 1:-1]),
    "dilate": (
        lambda x, z: sc.Dilate(x, (1, 1, 2, 3), (None, 2, 8, 12)),
        lambda x, z: np.kron(x, np.array([[1, 0, 0], [0, 0, 0]], x.dtype)),
    ),
    "upsample": (lambda x, z: sc.upsample(x, 2), lambda x, z: x.repeat(2, 2).repeat(2, 3)),
    "broadcast": (lambda x, z: sc.broadcast_to(x[:, :1], x.shape), lambda x, z: x[:, [0, 0]]),
    "rot90": (lambda x, z: sc.rot90(x), lambda x, z: x[:, :, ::-1, ::-1]),
    "swap": (lambda x, z: sc.swap(x), lambda x, z: x.swapaxes(0, 1)),
    "transpose": (lambda x, z: sc.transpose(x, (0, 2, 3, 1)), lambda x, z: x.transpose(0, 2, 3, 1)),
    "take": (lambda x, z: sc.take(x, [1, 0, 1], 1), lambda x, z: x[:, [1, 0, 1]]),
    "pick": (
        lambda x, z: sc.Pick(z, sc.Switches(x, 2), 2),
        lambda x, z: np.take_along_axis(windows(z), windows(x).argmax(-1)[..., None], -1)[..., 0],
    ),
    "place": (
        lambda x, z: sc.crop(sc.Place(sc.max_pool(x, 2), sc.Switches(x, 2), 2), ((0, 0), (0, 0), (0, 2), (0, 2))),
        lambda x, z: np.where(first_largest(windows(x)[:, :, 0, 0]), windows(x)[:, :, 0, 0], like(0, x)).reshape(
            len(x), 2, 2, 2
        ),
    ),
}
CASES = {**ARITHMETIC, **CHOICES, **COMPARISONS, **MOVES}


@pytest.mark.parametrize(
    ("backend", "dtype"),
    [("numpy", d) for d in DTYPES]
    + [pytest.param("native", d, marks=[] if d == "int64" else pytest.mark.slow) for d in DTYPES],
)
def test_integers_of_any_size_stay_what_they_are(backend, dtype):
    x, z = sc.Input("x", (None, 2, 4, 4), dtype), sc.Input("z", (None, 2, 4, 4), dtype)
    program = sc.compile([build(x, z) for build, _ in CASES.values()], backend=backend)
    for batch in (1, 17):
        a, b = numbers(dtype, (batch, 2, 4, 4), batch), numbers(dtype, (batch, 2, 4, 4), batch + 1)
        for found, (name, (_, right)) in zip(program(x=a, z=b), CASES.items(), strict=True):
            with np.errstate(over="ignore"):
                expected = np.asarray(right(a, b))
            np.testing.assert_array_equal(found, expected.astype(found.dtype), err_msg=name)
            assert expected.dtype in (object, found.dtype), name


@pytest.mark.parametrize("backend", BACKENDS)
def test_neighbours_above_the_reals_range_are_told_apart(backend):
    a = sc.Input("a", (None,), "int64")
    nodes = [a > 2**24, a > a - 1, sc.maximum(a, 2**53), sc.where(a > 2**53, a, 2**53), a + 1 - 1, -a]
    for n in LARGE:
        found = [v.tolist() for v in sc.compile(nodes, backend=backend)(a=[n])]
        assert found == [[n > 2**24], [True], [max(n, 2**53)], [max(n, 2**53)], [n], [-n]]


def test_bytes_do_not_wrap_and_meet_reals_as_reals():
    x = sc.Input("x", (3,), "uint8")
    given = np.array([0, 200, 255], "uint8")
    nodes = [x + x, x * x, x - 255, -x, abs(x - 255), sc.sum(x), x**3, sc.where(x > 100, x, 300), x / 2, x * 0.5]
    found = sc.compile(nodes)(x=given)
    assert [f.dtype.name for f in found] == ["int64"] * 8 + ["float32"] * 2
    n = given.astype(object)
    expected = [n + n, n * n, n - 255, -n, 255 - n, n.sum(), n**3, np.where(n > 100, n, 300), n / 2, n / 2]
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(f, np.array(e, f.dtype))


def test_the_dtypes_of_integers():
    x = {d: sc.Input(d, (2,), d) for d in (*DTYPES, "bool", "float32", "float64")}
    assert (x["int32"] + x["int64"]).dtype == (x["uint8"] + x["int16"]).dtype == np.int64
    assert (x["bool"] + x["bool"]).dtype == sc.sum(x["bool"]).dtype == np.int64
    assert (x["uint64"] + x["uint8"]).dtype == (x["uint64"] + 1).dtype == np.uint64
    assert sc.maximum(x["uint8"], x["int16"]).dtype == np.int16
    assert sc.concat([x["bool"], x["bool"]], 0).dtype == sc.where(x["bool"], x["bool"], x["bool"]).dtype == bool
    assert sc.where(x["bool"], x["bool"], 1).dtype == np.int64
    for real in ("float32", "float64"):
        for node in (x["int64"] + x[real], sc.maximum(x["uint8"], x[real]), sc.where(x["bool"], x["int32"], x[real])):
            assert node.dtype == real
    assert (x["int64"] * 0.5).dtype == (x["int64"] / 2).dtype == sc.mean(x["int64"]).dtype == np.float32
    assert (x["int64"] ** -1).dtype == (x["int64"] ** 0.5).dtype == sc.exp(x["int32"]).dtype == np.float32
    assert sc.where(x["bool"], 1, 0).dtype == np.float32  # numbers alone are reals, as everywhere
    assert (x["int64"] ** 0).dtype == np.int64


def test_what_no_integer_holds_is_refused(refused):
    signed, unsigned = sc.Input("s", (2,), "int8"), sc.Input("u", (2,), "uint64")
    for build in (
        lambda: unsigned + signed,
        lambda: sc.maximum(signed, unsigned),
        lambda: sc.concat([unsigned, signed], 0),
    ):
        with refused(TypeError, "no integer dtype holds all of", "uint64", "sc.cast"):
            build()
    with refused(ValueError, "Add: its input b is -1: it does not fit into uint64"):
        unsigned + -1
    with refused(ValueError, "it does not fit into int64"):
        signed + 2**63
    assert sc.compile(unsigned > signed)(u=np.array([2**63, 0], "uint64"), s=[1, -1]).tolist() == [True, True]
    assert sc.compile(unsigned > -1)(u=[0, 1]).tolist() == [True, True]


def test_no_error_goes_to_integers(passes):
    """They have no gradients; the reals beside them have theirs."""
    x, n = sc.Input("x", (3,), "float64"), sc.Input("n", (3,), "int64")
    nodes = (n * x + n, sc.where(n > 1, x, n), sc.maximum(x, n), sc.concat([x, n], 0)[:3], x ** (n + n), x / n)
    slopes = (lambda x, n: n, lambda x, n: n > 1, lambda x, n: x > n, lambda x, n: 0 * x + 1,
              lambda x, n: 2 * n * x ** (2.0 * n - 1), lambda x, n: 1 / n)  # fmt: skip
    a, k = np.array([0.5, 3.0, 2.0]), np.array([1, 2, 3])
    for node, slope in zip(nodes, slopes, strict=True):
        _, (error,) = passes(node, [x], {"x": a, "n": k}, np.ones(3))
        np.testing.assert_allclose(error, slope(a, k), rtol=1e-12)
    with pytest.raises(sc.errors.GradientError, match="int64 values have no gradients"):
        sc.grad(sc.sum(n * x), n)
    with pytest.raises(sc.errors.GradientError, match="no gradients"):
        sc.grad(sc.sum(n * n), n)


def test_a_sum_of_booleans_counts():
    x, y = sc.Input("x", (None, 4)), sc.Input("y", (None,), "int64")
    hits = sc.sum(sc.equal(sc.argmax(x), y))
    for backend in BACKENDS:
        assert sc.compile(hits, backend=backend)(x=np.eye(4), y=[0, 1, 0, 3]) == 3


def test_integers_that_a_network_reads_are_its_reals():
    """An image of bytes less its mean: the difference is a whole number, what the network reads is not."""
    x = sc.Input("x", (None, 1, 6, 6), "uint8")
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 6, 6), "uint8")
    z = sc.conv((x - 128) / 64, 2, 3, seed=0)
    shifted = (images.astype("float64") - 128) / 64
    w = z.params[0].value.astype("float64")
    expected = sum(
        w[:, 0, u, v].reshape(1, 2, 1, 1) * shifted[:, :, u : u + 4, v : v + 4] for u in range(3) for v in range(3)
    )
    for backend in BACKENDS:
        found = sc.compile(z, backend=backend)(x=images)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
