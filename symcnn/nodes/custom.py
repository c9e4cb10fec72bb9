"""Rules that are not the derivative, on purpose: errors that stop, and errors that a rule of the user's own sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph.convert import as_node
from ..graph.errors import DTypeError, call_site, message
from ..graph.leaves import Const, Input
from ..graph.node import Node
from ..graph.operators import Operand
from ..graph.spec import Spec
from ..graph.window import Influence, Windows, broadcast_windows, row_windows
from ..text import quoted


class StopGradient(Node):
    """x, as a constant: no error passes back."""

    x: Node
    elementwise = True
    integers = "kept"
    latex = r"\operatorname{{stop}}({x})"
    text = "stop({x})"
    says = ("The value stays as it is.", "No error passes: it is taken for a constant.")

    def infer(self) -> Spec:
        return self.x.spec

    def forward(self, xp: Any, x: Any) -> Any:
        return x

    def influence(self) -> tuple[Influence, ...]:
        return (1.0,)

    def backward(self, delta: Node) -> tuple[None]:
        return (None,)

    @classmethod
    def samples(cls) -> list[Node]:
        return [cls(Const(np.asarray([[1, 2, 3]], "float32")) * 2)]


class CustomRule(Node):
    """The value; its error goes to what `rule` says, and not through what the value is computed by.

    Parameters
    ----------
    value : Node
    reads : tuple of Node
        What gets errors.
    rule : callable
        (delta, *reads) -> their errors: a tuple of nodes or None, or the node for one.
    """

    value: Node
    reads: tuple[Node, ...]
    rule: Any
    integer_inputs = ("value", "reads")
    says = (
        "The value stays as it is.",
        "A rule of its own says which errors pass: they need not be those of the derivative.",
    )
    latex = r"\operatorname{{custom}}({value}; {reads})"
    text = "custom({value}; {reads})"

    def infer(self) -> Spec:
        if not callable(self.rule):
            raise DTypeError(message(f"its rule is {quoted(self.rule)}; expected a function", node=self))
        return self.value.spec

    def forward(self, xp: Any, value: Any, *reads: Any) -> Any:
        return value

    def windows(self) -> tuple[Windows, ...]:
        value = broadcast_windows(self.value.shape, self.shape)
        return value, *(row_windows(i.shape, self.shape) for i in self.reads)

    def influence(self) -> tuple[Influence, ...]:
        return (1.0, *(None,) * len(self.reads))

    def backward(self, delta: Node) -> tuple[Node | None, ...]:
        sent = self.rule(delta, *self.reads)
        return (None, *((sent,) if isinstance(sent, Node) and len(self.reads) == 1 else sent))

    @property
    def attributes(self) -> dict[str, Any]:
        return {"rule": getattr(self.rule, "__name__", type(self.rule).__name__)}

    @classmethod
    def samples(cls) -> list[Node]:
        x = Input("x", (None, 2, 3))
        return [cls(x * x, (x,), _of_square)]


def _of_square(delta: Node, x: Node) -> Node:
    return 2 * x * delta


def stop_gradient(x: Operand, *, name: str = "") -> Node:
    """`x`, as a constant: no error passes back.

    Parameters
    ----------
    x : Node

    Returns
    -------
    Node
        Of the shape and dtype of `x`. What J depends on through it alone has no gradient: `grad` says so, unless told
        ``unconnected="zeros"``.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (3,))
    >>> sc.compile(sc.grad(sc.sum(x * sc.stop_gradient(x)), [x])[0])(x=[1, 2, 3])
    array([1., 2., 3.], dtype=float32)
    """
    return StopGradient(as_node(x), name=name)


def custom_rule(
    function: Callable[..., Node], rule: Callable[..., Node | tuple[Node | None, ...]]
) -> Callable[..., Node]:
    """A function with a backward rule of your own, which need not be its derivative.

    Parameters
    ----------
    function : callable
        (*nodes) -> Node.
    rule : callable
        (delta, *nodes) -> the errors of the nodes, given the error `delta` of what the function returned: a tuple
        with a node or None for each, or the node where there is one. It builds nodes, as all rules do, and second
        derivatives are those of what it builds. Functions with a name can be pickled, lambdas cannot.

    Returns
    -------
    callable
        (*nodes, name="") -> Node.

    Raises
    ------
    DTypeError
        For what is no function, or returns no node.

    See Also
    --------
    symcnn.testing.check_node : with ``exact=False``, for node types of your own whose rule is not the derivative.

    Notes
    -----
    What the function reads beside its arguments gets no errors. Guided backpropagation: Springenberg et al., "Striving
    for Simplicity" (2015). Straight-through: Bengio, Leonard & Courville, "Estimating or Propagating Gradients Through
    Stochastic Neurons" (2013).

    Examples
    --------
    Guided backpropagation passes an error where the unit and the error are above 0; and a step lets all errors
    straight through:

    >>> import symcnn as sc
    >>> guided = sc.custom_rule(sc.relu, lambda delta, z: sc.where(z > 0, sc.relu(delta), 0))
    >>> step = sc.custom_rule(lambda z: sc.where(z > 0, 1.0, 0 * z), lambda delta, z: delta)
    >>> z, e = sc.Input("z", (4,)), sc.Input("e", (4,))
    >>> for f in (guided, step):
    ...     sc.compile(sc.grad(f(z), [z], seed=e)[0])(z=[-1, -1, 2, 2], e=[-1, 1, -1, 1])
    array([0., 0., 0., 1.], dtype=float32)
    array([-1.,  1., -1.,  1.], dtype=float32)
    """
    for what, given in (("function", function), ("rule", rule)):
        if not callable(given):
            problem = f"custom_rule: its {what} is {quoted(given)}; expected a function"
            raise DTypeError(message(problem, site=call_site()))

    def build(*nodes: Operand, name: str = "") -> Node:
        reads = tuple(as_node(n, what="an argument of a function with a rule of its own") for n in nodes)
        value = function(*reads)
        if not isinstance(value, Node):
            problem = f"custom_rule: the function returned {quoted(value)}; expected a node"
            raise DTypeError(message(problem, site=call_site()))
        return CustomRule(value, reads, rule, name=name)

    return build
