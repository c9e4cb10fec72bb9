"""From nodes to formulas: templates are filled in, and brackets set where the operators beside a hole ask for them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from string import Formatter
from typing import Any, NamedTuple

import numpy as np

from ..graph.algebra import BroadcastTo, Cast
from ..graph.errors import NodeTypeError, message
from ..graph.leaves import Const
from ..graph.node import Node
from ..graph.spec import Shape, broadcast_shapes
from ..nodes.dense import Dense, MatMul
from ..nodes.shape import Reshape, Transpose
from ..text import plain_text, quoted
from .words import written

ATOM = 9
"""The binding of what needs no brackets anywhere."""


@dataclass(frozen=True)
class Formula:
    """A piece of an equation.

    Attributes
    ----------
    text : str
    binding : int
        How tightly it binds; see `Node.binding`.
    open_end : bool
        Whether it ends in what a sign like Σ stands before: a product to the right would be read as summed.
    size : int
        How many operations it shows.
    shape : tuple of int or None, optional
        The shape that a reader sees: before reshapes and broadcasting, which are shown as nothing.
    """

    text: str
    binding: int = ATOM
    open_end: bool = False
    size: int = 0
    shape: Shape | None = None


class Hole(NamedTuple):
    """A ``{field}`` of a template, and the texts up to the holes beside it."""

    before: str
    field: str
    spec: str
    after: str
    first: bool
    last: bool


class Side(NamedTuple):
    """What an operator beside a hole asks for: a binding, and whether an equal one will do."""

    binding: int
    equal: bool


_FREE, _TIGHT = Side(0, True), Side(8, False)
_SUM = r"\\sum(?:_\{[\d, ]+\})?|Σ[₀-₉,]*"
_OPERATORS: tuple[tuple[str, Side, Side], ...] = (
    (_SUM, Side(2, True), _TIGHT),
    (r"\*_full|\\ast_\{\\text\{full\}\}|\*|∗|\\ast", Side(2, False), Side(2, False)),
    (r"·|⊙|\.|\\odot|\\cdot|\\bullet|\\times", Side(2, True), Side(2, True)),
    (r"/", Side(2, False), Side(2, True)),
    (r"\+", Side(1, True), Side(1, True)),
    (r"-|−", Side(1, False), Side(1, True)),
    (r"=|>|<|≥|≤|\\ge|\\le", Side(1, True), Side(1, True)),
)
"""Each operator, and what it asks of the formula to its right and to its left."""
_AFTER_OPENING = re.compile(r"([(\[{|,;&]|\\begin\{cases\}|\\\\|\\lvert|\\lVert|\\left.)\s*$")
_BEFORE_CLOSING = re.compile(r"\s*([)\]}|,;&]|\\\\|\\rvert|\\rVert|\\right)")
_BEFORE = [(re.compile(rf"({pattern})\s*$"), side) for pattern, side, _ in _OPERATORS]
_AFTER = [(re.compile(rf"\s*({pattern})"), side) for pattern, _, side in _OPERATORS]
_TALL = re.compile(r"\\frac|\\begin\{cases\}")
_SPACE = re.compile(r"(\s|\\,|\\;|\\ )+$")
_PREFIX = re.compile(rf"({_SUM})\s*$")


def left_side(hole: Hole) -> Side:
    """What stands before a hole, as a demand on the formula that fills it."""
    if not hole.before:
        return _FREE if hole.first else _TIGHT
    if _AFTER_OPENING.search(hole.before):
        return _FREE
    found = next((side for pattern, side in _BEFORE if pattern.search(hole.before)), None)
    if found is None:
        return Side(3, True) if not hole.first and _SPACE.fullmatch(hole.before) else _TIGHT
    return found


def right_side(hole: Hole) -> Side:
    """What stands after a hole, as a demand on the formula that fills it."""
    if not hole.after:
        return _FREE if hole.last else _TIGHT
    if _BEFORE_CLOSING.match(hole.after):
        return _FREE
    found = next((side for pattern, side in _AFTER if pattern.match(hole.after)), None)
    if found is None:
        return Side(3, True) if not hole.last and _SPACE.fullmatch(hole.after) else _TIGHT
    return found


def fitted(formula: Formula, hole: Hole, kind: str) -> str:
    """The formula as it stands in a hole: in brackets where the operators beside it would take it apart."""
    left, right = left_side(hole), right_side(hole)
    loose = any(formula.binding < s.binding or (formula.binding == s.binding and not s.equal) for s in (left, right))
    swallows = formula.open_end and right.binding >= 2
    signed = formula.text.startswith(("-", "−")) and left != _FREE
    doubled = kind == "latex" and hole.after[:1] in ("^", "_") and hole.after[0] in _scripts(formula.text)
    if not (loose or swallows or signed or doubled):
        return formula.text
    return rf"\left({formula.text}\right)" if kind == "latex" else f"({formula.text})"


def _scripts(latex: str) -> str:
    """Which of ^ and _ the end of a formula carries: LaTeX takes no second one."""
    found = ""
    at = len(latex.rstrip("'"))
    while at > 1:
        start = _opening(latex, at - 1) if latex[at - 1] == "}" else at - 1
        if start < 1 or latex[start - 1] not in "^_":
            break
        at = start - 1
        found += latex[at]
    return found


def _opening(latex: str, closing: int) -> int:
    """Where the group that ends at `closing` begins."""
    depth = 0
    for at in range(closing, -1, -1):
        if latex[at] in "{}" and latex[at - 1 : at] != "\\":
            depth += 1 if latex[at] == "}" else -1
        if depth == 0:
            return at
    return 0


@lru_cache(maxsize=1024)
def holes(template: str) -> tuple[list[Hole], str]:
    """The holes of a template, and the text after the last one."""
    pieces: list[tuple[str, str, str]] = []
    literal = ""
    for text, field, spec, _ in Formatter().parse(template):
        literal += text
        if field is not None:
            pieces.append((literal, field, spec or ""))
            literal = ""
    befores = [p[0] for p in pieces] + [literal]
    last = len(pieces) - 1
    found = [Hole(b, f, s, befores[n + 1], n == 0, n == last) for n, (b, f, s) in enumerate(pieces)]
    return found, literal


Shown = dict[str, Any]


def shown_parts(node: Node, kind: str) -> tuple[list[Hole], str, Shown]:
    """A node's template, taken apart, and what its holes show.

    Raises
    ------
    NodeTypeError
        If the template is no format string, or shows what `Node.parts` does not know.
    """
    template = node.template(kind)
    if not isinstance(template, str):
        raise NodeTypeError(message(f"the {kind} template is {quoted(template)}; expected a text", node=node))
    template = plain_text(template)
    try:
        found, tail = holes(template)
    except ValueError as error:
        raise NodeTypeError(
            message(f"the {kind} template {template!r}: {error}", "write a brace as {{ or }}", node=node)
        ) from None
    parts = node.parts()
    for hole in found:
        if hole.field not in parts:
            known = ", ".join(f"{{{name}}}" for name in parts)
            raise NodeTypeError(
                message(f"the {kind} template {template!r} shows {{{hole.field}}}", f"there are {known}", node=node)
            )
    return found, tail, parts


def seen_through(node: Node) -> Node | None:
    """The node whose formula stands for this one (as with a reshape, which is shown as nothing), or None."""
    found, tail, parts = shown_parts(node, "text")
    if len(found) == 1 and not found[0].before.strip() and not tail.strip():
        part = parts[found[0].field]
        return part if isinstance(part, Node) else None
    return None


Naming = Callable[[Node], str | None]
Spill = Callable[[Node, Formula], Formula]


class Writer:
    """Writes nodes as formulas, down to the values that have a name.

    Parameters
    ----------
    kind : "text" or "latex"
    naming : callable
        The name of a node in this kind, or None.
    spill : callable
        (node, formula) -> what stands for it in other formulas: itself, or a new name if it is too large.
    """

    def __init__(self, kind: str, naming: Naming, spill: Spill) -> None:
        self.kind = kind
        self._naming = naming
        self._spill = spill
        self._known: dict[Node, Formula] = {}
        self._taken_apart: dict[Node, tuple[list[Hole], str, Shown]] = {}

    def formula(self, node: Node) -> Formula:
        """The formula that computes `node`: what stands to the right of its equals sign."""
        for part in self._node_parts(node):
            self._settle(part)
        return self._filled(node)

    def value(self, node: Node) -> Formula:
        """What stands for the value of `node` in other formulas: its name, or its formula."""
        self._settle(node)
        return self._known[node]

    def _settle(self, last: Node) -> None:
        """Know the formulas of `last` and of everything it shows; no recursion, so any depth will do."""
        todo = [last]
        while todo:
            node = todo[-1]
            if node in self._known:
                todo.pop()
            elif (given := self._given(node)) is not None:
                self._known[node] = given
            elif missing := [p for p in self._node_parts(node) if p not in self._known]:
                todo.extend(missing)
            else:
                self._known[node] = self._spill(node, self._filled(node))

    def _given(self, node: Node) -> Formula | None:
        name = self._naming(node)
        if name is not None:
            return Formula(name, shape=node.shape)
        return literal(node, self.kind) if isinstance(node, Const) else None

    def _apart(self, node: Node) -> tuple[list[Hole], str, Shown]:
        if node not in self._taken_apart:
            self._taken_apart[node] = shown_parts(node, self.kind)
        return self._taken_apart[node]

    def _node_parts(self, node: Node) -> list[Node]:
        found, _, parts = self._apart(node)
        return [part for hole in found for part in _nodes_of(parts[hole.field])]

    def _filled(self, node: Node) -> Formula:
        found, tail, parts = self._apart(node)
        if len(found) == 1 and not found[0].before.strip() and not tail.strip():
            only = parts[found[0].field]
            if isinstance(only, Node):
                known = self._known[only]
                if isinstance(node, Reshape) and known.shape and _count(known.shape) != _count(only.shape):
                    return _shaped("spread", known, only.shape, self.kind)
                return known if isinstance(node, BroadcastTo | Cast | Reshape) else replace(known, shape=node.shape)
        text, size, open_end = "", 1, False
        seen = [shape for n in self._node_parts(node) if (shape := self._known[n].shape) is not None]
        if self.kind == "latex" and any(_TALL.search(self._known[n].text) for n in self._node_parts(node)):
            found, tail = _with_tall_brackets(found, tail)
        for hole in found:
            value = parts[hole.field]
            inner = [in_its_shape(self._known[n], n, node, seen, self.kind) for n in _nodes_of(value)]
            size += sum(f.size for f in inner)
            if isinstance(value, Node):
                text += hole.before + fitted(inner[0], hole, self.kind)
                open_end = hole.last and not tail and (inner[0].open_end or _PREFIX.search(hole.before) is not None)
            elif inner:
                text += hole.before + ", ".join(f.text for f in inner)
            else:
                text += hole.before + written(value, hole.spec, self.kind)
        return Formula(text + tail, node.binding, open_end, size, _seen_shape(node, seen))


def _seen_shape(node: Node, known: list[Shape]) -> Shape:
    """The shape of a formula as a reader sees it, from those of its parts."""
    if not node.elementwise or not known or node.shape in known:
        return node.shape
    try:
        fits = broadcast_shapes(*known) == node.shape
    except ValueError:
        fits = False
    return node.shape if fits else max(known, key=len)


def in_its_shape(formula: Formula, node: Node, reader: Node, beside: list[Shape], kind: str) -> Formula:
    """The formula of `node` where `reader` shows it: with its shape, if that is not seen but matters there.

    It does not matter element by element, unless something smaller is repeated along the axes, or something of other
    axes stands `beside` it; nor to matrix products, where an example is a column in any case.
    """
    seen, size = formula.shape, _count(node.shape)
    clash = seen is not None and len(seen) > 2 and any(len(s) > 2 and _count(s) == size and s != seen for s in beside)
    free = reader.elementwise and (size != _count(reader.shape) or not (clash or _is_crowded(reader)))
    flat = isinstance(reader, Dense | MatMul) or (isinstance(reader, Transpose) and reader.ndim == 2)
    if seen is None or seen == node.shape or free or flat or size == (1, 0):
        return formula
    word = "reshape" if _count(seen) == size else "spread"
    if (word == "reshape" and reader.shape == ()) or (word == "spread" and reader.elementwise):
        return formula
    return _shaped(word, formula, node.shape, kind)


def _shaped(word: str, formula: Formula, shape: Shape, kind: str) -> Formula:
    """``reshape(a1, N×3×32)``."""
    target = ("×" if kind == "text" else r" \times ").join("N" if d is None else str(d) for d in shape)
    head = word if kind == "text" else rf"\operatorname{{{word}}}"
    return Formula(f"{head}({formula.text}, {target})", size=formula.size + 1, shape=shape)


def _is_crowded(reader: Node) -> bool:
    """Whether an input is repeated along axes of another: neither of full size nor one number."""
    return any(_count(i.shape) not in (_count(reader.shape), (1, 0)) for i in reader.inputs)


def _count(shape: Shape) -> tuple[int, int]:
    """How many elements there are in an example, and how many batch axes."""
    return math.prod(d for d in shape if d is not None), shape.count(None)


def _with_tall_brackets(found: list[Hole], tail: str) -> tuple[list[Hole], str]:
    """A template of LaTeX with brackets that grow with what stands in them."""
    literals = [hole.before for hole in found] + [tail]
    whole = "".join(literals)
    if whole.count("(") != whole.count(")") or r"\left" in whole:
        return found, tail
    *befores, tail = [t.replace("(", r"\left(").replace(")", r"\right)") for t in literals]
    return [hole._replace(before=before) for hole, before in zip(found, befores, strict=True)], tail


def _nodes_of(value: Any) -> list[Node]:
    if isinstance(value, Node):
        return [value]
    return [v for v in value if isinstance(v, Node)] if isinstance(value, tuple) else []


def literal(node: Const, kind: str) -> Formula | None:
    """A constant that is one number, or a short row of numbers."""
    if node.value.size == 1 or node.uniform is not None:
        return replace(number(node.value.ravel()[0], kind), shape=())
    if node.ndim == 1 and node.value.size <= 4:
        return Formula("[" + ", ".join(number(v, kind).text for v in node.value) + "]", shape=node.shape)
    return None


def number(value: np.generic, kind: str) -> Formula:
    """A number as people write it: 4 for 4.0, with a proper minus.

    Examples
    --------
    >>> number(np.float32(0.1), "text").text, number(np.float64(-2), "text").text
    ('0.1', '−2')
    """
    plain = str(value).removesuffix(".0")
    plain = {"inf": "∞", "-inf": "-∞", "nan": "NaN"}.get(plain, plain)
    if kind == "latex":
        mantissa, _, exponent = plain.replace("∞", r"\infty").partition("e")
        text = mantissa + (rf" \cdot 10^{{{int(exponent)}}}" if exponent else "")
        return Formula(text, 2 if exponent or text.startswith("-") else ATOM)
    return Formula(plain.replace("-", "−", 1) if plain.startswith("-") else plain, 2 if plain[0] == "-" else ATOM)
