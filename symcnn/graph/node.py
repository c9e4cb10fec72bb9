"""`Node`: a node type is a class, a node is an instance, and the instance is the value.

A node type is a frozen dataclass whose fields annotated ``Node`` (or ``Node | None``, or
``tuple[Node, ...]``) are its inputs; its other fields are attributes. Calling a type twice with the
same arguments gives the same object, so common subexpressions are shared for free.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..show.notebook import bundle
from ..text import called, quoted, safe_repr, shown
from .context import Context, remember
from .convert import as_node, given_inputs
from .errors import NodeTypeError, ShapeError, Site, message
from .locks import cached_property
from .meetings import warn_of_dtypes, warn_of_square
from .nodetype import RESERVED, NodeType
from .operators import Operators
from .spec import DType, Shape, Spec, broadcast_shapes, is_real, promote
from .views import view
from .window import Influence, Windows, broadcast_windows, row_windows

if TYPE_CHECKING:
    from ..equations.equation import Equation
    from .graph import Graph
    from .leaves import Param

__all__ = ["Node", "Sentences", "as_node", "node_types"]

Sentences = tuple[str, str | tuple[str, ...]]
"""What a node says of its forward rule and of its backward rule: of that one text, or one for each input."""


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
    ``windows(self)``
        which units of its inputs a unit reads. Inherited, it says what follows from `elementwise` and `mixes_rows`;
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
    says: ClassVar[Sentences | None] = None
    """What happens in the forward and in the backward rule, a sentence each; empty ones where nothing needs saying.
    The second may be a tuple, of a sentence for each input."""
    integer_inputs: ClassVar[tuple[str, ...]] = ()
    """Inputs that may be integers or booleans whatever the others are: labels, indices, conditions."""
    integers: ClassVar[str] = "real"
    """What becomes of integers and booleans among the other inputs, where no real number is beside them.

    "real": they are converted to float32, the type has no meaning for them (the inherited one); "wide": arithmetic, in
    int64 (in uint64, where one is uint64 and none has a sign), so that bytes never wrap around; "common": they stay
    integers, of their common dtype; "kept": each stays what it is, beside real numbers, too, as NumPy compares them.
    Beside real numbers, all but the last take their dtype: integers with float32 are float32."""
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
    _context: ClassVar[Context] = ()
    """Of a gradient: the inputs of what was differentiated; see `symcnn.graph.context`."""
    ufunc: ClassVar[np.ufunc | None] = None
    """The NumPy function that builds this node when it is called on nodes."""

    serial: ClassVar[int]
    site: ClassVar[Site]

    # What a node type declares -------------------------------------------------------------

    def infer(self) -> Spec:
        """Shape and dtype of the value; here for functions of each element, with broadcasting."""
        if not self.inputs:
            raise NodeTypeError(message("there is no input to take its shape from", "declare infer(self)", node=self))
        spec = self.inputs[0].spec
        if all(i.spec is spec or i.spec == spec for i in self.inputs) and is_real(spec.dtype):
            return spec
        try:
            shape = broadcast_shapes(*(i.shape for i in self.inputs))
        except ValueError as error:
            shapes = ", ".join(f"{i.label} {i.shape}" for i in self.inputs)
            raise ShapeError(message(str(error), f"the inputs are {shapes}", node=self)) from None
        if len(shape) > 1 and all(i.shape != shape for i in self.inputs):
            warn_of_square(self, shape)
        dtypes = [i.dtype for i in self.inputs]
        whole = self.integers != "real" and not any(map(is_real, dtypes))  # all of one dtype: see `convert_inputs`
        dtype = dtypes[-1] if whole else promote(*dtypes)
        if self.integers != "kept" and any(d is not dtype for d in dtypes):
            warn_of_dtypes(self, dtype)
        return Spec(shape, dtype)

    def forward(self, xp: Any, *inputs: Any) -> Any:
        """The value, from the inputs' values, by the functions of the array namespace `xp`."""
        raise NodeTypeError(message("the node type has no forward(self, xp, ...) rule", node=self))

    def backward(self, delta: Node) -> Sequence[Node | None]:
        """The errors dJ/d(input), one an input, given the error ``delta`` of this node."""
        raise NodeTypeError(message("the node type has no backward(self, delta) rule", node=self))

    def verify(self, *inputs: Any) -> None:
        """Look at the values before `forward` (labels in range, ...); raise ValueError where they are wrong."""

    def windows(self) -> tuple[Windows, ...]:
        """For each input, and each axis of it, the part that a unit of this node reads; None where that is not said.

        A unit reads nothing outside its windows, along any axis; within them it may leave something out. Inherited,
        it says: nothing where rows are mixed; else the unit at the same place for an element-wise type, and the
        same row of the batch for any other.

        Examples
        --------
        >>> import symcnn as sc
        >>> z = sc.Conv(sc.Input("x", (None, 1, 28, 28)), sc.Input("w", (20, 1, 9, 9)))
        >>> x, w = z.windows()
        >>> [window.span(5, 28) for window in x[2:]]
        [range(5, 14), range(5, 14)]
        """
        if self.mixes_rows:
            return tuple((None,) * i.ndim for i in self.inputs)
        if self.elementwise:
            return tuple(broadcast_windows(i.shape, self.shape) for i in self.inputs)
        return tuple(row_windows(i.shape, self.shape) for i in self.inputs)

    def influence(self) -> tuple[Influence, ...]:
        """For each input: what a unit of it counts in a unit of this node that reads it; None where that is not said.

        It completes `windows`: with both, a page can say what a unit is made of and how its error splits. A number
        is a factor: units are multiplied by it and added up. "paired": each unit of the window is multiplied by the
        one at the same place of the other paired input's window, and the products are added up. "first maximum":
        the first of the largest counts, and no other. "slope": the unit at the same place counts as much as the
        function is steep there; inherited by element-wise types.
        """
        if not self.elementwise or not is_real(self.dtype):
            return (None,) * len(self.inputs)
        return tuple("slope" if is_real(i.dtype) else None for i in self.inputs)

    def sentences(self) -> Sentences:
        """What happens here, in a sentence for the forward rule and one for the backward rule.

        The second may be a tuple, of a sentence for each input: it is said where an error goes to that input.
        Inherited: `says`; without it the first sentence of the type's documentation, and what every backward rule does.
        """
        if self.says is not None:
            return self.says
        said = " ".join((type(self).__doc__ or "").split("\n\n")[0].split())
        if self.elementwise:
            return said, "Each error is multiplied by how steep the function is at that unit."
        return said, f"The rule of {type(self).__name__} turns the error of its value into errors of what it read."

    @classmethod
    def samples(cls) -> list[Node]:
        """Small nodes of this type, to be checked; inherited: one for an element-wise type without attributes."""
        attributes = [f for f in dataclasses.fields(cls) if f.name not in cls.node_fields and f.name != "name"]
        if any(f.default is dataclasses.MISSING for f in attributes) or cls.infer is not Node.infer:
            raise NodeTypeError(f"{cls.__name__} has attributes or a shape rule: declare samples() to have it checked")
        inputs = [view("input")(f"x{i}" if i else "x", (None, 2, 3)) for i, _ in enumerate(cls.node_fields)]
        return [cls(*inputs)]

    def template(self, kind: str) -> str:
        """The formula, as "text" or as "latex", with ``{field}`` where a part is shown."""
        given: str = getattr(type(self), kind)
        if given:
            return given
        holes = [f"{{{name}}}" for name in self.node_fields if getattr(self, name) is not None]
        for name, value in self.attributes.items():
            if isinstance(value, int | float | str | tuple | np.generic):
                word = name if kind == "text" or len(name) == 1 else _upright(name.replace("_", r"\_"))
                words = kind == "latex" and isinstance(value, str | bool)
                holes.append(f"{word}={_upright(f'{{{name}}}') if words else f'{{{name}}}'}")
        head = type(self).__name__
        return (rf"\operatorname{{{{{head}}}}}" if kind == "latex" else head) + f"({', '.join(holes)})"

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
        return tuple(given_inputs(self))

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
    def multiply_adds(self) -> int:
        """How many products are added up to compute the value for one example: none, unless a node type says so."""
        return 0

    @property
    def label(self) -> str:
        """The type, and the name if there is one: how errors speak of this node."""
        return called(type(self).__name__, self.name)

    @property
    def graph(self) -> Graph:
        """The graph of everything that this node is computed from; ``node.graph()`` is the same."""
        graph: Graph = view("graph")(self)
        return graph

    @property
    def params(self) -> list[Param]:
        """The parameters upstream that are learned, in the order in which they were made."""
        return self.graph.params

    @property
    def states(self) -> list[Param]:
        """The parameters upstream that are kept, but not learned: running statistics, counts of steps."""
        return self.graph.states

    @property
    def named_params(self) -> dict[str, Param]:
        """The parameters and states upstream by names that are all different: what one saves; see `Graph.named_params`.

        Examples
        --------
        >>> import io, symcnn as sc
        >>> z = sc.dense(sc.dense(sc.Input("x", (None, 4)), 3, seed=0), 2, seed=1)
        >>> file = io.BytesIO()
        >>> np.savez(file, **{name: p.value for name, p in z.named_params.items()})
        >>> _ = file.seek(0)
        >>> saved = np.load(file)
        >>> for name, p in z.named_params.items():
        ...     p.assign(saved[name])
        >>> list(saved)
        ['dense1.W', 'dense1.b', 'dense2.W', 'dense2.b']
        """
        return self.graph().named_params

    def param(self, name: str) -> Param:
        """The parameter upstream that `named_params` has by this name, or the only one that was given it.

        Examples
        --------
        >>> import symcnn as sc
        >>> z = sc.conv(sc.conv(sc.Input("x", (None, 1, 8, 8)), 2, 3, seed=0), 4, 3, seed=1)
        >>> z.param("conv2.W").value.shape
        (4, 2, 3, 3)
        """
        return self.graph().param(name)

    @property
    def equation(self) -> Equation:
        """What computes this node, with the names that the network upstream of it gives.

        Examples
        --------
        >>> import symcnn as sc
        >>> x = sc.Input("x", (None, 1, 28, 28))
        >>> sc.conv(x, filters=20, size=9, seed=0).equation
        z1 = x * rot90(W1, 2) + b1
        """
        equation: Equation = view("equation")(self)
        return equation

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The equation, with the shape at its side."""

        def latex() -> str | None:
            return None if view("is large")(self) else f"$${self.equation.latex_with_shape}$$"

        return bundle(self, "text/latex", latex)

    def __repr__(self) -> str:
        inputs = [shown(i.name) or type(i).__name__ for i in self.inputs]
        inputs = inputs if len(inputs) <= 8 else [*inputs[:6], f"... {len(inputs) - 6} more"]
        written = {k: safe_repr(v) for k, v in self.attributes.items()}
        attributes = [f"{k}={v}" for k, v in written.items() if len(v) < 60]
        name = [f"name={quoted(self.name)}"] if self.name else []
        return f"{type(self).__name__}({', '.join([*inputs, *attributes, *name])}): {self.spec}"

    def __reduce__(self) -> Any:
        return view("unpack"), (view("pack")(self),)

    def __setstate__(self, context: Context) -> None:
        remember(self, context)

    __hash__ = object.__hash__


def _upright(words: str) -> str:
    """Words in a template of LaTeX."""
    return rf"\text{{{{{words}}}}}"


RESERVED |= {*dir(Node), "serial", "site"} - {"name"}


def node_types() -> list[type[Node]]:
    """All node types that are defined now, the users' own too: bases before what is derived from them."""
    found: list[type[Node]] = []
    todo: list[type[Node]] = list(Node.__subclasses__())
    while todo:
        cls = todo.pop(0)
        found.append(cls)
        todo.extend(cls.__subclasses__())
    return found
