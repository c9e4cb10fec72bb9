"""The equations of a sweep, of one node within it, and of a node alone: derived from the graph, never typed."""

from __future__ import annotations

from collections.abc import Iterable

from ..backprop import Backprop
from ..graph.collector import collector_paused
from ..graph.errors import DTypeError, GraphError, call_site, message
from ..graph.graph import Graph
from ..graph.leaves import BatchSize, Const, Input, Leaf, Param
from ..graph.node import Node
from ..text import plain_text, quoted
from .equation import Equation, Equations
from .names import Symbol, param_name
from .notation import Notation
from .typeset import literal
from .words import latex_words

_LEAVES: dict[type[Node], str] = {
    Input: "given",
    Param: "learned",
    Const: "fixed",
    BatchSize: "number of examples",
}
"""What stands to the right of the equals sign for a value that is not computed."""


@collector_paused
def equations_of_sweep(back: Backprop) -> Equations:
    """The forward pass, every error in the order of the sweep, and every gradient."""
    return _of_sweep(back)


def _of_sweep(back: Backprop) -> Equations:
    notation = Notation(back)
    computed = notation.values.computed
    shown = zip(computed, notation.forward(computed), strict=True)
    forward = [line for value, node in shown for line in _forward(notation, value, node)]
    totals = notation.totals()
    readable = dict(_readable(notation, totals))
    values = [value for value in readable if not isinstance(value, Param)]
    errors, gradients = (  # as they are printed: what is given a name of its own comes before it is used
        [line for value in shown for line in _error(notation, value, readable[value])]
        for shown in (values, list(back.grads))
    )
    return Equations({"Forward": forward, "Errors": errors, "Gradients": gradients})


def equations_at(back: Backprop, node: Node) -> Equations:
    """One node within a sweep: what computes it, its error, and what its rule sends on.

    Raises
    ------
    GraphError
        If `node` is no part of the sweep's forward pass.
    """
    _check_part(back, node)
    notation = Notation(back, also=node)
    if isinstance(node, Leaf):
        forward = [_leaf(node, notation.values.symbols.get(node))]
    else:
        forward = _forward(notation, node, *notation.forward([node]))
    totals = notation.totals(node)
    own = [line for v, error in _readable(notation, totals) for line in _error(notation, v, error)]
    sent = {} if isinstance(node, Leaf) else notation.sent(node)
    passed = [
        line
        for value, error in _readable(notation, sent)
        for line in _error(notation, value, error, notation.sign(value))
    ]
    headings = ("Gradients" if isinstance(node, Param) else "Errors"), "Sent"
    return Equations({"Forward": forward, **dict(zip(headings, (own, passed), strict=True))})


def equation_of(node: Node) -> Equation:
    """The equation that computes a node, with the names that the network upstream of it gives."""
    if isinstance(node, Leaf):
        return _leaf(node, None)
    notation = Notation(Backprop(node, [], {}), alone=True)
    (line,) = _forward(notation, node, *notation.forward([node]))
    return line


def _check_part(back: Backprop, node: Node) -> None:
    if not isinstance(node, Node):
        raise DTypeError(message(f"an equation is of a node; got {quoted(node)}", site=call_site()))
    if node not in set(Graph(back.J).nodes):
        what = f"{node.label} {node.shape} is no part of what {back.J.label} is computed from"
        hint = "node.equation writes any node's own formula; back.delta(node) is an error, back.equation takes the node"
        raise GraphError(message(what, hint, f"{node.label} was {node.site}", site=call_site()))


def _readable(notation: Notation, errors: dict[Node, Node]) -> Iterable[tuple[Node, Node]]:
    return zip(errors, notation.readable(list(errors.values())), strict=True)


def forward_lines(notation: Notation, value: Node) -> list[Equation]:
    """What computes a named value, within the equations of its sweep."""
    return _forward(notation, value, *notation.forward([value]))


def sent_lines(notation: Notation, value: Node) -> list[Equation]:
    """What the rules behind a named value send to the values that it reads, where that is needed."""
    sent = {s: error for s, error in notation.sent(value).items() if notation.is_needed(s)}
    return [
        line
        for source, error in _readable(notation, sent)
        for line in _error(notation, source, error, notation.sign(source))
    ]


def _forward(notation: Notation, value: Node, shown: Node) -> list[Equation]:
    symbol = notation.symbol(value)
    name = notation.values.layer_name(value)
    return _lines(notation, symbol, shown, name if name != str(symbol) else "")


def _error(notation: Notation, value: Node, error: Node, sign: str = "=") -> list[Equation]:
    note = "" if notation.is_needed(value) else "not needed"
    if isinstance(value, Param) and "." in value.name:
        note = plain_text(value.name)
    return _lines(notation, notation.error_symbol(value), error, note, sign)


def _lines(notation: Notation, symbol: Symbol, node: Node, note: str, sign: str = "=") -> list[Equation]:
    """An equation, after those of the parts of it that were given names."""
    right = notation.formula(node)
    parts = notation.take_spilled()
    found = [_equation(notation, part, inner, notation.formula(inner)) for part, inner in parts]
    return [*found, _equation(notation, symbol, node, right, note, sign)]


def _equation(notation: Notation, symbol: Symbol, node: Node, right: str, note: str = "", sign: str = "=") -> Equation:
    def written() -> tuple[str, str]:
        return symbol.latex, notation.formula(node, "latex")

    return Equation(str(symbol), right, node.shape, note, sign, written)


def _leaf(node: Leaf, symbol: Symbol | None) -> Equation:
    """What there is to say of a value that is not computed."""
    letter = {Const: "c", BatchSize: "N"}.get(type(node), "w")
    name = symbol or Symbol(param_name(node)[0] if isinstance(node, Param) else node.name or letter)
    right = next((words for kind, words in _LEAVES.items() if isinstance(node, kind)), type(node).__name__)
    latex = latex_words(right)
    if isinstance(node, Const) and (number := literal(node, "text")) and (written_number := literal(node, "latex")):
        right, latex = number.text, written_number.text
    note = plain_text(node.name) if "." in node.name and node.name != str(name) else ""

    def written() -> tuple[str, str]:
        return name.latex, latex

    return Equation(str(name), right, node.shape, note, "=", written)
