"""Numbers of one dtype as numbers of another, in lanes, rounded as NumPy rounds them."""

from __future__ import annotations

import numpy as np

from ....graph.leaves import Const
from ....graph.node import Node
from ....graph.spec import DType
from .loops import BIT, DOUBLE, FLOAT, SIZES, Builder, Value

_REALS = {np.dtype(np.float32): FLOAT, np.dtype(np.float64): DOUBLE}


def element_of_array(dtype: DType) -> str:
    """What an array of `dtype` consists of; booleans are bytes.

    Examples
    --------
    >>> element_of_array(np.dtype("float32")), element_of_array(np.dtype("uint8")), element_of_array(np.dtype(bool))
    ('float', 'i8', 'i8')
    """
    return _REALS.get(dtype) or f"i{8 * dtype.itemsize}"


def converted(b: Builder, x: Value, given: DType, to: DType) -> Value:
    """`x`, which holds numbers of dtype `given`, as numbers of dtype `to`; not from reals to integers.

    Whole numbers wrap around as in NumPy, and what is not 0 is true.
    """
    if to.kind in "iu":
        return resized(b, x, element_of_array(to), given.kind == "i")
    if to == given:
        return x
    if to.kind == "b":
        lanes, element = x.type.lanes, x.type.element
        real = given.kind == "f"
        zero = b.number(0, lanes) if real else b.integer(0, lanes, element)
        return b.compare("une" if real else "ne", x, zero)
    return b.convert("sitofp" if given.kind == "i" else "uitofp", x, element_of_array(to))


def constant(b: Builder, node: Node, lanes: int) -> Value | None:
    """The number that fills a constant, in all lanes; None for what is no such constant."""
    if not isinstance(node, Const) or node.uniform is None:
        return None
    if node.dtype.kind == "f":
        return b.number(node.uniform, lanes)
    element = BIT if node.dtype.kind == "b" else element_of_array(node.dtype)
    return b.integer(int(node.uniform), lanes, element)


def resized(b: Builder, x: Value, element: str, signed: bool = True) -> Value:
    """Whole numbers with more or fewer bits, as `element` has them; `signed` ones may be below 0."""
    before, after = (0 if e == BIT else SIZES[e] for e in (x.type.element, element))
    if before == after:
        return x
    return b.convert("trunc" if after < before else "sext" if signed else "zext", x, element)
