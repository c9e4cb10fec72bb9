"""What native stages become: functions of the loop language, and one table of arguments that all of them read."""

from __future__ import annotations

from dataclasses import dataclass, field

from ....graph.node import Node
from ..ir.loops import INDEX, POINTER, Function
from ..ir.printing import printed

IMAGES, SHARES, MEMORY, SUMS, ALARMS, FLAGS, MUST_BE_0, FIRST_ARRAY = range(8)
"""The table of arguments: how many images there are, into how many shares they are divided, the memory of all threads,
the sums and the alarms of all shares, the flags of all chunks, how many of alarms and flags must be 0 for an update,
and then the arrays. Before its first entry stand how many bytes a thread has, and how many sums a share."""
MEMORY_STRIDE, SUMS_STRIDE = -1, -2
BEFORE = 2
"""How many entries stand before the first."""
JOB = {"arguments": POINTER, "me": INDEX, "chunk": INDEX, "chunks": INDEX}
BLOCK = {"arguments": POINTER, "memory": POINTER, "sums": POINTER, "row": INDEX, "valid": INDEX}
ALARM = 0
"""The first of a share's sums counts what was wrong with its images: labels out of range."""
FIRST_SUM = 16


@dataclass
class Lowered:
    """What a program's native stages have become.

    Attributes
    ----------
    functions : list of Function
    arrays : {Node: int}
        The number of each array from outside in the table of arguments.
    jobs : list of list of str
        For each native stage, the functions that all threads run, one after the other.
    kernels : {str: list of (str, Node)}
        For each job that goes through the images, the functions that it calls for each block, and what they compute.
    places : {Node: int}
        Where each sum over the batch begins among the sums of a share.
    inline : set of Node
        Sums over the batch that get no array: who needs them adds up the shares.
    memory, sums : int
        Bytes that a thread needs for buffers, and numbers for sums over the batch, over all stages.
    shared : int
        How many numbers the jobs go through that follow from the sums.
    seconds : float
        How long it took to write all this.
    """

    functions: list[Function] = field(default_factory=list)
    arrays: dict[Node, int] = field(default_factory=dict)
    jobs: list[list[str]] = field(default_factory=list)
    kernels: dict[str, list[tuple[str, Node]]] = field(default_factory=dict)
    places: dict[Node, int] = field(default_factory=dict)
    inline: set[Node] = field(default_factory=set)
    memory: int = 0
    sums: int = 0
    shared: int = 0
    seconds: float = 0.0

    def number(self, node: Node) -> int:
        """The number of the array of `node`."""
        return self.arrays.setdefault(node, FIRST_ARRAY + len(self.arrays))

    def __str__(self) -> str:
        return "\n\n".join(map(printed, self.functions))
