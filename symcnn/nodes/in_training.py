"""Training and inference are two graphs: what differs between them, and the states that a training step renews."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np

from ..graph.algebra import broadcast_to, cast
from ..graph.convert import as_node
from ..graph.errors import DTypeError, ShapeError, call_site, message
from ..graph.graph import Graph
from ..graph.leaves import Input, Param, constant
from ..graph.node import Node
from ..graph.replacing import rewritten
from ..graph.spec import Spec, is_real, promote
from ..graph.window import Influence, Windows, broadcast_windows
from ..text import quoted


class InTraining(Node):
    """The value; `symcnn.inference` puts `otherwise` in its place, and a training step gives `state` the value `new`.

    Whatever computes the node computes `value`: no engine sees more of it. See `symcnn.in_training`.
    """

    value: Node
    otherwise: Node
    state: Node | None = None
    new: Node | None = None
    integer_inputs = ("value", "otherwise", "state", "new")
    says = (
        "While one trains, it is the first; the graph that predicts has the second in its place.",
        "All of the error goes back to what is computed in training.",
    )

    def template(self, kind: str) -> str:
        name = r"\operatorname{{in\_training}}" if kind == "latex" else "in_training"
        return f"{name}({', '.join(f'{{{field}}}' for field in self.node_fields if getattr(self, field) is not None)})"

    def infer(self) -> Spec:
        value, other = self.value.spec, self.otherwise.spec
        both = is_real(value.dtype) and is_real(other.dtype)
        if other.shape != value.shape or (other.dtype != value.dtype and not both):
            raise ShapeError(message(f"what stands in its place otherwise is {other}; expected {value}", node=self))
        if self.state is None or self.new is None:
            if self.state is not self.new:
                raise DTypeError(message("a state and its new value go together", node=self))
        elif self.new.spec != self.state.spec:
            problem = f"the new value of its state is {self.new.spec}; expected {self.state.spec}"
            raise ShapeError(message(problem, node=self))
        return Spec(value.shape, promote(value.dtype, other.dtype) if both else value.dtype)

    def forward(self, xp: Any, value: Any, *others: Any) -> Any:
        return value if self.value.dtype == self.dtype else xp.astype(value, getattr(xp, self.dtype.name))

    def backward(self, delta: Node) -> tuple[Node | None, ...]:
        return (cast(delta, self.value.dtype.name), *(None,) * (len(self.inputs) - 1))

    @property
    def trains(self) -> Node:
        """What has its value in training."""
        return cast(self.value, self.dtype.name)

    def windows(self) -> tuple[Windows, ...]:
        return broadcast_windows(self.value.shape, self.shape), *((None,) * i.ndim for i in self.inputs[1:])

    def influence(self) -> tuple[Influence, ...]:
        return (1.0, *(None,) * (len(self.inputs) - 1))

    @classmethod
    def samples(cls) -> list[Node]:
        x, state = Input("x", (None, 2, 3)), Param("count", np.zeros((), np.int64), trainable=False)
        return [cls(2 * x, x), cls(2 * x, x, state, state + 1)]


def in_training(
    value: Node, otherwise: Any, *, state: Param | None = None, new: Node | None = None, name: str = ""
) -> Node:
    """`value` while one trains, and `otherwise` in the graph that predicts: what `symcnn.inference` makes of it.

    Parameters
    ----------
    value : Node
        What the training graph computes: errors pass back to it alone.
    otherwise : Node, array or number
        What takes its place; it is stretched to the shape of `value`.
    state : Param, optional
        Made with ``trainable=False``.
    new : Node, optional
        The value that `state` takes when a step of `train_step` or `fit` has succeeded. A program of the value alone
        changes nothing. Where a graph renews a state several times, that happens in the order in which it was built.

    Returns
    -------
    Node
        Of the shape and dtype of `value`.

    Raises
    ------
    ShapeError, DTypeError
        Where `otherwise` or `new` does not fit, and for a `state` that is trained.

    Examples
    --------
    A mean that is followed, with a tenth of each batch's:

    >>> import symcnn as sc
    >>> x = sc.Input("x", (None,))
    >>> running = sc.Param("mean", np.float32(0), trainable=False)
    >>> mean = sc.mean(x)
    >>> mean = sc.in_training(mean, running, state=running, new=0.9 * running + 0.1 * mean)
    >>> sc.compile(mean)(x=[1, 2, 3]), sc.compile(sc.inference(mean))()
    (array(2., dtype=float32), array(0., dtype=float32))
    """
    value = as_node(value)
    other = otherwise
    if not isinstance(otherwise, Node):
        other = constant(otherwise, value.dtype if isinstance(otherwise, int | float) else None, "otherwise")
    if state is not None and not (isinstance(state, Param) and not state.trainable):
        hint = 'make it by sc.Param("mean", array, trainable=False)'
        given = state.label if isinstance(state, Node) else quoted(state)
        problem = f"in_training: the state is {given}; expected a parameter that is not trained"
        raise DTypeError(message(problem, hint, site=call_site()))
    return InTraining(value, broadcast_to(other, value.shape), state, new, name=name)


@overload
def inference(nodes: Node) -> Node: ...
@overload
def inference(nodes: Sequence[Node]) -> list[Node]: ...
def inference(nodes: Node | Sequence[Node]) -> Node | list[Node]:
    """The graph that predicts: no dropout, no noise, running statistics in the place of the batch's.

    Parameters
    ----------
    nodes : Node, or list of Node
        Of a training graph. Take gradients of what this returns: those of the training graph pass through the
        statistics of the batch, wherever these were put.

    Returns
    -------
    Node, or list of Node
        As `nodes` is given; what does not differ is the same node.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 4))
    >>> sc.inference(sc.dropout(x, 0.5)) is x
    True
    """
    if isinstance(nodes, Node):
        return inference([nodes])[0]
    if not isinstance(nodes, list | tuple) or not all(isinstance(node, Node) for node in nodes):
        raise DTypeError(message(f"inference takes a node or a list of nodes, got {quoted(nodes)}", site=call_site()))
    return rewritten(nodes, lambda node: node.otherwise if isinstance(node, InTraining) else None, again=True)


def renewed(nodes: Iterable[Node]) -> dict[Param, Node]:
    """The states that a training step of `nodes` renews, and their new values.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 4))
    >>> [state.name for state in renewed([sc.batch_norm(x, name="bn")])]
    ['bn.mean', 'bn.var']
    """
    found: dict[Param, Node] = {}
    for node in Graph(*nodes).order:
        if not isinstance(node, InTraining) or not isinstance(node.state, Param) or node.new is None:
            continue
        before = found.get(node.state)
        (new,) = rewritten([node.new], lambda n: n.value if isinstance(n, InTraining) else None, again=True)
        if before is not None and before is not new:
            earlier: dict[Node, Node] = {node.state: before}
            (new,) = rewritten([new], earlier.get)
        found[node.state] = new
    return found
