"""`Plan`: what a program computes and in which order; the part that all backends share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..graph.context import remembered
from ..graph.errors import GraphError, call_site, message
from ..graph.graph import Graph, pack, unpack_all
from ..graph.leaves import BatchSize, Input, Param
from ..graph.locks import cached_property
from ..graph.node import Node
from ..simplify import RULES, simplify
from ..simplify.expanded import expanded
from .feeds import Feeds, collect


@dataclass(frozen=True)
class Plan:
    """The order of the computation, and what it is for.

    Attributes
    ----------
    asked : tuple of Node
        What the user compiled: the results, then the new values of `updated`.
    outputs : tuple of Node
        The same after `simplify`.
    updated : tuple of Param
        The parameters that get new values at the end of a run.
    """

    asked: tuple[Node, ...]
    outputs: tuple[Node, ...]
    updated: tuple[Param, ...]

    @classmethod
    def of(cls, nodes: Sequence[Node], updates: dict[Param, Node]) -> Plan:
        """The plan for the values of `nodes` and the `updates`, each of its parameter's shape and dtype."""
        asked = (*nodes, *updates.values())
        plan = cls(asked, tuple(simplify(asked, (expanded, *RULES))), tuple(updates))
        plan.check()
        return plan

    def check(self) -> None:
        """Refuse what no run could serve: two inputs of one name, a batch size that nothing tells."""
        names: dict[str, Input] = {}
        for node in self.inputs:
            if node.name in names:
                other = names[node.name]
                raise GraphError(
                    message(f"two inputs are named {node.name!r}", f"the other is {other.site}", node=node)
                )
            names[node.name] = node
        size = self._size
        if size is None or self.tellers or any(None in node.shape for node in self.inputs):
            return
        # A BatchSize is one for all graphs, so its site may be in another: the node that reads it is in this one.
        reader = next((node for node in self.order if size in node.inputs), None)
        problem = "the size of the batch is needed, but no input has a batch axis"
        site = call_site() if reader is None else reader.site
        raise GraphError(message(problem, "it is the value of BatchSize", node=reader, site=site))

    def __reduce__(self) -> Any:
        """One table for all outputs, and where they stand in it; a plan is simplified anew when it is loaded."""
        places = {node: n for n, node in enumerate(Graph(*self.asked).order)}
        return _loaded, (pack(*self.asked), [places[node] for node in self.asked], self.updated)

    @cached_property
    def order(self) -> list[Node]:
        """The nodes to be computed, inputs first."""
        return Graph(*self.outputs).order

    @cached_property
    def inputs(self) -> list[Input]:
        """What must be fed: the inputs of what was asked, before anything was simplified away."""
        return self._graph.inputs

    @cached_property
    def _graph(self) -> Graph:
        """What was asked, before anything was simplified away."""
        return Graph(*self.asked)

    @cached_property
    def optional(self) -> list[Input]:
        """What may be fed beside: where the results are gradients, the inputs of what was differentiated."""
        named = {node.name for node in self.inputs}
        return [node for node in remembered(self.asked, self.inputs) if node.name not in named]

    @cached_property
    def tellers(self) -> list[Input]:
        """Of `optional`, those that tell the size of the batch where it is needed and no other input tells it."""
        if self._size is None or any(None in node.shape for node in self.inputs):
            return []
        return [node for node in self.optional if None in node.shape]

    @cached_property
    def _size(self) -> BatchSize | None:
        """The size of the batch, where it is read."""
        return next((node for node in self.order if isinstance(node, BatchSize)), None)

    def collect(self, feeds: Mapping[Any, Any] | None, named: Mapping[str, Any]) -> Feeds:
        """The arrays that were fed, checked; see `symcnn.engine.feeds`."""
        return collect(self.inputs, feeds, named, self.optional, self.tellers)

    @cached_property
    def uses(self) -> dict[Node, int]:
        """How often each node is read: by other nodes, or as an output."""
        uses = dict.fromkeys(self.order, 0)
        for node in self.order:
            for source in node.inputs:
                uses[source] += 1
        for node in self.outputs:
            uses[node] += 1
        return uses


def _loaded(rows: list[Any], places: list[int], updated: tuple[Param, ...]) -> Plan:
    """A plan from a pickle or for a copy."""
    nodes = unpack_all(rows)
    asked = [nodes[n] for n in places]
    first = len(asked) - len(updated)
    return Plan.of(asked[:first], dict(zip(updated, asked[first:], strict=True)))
