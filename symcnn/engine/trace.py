"""`Trace`: all that a program computed in one run, in the order in which it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.errors import NotRunError, call_site, message
from ..graph.listing import listed
from ..graph.node import Node
from ..show.notebook import bundle
from ..text import quoted

Array = NDArray[Any]


class Trace(Mapping[Node, Array]):
    """The value of each node that a run computed: a mapping from nodes to arrays, which are the caller's own.

    A program computes what `symcnn.simplify` has made of the nodes it was compiled for. Those nodes themselves are
    here too, each with the value of what stands in its place, and right after that.

    Attributes
    ----------
    order : list of Node
        The nodes in the order of the run, what was fed and the parameters among them.
    batch : int
        How many examples were fed.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 2))
    >>> trace = sc.compile(sc.sum(sc.relu(x))).trace(x=[[1, -2]])
    >>> for node, value in trace.items():
    ...     print(type(node).__name__, value.tolist())
    Input [[1.0, -2.0]]
    Relu [[1.0, 0.0]]
    Sum 1.0
    """

    def __init__(self, values: dict[Node, Array], batch: int) -> None:
        self._values = values
        self.order = list(values)
        self.batch = batch

    def __getitem__(self, node: Node) -> Array:
        try:
            return self._values[node]
        except (KeyError, TypeError):
            pass
        if not isinstance(node, Node):
            raise NotRunError(message(f"a trace is asked by nodes, got {quoted(node)}", site=call_site()))
        hint = "compile it too: sc.compile([..., node]).trace(...)"
        raise NotRunError(message("it was not computed in this run", hint, node=node))

    def __iter__(self) -> Iterator[Node]:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The values as a table: what they are computed from, and how far they reach."""
        columns = {
            "smallest": lambda node: _extreme(self, node, np.min),
            "largest": lambda node: _extreme(self, node, np.max),
        }
        return bundle(self, "text/html", lambda: listed(self.order, repr(self), columns).html)

    def __repr__(self) -> str:
        return f"Trace({len(self)} values, batch {self.batch})"


def _extreme(trace: Trace, node: Node, function: Callable[[Array], Any]) -> str:
    """A number that a value reaches; NaN where it has one, nothing where it is empty."""
    return f"{function(trace[node]):.4g}" if trace[node].size else ""
