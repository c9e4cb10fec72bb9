"""`Recording`: which tensors a page shows of a network, what they are called, and what they were at each moment."""

from __future__ import annotations

from dataclasses import dataclass

from ...backprop import Backprop, backprop
from ...engine.program import compile
from ...engine.trace import Trace
from ...equations.names import Values
from ...equations.notation import Notation
from ...graph.algebra import ones
from ...graph.errors import DTypeError, call_site, message
from ...graph.graph import Graph
from ...graph.leaves import Const, Input, Leaf, Param
from ...graph.locks import cached_property
from ...graph.node import Node
from ...nodes.shape import Reshape
from ...text import quoted
from ..diagram.builder import DiagramBuilder
from .budget import MOST, too_large
from .links import Link, is_slope, links_of, read_beside, slope_key
from .weighted_sums import weights_in

Parts = list[tuple[str, Node]]
"""Keys of tensors, and the weight that each of their units has in a unit of an error."""


@dataclass(frozen=True)
class Recorded:
    """One tensor of the page.

    Attributes
    ----------
    key : str
        Unlike any other's.
    node : Node
        What computes it.
    symbol : str
        What it is called: "z1", "δ(z1)".
    title : str
        With its meaning: "δ(z1) = ∂J/∂z1".
    of : Node or None
        For an error: the value it is the error of.
    """

    key: str
    node: Node
    symbol: str
    title: str
    of: Node | None = None


class Recording:
    """The tensors of a page.

    Parameters
    ----------
    J : Node
        What is explained.

    Attributes
    ----------
    recorded : {str: Recorded}
        The tensors by their keys.
    moments : list of str
        What the moments are called.
    traces : list of Trace
        What was computed at each of them.
    """

    def __init__(self, J: Node) -> None:
        self.back = backprop(_end(J))
        self.teller = DiagramBuilder(self.back, fold=False)
        self.notation: Notation = self.teller.notation
        self.values = self.notation.values
        self.links: dict[Node, list[Link]] = {value: links_of(self.values, value) for value in self.values.computed}
        self.recorded: dict[str, Recorded] = {}
        self.beside: dict[Node, list[str]] = {}
        """For each value: the keys of what its backward rules compute from the forward pass alone."""
        self._list_values()
        self._list_errors()
        self._list_slopes()
        self._list_beside()
        self.sums = self._sums()
        weights = [weight for parts in self.sums.values() for _, weight in parts]
        self._program = compile([*(r.node for r in self.recorded.values()), *weights])
        self.moments: list[str] = []
        self.traces: list[Trace] = []

    # What is recorded ----------------------------------------------------------------------

    def name(self, node: Node) -> str:
        """The key of a value: what it is called."""
        return str(self.notation.symbol(node))

    def error_name(self, node: Node) -> str:
        """The key of its error."""
        return str(self.notation.error_symbol(node))

    def part_name(self, node: Node, reader: Node) -> str:
        """The key of what a reader sends to a value that has several."""
        return f"{self.error_name(node)} from {self.name(reader)}"

    def _add(self, key: str, node: Node, symbol: str, title: str, of: Node | None = None) -> None:
        self.recorded[key] = Recorded(key, node, symbol, title, of)

    def _list_values(self) -> None:
        for node, symbol in self.values.symbols.items():
            if isinstance(node, Input | Param | Const) or node in self.values.computed:
                self._add(str(symbol), node, str(symbol), str(symbol))

    def _list_errors(self) -> None:
        J = self.name(self.values.J)
        for node, readers in self.senders.items():
            wrapped = self.notation.error_symbol(node)
            title = f"{wrapped} = ∂{J}/∂{self.notation.symbol(node)}"
            self._add(str(wrapped), self.back.delta(node), str(wrapped), title, node)
            for reader, part in readers.items() if len(readers) > 1 else ():
                key = self.part_name(node, reader)
                self._add(key, part, str(wrapped), f"the part of {wrapped} that comes from {self.name(reader)}", node)

    @cached_property
    def sent(self) -> dict[Node, dict[Node, Node]]:
        """For each named value that the sweep visits, where an error is needed, the last first: what it sends on."""
        deltas, computed = self.notation.deltas, reversed(self.values.computed)
        visited = [value for value in computed if value in deltas and self.notation.is_needed(value)]
        return {value: self.notation.sent_for(value, deltas[value]) for value in visited}

    @cached_property
    def senders(self) -> dict[Node, dict[Node, Node]]:
        """For each value whose error is needed: the values that read it, and what each sends to it."""
        found: dict[Node, dict[Node, Node]] = {self.values.J: {}}
        for value, sent in self.sent.items():
            for source, error in sent.items():
                if self.notation.is_needed(source) and not isinstance(source, Const):
                    found.setdefault(source, {})[value] = error
        return found

    def _list_slopes(self) -> None:
        """The derivative of each function of single elements: the error that it sends when its own is 1."""
        for value, links in self.links.items():
            slopes = [link for link in links if is_slope(link)] if value in self.sent else []
            sent = self.notation.sent_for(value, ones(value)) if slopes else {}
            for link in slopes:
                if link.source in sent:  # which the exponent of a power is not
                    symbol = slope_key(self.name(value), self.name(link.source))
                    self._add(symbol, sent[link.source], symbol, symbol)

    def _list_beside(self) -> None:
        """Softmax, switches and the like: what errors are made of, beside values and errors."""
        for value, sent in self.sent.items():
            known = dict.fromkeys(self.values.symbols, "value") | {self.notation.deltas[value]: "error"}
            found: dict[str, Node] = {}
            for error in () if any(map(is_slope, self.links[value])) else sent.values():
                for node in read_beside(error, known):
                    (readable,) = self.notation.readable([node])
                    found[self.notation.formula(readable)] = node
            for text, node in found.items():
                if text not in self.recorded:
                    self._add(text, node, text, text)
            self.beside[value] = list(found)

    def _sums(self) -> dict[tuple[Node, Node], Parts]:
        """For errors that no link explains, by value and source: what may be added up there, and each one's weight."""
        keys = {r.node: r.key for r in self.recorded.values()}
        found = {}
        for value, sent in self.sent.items():
            explained = {link.source for link in self.links[value] if link.kind}
            beside = [self.recorded[key].node for key in self.beside[value]]
            values = [n for n in self.values.sources(value) if n in self.values.symbols]
            for source, error in sent.items():
                if source not in explained:
                    weights = weights_in(error, [*beside, *values], [self.notation.deltas[value]])
                    found[value, source] = [(keys[part], weight) for part, weight in weights if part in keys]
        return found


def _end(J: Node) -> Node:
    """What is explained: `J`, and a value of its own where J is a leaf."""
    if isinstance(J, Backprop):
        what = "a page is made of a node; a sweep was given"
        raise DTypeError(message(what, "give its node: back.J", site=call_site()))
    if not isinstance(J, Node):
        raise DTypeError(message(f"a page is made of a node, got {quoted(J)}", site=call_site()))
    J = Reshape(J, J.shape) if isinstance(J, Leaf) else J
    count = len(Values(Graph(J).order).computed)
    if count > MOST:
        raise too_large(f"it has {count:,} values; a page has room for {MOST:,}")
    return J
