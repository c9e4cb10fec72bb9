"""`Profile`: where a program's time and memory go, node by node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..graph.node import Node
from ..show.notebook import bundle
from ..show.tables import Table


@dataclass(frozen=True)
class Nest:
    """A nest of loops that native code runs.

    Attributes
    ----------
    function : str
        Its name in ``Program.report(loops=True)``.
    text : str
        What it computes, and what is fused into it.
    kind : str
        What kind of loops these are: "convolution", "product", "element by element", ...
    operations : int, optional
        Additions, multiplications and the like of the whole batch; None where they could not be counted.
    moved : int, optional
        Bytes that its loops load and store.
    """

    function: str
    text: str
    kind: str
    operations: int | None = None
    moved: int | None = None

    @property
    def is_job(self) -> bool:
        """Whether it belongs to no node of its own, but finishes the work of many."""
        return self.kind == "native"


@dataclass(frozen=True)
class Row:
    """One node: the seconds of its fastest run, the bytes of its value, what computed it, and by which loops."""

    node: Node
    seconds: float
    nbytes: int
    kernel: str
    nest: Nest | None = None

    @property
    def rate(self) -> float | None:
        """Operations in a second, where they were counted and there are some."""
        if self.nest is None or not self.nest.operations or not self.seconds:
            return None
        return self.nest.operations / self.seconds

    @property
    def text(self) -> str:
        """What is computed, how, and where it was made."""
        if self.nest is None:
            return f"{self.node.label} {self.node.shape} [{self.kernel}] {self.node.site}"
        site = "" if self.nest.is_job else f" {self.node.site}"
        return f"{self.nest.text} [{self.nest.kind}]{site}"


@dataclass(frozen=True)
class Profile:
    """Time and bytes of each node of a program; prints as a table, the slowest first.

    Attributes
    ----------
    rows : list of Row
    buffer_bytes : int
    backend : str
    batch : int
    peak : float, optional
        Operations that one thread of this machine can do in a second, measured; of a native program only.
    outside : float, optional
        Seconds that a run takes to check and copy the feeds, and to copy the results; of a native program only.
    """

    rows: list[Row]
    buffer_bytes: int
    backend: str
    batch: int
    peak: float | None = None
    outside: float | None = None

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
                *([] if self.peak is None else self._rates(row, self.peak)),
                f"{row.nbytes:,}",
                row.text,
            ]
            for row in sorted(self.rows, key=lambda r: -r.seconds)
        ]
        rates = [] if self.peak is None else ["GFLOP/s", "of peak", "GB/s"]
        head = ["ms", "share", *rates, "bytes", "node"]
        return Table(head, rows, left={len(head) - 1}, title="\n".join(self._title()))

    def _title(self) -> list[str]:
        took = f"{1e3 * self.seconds:.3f} ms"
        memory = f"{self.buffer_bytes:,} bytes of buffers"
        if self.peak is None:
            return [f"{self.backend}, batch {self.batch}: {took}, {memory}"]
        done = sum(row.nest.operations or 0 for row in self.rows if row.nest is not None)
        rate = done / self.seconds if self.seconds else 0.0
        outside = "" if self.outside is None else f" and {1e3 * self.outside:.3f} ms for feeds and results"
        return [
            f"{self.backend}, batch {self.batch}, one thread: {took} in these rows{outside}; {memory}",
            f"{1e-9 * rate:.1f} GFLOP/s: {rate / self.peak:.0%} of the {1e-9 * self.peak:.0f} that one thread of this"
            " machine can do",
        ]

    @staticmethod
    def _rates(row: Row, peak: float) -> list[str]:
        """Operations a second and their share; bytes a second, where there are twice as many bytes as operations."""
        if row.nest is None or row.nest.operations is None or row.nest.moved is None or not row.seconds:
            return ["", "", ""]
        rate = row.rate
        reckoned = ["", ""] if rate is None else [f"{1e-9 * rate:.1f}", f"{rate / peak:.0%}"]
        moved = row.nest.moved >= max(1, 2 * row.nest.operations)
        return [*reckoned, f"{1e-9 * row.nest.moved / row.seconds:.1f}" if moved else ""]

    def __str__(self) -> str:
        return str(self.table)

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "text/html", lambda: self.table.html)
