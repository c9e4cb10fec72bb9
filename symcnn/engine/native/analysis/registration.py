"""What native code knows of node types: one registration for each, at the function that writes what the type computes.

    @native(Crop, kind="element")
    def crop(read, node, place):
        return read.at(node.x, ...)

A type without a registration is traced where it is element-wise, and left to NumPy where it is not. `kind` says which
function is registered:

"element"
    (reader, node, place) -> value: an element of the node, which is one of a few elements of its inputs, or chosen from
    them. It is computed where it is read, or in loops that the engine writes.
"loops"
    (kernel, node) -> None: writes all loops of the node, which fill its buffer.

What follows the kind are facts that the analysis needs (see `Registration`); most types have none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ....graph.node import Node
from ....nodes.border import Crop, Subsample
from ....nodes.conv import Conv
from ....nodes.shape import Transpose
from ...patterns import Convolution, per_image

Written = TypeVar("Written", bound=Callable[..., Any])


@dataclass(frozen=True)
class Registration:
    """What native code knows of a node type.

    Attributes
    ----------
    kind : "element" or "loops"
    write : callable
        What is registered.
    obstacle : callable, optional
        node -> why it cannot be computed for each image alone, or None; default: where the batch is not the first axis
        of its first input.
    reals : bool
        It computes with real numbers: with False, the elements of its first input stay what they are.
    labels : callable, optional
        node -> the input of class labels, and below what number they must be. They are looked at when they are packed.
    index : int, optional
        Which input is an index.
    by_shape : bool
        Its `verify` looks at nothing but shapes; with labels and indices, they are looked at natively.
    window : bool
        Its `size` is a window of its last two axes.
    spreads : bool
        Each element of its first input becomes several.
    wide : callable, optional
        Of kind "loops", for windows that are so large that loops go through them.
    again : bool
        Its loops read elements of an input more than once, so inputs are written down.
    switches : bool
        Its second input are the switches of windows.
    products : bool
        It is made of products of matrices: most of the work, and by NumPy a task for BLAS.
    anew : bool
        Its elements are found anew wherever they are read: they are never written down for that alone.
    alias : bool
        Its elements lie where those of its first input are.
    whole : tuple of int
        Which inputs are whole numbers that it reads as they are.
    called : str
        What its loops are called in reports and profiles.
    element : str, optional
        How its numbers are kept, if not as in an array.
    pieces : callable, optional
        node -> for each function that is to be written, what `write` is told beside.
    """

    kind: Literal["element", "loops"]
    write: Callable[..., Any]
    obstacle: Callable[[Any], str | None] | None = None
    reals: bool = True
    labels: Callable[[Any], tuple[Node, int]] | None = None
    index: int | None = None
    by_shape: bool = False
    window: bool = False
    spreads: bool = False
    wide: Callable[..., Any] | None = None
    again: bool = False
    switches: bool = False
    products: bool = False
    anew: bool = False
    alias: bool = False
    whole: tuple[int, ...] = ()
    called: str = "row by row"
    element: str | None = None
    pieces: Callable[[Any], list[Any]] | None = None


_TABLE: dict[type[Node], Registration] = {}
_TRACED = Registration("element", lambda: None)
"""What holds for every type without a registration."""
_AROUND = (Crop, Subsample, Transpose)
"""What may stand around a convolution in `Convolution.of`."""


def native(*types: type[Node], kind: Literal["element", "loops"], **facts: Any) -> Callable[[Written], Written]:
    """Register a function for node types; see `Registration` for the facts.

    Examples
    --------
    >>> import symcnn as sc
    >>> class Twice(sc.Node):
    ...     x: sc.Node
    >>> @native(Twice, kind="element", reals=False)
    ... def twice(read, node, place):
    ...     return read.at(node.x, place)
    >>> of(Twice(sc.Input("x", (None, 3)))).kind
    'element'
    """

    def register(write: Written) -> Written:
        for cls in types:
            _TABLE[cls] = Registration(kind, write, **facts)
        return write

    return register


def of(node: Node) -> Registration:
    """What is known of a node's type; for one that is not registered, what holds for all.

    What keeps a part of a convolution, or joins its groups, is a convolution itself.
    """
    known = _TABLE.get(type(node), _TRACED)
    return _TABLE[Conv] if type(node) in _AROUND and Convolution.of(node) is not None else known


def is_registered(node: Node) -> bool:
    """Whether its type has a registration: a type that is derived from another one has none of it."""
    return type(node) in _TABLE


def is_alias(node: Node) -> bool:
    """Whether its elements lie where those of its first input are."""
    return of(node).alias


def obstacle_of(node: Node) -> str | None:
    """Why a node of a registered type cannot be computed for each image alone."""
    found = of(node)
    if found.obstacle is not None:
        return found.obstacle(node)
    return not_first(node) if found.kind == "element" else mixed(node)


def not_first(node: Node) -> str | None:
    """Why an element cannot be found where the first input does not have the batch first."""
    return None if per_image(node.inputs[0]) else "the batch is not the first axis of its input"


def mixed(node: Node) -> str | None:
    """Why loops over an image cannot be written where the first input does not have the batch first."""
    return None if per_image(node.inputs[0]) else "it does not keep the rows of the batch apart"


def index_of(node: Node) -> Node | None:
    """The input that is an index."""
    place = of(node).index
    return None if place is None else node.inputs[place]
