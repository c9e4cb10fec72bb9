"""`Run`: the forward pass and the way of the errors, in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..backprop import Backprop
from ..engine.program import compile
from ..engine.trace import Trace
from ..equations.notation import Notation
from ..graph.errors import NotRunError, call_site, message
from ..graph.graph import is_large
from ..graph.leaves import Param
from ..graph.node import Node
from ..graph.views import view
from ..show.notebook import bundle
from ..text import shown
from .diagram.model import size_text
from .maps.run_values import norm, norm_text

if TYPE_CHECKING:
    from .diagram.diagram import Diagram

Array = NDArray[Any]
_ROWS = 40


class Run(Mapping[Node, Array]):
    """What one run of a sweep computed: every value of the forward pass, and every error that a gradient needs.

    Make it with ``back.run(x=images, y=labels)``. It is a mapping from nodes, forward and backward ones, to arrays, in
    the order in which the engine computed them; the arrays are the caller's own.

    Attributes
    ----------
    back : Backprop
        The sweep that was run.
    trace : Trace
        All that the engine computed.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, y = sc.Input("x", (None, 4)), sc.Input("y", (None,), dtype="int64")
    >>> z = sc.dense(x, 3, init=sc.initial.zeros, name="out", seed=0)
    >>> run = sc.backprop(sc.softmax_cross_entropy(z, y)).run(x=[[1, 2, 3, 4]], y=[0])
    >>> run
    Run of J, batch 1
    value  shape   norm      error
    x      4       ‖x‖ 5.48  not needed
    y      1 each  ‖y‖ 0
    W1     3×4     ‖W1‖ 0    ‖∇W1‖ 4.47
    b1     3       ‖b1‖ 0    ‖∇b1‖ 0.816
    z1     3       ‖z1‖ 0    ‖δ(z1)‖ 0.816
    J      scalar  = 1.1     = 1
    """

    def __init__(self, back: Backprop, notation: Notation, trace: Trace) -> None:
        self.back = back
        self.trace = trace
        self._notation = notation

    @classmethod
    def of(cls, back: Backprop, feeds: Mapping[Any, Any] | None, named: Mapping[str, Any]) -> Run:
        """Run a sweep; arguments as for a program."""
        notation = Notation(back)
        needed = [back.handed_out(error) for node, error in notation.deltas.items() if notation.is_needed(node)]
        program = compile([*notation.values.order, *needed])
        return cls(back, notation, program.trace(feeds, **named))

    def __reduce__(self) -> Any:
        return _again, (self.back, self.trace)

    # The values ----------------------------------------------------------------------------

    @property
    def order(self) -> list[Node]:
        """All nodes, forward and backward ones, in the order in which they were computed."""
        return self.trace.order

    @property
    def batch(self) -> int:
        """How many examples were fed."""
        return self.trace.batch

    @property
    def J(self) -> Array:
        """The value of what was differentiated: the loss."""
        return self.trace[self.back.J]

    def delta(self, node: Node) -> Array:
        """The error dJ/d(node).

        Raises
        ------
        NotRunError
            If no gradient needs it: then it was not computed.
        GradientError
            If J does not depend on `node`.
        """
        deltas = self._notation.deltas
        is_known = isinstance(node, Node) and node in deltas
        error = deltas[node] if is_known else self.back.delta(node)
        if error not in self.trace:
            hint = "to have it nevertheless: sc.compile(back.delta(node))"
            what = "its error is not needed for any gradient, so it was not computed"
            raise NotRunError(message(what, hint, node=node, site=call_site()))
        return self.trace[error]

    @property
    def grads(self) -> dict[Param, Array]:
        """The gradient of each parameter, in the order of the graph."""
        return {param: self.delta(param) for param in self.back.grads}

    def norm(self, node: Node) -> float:
        """The Euclidean norm of a node's value, over the whole array: all examples of the batch."""
        return norm(self[node])

    def __getitem__(self, node: Node) -> Array:
        return self.trace[node]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.trace)

    def __len__(self) -> int:
        return len(self.trace)

    # To look at ----------------------------------------------------------------------------

    def draw(self, **options: Any) -> Diagram:
        """The diagram with norms, and with small pictures of the maps of one example; options as for `symcnn.draw`."""
        diagram: Diagram = view("diagram")(self.back, values=self, **options)
        return diagram

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The diagram with numbers; the text is a table."""
        return bundle(self, "image/svg+xml", lambda: None if is_large(self.back.J) else self.draw().embedded_svg)

    def __repr__(self) -> str:
        title = f"Run of {shown(self.back.J.name) or 'J'}, batch {self.batch}"
        try:
            return "\n".join([title, *self._table()])
        except Exception as error:  # whatever a node type of the user's own does, a repr shows something
            return f"{title}, which could not be shown: {error}"

    def _table(self) -> list[str]:
        """A line for each named value: name, shape, norm, and the norm of its error."""
        rows = [("value", "shape", "norm", "error")]
        rows += [self._row(node) for node in self._notation.values.order if node in self._notation.values.symbols]
        rest = len(rows) - 1 - _ROWS
        if rest > 0:
            del rows[1 + _ROWS // 2 : 1 + _ROWS // 2 + rest]
        widths = [max(len(row[n]) for row in rows) for n in range(4)]
        lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        if rest > 0:
            lines.insert(1 + _ROWS // 2, f"... {rest:,} more ...")
        return lines

    def _row(self, node: Node) -> tuple[str, str, str, str]:
        notation = self._notation
        symbol, error = str(notation.symbol(node)), notation.deltas.get(node)
        text = ""
        if error is not None:
            text = norm_text(str(notation.error_symbol(node)), self[error]) if error in self else "not needed"
        return symbol, size_text(node.shape), norm_text(symbol, np.asarray(self[node])), text


def _again(back: Backprop, trace: Trace) -> Run:
    """A run from a pickle or for a copy."""
    return Run(back, Notation(back), trace)
