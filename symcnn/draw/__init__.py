"""Pictures and equations of a sweep: the backprop diagram, figures of units, formulas as text and LaTeX."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

from ..graph.collector import collector_paused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ..backprop import Backprop
    from ..graph.node import Node
    from .diagram.diagram import Diagram
    from .units.units import Units


@collector_paused
def draw(
    J: Node | Backprop,
    *,
    zoom: str = "layers",
    fold: bool | None = None,
    focus: Node | Iterable[Node] | None = None,
    hops: int = 1,
    values: Mapping[Node, NDArray[Any]] | None = None,
    example: int = 0,
    width: float | None = 1400,
) -> Diagram:
    """The forward pass of `J` and, mirrored below it, the way of the errors.

    Parameters
    ----------
    J : Node or Backprop
        A node, which is swept first, or the result of `symcnn.backprop`. The error of a node that is no scalar,
        such as the scores of a network without a loss, is shown as given.
    zoom : "layers" or "nodes"
        A box for each value with all that its formula goes through; or every node of the forward pass and, below it,
        every node of the backward graph.
    fold : bool, optional
        Whether values share boxes: blocks that come several times in a row (``×12``), and the values of a layer.
        By default above 60 boxes, and layers only where that is not enough. Single nodes are not folded: more than
        150 of them are drawn for ``fold=False`` only.
    focus : Node or list of Node, optional
        Draw only the neighbourhood of these: of values, of the readers of a parameter, of the value of an error.
    hops : int
        How many edges the neighbourhood reaches in either direction.
    values : Run, Trace, or other mapping from Node to array, optional
        What was computed, from ``back.run(...)``: norms and small pictures of the maps are shown, too.
    example : int
        Whose maps, if `values` are of several examples. Norms are over all of them.
    width : float or None
        How wide the picture is at most, in pixels: a wider one is cut into bands. None: one band.

    Raises
    ------
    DTypeError
        For anything but a node, or hops that are not an integer.
    ArgumentError
        For a negative number of hops, another `zoom` or `fold`, more than 150 single nodes, an empty `focus`; if the
        values are of something else, or there is no such example; for a width of less than one pixel.
    ShapeError
        For values that do not have the shapes of their nodes, or are of different batches.
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
    >>> nodes = sc.draw(sc.sum(sc.tanh(w)), zoom="nodes").story
    >>> [box.lines[0] for box in nodes.below.boxes]
    ['e1 = 1 as 1', 'δ(a1) = e1 as 2', 'e2 = a1²', 'e3 = 1 − e2', '∇w = δ(a1) · e3']
    """
    from ..backprop import Backprop
    from ..graph.arguments import chosen, natural
    from ..graph.errors import ArgumentError, DTypeError, call_site, message
    from ..graph.node import Node
    from ..text import quoted
    from .diagram.builder import DiagramBuilder
    from .diagram.diagram import Diagram
    from .diagram.every_node import EveryNodeBuilder
    from .maps.run_values import shown
    from .run import Run

    if isinstance(values, Run) and J is values.back.J:
        J = values.back
    if isinstance(J, Node):
        J = swept(J)
    if not isinstance(J, Backprop):
        what = f"draw needs a node or the result of sc.backprop, got {quoted(J)}"
        raise DTypeError(message(what, site=call_site()))
    is_number = isinstance(width, Real) and not isinstance(width, bool)
    if not (width is None or (is_number and width >= 1)):
        problem = f"width is {quoted(width)}; expected a number of pixels, or None for a picture in one piece"
        raise ArgumentError(message(problem, site=call_site()))
    if not (fold is None or isinstance(fold, bool)):
        raise ArgumentError(message(f"fold is {quoted(fold)}; expected True, False or None", site=call_site()))
    hops = natural(hops, "hops")
    chosen(zoom, ("layers", "nodes"), "zoom")
    kind: type[DiagramBuilder | EveryNodeBuilder] = DiagramBuilder if zoom == "layers" else EveryNodeBuilder
    teller = kind(J, fold, focus, hops)
    told = shown(teller.tell(), teller.errors, values, example)
    return Diagram(told, None if width is None else float(min(width, sys.maxsize)))


def swept(J: Node) -> Backprop:
    """The sweep of a node; the error of one that is no scalar is an input called "given".

    Examples
    --------
    >>> import symcnn as sc
    >>> swept(sc.dense(sc.Input("x", (None, 4)), 3, seed=0))
    Backprop(Dense: 4 steps, 2 gradients)
    """
    from ..backprop import backprop
    from ..graph.algebra import fed
    from ..graph.spec import is_real

    return backprop(J, fed("given", J.shape, J.dtype.name) if J.shape and is_real(J.dtype) else None)


def draw_units(J: Node | Backprop, *, maps: int = 3) -> Units:
    """The units of a network of convolution and pooling, layer upon layer: what each reads, and which share weights.

    Networks of one-row maps are drawn with a circle for each unit and a line for each weight; others as stacks of
    maps, with frames around what a unit reads. Units of one colour and letter have tied weights.

    Parameters
    ----------
    J : Node or Backprop
        What the layers end in: scores, a loss, or a sweep of it. Drawn are the layers from the first input that a
        convolution or a pool reads.
    maps : int
        How many maps of a layer are drawn at most; the figure says how many there are.

    Raises
    ------
    GraphError
        Where there is no convolution and no pooling, or the layers are no chain.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 28, 28))
    >>> figure = sc.draw_units(sc.mean_pool(sc.sigmoid(sc.conv(x, 20, 9, name="conv1", seed=0)), 2))
    >>> figure, "filter A" in figure.svg
    (Units of x, conv1, pooled maps, True)
    """
    from ..backprop import Backprop
    from ..graph.arguments import positive_int
    from ..graph.errors import DTypeError, call_site, message
    from ..graph.node import Node
    from ..text import quoted
    from .units.units import Units

    node = J.J if isinstance(J, Backprop) else J
    if not isinstance(node, Node):
        what = f"draw_units needs a node or the result of sc.backprop, got {quoted(J)}"
        raise DTypeError(message(what, site=call_site()))
    return Units(node, positive_int(maps, "draw_units: maps"))
