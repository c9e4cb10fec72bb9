"""Jacobians and Hessians, and products with them, as nodes: they can be compiled, printed and differentiated again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from ..backprop import errors_between, grad
from ..graph.algebra import broadcast_to, cast, fed, zeros
from ..graph.arguments import chosen, flag, listed
from ..graph.collector import collector_paused
from ..graph.context import group_of, remember, remembered
from ..graph.convert import as_node
from ..graph.errors import DTypeError, GradientError, ShapeError, call_site, message
from ..graph.graph import Graph
from ..graph.leaves import Const
from ..graph.node import Node
from ..graph.operators import Operand
from ..graph.spec import Shape, is_real
from ..nodes.shape import concat, reshape, transpose
from ..simplify.zero_errors import added
from ..text import quoted


@overload
def vjp(y: Node, x: Node, v: Operand, unconnected: str = "error") -> Node: ...
@overload
def vjp(y: Node, x: Sequence[Node], v: Operand, unconnected: str = "error") -> list[Node]: ...
def vjp(y: Node, x: Node | Sequence[Node], v: Operand, unconnected: str = "error") -> Node | list[Node]:
    """The product of a vector with the Jacobian, v dy/dx: what one sweep computes (reverse mode).

    Parameters
    ----------
    y : Node
    x : Node, or list of Node
    v : Node or array
        Of the shape of `y`: the error of y. It is the same as ``sc.grad(y, x, seed=v)``.
    unconnected : "error" or "zeros"
        What to do where y does not depend on x.

    Returns
    -------
    Node, or list of Node
        Of the shape of `x`.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (2,))
    >>> sc.compile(sc.vjp(x * x, x, [1, 10]))(x=[3, 4])
    array([ 6., 80.], dtype=float32)
    """
    return grad(y, x, seed=v, unconnected=unconnected)


@collector_paused
def jvp(y: Node, x: Node | Sequence[Node], v: Any, unconnected: str = "error") -> Node:
    """The product of the Jacobian with a vector, dy/dx v: how y changes where x moves along v (forward mode).

    Parameters
    ----------
    y : Node
    x : Node, or list of Node
    v : Node or array, or list of these
        One for each x, of its shape.
    unconnected : "error" or "zeros"
        What to do where y depends on no x.

    Returns
    -------
    Node
        Of the shape of `y`.

    Raises
    ------
    GradientError
        Where y does not depend on x, or depends on it by a rule that is linear in no error (guided backpropagation):
        it has no Jacobian.

    Notes
    -----
    v dy/dx is linear in v, so its derivative by v, along a direction, is the product from the other side. Both sweeps
    are symbolic, and what the result does not need is never computed: it costs about as much as y.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (2,))
    >>> sc.compile(sc.jvp(sc.sum(x * x), x, [1, 10]))(x=[3, 4])
    array(86., dtype=float32)
    """
    chosen(unconnected, ("error", "zeros"), "unconnected")
    _check_real(y, "jvp: y")
    xs = [x] if isinstance(x, Node) else listed(x)
    vs = [v] if isinstance(x, Node) else listed(v)
    if xs is None or vs is None or len(xs) != len(vs):
        raise DTypeError(message(f"jvp: {quoted(v)} is not a vector for each x", site=call_site()))
    directions = {}
    for one, along in zip(xs, vs, strict=True):
        _check_real(one, "jvp: x")
        directions[one] = _direction(one, along)
    error = fed("the error of y", y.shape, y.dtype.name)
    errors = errors_between(list(directions), {y: error})
    moved: dict[Node, Node] = {}
    for one, along in directions.items():
        if one in errors:
            moved[errors[one]] = added(moved[errors[one]], along) if errors[one] in moved else along
    if not moved and unconnected == "error":
        raise GradientError(message("jvp: it depends on no x", 'unconnected="zeros" gives zeros instead', node=y))
    found = errors_between([error], moved).get(error) if moved else None
    found = zeros(y) if found is None else found
    _check_linear(found, error, y)
    graph = Graph(y, *xs, *directions.values())
    remember(found, (group_of([*remembered(graph.outputs, graph.inputs), *graph.inputs]),))
    return found


def _direction(x: Node, v: Operand) -> Node:
    along = cast(as_node(v, x.dtype, what="jvp: v"), x.dtype.name)
    if along.shape != x.shape:
        raise ShapeError(message(f"jvp: v has the shape {along.shape}; expected {x.shape}", node=x))
    return along


def _check_linear(found: Node, error: Node, y: Node) -> None:
    if error in Graph(found).nodes:
        problem = "jvp: a backward rule is not linear in its error, so there is no Jacobian"
        raise GradientError(message(problem, "such a rule is not the derivative: see sc.custom_rule", node=y))


def _check_real(node: object, what: str) -> None:
    if not isinstance(node, Node):
        raise DTypeError(message(f"{what} is {quoted(node)}; expected a node", site=call_site()))
    if not is_real(node.dtype):
        raise GradientError(message(f"{what} has dtype {node.dtype}: it has no derivative", node=node))


@collector_paused
def jacobian(y: Node, x: Node, *, each: bool = False, unconnected: str = "error") -> Node:
    """All derivatives dy/dx: a node of the shape of `y`, followed by that of `x`.

    Parameters
    ----------
    y, x : Node
        Of which one at most has the batch among its axes.
    each : bool
        Where both have the batch as their first axis and rows are not mixed: the Jacobian of each example,
        (None, *y.shape[1:], *x.shape[1:]).
    unconnected : "error" or "zeros"
        What to do where y does not depend on x.

    Raises
    ------
    ShapeError
        Where both have a batch axis and `each` is not asked for.
    GradientError
        Where y does not depend on x; and with `each`, where rows of the batch are mixed.

    Notes
    -----
    It is put together by rows, a sweep for each element of y, or by columns, a product of `jvp` for each element of x:
    whichever are fewer. The graph grows with their number, so this is for small sizes; products with a Jacobian,
    `vjp` and `jvp`, are for all others.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (2,))
    >>> y = sc.concat([x * x, sc.reshape(x[0] * x[1], (1,))], axis=0)
    >>> sc.compile(sc.jacobian(y, x))(x=[3, 4])
    array([[6., 0.],
           [0., 8.],
           [4., 3.]], dtype=float32)
    """
    _check_real(y, "jacobian: y")
    _check_real(x, "jacobian: x")
    if flag(each, "jacobian: each"):
        return _jacobian_of_each(y, x, unconnected)
    if None in y.shape and None in x.shape:
        problem = f"jacobian: both y, {y.shape}, and x, {x.shape}, have the batch on an axis"
        hint = "each=True gives the Jacobian of each example; or differentiate a sum over the batch"
        raise ShapeError(message(problem, hint, node=y))
    rows, columns = (None if None in s else math.prod(d or 0 for d in s) for s in (y.shape, x.shape))
    if columns is None or (rows is not None and rows <= columns):
        return _stacked(y.shape, x.shape, lambda e: grad(y, x, seed=e, unconnected=unconnected), y)
    by_column = _stacked(x.shape, y.shape, lambda e: jvp(y, x, e, unconnected), x)
    order = (*range(x.ndim, x.ndim + y.ndim), *range(x.ndim))
    return transpose(by_column, order) if x.ndim and y.ndim else by_column


def _stacked(units: Shape, rest: Shape, of: Callable[[Node], Node], like: Node) -> Node:
    """What `of` makes of each array that is 1 at one of the `units`, and 0 elsewhere, of shape (*units, *rest)."""
    sizes = [d or 0 for d in units]
    if not math.prod(sizes):
        raise ShapeError(message(f"it has no elements, and so no Jacobian: its shape is {units}", node=like))
    parts = []
    for n in range(math.prod(sizes)):
        one = np.zeros(sizes, like.dtype)
        one.ravel()[n] = 1
        parts.append(reshape(of(Const(one)), (1, *rest)))
    return reshape(concat(parts, axis=0) if len(parts) > 1 else parts[0], (*units, *rest))


def _jacobian_of_each(y: Node, x: Node, unconnected: str) -> Node:
    """The Jacobian of each example, by rows: one sweep for each element of an example's y."""
    if None not in y.shape[:1] or None in y.shape[1:]:
        raise ShapeError(message(f"jacobian: the batch is not the first axis of y, {y.shape}", node=y))
    rest = y.shape[1:]

    def of(one: Node) -> Node:
        found = grad(y, x, seed=broadcast_to(one, y.shape), unconnected=unconnected, each=True)
        return reshape(found, (found.shape[0], 1, *found.shape[1:]))

    parts = []
    for n in range(math.prod(d or 0 for d in rest)):
        one = np.zeros([d or 0 for d in rest], y.dtype)
        one.ravel()[n] = 1
        parts.append(of(Const(one)))
    if not parts:
        raise ShapeError(message(f"it has no elements, and so no Jacobian: its shape is {y.shape}", node=y))
    joined = concat(parts, axis=1) if len(parts) > 1 else parts[0]
    return reshape(joined, (None, *rest, *joined.shape[2:]))


@overload
def hessian(J: Node, w: Node) -> Node: ...
@overload
def hessian(J: Node, w: Sequence[Node]) -> list[list[Node]]: ...
def hessian(J: Node, w: Node | Sequence[Node]) -> Node | list[list[Node]]:
    """All second derivatives of J by w: a node of the shape of `w` twice.

    Parameters
    ----------
    J : Node
        A scalar.
    w : Node, or list of Node
        Without a batch axis.

    Returns
    -------
    Node, or list of list of Node
        (*w.shape, *w.shape); of a list, the blocks: ``H[i][j]`` is (*w[i].shape, *w[j].shape).

    Raises
    ------
    GradientError
        If J is not a scalar, or does not depend on w.

    See Also
    --------
    jacobian : of which this is one, of the gradient; it says what it costs.

    Examples
    --------
    >>> import symcnn as sc
    >>> w = sc.Input("w", (2,))
    >>> sc.compile(sc.hessian(w[0] ** 2 * w[1], w))(w=[3, 4])
    array([[8., 6.],
           [6., 0.]], dtype=float32)
    """
    if isinstance(w, Node):
        return hessian(J, [w])[0][0]
    nodes = listed(w)
    if nodes is None:
        raise DTypeError(message(f"hessian: w is {quoted(w)}; expected a node or a list of nodes", site=call_site()))
    gradients = grad(J, nodes)
    return [[jacobian(g, other, unconnected="zeros") for other in nodes] for g in gradients]
