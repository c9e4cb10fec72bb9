"""What is computed by which loop nest, in words and in numbers: for profiles and reports."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ....graph.node import Node
from ...patterns import BatchSum, FilterGradient, OuterProduct, accumulated, reads
from ...profile import Nest
from ..analysis.fusion import Group, is_wide
from ..analysis.registration import of
from ..analysis.work import Unknown, work
from ..ir.loops import Function
from ..kernels.argument_table import IMAGES, MUST_BE_0, SHARES

if TYPE_CHECKING:
    from .compiled import Compiled


def within(node: Node, group: Group, order: dict[Node, int]) -> list[Node]:
    """What the loops of `node` compute on the way, or need not compute, because they read it elsewhere.

    Parameters
    ----------
    node : Node
    group : Group
        The image stage that it belongs to.
    order : {Node: int}
        The place of each node in the plan.
    """
    outside = {*group.fed, *group.given}
    found: set[Node] = set()
    todo = [*node.inputs, *reads(node)]
    while todo:
        current = todo.pop()
        kept = group.base(current) in group.slots or current in group.loops
        if current in found or current in outside or kept or not current.inputs:
            continue
        found.add(current)
        todo += [*current.inputs, *(reads(current) if current in group.members else ())]
    return sorted(found, key=order.__getitem__)


def kind(node: Node) -> str:
    """What the loops of `node` are, in a word or two."""
    match accumulated(node):
        case FilterGradient():
            return "gradient of filters"
        case OuterProduct():
            return "sum of outer products"
        case BatchSum():
            return "sum over the batch"
    if is_wide(node):
        return "window by window"
    return of(node).called if of(node).kind == "loops" else "element by element"


def summed_up(nodes: list[Node]) -> str:
    """The types of nodes, each with how many there are.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (3,))
    >>> summed_up([sc.Tanh(x), sc.Exp(x), sc.Tanh(sc.Exp(x))])
    '2 Tanh, Exp'
    """
    counted = Counter(type(n).__name__ for n in nodes)
    return ", ".join(f"{count} {name}" if count > 1 else name for name, count in counted.items())


def described(node: Node, fused: list[Node]) -> str:
    """A node with its shape, and what is fused into its loops."""
    return f"{node.label} {node.shape}" + (f" (with {summed_up(fused)})" if fused else "")


def nests(compiled: Compiled, jobs: list[str], images: int) -> list[Nest]:
    """The loop nests of some jobs, in the order in which they are timed.

    Parameters
    ----------
    compiled : Compiled
    jobs : list of str
        Functions that threads run.
    images : int
        The size of the batch, for which the work is counted.
    """
    lowered = compiled.lowered
    functions = {f.name: f for f in lowered.functions}
    order = {node: place for place, node in enumerate(compiled.plan.order)}
    found: list[Nest] = []
    for job in jobs:
        stage = next(n for n, names in enumerate(lowered.jobs) if job in names)
        if job not in lowered.kernels:
            found.append(_job(functions[job], compiled, stage, images))
            continue
        for name, node in lowered.kernels[job]:
            group = compiled.groups[stage]
            moved = next((how for word, how in _MOVED.items() if name.endswith(word)), None)
            text = described(node, [] if moved else within(node, group, order))
            found.append(_nest(functions[name], text, moved or kind(node), images, compiled.block))
    return found


_MOVED = {"_pack": "into lanes", "_unpack": "out of lanes"}


def _job(function: Function, compiled: Compiled, stage: int, images: int) -> Nest:
    """What a thread does with sums, when it is alone."""
    shared = compiled.partition.stages[stage].kind == "shared"
    text = function.title + (f" ({summed_up(compiled.partition.stages[stage].nodes)})" if shared else "")
    return _nest(function, text, "native", images, None)


def _nest(function: Function, text: str, kind: str, images: int, lanes: int | None) -> Nest:
    """A nest and its work for all images: of its lanes, those that hold one."""
    known = {"me": 0, "chunk": 0, "chunks": 1, "row": 0, "valid": lanes or 0}
    try:
        done = work(function, known, {IMAGES: images, SHARES: 1, MUST_BE_0: 0, -1: 0, -2: 0})
    except Unknown:
        return Nest(function.name, text, kind)
    calls, share = (images, lanes) if lanes else (1, 1)
    return Nest(function.name, text, kind, done.operations * calls // share, done.nbytes * calls // share)
