"""What gets a buffer, and that no buffer is written over while it is still read."""

import pytest

import symcnn as sc
from symcnn.engine.native.analysis.fusion import fuse
from symcnn.engine.native.analysis.partition import Kind, elements, partition
from symcnn.engine.native.ir.loops import SIZES
from symcnn.engine.native.kernels.tiling import rectangle, row_tile
from symcnn.engine.patterns import Convolution, accumulated, reads
from symcnn.engine.plan import Plan


def step(dtype="float32"):
    x, y = sc.Input("x", (None, 2, 14, 14), dtype), sc.Input("y", (None,), "int64")
    a = sc.max_pool(sc.conv(x, 5, 3, seed=0), 2)
    b = sc.mean_pool(sc.sigmoid(sc.conv(sc.relu(a), 6, 3, pad=1, seed=1)), 3)
    J = sc.softmax_cross_entropy(sc.dense(sc.tanh(sc.dense(b, 9, seed=2)), 4, seed=3), y)
    return sc.train_step(J, sc.SGD(lr=0.1, momentum=0.9)).program.plan


def groups(plan, lanes=16):
    found = partition(plan)
    for stage in found.stages:
        if stage.kind == "image":
            results = {n for n in stage.nodes if n in plan.outputs or found.kinds[n] is Kind.SUM}
            yield found, fuse(stage.nodes, results, found, lanes)


def test_a_training_step_has_one_stage_of_each_kind():
    kinds = [stage.kind for stage in partition(step()).stages]
    assert kinds == ["numpy", "image", "shared"]


def test_what_is_looked_through_is_not_computed():
    found = partition(step())
    assert not {type(n) for n in found.kinds} & {sc.Rot90, sc.Transpose}
    convolutions = [n for n in found.kinds if Convolution.of(n) is not None]
    assert len(convolutions) == 3  # two forward, one error; the gradients are sums


def test_values_that_one_loop_reads_have_no_buffer():
    ((_, group),) = groups(step())
    written = {type(n) for n in group.slots}
    assert sc.Conv in written
    assert not written & {sc.Upsample, sc.OneHot, sc.Sub, sc.Reshape}


class Account:
    """A second account of memory: which value each line of it holds."""

    def __init__(self, group, lanes):
        self.group, self.lanes, self.holder = group, lanes, {}

    def lines(self, node):
        slot = self.group.slots[node]
        size = elements(node) * self.lanes * SIZES[slot.element]
        assert slot.offset % 64 == 0
        assert slot.offset + size <= self.group.nbytes
        return range(slot.offset, slot.offset + size, 64)

    def write(self, node):
        self.holder.update(dict.fromkeys(self.lines(node), node))

    def read(self, node, seen):
        """Whether all that the loops of `node` read is there, through what is computed within them."""
        for source in map(self.group.base, reads(node)):
            if source in seen or source not in self.group.members | set(self.group.fed):
                continue
            seen.add(source)
            if source in self.group.slots:
                assert {self.holder[line] for line in self.lines(source)} == {source}, (node, source)
            else:
                self.read(source, seen)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lanes", [2, 4, 8, 16])
def test_no_buffer_is_written_over_while_it_is_read(dtype, lanes):
    ((_, group),) = groups(step(dtype), lanes)
    account = Account(group, lanes)
    for node in group.fed:
        account.write(node)
    for node in group.loops:
        account.read(node, set())
        if accumulated(node) is None:
            account.write(node)


def test_memory_is_used_again():
    ((_, group),) = groups(step())
    assert group.nbytes < 0.9 * sum(64 * elements(n) for n in group.slots)


def test_tiles_fit_the_registers():
    for registers in (16, 32):
        for rows in (1, 2, 6, 7, 20, 64):
            for columns in (1, 3, 5, 11, 20, 28):
                r, c = rectangle(rows, columns, registers)
                assert 1 <= r <= rows
                assert 1 <= c <= columns
                assert r * c + c + 1 <= registers
        assert all(1 <= row_tile(n, registers) <= min(n, registers) for n in range(1, 300))


def test_plans_without_images_have_no_native_stage():
    w = sc.Param("w", [1.0, 2.0])
    assert {stage.kind for stage in partition(Plan.of([w * 2 + 1], {})).stages} == {"numpy"}
