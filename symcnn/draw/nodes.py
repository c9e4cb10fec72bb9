"""The story of every single node: the forward graph above, below it the backward graph as the rules made it."""

from __future__ import annotations

from collections.abc import Iterable

from ..backprop import Backprop
from ..graph.errors import GraphError, call_site, explain
from ..graph.leaves import BatchSize, Const, Input, Leaf, Param
from ..graph.node import Node
from .notation import Notation, Quoted
from .ranks import arranged, columns_of
from .story import Box, Bundle, Keys, Slots, Story, shape_text
from .titles import Titles
from .typeset import Writer, literal, seen_through
from .wayback import WayBack, depths
from .wording import at_most

MOST = 600
"""How many nodes are drawn one by one; a picture of more is not looked at."""
_ERRORS = 3


class NodeTeller:
    """Finds the story of all nodes of a sweep.

    Values without a name in the equations are called u1, u2, ... in the forward pass, and e1, e2, ... on the way
    back. Constants and N are no boxes: they stand in the formulas.

    Raises
    ------
    GraphError
        If there are more than `MOST` nodes.
    """

    def __init__(self, back: Backprop) -> None:
        self.notation = Notation(back)
        self.back = self.notation.back
        self.values = self.notation.values
        self._check_size()
        self.titles = Titles(self.values)
        self.computed = [node for node in self.values.order if not isinstance(node, Leaf)]
        read = {i for node in self.computed for i in node.inputs}
        self.drawn = [n for n in self.values.order if isinstance(n, Input) and n in read] + self.computed
        self.symbols = {node: str(symbol) for node, symbol in self.values.symbols.items()}
        self._name_all("u", self.computed)
        self.keys = _keys(self.symbols[node] for node in self.drawn)
        self.at = dict(zip(self.drawn, self.keys, strict=True))
        self.edges = [(self.at[i], self.at[n]) for n in self.computed for i in dict.fromkeys(n.inputs) if i in self.at]
        columns = columns_of(self.keys, self.edges)
        self.column = {node: columns[key] for node, key in self.at.items()}
        self.homes = self._homes()
        wanted = self.values.fed | self.values.learned | {self.values.J}
        self.way = WayBack(self.back, self.column, self.homes, wanted)
        for node, of in self.way.errors_of.items():
            if node in self.way.under:
                self.symbols[node] = self._error_name(of[0])
        self._name_all("e", self.way.nodes)
        self._quotes: dict[Node, Node] = {}
        self._texts: dict[Node, str] = {}
        self.writer = Writer("text", self._text_of, lambda _, formula: formula)

    def tell(self) -> Story:
        """The story, with a lower lane of its own."""
        boxes = [self._box(node) for node in self.drawn]
        lower, place = self._lower()
        upper_slots, lower.slots = self._slots(lower, place)
        J = self.symbols[self.values.J]
        note = "Every node as the rules made it. Numbers stand in the formulas; errors of constants are not drawn."
        return Story(boxes, self.edges, set(), self._bundles(), note, J, [], lower, upper_slots)

    def _check_size(self) -> None:
        count = len(self.values.order) + sum(len(step.made) for step in self.back.steps)
        if count > MOST:
            what = f'zoom="nodes" draws up to {MOST:,} nodes; forward and back there are {count:,}'
            hint = 'zoom="layers" draws graphs of any size, folded; or draw a part: symcnn.draw(part, zoom="nodes")'
            raise GraphError(explain(what, hint, site=call_site()))

    # Names ---------------------------------------------------------------------------------

    def _name_all(self, letter: str, nodes: list[Node]) -> None:
        number = 0
        for node in nodes:
            if node not in self.symbols:
                number += 1
                self.symbols[node] = str(self.values.names.new(letter, str(number)))

    def _error_name(self, value: Node) -> str:
        return f"∇{self.symbols[value]}" if isinstance(value, Param) else f"δ({self.symbols[value]})"

    # Formulas ------------------------------------------------------------------------------

    def _equation(self, node: Node, read: list[Node]) -> str:
        """A node as a formula over its own inputs, of which `read` are on the way back."""
        over = node.with_inputs([self._quoted(i, read) for i in node.inputs])
        shown = seen_through(over)
        if shown is None:
            right = self.writer.formula(over).text
        else:  # what is no operation in other formulas, such as a reshape, is written as one here
            right = f"{type(node).__name__}({self.writer.value(shown).text})"
        return f"{self.symbols[node]} = {right}"

    def _quoted(self, node: Node, read: list[Node]) -> Node:
        """A leaf that is shown by the name of `node`, so that no formula looks behind it; numbers and N as they are."""
        is_number = isinstance(node, Const) and literal(node, "text") is not None
        if isinstance(node, BatchSize) or (is_number and node not in read):
            return node
        if node not in self._quotes:
            self._quotes[node] = Quoted(len(self._quotes), node.spec)
            self._texts[self._quotes[node]] = self._symbol(node)
        return self._quotes[node]

    def _symbol(self, node: Node) -> str:
        if node not in self.symbols:  # a leaf of the seed, or a constant that a rule made
            letter = node.name if isinstance(node, Input | Param) else "c"
            self.symbols[node] = str(self.values.names.new(letter))
        return self.symbols[node]

    def _text_of(self, node: Node) -> str | None:
        return self._texts.get(node)

    # The upper lane ------------------------------------------------------------------------

    def _homes(self) -> dict[Node, Node]:
        homes = {node: node for node in self.drawn}
        for node in sorted(self.computed, key=self.column.__getitem__):
            for i in node.inputs:
                homes.setdefault(i, node)
        return homes

    def _box(self, node: Node) -> Box:
        symbol, shape = self.symbols[node], shape_text(node.shape)
        if isinstance(node, Input):
            return Box(self.at[node], "input", symbol, ["input"], symbol, shape, "", node=node, members=(node,))
        name, kind = self.titles.name(node), "loss" if node is self.values.J else "value"
        title = f"{name} · {type(node).__name__}" if name else type(node).__name__
        below = [n for n in self.way.nodes if self.way.under[n] is node]
        read = (i for n in below for i in n.inputs if i in self.way.forward and i in self.symbols)
        words = ", ".join(at_most(list(dict.fromkeys(self.symbols[i] for i in read)), 3))
        words = words or ("shape only" if below else "")
        lines = [self._equation(node, [])]
        return Box(self.at[node], kind, title, lines, symbol, shape, "", node=node, members=(node,), reads=words)

    def _bundles(self) -> list[Bundle]:
        readers: dict[Param, list[str]] = {}
        for node in self.computed:
            for i in dict.fromkeys(node.inputs):
                if isinstance(i, Param):
                    readers.setdefault(i, []).append(self.at[node])
        together: dict[tuple[str, ...], list[Param]] = {}
        for param, keys in readers.items():
            together.setdefault(tuple(keys), []).append(param)
        names = Keys()
        found = []
        for reading, params in together.items():
            lines = [f"{self.symbols[p]} ({shape_text(p.shape)})" for p in params]
            found.append(Bundle(names.new(self.symbols[params[0]]), lines, [], list(reading), params))
        return found

    # The lower lane ------------------------------------------------------------------------

    def _lower(self) -> tuple[Story, dict[str, tuple[int, int]]]:
        """The story of the way back, and for each of its boxes the column above and how far left in it it stands."""
        names = Keys()
        keys = {node: names.new(self.symbols[node]) for node in self.way.nodes}
        depth = depths(self.way, self.column)
        boxes = [self._lower_box(key, node) for node, key in keys.items()]
        place = {keys[node]: (self.column[self.way.under[node]], depth[node]) for node in keys}
        for value in self._gradients_elsewhere():
            key = names.new(self._error_name(value))
            boxes.append(self._copied(key, value, self.homes[value]))
            place[key] = self.column[self.homes[value]], 0
        edges = [(keys[i], key) for node, key in keys.items() for i in self.way.read_by(node)]
        return Story(boxes, edges, of=self.symbols[self.values.J]), place

    def _lower_box(self, key: str, node: Node) -> Box:
        above = self.way.under[node]
        symbol = self.symbols[node]
        kind = "gradient" if self.way.gradients_of(node) else "error" if node in self.way.needed else "unneeded"
        if isinstance(node, Leaf):
            given = literal(node, "text") if isinstance(node, Const) else None
            title, line = "seed", f"{symbol} = {given.text if given else node.name or 'given'}"
        else:
            kinds = ("seed", self.way.of_seed), ("sum", self.way.sums)
            title = next((word for word, nodes in kinds if node in nodes), f"∂{self.symbols[above]}")
            title, line = f"{title} · {type(node).__name__}", self._equation(node, self.way.read_by(node))
        others = [self._error_name(value) for value in self.way.errors_of.get(node, ())]
        lines = [line, *at_most([f"{name} = {symbol}" for name in others if name != symbol], _ERRORS)]
        return Box(key, kind, title, lines, symbol, shape_text(node.shape), "", node=node, under=self.at[above])

    def _gradients_elsewhere(self) -> list[Node]:
        """Parameters (or else inputs) whose error is a value of the forward pass: no node of the way back."""
        values: list[Node] = [*self.back.grads] or [step.node for step in self.back.steps if step.node in self.at]
        leaves = [value for value in values if isinstance(value, Leaf)]
        return [value for value in leaves if self.back.delta(value) not in self.way.under]

    def _copied(self, key: str, value: Node, above: Node) -> Box:
        """A gradient that is a value of the forward pass."""
        name = self._error_name(value)
        lines = [f"{name} = {self.writer.value(self._quoted(self.back.delta(value), [])).text}"]
        return Box(key, "gradient", "gradient", lines, name, shape_text(value.shape), "", under=self.at[above])

    # Columns -------------------------------------------------------------------------------

    def _slots(self, lower: Story, place: dict[str, tuple[int, int]]) -> tuple[Slots, Slots]:
        """The columns of both lanes: each of the forward pass is as many wide as what stands below it needs."""
        wide = [1] * (max(self.column.values()) + 1)
        for column, depth in place.values():
            wide[column] = max(wide[column], depth + 1)
        starts = [sum(wide[:n]) for n in range(len(wide))]
        count = sum(wide)
        inside = set(range(count)) - set(starts)
        below = Slots({key: count - (starts[c] + wide[c] - depth) for key, (c, depth) in place.items()}, count)
        innermost = _innermost(lower, below)
        upper = {}
        for c, key in zip(self.column.values(), self.keys, strict=True):
            middle = starts[c] + (wide[c] - 1) // 2
            slots = range(starts[c], starts[c] + wide[c])
            facing = [n for n in slots if innermost[n] == key]
            upper[key] = min(facing, key=lambda n, middle=middle: abs(n - middle), default=middle)  # type: ignore[misc]
        return Slots(upper, count, inside), below


def _innermost(lower: Story, slots: Slots) -> list[str]:
    """For each column from the left: under which box of the upper lane the lower one's first row has a box there."""
    keys = [box.key for box in lower.boxes]
    grid = arranged(keys, lower.edges, slots)
    under = {box.key: box.under for box in lower.boxes}
    first: dict[int, tuple[int, str]] = {}
    for (key, at), row in grid.row.items():
        found = under[key] if slots.column[key] == at else ""
        first[at] = min(first.get(at, (row, found)), (row, found))
    return [first.get(at, (0, ""))[1] for at in reversed(range(slots.count))]


def _keys(symbols: Iterable[str]) -> list[str]:
    names = Keys()
    return [names.new(symbol) for symbol in symbols]
