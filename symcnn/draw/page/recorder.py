"""`Recorder`: runs a network forward and back on one example, as often as one likes, and makes the page of it.

What is recorded are the named values of the picture, their errors, the gradients, and what the inspector needs
beside them: the parts of errors that are sums, and the slopes of functions of each element.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...backprop import backprop, errors_sent
from ...engine.program import compile
from ...engine.trace import Trace
from ...graph.algebra import ones
from ...graph.errors import FeedError, explain
from ...graph.leaves import Const, Input, Param
from ...graph.node import Node
from ..notation import Notation
from ..teller import Teller
from .links import Link, is_slope, links_of, read_beside, slope_key

Array = NDArray[Any]

if TYPE_CHECKING:
    from .page import Page

MOMENTS = 8
"""How many moments of a training are kept at most."""


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


class Recorder:
    """Keeps what a network computes on one example: once, or at several moments of a training.

    Give it to `symcnn.fit` as ``watch=``, and then ask for its `page`: a second slider there goes through the moments.

    Parameters
    ----------
    J : Node
        A scalar, such as a loss.
    feeds, **named
        As for `symcnn.explain`.

    Attributes
    ----------
    every : int
        After how many steps of a training a moment is kept; it grows where there would be more than `MOMENTS`.
    moments : list of str

    Examples
    --------
    >>> import symcnn as sc
    >>> x, w = sc.Input("x", (3,)), sc.Param("w", [1, 2, 3])
    >>> recorder = Recorder(sc.sum(sc.tanh(w * x)), x=[0.1, 0.2, 0.3])
    >>> recorder.record("before")
    >>> w.value[:] = 0
    >>> recorder.record("after")
    >>> recorder.page().data["moments"]
    ['before', 'after']
    """

    def __init__(self, J: Node, feeds: Mapping[Any, Any] | None = None, /, **named: Any) -> None:
        self.back = backprop(J)
        self.teller = Teller(self.back, fold=False)
        self.notation: Notation = self.teller.notation
        self.values = self.notation.values
        self.links: list[Link] = [link for value in self.values.computed for link in links_of(self.values, value)]
        self.recorded: dict[str, Recorded] = {}
        self.beside: dict[Node, list[str]] = {}
        """For each value: the keys of what its backward rules compute from the forward pass alone."""
        self._list_values()
        self._list_errors()
        self._list_slopes()
        self._list_beside()
        self._program = compile([r.node for r in self.recorded.values()])
        self._feeds = _one_example(self._program.inputs, feeds, named)
        self.every = 1
        self.moments: list[str] = []
        self.traces: list[Trace] = []

    def record(self, moment: str = "") -> None:
        """Run the network with the parameters as they are now.

        Parameters
        ----------
        moment : str
            What the page calls it: "step 100".
        """
        self.traces.append(self._program.trace(self._feeds))
        self.moments.append(moment)

    def __call__(self, done: int, steps: int) -> None:
        """Keep this moment of a training, if it is its turn: each `every` steps, and the last.

        Parameters
        ----------
        done, steps : int
            The steps done, and all that there will be.
        """
        if done % self.every and done != steps:
            return
        if len(self.moments) >= MOMENTS:
            self.every *= 2
            del self.moments[1::2], self.traces[1::2]
            if done % self.every and done != steps:
                return
        self.record(f"step {done:,}")

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
        senders = self.senders()
        for node, readers in senders.items():
            wrapped = self.notation.error_symbol(node)
            title = f"{wrapped} = ∂{J}/∂{self.notation.symbol(node)}"
            self._add(str(wrapped), self.back.delta(node), str(wrapped), title, node)
            for reader, part in readers.items() if len(readers) > 1 else ():
                key = self.part_name(node, reader)
                self._add(key, part, str(wrapped), f"the part of {wrapped} that comes from {self.name(reader)}", node)

    def senders(self) -> dict[Node, dict[Node, Node]]:
        """For each value whose error is needed: the values that read it, and what each sends to it."""
        found: dict[Node, dict[Node, Node]] = {self.values.J: {}}
        for value in self._visited:
            for source, error in self._sent(value, self.notation.deltas[value]).items():
                if self.notation.is_needed(source) and not isinstance(source, Const):
                    found.setdefault(source, {})[value] = error
        return found

    @property
    def _visited(self) -> list[Node]:
        """The named values that the sweep comes by, where an error is needed; the last first."""
        computed = reversed(self.values.computed)
        return [v for v in computed if v in self.notation.deltas and self.notation.is_needed(v)]

    def _sent(self, value: Node, first: Node) -> dict[Node, Node]:
        """What the rules behind a value's formula send to its sources, when the value's error is `first`."""
        errors = {value: first}
        for node in reversed(self.values.inner(value)):
            for source, error in errors_sent(node, errors[node]) if node in errors else ():
                errors[source] = errors[source] + error if source in errors else error
        return {s: errors[s] for s in self.values.sources(value) if s in errors and s in self.values.symbols}

    def _list_slopes(self) -> None:
        """The derivative of each function of single elements: the error that it sends when its own is 1."""
        for link in self.links:
            if is_slope(link) and link.value in self._visited:
                sent = self._sent(link.value, ones(link.value))
                if link.source not in sent:
                    continue  # such as the exponent of a power
                symbol = slope_key(self.name(link.value), self.name(link.source))
                self._add(symbol, sent[link.source], symbol, symbol)

    def _list_beside(self) -> None:
        """Softmax, switches and the like: what errors are made of, beside values and errors."""
        for value in self._visited:
            known = dict.fromkeys(self.values.symbols, "value") | {self.notation.deltas[value]: "error"}
            found: dict[str, Node] = {}
            for error in () if self._has_slopes(value) else self._sent(value, self.notation.deltas[value]).values():
                for node in read_beside(error, known):
                    (readable,) = self.notation.readable([node])
                    found[self.notation.formula(readable)] = node
            for text, node in found.items():
                if text not in self.recorded:
                    self._add(text, node, text, text)
            self.beside[value] = list(found)

    def _has_slopes(self, value: Node) -> bool:
        return any(is_slope(link) for link in self.links if link.value is value)

    # The page ------------------------------------------------------------------------------

    def page(self) -> Page:
        """The page of all that was recorded."""
        from .contents import contents

        return contents(self)

    def __repr__(self) -> str:
        return f"Recorder of {self.notation.symbol(self.back.J)}: {len(self.moments)} moments"


def _one_example(inputs: list[Input], feeds: Mapping[Any, Any] | None, named: Mapping[str, Any]) -> dict[Any, Any]:
    """The feeds with their batch axes, which a single example may come without."""
    by_name = {i.name: i for i in inputs}
    found: dict[Any, Any] = {}
    for key, value in [*(feeds or {}).items(), *named.items()]:
        node = by_name.get(key) if isinstance(key, str) else key
        array = np.asarray(value)
        if isinstance(node, Input) and None in node.shape:
            axis = node.shape.index(None)
            if array.ndim == node.ndim - 1:
                array = np.expand_dims(array, axis)
            if array.ndim == node.ndim and array.shape[axis] != 1:
                what = f"a page shows one example; {array.shape[axis]} were fed"
                raise FeedError(explain(what, f"choose one: {node.name}={node.name}[0]", node=node))
            found[key] = array
        else:
            found[key] = value
    return found
