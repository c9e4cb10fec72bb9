"""From what a caller gives for the fields of a node to nodes, tuples and plain numbers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DTypeError, NodeTypeError, call_site, explain, quoted
from .operators import Operand, is_node
from .spec import DType, is_real, promote

if TYPE_CHECKING:
    from .node import Node


def convert_inputs(node: Node) -> None:
    """Turn numbers and arrays among the inputs into constants, integers into reals where the rule needs them."""
    for name in node.field_names:
        value = getattr(node, name)
        new = _as_slot(node, name, value) if name in node.node_fields else _as_attribute(node, name, value)
        if new is not value:
            object.__setattr__(node, name, new)
    given = given_inputs(node)
    if all(is_node(v) and is_real(v.dtype) for v in given):
        return
    dtypes = [v.dtype for v in given if is_node(v)]
    real = promote(*dtypes) if dtypes else None
    for name in node.node_fields:
        object.__setattr__(node, name, _as_inputs(node, name, getattr(node, name), real))


def _as_slot(node: Node, name: str, value: Any) -> Any:
    """What was given for a field of inputs, with tuples for lists of nodes; refused where its kind is another."""
    if name in node.tuple_fields:
        if isinstance(value, tuple | list):
            return tuple(value)
    elif value is not None:
        return value
    if value is None and name in node.optional_fields:
        return None
    wanted = "a tuple of nodes" if name in node.tuple_fields else "a node, a number or an array"
    given = value.label if is_node(value) else quoted(value)
    raise DTypeError(explain(f"{node.label}: its input {name} is {given}; expected {wanted}", site=call_site()))


def _as_inputs(node: Node, name: str, value: Any, real: DType | None) -> Any:
    """The value of a field of inputs: a node, a tuple of nodes, or None."""
    what, keep_integers = f"{node.label}: its input {name}", name in node.integer_inputs
    if isinstance(value, tuple) and name in node.tuple_fields:
        return tuple(as_node(v, real, keep_integers, what) for v in value)
    return None if value is None else as_node(value, real, keep_integers, what)


def _as_attribute(node: Node, name: str, value: Any) -> Any:
    """The value of any other field: lists become tuples, and NumPy's numbers Python's."""
    if name == "name" and not isinstance(value, str):
        raise DTypeError(explain(f"{type(node).__name__}: its name is {quoted(value)}, no text", site=call_site()))
    if isinstance(value, list) or type(value) is tuple:
        made = tuple([_as_attribute(node, name, v) for v in value])
        same = type(value) is tuple and all(a is b for a, b in zip(made, value, strict=True))
        return value if same else made
    if is_node(value) and not any(f.name == name and "Any" in str(f.type) for f in dataclasses.fields(node)):
        hint = f"if it is an input, annotate it so: {name}: sc.Node"
        raise NodeTypeError(explain(f"{node.label}: its attribute {name} is {value.label}", hint, site=call_site()))
    return value.item() if isinstance(value, np.generic) else value


def given_inputs(node: Node) -> list[Any]:
    """What the fields of inputs hold, one after the other."""
    found: list[Any] = []
    for name in node.node_fields:
        value = getattr(node, name)
        if isinstance(value, tuple) and name in node.tuple_fields:
            found.extend(value)
        elif value is not None:
            found.append(value)
    return found


def as_node(value: Operand, real: DType | None = None, keep_integers: bool = True, what: str = "") -> Node:
    """`value` as a node. A Python number takes the dtype `real`; an array keeps its own.

    Raises
    ------
    DTypeError
        For what is neither a node, nor a number, nor an array of numbers; `what` says where it stood.
    """
    node = value if is_node(value) else _constant(value, real, keep_integers, what or "what was given")
    if keep_integers or is_real(node.dtype):
        return node
    from .algebra import Cast

    return Cast(node, str(real or promote()))


def _constant(value: Any, real: DType | None, keep_integers: bool, what: str) -> Node:
    from .leaves import Const, as_numbers, real_number

    if real is not None and type(value) in (int, float, bool) and not (keep_integers and isinstance(value, int)):
        return Const(real_number(value, real, what))
    return Const(as_numbers(value, what))
