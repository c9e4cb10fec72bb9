"""Which nodes a loop nest computes: each node of a stage stands in one, whatever the network."""

import numpy as np
import pytest
from user_nodes import Scaled, Sorted

import symcnn as sc
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.runtime.compiled import Compiled
from symcnn.engine.native.runtime.native_binding import NativeBackend
from symcnn.engine.native.runtime.nests import within


def network(pool):
    x, y = sc.Input("x", (None, 2, 14, 14)), sc.Input("y", (None,), "int64")
    a = sc.pool(sc.conv(x, 5, 3, seed=0, name="conv1"), 2, mode=pool)
    b = sc.mean_pool(Scaled(sc.conv(sc.relu(a), 6, 3, pad=1, seed=1, name="conv2"), 2), 3)
    return sc.softmax_cross_entropy(sc.dense(sc.tanh(sc.dense(b, 9, seed=2)), 4, seed=3), y)


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_each_node_of_a_stage_has_its_nest(pool):
    step = sc.train_step(network(pool), sc.SGD(lr=0.1, momentum=0.9))
    compiled = Compiled.written(step.program.plan, Cpu.host())
    order = {node: place for place, node in enumerate(compiled.plan.order)}
    for number, group in compiled.groups.items():
        inside = {n: within(n, group, order) for n in group.loops}
        moved = {n for n in group.members if type(n) is sc.Reshape}  # a reshaped value lies where it was
        assert {*group.loops, *(i for nodes in inside.values() for i in nodes), *moved} >= set(
            compiled.partition.stages[number].nodes
        )
        for node, nodes in inside.items():
            assert not {node, *group.loops, *group.fed} & set(nodes)
            assert all(n.inputs for n in nodes)
            assert sorted(nodes, key=order.__getitem__) == nodes


def test_there_is_a_nest_for_each_time():
    """Also where NumPy computes in between, and where a batch leaves lanes empty."""
    x = sc.Input("x", (None, 6))
    total = sc.sum(Sorted(sc.exp(x)) * 2)
    plan = sc.compile(total, updates={sc.Param("w", np.float32(1)): total}).plan
    bound = NativeBackend().load(plan).bind(19)
    bound.feed({x: np.zeros((19, 6), "float32")})
    for found, nest in zip(bound.times(), bound.nests(), strict=True):
        assert (found[1] == "native") == (nest is not None)
        if nest is not None and not nest.is_job:
            assert nest.text.startswith(found[0].label)
            assert 0 <= nest.operations < 10_000
            assert nest.moved > 0
