"""`NumpyBackend`: every node of a plan by a NumPy kernel, or by its own forward rule."""

from __future__ import annotations

from ...graph.collector import collector_paused
from ...graph.node import Node
from ..binding import Binding, Bindings, Storage, bind_node
from ..plan import Plan
from .kernels import Reading, reading


class NumpyBackend:
    """Plans computed by NumPy.

    Parameters
    ----------
    every : bool
        Compute each node for itself, so that all values are there.
    """

    def __init__(self, every: bool = False) -> None:
        self._every = every

    def load(self, plan: Plan) -> Bindings:
        """The plan, bound to buffers for each batch size when that is first run."""
        return Bindings(plan, lambda batch: bind(plan, batch, self._every))


@collector_paused
def bind(plan: Plan, batch: int, every: bool = False) -> Binding:
    """Give what is computed of `plan` arrays for a batch of `batch` rows, and prepare what computes it."""
    binding = Binding(plan, batch)
    readings = {} if every else _readings(plan)
    uses = _uses(plan, readings)
    storage = Storage(uses, readings)
    for node in plan.order:
        if uses[node] or not node.inputs:
            bind_node(node, binding, storage, readings.get(node))
    binding.nbytes = storage.arena.nbytes
    return binding


def _readings(plan: Plan) -> dict[Node, Reading]:
    """What is computed together with nodes before it."""
    found = ((node, reading(node)) for node in plan.order if node.inputs)
    return {node: one for node, one in found if one is not None}


def _uses(plan: Plan, readings: dict[Node, Reading]) -> dict[Node, int]:
    """How often each node is read: by what is computed, or as an output; never, where a pattern looks through it."""
    uses = dict.fromkeys(plan.order, 0)
    for node in plan.outputs:
        uses[node] += 1
    for node in reversed(plan.order):
        if uses[node]:
            for source in readings[node].sources if node in readings else node.inputs:
                uses[source] += 1
    return uses
