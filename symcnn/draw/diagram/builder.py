"""The teller: from a sweep to the story that a picture shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...backprop import Backprop
from ...equations.composites import Part
from ...equations.notation import Notation
from ...graph.leaves import Input, Param
from ...graph.node import Node
from .backward_boxes import BackwardBoxes
from .focus import Stubs, focused, neighbourhood
from .grouping import Group, grouped, sources_of
from .labels import Labels, at_most, counted
from .model import BackwardBox, Box, Bundle, DiagramModel, Keys, size_text
from .repeats import ENDS

_FEW = 2
"""So many values that leave a box are named on their edges."""


class DiagramBuilder:
    """Finds the story of a sweep.

    Parameters
    ----------
    back : Backprop
    fold : bool or None
        Whether values may share boxes; None: if they are many.
    focus : Node, iterable of Node, or None
        Only these and what is near them is told.
    hops : int
        How near, in edges.
    """

    def __init__(
        self, back: Backprop, fold: bool | None = None, focus: Node | Iterable[Node] | None = None, hops: int = 1
    ) -> None:
        self.notation = Notation(back)
        self.values = self.notation.values
        self.errors = self.notation.deltas
        self.hops = hops
        self.sources = {node: self.values.sources(node) for node in self.values.computed}
        self.centre = [] if focus is None else focused(self.notation, focus)
        kept = self._near() if self.centre else self.values.parts
        near = {node for part in kept for node in part.values}
        read = near.union(self.centre, *(self.sources[node] for node in near))
        inputs = [node for node in self.values.order if isinstance(node, Input) and node in read]
        self.groups = grouped(self.notation, inputs, kept, fold, self.centre if len(self.centre) <= ENDS else ())
        self.wording = Labels(self.notation, self.sources)
        names = Keys()
        self.keys = [names.new(self._key(group)) for group in self.groups]
        self.at = {node: key for key, group in zip(self.keys, self.groups, strict=True) for node in group.members}
        self.kinds = {key: group.kind for key, group in zip(self.keys, self.groups, strict=True)}
        self.stubs = Stubs(self.notation, names, self.sources, self.at)

    def _near(self) -> list[Part]:
        """The parts within `hops` edges of the centre."""
        home = {node: part.last for part in self.values.parts for node in part.values}
        read = {part.last: [home.get(s, s) for s in sources_of(self.notation, part)] for part in self.values.parts}
        near = neighbourhood([home.get(node, node) for node in self.centre], read, self.hops)
        return [part for part in self.values.parts if part.last in near]

    def tell(self) -> DiagramModel:
        """The story."""
        twins = BackwardBoxes(self.notation, self.wording, self.groups).make()
        shown = [node for group in self.groups for node in self.wording.shown(group)]
        formulas = dict(zip(shown, self.notation.forward(shown), strict=True))
        edges, sent = self._edges()
        leaving = self._leaving()
        boxes = []
        for key, group, twin in zip(self.keys, self.groups, twins, strict=True):
            lines = [line for node in self.wording.shown(group) for line in self._equation(node, formulas[node])]
            boxes.append(self._box(key, group, lines, leaving[key], twin))
        before, after = self.stubs.boxes()
        J = str(self.notation.symbol(self.values.J))
        return DiagramModel([*before, *boxes, *after], edges, sent, self._bundles(), self._note(), J)

    def _key(self, group: Group) -> str:
        symbols = [str(self.notation.symbol(part.last)) for part in (group.parts[0], group.parts[-1])]
        return symbols[0] if len(group.parts) == 1 else f"{symbols[0]}-to-{symbols[1]}"

    # Boxes ---------------------------------------------------------------------------------

    def _equation(self, node: Node, formula: Node) -> list[str]:
        return self.wording.equation(f"{self.notation.symbol(node)} = ", formula)

    def _box(self, key: str, group: Group, lines: list[str], leaving: list[Node], twin: BackwardBox | None) -> Box:
        members = group.members
        outputs = group.parts[-1].outputs if len(group.parts) == 1 else ()
        node = outputs[0] if len(outputs) == 1 else None
        if group.kind == "input":
            kind, leaving = "input", list(members)
            lines = ["input"] if len(members) == 1 else [counted(len(members), "input")]
        elif group.kind == "one":
            kind, leaving = "loss" if self.values.J in members else "value", list(outputs)
            lines = [*lines, *self.wording.left_out(group)]
        else:
            kind = "fold"
            lines = [*lines, *self.wording.summary(group, leaving)]
        symbol, error, shape = self._carried(leaving, group.kind == "input")
        return Box(key, kind, self.wording.title(group), lines, symbol, shape, error, twin, node, members=members)

    def _carried(self, leaving: list[Node], in_full: bool) -> tuple[str, str, str]:
        """What stands on the edges that leave a box: names of the values, of their errors, and the shape."""
        if not leaving:
            return "", "", ""
        shapes = dict.fromkeys(size_text(node.shape) for node in leaving)
        shape = next(iter(shapes)) if len(shapes) == 1 else ""
        if len(leaving) == 1:
            return str(self.notation.symbol(leaving[0])), str(self.notation.error_symbol(leaving[0])), shape
        if in_full:
            span = self.wording.span(leaving)
            return span, f"δ({span})", shape
        if len(leaving) <= _FEW:
            names, errors = (", ".join(map(str, map(of, leaving))) for of in (self.notation.symbol, self.notation.error_symbol))
            return names, errors, shape
        return f"{len(leaving):,} values", f"{len(leaving):,} errors", shape

    def _leaving(self) -> dict[str, list[Node]]:
        """For each box, which of its values others read."""
        found: dict[str, dict[Node, None]] = {key: {} for key in self.keys}
        for reader, sources in self.sources.items():
            for source in sources:
                if source in self.at and self.at[source] != self.at.get(reader):
                    found[self.at[source]][source] = None
        return {key: list(nodes) for key, nodes in found.items()}

    # Edges ---------------------------------------------------------------------------------

    def _edges(self) -> tuple[list[tuple[str, str]], set[tuple[str, str]]]:
        """Between boxes, and between boxes and the stubs where the graph goes on."""
        edges: dict[tuple[str, str], bool] = {}
        for reader, sources in self.sources.items():
            end = self.at.get(reader)
            found = []
            for source in sources:
                start = self.at.get(source)
                if isinstance(source, Input) or source in self.sources:
                    if start is not None and end is not None:
                        found.append((source, (start, end)))
                    elif end is not None:
                        found.append((source, (self.stubs.before(source), end)))
                    elif start is not None:
                        found.append((source, (start, self.stubs.after(start, reader))))
            receivers = self.notation.sends_to(reader) if found and reader in self.errors else []
            for source, edge in found:
                if edge[0] != edge[1]:
                    edges[edge] = edges.get(edge, False) or source in receivers
        return list(edges), {edge for edge, back in edges.items() if back}

    # Parameters ----------------------------------------------------------------------------

    def _bundles(self) -> list[Bundle]:
        readers: dict[Param, dict[str, int]] = {}
        for node, sources in self.sources.items():
            for source in sources:
                if isinstance(source, Param):
                    by = readers.setdefault(source, {})
                    key = self.at.get(node, "")
                    by[key] = by.get(key, 0) + 1
        together: dict[tuple[str, ...], list[Param]] = {}
        for param, by in readers.items():
            if keys := tuple(key for key in by if key):
                together.setdefault(keys, []).append(param)
        names = Keys()
        return [self._bundle(names, params, list(keys), readers) for keys, params in together.items()]

    def _bundle(
        self, names: Keys, params: list[Param], keys: list[str], readers: dict[Param, dict[str, int]]
    ) -> Bundle:
        kinds = {key: self.kinds[key] for key in keys}
        folds = {key for key, kind in kinds.items() if kind not in ("one", "input")}
        is_folded = not {"repeat", "middle"}.isdisjoint(kinds.values())
        families: dict[object, list[Param]] = {}
        for n, param in enumerate(params):
            alike = self.notation.symbol(param).base, None if "middle" in kinds.values() else param.shape
            families.setdefault(alike if is_folded else n, []).append(param)
        lines, gradients = [], []
        for family in families.values():
            uses = sum(n for p in family for key, n in readers[p].items() if key in folds)
            elsewhere = sum(readers[p].get("", 0) for p in family)
            lines.append(self._line(family, "") + _shared(uses, len(family), elsewhere))
            learned = [p for p in family if p in self.errors]
            gradients += [self._line(learned, "grad")] if learned else []
        lines, gradients = at_most(lines), at_most(gradients)
        if folds and len(params) > 1:
            lines.append(f"{counted(len(params), 'parameter')}, {counted(sum(p.size for p in params), 'number')}")
        key = names.new(str(self.notation.symbol(params[0])))
        return Bundle(key, lines, gradients, keys, params, folded=bool(folds) and len(params) > 1)

    def _line(self, family: Sequence[Param], wrap: str) -> str:
        """Parameters of one letter, with their shape."""
        first, last = (str(self.notation.symbol(p).wrapped(wrap)) for p in (family[0], family[-1]))
        shapes = list(dict.fromkeys(size_text(p.shape) for p in family))
        shape = shapes[0] if len(shapes) == 1 else "different shapes"
        return f"{first} … {last} ({len(family):,} of {shape})" if len(family) > 1 else f"{first} ({shape})"

    # The note ------------------------------------------------------------------------------

    def _note(self) -> str:
        return "\n".join(text for text in (self._note_of_focus(), self._note_of_folds()) if text)

    def _note_of_focus(self) -> str:
        if not self.centre:
            return ""
        kept = sum(len(group.parts) for group in self.groups if group.kind != "input")
        around = at_most([str(self.notation.symbol(node)) for node in self.centre])
        more = f"; hops={self.hops + 1} shows more" if self.stubs else ""
        values = counted(len(self.values.parts), "value")
        return f"Within {counted(self.hops, 'edge')} of {', '.join(around)}: {kept:,} of {values}{more}."

    def _note_of_folds(self) -> str:
        folds = [group for group in self.groups if group.kind not in ("one", "input")]
        if not folds:
            return ""
        nodes = counted(self.wording.count_nodes(n for group in folds for n in group.members), "node")
        into = f"{len(folds)} boxes" if len(folds) > 1 else "1 box"
        more = "" if self.centre else ", focus=node what is near it"
        return f"{nodes} are folded into {into}: fold=False draws them all{more}."


def _shared(uses: int, params: int, elsewhere: int) -> str:
    """What is said of parameters that are read more than once inside a fold, or by what is not drawn."""
    inside = f", read {uses:,} times" if uses > params else ""
    return inside + (f", and by {counted(elsewhere, 'value')} not drawn" if elsewhere else "")
