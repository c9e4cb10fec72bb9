"""`Reference`: a plan computed node by node with NumPy, for any backend: for traces, and to find where a NaN arose."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..graph.errors import NonFiniteError, message
from ..graph.leaves import BatchSize, Const, Input, Param
from ..graph.node import Node
from .backend import Array
from .binding import is_finite
from .feeds import Feeds
from .numpy.blas import one_thread
from .numpy.executable import NumpyBackend
from .plan import Plan
from .trace import Trace


class Reference:
    """The values of a plan, one after the other.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._bindings = NumpyBackend(every=True).load(plan)

    def trace(self, feeds: Feeds, batch: int) -> Trace:
        """All values, copied when they are there: their buffers may be used again."""
        values: dict[Node, Array] = {}
        asked: dict[Node, list[Node]] = {}
        for node, output in zip(self.plan.asked, self.plan.outputs, strict=True):
            asked.setdefault(output, []).append(node)

        def keep() -> None:
            for node, value in self._visits(feeds, batch):
                values[node] = np.array(value, order="C")
                for other in asked.get(node, ()):
                    values[other] = values[node]

        one_thread(keep)
        return Trace(values, batch)

    def _visits(self, feeds: Feeds, batch: int) -> Iterator[tuple[Node, Array]]:
        """Compute all values once: each node and its value, whose buffer may be used again after that."""
        with np.errstate(all="ignore"):
            binding = self._bindings.take(batch)
            binding.feed(feeds)
            calls = iter(binding.calls)
            call = next(calls, None)
            for node in self.plan.order:
                while call is not None and call.node is node:
                    call.run()
                    call = next(calls, None)
                yield node, binding.values[node]
        self._bindings.give(binding)

    def blame(self, feeds: Feeds, batch: int, output: Node) -> NonFiniteError:
        """What to raise where `output` is NaN or infinite: it names the node where that arose first."""
        broken = one_thread(lambda: {n for n, value in self._visits(feeds, batch) if not is_finite(value)})
        node = next((o for o in self.plan.outputs if o in broken), None)
        if node is None:  # another engine, which rounds in another way, has found the values on the way finite
            return NonFiniteError(message("computed NaN or infinity", f"it is a {output.spec}", node=output))
        while (source := next((i for i in node.inputs if i in broken), None)) is not None:
            node = source
        return NonFiniteError(message(*_reason(node, feeds), node=node))


def _reason(node: Node, feeds: Feeds) -> tuple[str, ...]:
    """What is wrong with the value of `node`, whose inputs are all finite."""
    if isinstance(node, Input):
        return "the array that was fed has NaN or infinite numbers", _first_bad(np.asarray(feeds[node]))
    if isinstance(node, Param | Const):
        return "its value has NaN or infinite numbers", _first_bad(node.value)
    sources = ", ".join(i.label for i in node.inputs if not isinstance(i, BatchSize))
    return "computed NaN or infinity from finite numbers", f"it is a {node.spec} computed from {sources}"


def _first_bad(value: Array) -> str:
    place = np.unravel_index(int(np.argmax(~np.isfinite(value))), value.shape) if value.ndim else ()
    return f"the first one is at {tuple(int(i) for i in place)}: {value[place]}"
