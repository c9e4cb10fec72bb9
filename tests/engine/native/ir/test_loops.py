"""The loop language: what is worked out while it is written, how it prints, and that it computes what it says."""

import ctypes

import numpy as np
import pytest

from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.ir.llvm import module
from symcnn.engine.native.ir.loops import DOUBLE, FLOAT, INDEX, POINTER, Builder
from symcnn.engine.native.runtime.jit import Library, optimised, target_machine


def call(b, *arguments):
    library = Library(module([b.function]), Cpu.host(), [b.function.name])
    kinds = [ctypes.c_void_p if isinstance(a, np.ndarray) else ctypes.c_int64 for a in arguments]
    given = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]
    ctypes.CFUNCTYPE(None, *kinds)(library.addresses[b.function.name])(*given)


def test_indices_that_are_known_are_not_computed():
    b = Builder("f", {"n": INDEX})
    (n,) = b.parameters
    assert (n + 0, n * 1, n * 0) == (n, n, 0)
    assert b.index("add", 2, 3) == 5
    place = n * 6 + 4
    assert b.quotient(place, 6) == (n, 4)
    assert b.quotient(n * 6, 6) == (n, 0)
    assert b.quotient(17, 5) == (3, 2)
    assert [s.op for s in b.function.body] == ["mul", "add", "mul"]


@pytest.mark.parametrize("by", [1, 3, 7])
def test_quotients_that_are_not_known_are_computed(by):
    b = Builder("f", {"x": POINTER, "n": INDEX}, exported=True)
    x, n = b.parameters
    with b.loop(0, n) as i:
        quotient, rest = b.quotient(i, by)
        b.store(
            x,
            i,
            b.convert("bitcast", b.binary("add", b.splat(quotient * 100 + rest, 1), b.integer(0, 1, INDEX)), INDEX),
        )
    found = np.zeros(20, np.int64)
    call(b, found, 20)
    assert found.tolist() == [i // by * 100 + i % by for i in range(20)]


def test_registers_survive_loops_that_run_never():
    b = Builder("f", {"x": POINTER, "n": INDEX}, exported=True)
    x, n = b.parameters
    total = b.register(b.number(5))
    with b.loop(0, n) as i, b.loop(0, i):
        b.set(total, b.binary("fadd", b.get(total), b.number(1)))
    b.store(x, 0, b.get(total))
    for count, expected in [(0, 5), (1, 5), (4, 11)]:
        found = np.zeros(1, np.float32)
        call(b, found, count)
        assert found[0] == expected


@pytest.mark.parametrize(("real", "dtype"), [(FLOAT, "f4"), (DOUBLE, "f8")])
@pytest.mark.parametrize("lanes", [2, 4, 8, 16])
def test_transpose_and_total(real, dtype, lanes):
    b = Builder("f", {"x": POINTER, "y": POINTER, "z": POINTER}, exported=True, real=real)
    x, y, z = b.parameters
    rows = [b.load(x, n * lanes, b.reals(lanes)) for n in range(lanes)]
    for n, row in enumerate(b.transpose(rows)):
        b.store(y, n * lanes, row)
        b.store(z, n, b.total(row))
    given = np.random.default_rng(0).integers(-9, 9, (lanes, lanes)).astype(dtype)
    turned, totals = np.zeros_like(given), np.zeros(lanes, dtype)
    call(b, given, turned, totals)
    np.testing.assert_array_equal(turned, given.T)
    np.testing.assert_array_equal(totals, given.sum(axis=0))


@pytest.mark.parametrize(("real", "dtype"), [(FLOAT, "f4"), (DOUBLE, "f8")])
def test_numbers_keep_all_digits_of_their_kind(real, dtype):
    b = Builder("f", {"x": POINTER}, exported=True, real=real)
    for n, number in enumerate(numbers := [1 / 3, -0.0, 1e-40, 1e38, float("inf")]):
        b.store(b.offset(b.parameters[0], n), 0, b.number(number))
    found = np.zeros(len(numbers), dtype)
    call(b, found)
    assert found.tobytes() == np.array(numbers, dtype).tobytes()


@pytest.mark.parametrize(
    ("name", "features", "architecture", "word"),
    [
        ("haswell", "+avx2,+fma", "x86_64", "ymm"),
        ("x86-64", "+sse2", "x86_64", "xmm"),
        ("skylake-avx512", "+avx512f,+avx2,+fma", "x86_64", "zmm"),
        ("neoverse-n1", "", "aarch64", "v0"),
    ],
)
@pytest.mark.parametrize(("real", "kind", "on_arm"), [(FLOAT, "ps\t", ".4s"), (DOUBLE, "pd\t", ".2d")])
def test_code_for_other_processors(name, features, architecture, word, real, kind, on_arm):
    cpu = Cpu.of(name, features, f"{architecture}-unknown-linux-gnu").computing(real)
    b = Builder("f", {"x": POINTER}, exported=True, real=real)
    v = b.load(b.parameters[0], 0, b.reals(cpu.lanes))
    b.store(b.parameters[0], 0, b.fma(v, v, v))
    machine = target_machine(cpu)
    lines = machine.emit_assembly(optimised(module([b.function]), machine)).splitlines()
    one = on_arm if cpu.is_arm else kind
    products = [line for line in lines if one in line and ("fmla" in line or "fmadd" in line or "mul" in line)]
    assert len(products) == 1
    assert word in products[0]
