"""What a run adds to a story: norms on the edges, the loss as a number, and small pictures of maps.

Norms are over the whole array, all examples of the batch; pictures are of one example.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...graph.arguments import natural
from ...graph.errors import ArgumentError, DTypeError, ShapeError, call_site, message
from ...graph.leaves import Param, is_masked
from ...graph.node import Node
from ...text import quoted
from ..diagram.model import Below, Box, Bundle, DiagramModel
from .colours import INF, LEVELS, MINUS_INF, NAN, Scale
from .heatmap import heatmap
from .maps import pictures, short, unusual
from .picture import Picture

Array = NDArray[Any]
NOT_RUN = "not run"
_MOST = 12
"""How many pictures the parameters of one box have."""


def shown(
    story: DiagramModel, errors: Mapping[Node, Node], values: Mapping[Node, Array] | None, example: int = 0
) -> DiagramModel:
    """The story with what was computed; where there is nothing, it says that it was not run.

    Parameters
    ----------
    story : DiagramModel
        It is changed.
    errors : {Node: Node}
        The error of each node.
    values : mapping from Node to array, or None
        A `Run`, or a `Trace` of some of the nodes.
    example : int
        Whose maps are shown.

    Raises
    ------
    ArgumentError
        If there is no such example, or nothing of the story is among the values.
    ShapeError, DTypeError
        For a value that is not what its node computes: of another shape, of no numbers.
    """
    if values is None:
        story.note = _lines(story.note, "Not run: only shapes are known.")
        return story
    if not isinstance(values, Mapping):
        what = f"values are arrays by node, such as back.run(...) gives, got {quoted(values)}"
        raise DTypeError(message(what, site=call_site()))
    nodes = [*(box.node for box in story.boxes if box.node is not None), *errors]
    params = (param for bundle in story.bundles for param in bundle.params)
    drawn = dict.fromkeys([*nodes, *params, *errors.values()])
    values = _of_one_run({node: _array_of(node, values[node]) for node in drawn if node in values})
    if not any(node in values for node in nodes):
        what = "none of the values belongs to what is drawn"
        raise ArgumentError(message(what, "draw the sweep that was run: run.draw()", site=call_site()))
    teller = _Teller(errors, values, _checked(example, nodes, values))
    for box in story.boxes:
        teller.tell_box(box)
    if story.below is not None:
        teller.tell_below(story.below)
    for bundle in story.bundles:
        teller.tell_bundle(bundle)
    story.note = _lines(story.note, teller.note(batch_of(nodes, values)))
    if story.below is not None:
        story.note = _lines(story.note, f"{NOT_RUN}: no gradient needs it, or the engine computes it in a shorter way.")
    story.scales = _scales(teller.unusual)
    return story


def _array_of(node: Node, value: object) -> Array:
    """A value that was given for a node, as an array of numbers of its shape."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        array = np.asarray(None)  # a ragged list, ...
    if array.dtype.kind not in "fiub" or is_masked(value):
        what = f"its value is to be shown, but it is {quoted(value)}; expected an array of real numbers"
        raise DTypeError(message(what, node=node, site=call_site()))
    fits = len(array.shape) == node.ndim and all(d in (None, n) for d, n in zip(node.shape, array.shape, strict=True))
    if not fits:
        what = f"its value is to be shown, but it has shape {array.shape}; expected {node.shape}"
        raise ShapeError(message(what, node=node, site=call_site()))
    return array


def _of_one_run(values: dict[Node, Array]) -> dict[Node, Array]:
    """The values, which must be of one batch."""
    sizes = {n: a.shape[n.shape.index(None)] for n, a in values.items() if None in n.shape}
    if len(set(sizes.values())) > 1:
        first, other = (
            next(n for n, size in sizes.items() if size == k) for k in list(dict.fromkeys(sizes.values()))[:2]
        )
        what = f"the values are of different batches: {sizes[first]} examples of {first.label}, {sizes[other]} of"
        raise ShapeError(message(f"{what} {other.label}", "draw what one run computed: run.draw()", site=call_site()))
    return values


def norm(value: Array) -> float:
    """The Euclidean norm of all numbers of an array, of any size they may be.

    Examples
    --------
    >>> norm(np.array([[3.0, 4.0]])), norm(np.array([3e-300, 4e-300]))
    (5.0, 5e-300)
    """
    numbers = value.astype(np.float64).ravel()
    most = float(np.max(np.abs(numbers), initial=0.0))
    if math.isfinite(most) and most and not 1e-100 < most < 1e100:
        return most * float(np.linalg.norm(numbers / most))
    return float(np.linalg.norm(numbers)) if math.isfinite(most) else most


def norm_text(name: str, value: Array, digits: int = 3) -> str:
    """The norm as it stands on an edge; of a scalar its number. Where there are NaN or infinite ones: how many.

    Examples
    --------
    >>> norm_text("z1", np.array([3.0, 4.0])), norm_text("J", np.array(2.30258), 4)
    ('‖z1‖ 5', '= 2.303')
    >>> norm_text("z1", np.array([3.0, np.nan]))
    '1 NaN'
    """
    if value.ndim == 0:
        return f"= {short(float(value), digits)}"
    return ", ".join(unusual(value)) or f"‖{name}‖ {short(norm(value), digits)}"


def batch_of(nodes: Iterable[Node], values: Mapping[Node, Array]) -> int | None:
    """The number of examples in `values`; None where nothing has a batch axis."""
    sizes = (values[n].shape[n.shape.index(None)] for n in nodes if None in n.shape and n in values)
    return next(sizes, None)


def _checked(example: int, nodes: Iterable[Node], values: Mapping[Node, Array]) -> int:
    size = batch_of(nodes, values)
    natural(example, "example")
    if size is not None and example >= max(size, 1):
        what = f"example {example} is to be shown; the batch has {size}, counted from 0"
        raise ArgumentError(message(what, site=call_site()))
    return example


class _Teller:
    def __init__(self, errors: Mapping[Node, Node], values: Mapping[Node, Array], example: int) -> None:
        self.errors = errors
        self.values = values
        self.example = example
        self.unusual: dict[str, None] = {}
        """What there is besides numbers, in words: NaN, Inf, −Inf."""

    def tell_box(self, box: Box) -> None:
        """A value: its norm and maps, and those of its error."""
        if box.node is None:
            return
        value = self.values.get(box.node)
        own = None if value is None else self._of_one(box.node, value)
        box.norm = NOT_RUN if value is None else self._text(box.symbol, box.node, value)
        if own is not None:
            box.pictures = self._pictures(own, self._name(box.symbol, box.node))
        if box.kind == "loss":
            told = box.norm if value is None else norm_text(box.symbol, value, 4)
            box.lines = [*box.lines, told if told.startswith("‖") else f"{box.symbol} {told}"]
        self._tell_twin(box, box.node, own)

    def tell_below(self, below: Below) -> None:
        """Nodes of the backward graph: norms alone, of what nothing reads in its box; none of choices and places."""
        read = {source for source, _ in below.edges}
        for box in below.boxes:
            value = None if box.node is None else self.values.get(box.node)
            if value is not None and value.dtype.kind != "f":
                continue
            told = NOT_RUN if value is None else norm_text(box.symbol, value)
            if box.key in read:
                box.norm = told
            else:
                box.lines = [*box.lines, f"{box.symbol} {told}" if told.startswith("=") else told]

    def _tell_twin(self, box: Box, node: Node, own: Array | None) -> None:
        if box.twin is None or not box.twin.needed:
            return
        error = self.values.get(self.errors[node])
        box.error_norm = NOT_RUN if error is None else norm_text(box.error, error)
        one = None if error is None else self._of_one(node, error)
        if one is not None:
            box.twin.pictures = self._pictures(one, self._name(box.error, node), signed=True, like=own)

    def tell_bundle(self, bundle: Bundle) -> None:
        """Parameters: norms, filters, and those of the gradients; nothing where lines stand for several."""
        if bundle.folded:
            return
        values = {p: self.values.get(p) for p in bundle.params}
        errors = {p: self.values.get(self.errors[p]) for p in bundle.params if p in self.errors}
        bundle.pictures = self._filters(bundle.lines, values, values)
        bundle.gradient_pictures = self._filters(bundle.gradients, errors, values)
        bundle.lines = _with_norms(bundle.lines, values)
        bundle.gradients = _with_norms(bundle.gradients, errors)

    def _filters(
        self, lines: list[str], arrays: Mapping[Param, Array | None], like: Mapping[Param, Array | None]
    ) -> list[Picture]:
        found: list[Picture] = []
        for line, (param, array) in zip(_named(lines, arrays), arrays.items(), strict=False):
            if array is not None:
                found += self._pictures(array, line.rpartition(" ")[0], "filter", signed=True, like=like[param])
        return found[:_MOST]

    def _pictures(self, value: Array, name: str, kind: str = "map", **options: Any) -> list[Picture]:
        self.unusual.update(dict.fromkeys(text.rpartition(" ")[2] for text in unusual(value)))
        return pictures(value, name, kind, **options)

    def _text(self, symbol: str, node: Node, value: Array) -> str:
        """What an edge says: a norm; of labels that of the example that is shown."""
        own = self._of_one(node, value)
        if node.dtype.kind == "f" or None not in node.shape or own is None or own.ndim:
            return norm_text(symbol, value)
        return f"{symbol}[{self.example}] = {own.item()}" if value.size > 1 else f"= {own.item()}"

    def _of_one(self, node: Node, value: Array) -> Array | None:
        """The part of a value that belongs to the example; all of what has no batch; None of an empty batch."""
        if None not in node.shape:
            return value
        axis = node.shape.index(None)
        return np.take(value, self.example, axis=axis) if value.shape[axis] else None

    def _name(self, symbol: str, node: Node) -> str:
        return f"{symbol} of example {self.example}" if None in node.shape else symbol

    def note(self, size: int | None) -> str:
        """What the norms and maps are of."""
        if size is None or size == 1:
            return "Run." if size is None else "Run with 1 example."
        return f"Run with {size:,} examples: norms are over all of them, maps are of example {self.example}."


def _with_norms(lines: list[str], arrays: Mapping[Param, Array | None]) -> list[str]:
    """Lines such as "W1 (20×1×9×9)", with the norms."""
    told = _named(lines, arrays)
    norms = [NOT_RUN if a is None else norm_text("·", a) for a in arrays.values()]
    return [*(f"{line} {norm}" for line, norm in zip(told, norms, strict=False)), *lines[len(told) :]]


def _named(lines: list[str], arrays: Mapping[Param, Array | None]) -> list[str]:
    """The lines that name a parameter: not the last one where it stands for the rest, as "… and 3 more"."""
    return lines if len(lines) == len(arrays) else lines[:-1]


def _scales(unusual: Iterable[str]) -> list[Picture]:
    """What the colours of maps mean, for the legend."""
    signed, rising = Scale(-1.0, 1.0, True), Scale(0.0, 1.0, False)
    bar = np.repeat(np.arange(0, LEVELS, 5, dtype=np.uint8)[None], 2, axis=0)
    marks = {"NaN": NAN, "Inf": INF, "−Inf": MINUS_INF}
    found = [
        Picture(heatmap(bar, signed.palette(), (6, 1)), bar.shape[1], 12, "maps: below 0, 0, above 0"),
        Picture(heatmap(bar, rising.palette(), (6, 1)), bar.shape[1], 12, "nothing below 0: low, high"),
    ]
    for word in (word for word in marks if word in unusual):
        mark = np.full((1, 1), marks[word], np.uint8)
        found.append(Picture(heatmap(mark, signed.palette(), (12, 12)), 12, 12, word))
    return found


def _lines(*texts: str) -> str:
    return "\n".join(text for text in texts if text)
