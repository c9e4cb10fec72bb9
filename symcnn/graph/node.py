"""`Node`: a node type is a class, a node is an instance, and the instance is the value.

A node type is a frozen dataclass whose fields annotated ``Node`` (or ``Node | None``, or
``tuple[Node, ...]``) are its inputs; its other fields are attributes. Calling a type twice with the
same arguments gives the same object, so common subexpressions are shared for free.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

import numpy as np

from .errors import (
    DTypeError,
    FrozenError,
    NodeTypeError,
    ShapeError,
    Site,
    call_site,
    called,
    explain,
    given_serial,
    quoted,
    shown,
)
from .operators import UFUNCS, Operand, Operators
from .spec import DType, Shape, Spec, broadcast_shapes, is_real, promote

if TYPE_CHECKING:
    from .graph import Graph
    from .leaves import Param

_TABLE: weakref.WeakValueDictionary[tuple[Any, ...], Node] = weakref.WeakValueDictionary()
_LOCK = threading.RLock()
_SERIAL = count()
_RESERVED: set[str] = set()
"""What a field cannot be called: every name of `Node` itself, filled in below the class."""


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
        if (clash := _RESERVED & annotated) and not namespace.get("leaf"):
            raise NodeTypeError(f"{name}: the field name {sorted(clash)[0]!r} is taken by Node; choose another one")
        dataclass(frozen=True, eq=False, repr=False)(cls)  # type: ignore[arg-type]
        cls.__setattr__ = cls.__delattr__ = _refuse_change  # type: ignore[method-assign, assignment]
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        cls.field_names = tuple(f.name for f in fields)
        slots = [f for f in fields if _holds_nodes(f.type)]
        cls.node_fields = tuple(f.name for f in slots)
        cls.tuple_fields = tuple(f.name for f in slots if re.search(r"(?i)\b(tuple|list|sequence)\[", str(f.type)))
        optional = r"\b(None|Optional)\b"
        cls.optional_fields = tuple(f.name for f in slots if f.default is None or re.search(optional, str(f.type)))
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
        node: Node = super().__call__(*args, **kwargs)
        convert_inputs(node)
        if cls.own_identity:
            return _finish(node)
        key = (cls, *[_key(getattr(node, name)) for name in cls.field_names])
        with _LOCK:
            found = _TABLE.get(key)
            if found is None:
                found = _TABLE[key] = _finish(node)
        return found


def _holds_nodes(annotation: Any) -> bool:
    """Whether a field's annotation (often still a string) names `Node`."""
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return isinstance(annotation, NodeType)
    return re.search(r"\bNode\b", str(annotation)) is not None


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
        hint = [f"write into the array: .{name}[...] = ..."] if isinstance(held, np.ndarray) else []
        raise FrozenError(explain(f"{name!r} cannot be changed: a node stays what it is", *hint, node=node))


def _finish(node: Node) -> Node:
    """Fix what a new node knows of itself: where it was made, its shape and its dtype."""
    inherited = given_serial()
    known = vars(node)
    known["serial"] = next(_SERIAL) if inherited is None else inherited
    known["site"] = call_site()
    known["spec"] = spec = node.infer()
    if not isinstance(spec, Spec):
        raise NodeTypeError(explain(f"infer returned {quoted(spec)}, not a Spec(shape, dtype)", node=node))
    if not all(d is None or (type(d) is int and d >= 0) for d in spec.shape):
        problem = f"its shape would be {quoted(spec.shape)}; sizes are whole numbers from 0 on, or None for the batch"
        raise ShapeError(explain(problem, node=node))
    known["shape"], known["dtype"] = spec.shape, spec.dtype
    return node


def _key(value: Any) -> Any:
    """A hashable stand-in: nodes by identity, numbers with their type (1, 1.0 and True differ)."""
    if isinstance(value, Node):
        return id(value)
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return tuple(_key(v) for v in value)
    if isinstance(value, float):
        return float, value.hex()
    if isinstance(value, np.ndarray) and not value.flags.writeable:
        return value.shape, value.dtype.str, hashlib.blake2b(value.tobytes(), digest_size=16).digest()
    try:
        hash(value)
    except TypeError:
        raise DTypeError(
            explain(
                f"an attribute that can change (a {type(value).__name__}) cannot be part of a node",
                "give lists as tuples, and arrays as inputs: sc.Const(array)",
                site=call_site(),
            )
        ) from None
    return type(value), value


def convert_inputs(node: Node) -> None:
    """Turn numbers and arrays among the inputs into constants, integers into reals where the rule needs them."""
    for name in node.field_names:
        value = getattr(node, name)
        new = _as_slot(node, name, value) if name in node.node_fields else _as_attribute(node, name, value)
        if new is not value:
            object.__setattr__(node, name, new)
    given = _given_inputs(node)
    if all(isinstance(v, Node) and is_real(v.dtype) for v in given):
        return
    dtypes = [v.dtype for v in given if isinstance(v, Node)]
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
    given = value.label if isinstance(value, Node) else quoted(value)
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
    if isinstance(value, Node) and not any(f.name == name and "Any" in str(f.type) for f in dataclasses.fields(node)):
        hint = f"if it is an input, annotate it so: {name}: sc.Node"
        raise NodeTypeError(explain(f"{node.label}: its attribute {name} is {value.label}", hint, site=call_site()))
    return value.item() if isinstance(value, np.generic) else value


def _given_inputs(node: Node) -> list[Any]:
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
    node = value if isinstance(value, Node) else _constant(value, real, keep_integers, what or "what was given")
    if keep_integers or is_real(node.dtype):
        return node
    from .algebra import Cast

    return Cast(node, str(real or promote()))


def _constant(value: Any, real: DType | None, keep_integers: bool, what: str) -> Node:
    from .leaves import Const, as_numbers, real_number

    if real is not None and type(value) in (int, float, bool) and not (keep_integers and isinstance(value, int)):
        return Const(real_number(value, real, what))
    return Const(as_numbers(value, what))


class Node(Operators, metaclass=NodeType):
    """The base of all node types. Subclass it to add one; nothing is registered.

    A subclass declares its inputs and attributes as annotated fields, and:

    ``forward(self, xp, *inputs)``
        the value, computed with the functions of `xp` (NumPy, or any namespace of the array API standard);
    ``backward(self, delta)``
        given the node ``delta = dJ/d(self)``, one node ``dJ/d(input)`` for each input,
        or ``None`` for an input that has no gradient (labels, indices);
    ``infer(self)``
        shape and dtype. Inherited, it says: element by element, with NumPy's broadcasting;
    ``latex``, ``text``
        the formula, with ``{field}`` where an input or attribute is shown;
    ``samples()``
        small examples of itself, for `symcnn.testing.check_node` and the property tests.

    Examples
    --------
    >>> import symcnn as sc
    >>> class Square(sc.Node):
    ...     z: sc.Node
    ...     latex = r"{z}^2"
    ...     def forward(self, xp, z):
    ...         return z * z
    ...     def backward(self, delta):
    ...         return (2 * self.z * delta,)
    >>> x = sc.Input("x", (3,))
    >>> y = Square(x)
    >>> y is Square(x), y.shape
    (True, (3,))
    >>> sc.compile(sc.grad(sc.sum(y), [x])[0])(x=[1, 2, 3])
    array([2., 4., 6.], dtype=float32)
    """

    name: str = field(default="", kw_only=True)
    """A name of the user's own for this node: it is shown in errors, diagrams and equations."""

    latex: ClassVar[str] = ""
    text: ClassVar[str] = ""
    symbol: ClassVar[str] = "v"
    """The letter that stands for this node's value in equations: z, a, p, ..."""
    binding: ClassVar[int] = 9
    """How tightly the formula binds: 1 sums, 2 products, 3 powers, 9 needs no brackets."""
    integer_inputs: ClassVar[tuple[str, ...]] = ()
    """Inputs that may be integers or booleans; all others are converted to reals."""
    field_names: ClassVar[tuple[str, ...]] = ()
    node_fields: ClassVar[tuple[str, ...]] = ()
    """The names of the fields that are inputs; found from the annotations."""
    tuple_fields: ClassVar[tuple[str, ...]] = ()
    optional_fields: ClassVar[tuple[str, ...]] = ()
    """Those of them that hold a tuple of nodes. A list in any other one is an array."""
    elementwise: ClassVar[bool] = True
    """Whether each element depends only on the inputs' elements there, with broadcasting: so it is where
    `infer` is inherited."""
    own_identity: ClassVar[bool] = False
    """True for leaves: two of them are two things, whatever they hold."""
    ufunc: ClassVar[np.ufunc | None] = None
    """The NumPy function that builds this node when it is called on nodes."""

    serial: ClassVar[int]
    site: ClassVar[Site]

    # What a node type declares -------------------------------------------------------------

    def infer(self) -> Spec:
        """Shape and dtype of the value; here for functions of each element, with broadcasting."""
        spec = self.inputs[0].spec
        if all(i.spec is spec or i.spec == spec for i in self.inputs) and is_real(spec.dtype):
            return spec
        try:
            shape = broadcast_shapes(*(i.shape for i in self.inputs))
        except ValueError as error:
            shapes = ", ".join(f"{i.label} {i.shape}" for i in self.inputs)
            raise ShapeError(explain(str(error), f"the inputs are {shapes}", node=self)) from None
        return Spec(shape, promote(*(i.dtype for i in self.inputs)))

    def forward(self, xp: Any, *inputs: Any) -> Any:
        """The value, from the inputs' values, by the functions of the array namespace `xp`."""
        raise NodeTypeError(explain("the node type has no forward(self, xp, ...) rule", node=self))

    def backward(self, delta: Node) -> Sequence[Node | None]:
        """The errors dJ/d(input), one an input, given the error ``delta`` of this node."""
        raise NodeTypeError(explain("the node type has no backward(self, delta) rule", node=self))

    def verify(self, *inputs: Any) -> None:
        """Look at the values before `forward` (labels in range, ...); raise ValueError where they are wrong."""

    @classmethod
    def samples(cls) -> list[Node]:
        """Small nodes of this type, to be checked; inherited: one for an element-wise type without attributes."""
        from .leaves import Input

        attributes = [f for f in dataclasses.fields(cls) if f.name not in cls.node_fields and f.name != "name"]
        if any(f.default is dataclasses.MISSING for f in attributes) or cls.infer is not Node.infer:
            raise NodeTypeError(f"{cls.__name__} has attributes or a shape rule: declare samples() to have it checked")
        inputs = [Input(f"x{i}" if i else "x", (None, 2, 3)) for i, _ in enumerate(cls.node_fields)]
        return [cls(*inputs)]

    def template(self, kind: str) -> str:
        """The formula, as "text" or as "latex", with ``{field}`` where a part is shown."""
        given: str = getattr(type(self), kind)
        if given:
            return given
        inner = ", ".join(f"{{{name}}}" for name in self.node_fields)
        head = type(self).__name__
        return (rf"\operatorname{{{{{head}}}}}" if kind == "latex" else head) + f"({inner})"

    def parts(self) -> dict[str, Any]:
        """What the formula can show: the fields, by name."""
        return {name: getattr(self, name) for name in self.field_names}

    # What every node knows -----------------------------------------------------------------

    @cached_property
    def spec(self) -> Spec:
        """Shape and dtype."""
        return self.infer()

    @cached_property
    def shape(self) -> Shape:
        """The shape; ``None`` is the batch axis."""
        return self.spec.shape

    @cached_property
    def dtype(self) -> DType:
        """The dtype."""
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @cached_property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes this one is computed from, in the order of its fields."""
        return tuple(_given_inputs(self))

    @property
    def attributes(self) -> dict[str, Any]:
        """The fields that are not nodes, without the name."""
        return {n: getattr(self, n) for n in self.field_names if n not in self.node_fields and n != "name"}

    def with_inputs(self, inputs: Sequence[Node]) -> Node:
        """The same node over other inputs, given in the order of `inputs`."""
        left = iter(inputs)
        fields: dict[str, Any] = {}
        for name in self.field_names:
            value = getattr(self, name)
            if name not in self.node_fields or value is None:
                fields[name] = value
            elif isinstance(value, tuple):
                fields[name] = tuple(next(left) for _ in value)
            else:
                fields[name] = next(left)
        made: Node = type(self)(**fields)
        return made

    @property
    def mixes_rows(self) -> bool:
        """Whether a row of the value depends on other rows of the batch: never, unless a node type says so."""
        return False

    @property
    def label(self) -> str:
        """The type, and the name if there is one: how errors speak of this node."""
        return called(type(self).__name__, self.name)

    def graph(self) -> Graph:
        """The graph of everything that this node is computed from."""
        from .graph import Graph

        return Graph(self)

    @property
    def params(self) -> list[Param]:
        """The parameters upstream, in the order in which they were made."""
        return self.graph().params

    def __repr__(self) -> str:
        inputs = [shown(i.name) or type(i).__name__ for i in self.inputs]
        inputs = inputs if len(inputs) <= 8 else [*inputs[:6], f"... {len(inputs) - 6} more"]
        attributes = [f"{k}={v!r}" for k, v in self.attributes.items() if len(repr(v)) < 60]
        name = [f"name={quoted(self.name)}"] if self.name else []
        return f"{type(self).__name__}({', '.join([*inputs, *attributes, *name])}): {self.spec}"

    def __reduce__(self) -> Any:
        from .graph import pack, unpack

        return unpack, (pack(self),)

    __hash__ = object.__hash__


_RESERVED |= {*dir(Node), "serial", "site"} - {"name"}


def node_types() -> list[type[Node]]:
    """All node types that are defined now, the users' own too: bases before what is derived from them."""
    found: list[type[Node]] = []
    todo: list[type[Node]] = list(Node.__subclasses__())
    while todo:
        cls = todo.pop(0)
        found.append(cls)
        todo.extend(cls.__subclasses__())
    return found
