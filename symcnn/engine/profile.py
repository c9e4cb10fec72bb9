"""`Profile`: where a program's time and memory go, node by node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..graph.node import Node
from ..notebook import bundle
from ..tables import Table


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

    @property
    def table(self) -> Table:
        """The nodes in rows, the slowest first."""
        total = self.seconds or 1.0
        rows = [
            [
                f"{1e3 * row.seconds:.4f}",
                f"{row.seconds / total:.1%}",
                f"{row.nbytes:,}",
                f"{row.node.label} {row.node.shape} [{row.kernel}] {row.node.site}",
            ]
            for row in sorted(self.rows, key=lambda r: -r.seconds)
        ]
        head = (
            f"{self.backend}, batch {self.batch}: {1e3 * self.seconds:.3f} ms, {self.buffer_bytes:,} bytes of buffers"
        )
        return Table(["ms", "share", "bytes", "node"], rows, left={3}, title=head)

    def __str__(self) -> str:
        return str(self.table)

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "text/html", lambda: self.table.html)
