"""`Table`: rows under a head, as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST = 200
"""A notebook shows a table of more rows without its middle; printed, it is whole."""
_LEFT, _RIGHT = "text-align:left", "text-align:right"


@dataclass(frozen=True)
class Table:
    """What is shown in rows and columns.

    Attributes
    ----------
    head : sequence of str
        What the columns are called.
    rows : sequence of sequences of str
    left : set of int
        The columns of words, which begin at the left; numbers end at the right.
    foot : sequence of sequences of str
        Rows below a line: totals.
    title : str
        Stands above it.
    notes : sequence of str
        Sentences below it.

    Examples
    --------
    >>> print(Table(["node", "bytes"], [["conv1", "8"], ["a", "1,024"]], left={0}))
    node   bytes
    conv1      8
    a      1,024
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: frozenset[int] | set[int] = frozenset()
    foot: Sequence[Sequence[str]] = ()
    title: str = ""
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        rows = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*rows, *self.foot, strict=True)]
        lines = [self._line(row, widths) for row in rows]
        if self.foot:
            lines += ["─" * (sum(widths) + 2 * len(widths) - 2), *(self._line(row, widths) for row in self.foot)]
        return "\n".join([*([self.title] if self.title else []), *lines, *self.notes])

    @property
    def html(self) -> str:
        """The table as HTML; every text is escaped, and of very many rows the middle is left out."""
        foot = f"<tfoot>{self._rows('td', self.foot)}</tfoot>" if self.foot else ""
        caption = f'<caption style="{_LEFT}">{_escaped(self.title)}</caption>' if self.title else ""
        notes = "".join(f"<div>{_escaped(note)}</div>" for note in self.notes)
        head, body = self._rows("th", [self.head]), self._rows("td", self._ends())
        return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody>{foot}</table>{notes}"

    def _ends(self) -> list[Sequence[str]]:
        """The rows, without their middle where they are too many."""
        rows = list(self.rows)
        if len(rows) <= MOST:
            return rows
        half = MOST // 2
        gap = [f"… {len(rows) - 2 * half:,} more rows …", *[""] * (len(self.head) - 1)]
        return [*rows[:half], gap, *rows[-half:]]

    def _line(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = zip(row, widths, strict=True)
        aligned = [cell.ljust(width) if n in self.left else cell.rjust(width) for n, (cell, width) in enumerate(cells)]
        return "  ".join(aligned).rstrip()

    def _rows(self, tag: str, rows: Sequence[Sequence[str]]) -> str:
        return "".join(
            "<tr>" + "".join(self._cell(tag, n, cell) for n, cell in enumerate(row)) + "</tr>" for row in rows
        )

    def _cell(self, tag: str, column: int, text: str) -> str:
        return f'<{tag} style="{_LEFT if column in self.left else _RIGHT}">{_escaped(text)}</{tag}>'


def _escaped(text: str) -> str:
    """`text` for HTML; lone surrogates, which no file can hold, become question marks."""
    return html.escape(text.encode(errors="replace").decode())


def shown(table: Callable[[], Table]) -> str | None:
    """What a notebook shows: the table as HTML, or None, and then its text, where it cannot be made."""
    try:
        return table().html
    except Exception:  # a repr never raises
        return None
