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

from ...backprop import Backprop, backprop
from ...engine.feeds import Feeds
from ...engine.plan import Plan
from ...engine.program import compile
from ...engine.trace import Trace
from ...equations.names import Values
from ...equations.notation import Notation
from ...graph.algebra import ones
from ...graph.errors import (
    DTypeError,
    FeedError,
    NotRunError,
    call_site,
    message,
    plain_text,
    positive_int,
    quoted,
    shown,
    whole,
)
from ...graph.graph import Graph
from ...graph.leaves import Const, Input, Leaf, Param
from ...graph.locks import cached_property
from ...graph.node import Node
from ...nodes.shape import Reshape
from ..diagram.builder import DiagramBuilder
from .budget import MOST, too_large
from .links import Link, is_slope, links_of, read_beside, slope_key
from .weighted_sums import weights_in

Array = NDArray[Any]
Parts = list[tuple[str, Node]]
"""Keys of tensors, and the weight that each of their units has in a unit of an error."""

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
        self._feeds = _one_example(self._program.plan, feeds, named)
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
        if not isinstance(moment, str):
            what = f"the moment is {quoted(moment)}; expected a text, what the page calls it"
            raise DTypeError(message(what, site=call_site()))
        self.traces.append(self._program.trace(self._feeds))
        self.moments.append(plain_text(moment))

    def __call__(self, done: int, steps: int) -> None:
        """Keep this moment of a training, if it is its turn: each `every` steps, and the last.

        Parameters
        ----------
        done, steps : int
            The steps done, and all that there will be.
        """
        done, steps, self.every = whole(done, "done"), whole(steps, "steps"), positive_int(self.every, "every")
        if done % self.every and done != steps:
            return
        if len(self.moments) >= MOMENTS:
            self.every *= 2
            del self.moments[1::2], self.traces[1::2]
            if done % self.every and done != steps:
                return
        self.record(f"step {done:,}")

    def __reduce__(self) -> Any:
        return _again, (self.back.J, self._feeds, self.every, self.moments, self.traces)

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

    # The page ------------------------------------------------------------------------------

    def page(self) -> Page:
        """The page of all that was recorded.

        Raises
        ------
        NotRunError
            If nothing was.
        GraphError
            If the page would be too large.
        """
        if not self.traces:
            hint = "recorder.record() runs the network; or give the recorder to sc.fit as watch="
            raise NotRunError(message("nothing was recorded yet", hint, site=call_site()))
        from .contents import contents

        return contents(self)

    def __repr__(self) -> str:
        return f"Recorder of {self.notation.symbol(self.back.J)}: {len(self.moments)} moments"


def _again(J: Node, feeds: Feeds, every: int, moments: list[str], traces: list[Trace]) -> Recorder:
    """A recorder from a pickle or for a copy."""
    made = Recorder(J, feeds)
    made.every, made.moments, made.traces = every, list(moments), list(traces)
    return made


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


def _meant(plan: Plan, name: str, array: Any) -> Input | None:
    """The input of that name; of several, the first that an example of the array's shape, or a batch of it, fits."""
    named = [i for i in (*plan.inputs, *plan.optional) if i.name == name]

    def fits(node: Input) -> bool:
        sizes = [d for d in node.shape if d is not None]
        whole = [1 if d is None else d for d in node.shape]
        return list(array.shape) in (sizes, whole)

    return next(filter(fits, named), named[0] if named else None)


def _one_example(plan: Plan, feeds: Mapping[Any, Any] | None, named: Mapping[str, Any]) -> Feeds:
    """The feeds with their batch axes, which a single example may come without."""
    found: dict[Any, Any] = {}
    if not isinstance(feeds or {}, Mapping):
        plan.collect(feeds, named)  # which refuses it
    for key, value in [*(feeds or {}).items(), *named.items()]:
        array = _array(value)
        node = _meant(plan, key, array) if isinstance(key, str) else key
        if isinstance(node, Input) and None in node.shape:
            axis = node.shape.index(None)
            if array.ndim == node.ndim - 1:
                array = np.expand_dims(array, axis)
            if array.ndim == node.ndim and array.shape[axis] != 1:
                what = f"a page shows one example; {array.shape[axis]} were fed"
                hint = [f"choose one: {shown(node.name)}={shown(node.name)}[0]"] if array.shape[axis] else []
                raise FeedError(message(what, *hint, node=node))
            found[key] = array
        else:
            found[key] = value
    return {node: array.copy() for node, array in plan.collect(found, {}).items()}


def _array(value: Any) -> Array:
    try:
        return np.asanyarray(value)  # a masked one is refused, too
    except (ValueError, TypeError):
        return np.asarray(None)  # `collect` says what is wrong
