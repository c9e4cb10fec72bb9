"""How much is written for a graph: no more than so many lines for each node and input, however the graph is made."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.native.analysis.work import work
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.ir.llvm import module
from symcnn.engine.native.kernels.argument_table import IMAGES, MUST_BE_0, SHARES
from symcnn.engine.native.runtime.compiled import Compiled

WIDE, NARROW = Cpu.of("znver5", "+avx512f"), Cpu.of("haswell", "+avx2,+fma")
MOST = {False: 60, True: 30 * 16}
"""Lines for a node, and for each of its inputs: for blocks of images, and for few, where each lane may have its own."""


def image(*shape):
    return sc.Input("x", (None, *shape))


def neighbours(k):
    x = image(4 * k)
    y = x
    for _ in range(k):
        y = y[:, 1:] + y[:, :-1]
    return x, y


def halves(k):
    x = image(2 ** (k // 4 + 2))
    y = x
    for _ in range(k // 4):
        y = sc.tanh(y[:, ::2]) + y[:, 1::2]
    return x, y


def shifted(k):
    x = image(9)
    y = x
    for _ in range(k):
        y = y + sc.pad(y[:, :-1], ((0, 0), (1, 0)))
    return x, y


def transposed(k):
    x = image(5, 5)
    y = x
    for _ in range(k):
        y = sc.tanh(y + sc.transpose(y, (0, 2, 1)))
    return x, y


def turned(k):
    x = image(2, 5, 5)
    y = x
    for _ in range(k):
        y = sc.relu(y) + sc.rot90(y)
    return x, y


def folded(k):
    """Reshaped back and forth over what cannot be read by the number of its elements."""
    x = image(4, 7)
    y = sc.crop(x, ((0, 0), (0, 0), (0, 1)))
    for _ in range(k):
        y = y + sc.reshape(sc.tanh(sc.reshape(y, (None, 24))), (None, 4, 6))
    return x, y


def rolled(k):
    x = image(12)
    y = x
    for step in range(k):
        there, back = np.roll(np.arange(12), step + 1), np.roll(np.arange(12), -step)
        y = sc.take(y, there, axis=1) + sc.take(y, back, axis=1)
    return x, y


def differences(k):
    x = image(7)
    y = x
    for _ in range(k):
        y = sc.mean(sc.exp(y[:, :, None] - y[:, None, :]), axis=2)
    return x, y


def bordered(k):
    x = image(2, 4, 4)
    y = x
    for _ in range(k):
        y = sc.sigmoid(sc.crop(sc.pad(y, 2), 2))
    return x, y


def enlarged(k):
    """Windows of different sizes in one loop, which overlap what other windows read."""
    x = image(1, 6, 6)
    y = x
    for _ in range(k // 2):
        y = sc.tanh(sc.crop(sc.upsample(y, 3), 6)) + sc.crop(sc.upsample(y, 2), 3)
    return x, y


def spread(k):
    x = image(1, 6, 6)
    y = x
    for _ in range(k):
        wide = sc.Dilate(sc.tanh(y), (1, 1, 2, 2), (None, 1, 12, 12))
        y = sc.crop(wide, 3) + sc.crop(wide, ((0, 0), (0, 0), (2, 4), (4, 2)))
    return x, y


def joined_twice(k):
    x = image(3)
    y = x
    for _ in range(k):
        y = sc.concat([sc.tanh(y), sc.tanh(y)], axis=1)[:, 2:5]
    return x, y


def pieces(k):
    x = image(2 * k, 3)
    return x, sc.concat([sc.tanh(x[:, n : n + 1]) * n for n in range(2 * k)], axis=1)


def the_same_piece(k):
    x = image(3)
    y = x
    for _ in range(10):
        y = sc.tanh(y)
    return x, sc.concat([y] * (10 * k), axis=1)


def running_sums(k):
    x = image(2 * k)
    sums = [x[:, :1]]
    for n in range(1, 2 * k):
        sums.append(sums[-1] + x[:, n : n + 1])
    return x, sc.concat(sums, axis=1)


def sums_of_pairs(k):
    x = image(4 * k)
    left = [x[:, n] for n in range(4 * k)]
    while len(left) > 1:
        left = [a * b for a, b in zip(left[::2], left[1::2], strict=False)] + left[len(left) // 2 * 2 :]
    return x, left[0]


def pooled_again(k):
    levels = min(k // 4, 8)
    x = image(1, 2**levels, 2**levels)
    y = x
    for n in range(levels):
        y = sc.pool(y, 2, ("mean", "max")[n % 2])
    return x, y


FAMILIES = [
    *(neighbours, halves, shifted, transposed, turned, folded, rolled, differences, bordered, enlarged, spread),
    *(joined_twice, pieces, the_same_piece, running_sums, sums_of_pairs, pooled_again),
]


def plan_of(x, y):
    return sc.compile([y, *sc.grad(sc.sum(y * y), [x])], backend="numpy").plan


def written(plan, few, cpu=WIDE):
    return Compiled.written(plan, cpu, few)


def lines(plan, few, cpu=WIDE):
    functions = written(plan, few, cpu).lowered.functions
    return module(functions).count("\n")


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_written_for_a_node_has_a_bound(family, few):
    plan = plan_of(*family(14))
    size = sum(1 + len(node.inputs) for node in plan.order)
    assert lines(plan, few) <= 2000 + MOST[few] * size


@pytest.mark.slow
@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("family", [f for f in FAMILIES if f is not pooled_again])
def test_twice_the_graph_is_twice_the_text(family, few):
    small, middle, large = (lines(plan_of(*family(k)), few, NARROW) for k in (16, 32, 64))
    assert large - middle <= 2.5 * (middle - small) + 200


WINDOWS = {
    "mean": lambda x, p: sc.mean_pool(x, p),
    "max": lambda x, p: sc.max_pool(x, p),
    "of what is computed": lambda x, p: sc.max_pool(sc.sigmoid(x) * 2, p),
    "upsample": lambda x, p: sc.upsample(sc.exp(sc.mean_pool(x, p)), p),
}


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("how", WINDOWS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_window_of_any_size_is_the_same_text(how, few, count):
    def text(p):
        x = image(2, count * p, count * p)
        return lines(plan_of(x, WINDOWS[how](x, p)), few)

    assert text(96) <= 1.25 * text(32)


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("how", WINDOWS)
@pytest.mark.parametrize("count", [1, 2])
def test_the_work_of_a_window_grows_with_its_elements(how, few, count):
    """A maximum and its switches once took the square of them: each element looked for the switch anew."""

    def nbytes(p):
        x = image(1, count * p, count * p)
        found = written(plan_of(x, WINDOWS[how](x, p)), few)
        known = {"me": 0, "chunk": 0, "chunks": 1, "row": 0, "valid": found.block}
        kernels = {name for names in found.lowered.kernels.values() for name, _ in names}
        table = {IMAGES: found.block, SHARES: 1, MUST_BE_0: 0, -1: 0, -2: 0}
        return sum(work(f, known, table).nbytes for f in found.lowered.functions if f.name in kernels)

    assert nbytes(64) <= 4.2 * nbytes(32)


def test_small_windows_are_written_out():
    x = image(1, 12, 12)
    for p in (2, 3, 4):
        plan = plan_of(x, sc.max_pool(sc.tanh(x), p))
        text = str(written(plan, False).lowered)
        assert text.count(f"* {p} + {p - 1}") > 1, text
