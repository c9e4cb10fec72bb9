"""Sums of products by the names of their axes, as Einstein wrote them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..graph.apart import load
from ..graph.errors import ArgumentError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.node import Node, as_node
from ..graph.operators import Operand
from ..graph.spec import Dim
from ..nodes.border import subsample
from ..nodes.dense import MatMul
from ..nodes.reduce import sum
from ..nodes.shape import reshape, transpose
from ..text import quoted

_BATCH = 32
"""What the batch counts as where the order of products is chosen."""


@dataclass(frozen=True)
class _Term:
    """A node, and the name of each of its axes."""

    node: Node
    axes: str

    def size(self, axis: str) -> Dim:
        return self.node.shape[self.axes.index(axis)]

    def ordered(self, axes: str) -> _Term:
        """With the axes in this order; those that are missing have length 1."""
        order = tuple(self.axes.index(a) for a in axes if a in self.axes)
        moved = self.node if order == tuple(range(len(order))) else transpose(self.node, order)
        shape = tuple(self.size(a) if a in self.axes else 1 for a in axes)
        return _Term(reshape(moved, shape), axes)

    def summed(self, kept: set[str]) -> _Term:
        """Without the axes that are not to be kept."""
        gone = tuple(n for n, a in enumerate(self.axes) if a not in kept)
        axes = "".join(a for a in self.axes if a in kept)
        return _Term(sum(self.node, gone), axes) if gone else self


@layer(formula="einsum({equation}, {operands})")
def einsum(equation: str, *operands: Operand) -> Node:
    """The sum of products that `equation` says: ``"nij,njk->nik"`` names the axes of each operand and of the result.

    Parameters
    ----------
    equation : str
        A letter for each axis; what is not named behind ``->`` is summed over. Without ``->``, all letters that stand
        once are kept, in the order of the alphabet; ``...`` are axes that broadcast. A letter twice in one operand is
        its diagonal.
    *operands : Node or array

    Notes
    -----
    Two operands at a time become a product of matrices, or a sum of products where the batch would have to be mixed
    with other axes. opt_einsum chooses the order where it is installed; else it is from left to right.

    Examples
    --------
    >>> import symcnn as sc
    >>> q, k = sc.Input("q", (None, 7, 4, 8)), sc.Input("k", (None, 9, 4, 8))
    >>> sc.einsum("nqhd,nkhd->nhqk", q, k).shape
    (None, 4, 7, 9)
    >>> m = sc.Input("m", (3, 3))
    >>> sc.compile(sc.einsum("ii", m))(m=[[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    array(15., dtype=float32)
    """
    nodes = [as_node(x, what="einsum: an operand") for x in operands]
    names, result = _parsed(equation, nodes)
    terms = [_diagonal(_Term(n, axes)) for n, axes in zip(nodes, names, strict=True)]
    _check_sizes(equation, terms, nodes)
    for path in _order(terms, result):
        chosen = [terms.pop(n) for n in sorted(path, reverse=True)][::-1]
        while len(chosen) > 1:
            rest = [*chosen[2:], *terms]
            kept = set(result).union(*(t.axes for t in rest))
            chosen = [_product(chosen[0], chosen[1], kept), *chosen[2:]]
        terms.append(chosen[0])
    return terms[0].summed(set(result)).ordered(result).node


def _parsed(equation: str, nodes: Sequence[Node]) -> tuple[list[str], str]:
    """The names of the axes of each operand, and of the result; those of ``...`` are capital letters or others."""
    if not isinstance(equation, str):
        raise ArgumentError(message(f"einsum: the equation is {quoted(equation)}; expected text", site=call_site()))
    given, arrow, result = equation.replace(" ", "").partition("->")
    parts = given.split(",")
    bare = [p.replace("...", "") for p in (*parts, result)]
    if not nodes or len(parts) != len(nodes) or any(not (a.isascii() and a.isalpha()) and a for a in bare):
        problem = f"einsum: {quoted(equation)} does not name the axes of {len(nodes)} operands by letters"
        raise ArgumentError(message(problem, "such as 'nij,njk->nik' for two", site=call_site()))
    free = [c for c in map(chr, range(0x3B1, 0x3C9)) if c not in equation]  # Greek letters, for the axes of '...'
    names, most = [], 0
    for part, short, node in zip(parts, bare, nodes, strict=False):
        more = node.ndim - len(short)
        if more < 0 or (more and "..." not in part) or part.count("...") > 1:
            problem = f"einsum: {part!r} in {quoted(equation)} does not fit the {node.ndim} axes of {node.shape}"
            raise ShapeError(message(problem, node=node))
        most = max(most, more if "..." in part else 0)
        names.append(part.replace("...", "".join(free[:more][::-1])))
    others = "".join(free[:most][::-1])
    if not arrow:
        once = sorted(a for a in set("".join(bare[:-1])) if "".join(bare[:-1]).count(a) == 1)
        result = "..." + "".join(once) if most else "".join(once)
    result = result.replace("...", others)
    wrong = next((a for a in result if result.count(a) > 1 or not any(a in n for n in names)), None)
    if wrong is not None or ("..." not in equation.partition("->")[2] and arrow and most):
        told = f"axis {wrong!r} of the result is there twice, or in no operand" if wrong else "the result lacks '...'"
        raise ArgumentError(message(f"einsum: {quoted(equation)}: {told}", site=call_site()))
    return names, result


def _diagonal(term: _Term) -> _Term:
    """The places at which axes of the same name have the same index."""
    twice = next((a for a in term.axes if term.axes.count(a) > 1), None)
    if twice is None:
        return term
    first = term.axes.index(twice)
    second = term.axes.index(twice, first + 1)
    size, other = term.node.shape[first], term.node.shape[second]
    if size is None or size != other:
        problem = f"einsum: there is no diagonal along axes {first} and {second} of {term.node.shape}"
        raise ShapeError(message(problem, node=term.node))
    rest = [n for n in range(term.node.ndim) if n not in (first, second)]
    flat = reshape(transpose(term.node, (*rest, first, second)), (*(term.node.shape[n] for n in rest), size * size))
    picked = subsample(flat, (*(1,) * len(rest), size + 1))
    return _diagonal(_Term(picked, "".join(term.axes[n] for n in rest) + twice))


def _check_sizes(equation: str, terms: Sequence[_Term], nodes: Sequence[Node]) -> None:
    """Axes of one name have one length; those of '...' may be 1."""
    for axis in {a for t in terms for a in t.axes}:
        sizes = {t.size(axis) for t in terms if axis in t.axes}
        sizes -= {1} if not axis.isascii() and len(sizes) > 1 else set()
        if len(sizes) > 1:
            shapes = ", ".join(str(n.shape) for n in nodes)
            problem = f"einsum: axis {axis!r} of {quoted(equation)} has different lengths in {shapes}"
            raise ShapeError(message(problem, node=nodes[0]))


def _order(terms: Sequence[_Term], result: str) -> list[tuple[int, ...]]:
    """Which operands meet when, by their places in the list; the product is put at its end."""
    if len(terms) < 3:
        return [tuple(range(len(terms)))]
    try:
        planner = load("opt_einsum")
    except ImportError:
        return [(0, 1), *((0, len(terms) - n) for n in range(2, len(terms)))]
    shapes = [tuple(_BATCH if d is None else d for d in t.node.shape) for t in terms]
    named = ",".join(t.axes for t in terms) + "->" + result
    path, _ = planner.contract_path(named, *shapes, shapes=True, optimize="auto")
    return [tuple(step) for step in path]


def _product(a: _Term, b: _Term, kept: set[str]) -> _Term:
    """The sum of products of two operands over all axes that are not to be kept."""
    a, b = a.summed(kept | set(b.axes)), b.summed(kept | set(a.axes))
    shared = [x for x in a.axes if x in b.axes]
    both = "".join(x for x in shared if x in kept)
    gone = "".join(x for x in shared if x not in kept)
    of_a, of_b = ("".join(x for x in t.axes if x not in shared) for t in (a, b))
    stretched = any(a.size(x) != b.size(x) for x in gone)
    if not gone or stretched or (len(gone) > 1 and any(a.size(x) is None for x in gone)):
        axes = both + of_a + of_b + gone
        return _Term(a.ordered(axes).node * b.ordered(axes).node, axes).summed(kept)
    # the batch stands among the axes in front, as do those of a that cannot be one with others
    lead = "".join(x for x in of_a if a.size(x) is None) + "".join(x for x in of_b if b.size(x) is None)
    rows, columns = ("".join(x for x in axes if x not in lead) for axes in (of_a, of_b))
    left, right = a.ordered(both + lead + rows + gone), b.ordered(both + lead + gone + columns)
    front = len(both + lead)
    m, n, k = (_joined(t, axes) for t, axes in ((a, rows), (b, columns), (a, gone)))
    matrices = MatMul(
        reshape(left.node, (*left.node.shape[:front], m, k)), reshape(right.node, (*right.node.shape[:front], k, n))
    )
    shape = (*matrices.shape[:front], *(a.size(x) for x in rows), *(b.size(x) for x in columns))
    return _Term(reshape(matrices, shape), both + lead + rows + columns)


def _joined(term: _Term, axes: str) -> Dim:
    """The length of several axes as one."""
    sizes = [term.size(x) for x in axes]
    return None if None in sizes else math.prod(d or 0 for d in sizes)
