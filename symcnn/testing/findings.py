"""What a check finds, and how the findings are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..graph.node import Node
from ..show.notebook import bundle
from ..show.tables import Table


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and what to mend."""

    what: str
    mend: str


class Unchecked(Exception):
    """Raised by a check that has nothing to look at, or lacks what it needs; the text says why."""


@dataclass(frozen=True)
class Check:
    """One of the things that a node type owes.

    Attributes
    ----------
    title : str
        What holds where the check passes.
    find : callable
        (sample) -> the problems.
    needs : tuple of Check
        Checks without which this one would only repeat what they found.
    """

    title: str
    find: Callable[[Node], Iterator[Problem]]
    needs: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Report:
    """What was checked of a node type; prints as a list.

    Attributes
    ----------
    subject : str
        The node type.
    samples : tuple of str
        The nodes that it was checked on.
    passed : tuple of str
        What holds, on every sample on which it could be checked.
    unchecked : dict
        What could be checked on no sample, and why.
    """

    subject: str
    samples: tuple[str, ...]
    passed: tuple[str, ...]
    unchecked: dict[str, str]

    @property
    def table(self) -> Table:
        """What was checked, a row for each check."""
        rows = [["passed", title, ""] for title in self.passed]
        rows += [["not checked", title, reason] for title, reason in self.unchecked.items()]
        samples = [f"on {sample}" for sample in self.samples]
        head = ["", "check", "reason"]
        if not self.unchecked:
            head, rows = head[:2], [row[:2] for row in rows]
        return Table(head, rows, left={0, 1, 2}, title=self.subject, notes=samples)

    def __str__(self) -> str:
        lines = [f"{self.subject}: {len(self.passed)} checks passed, each on"]
        lines += [f"    {sample}" for sample in self.samples]
        lines += [f"  passed: {title}" for title in self.passed]
        lines += [f"  not checked: {title}: {reason}" for title, reason in self.unchecked.items()]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "text/html", lambda: self.table.html)
