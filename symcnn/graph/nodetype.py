"""`NodeType`, the metaclass of nodes: what a class of nodes is, and that each of its instances is unique."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from itertools import count
from typing import TYPE_CHECKING, Any, dataclass_transform

import numpy as np

from ..text import quoted
from .annotations import holds_nodes, holds_several, may_be_none, resolved
from .convert import convert_inputs
from .errors import DTypeError, FrozenError, NodeTypeError, ShapeError, call_site, given_serial, message
from .keywords import unknown_keyword
from .locks import rlock
from .meetings import warn_of_dtypes
from .operators import UFUNCS, is_node
from .spec import Spec

if TYPE_CHECKING:
    from .node import Node

_TABLE: weakref.WeakValueDictionary[tuple[Any, ...], Node] = weakref.WeakValueDictionary()
_LOCK = rlock()
_SERIAL = count()
RESERVED: set[str] = set()
"""What a field cannot be called: every name of `Node` itself, which fills it in."""


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
class NodeType(type):
    """The metaclass of `Node`: makes each subclass a frozen dataclass, and each instance unique."""

    field_names: tuple[str, ...]
    node_fields: tuple[str, ...]
    tuple_fields: tuple[str, ...]
    optional_fields: tuple[str, ...]
    own_identity: bool

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> NodeType:
        cls = super().__new__(mcs, name, bases, namespace)
        annotated = {n for n, t in namespace.get("__annotations__", {}).items() if "ClassVar" not in str(t)}
        if (clash := RESERVED & annotated) and not namespace.get("leaf"):
            raise NodeTypeError(f"{name}: the field name {sorted(clash)[0]!r} is taken by Node; choose another one")
        _check_words(name, namespace)
        dataclass(frozen=True, eq=False, repr=False)(cls)  # type: ignore[arg-type]
        cls.__setattr__ = cls.__delattr__ = _refuse_change  # type: ignore[method-assign, assignment]
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        cls.field_names = tuple(f.name for f in fields)
        definer = sys._getframe(1)
        types = {f.name: resolved(f.type, definer.f_globals, definer.f_locals) for f in fields}
        slots = [f for f in fields if holds_nodes(types[f.name])]
        cls.node_fields = tuple(f.name for f in slots)
        cls.tuple_fields = tuple(f.name for f in slots if holds_several(types[f.name]))
        cls.optional_fields = tuple(f.name for f in slots if f.default is None or may_be_none(types[f.name]))
        if "elementwise" not in namespace and "infer" in namespace:
            cls.elementwise = False  # type: ignore[attr-defined]
        if (ufunc := namespace.get("ufunc")) is not None:
            UFUNCS[ufunc] = cls
        elif "forward" in namespace:
            cls.ufunc = None  # type: ignore[attr-defined]  # it computes something else than its base
        if "__post_init__" in namespace and slots:
            cls.__post_init__ = _with_nodes(namespace["__post_init__"])  # type: ignore[attr-defined]
        return cls

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        try:
            node: Node = super().__call__(*args, **kwargs)
        except TypeError:
            wrong = unknown_keyword(cls.__name__, cls.field_names, kwargs)
            if wrong is None:
                raise
            raise wrong from None
        convert_inputs(node)
        if cls.own_identity:
            return _finish(node)
        try:
            key = (cls, *[attribute_key(getattr(node, name)) for name in cls.field_names])
        except TypeError:
            hint = "give lists as tuples, and arrays as inputs: sc.Const(array)"
            raise DTypeError(
                message("an attribute that can change cannot be part of a node", hint, node=node)
            ) from None
        with _LOCK:
            found = _TABLE.get(key)
            if found is None:
                found = _TABLE[key] = _finish(node)
        return found


def _check_words(name: str, namespace: dict[str, Any]) -> None:
    """Refuse what cannot stand in a formula when the type is defined, not when it is first drawn."""
    for attribute, kind, what in (("latex", str, "text"), ("text", str, "text"), ("symbol", str, "text"),
                                  ("binding", int, "whole number")):  # fmt: skip
        given = namespace.get(attribute, kind())
        if not isinstance(given, kind) and not hasattr(given, "__get__"):  # a property may tell it, too
            raise NodeTypeError(f"{name}: {attribute} is {quoted(given)}; expected a {what}")


def _with_nodes(hook: Callable[[Any], None]) -> Callable[[Any], None]:
    """A node type's ``__post_init__``, called when its inputs are nodes already."""

    @wraps(hook)
    def __post_init__(node: Node) -> None:
        convert_inputs(node)
        hook(node)

    return __post_init__


def _refuse_change(node: Node, name: str, *value: Any) -> None:
    """What ``node.name = value`` and ``del node.name`` call; ``param.value += 1`` has worked in place already."""
    held = getattr(node, name, None)
    if not value or held is None or value[0] is not held:
        by_call = ".assign(array) gives it a new value; or " if hasattr(node, "assign") and name == "value" else ""
        hint = [f"{by_call}write into the array: .{name}[...] = ..."] if isinstance(held, np.ndarray) else []
        raise FrozenError(message(f"{name!r} cannot be changed: a node stays what it is", *hint, node=node))


def _finish(node: Node) -> Node:
    """Fix what a new node knows of itself: where it was made, its shape and its dtype."""
    inherited = given_serial()
    known = vars(node)
    known["serial"] = next(_SERIAL) if inherited is None else inherited
    known["site"] = call_site()
    known["spec"] = spec = node.infer()
    if not isinstance(spec, Spec):
        raise NodeTypeError(message(f"infer returned {quoted(spec)}, not a Spec(shape, dtype)", node=node))
    if not all(d is None or (type(d) is int and d >= 0) for d in spec.shape):
        problem = f"its shape would be {quoted(spec.shape)}; sizes are whole numbers from 0 on, or None for the batch"
        raise ShapeError(message(problem, node=node))
    known["shape"], known["dtype"] = spec.shape, spec.dtype
    if not node.elementwise and any(i.dtype is not spec.dtype for i in node.inputs):  # the others: see `Node.infer`
        warn_of_dtypes(node, spec.dtype)
    return node


def next_serial() -> int:
    """A number between those of the nodes that are there and of those that are still to be made."""
    return next(_SERIAL)


def attribute_key(value: Any) -> Any:
    """A hashable stand-in for a field's value: nodes by identity, numbers with their type and bits.

    So 1, 1.0 and True differ, and 0.0 and -0.0; a NaN is equal to itself.

    Raises TypeError for what can change.
    """
    if is_node(value):
        return id(value)
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return tuple(attribute_key(v) for v in value)
    if isinstance(value, frozenset):
        return frozenset, frozenset(attribute_key(v) for v in value)
    if isinstance(value, float):
        return float, value.hex()
    if isinstance(value, complex):
        return complex, value.real.hex(), value.imag.hex()
    if isinstance(value, np.ndarray) and not value.flags.writeable:
        return value.shape, value.dtype.str, hashlib.blake2b(value.tobytes(), digest_size=16).digest()
    hash(value)
    return type(value), value
