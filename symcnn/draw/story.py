"""What a picture of a sweep tells, before anything has a place: boxes, their twins, parameters, and what reads what.

A box is a named value of the forward pass with the small nodes that its formula goes through. Its twin below
holds what the sweep does there: the errors that it sends on, and the gradients.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..backprop import Backprop
from ..graph.leaves import Const, Input, Leaf, Param
from ..graph.node import Node
from ..graph.spec import Shape, is_real
from .notation import Notation
from .picture import Picture
from .titles import Titles

MOST = 400
"""A graph of more values than this is drawn without its middle."""
ENDS = 20
"""How many values are drawn then, at the beginning and at the end."""


@dataclass
class Twin:
    """The backward half of a box: what the sweep does when it comes by.

    Attributes
    ----------
    title : str
    lines : list of str
        The errors that are sent on, and gradients.
    needed : bool
        Whether its error is on the way to a gradient.
    reads : str
        What its rule reads from the forward pass.
    pictures : list of Picture
        Maps of its error, after a run.
    """

    title: str
    lines: list[str]
    needed: bool = True
    reads: str = ""
    pictures: list[Picture] = field(default_factory=list)


@dataclass
class Box:
    """A value of the forward pass.

    Attributes
    ----------
    key : str
        Unlike any other box's, stable, and fit for an id.
    kind : "input", "value", "loss" or "fold"
    title : str
    lines : list of str
        The equation.
    symbol, shape : str
        What stands on the edges that leave it.
    error : str
        What stands on the edges that come back to its twin.
    twin : Twin or None
        None where no error comes back: labels.
    node : Node or None
        The value itself; None where a box stands for several.
    norm, error_norm : str
        What else stands on those edges, after a run.
    pictures : list of Picture
        Maps of its value, after a run.
    """

    key: str
    kind: str
    title: str
    lines: list[str]
    symbol: str
    shape: str
    error: str
    twin: Twin | None = None
    node: Node | None = None
    norm: str = ""
    error_norm: str = ""
    pictures: list[Picture] = field(default_factory=list)


@dataclass
class Bundle:
    """Parameters with the same readers, which share a box.

    Attributes
    ----------
    key : str
    lines, gradients : list of str
        "W1 (20×1×9×9)", and "∇W1 (20×1×9×9)"; no gradients where no error comes back.
    readers : list of str
        The keys of the boxes that read them, in forward order.
    params : list of Param
    pictures, gradient_pictures : list of Picture
        Filters and their gradients, after a run.
    """

    key: str
    lines: list[str]
    gradients: list[str]
    readers: list[str]
    params: list[Param] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    gradient_pictures: list[Picture] = field(default_factory=list)


@dataclass
class Story:
    """All that a picture shows.

    Attributes
    ----------
    boxes : list of Box
        In the order of the forward pass.
    edges : list of (str, str)
        Keys: the value, and the box that reads it.
    sent : set of (str, str)
        Those edges along which an error comes back.
    bundles : list of Bundle
    note : str
        What is left out, if anything, and what was run: a line for each.
    scales : list of Picture
        What the colours of the pictures mean; each one's title says it.
    """

    boxes: list[Box] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)
    sent: set[tuple[str, str]] = field(default_factory=set)
    bundles: list[Bundle] = field(default_factory=list)
    note: str = ""
    scales: list[Picture] = field(default_factory=list)


class Teller:
    """Finds the story of a sweep."""

    def __init__(self, back: Backprop) -> None:
        self.notation = Notation(back)
        self.values = self.notation.values
        self.errors = self.notation.deltas
        computed = self.values.computed
        self.hidden = dict.fromkeys(computed[ENDS:-ENDS] if len(computed) > MOST else ())
        self.folded = sum(len(self.values.inner(node)) for node in self.hidden)
        self.drawn = [node for node in computed if node not in self.hidden]
        self.formulas = dict(zip(self.drawn, self.notation.forward(self.drawn), strict=True))
        self.titles = Titles(self.values)
        self.sources = {node: self.values.sources(node) for node in computed}
        fed = {s for node in self.drawn for s in self.sources[node] if isinstance(s, Input)}
        self.inputs = [node for node in self.values.order if node in fed]
        names = Keys()
        self.keys = {node: names.new(str(self.notation.symbol(node))) for node in [*self.inputs, *self.drawn]}
        self.fold = names.new("fold")

    def tell(self) -> Story:
        """The story."""
        twins = self._twins()
        inputs = [self._box(node, "input", twins) for node in self.inputs]
        values = [self._box(node, "loss" if node is self.values.J else "value", twins) for node in self.drawn]
        if self.hidden:
            values.insert(ENDS, self._folded())
        edges, sent = self._edges()
        note = f"{self.folded:,} nodes in the middle of the graph are not drawn." if self.hidden else ""
        return Story([*inputs, *values], edges, sent, self._bundles(), note)

    # Boxes ---------------------------------------------------------------------------------

    def _box(self, node: Node, kind: str, twins: dict[Node, Twin]) -> Box:
        symbol = str(self.notation.symbol(node))
        if kind == "input":
            title, lines = symbol, ["input"]
        else:
            title, lines = self.titles.title(node), self._lines(f"{symbol} = ", self.formulas[node])
        error = str(self.notation.error_symbol(node))
        return Box(self.keys[node], kind, title, lines, symbol, shape_text(node.shape), error, twins.get(node), node)

    def _lines(self, left: str, node: Node) -> list[str]:
        """An equation, after those of the parts of it that were given names."""
        line = left + self.notation.formula(node)
        inner = [f"{symbol} = {self.notation.formula(part)}" for symbol, part in self.notation.take_spilled()]
        return [*inner, line]

    def _folded(self) -> Box:
        last = {s: None for node in self.drawn for s in self.sources[node] if s in self.hidden}
        symbols = [self.notation.symbol(s) for s in last]
        one = len(symbols) == 1
        back = any(node in self.errors for node in self.hidden)
        drawn = {s for node in self.drawn for s in self.sources[node]}
        params = {s for node in self.hidden for s in self.sources[node] if isinstance(s, Param)} - drawn
        own = f"with {len(params):,} parameter{'s' * (len(params) > 1)}" if params else "not drawn"
        return Box(
            self.fold,
            "fold",
            f"… {self.folded:,} nodes …",
            [own],
            str(symbols[0]) if one else f"{len(symbols)} values",
            shape_text(next(iter(last)).shape) if one else "",
            str(symbols[0].wrapped("delta")) if one else f"{len(symbols)} errors",
            Twin(f"… {self.folded:,} nodes …", ["not drawn"]) if back else None,
        )

    # Edges ---------------------------------------------------------------------------------

    def _edges(self) -> tuple[list[tuple[str, str]], set[tuple[str, str]]]:
        edges: dict[tuple[str, str], bool] = {}
        for node, sources in self.sources.items():
            reader = self.keys.get(node, self.fold)
            for source in sources:
                owner = self.fold if source in self.hidden else self.keys.get(source)
                if owner is not None and owner != reader:
                    back = source in self.errors and node in self.errors
                    edges[owner, reader] = edges.get((owner, reader), False) or back
        for node in self.drawn:
            sent = {self.keys.get(s, self.fold) for s in self.notation.sent(node)}
            for owner, reader in edges:
                if reader == self.keys[node]:
                    edges[owner, reader] = owner in sent
        return list(edges), {edge for edge, back in edges.items() if back}

    def _bundles(self) -> list[Bundle]:
        readers: dict[Param, list[str]] = {}
        for node in self.drawn:
            for source in self.sources[node]:
                if isinstance(source, Param):
                    readers.setdefault(source, []).append(self.keys[node])
        together: dict[tuple[str, ...], list[Param]] = {}
        for param, keys in readers.items():
            together.setdefault(tuple(keys), []).append(param)
        names = Keys()
        return [self._bundle(names, params, list(keys)) for keys, params in together.items()]

    def _bundle(self, names: Keys, params: list[Param], readers: list[str]) -> Bundle:
        shapes = [shape_text(p.shape) for p in params]
        lines = [f"{self.notation.symbol(p)} ({shape})" for p, shape in zip(params, shapes, strict=True)]
        gradients = [
            f"{self.notation.error_symbol(p)} ({shape})"
            for p, shape in zip(params, shapes, strict=True)
            if p in self.errors
        ]
        key = names.new(str(self.notation.symbol(params[0])))
        return Bundle(key, _first(lines), _first(gradients), readers, params)

    # The way back --------------------------------------------------------------------------

    def _twins(self) -> dict[Node, Twin]:
        rows = [(node, s, error) for node in self.drawn for s, error in self.notation.sent(node).items()]
        rows = [row for row in rows if self.notation.is_needed(row[1])]
        senders = self._count_senders()
        readable = self.notation.readable([error for _, _, error in rows])
        twins = {node: self._empty_twin(node) for node in [*self.inputs, *self.drawn] if node in self.errors}
        reads: dict[Node, dict[str, None]] = {node: {} for node in self.drawn}
        for (node, source, _), error in sorted(
            zip(rows, readable, strict=True), key=lambda row: isinstance(row[0][1], Param)
        ):
            sign = "+=" if senders[source] > 1 else "="
            twins[node].lines += self._lines(f"{self.notation.error_symbol(source)} {sign} ", error)
            reads[node].update(dict.fromkeys(self._reads(error)))
        for node in self.drawn:
            if node in twins and twins[node].needed:
                twins[node].reads = ", ".join(reads[node]) or "shape only"
        return twins

    def _count_senders(self) -> dict[Node, int]:
        """From how many boxes errors come to each value."""
        senders: dict[Node, int] = {}
        for node in self.drawn:
            for source in self.notation.sent(node):
                senders[source] = senders.get(source, 0) + 1
        for source in {s: None for node in self.hidden for s in self.sources[node] if node in self.errors}:
            senders[source] = senders.get(source, 0) + 1
        return senders

    def _empty_twin(self, node: Node) -> Twin:
        needed = self.notation.is_needed(node)
        title = f"∂J/∂{self.notation.symbol(node)}" if isinstance(node, Input) else f"∂{self.titles.title(node)}"
        if node is not self.values.J:
            return Twin(title, [] if needed else ["not needed"], needed)
        (first,) = self.notation.readable([self.errors[node]])
        return Twin(title, self._lines(f"{self.notation.error_symbol(node)} = ", first))

    def _reads(self, error: Node) -> list[str]:
        """What a backward formula reads from the forward pass: named values, and choices made from them."""
        found: dict[str, None] = {}
        seen: dict[Node, None] = {}
        todo = [error]
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen[node] = None
            original = self.notation.original(node)
            if original in self.values.symbols and not isinstance(original, Const):
                found[str(self.notation.symbol(original))] = None
            elif not is_real(node.dtype) and not isinstance(node, Leaf):
                found[self.notation.formula(node)] = None
            else:
                todo.extend(reversed(node.inputs))
        return list(found)


class Keys:
    """Keys made from names: fit for an id, all different, and the same in every run."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, name: str) -> str:
        """A key that is not taken yet.

        Examples
        --------
        >>> keys = Keys()
        >>> keys.new("z1"), keys.new("z1"), keys.new("z1′")
        ('z1', 'z1-2', 'z1-u2032')
        """
        stem = re.sub(r"[^A-Za-z0-9_.-]", lambda c: f"-u{ord(c[0]):x}", name) or "-"
        key, number = stem, 1
        while key in self._taken:
            number += 1
            key = f"{stem}-{number}"
        self._taken.add(key)
        return key


def shape_text(shape: Shape) -> str:
    """A shape as it stands on an edge: of one example.

    Examples
    --------
    >>> shape_text((None, 20, 10, 10)), shape_text(())
    ('20×10×10', 'scalar')
    """
    return "×".join(str(d) for d in shape if d is not None) or "scalar"


def _first(lines: list[str], most: int = 6) -> list[str]:
    return lines if len(lines) <= most else [*lines[: most - 1], f"… and {len(lines) - most + 1} more"]
