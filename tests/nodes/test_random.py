"""The counter-based generator against the published vectors of Random123, and what its numbers are like."""

import array_api_strict
import numpy as np
import pytest

import symcnn as sc
from symcnn.nodes.random import ROUNDS, key_of, philox, round_keys

PUBLISHED = [  # kat_vectors of Random123 for philox4x32-10: counter, key, result
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize("xp", [np, array_api_strict])
@pytest.mark.parametrize(("counter", "key", "expected"), PUBLISHED)
def test_published_vectors(xp, counter, key, expected):
    low, high = words(key)
    given = tuple(xp.asarray([word], dtype=xp.uint32) for word in words(counter))
    assert [int(word[0]) for word in philox(xp, given, low | high << 32)] == words(expected)


def by_whole_numbers(counter, key):
    """The algorithm as the paper has it, on Python's integers."""
    x, k = list(counter), [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        first, second = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [second >> 32 ^ x[1] ^ k[0], second & 0xFFFFFFFF, first >> 32 ^ x[3] ^ k[1], first & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return x


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("batch", [1, 3, 17])
def test_each_number_is_that_of_its_place(backend, dtype, batch):
    step, key, layer = sc.Input("step", (), "int64"), 0x0123456789ABCDEF, 0xFEDCBA98
    u = sc.Uniform(step, sc.batch_size(), (None, 3, 5), key, layer, dtype)
    x = sc.Input("x", (None, 1, 1), dtype)
    now = 2**32 + 12345
    found = sc.compile(u + 0 * x, backend=backend)(x=np.zeros((batch, 1, 1)), step=now)
    assert found.dtype == dtype and found.shape == (batch, 3, 5)
    each = 2 if dtype == "float64" else 4
    for n in range(batch):
        for e in range(15):
            word = by_whole_numbers((e // each, n, now & 0xFFFFFFFF, layer), key)
            high, low = word[e % each * 4 // each], word[-1 if each == 4 else e % 2 * 2 + 1]
            kept = {"float16": (high >> 21) / 2**11, "float32": (high >> 8) / 2**24}
            kept["float64"] = ((high >> 5) * 2**26 + (low >> 6)) / 2**53
            assert found[n].flat[e] == kept[dtype]


def test_the_keys_of_the_rounds():
    assert round_keys(0)[1] == (0x9E3779B9, 0xBB67AE85)
    assert len(round_keys(2**64 - 1)) == ROUNDS and all(0 <= w < 2**32 for pair in round_keys(2**64 - 1) for w in pair)


def drawn(key, layer=0, step=0, shape=(200, 1000)):
    return sc.compile(sc.Uniform(sc.Const(np.int64(step)), None, shape, key, layer))()


def test_they_are_uniform():
    u = drawn(1).astype(float)
    assert u.min() >= 0 and u.max() < 1
    counts = np.histogram(u, 100, (0, 1))[0]
    assert ((counts - u.size / 100) ** 2 / (u.size / 100)).sum() < 149  # chi-squared, 99 degrees: 0.1 %
    for a, b in ((u[:, 1:], u[:, :-1]), (u[1:], u[:-1]), (u[:, ::2], u[:, 1::2])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.01


@pytest.mark.parametrize("other", [{"key": 2}, {"key": 1 | 1 << 32}, {"layer": 1}, {"step": 1}])
def test_other_counters_give_other_numbers(other):
    u, v = drawn(1), drawn(**{"key": 1, **other})
    assert (u == v).mean() < 1e-4 and abs(np.corrcoef(u.ravel(), v.ravel())[0, 1]) < 0.01


def test_examples_do_not_depend_on_the_batch():
    assert (drawn(1, shape=(3, 5)) == drawn(1, shape=(200, 5))[:3]).all()


def test_seeds(refused):
    assert key_of(2**64 - 1, "dropout") == 2**64 - 1 and key_of(None, "dropout") != key_of(None, "dropout")
    with refused(sc.errors.ArgumentError, "dropout: seed is 18446744073709551616", "below 2^64"):
        key_of(2**64, "dropout")
    with refused(sc.errors.ArgumentError, "dropout: seed is -1"):
        key_of(-1, "dropout")
    with refused(sc.errors.DTypeError, "dropout: seed is 1.5"):
        key_of(1.5, "dropout")


def test_what_cannot_be_drawn(refused):
    step = sc.Const(np.int64(0))
    with refused(sc.errors.ShapeError, "the batch can be the first axis only"):
        sc.Uniform(step, sc.batch_size(), (2, None))
    with refused(sc.errors.ShapeError, "Uniform", "(None, 2)"):
        sc.Uniform(step, None, (None, 2))
    with refused(sc.errors.DTypeError, "the step is () float32"):
        sc.Uniform(sc.Const(np.float32(0)), None, (2,))
    with refused(sc.errors.ArgumentError, "its key is -1"):
        sc.Uniform(step, None, (2,), -1)
    with refused(sc.errors.ArgumentError, "its layer is 4294967296"):
        sc.Uniform(step, None, (2,), 0, 1 << 32)
    with refused(sc.errors.DTypeError, "its dtype is int64"):
        sc.Uniform(step, None, (2,), real="int64")
