"""From what a caller gives for the fields of a node to nodes, tuples and plain numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..text import quoted
from .errors import DTypeError, NodeTypeError, call_site, message
from .operators import Operand, is_node
from .spec import DType, is_real, promote, whole_dtype
from .views import view

if TYPE_CHECKING:
    from .node import Node


def convert_inputs(node: Node) -> None:
    """Turn numbers and arrays among the inputs into constants, and all into the dtype that the rule computes with.

    Real numbers stay as they are; what becomes of integers and booleans is said by `Node.integers`.
    """
    for name in node.field_names:
        value = getattr(node, name)
        new = _as_slot(node, name, value) if name in node.node_fields else _as_attribute(node, name, value)
        if new is not value:
            object.__setattr__(node, name, new)
    given = given_inputs(node)
    if all(is_node(v) and is_real(v.dtype) for v in given):
        return
    if not all(type(v) in (int, float) or is_node(v) for v in given):
        for name in node.node_fields:
            object.__setattr__(node, name, _each(node, name, _node_or_number))
    aim = _Aim.of(node)
    for name in node.node_fields:
        convert = aim.index if name in node.integer_inputs else aim.operand
        object.__setattr__(node, name, _each(node, name, convert))


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
    raise DTypeError(message(f"{node.label}: its input {name} is {given}; expected {wanted}", site=call_site()))


def _each(node: Node, name: str, convert: Callable[[Any, str], Any]) -> Any:
    """The value of a field of inputs, each of the things in it converted; `convert` is told what that is."""
    value = getattr(node, name)
    if value is None or is_node(value):
        return None if value is None else convert(value, "")
    what = f"{node.label}: its input {name}"
    if isinstance(value, tuple) and name in node.tuple_fields:
        return tuple([convert(v, what) for v in value])
    return convert(value, what)


@dataclass(frozen=True, slots=True)
class _Aim:
    """What the inputs of a node become.

    Attributes
    ----------
    real : dtype or None
        Of the real numbers among its inputs; float32, where there are only integers.
    whole : dtype or None
        Of its inputs, where it computes with integers; None where it computes with reals.
    kept : bool
        Whether each node keeps its own dtype.
    """

    real: DType | None
    whole: DType | None
    kept: bool

    @classmethod
    def of(cls, node: Node) -> _Aim:
        """By the dtypes of the nodes, the numbers beside them, and what the node type says of integers."""
        dtypes = [v.dtype for v in given_inputs(node) if is_node(v)]
        beside_real = any(d.kind == "f" for d in dtypes)
        real = promote(*dtypes) if dtypes else None
        if node.integers == "kept":
            return cls(real if beside_real else None, None, True)
        if node.integers == "real" or beside_real:
            return cls(real, None, False)
        operands = [v for name in node.node_fields if name not in node.integer_inputs for v in _held(node, name)]
        numbers = [v for v in operands if not is_node(v)]
        dtypes = [v.dtype for v in operands if is_node(v)]
        if not dtypes or any(isinstance(n, float) for n in numbers):
            return cls(real, None, False)
        return cls(real, _whole(node, dtypes, numbers), False)

    def index(self, value: Any, what: str) -> Node:
        """An input that may be of integers: they stay as they are."""
        return value if is_node(value) else _constant(value, self.real if isinstance(value, float) else None, what)

    def operand(self, value: Any, what: str) -> Node:
        """Any other input."""
        if self.kept:
            return value if is_node(value) else _compared(value, self.real, what)
        if is_node(value):
            return _cast(value, self.whole or self.real or promote())
        if isinstance(value, int) and self.whole is None and self.real is None:
            return _cast(_constant(value, None, what), promote())
        return _constant(value, self.whole or self.real, what)


def _held(node: Node, name: str) -> tuple[Any, ...]:
    """What a field of inputs holds, as a tuple."""
    value = getattr(node, name)
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _whole(node: Node, dtypes: list[DType], numbers: list[int]) -> DType:
    """The dtype in which `node` computes with integers."""
    found = whole_dtype(*dtypes, wide=node.integers == "wide")
    if found is None:
        listed = ", ".join(dict.fromkeys(d.name for d in dtypes))
        hint = 'convert one of them: sc.cast(x, "int64")'
        raise DTypeError(message(f"{node.label}: no integer dtype holds all of {listed}", hint, site=call_site()))
    if not numbers or found == np.uint64:  # what does not fit beside that is refused
        return found
    fits = found.kind != "b" and all(np.iinfo(found.name).min <= n <= np.iinfo(found.name).max for n in numbers)
    return found if fits else np.dtype("int64")


def _cast(node: Node, dtype: DType) -> Node:
    """`node`, its integers and booleans as numbers of `dtype`."""
    if is_real(node.dtype) or node.dtype == dtype:
        return node
    made: Node = view("cast")(node, dtype.name)
    return made


def _compared(number: float, real: DType | None, what: str) -> Node:
    """A number beside nodes that keep their dtypes, so that no comparison of integers is rounded: of the dtype `real`
    of reals beside it, where that holds it; beside integers alone, whole or in the shortest dtype that holds it."""
    if real is not None:
        exact = isinstance(number, float) or abs(number) <= 2 ** (np.finfo(real.name).nmant + 1)
        return _constant(number, real if exact else None, what)
    if isinstance(number, float) and number.is_integer() and abs(number) < 2**63:
        number = int(number)
    short = isinstance(number, float) and (number != number or float(np.float32(number)) == number)
    return _constant(number, promote() if short else None, what)


def _as_attribute(node: Node, name: str, value: Any) -> Any:
    """The value of any other field: lists become tuples, and NumPy's numbers Python's."""
    if name == "name" and not isinstance(value, str):
        raise DTypeError(
            message(f"{type(node).__name__}: the name must be a string, got {quoted(value)}", site=call_site())
        )
    if isinstance(value, list) or type(value) is tuple:
        made = tuple([_as_attribute(node, name, v) for v in value])
        same = type(value) is tuple and all(a is b for a, b in zip(made, value, strict=True))
        return value if same else made
    if is_node(value) and not any(f.name == name and "Any" in str(f.type) for f in dataclasses.fields(node)):
        hint = f"if it is an input, annotate it so: {name}: sc.Node"
        raise NodeTypeError(message(f"{node.label}: its attribute {name} is {value.label}", hint, site=call_site()))
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
    """`value` as a node. A number takes the dtype `real`, if that is one of reals; an array keeps its own.

    Numbers are Python's and NumPy's: ``np.sqrt(64)``, which is a ``np.float64``, is a number like 8.0. An array of no
    axes is an array.

    Raises
    ------
    DTypeError
        For what is neither a node, nor a number, nor an array of numbers, and for ``True`` and ``False``, which are
        what ``==`` between nodes gives; `what` says where it stood.
    """
    what = what or "what was given"
    real = real if real is None or is_real(real) else promote()
    given = _node_or_number(value, what)
    aim = _Aim(real, None, False)
    return aim.index(given, what) if keep_integers else aim.operand(given, what)


def _node_or_number(value: Any, what: str) -> Any:
    """An array as a constant; a number as Python's own int or float, since it takes the dtype of what it meets."""
    if is_node(value):
        return value
    if isinstance(value, bool | np.bool_):
        hint = "== and != ask whether two nodes are the same node: compare values by sc.equal(a, b)"
        fixed = f"a fixed boolean is sc.Const({bool(value)})"
        raise DTypeError(message(f"{what} is {bool(value)}; expected a node", hint, fixed, site=call_site()))
    if isinstance(value, np.generic):
        value = value.item()  # of a long double, that is one again
    return value if type(value) in (int, float) else _constant(value, None, what)


def _constant(value: Any, dtype: DType | None, what: str) -> Node:
    made: Node = view("constant")(value, dtype, what)
    return made
