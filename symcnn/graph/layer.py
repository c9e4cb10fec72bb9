"""`layer`: a function over nodes is seen as one thing, by a record on the node that it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar, overload

from .leaves import BatchSize, Const
from .node import Node
from .nodetype import next_serial

Given = ParamSpec("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class LayerRecord:
    """What a call of a layer has left on the node that it returned: no part of the node's identity or value.

    Attributes
    ----------
    function, title, name : str
        What the function is called, what its box is called, and the layer's own name, if it was given one.
    inputs : tuple of Node
        What it has read that was there before the call: with what was made during the call, that is all of the layer.
    arguments : {str: object}
        All arguments by name, with their defaults.
    formula : str or None
        What its equation shows in place of its parts', with ``{argument}`` where an argument is shown.
    """

    function: str
    title: str
    name: str
    inputs: tuple[Node, ...]
    arguments: Mapping[str, Any]
    formula: str | None = None

    def packed(self) -> tuple[Any, ...]:
        """What a pickle keeps: of the arguments those that are nodes, numbers, texts, and tuples of them."""
        plain = tuple((name, value) for name, value in self.arguments.items() if _is_plain(value))
        return self.function, self.title, self.name, self.inputs, plain, self.formula

    @classmethod
    def unpacked(cls, function: str, title: str, name: str, inputs: Any, arguments: Any, formula: Any) -> LayerRecord:
        """The record of which `packed` has kept this."""
        return cls(function, title, name, inputs, dict(arguments), formula)


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, Node | bool | int | float | str)


@overload
def layer(function: Callable[Given, Made], /) -> Callable[Given, Made]: ...
@overload
def layer(
    *, title: str | None = None, formula: str | None = None
) -> Callable[[Callable[Given, Made]], Callable[Given, Made]]: ...
def layer(function: Any = None, /, *, title: str | None = None, formula: str | None = None) -> Any:
    """Declare that a function which builds nodes is a layer: one box, one row, one equation.

    Parameters
    ----------
    title : str, optional
        What its box is called; default: the function's name in camel case.
    formula : str, optional
        What its equation shows, with ``{argument}`` where an argument is shown; default: the equations of its parts.

    Examples
    --------
    >>> import symcnn as sc
    >>> @sc.layer
    ... def standardized(x, *, name=""):
    ...     centred = x - sc.mean(x, axis=1, keepdims=True)
    ...     return centred / sc.sqrt(sc.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    >>> record = records(standardized(sc.Input("x", (None, 4)), name="unit"))[-1]
    >>> record.title, record.name, [node.name for node in record.inputs]
    ('Standardized', 'unit', ['x'])
    """
    if function is None:
        return lambda given: layer_of(given, title, formula)
    return layer_of(function, title, formula)


def layer_of(function: Callable[..., Any], title: str | None, formula: str | None) -> Callable[..., Any]:
    """The function, with a record of each call on what it returns."""
    signature = inspect.signature(function)
    shown = title or "".join(word.capitalize() for word in function.__name__.split("_"))

    @wraps(function)
    def build(*args: Any, **kwargs: Any) -> Any:
        begin = next_serial()
        made = function(*args, **kwargs)
        new = [node for node in _nodes(made) if node.serial >= begin]
        if new:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            name = bound.arguments.get("name") or ""
            read = _read(new, begin)
            record = LayerRecord(function.__name__, shown, str(name), read, dict(bound.arguments), formula)
            for node in new:
                recall(node, [*records(node), record])
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


def records(node: Node) -> tuple[LayerRecord, ...]:
    """The records of the layers that returned `node`, the innermost first."""
    found: tuple[LayerRecord, ...] = vars(node).get("_records", ())
    return found


def recall(node: Node, known: list[LayerRecord]) -> None:
    """Let `node` have these records, the innermost first."""
    if known:
        vars(node)["_records"] = tuple(known)


def _nodes(value: Any) -> Iterator[Node]:
    """The nodes in an argument or in a result: itself, or those in a tuple, a list or a dictionary."""
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _nodes(item)
    elif isinstance(value, dict):
        yield from _nodes(tuple(value.values()))
