"""`NumpyBackend`: every node of a plan by a NumPy kernel, or by its own forward rule."""

from __future__ import annotations

from ...graph.collector import collector_paused
from ..binding import Binding, Bindings, Storage, bind_node
from ..plan import Plan


class NumpyBackend:
    """Plans computed by NumPy."""

    def load(self, plan: Plan) -> Bindings:
        """The plan, bound to buffers for each batch size when that is first run."""
        return Bindings(plan, lambda batch: bind(plan, batch))


@collector_paused
def bind(plan: Plan, batch: int) -> Binding:
    """Give every node of `plan` an array for a batch of `batch` rows, and prepare what computes it."""
    binding = Binding(plan, batch)
    storage = Storage(plan)
    for node in plan.order:
        bind_node(node, binding, storage)
    binding.nbytes = storage.arena.nbytes
    return binding
