"""The work of loop nests, counted in their loops: as in the textbook, and as NumPy counts where borders are clipped."""

import itertools

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.native.analysis.work import Unknown, Work, work
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.ir.loops import FLOAT, INDEX, POINTER, Builder, Type
from symcnn.engine.native.runtime.compiled import Compiled

CPUS = [Cpu.of("skylake-avx512", "+avx512f"), Cpu.of("haswell", "+avx2,+fma")]


def works(outputs, cpu):
    """What each loop nest of the image stages does for a full block of images, by the type of its node."""
    program = sc.compile(outputs, backend="numpy")
    compiled = Compiled.written(program.plan, cpu)
    functions = {f.name: f for f in compiled.lowered.functions}
    known = {"row": 0, "valid": cpu.lanes}
    kernels = itertools.chain(*compiled.lowered.kernels.values())
    return {name.split("_", 2)[2]: work(functions[name], known).operations for name, _ in kernels}


@pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.name)
@pytest.mark.parametrize(
    ("F", "C", "n", "m", "H", "W"), [(20, 1, 9, 9, 28, 28), (7, 3, 2, 5, 11, 13), (1, 1, 1, 1, 3, 3)]
)
def test_convolution_and_its_gradients_are_as_in_the_textbook(cpu, F, C, n, m, H, W):
    x = sc.Input("x", (None, C, H, W))
    e = sc.Input("e", (None, F, H - n + 1, W - m + 1))
    w, b = sc.Param("w", np.zeros((F, C, n, m), "float32")), sc.Param("b", np.zeros(F, "float32"))
    z = sc.Conv(x, w, b)
    dx, dw = sc.grad(z, [x, w], seed=e)
    products = F * C * n * m * (H - n + 1) * (W - m + 1)
    assert works(z, cpu)["conv"] == 2 * products * cpu.lanes
    assert works(dx, cpu)["conv"] == 2 * products * cpu.lanes  # the border of zeros costs nothing
    (of_filters,) = [n for name, n in works(dw, cpu).items() if "pack" not in name]
    over_lanes = F * C * n * m * cpu.lanes.bit_length() * cpu.lanes  # halves, quarters, ... are added up
    assert 0 < of_filters - 2 * products * cpu.lanes <= over_lanes


@pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.name)
@pytest.mark.parametrize(("inputs", "outputs"), [(400, 120), (37, 5), (3, 33)])
def test_products_are_as_in_the_textbook(cpu, inputs, outputs):
    x, e = sc.Input("x", (None, inputs)), sc.Input("e", (None, outputs))
    w, b = sc.Param("w", np.zeros((outputs, inputs), "float32")), sc.Param("b", np.zeros(outputs, "float32"))
    z = sc.Dense(x, w, b)
    dx, dw = sc.grad(z, [x, w], seed=e)
    expected = 2 * inputs * outputs * cpu.lanes
    assert works(z, cpu)["dense"] == expected
    assert works(dx, cpu)["matmul"] == expected
    assert works(dw, cpu)["matmul"] == expected


@pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.name)
@pytest.mark.parametrize("widths", [((0, 0), (1, 1)), ((2, 1), (0, 3)), ((4, 4), (4, 4)), ((1, 0), (0, 0))])
def test_what_lies_outside_of_a_map_is_not_computed(cpu, widths):
    C, F, n, m, H, W = 2, 5, 5, 3, 9, 8
    x = sc.Input("x", (None, C, H, W))
    w = sc.Param("w", np.zeros((F, C, n, m), "float32"))
    z = sc.Conv(sc.Pad(x, ((0, 0), (0, 0), *widths)), w, None)
    padded = np.pad(np.ones((H, W), int), widths)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (n, m))
    assert works(z, cpu)["conv"] == 2 * F * C * int(windows.sum()) * cpu.lanes


def test_pointwise_work_counts_arithmetic_only():
    x = sc.Input("x", (None, 6, 10))
    cpu = CPUS[0]
    assert works(sc.maximum(x, x * x) + 1, cpu)["add"] == 2 * 60 * cpu.lanes  # the maximum is a choice
    assert works(sc.mean_pool(sc.reshape(x, (None, 1, 6, 10)), 2), cpu)["pool"] == 4 * 15 * cpu.lanes


def test_loops_within_loops():
    """Triangles, steps that do not divide, loops that run never, and one in another's place: counted by Python."""
    b = Builder("f", {"x": POINTER, "n": INDEX})
    x, n = b.parameters
    vector = Type(FLOAT, 4)
    with b.loop(0, n) as i, b.loop(b.larger(0, 3 - i), b.smaller(i * 2, 7), 2) as j, b.loop(1, 5), b.loop(j, i):
        v = b.load(x, i, vector)
        b.store(x, j, b.fma(v, v, v))
    with b.loop(5, n - 20):
        b.total(b.load(x, 0, vector))
    turns = sum(len(range(j, i)) * 4 for i in range(9) for j in range(max(0, 3 - i), min(2 * i, 7), 2))
    assert turns > 0
    assert work(b.function, {"n": 9}) == Work(8 * turns, 32 * turns)
    assert work(b.function, {"n": 2}) == Work()


def test_bounds_from_memory_are_not_guessed():
    b = Builder("f", {"x": POINTER})
    (x,) = b.parameters
    with b.loop(0, b.load(x, 3, Type(INDEX))):
        b.fma(b.number(1), b.number(1), b.number(1))
    assert work(b.function, table={3: 7}).operations == 14
    with pytest.raises(Unknown, match="depends on load"):
        work(b.function)


def test_long_loops_are_not_gone_through():
    b = Builder("f", {"x": POINTER})
    with b.loop(0, 10**12), b.loop(0, 10**6):
        b.fma(b.number(1), b.number(1), b.number(1))
    assert work(b.function).operations == 2 * 10**18
