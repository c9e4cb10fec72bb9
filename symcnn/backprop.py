"""Back propagation: one sweep over the graph in reverse topological order, in symbols.

With delta(v) = dJ/dv for every node v, the sweep is the tutorial's: delta(J) = 1; then, from the outputs
to the inputs, each node hands its delta to its local backward rule, and what the rule sends to an input is
added up there. The result is a graph of nodes like any other: it can be drawn, printed, simplified,
compiled and differentiated again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from .graph.algebra import cast, ones, zeros
from .graph.arguments import chosen, flag, listed
from .graph.collector import collector_paused
from .graph.context import Group, group_of, remember, remembered
from .graph.errors import (
    DTypeError,
    GradientError,
    call_site,
    made_by_rule,
    message,
)
from .graph.graph import Graph, is_large
from .graph.leaves import Input, Param
from .graph.listing import sending
from .graph.locks import cached_property
from .graph.node import Node, as_node
from .graph.operators import Operand
from .graph.spec import is_real
from .graph.views import view
from .rules import errors_sent
from .show.notebook import bundle
from .simplify.stable_errors import Detours
from .simplify.zero_errors import added
from .text import quoted, shown

if TYPE_CHECKING:
    from .draw.diagram.diagram import Diagram
    from .draw.run import Run
    from .equations.equation import Equations


@dataclass(frozen=True)
class Step:
    """One visit of the sweep.

    Attributes
    ----------
    node : Node
        The node that was visited.
    delta : Node
        Its error dJ/d(node), complete: all of its consumers have been visited before.
    sent : tuple of (Node, Node)
        For each input that gets an error: the input, and what this node's rule sent to it.
    made : tuple of Node
        The nodes that this visit added to the backward graph.
    """

    node: Node
    delta: Node
    sent: tuple[tuple[Node, Node], ...]
    made: tuple[Node, ...]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What was sent, as a table."""
        return bundle(self, "text/html", lambda: sending(self.node, self.delta, self.sent).html)

    def __repr__(self) -> str:
        names = [shown(source.name) or type(source).__name__ for source, _ in self.sent]
        names = names if len(names) <= 8 else [*names[:6], f"... {len(names) - 6} more"]
        sends = f"sends errors to {', '.join(names)}" if names else "sends no errors on"
        return f"{self.node.label} {self.node.shape}: {sends}"


class Backprop:
    """The result of the sweep: the error of every node, and how it came about.

    Attributes
    ----------
    J : Node
        What was differentiated.
    steps : list of Step
        The visits, in the order of the sweep.
    """

    def __init__(self, J: Node, steps: list[Step], errors: dict[Node, Node]) -> None:
        self.J = J
        self.steps = steps
        self._errors = errors

    def delta(self, node: Node, unconnected: str = "error") -> Node:
        """The error dJ/d(node), a node of the same shape and dtype.

        Parameters
        ----------
        node : Node
            Any node that J is computed from.
        unconnected : "error" or "zeros"
            What to do where J does not depend on `node`.

        Raises
        ------
        GradientError
            If J does not depend on `node`, or only through integers and comparisons.
        """
        _check_nodes(node)
        chosen(unconnected, ("error", "zeros"), "unconnected")
        if node in self._errors:
            return self.handed_out(self._errors[node])
        if unconnected == "zeros" and is_real(node.dtype):
            return self.handed_out(zeros(node), *Graph(node).inputs)
        what = f"{self.J.label} has no gradient with respect to {node!r}"
        reasons = ["it does not depend on it", 'unconnected="zeros" gives zeros instead']
        if not is_real(node.dtype):
            reasons = [f"{node.dtype} values have no gradients"]
        raise GradientError(message(what, *reasons, f"{node.label} was {node.site}", site=call_site()))

    @property
    def grads(self) -> dict[Param, Node]:
        """The gradient of each parameter that J depends on, in the order of the graph."""
        return {p: self.handed_out(self._errors[p]) for p in self.J.params if p in self._errors}

    @cached_property
    def _group(self) -> Group:
        """What J and its seed are functions of: their inputs, and what they remember where they are gradients."""
        graph = Graph(self.J, self._errors[self.J])
        known = [node for node in graph.outputs if node is self.J or node.inputs]  # a seed of 1 is many gradients
        return group_of([*remembered(known, graph.inputs), *graph.inputs])

    def handed_out(self, error: Node, *more: Input) -> Node:
        """`error`, which remembers now of what it is a function."""
        remember(error, (group_of([*self._group, *more]) if more else self._group,))
        return error

    def equations(self) -> Equations:
        """The equations of the forward pass, of every delta in the order of the sweep, and of every gradient."""
        equations: Equations = view("equations of a sweep")(self)
        return equations

    def equation(self, node: Node) -> Equations:
        """One node within the sweep: what computes it, its error, and what its rule sends on.

        The names are those of ``equations()``. A node that has none there, such as a reshape, gets one of its own.

        Raises
        ------
        GraphError
            If J is not computed from `node`.

        Examples
        --------
        >>> import symcnn as sc
        >>> x = sc.Input("x", (None, 4))
        >>> a = sc.sigmoid(sc.dense(x, 3, seed=0))
        >>> print(sc.backprop(sc.sum(a * a)).equation(a))
        Forward
           a1 = σ(z1)                       (N, 3)
        Errors
        δ(a1) = 2 · a1                      (N, 3)
        Sent
        δ(z1) = δ(a1) · a1 · (1 − a1)       (N, 3)
        """
        equations: Equations = view("equations at a node")(self, node)
        return equations

    def draw(self, **options: Any) -> Diagram:
        """The forward pass and, mirrored below it, the way of the errors; the options are those of `symcnn.draw`."""
        diagram: Diagram = view("diagram")(self, **options)
        return diagram

    def run(self, feeds: Mapping[Any, Any] | None = None, /, **named: Any) -> Run:
        """Compute all values of the forward pass, and all errors that are needed for a gradient.

        Parameters
        ----------
        feeds : mapping, optional
            Arrays by input name (or by `Input`).
        **named
            The same as keywords.

        Returns
        -------
        Run
            A mapping from nodes to arrays, which can be drawn.

        Raises
        ------
        FeedError, DTypeError
            For feeds that do not fit, as from a program.

        Examples
        --------
        >>> import symcnn as sc
        >>> x, w = sc.Input("x", (3,)), sc.Param("w", [1, 2, 3])
        >>> a = sc.tanh(w * x, name="a")
        >>> run = sc.backprop(sc.sum(a)).run(x=[0, 0, 0])
        >>> run[a], run.delta(a), run.grads[w]
        (array([0., 0., 0.], dtype=float32), array([1., 1., 1.], dtype=float32), array([0., 0., 0.], dtype=float32))
        """
        run: Run = view("run")(self, feeds, named)
        return run

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The diagram."""
        return bundle(self, "image/svg+xml", lambda: None if is_large(self.J) else self.draw().embedded_svg)

    def __repr__(self) -> str:
        return f"Backprop({self.J.label}: {len(self.steps)} steps, {len(self.grads)} gradients)"


@collector_paused
def backprop(J: Node, seed: Operand | None = None) -> Backprop:
    """Sweep the graph of `J` in reverse topological order and collect the error of every node.

    Parameters
    ----------
    J : Node
        A scalar, or anything real with a `seed`.
    seed : Node or array, optional
        delta(J), of J's shape; default: 1.

    Raises
    ------
    GradientError
        Without a seed, if J is not a scalar.
    NodeTypeError
        If a backward rule fails, or breaks its contract.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, w = sc.Input("x", (3,)), sc.Param("w", [1, 2, 3])
    >>> back = sc.backprop(sc.sum(w * x))
    >>> sc.compile(back.grads[w])(x=[4, 5, 6])
    array([4., 5., 6.], dtype=float32)
    """
    _check_nodes(J)
    errors: dict[Node, Node] = {J: _first_error(J, seed)}
    forward = Graph(J)
    known = set(forward.nodes)
    steps = []
    for node, sent in sweep(reversed(forward.order), errors):
        made = _new_nodes([errors[source] for source, _ in sent], known)
        steps.append(Step(node, errors[node], sent, made))
    return Backprop(J, steps, errors)


def sweep(
    nodes: Iterable[Node], errors: dict[Node, Node], towards: set[Node] | None = None
) -> Iterator[tuple[Node, tuple[tuple[Node, Node], ...]]]:
    """Visit the nodes that have an error, and add up in `errors` what their rules send to their inputs.

    Parameters
    ----------
    nodes : iterable of Node
        Each after all that read it: a topological order, reversed.
    errors : {Node: Node}
        The errors where the sweep begins; more are added with each visit.
    towards : set of Node, optional
        Send errors to these alone; default: to all inputs.

    Yields
    ------
    node, sent
        Each node that was visited, and what its rule sent to which input; it has been added up.
    """
    nodes = list(nodes)
    detours = Detours(nodes, errors, errors_sent)
    for node in nodes:
        if node in errors and (towards is None or not towards.isdisjoint(node.inputs)):
            sent = detours.sent(node, errors[node])
            if towards is not None:
                sent = tuple(one for one in sent if one[0] in towards)
            made_by_rule(node, "backward rule", _add_up, errors, sent)
            yield node, sent


def _add_up(errors: dict[Node, Node], sent: tuple[tuple[Node, Node], ...]) -> None:
    for source, error in sent:
        errors[source] = added(errors[source], error) if source in errors else error


def errors_swept(nodes: Iterable[Node], errors: dict[Node, Node], towards: set[Node] | None = None) -> dict[Node, Node]:
    """`errors`, after a `sweep` of all nodes; arguments as there.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (3,))
    >>> a = sc.exp(x)
    >>> list(errors_swept([a], {a: sc.ones(a)})) == [a, x]
    True
    """
    for _ in sweep(nodes, errors, towards):
        pass
    return errors


def _check_nodes(*nodes: object) -> None:
    for node in nodes:
        if not isinstance(node, Node):
            raise DTypeError(message(f"gradients are of nodes, by nodes; got {quoted(node)}", site=call_site()))


def _first_error(J: Node, seed: Operand | None) -> Node:
    if not is_real(J.dtype):
        raise GradientError(message(f"values of dtype {J.dtype} have no gradients", node=J))
    if seed is None:
        if J.shape != ():
            raise GradientError(
                message(
                    f"the gradient of a value of shape {J.shape} needs a seed",
                    "differentiate a scalar (sc.sum(J), sc.mean(J)), or pass seed=, the error of J",
                    node=J,
                )
            )
        return ones(J)
    first = as_node(seed, J.dtype, what="the seed")
    if first.shape != J.shape:
        raise GradientError(message(f"the seed has shape {first.shape}; expected {J.shape}", node=J))
    return cast(first, J.dtype.name)


def _new_nodes(ends: Sequence[Node], known: set[Node]) -> tuple[Node, ...]:
    """What is upstream of `ends` and not yet in `known`, to which it is added."""
    found = []
    todo = list(ends)
    while todo:
        node = todo.pop()
        if node not in known:
            known.add(node)
            found.append(node)
            todo.extend(node.inputs)
    return tuple(sorted(found, key=lambda n: n.serial))


@overload
def grad(
    J: Node, wrt: Node, seed: Operand | None = None, unconnected: str = "error", *, each: bool = False
) -> Node: ...
@overload
def grad(
    J: Node, wrt: Sequence[Node], seed: Operand | None = None, unconnected: str = "error", *, each: bool = False
) -> list[Node]: ...
def grad(
    J: Node,
    wrt: Node | Sequence[Node],
    seed: Operand | None = None,
    unconnected: str = "error",
    *,
    each: bool = False,
) -> Node | list[Node]:
    """The gradient of `J` with respect to any nodes: nodes again, which can be differentiated again.

    Parameters
    ----------
    J : Node
        A scalar, or anything real with a `seed`.
    wrt : list of Node, or Node
    seed : Node or array, optional
        The error of J: the result is then the product of the Jacobian with it (from the left).
    unconnected : "error" or "zeros"
        What to do where J does not depend on a node.
    each : bool
        Whether each example has a gradient of its own: what the gradient would be if it were alone in the batch. J may
        then be one loss for each example, too. Where J mixes rows of the batch, as batch normalisation does, it is
        refused.

    Returns
    -------
    list of Node, or Node
        As `wrt` is given. With `each`, (None, *w.shape) for a node w without a batch axis: of a mean over the batch,
        their mean is the gradient.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (), dtype="float64")
    >>> y = sc.sigmoid(x)
    >>> for _ in range(3):
    ...     (y,) = sc.grad(y, [x])
    >>> print(round(float(sc.compile(y)(x=0.3)), 12))
    -0.114100885237

    >>> x, w = sc.Input("x", (None, 2)), sc.Param("w", [1, 2])
    >>> sc.compile(sc.grad(sc.mean((x @ w) ** 2), w, each=True))(x=[[1, 0], [0, 1], [1, 1]])
    array([[2., 0.],
           [0., 4.],
           [6., 6.]], dtype=float32)
    """
    nodes = [wrt] if isinstance(wrt, Node) else listed(wrt)
    if flag(each, "grad: each") and seed is None and isinstance(J, Node) and J.shape == (None,) and is_real(J.dtype):
        seed = ones(J)
    back = _towards([wrt] if nodes is None else nodes, J, seed)  # which refuses what is not a node
    found = [back.delta(node, unconnected) for node in nodes or []]
    if each:
        found = [back.handed_out(node) for node in view("gradients of each example")(found)]
    return found[0] if isinstance(wrt, Node) else found


@collector_paused
def _towards(wrt: Sequence[Any], J: Node, seed: Operand | None) -> Backprop:
    """A sweep that visits only what lies between `wrt` and `J`."""
    _check_nodes(*wrt, J)
    return Backprop(J, [], errors_between(wrt, {J: _first_error(J, seed)}))


def errors_between(wrt: Sequence[Node], errors: dict[Node, Node]) -> dict[Node, Node]:
    """`errors`, after a sweep that starts with them and visits only what lies between them and `wrt`."""
    order = Graph(*errors).order
    between = set(wrt)
    for node in order:
        if not between.isdisjoint(node.inputs):
            between.add(node)
    return errors_swept(reversed(order), errors, between)
