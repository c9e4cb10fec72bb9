"""Pictures and equations of a sweep: the backprop diagram as SVG and DOT, formulas as text and LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..backprop import Backprop
    from ..graph.node import Node
    from .diagram import Diagram


def draw(
    J: Node | Backprop, *, fold: bool | None = None, focus: Node | Iterable[Node] | None = None, hops: int = 1
) -> Diagram:
    """The forward pass of `J` and, mirrored below it, the way of the errors.

    Parameters
    ----------
    J : Node or Backprop
        A node, which is swept first, or the result of `symcnn.backprop`. The error of a node that is no scalar,
        such as the scores of a network without a loss, is shown as given.
    fold : bool, optional
        Whether values share boxes: blocks that come several times in a row (``×12``), and the values of a layer.
        Unless told, above 60 boxes, and layers only where that is not enough.
    focus : Node or list of Node, optional
        Draw only the neighbourhood of these: of values, of the readers of a parameter, of the value of an error.
    hops : int
        How many edges the neighbourhood reaches in either direction.

    Raises
    ------
    DTypeError
        For what is no node, or no whole number of hops.
    ArgumentError
        For a negative number of hops, another `fold`, or an empty `focus`.
    GraphError
        For a `focus` that is not in the graph.

    Examples
    --------
    >>> import symcnn as sc
    >>> w = sc.Param("w", [1.0, 2.0])
    >>> diagram = sc.draw(sc.sum(sc.tanh(w)))
    >>> diagram.svg[:4], "∇w" in diagram.svg
    ('<svg', True)
    >>> scores = sc.dense(sc.Input("x", (None, 4)), 3, seed=0)
    >>> "δ(J) = given" in sc.draw(scores).svg
    True
    >>> h = sc.Input("x", (None, 8))
    >>> for _ in range(50):
    ...     h = sc.tanh(sc.dense(h, 8, seed=0))
    >>> [box.title for box in sc.draw(sc.mean(h)).story.boxes]
    ['x', '(Dense, Tanh) ×50', 'loss · Mean']
    >>> [box.title for box in sc.draw(sc.mean(h), focus=h).story.boxes]
    ['… from a49', 'Dense', 'Tanh', 'loss · Mean']
    """
    from ..backprop import Backprop, backprop
    from ..graph.collector import collector_paused
    from ..graph.errors import ArgumentError, DTypeError, call_site, explain, natural, quoted
    from ..graph.leaves import Input
    from ..graph.node import Node
    from ..graph.spec import is_real
    from .diagram import Diagram
    from .teller import Teller

    if isinstance(J, Node):
        J = backprop(J, Input("given", J.shape, J.dtype) if J.shape and is_real(J.dtype) else None)
    if not isinstance(J, Backprop):
        what = f"draw needs a node or the result of sc.backprop, got {quoted(J)}"
        raise DTypeError(explain(what, site=call_site()))
    if not (fold is None or isinstance(fold, bool)):
        raise ArgumentError(explain(f"fold is {quoted(fold)}; expected True, False or None", site=call_site()))
    hops = natural(hops, "hops")
    with collector_paused():
        return Diagram(Teller(J, fold, focus, hops).tell())
