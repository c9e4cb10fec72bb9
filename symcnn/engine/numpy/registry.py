"""The registry of kernels: for a node type, a function that prepares its computation into a given array.

A kernel is called once, when a plan is bound to buffers: ``kernel(node, out, *inputs)``. It returns the
function that every run calls, with all views and scratch arrays made beforehand, or None where it cannot
serve this node; then the node's own forward rule does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...graph.errors import NodeTypeError, SizeError, message, rule_failed
from ...graph.node import Node
from ...nodes.border import Crop, Subsample
from ...nodes.conv import Rot90, Swap
from ...nodes.shape import Flip, Reshape, Transpose

Array = NDArray[Any]
Run = Callable[[], object]
Kernel = Callable[..., Run | None]

KERNELS: dict[type[Node], Kernel] = {}
PATTERNS: list[Callable[[Node], Reading | None]] = []
VIEWS = (Reshape, Transpose, Flip, Swap, Rot90, Crop, Subsample)
"""Types whose value is a view of their input's memory wherever NumPy can make one."""


def kernel(*types: type[Node]) -> Callable[[Kernel], Kernel]:
    """Register a kernel for node types."""

    def register(function: Kernel) -> Kernel:
        for cls in types:
            KERNELS[cls] = function
        return function

    return register


@dataclass(frozen=True)
class Reading:
    """What several nodes are as one computation.

    Attributes
    ----------
    sources : tuple of Node
        What it reads.
    make : callable
        (out, *arrays of the sources) -> what every run calls.
    """

    sources: tuple[Node, ...]
    make: Callable[..., Run]


def pattern(read: Callable[[Node], Reading | None]) -> Callable[[Node], Reading | None]:
    """Register what reads several nodes as one computation: node -> `Reading`, or None where it is not its pattern."""
    PATTERNS.append(read)
    return read


def reading(node: Node) -> Reading | None:
    """The one computation that `node` is with nodes before it, if it is one."""
    return next((found for read in PATTERNS if (found := read(node)) is not None), None)


def prepare(node: Node, out: Array, inputs: list[Array]) -> tuple[Run, str]:
    """What computes `node` from `inputs` into `out`, and whether it is a ufunc, a kernel or the rule."""
    ufunc = type(node).ufunc
    if ufunc is not None and type(node) not in KERNELS:
        return partial(ufunc, *inputs, out=out), "ufunc"
    make = KERNELS.get(type(node))
    run = make(node, out, *inputs) if make else None
    return (run, "kernel") if run else (_by_rule(node, out, inputs), "rule")


def _by_rule(node: Node, out: Array, inputs: list[Array]) -> Run:
    """Call the node type's forward rule and check what it returns against its shape rule.

    The rule cannot write into its inputs: they are parameters, constants, or read by other nodes, too.
    """
    inputs = [_read_only(x) for x in inputs]

    def run() -> None:
        try:
            value = np.asarray(node.forward(np, *inputs))
        except MemoryError as error:
            raise SizeError(message(f"there is no memory to compute it: {error}", node=node)) from None
        except Exception as error:
            raise rule_failed(node, "forward", error) from error
        if value.shape != out.shape or value.dtype != out.dtype:
            raise NodeTypeError(
                message(
                    f"the forward rule returned {value.shape} {value.dtype}; infer promised {out.shape} {out.dtype}",
                    node=node,
                )
            )
        np.copyto(out, value)

    return run


def _read_only(x: Array) -> Array:
    seen = x.view()
    seen.flags.writeable = False
    return seen


def view_of(node: Node, x: Array) -> Array | None:
    """The node's value as a view of its input, if that can be had."""
    if not isinstance(node, VIEWS):
        return None
    value: Array = node.forward(np, x)
    return value if np.may_share_memory(value, x) else None
