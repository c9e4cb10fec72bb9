"""What a native program says of itself: which loops compute what, and why something is left to NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ....graph.leaves import Param
from ....graph.node import Node
from ....show.tables import Table
from ...patterns import per_image
from ..analysis.partition import NOT_FIRST, OF_MANY
from .nests import described, kind, summed_up, within

if TYPE_CHECKING:
    from .compiled import Compiled

_INDENT = " " * 6


def report(compiled: Compiled, loops: bool) -> list[str]:
    """The lines of a report, stage by stage in the order of a run; with `loops`, all functions follow."""
    lines = list(_code(compiled))
    for number, stage in enumerate(compiled.partition.stages):
        if stage.kind == "numpy":
            lines += _numpy(number, stage.nodes, compiled)
        elif stage.kind == "image":
            lines += _image(number, compiled)
        else:
            lines += _shared(number, stage.nodes, compiled)
    return [*lines, "", str(compiled.lowered)] if loops else lines


def _code(compiled: Compiled) -> Iterator[str]:
    """Blocks, memory and machine code, and how long it took to make that."""
    library, written = compiled.library, compiled.lowered.seconds
    if library is None:
        yield "no machine code: NumPy computes everything"
        return
    count, block = len(compiled.lowered.functions), compiled.block
    lanes = "one image at a time, a number of it" if block == 1 else f"blocks of {block} images, one"
    yield f"{lanes} in each lane of a vector; {compiled.nbytes:,} bytes for each thread"
    made = "taken from the cache" if library.cached else "compiled"
    yield (
        f"{count} functions for {compiled.cpu.name}: {library.nbytes:,} bytes of machine code,"
        f" written in {written:.3f} s, {made} in {library.seconds:.3f} s"
    )


def _numpy(number: int, nodes: list[Node], compiled: Compiled) -> Iterator[str]:
    """Of what has one of the reasons of many nodes, the kinds; of all else, each node and the reason."""
    why = compiled.partition.why
    yield f"stage {number}, by NumPy:"
    for reason in OF_MANY:
        if alike := [n for n in nodes if why[n] == reason]:
            yield f"{_INDENT}{summed_up(alike)}: {reason}"
    yield from (f"{_INDENT}{_named(n)}: {why[n]}" for n in nodes if why[n] not in OF_MANY)


def advice(compiled: Compiled, batch: int) -> str:
    """What to declare, where most of the products of a network are left to NumPy for want of a batch; else nothing."""
    kinds, why = compiled.partition.kinds, compiled.partition.why
    work = {n: n.multiply_adds * (batch if None in n.shape else 1) for n in kinds if n.multiply_adds}
    left = {n: amount for n, amount in work.items() if why.get(n) in (*OF_MANY, NOT_FIRST)}
    if 2 * sum(left.values()) <= sum(work.values()):
        return ""
    most = max(left, key=left.__getitem__)
    return f"most of the work is left to NumPy, as that of {_named(most)}: {why[most]}"


def _image(number: int, compiled: Compiled) -> Iterator[str]:
    """A line for each loop nest: what its loops are, what it computes with what within, and by whose rule."""
    group = compiled.groups[number]
    order = {node: place for place, node in enumerate(compiled.plan.order)}
    new = _new(compiled)
    yield f"stage {number}, native, block by block of images:"
    rows = [["into lanes", _named(node), ""] for node in group.fed]
    rows += [[kind(n), described(n, within(n, group, order)), _whose(n, new)] for n in group.loops]
    rows += [["out of lanes", _named(node), ""] for node in group.results if per_image(node)]
    rows += [["kept in lanes", _named(node), ""] for node in group.kept if node in group.members]
    yield from _aligned(rows)


def _shared(number: int, nodes: list[Node], compiled: Compiled) -> Iterator[str]:
    """A line for each result: what is computed on the way has no array."""
    results, members = set(compiled.results[number]), set(nodes)
    new = _new(compiled)
    yield f"stage {number}, native, what follows from the sums, element by element:"
    rows = []
    for node in compiled.results[number]:
        inside, todo = set[Node](), [node]
        while todo:
            found = [i for i in todo.pop().inputs if i in members and i not in results and i not in inside]
            inside.update(found)
            todo += found
        rows.append([described(node, [n for n in nodes if n in inside]), _whose(node, new)])
    yield from _aligned(rows)


def _named(node: Node) -> str:
    return described(node, [])


def _new(compiled: Compiled) -> dict[Node, Param]:
    """The parameters that get new values, by what computes these."""
    plan = compiled.plan
    return dict(zip(plan.outputs[len(plan.outputs) - len(plan.updated) :], plan.updated, strict=True))


def _whose(node: Node, new: dict[Node, Param]) -> str:
    """The parameter whose new value the node is, or else the rule that made it."""
    if node in new:
        return f"the new {new[node].label}"
    return f"by the {node.site.rule}" if node.site.rule else ""


def _aligned(rows: list[list[str]]) -> list[str]:
    """Rows as lines, with their columns under each other."""
    if not rows:
        return []
    _, *lines = str(Table([""] * len(rows[0]), rows, left=set(range(len(rows[0]))))).split("\n")
    return [_INDENT + line for line in lines]
