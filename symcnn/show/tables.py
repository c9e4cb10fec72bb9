"""`Table`: rows under a head, as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..text import plain_lines, plain_text

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
        rows, foot = ([[*map(plain_text, row)] for row in part] for part in ([self.head, *self.rows], self.foot))
        widths = [max(map(len, column)) for column in zip(*rows, *foot, strict=True)]
        lines = [self._line(row, widths) for row in rows]
        if foot:
            lines += ["─" * (sum(widths) + 2 * len(widths) - 2), *(self._line(row, widths) for row in foot)]
        return "\n".join([*([plain_lines(self.title)] if self.title else []), *lines, *map(plain_lines, self.notes)])

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
        if len(self.rows) <= MOST:
            return list(self.rows)
        half = MOST // 2
        gap = [f"… {len(self.rows) - 2 * half:,} more rows …", *[""] * (len(self.head) - 1)]
        return [*self.rows[:half], gap, *self.rows[-half:]]

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
    return html.escape(plain_lines(text))


class Rows(Sequence[Sequence[str]]):
    """Rows that are written when they are looked at: of a long table, a notebook looks at the ends only.

    Parameters
    ----------
    things : sequence
    row : callable
        One of them -> its cells.

    Examples
    --------
    >>> len(Rows(range(10**9), lambda n: [str(n)])[-2:])
    2
    """

    def __init__(self, things: Sequence[Any], row: Callable[[Any], Sequence[str]]) -> None:
        self._things = things
        self._row = row

    def __getitem__(self, index: Any) -> Any:
        found = self._things[index]
        return [self._row(thing) for thing in found] if isinstance(index, slice) else self._row(found)

    def __len__(self) -> int:
        return len(self._things)
