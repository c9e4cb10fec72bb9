"""Which values of the forward pass get a name in equations and a box in pictures, and what they are called.

A layer's values are called by the symbols of their node types and numbered by layer: z1, a1, p1, z2. What only
rearranges numbers (a reshape) and small arithmetic on the way (the mean of a loss, a table of connections) gets
no name: its formula is part of the formula that uses it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from ..graph.leaves import Const, Input, Leaf, Param
from ..graph.locks import cached_property
from ..graph.node import Node
from ..nodes.border import Subsample
from ..nodes.conv import Conv
from ..nodes.dense import MatMul
from ..nodes.in_training import InTraining
from ..text import plain_text
from .composites import Composites, Part
from .typeset import seen_through
from .words import latex_words

LIMIT = 12
"""The number of operations that one formula shows at most."""
GENERIC = Node.symbol


@dataclass(frozen=True)
class Symbol:
    """A name in equations: a letter or word, the number of its layer, and a mark where both come twice.

    Examples
    --------
    >>> str(Symbol("z", "1")), Symbol("W", "2").latex, str(Symbol("b", "1", 1))
    ('z1', 'W_{2}', 'b1′')
    """

    base: str
    index: str = ""
    mark: int = 0
    """0 for the first of its name, 1 for the second: z1, z1′, z1″, z1‴, z1.5, ..."""
    wrap: str = ""
    """"delta" for dJ/d(this), "grad" for a parameter's gradient."""

    def __str__(self) -> str:
        mark = "" if not self.mark else "′″‴"[self.mark - 1] if self.mark <= 3 else f".{self.mark + 1}"
        name = plain_text(self.base) + self.index + mark
        return {"": name, "delta": f"δ({name})", "grad": f"∇{name}"}[self.wrap]

    @property
    def latex(self) -> str:
        """The name in LaTeX."""
        base = self.base if len(self.base) == 1 and self.base.isalpha() else latex_words(self.base)
        index = self.index if self.mark <= 3 else f"{self.index}.{self.mark + 1}"
        name = base + (f"_{{{index}}}" if index else "") + ("'" * self.mark if self.mark <= 3 else "")
        return {"": name, "delta": rf"\delta({name})", "grad": rf"\nabla {name}"}[self.wrap]

    def wrapped(self, wrap: str) -> Symbol:
        """The symbol of this value's error ("delta") or gradient ("grad")."""
        return Symbol(self.base, self.index, self.mark, wrap)


class Names:
    """Names that are all different: the second z1 is z1′."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._used: Counter[tuple[str, str]] = Counter()

    def new(self, base: str, index: str = "") -> Symbol:
        """A symbol that is not taken yet."""
        while True:
            symbol = Symbol(base, index, self._used[base, index])
            self._used[base, index] += 1
            if str(symbol) not in self._taken:
                self._taken.add(str(symbol))
                return symbol


class Values:
    """The values of a forward pass that have a name, in the order in which they are computed.

    Parameters
    ----------
    order : list of Node
        A graph in topological order; the last one is its output.
    alone : bool
        Whether the output has the symbol of its node type; else it is J.
    base : Values, optional
        The names that the same graph has without `also`.
    also : Node, optional
        A node that gets a name beside those of `base`.

    Attributes
    ----------
    symbols : {Node: Symbol}
        The named values: inputs, parameters and larger constants too.
    computed : list of Node
        The named values that are computed; the last one is the output.
    layers : {Node: int}
        The number of each value's layer.
    """

    def __init__(
        self, order: list[Node], alone: bool = False, base: Values | None = None, also: Node | None = None
    ) -> None:
        self.order = order
        self.J = order[-1]
        self._alone = alone
        self._base = base
        self._certain = {self.J, also, *(base.computed if base else ())}
        self.composites = Composites(order)
        layers = {node for node in self.composites.outputs if node.shape != ()}  # a loss may be a part of another
        self._certain |= layers if base is None else set()
        self._position = {node: n for n, node in enumerate(order)}
        self._visible = self._upstream_as_shown()
        self._bases = self._seen_through()
        self._users = self._count_users()
        self._strided = self._convolutions_with_strides()
        self._folded = set(self._strided.values())
        self._layer_ends = self._read_by_symbols()
        self.fed = self._downstream_of(Input)
        self.learned = self._downstream_of(Param)
        self._sizes: dict[Node, int] = {}
        self._sources: dict[Node, dict[Node, None]] = {}
        """For a value without a name: the named values that its formula reads."""
        self.computed: list[Node] = [node for node in order if self._is_named(node)]
        if base is None or also is None:
            self.names = Names()
            self.symbols: dict[Node, Symbol] = self._symbols()
        else:
            self.names = base.names
            self.symbols = base.symbols | {also: self._late(also, base)}

    def sources(self, node: Node) -> list[Node]:
        """The named values, and the unnamed leaves, that `node`'s formula reads, each once."""
        found: dict[Node, None] = {}
        for i in shown_inputs(node):
            found.update(self._sources.get(i) or {i: None})
        return list(found)

    def inner(self, node: Node) -> list[Node]:
        """`node` and the unnamed nodes that its formula goes through, in topological order."""
        found = {node: None}
        todo = [node]
        while todo:
            unnamed = [i for i in shown_inputs(todo.pop()) if i in self._sources and i not in found]
            found.update(dict.fromkeys(unnamed))
            todo.extend(unnamed)
        return sorted(found, key=self._position.__getitem__)

    @cached_property
    def parts(self) -> list[Part]:
        """The named values as they are seen: those of a layer together, each part after those that it reads."""
        return self.composites.parts(self.computed, {node: self.sources(node) for node in self.computed})

    # What gets a name ----------------------------------------------------------------------

    def _upstream_as_shown(self) -> set[Node]:
        """What formulas can show: what a step of training only follows, such as a running mean, they do not."""
        found = {self.J}
        for node in reversed(self.order):
            if node in found:
                found.update(shown_inputs(node))
        return found

    def _seen_through(self) -> dict[Node, Node]:
        """For each node that is shown as nothing: what it is shown as."""
        found: dict[Node, Node] = {}
        for node in self.order[:-1]:
            through = None if isinstance(node, Leaf) else seen_through(node)
            if through in self._position and through is not None:
                found[node] = found.get(through, through)
        return found

    def _count_users(self) -> Counter[Node]:
        """How many nodes compute with each node, seen through reshapes."""
        users: Counter[Node] = Counter()
        for node in self._visible:
            if node not in self._bases:
                users.update({self._bases.get(i, i) for i in shown_inputs(node)})
        return users

    def _convolutions_with_strides(self) -> dict[Node, Node]:
        """Strided convolutions are one value: from the subsampling to the convolution that nothing else reads."""
        pairs = ((node, node.x) for node in self.order if isinstance(node, Subsample))
        return {node: x for node, x in pairs if isinstance(x, Conv) and self._users[x] == 1}

    def _letter(self, node: Node) -> str:
        """The symbol of a node; a strided convolution's z is that after the stride, and so is that of a whole layer."""
        returned = self.composites.returned_by(node)
        if returned is None:
            return self._strided.get(node, node).symbol
        record, place = returned
        if record.symbols:
            return record.symbols[min(place, len(record.symbols) - 1)]
        while node.symbol == GENERIC and node.inputs and not isinstance(node, MatMul):
            if node.inputs[0] not in self.composites.inside or node.inputs[0] in record.inputs:
                break
            node = node.inputs[0]
        return node.symbol

    def _counts_itself(self, node: Node) -> bool:
        """Whether its number is that of its letter, not that of its layer: h1, h2, h3 of a recurrent layer."""
        returned = self.composites.returned_by(node)
        return returned is not None and self._letter(node) in returned[0].symbols and self._letter(node) not in "zap"

    def _downstream_of(self, kind: type[Node]) -> set[Node]:
        found: set[Node] = set()
        for node in self.order:
            if isinstance(node, kind) or any(i in found for i in node.inputs):
                found.add(node)
        return found

    def _is_named(self, node: Node) -> bool:
        """Whether a computed node gets a name; asked in topological order."""
        if isinstance(node, Leaf) or node not in self._visible | self._certain:
            return False
        sources = dict.fromkeys(self.sources(node))
        size = sum(self._sizes.get(i, 0) for i in shown_inputs(node)) + (node not in self._bases)
        free = self._base is None and node not in self._bases
        if node in self._certain or (free and self._stands_out(node, sources, size)):
            return True
        self._sizes[node], self._sources[node] = size, sources
        return False

    def _stands_out(self, node: Node, sources: dict[Node, None], size: int) -> bool:
        if node in self._folded:
            return False
        around = self.composites.inside.get(node)
        if around is not None:
            return not around.formula and self._is_part(node, sources, size)
        if self._letter(node) != GENERIC or node.name or size > LIMIT:
            return True
        if node not in self.fed:
            return False
        values = sum(1 for s in sources if not isinstance(s, Leaf))
        own = any(isinstance(s, Param) for s in sources)
        return values > 1 or self._users[node] > 1 or (own and node in self._layer_ends)

    def _is_part(self, node: Node, sources: dict[Node, None], size: int) -> bool:
        """Whether a value within a layer has a name there: layers within it, large formulas, what is read twice.

        So has what it multiplies with weights of its own.
        """
        nearest = self.composites.nearest[node]
        if self.composites.returned_by(node) or size > LIMIT or node.name not in ("", nearest.name):
            return True
        weights = any(isinstance(s, Param) and s not in nearest.inputs for s in sources)
        return node in self.fed and ((weights and node.symbol == "z") or self._users[node] > 1)

    def _read_by_symbols(self) -> set[Node]:
        """What is read by nodes with a symbol or name of their own: there, arithmetic with parameters ends."""
        named = (node for node in self.order if node.symbol != GENERIC or node.name)
        return {self._bases.get(i, i) for node in named for i in node.inputs}

    # What it is called ---------------------------------------------------------------------

    def _symbols(self) -> dict[Node, Symbol]:
        named = set(self.computed)
        self.layers = layers = self._layers(named)
        numbered = any(self._letter(n) == "z" for n in self.computed)
        running: Counter[str] = Counter()
        symbols: dict[Node, Symbol] = {n: self.names.new(n.name) for n in self.order if isinstance(n, Input)}
        if not self._alone or (self.J.shape == () and not self.J.name and self._letter(self.J) == GENERIC):
            symbols[self.J] = self.names.new("J")
        constants, generic = count(1), count(1)
        for node in self.order:
            if node in symbols:
                continue
            if isinstance(node, Param):
                symbols[node] = self.names.new(*param_name(node, layers[node]))
            elif isinstance(node, Const):
                if node.uniform is None and not (node.ndim == 1 and node.value.size <= 4):
                    symbols[node] = self._named_or(node, "c", constants)
            elif node in named and self._letter(node) == GENERIC:
                symbols[node] = self._named_or(node, "v", generic)
            elif node in named:
                letter = self._letter(node)
                running[letter] += 1
                by_layer = numbered and not self._counts_itself(node)
                symbols[node] = self.names.new(letter, str(layers[node] if by_layer else running[letter]))
        return symbols

    def _late(self, node: Node, base: Values) -> Symbol:
        """A name for a node that has none in `base`."""
        letter = "c" if isinstance(node, Const) else GENERIC
        taken = sum(1 for symbol in base.symbols.values() if symbol.base == letter)
        return self._named_or(node, letter, count(taken + 1))

    def layer_name(self, node: Node) -> str:
        """The name that the user gave to a value: its own, that of the nodes in its formula, or of its parameters.

        "conv1" of conv1.W and conv1.b. A parameter belongs to the first that reads it: the weight decay of a
        loss does not make it a convolution.
        """
        returned, around = self.composites.returned_by(node), self.composites.inside.get(node)
        if name := node.name or (returned[0].name if returned else ""):
            return plain_text(name)
        names = {n.name for n in self.inner(node)} - {""}
        params = [s for s in self.sources(node) if isinstance(s, Param)]
        if not names and all(self._first_readers[p] is node for p in params):
            names = {p.name.rpartition(".")[0] for p in params}
        names -= {around.name} if around else set()  # it stands beside what the layer returns
        return plain_text(names.pop()) if len(names) == 1 else ""

    @cached_property
    def _first_readers(self) -> dict[Node, Node]:
        """For each value: the first named value that reads it."""
        return {s: node for node in reversed(self.computed) for s in self.sources(node)}

    def _named_or(self, node: Node, letter: str, numbers: Iterator[int]) -> Symbol:
        """The name that the user gave, or a letter and the next number."""
        return self.names.new(node.name) if node.name else self.names.new(letter, str(next(numbers)))

    def _layers(self, named: set[Node]) -> dict[Node, int]:
        """The number of each node's layer: it goes up with each named z. A parameter has its first reader's."""
        layers: dict[Node, int] = {}
        number = 0
        for node in self.order:
            if node in self.fed:
                layers[node] = max((layers[i] for i in node.inputs if i in layers), default=0)
                if node in named and self._letter(node) == "z":
                    number += 1
                    layers[node] = layers[self._strided.get(node, node)] = number
        for node in reversed(self.order):
            for i in node.inputs:
                if i not in self.fed:
                    layers[i] = layers.get(node, 0)
        return layers


def shown_inputs(node: Node) -> tuple[Node, ...]:
    """What the formula of a node shows: of what differs in training, the value that is computed there."""
    return (node.value,) if isinstance(node, InTraining) else node.inputs


def param_name(param: Param, layer: int = 0) -> tuple[str, str]:
    """The letter of a parameter, without its layer's name, and the number of its layer."""
    base = param.name.rpartition(".")[2] or param.name or "w"
    return (base, "") if base[-1].isdigit() or not layer else (base, str(layer))
