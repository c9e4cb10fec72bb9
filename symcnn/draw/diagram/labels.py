"""The words in the boxes of a picture: titles, equations, and what is said of values that share a box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...equations.composites import Part
from ...equations.notation import Notation
from ...equations.titles import Titles
from ...graph.leaves import Input, Param
from ...graph.node import Node
from .grouping import Group
from .model import size_text

LINES = 6
"""How many equations, or parameters, a box lists at most."""
_TYPES = 4


class Labels:
    """Finds the words for the values of one sweep."""

    def __init__(self, notation: Notation, sources: dict[Node, list[Node]]) -> None:
        self.notation = notation
        self.values = notation.values
        self.titles = Titles(self.values)
        self.sources = sources

    def equation(self, left: str, node: Node) -> list[str]:
        """An equation, after those of the parts of it that were given names."""
        line = left + self.notation.formula(node)
        inner = [f"{symbol} = {self.notation.formula(part)}" for symbol, part in self.notation.take_spilled()]
        return [*inner, line]

    # Titles --------------------------------------------------------------------------------

    def title(self, group: Group) -> str:
        """The title of a box."""
        if group.kind == "input":
            return self.span(group.members)
        if group.kind == "one":
            return self.titles.title(*group.parts)
        if group.kind == "middle":
            return f"… {self.count_nodes(group.members):,} nodes …"
        first = group.first_parts
        types = list(dict.fromkeys(map(self.titles.types, first)))
        what = ", ".join(types) if len(types) <= _TYPES else counted(len(first), "value")
        name = self._span_of_names(group.parts)
        if group.kind == "layer":
            return f"{name or f'layer {self.values.layers[group.members[0]]}'} · {what}"
        block = f"({what})" if len(first) > 1 else what
        return f"{name} · {block} ×{group.copies:,}" if name else f"{block} ×{group.copies:,}"

    def _span_of_names(self, parts: Sequence[Part]) -> str:
        names = list(dict.fromkeys(name for name in map(self.titles.given_name, parts) if name))
        return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}" if names else ""

    # Values that share a box -----------------------------------------------------------------

    def shown(self, group: Group) -> list[Node]:
        """The values of a group whose equations are shown: of the first copy, as far as there is room."""
        return [] if group.kind in ("input", "middle") else list(group.first[:LINES])

    def span(self, nodes: Sequence[Node]) -> str:
        """The symbols of the first and the last."""
        first, last = self.notation.symbol(nodes[0]), self.notation.symbol(nodes[-1])
        return str(first) if len(nodes) == 1 else f"{first} … {last}"

    def count_nodes(self, members: Iterable[Node]) -> int:
        """How many nodes the formulas of some values go through."""
        return len({n for node in members for n in self.values.inner(node)})

    def params(self, members: Iterable[Node]) -> list[Param]:
        """The parameters that some values read."""
        return list(dict.fromkeys(s for node in members for s in self.sources[node] if isinstance(s, Param)))

    def left_out(self, group: Group) -> list[str]:
        """How many equations there was no room for."""
        more = len(group.first) - LINES
        return [f"… and {counted(more, 'more value')}"] if more > 0 else []

    def summary(self, group: Group, leaving: Sequence[Node]) -> list[str]:
        """What is said of a fold below its equations; `leaving` is what others read from it."""
        members = group.members
        lines = []
        if group.kind != "middle":
            lines += self.left_out(group)
        if group.copies > 1:
            how = "each from the one before" if self.is_chain(group) else "side by side"
            lines.append(f"{group.copies:,} times, {how}")
        params = self.params(members)
        has = [] if group.kind == "middle" else [counted(self.count_nodes(members), "node")]
        has += [counted(len(params), "parameter")] if params else []
        lines.append(f"{self.span(members)}: {', '.join(has)}" if has else self.span(members))
        return [*lines, *self._shapes(set(members), leaving)]

    def _shapes(self, inside: set[Node], leaving: Sequence[Node]) -> list[str]:
        """The shapes of what goes in and out."""
        arriving = (s for m in inside for s in self.sources[m] if s not in inside)
        given = _different(s for s in arriving if isinstance(s, Input) or s in self.sources)
        return [f"shapes: {given} → {_different(leaving)}"] if given else []

    def is_chain(self, group: Group) -> bool:
        """Whether each copy of a repeat reads the copy before it."""
        first = set(group.first)
        second = group.members[len(first) : 2 * len(first)]
        return any(s in first for node in second for s in self.sources[node])


def _different(nodes: Iterable[Node]) -> str:
    shapes = sorted({size_text(node.shape) for node in nodes})
    return ", ".join(shapes if len(shapes) <= 3 else [*shapes[:2], "…"])


def counted(number: int, what: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "node"), counted(1200, "node")
    ('1 node', '1,200 nodes')
    """
    return f"{number:,} {what}{'s' * (number != 1)}"


def at_most(lines: list[str], most: int = LINES) -> list[str]:
    """The first lines, and how many more there are."""
    return lines if len(lines) <= most else [*lines[: most - 1], f"… and {len(lines) - most + 1:,} more"]
