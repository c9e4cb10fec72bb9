"""The backward half of a picture: the errors that each box sends on, the gradients, and what is read for them."""

from __future__ import annotations

from ...equations.notation import Notation
from ...graph.leaves import Const, Leaf, Param
from ...graph.node import Node
from ...graph.spec import is_real
from .grouping import Group
from .labels import Labels, at_most, counted
from .model import BackwardBox

_LINES = 10
"""How many equations a twin shows at most."""


class BackwardBoxes:
    """Makes the twins of groups.

    Parameters
    ----------
    groups : list of Group
        All that are drawn.
    """

    def __init__(self, notation: Notation, wording: Labels, groups: list[Group]) -> None:
        self.notation = notation
        self.wording = wording
        self.values = notation.values
        self.errors = notation.deltas
        self.groups = groups

    def make(self) -> list[BackwardBox | None]:
        """For each group its twin, or None where no error comes back."""
        twins = [self._empty(group) for group in self.groups]
        shown = {node: n for n, group in enumerate(self.groups) for node in self._sending(group)}
        rows = [(node, s, error) for node in shown for s, error in self.notation.sent(node).items()]
        rows = [row for row in rows if self.notation.is_needed(row[1])]
        readable = self.notation.readable([error for _, _, error in rows])
        reads: list[dict[str, None]] = [{} for _ in self.groups]
        for (node, source, _), error in sorted(
            zip(rows, readable, strict=True), key=lambda row: isinstance(row[0][1], Param)
        ):
            twin = twins[shown[node]]
            if twin is not None:
                twin.lines += self.wording.equation(
                    f"{self.notation.error_symbol(source)} {self.notation.sign(source)} ", error
                )
                reads[shown[node]].update(dict.fromkeys(self._reads(error)))
        for group, twin, read in zip(self.groups, twins, reads, strict=True):
            if twin is not None and twin.needed:
                self._finish(group, twin, list(read))
        return twins

    def _sending(self, group: Group) -> list[Node]:
        """The values whose errors are shown: of the last copy, to which the sweep comes first, in its order."""
        return [] if group.kind in ("input", "middle") else list(group.last[: -1 - _LINES : -1])

    def _finish(self, group: Group, twin: BackwardBox, reads: list[str]) -> None:
        """What is said of a fold below its equations, and what its rules read."""
        if group.kind == "one":
            twin.lines = at_most(twin.lines, _LINES)
            twin.reads = ", ".join(reads) or "shape only"
        elif group.kind != "input":
            gradients = [p for p in self.wording.params(group.members) if p in self.errors]
            twin.lines = at_most(twin.lines, _LINES)
            if group.copies > 1:
                how = "each sends to the one before" if self.wording.is_chain(group) else "side by side"
                twin.lines.append(f"{group.copies:,} times, {how}")
            if gradients:
                twin.lines.append(counted(len(gradients), "gradient"))
            if group.kind == "middle":
                twin.lines = [*twin.lines, "not drawn"]
            else:
                twin.reads = ", ".join(reads or ["shape only"]) + (", …" if reads and group.copies > 1 else "")

    def _empty(self, group: Group) -> BackwardBox | None:
        """A twin without equations, but for those of what was swept."""
        reached = [node for node in group.members if node in self.errors]
        if not reached:
            return None
        needed = any(self.notation.is_needed(node) for node in reached)
        title = self.wording.title(group)
        if group.kind == "input":
            title = f"∂J/∂{title}" if len(group.members) == 1 else f"∂J/∂({title})"
        elif group.kind != "middle":
            title = f"∂{title}"
        if self.values.J not in group.members:
            return BackwardBox(title, [] if needed else ["not needed"], needed)
        J = self.values.J
        (first,) = self.notation.readable([self.errors[J]])
        return BackwardBox(title, self.wording.equation(f"{self.notation.error_symbol(J)} = ", first))

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
