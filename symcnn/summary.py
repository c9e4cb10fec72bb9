"""`summary`: layer by layer, the shape of the output, parameters, multiply-adds and memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .backprop import Backprop
from .graph.errors import DTypeError, NodeTypeError, call_site, message
from .graph.graph import Graph
from .graph.leaves import Input, Leaf, Param
from .graph.locks import cached_property
from .graph.naming import named
from .graph.node import Node
from .nodes.border import Subsample
from .nodes.shape import Reshape
from .show.notebook import bundle
from .show.tables import Table
from .text import quoted, shape_text

if TYPE_CHECKING:
    from .equations.composites import Part
    from .equations.names import Values
    from .equations.titles import Titles


@dataclass(frozen=True)
class Row:
    """One value of the network, or the values of a layer: a box of the picture.

    Attributes
    ----------
    node : Node
        The value; of a layer the last one.
    symbol, name, types : str
        What it is called in equations, the name of its layer if there is one, and what the layer is, or its node types.
    params : tuple of Param
        The parameters that it is the first to read.
    shared : tuple of Param
        Those that it reads, too, but that are counted further up.
    multiply_adds : int
        For one example.
    nbytes : int
        Of its value for one example.
    """

    node: Node
    symbol: str
    name: str
    types: str
    params: tuple[Param, ...]
    shared: tuple[Param, ...]
    multiply_adds: int
    nbytes: int

    @property
    def parameters(self) -> int:
        """How many numbers are learned here: unconnected weights do not count."""
        return sum(p.size for p in self.params)


class Summary:
    """What `symcnn.summary` finds; prints as a table, and shows itself in a notebook.

    Attributes
    ----------
    rows : list of Row
        The inputs, then the named values in the order of the forward pass.
    """

    def __init__(self, J: Node) -> None:
        from .equations.names import Values
        from .equations.titles import Titles

        J = Reshape(J, J.shape) if isinstance(J, Leaf) else J  # a value of its own, to be called J
        values = Values(Graph(J).order)
        self._symbols = values.symbols
        self._unique = {param: name for name, param in named(Graph(J).params).items()}
        self.rows = _rows(values, Titles(values))

    @cached_property
    def params(self) -> list[Param]:
        """The parameters, each once."""
        return [p for row in self.rows for p in row.params]

    @property
    def parameters(self) -> int:
        """How many numbers are learned: shared ones once, unconnected weights not at all."""
        return sum(p.size for p in self.params)

    @property
    def parameter_bytes(self) -> int:
        """The memory of the parameters, with the zeros of unconnected weights."""
        return sum(p.value.nbytes for p in self.params)

    @property
    def multiply_adds(self) -> int:
        """Of the forward pass of one example."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def value_bytes(self) -> int:
        """The memory of the named values for one example."""
        return sum(row.nbytes for row in self.rows)

    @cached_property
    def table(self) -> Table:
        """The summary in rows and columns."""
        return Table(
            ["value", "layer", "type", "shape", "parameters", "multiply-adds", "bytes"],
            [self._cells(row) for row in self.rows],
            left={0, 1, 2, 3},
            foot=[["total", "", "", "", *map(_number, (self.parameters, self.multiply_adds, self.value_bytes))]],
            notes=self._notes(),
        )

    def _cells(self, row: Row) -> list[str]:
        counted = _number(row.parameters) if row.params or not row.shared else "shared"
        numbers = [_number(row.multiply_adds), _number(row.nbytes)]
        return [row.symbol, self._layer(row), row.types, shape_text(row.node.shape), counted, *numbers]

    def _layer(self, row: Row) -> str:
        """What the row's layer is called: as the unique names of its parameters begin, where they begin alike."""
        from .text import plain_text

        heads = {self._unique[p].rpartition(".")[0] for p in row.params}
        head = plain_text(heads.pop()) if len(heads) == 1 else ""
        return head if head.startswith(row.name) else row.name

    def _notes(self) -> list[str]:
        notes = [
            "N is the number of examples; multiply-adds and bytes are those of one.",
            f"The parameters take {self.parameter_bytes:,} bytes.",
        ]
        for param in self.params:
            missing = param.value.size - param.size
            if missing:
                of = f"{missing:,} of the {param.value.size:,} entries of {self._symbols[param]}"
                notes.append(f"{of} are not connected, and not counted.")
        for param, readers in self._readers().items():
            if len(readers) > 1:
                listed = ", ".join(readers if len(readers) <= 4 else [*readers[:3], f"{len(readers) - 3} more"])
                notes.append(f"{self._symbols[param]} is shared by {listed}: counted once.")
        return notes

    def _readers(self) -> dict[Param, list[str]]:
        readers: dict[Param, list[str]] = {}
        for row in self.rows:
            for param in (*row.params, *row.shared):
                readers.setdefault(param, []).append(row.symbol)
        return readers

    def __str__(self) -> str:
        return str(self.table)

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "text/html", lambda: self.table.html)


def summary(J: Node | Backprop) -> Summary:
    """The layers of a network in rows: shape of the output, parameters, multiply-adds and memory.

    The rows are the values that have a box in `symcnn.draw` and a name in the equations.

    Parameters
    ----------
    J : Node or Backprop
        A loss, or any other node: the scores of a network.

    Returns
    -------
    Summary
        Prints as a table. Its ``rows``, ``parameters``, ``multiply_adds``, ``value_bytes`` and ``parameter_bytes``
        are numbers.

    Notes
    -----
    Multiply-adds are what the node types say (`symcnn.Node.multiply_adds`): those of convolutions, dense layers and
    matrix products, for the forward pass of one example. Of a strided convolution, only what is kept counts.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 28, 28))
    >>> p1 = sc.mean_pool(sc.sigmoid(sc.conv(x, filters=20, size=9, name="conv1", seed=0)), 2)
    >>> print(sc.summary(sc.dense(p1, 10, name="out", seed=1)))
    value  layer  type     shape            parameters  multiply-adds   bytes
    x             Input    (N, 1, 28, 28)            0              0   3,136
    z1     conv1  Conv     (N, 20, 20, 20)       1,640        648,000  32,000
    a1            Sigmoid  (N, 20, 20, 20)           0              0  32,000
    p1            Pool     (N, 20, 10, 10)           0              0   8,000
    J      out    Dense    (N, 10)              20,010         20,000      40
    ─────────────────────────────────────────────────────────────────────────
    total                                       21,650        668,000  75,176
    N is the number of examples; multiply-adds and bytes are those of one.
    The parameters take 86,600 bytes.
    """
    node = J.J if isinstance(J, Backprop) else J
    if not isinstance(node, Node):
        what = f"summary needs a node or the result of sc.backprop, got {quoted(J)}"
        raise DTypeError(message(what, site=call_site()))
    return Summary(node)


def _number(count: int) -> str:
    return f"{count:,}"


def _rows(values: Values, titles: Titles) -> list[Row]:
    from .equations.composites import Part

    work = _multiply_adds(values.order)
    counted: set[Node] = set()
    inputs = (Part((node,), (node,)) for node in values.order if isinstance(node, Input))
    rows = [_row(values, part, ("", "Input"), 0, counted) for part in inputs]
    for part in values.parts:
        inner = [n for value in part.values for n in values.inner(value) if n not in counted]
        counted.update(inner)
        named = titles.name(part), titles.types(part)
        rows.append(_row(values, part, named, sum(work[n] for n in inner), counted))
    return rows


def _multiply_adds(order: list[Node]) -> dict[Node, int]:
    """The multiply-adds of each node; where only a subsample reads it, of what that keeps."""
    readers: dict[Node, list[Node]] = {node: [] for node in order}
    for node in order:
        for i in node.inputs:
            readers[i].append(node)
    work = {node: _declared_work(node) for node in order}
    for node, (first, *others) in ((n, r) for n, r in readers.items() if r and work[n]):
        if isinstance(first, Subsample) and not others:
            work[node] = work[node] * math.prod(first.spec.bind(1)) // math.prod(node.spec.bind(1))
    return work


def _declared_work(node: Node) -> int:
    work = node.multiply_adds
    if type(work) is not int or work < 0:
        raise NodeTypeError(message(f"multiply_adds is {quoted(work)}; expected a whole number from 0 on", node=node))
    return work


def _row(values: Values, part: Part, named: tuple[str, str], work: int, counted: set[Node]) -> Row:
    """A row; the parameters that no row above has are its own."""
    sources = dict.fromkeys(s for node in part.values if node.inputs for s in values.sources(node))
    read = [s for s in sources if isinstance(s, Param) and s.trainable]
    own, shared = [p for p in read if p not in counted], [p for p in read if p in counted]
    counted.update(own)
    nbytes = sum(math.prod(node.spec.bind(1)) * node.dtype.itemsize for node in part.outputs)
    symbols = ", ".join(str(values.symbols[node]) for node in part.outputs)
    return Row(part.last, symbols, *named, tuple(own), tuple(shared), work, nbytes)
