"""`Profile`: where a program's time and memory go, node by node."""

from __future__ import annotations

from dataclasses import dataclass

from ..graph.node import Node


@dataclass(frozen=True)
class Row:
    """One node: the seconds of its fastest run, the bytes of its value, and what computed it."""

    node: Node
    seconds: float
    nbytes: int
    kernel: str


@dataclass(frozen=True)
class Profile:
    """Time and bytes of each node of a program; prints as a table, the slowest first."""

    rows: list[Row]
    buffer_bytes: int
    backend: str
    batch: int

    @property
    def seconds(self) -> float:
        """The sum over the nodes."""
        return sum(row.seconds for row in self.rows)

    def __str__(self) -> str:
        total = self.seconds or 1.0
        head = (
            f"{self.backend}, batch {self.batch}: {1e3 * self.seconds:.3f} ms, {self.buffer_bytes:,} bytes of buffers"
        )
        lines = [head, f"{'ms':>9} {'share':>6} {'bytes':>12}  node"]
        for row in sorted(self.rows, key=lambda r: -r.seconds):
            where = f"{row.node.label} {row.node.shape} [{row.kernel}] {row.node.site}"
            lines.append(f"{1e3 * row.seconds:9.4f} {row.seconds / total:6.1%} {row.nbytes:12,}  {where}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)
