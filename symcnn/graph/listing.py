"""Nodes in rows: the tables that a graph, a program, a trace and a step of a sweep show in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..show.tables import Rows, Table
from ..text import shown
from .node import Node


def listed(nodes: Sequence[Node], title: str, columns: Mapping[str, Callable[[Node], str]] | None = None) -> Table:
    """A row for each node: its number, what it is, the numbers of its inputs, its shape.

    Parameters
    ----------
    nodes : sequence of Node
        Inputs first.
    title : str
        Stands above the table.
    columns : {str: (node) -> str}, optional
        More columns, on the right.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 3))
    >>> print(listed(sc.sigmoid(x * x).graph().order, "Three nodes"))
    Three nodes
       type     name  inputs  shape      dtype
    1  Input    x             (None, 3)  float32
    2  Mul            1, 1    (None, 3)  float32
    3  Sigmoid        2       (None, 3)  float32
    """
    more = columns or {}
    number = {node: n for n, node in enumerate(nodes, start=1)}

    def row(node: Node) -> list[str]:
        inputs = [str(number.get(source, "")) for source in node.inputs]
        cells = [type(node).__name__, shown(node.name) if node.name else "", ", ".join(inputs)]
        return [str(number[node]), *cells, str(node.shape), str(node.dtype), *(write(node) for write in more.values())]

    return Table(
        ["", "type", "name", "inputs", "shape", "dtype", *more], Rows(nodes, row), {1, 2, 3, 4, 5}, title=title
    )


def sending(node: Node, delta: Node, sent: Sequence[tuple[Node, Node]]) -> Table:
    """What a node's backward rule sends, given its error: a row for each input that gets one.

    Examples
    --------
    >>> import symcnn as sc
    >>> z = sc.Input("z", (None, 4))
    >>> step = sc.backprop(sc.sigmoid(z), sc.Input("u", (None, 4))).steps[0]
    >>> print(sending(step.node, step.delta, step.sent))
    Sigmoid (None, 4), its error Input(shape=(None, 4), dtype=dtype('float32'), name='u')
    sends to   its error
    Input 'z'  Scaled(Scaled, Sub, error='a')
    """
    title = f"{node.label} {node.shape}, its error {_formula(delta)}"
    row = Rows(sent, lambda pair: [pair[0].label, _formula(pair[1])])
    return Table(["sends to", "its error"], row, {0, 1}, title=title)


def _formula(node: Node) -> str:
    """A node as it prints, without its shape."""
    return repr(node).removesuffix(f": {node.spec}")
