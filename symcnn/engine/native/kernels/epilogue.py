"""What is computed when all images are done: the sums of all shares, what follows from them, and the update.

Each is a job that is divided among the threads by its elements. On the way, what a run must not return where it is not
finite is looked at: 0 times each number is added up, which is NaN for an infinity and for a NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ....graph.leaves import Const, Param
from ....graph.node import Node
from ...patterns import BatchSum, accumulated
from ..analysis.partition import elements
from ..analysis.registration import is_alias
from ..analysis.tracing import traced
from ..cpu import Cpu
from ..ir.conversion import element_of_array
from ..ir.loops import INDEX, POINTER, Builder, Type, Value
from .argument_table import ALARMS, FLAGS, IMAGES, JOB, MUST_BE_0, SHARES, SUMS, SUMS_STRIDE, Lowered

_PART = 16
"""How many loops of a job are written into one function."""


class _Job:
    """A job that goes through elements.

    Parameters
    ----------
    whole : Lowered
    name, title : str
    cpu : Cpu
    """

    def __init__(self, whole: Lowered, name: str, title: str, cpu: Cpu) -> None:
        self.whole, self.name, self.lanes = whole, name, cpu.lanes
        self.b = b = Builder(name, JOB, True, title, cpu.real)
        self.arguments, _, self.chunk, self.chunks = b.parameters
        self._one, self._many = b.register(b.number(0)), b.register(b.number(0, cpu.lanes))
        self._checks = False
        self._entries: dict[int, Value] = {}

    def entry(self, number: int, element: str = INDEX) -> Value:
        """An entry of the table of arguments, which is read before the loops."""
        if number not in self._entries:
            self._entries[number] = self.b.first_of_all("load", (self.arguments, number), Type(element))
        return self._entries[number]

    def array(self, node: Node) -> Value:
        """The address of an array from outside."""
        return self.entry(self.whole.number(node), POINTER)

    def share(self, size: int, body: Callable[[Value, int], None], open: Value | None = None) -> None:
        """This chunk's part of `size` elements: whole vectors, and the rest, one by one, in the last chunk.

        With `open`, a 0 or 1 that is known when the program runs: nothing where it is 0.
        """
        b, chunk, chunks = self.b, self.chunk, self.chunks
        self.whole.shared += size
        vectors, rest = divmod(size, self.lanes)
        if vectors:
            low, high = (b.binary("udiv", as_value(b, n * vectors), chunks) for n in (chunk, chunk + 1))
            end = high * self.lanes if open is None else high * self.lanes * open
            with b.loop(low * self.lanes, end, self.lanes) as i:
                body(i, self.lanes)
        if rest:
            others = chunks - chunk - 1
            with b.loop(others * size + vectors * self.lanes, size if open is None else open * size) as i:
                body(i, 1)

    def check(self, value: Value) -> None:
        """See that the value is finite."""
        self._checks = True
        total = self._one if value.type.lanes == 1 else self._many
        self.b.set(total, self.b.fma(value, self.b.number(0, value.type.lanes), self.b.get(total)))

    def total(self, node: Node, i: Value, lanes: int) -> Value:
        """Element i of a sum over the batch, over all shares; of a mean, divided by the number of what is summed."""
        b, place = self.b, self.whole.places[node]
        stride, sums = self.entry(SUMS_STRIDE), self.entry(SUMS, POINTER)
        total = b.register(b.number(0, lanes))
        with b.loop(0, self.entry(SHARES)) as t:
            part = b.load(sums, t * stride + i + place, b.reals(lanes))
            b.set(total, b.binary("fadd", b.get(total), part))
        found = accumulated(node)
        if not isinstance(found, BatchSum) or not found.mean:
            return b.get(total)
        count = 1
        for a in found.axes:
            count *= found.x.shape[a] or 1
        by = b.convert("sitofp", as_value(b, self.entry(IMAGES) * count), b.real)
        return b.binary("fdiv", b.get(total), b.splat(by, lanes))

    def end(self) -> str:
        """The job is written; its name."""
        b = self.b
        if self._checks:
            flags = self.entry(FLAGS, POINTER)
            found = b.binary("fadd", b.get(self._one), b.total(b.get(self._many)))
            b.store(flags, self.chunk, b.binary("fadd", b.load(flags, self.chunk, b.reals()), found))
        self.whole.functions.append(b.function)
        return self.name


def as_value(b: Builder, i: Value | int) -> Value:
    """A whole number as a value."""
    return b.integer(i, 1, INDEX) if isinstance(i, int) else i


def finish(whole: Lowered, nodes: Sequence[Node], checked: set[Node], cpu: Cpu, stage: int) -> list[str]:
    """The jobs that write sums over the batch into their arrays; the `checked` ones are seen to be finite."""
    return [_finish_part(whole, part, checked, cpu, f"s{stage}_sums{end}") for end, part in _parts(nodes)]


def _finish_part(whole: Lowered, nodes: Sequence[Node], checked: set[Node], cpu: Cpu, name: str) -> str:
    job = _Job(whole, name, "the sums of all shares, added up", cpu)
    for node in nodes:

        def body(i: Value, lanes: int, node: Node = node) -> None:
            value = job.total(node, i, lanes)
            job.b.store(job.array(node), i, value)
            if node in checked:
                job.check(value)

        job.share(elements(node), body)
    return job.end()


def shared_stage(
    whole: Lowered, nodes: list[Node], results: set[Node], checked: set[Node], cpu: Cpu, stage: int
) -> list[str]:
    """The jobs of what follows from sums, element by element: nodes of one shape that read each other share a loop."""
    members = set(nodes)
    for node in nodes:
        for n in (*(i for i in node.inputs if i not in members), *([node] if node in results else [])):
            if not (isinstance(n, Const) and n.uniform is not None) and n not in whole.inline:
                whole.number(n)
    parts = _parts(_families(nodes))
    return [_shared_part(whole, part, results, checked, cpu, f"s{stage}_shared{end}") for end, part in parts]


def _shared_part(
    whole: Lowered, families: Sequence[list[Node]], results: set[Node], checked: set[Node], cpu: Cpu, name: str
) -> str:
    job = _Job(whole, name, "what follows from the sums, element by element", cpu)
    for family in families:

        def body(i: Value, lanes: int, family: list[Node] = family) -> None:
            known: dict[Node, Value] = {}
            for node in family:
                inputs = [_element(job, known, n, node, i, lanes) for n in node.inputs]
                known[node] = inputs[0] if is_alias(node) else traced(node, inputs)
            for node in family:
                if node in results:
                    job.b.store(job.array(node), i, known[node])
                if node in checked:
                    job.check(known[node])

        job.share(elements(family[0]), body)
    return job.end()


def commit(whole: Lowered, new: Sequence[tuple[Param, Node]], cpu: Cpu) -> list[str]:
    """The jobs that copy new values into their parameters, if what must be 0 of alarms and flags is."""
    return [_commit_part(whole, part, cpu, f"commit{end}") for end, part in _parts(new)]


def _commit_part(whole: Lowered, new: Sequence[tuple[Param, Node]], cpu: Cpu, name: str) -> str:
    job = _Job(whole, name, "the new values into their parameters", cpu)
    b = job.b
    total, alarms = b.register(b.number(0)), job.entry(ALARMS, POINTER)
    with b.loop(0, job.entry(MUST_BE_0)) as i:
        b.set(total, b.binary("fadd", b.get(total), b.load(alarms, i, b.reals())))
    open = b.convert("zext", b.compare("oeq", b.get(total), b.number(0)), INDEX)
    for param, node in new:

        def body(i: Value, lanes: int, param: Param = param, node: Node = node) -> None:
            element = element_of_array(node.dtype)  # counts of steps are whole numbers
            b.store(job.array(param), i, b.load(job.array(node), i, Type(element, lanes)))

        job.share(elements(node), body, open)
    return job.end()


def _element(job: _Job, known: dict[Node, Value], node: Node, reader: Node, i: Value, lanes: int) -> Value:
    """Element i of an input, or the number that all elements share."""
    b = job.b
    if node in known:
        return known[node]
    if isinstance(node, Const) and node.uniform is not None:
        return b.number(node.uniform, lanes)
    if node in job.whole.inline:
        known[node] = job.total(node, i, lanes)
    elif elements(node) == elements(reader):
        known[node] = b.load(job.array(node), i, b.reals(lanes))
    else:
        known[node] = b.splat(b.load(job.array(node), 0, b.reals()), lanes)
    return known[node]


def _families(nodes: list[Node]) -> list[list[Node]]:
    """Nodes that are connected by reading each other, in order."""
    family: dict[Node, list[Node]] = {}
    for node in nodes:
        mine = family[node] = [node]
        for source in node.inputs:
            theirs = family.get(source, mine)
            if theirs is not mine:
                fewer, mine = sorted((mine, theirs), key=len)
                mine += fewer
                family |= dict.fromkeys(fewer, mine)
    place = {node: n for n, node in enumerate(nodes)}
    unique = {id(f): f for f in family.values()}
    return [sorted(f, key=place.__getitem__) for f in unique.values()]


def _parts(items: Sequence[Any]) -> list[tuple[str, Sequence[Any]]]:
    """Some at a time, for LLVM takes more than twice as long for twice as many loops; and what their name ends in."""
    return [(str(n // _PART or ""), items[n : n + _PART]) for n in range(0, len(items), _PART)]
