"""Which values of an image are written to memory, and where: all others are computed where they are used.

A value that one loop needs, element by element, is computed in that loop. What a convolution or a product reads again
and again, and what several loops need, gets a buffer: in a block of as many images as there are lanes, so that a
block's values stay in the cache. Buffers are used again when the last loop has read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...graph.node import Node
from ...nodes.loss import LogSoftmax, OneHot, Softmax, SoftmaxCrossEntropy
from ...nodes.pool import Place, Switches, Upsample
from ...nodes.reduce import ArgMax, FirstMax
from ...nodes.shape import Reshape
from ...nodes.window import Dilate, Pad
from .conversion import element_of_array
from .loops import INT, SIZES
from .partition import MOVES, Kind, Partition, elements
from .patterns import BatchSum, accumulated, per_image, reads

_DEPTH = 24
"""How many values in a row are computed within one loop: the next one is written down."""
_SPREADING = (Upsample, Place, Dilate, Pad)
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
    slots : {Node: Slot}
        The buffers.
    nbytes : int
        How much memory each thread needs for them.
    """

    loops: list[Node]
    fed: list[Node]
    given: list[Node]
    results: list[Node]
    members: set[Node]
    slots: dict[Node, Slot] = field(default_factory=dict)
    nbytes: int = 0

    def base(self, node: Node) -> Node:
        """The node whose buffer holds the value: a reshaped value lies where it was."""
        while isinstance(node, Reshape) and node in self.members:
            node = node.x
        return node


def element_of(node: Node) -> str:
    """How a value is kept in lanes: as in an array; the numbers of switches and of classes take 32 bits."""
    return INT if isinstance(node, Switches | ArgMax) else element_of_array(node.dtype)


def is_flat(node: Node) -> bool:
    """Whether the element number i of `node` depends on the elements number i of inputs as large, and on scalars."""
    if isinstance(node, Reshape):
        return True
    return (
        node.elementwise
        and type(node) not in (*MOVES, OneHot)
        and all(i.shape == node.shape or i.shape == () for i in node.inputs)
    )


def fuse(nodes: list[Node], results: set[Node], found: Partition, lanes: int) -> Group:
    """Decide what is written down of `nodes`, which are in order, of which `results` are needed outside."""
    members = set(nodes)
    group = Group([], [], [], [n for n in nodes if n in results], members)
    written = _written(nodes, results, group, found)
    group.loops = [n for n in nodes if n in written]
    outside = dict.fromkeys(s for n in nodes for s in reads(n) if s not in members)
    group.fed = [n for n in outside if per_image(n)]
    group.given = [n for n in outside if not per_image(n)]
    _Memory(group, lanes).place()
    return group


def _written(nodes: list[Node], results: set[Node], group: Group, found: Partition) -> set[Node]:
    """The nodes that get loops of their own: seen from the end, who reads a value, and how."""
    readers: dict[Node, set[Node]] = {n: set() for n in nodes}
    must = {group.base(n) for n in results}
    depth = dict.fromkeys(nodes, 0)
    written: set[Node] = set()
    for node in reversed(nodes):
        if isinstance(node, Reshape):
            source = group.base(node)
            if source in readers:
                readers[source] |= readers[node]
                depth[source] = max(depth[source], depth[node])
                if node in must:
                    must.add(source)
            continue
        alone = found.kinds[node] is Kind.SUM or not _computed_where_used(node)
        if alone or node in must or len(readers[node]) != 1 or depth[node] > _DEPTH:
            written.add(node)
        root = {node} if node in written else readers[node]
        for source in reads(node):
            if source not in readers:
                continue
            readers[source] |= root
            depth[source] = max(depth[source], 1 if node in written else depth[node] + 1)
            if _read_again(node, source):
                must.add(group.base(source))
    return written


def _computed_where_used(node: Node) -> bool:
    return type(node) in MOVES or type(node) is OneHot or node.elementwise


def _read_again(node: Node, source: Node) -> bool:
    """Whether the loops of `node` read an element of `source` more than once."""
    if type(node) in (Softmax, LogSoftmax, SoftmaxCrossEntropy, FirstMax):
        return True
    sums = accumulated(node)
    if sums is not None:
        return not isinstance(sums, BatchSum)
    if not _computed_where_used(node):
        return type(node).__name__ in ("Conv", "Dense", "MatMul")
    return elements(node) > elements(source) and type(node) not in _SPREADING


class _Memory:
    """Places buffers, first fit, and gives memory back after the last read."""

    def __init__(self, group: Group, lanes: int) -> None:
        self._group, self._lanes = group, lanes
        self._own = {*group.loops, *group.fed}
        self._free: list[tuple[int, int]] = []

    def place(self) -> None:
        """Give a slot to each value that is packed or written."""
        group = self._group
        read_by = [self._buffers_read(node) for node in group.loops]
        last = {source: n for n, sources in enumerate(read_by) for source in sources}
        last |= {group.base(node): len(group.loops) for node in group.results}
        for node in group.fed:
            self._take(node)
        for n, node in enumerate(group.loops):
            ended = [s for s in dict.fromkeys(read_by[n]) if last[s] == n]
            if accumulated(node) is None:
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
            elif source in group.members:
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
