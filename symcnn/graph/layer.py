"""`layer`: a function over nodes is seen as one thing, by a record on the node that it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any, ParamSpec, TypeVar, overload

from .leaves import BatchSize, Const
from .node import Node
from .nodetype import next_serial
from .scope import Call, scoped, within

Given = ParamSpec("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class LayerRecord:
    """What a call of a layer has left on the nodes that it returned: no part of their identity or value.

    Attributes
    ----------
    function, title, name : str
        What the function is called, what its box is called, and the layer's own name, if it was given one.
    inputs : tuple of Node
        What it has read that was there before the call: with what was made during the call, that is all of the layer.
    arguments : {str: object}
        All arguments by name, with their defaults.
    formula, latex : str
        What its equation shows in place of its parts', with ``{argument}`` where an argument is shown, or a parameter.
    symbols : tuple of str
        The letters that stand for its values in equations; none, where they are those of the nodes that it returned.
    says : str
        What it does, in a sentence: the first of the function's documentation.
    """

    function: str
    title: str
    name: str
    inputs: tuple[Node, ...]
    arguments: Mapping[str, Any]
    formula: str = ""
    latex: str = ""
    symbols: tuple[str, ...] = ()
    says: str = ""

    def packed(self, known: Container[Node]) -> tuple[Any, ...]:
        """What a pickle keeps: of the arguments what is plain, and of the nodes those that are `known`."""
        inputs = tuple(node for node in self.inputs if node in known)
        plain = tuple((name, value) for name, value in self.arguments.items() if _is_plain(value, known))
        return tuple({"inputs": inputs, "arguments": plain}.get(f.name, getattr(self, f.name)) for f in fields(self))

    @classmethod
    def unpacked(cls, packed: tuple[Any, ...]) -> LayerRecord:
        """The record of which `packed` has kept this."""
        given = dict(zip((f.name for f in fields(cls)), packed, strict=True))
        return cls(**given | {"arguments": dict(given["arguments"])})


def _is_plain(value: Any, known: Container[Node]) -> bool:
    """Whether it is a number, a text, a node that is known, or a tuple of them."""
    if isinstance(value, tuple):
        return all(_is_plain(v, known) for v in value)
    return value in known if isinstance(value, Node) else value is None or isinstance(value, bool | int | float | str)


@overload
def layer(function: Callable[Given, Made], /) -> Callable[Given, Made]: ...
@overload
def layer(
    *, title: str = "", formula: str = "", latex: str = "", symbol: str | tuple[str, ...] = ()
) -> Callable[[Callable[Given, Made]], Callable[Given, Made]]: ...
def layer(
    function: Any = None,
    /,
    *,
    title: str = "",
    formula: str = "",
    latex: str = "",
    symbol: str | tuple[str, ...] = (),
) -> Any:
    """Declare that a function which builds nodes is a layer: one box, one row, one equation.

    It changes no value. `symcnn.draw`, `symcnn.summary`, the equations, profiles and pages show what the function has
    built as one thing; ``zoom="nodes"`` shows what is inside. Layers may call layers: what is shown is the outermost.

    A `name` among the function's arguments is the layer's: what is made within it is called after it. Where ``block``
    is called with ``name="block1"`` and calls ``sc.conv(..., name="conv1")``, that is ``block1.conv1``, and its
    parameters are ``block1.conv1.W`` and ``block1.conv1.b``. The function gets the full name.

    Parameters
    ----------
    title : str, optional
        What its box is called; default: the function's name in camel case.
    formula : str, optional
        What its equation shows, with ``{argument}`` where an argument is shown, or a parameter that it has made;
        default: the equations of its parts.
    latex : str, optional
        The formula in LaTeX, with braces doubled; default: what follows from the formula.
    symbol : str or tuple of str, optional
        The letter that stands for its value in equations, or one for each of several; default: that of the node that
        it returns.

    Examples
    --------
    >>> import symcnn as sc
    >>> @sc.layer(formula="({x} − mean({x})) / sqrt(var({x}) + {eps})")
    ... def standardized(x, *, eps=1e-5, name=""):
    ...     centred = x - sc.mean(x, axis=1, keepdims=True)
    ...     return centred / sc.sqrt(sc.mean(centred**2, axis=1, keepdims=True) + eps)
    >>> unit = standardized(sc.Input("x", (None, 4)), name="unit")
    >>> unit.equation
    v1 = (x − mean(x)) / sqrt(var(x) + 1e-05)
    >>> sc.summary(sc.sum(unit)).rows[1].types
    'Standardized'

    >>> @sc.layer
    ... def block(x, filters, *, name=""):
    ...     return sc.relu(x + sc.conv(x, filters, 3, pad=1, name="conv1"))
    >>> [p.name for p in block(sc.Input("x", (None, 4, 8, 8)), 4, name="block1").params]
    ['block1.conv1.W', 'block1.conv1.b']
    """
    if function is None:
        symbols = (symbol,) if isinstance(symbol, str) else symbol
        return lambda given: layer_of(given, title, formula, latex, symbols)
    return layer_of(function)


def layer_of(
    function: Callable[..., Any], title: str = "", formula: str = "", latex: str = "", symbols: tuple[str, ...] = ()
) -> Callable[..., Any]:
    """The function, with a record of each call on what it returns."""
    signature = inspect.signature(function)
    shown = title or "".join(word[:1].upper() + word[1:] for word in function.__name__.split("_"))
    says = " ".join((function.__doc__ or "").strip().split("\n\n")[0].split())

    @wraps(function)
    def build(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # which says what is wrong
        bound.apply_defaults()
        name = bound.arguments.get("name")
        name = scoped(name) if isinstance(name, str) and name else ""
        if name:
            bound.arguments["name"] = name
        begin = next_serial()
        with within(name, Call(begin, f"{name} · {shown}" if name else shown)):
            made = function(*bound.args, **bound.kwargs)
        new = {node: place for place, node in enumerate(_nodes(made)) if node.serial >= begin}
        if new:
            read, arguments = _read(list(new), begin), dict(bound.arguments)
            record = LayerRecord(function.__name__, shown, name, read, arguments, formula, latex, symbols, says)
            for node, place in new.items():
                recall(node, [*recalled(node), (record, place)])
        return made

    return build


def _read(made: list[Node], begin: int) -> tuple[Node, ...]:
    """What nodes that were made since `begin` have read that is older, in the order in which it was made."""
    found: dict[Node, None] = {}
    todo, seen = list(made), set(made)
    while todo:
        for source in todo.pop().inputs:
            if source.serial < begin:
                found |= {} if isinstance(source, Const | BatchSize) else {source: None}
            elif source not in seen:
                seen.add(source)
                todo.append(source)
    return tuple(sorted(found, key=lambda node: node.serial))


Returned = tuple[LayerRecord, int]
"""The record of a call, and which of the nodes that it returned this is, from 0 on."""


def records(node: Node) -> tuple[LayerRecord, ...]:
    """The records of the layers that returned `node`, the innermost first."""
    return tuple(record for record, _ in recalled(node))


def recalled(node: Node) -> tuple[Returned, ...]:
    """The same, with the place of `node` among what each has returned."""
    found: tuple[Returned, ...] = vars(node).get("_records", ())
    return found


def recall(node: Node, known: Iterable[Returned]) -> None:
    """Let `node` have these records, the innermost first."""
    if kept := tuple(known):
        vars(node)["_records"] = kept


def _nodes(value: Any) -> Iterator[Node]:
    """The nodes in an argument or in a result: itself, or those in a tuple, a list or a dictionary."""
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _nodes(item)
    elif isinstance(value, dict):
        yield from _nodes(tuple(value.values()))
