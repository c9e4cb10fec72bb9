"""A backend of a few lines, which shows what one owes: each node by its own forward rule, under array_api_strict."""

import array_api_strict as xp
import numpy as np

from symcnn.engine.backend import NotFinite, write
from symcnn.engine.feeds import copy_into
from symcnn.graph.leaves import BatchSize, Const, Input, Param


class StrictBackend:
    """Plans computed by array_api_strict."""

    def load(self, plan):
        return StrictExecutable(plan)


class StrictExecutable:
    """A plan: it is computed in its order, and keeps nothing between the runs."""

    def __init__(self, plan):
        self.plan = plan

    def run(self, feeds, batch, *, update, guard):
        values = {}
        with np.errstate(all="ignore"):
            for node in self.plan.order:
                values[node] = xp.asarray(self._value(node, values, feeds, batch))
        arrays = [np.array(values[node]) for node in self.plan.outputs]
        for node, array in zip(self.plan.outputs, arrays, strict=True):
            if guard and array.dtype.kind == "f" and not np.isfinite(array).all():
                raise NotFinite(node)
        asked = len(arrays) - len(self.plan.updated)
        if update:
            write(self.plan.updated, arrays[asked:])
        return arrays[:asked]

    def _value(self, node, values, feeds, batch):
        match node:
            case Input():
                fed = np.empty(node.spec.bind(batch), node.dtype)
                copy_into(fed, node, feeds[node])
                return fed
            case Param() | Const():
                return np.array(node.value)
            case BatchSize():
                return np.asarray(batch, node.dtype)
        inputs = [values[i] for i in node.inputs]
        node.verify(*map(np.asarray, inputs))
        return node.forward(xp, *inputs)

    def report(self, batch, loops):
        return [f"{len(self.plan.order)} nodes", *(f"{type(node).__name__} {node.spec}" for node in self.plan.order)]
