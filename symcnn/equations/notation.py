"""How a sweep is written down: the names of its values and errors, and the formulas between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count

from ..backprop import Backprop, backprop, errors_swept
from ..graph.graph import Graph
from ..graph.leaves import Const, Input, Leaf, Param, folded
from ..graph.locks import cached_property
from ..graph.node import Node
from ..graph.spec import Spec
from ..nodes.shape import Reshape
from ..simplify import RULES, simplify
from ..simplify.neutral import uniform
from ..simplify.zero_errors import added
from .names import LIMIT, Symbol, Values
from .tidy import as_trained, tidy, unspread, without_gaps
from .typeset import Formula, Spill, Writer


class Quoted(Leaf):
    """A value that is shown by its name; rewriting does not look behind it."""

    number: int
    """Its place among the quoted values of a `Notation`."""
    kept: Spec

    def infer(self) -> Spec:
        return self.kept


class Notation:
    """The names and formulas of one sweep.

    Attributes
    ----------
    values : Values
        The named values of the forward pass.
    steps : list of Step
        The visits of the sweep.
    deltas : {Node: Node}
        The error of each node that the sweep visited.
    receivers : {Node: list of Node}
        For each node that the sweep visited: the inputs to which its rule sent an error.

    Parameters
    ----------
    back : Backprop
    also : Node, optional
        A node that gets a name, too, and all others those that they have without it.
    alone : bool
        Whether J is no end of a network, but a value to be written by itself: called z1 or a1, and in one line.
    """

    def __init__(self, back: Backprop, also: Node | None = None, alone: bool = False) -> None:
        if isinstance(back.J, Leaf):
            back = backprop(Reshape(back.J, back.J.shape), back.delta(back.J))  # a value of its own, to be called J
        self.values = Values(Graph(back.J).order, alone)
        if also is not None and also not in self.values.symbols:
            self.values = Values(Graph(back.J).order, alone, self.values, also)
        self.steps = back.steps
        self.deltas = {step.node: step.delta for step in back.steps}
        self.receivers = {step.node: [source for source, _ in step.sent] for step in back.steps}
        self._symbols: dict[Node, Symbol] = dict(self.values.symbols)
        """What is shown by a name: named values, quoted ones, and spilled parts."""
        self._quotes: dict[Node, Node] = {}
        self._originals: dict[Node, Node] = {}
        self._cuts: dict[Node, Node] = {}
        self._errors: dict[Node, Node] = {}
        self._sent: dict[Node, dict[Node, Node]] = {}
        self._spilled: list[tuple[Symbol, Node]] = []
        self._numbers = count(1)
        whole: Spill = lambda _, formula: formula  # noqa: E731
        spills = {"text": whole if alone else self._spill, "latex": whole}
        self._writers = {kind: Writer(kind, self._naming(kind), spill) for kind, spill in spills.items()}

    # Names ---------------------------------------------------------------------------------

    def symbol(self, node: Node) -> Symbol:
        """What a named value of the forward pass is called."""
        return self.values.symbols[node]

    def error_symbol(self, node: Node) -> Symbol:
        """What the error of a named value is called: δ(z1), or ∇W1 for a parameter."""
        return self.symbol(node).wrapped("grad" if isinstance(node, Param) else "delta")

    def is_needed(self, value: Node) -> bool:
        """Whether the error of a value is on the way to a gradient."""
        return value in self.values.learned or not self.values.learned

    # The sweep, from one named value to the next ---------------------------------------------

    def sent(self, value: Node) -> dict[Node, Node]:
        """What the rules behind a named value's formula send to the named values it reads, given its error."""
        if value not in self._sent:
            sent = self.sent_for(value, self._error(value)) if value in self.deltas else {}
            self._sent[value] = {s: error for s, error in sent.items() if not isinstance(s, Const)}
        return self._sent[value]

    def sent_for(self, value: Node, error: Node) -> dict[Node, Node]:
        """The same for any error of the named value, and with what is sent to constants."""
        errors = errors_swept(reversed(self.values.inner(value)), {value: error})
        known = self.values.symbols  # N and other leaves without a name have no equation
        return {s: errors[s] for s in self.values.sources(value) if s in errors and s in known}

    def sends_to(self, value: Node) -> list[Node]:
        """The named values, and unnamed leaves, to which the rules behind a named value's formula send errors."""
        reached = {value}
        for node in reversed(self.values.inner(value)):
            if node in reached:
                reached.update(self.receivers.get(node, ()))
        return [source for source in self.values.sources(value) if source in reached]

    def totals(self, only: Node | None = None) -> dict[Node, Node]:
        """The error of every named value and parameter, as a sum of what is sent to it, in the order of the sweep."""
        J = self.values.J
        totals = {J: self.deltas[J]}
        for value in reversed(self.values.computed if only is None else self.readers.get(only, [])):
            for source, error in self.sent(value).items():
                totals[source] = added(totals[source], error) if source in totals else error
        return {node: totals[node] for node in self.deltas if node in totals and only in (None, node)}

    @cached_property
    def readers(self) -> dict[Node, list[Node]]:
        """For each value that is read: the named values whose formulas read it, in forward order."""
        found: dict[Node, list[Node]] = {}
        for reader in self.values.computed:
            for source in self.values.sources(reader):
                found.setdefault(source, []).append(reader)
        return found

    @cached_property
    def senders(self) -> Counter[Node]:
        """From how many named values errors come to each value: where there are several, its error is their sum."""
        return Counter(s for value in self.values.computed if value in self.deltas for s in self.sends_to(value))

    def sign(self, value: Node) -> str:
        """What stands between the error of `value` and one part that is sent to it."""
        return "+=" if self.senders[value] > 1 else "="

    def _error(self, value: Node) -> Node:
        """The error of `value` as a leaf that is shown as δ(z1); a number where it is one."""
        if uniform(unspread(self.deltas[value])) is not None:
            return self.deltas[value]
        if value not in self._errors:
            self._errors[value] = Quoted(len(self._symbols), value.spec)
            self._symbols[self._errors[value]] = self.error_symbol(value)
        return self._errors[value]

    # Formulas ------------------------------------------------------------------------------

    def formula(self, node: Node, kind: str = "text") -> str:
        """What stands to the right of the equals sign for `node`: of the forward pass, or from `readable`."""
        writer = self._writers[kind]
        return (writer.value(node) if isinstance(node, Leaf) else writer.formula(node)).text

    def take_spilled(self) -> list[tuple[Symbol, Node]]:
        """The parts of large formulas that got a name of their own since the last call."""
        taken, self._spilled = self._spilled, []
        return taken

    def readable(self, errors: Sequence[Node]) -> list[Node]:
        """Backward nodes as short formulas over named values."""
        return simplify([self._cut(node) for node in errors], (*RULES, as_trained, tidy, without_gaps))

    def forward(self, values: Sequence[Node]) -> list[Node]:
        """Named values as short formulas over other named values: as they were built, with numbers in front."""
        over = [v.with_inputs([self._cut(i) for i in v.inputs]) for v in values]
        return simplify(over, (folded, as_trained, tidy))

    def original(self, node: Node) -> Node:
        """What a quoted value stands for; other nodes stand for themselves."""
        return self._originals.get(node, node)

    def _cut(self, last: Node) -> Node:
        """`last` over quoted values; no recursion."""
        todo = [last]
        while todo:
            node = todo[-1]
            if node in self._cuts:
                todo.pop()
            elif node in self.values.symbols:
                self._cuts[node] = self._quote(node)
            elif missing := [i for i in node.inputs if i not in self._cuts]:
                todo.extend(missing)
            else:
                self._cuts[node] = node.with_inputs([self._cuts[i] for i in node.inputs]) if node.inputs else node
        return self._cuts[last]

    def _quote(self, node: Node) -> Node:
        """A named value as a leaf."""
        if node not in self._quotes:
            quoted = Quoted(len(self._symbols), node.spec)
            self._quotes[node], self._originals[quoted] = quoted, node
            self._symbols[quoted] = self._symbols[node]
        return self._quotes[node]

    def _naming(self, kind: str) -> Callable[[Node], str | None]:
        def name(node: Node) -> str | None:
            if isinstance(node, Input | Param) and node not in self._symbols:
                self._symbols[node] = self.values.names.new(node.name)  # of the seed: no part of the forward pass
            symbol = self._symbols.get(node)
            if symbol is None:
                return None
            return symbol.latex if kind == "latex" else str(symbol)

        return name

    def _spill(self, node: Node, formula: Formula) -> Formula:
        """A name of its own for a large formula; the formula itself otherwise."""
        if formula.size <= LIMIT:
            return formula
        symbol = self.values.names.new("e", str(next(self._numbers)))
        self._symbols[node] = symbol
        self._spilled.append((symbol, node))
        return Formula(str(symbol), shape=node.shape)
