"""`agree`: every installed backend computes the same values, and how far apart they are is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.backend import names
from ..engine.program import compile
from ..graph.errors import ArgumentError
from ..graph.node import Node
from ..show.notebook import bundle
from ..show.tables import Table
from ..text import shape_text

Array = NDArray[Any]


@dataclass(frozen=True)
class Agreement:
    """How far the backends are from the first one; prints as a table.

    Attributes
    ----------
    nodes : tuple of Node
        What was computed.
    backends : tuple of str
        The first is what the others are compared with.
    ulp : {str: tuple of float}
        For each other backend, for each node: the largest difference; see `ulp_apart`.
    failed : {str: str}
        Backends of other packages that could not be loaded, and why.
    """

    nodes: tuple[Node, ...]
    backends: tuple[str, ...]
    ulp: dict[str, tuple[float, ...]]
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def max_ulp(self) -> float:
        """The largest difference of all; 0 where there is one backend alone."""
        return max((max(found, default=0.0) for found in self.ulp.values()), default=0.0)

    def check(self, within: float) -> None:
        """Raise an AssertionError, with the table, where a difference is larger than `within` ulp."""
        assert self.max_ulp <= within, f"the backends differ by {self.max_ulp:.3g} ulp\n{self}"

    @property
    def table(self) -> Table:
        """A row for each node, a column for each backend but the first."""
        rows = [
            [node.label, shape_text(node.shape), str(node.dtype), *(f"{self.ulp[b][n]:.3g}" for b in self.ulp)]
            for n, node in enumerate(self.nodes)
        ]
        title = f"largest differences from {self.backends[0]!r}, in ulp of each value's largest number"
        title += "".join(f"\n{name}: {why}" for name, why in self.failed.items())
        return Table(["node", "shape", "dtype", *self.ulp], rows, left={0, 1, 2}, title=title)

    def __str__(self) -> str:
        return str(self.table)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "text/html", lambda: self.table.html)


def agree(
    nodes: Node | Sequence[Node],
    feeds: Mapping[Any, Any] | None = None,
    /,
    *,
    backends: Sequence[str] | None = None,
    **named: Any,
) -> Agreement:
    """Compute nodes by every installed backend, and tell how far apart the values are.

    Parameters
    ----------
    nodes : Node, or list of Node
        Their gradients may be among them: ``[J, *sc.backprop(J).grads.values()]``.
    feeds, **named
        As for a program.
    backends : list of str, optional
        The first is what the others are compared with; default: all that are installed, beside "numpy".

    Returns
    -------
    Agreement
        Its ``max_ulp`` is the largest difference; infinite where shapes, dtypes, NaN, infinities, integers or booleans
        differ.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 4))
    >>> found = agree(sc.dense(x, 3, seed=0), x=np.ones((2, 4)))
    >>> found.backends[0], found.max_ulp < 10
    ('numpy', True)
    >>> found.check(within=10)
    """
    asked = (nodes,) if isinstance(nodes, Node) else tuple(nodes)
    values: dict[str, list[Array]] = {}
    failed: dict[str, str] = {}
    for backend in names() if backends is None else backends:
        try:
            program = compile(list(asked), backend=backend)
        except ArgumentError as error:
            if backends is not None:
                raise
            failed[backend] = str(error).splitlines()[0]
            continue
        values[backend] = program(feeds, **named)
    first, *others = values
    apart = {name: tuple(map(ulp_apart, values[name], values[first])) for name in others}
    return Agreement(asked, tuple(values), apart, failed)


def ulp_apart(found: Array, expected: Array) -> float:
    """The largest difference of two arrays, in units in the last place of the largest finite number expected.

    Infinite, where they differ in shape or dtype, in what is NaN or infinite, or in integers or booleans.

    Examples
    --------
    >>> ulp_apart(np.array([1, 2], "float32"), np.array([1, 2 + 2**-22], "float32"))
    1.0
    >>> ulp_apart(np.array([1]), np.array([2]))
    inf
    """
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return float("inf")
    finite = np.isfinite(expected)
    if expected.dtype.kind != "f" or not np.array_equal(found[~finite], expected[~finite], equal_nan=True):
        return 0.0 if np.array_equal(found, expected, equal_nan=expected.dtype.kind == "f") else float("inf")
    wide = np.longdouble if expected.dtype == np.float64 else np.float64
    difference = np.abs(found[finite].astype(wide) - expected[finite].astype(wide))
    if not difference.size:
        return 0.0
    unit = np.spacing(np.max(np.abs(expected[finite])))
    return float(np.max(difference) / unit) if np.isfinite(found[finite]).all() else float("inf")
