"""Which values of an image are written to memory, and where: all others are computed where they are used.

A value that one loop needs, element by element, is computed in that loop. What a convolution or a product reads again
and again, and what several loops or one loop at several places need, gets a buffer: in a block of as many images as
there are lanes, so that a block's values stay in the cache. Buffers are used again when the last loop has read them.

So what is written for a node does not grow with the graph around it: each value is written down once, or computed for
one reader at no more than `FEW` places of a loop's body.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from ....graph.node import Node
from ...patterns import BatchSum, accumulated, per_image, reads
from ..ir.conversion import element_of_array
from ..ir.loops import SIZES
from .partition import Kind, Partition, elements
from .registration import is_alias, is_registered, of

_DEPTH = 24
"""How many values in a row are computed within one loop: the next one is written down."""
FEW = 16
"""So many times a value may stand in the body of a loop, as the elements of a window do; what would stand there more
often, or be computed more often than that for each of its elements, is written down, or the window is a loop."""
_LINE = 64


@dataclass(frozen=True)
class Slot:
    """Where a block's values are: bytes from the start of a thread's memory, and what they are."""

    offset: int
    element: str


@dataclass
class Group:
    """An image stage, ready to be lowered.

    Attributes
    ----------
    loops : list of Node
        What gets loops of its own, in order: values with a buffer and sums over the batch.
    fed : list of Node
        Values from outside with the batch axis, which are packed into lanes first.
    given : list of Node
        Values from outside without it.
    results : list of Node
        What is needed outside: values with the batch axis are unpacked, sums are finished.
    kept : list of Node
        What crosses from one image stage to another, and stays in lanes: block by block, in memory for all images.
    slots : {Node: Slot}
        The buffers.
    readers : {Node: list of Node}
        Which nodes read a value.
    unrolled : {Node: int}
        How many copies of a value stand at most in the body of loops, for each element of a window that is unrolled.
    nbytes : int
        How much memory each thread needs for them.
    """

    loops: list[Node]
    fed: list[Node]
    given: list[Node]
    results: list[Node]
    members: set[Node]
    kept: list[Node] = field(default_factory=list)
    slots: dict[Node, Slot] = field(default_factory=dict)
    readers: dict[Node, list[Node]] = field(default_factory=dict)
    unrolled: dict[Node, int] = field(default_factory=dict)
    nbytes: int = 0

    def base(self, node: Node) -> Node:
        """The node whose buffer holds the value: a reshaped value lies where it was."""
        while is_alias(node) and node in self.members:
            node = node.inputs[0]
        return node


def element_of(node: Node) -> str:
    """How a value is kept in lanes: as in an array; the numbers of switches and of classes take 32 bits."""
    return of(node).element or element_of_array(node.dtype)


def is_flat(node: Node) -> bool:
    """Whether the element number i of `node` depends on the elements number i of inputs as large, and on scalars."""
    if is_alias(node):
        return True
    return (
        node.elementwise
        and not is_registered(node)
        and all(i.shape == node.shape or i.shape == () for i in node.inputs)
    )


def fuse(nodes: list[Node], results: set[Node], found: Partition, lanes: int, kept: set[Node] | None = None) -> Group:
    """Decide what is written down of `nodes`, which are in order, of which `results` are needed outside.

    Those that are `kept` stay in lanes there, and so do those that this stage reads.
    """
    members, kept = set(nodes), kept or set()
    group = Group([], [], [], [n for n in nodes if n in results and n not in kept], members)
    written = _written(nodes, results, group, found)
    group.loops = [n for n in nodes if n in written]
    for node in nodes:
        for source in dict.fromkeys(reads(node)):
            group.readers.setdefault(source, []).append(node)
    outside = [source for source in group.readers if source not in members]
    group.kept = [n for n in (*nodes, *outside) if n in kept]
    group.fed = [n for n in outside if per_image(n) and n not in kept]
    group.given = [n for n in outside if not per_image(n)]
    _Memory(group, lanes).place()
    return group


@dataclass
class _Use:
    """How a value is read, by all that follow it.

    Attributes
    ----------
    frames : set of Node
        At whose places it is read: loops, and what is computed in loops but reads at other places than its own. If
        there is one, each place of it reads one place of the value.
    root : Node or None
        In whose loops it is computed, if it is not written down.
    depth : int
        How many values are computed one of the other from there.
    copies : int
        How often it stands in the body of the loops.
    shared : int
        How many elements of a window in the loops share one of these copies, if the window is unrolled.
    times : int
        How often it is computed.
    must : bool
        Whether it is written down anyway.
    """

    frames: set[Node] = field(default_factory=set)
    root: Node | None = None
    depth: int = 0
    copies: int = 0
    shared: int = 1
    times: int = 0
    must: bool = False

    def also(self, other: _Use) -> None:
        """It is read in this way, too."""
        self.frames |= other.frames
        self.root, self.shared = other.root, other.shared
        self.depth, self.copies = max(self.depth, other.depth), max(self.copies, other.copies)
        self.times, self.must = max(self.times, other.times), self.must or other.must


def _written(nodes: list[Node], results: set[Node], group: Group, found: Partition) -> set[Node]:
    """The nodes that get loops of their own: seen from the end, who reads a value, and how."""
    uses = {n: _Use(must=n in results) for n in nodes}
    written: set[Node] = set()
    for node in reversed(nodes):
        use = uses[node]
        if is_alias(node):
            if (source := group.base(node)) in uses:
                one = len(use.frames) == 1
                uses[source].also(replace(use, frames={node} if one else use.frames))
            continue
        if found.kinds[node] is Kind.SUM or not _computed_where_used(node) or _worth_a_buffer(node, use):
            written.add(node)
            use = _Use({node}, node, 0, 1, 1, elements(node))
        _count(group, node, use)
        for source, count in Counter(reads(node)).items():
            if source in uses:
                uses[source].also(_read_by(node, source, use))
                again = _read_again(node, source) or (count > 1 and not node.elementwise)
                if again and (base := group.base(source)) in uses:
                    uses[base].must = True
    return written


def _count(group: Group, node: Node, use: _Use) -> None:
    """Note how many copies of the node stand in the body of the loops."""
    if use.root is not None:
        group.unrolled[use.root] = max(group.unrolled.get(use.root, 1), use.copies * _gathered(node) // use.shared)


def _worth_a_buffer(node: Node, use: _Use) -> bool:
    """Whether a value that could be computed where it is used is better written down."""
    if use.must or use.depth > _DEPTH or use.times > FEW * elements(node):
        return True
    if len(use.frames) != 1:
        return not of(node).anew
    return use.copies > 1 and use.copies * _gathered(node) > FEW


def _read_by(node: Node, source: Node, use: _Use) -> _Use:
    """How `node`, which is itself used like that, reads an input."""
    moves = not node.elementwise and use.root is not node
    corners = _gathered(node) if source is node.inputs[0] else 1
    shared = use.shared
    if of(node).spreads and (use.root is node or use.frames == {use.root}):
        shared *= window_size(node)
    frames = {node} if moves else use.frames
    times = use.times * corners if _computed_where_used(node) else elements(source)
    return _Use(frames, use.root, use.depth + 1, use.copies * corners, shared, times)


def window_size(node: Node) -> int:
    """How many elements a window of its type has; 1 where it has no windows."""
    size: tuple[int, int] = node.size if of(node).window else (1, 1)  # type: ignore[attr-defined]
    return size[0] * size[1]


def _gathered(node: Node) -> int:
    """How many elements of its input are written out for one of `node`."""
    return 1 if of(node).spreads or is_wide(node) else window_size(node)


def is_wide(node: Node) -> bool:
    """Whether the node gathers windows that are gone through by loops."""
    return of(node).wide is not None and window_size(node) > FEW


def _computed_where_used(node: Node) -> bool:
    if is_registered(node):
        return of(node).kind == "element" and not is_wide(node)
    return node.elementwise


def _read_again(node: Node, source: Node) -> bool:
    """Whether the loops of `node` read an element of `source` more than once."""
    if of(node).again:
        return True
    sums = accumulated(node)
    if sums is not None:
        return not isinstance(sums, BatchSum)
    return _computed_where_used(node) and elements(node) > elements(source) and not of(node).spreads


class _Memory:
    """Places buffers, first fit, and gives memory back after the last read."""

    def __init__(self, group: Group, lanes: int) -> None:
        self._group, self._lanes = group, lanes
        self._own = {*group.loops, *group.fed} - {*group.kept}
        self._free: list[tuple[int, int]] = []

    def place(self) -> None:
        """Give a slot to each value that is packed or written."""
        group = self._group
        read_by = [self._buffers_read(node) for node in group.loops]
        last = {source: n for n, sources in enumerate(read_by) for source in sources}
        last |= {group.base(node): len(group.loops) for node in group.results}
        for node in group.fed:
            self._take(node)
        group.slots |= {node: Slot(0, element_of(node)) for node in group.kept}
        for n, node in enumerate(group.loops):
            ended = [s for s in dict.fromkeys(read_by[n]) if last[s] == n]
            if accumulated(node) is None and node not in group.slots:
                self._take_for(node, ended)
            for source in ended:
                self._give(source)

    def _buffers_read(self, node: Node) -> list[Node]:
        """The buffers that the loops of `node` read, through all that is computed within them."""
        group, found, seen = self._group, [], set()
        todo = list(reads(node))
        while todo:
            source = group.base(todo.pop())
            if source in seen:
                continue
            seen.add(source)
            if source in self._own:
                found.append(source)
            elif source in group.members and source not in group.kept:
                todo.extend(reads(source))
        return found

    def _take_for(self, node: Node, ended: list[Node]) -> None:
        """A slot for `node`: that of a value which ends here, where element i is read before it is written."""
        for source in ended:
            same = elements(source) == elements(node) and element_of(source) == element_of(node)
            if same and is_flat(node) and self._flat_to(node, source):
                self._group.slots[node] = self._group.slots[source]
                ended.remove(source)
                return
        self._take(node)

    def _flat_to(self, node: Node, source: Node) -> bool:
        """Whether all ways from `node` to the buffer of `source` keep the place of an element."""
        group, todo, seen = self._group, [node], set()
        while todo:
            current = todo.pop()
            if current in seen:
                continue
            seen.add(current)
            if not is_flat(current):
                return False
            for i in map(group.base, reads(current)):
                if i != source and i in group.members and i not in group.slots:
                    todo.append(i)
        return True

    def _size(self, node: Node) -> int:
        return -(-elements(node) * self._lanes * SIZES[element_of(node)] // _LINE) * _LINE

    def _take(self, node: Node) -> None:
        size = self._size(node)
        for n, (start, length) in enumerate(self._free):
            if length >= size:
                self._free[n] = (start + size, length - size)
                break
        else:
            start = self._group.nbytes
            self._group.nbytes += size
        self._group.slots[node] = Slot(start, element_of(node))

    def _give(self, node: Node) -> None:
        self._free.append((self._group.slots[node].offset, self._size(node)))
        merged: list[tuple[int, int]] = []
        for start, length in sorted(self._free):
            if not length:
                continue
            if merged and sum(merged[-1]) == start:
                merged[-1] = (merged[-1][0], merged[-1][1] + length)
            else:
                merged.append((start, length))
        self._free = merged
