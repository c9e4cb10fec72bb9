"""The operators of nodes. Each one is a NumPy function, and each function is built by the node type that claims it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeGuard, Union

import numpy as np

from .errors import DTypeError, call_site, message
from .keywords import METHODS, NUMPYS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .node import Node

Operand = Union["Node", "ArrayLike"]
"""What an operator or a builder accepts: a node, a number, or an array."""

UFUNCS: dict[np.ufunc, Callable[..., Node]] = {}
"""For a NumPy ufunc, what builds its node."""
_BUILDERS: dict[str, Callable[..., Node]] = {}


def builds(*keys: str | np.ufunc) -> Callable[[Callable[..., Node]], Callable[..., Node]]:
    """Mark a function as what an operator without a node type of its own (slicing, ``@``) calls."""

    def claim(function: Callable[..., Node]) -> Callable[..., Node]:
        for key in keys:
            if isinstance(key, str):
                _BUILDERS[key] = function
            else:
                UFUNCS[key] = function
        return function

    return claim


def is_node(value: object) -> TypeGuard[Node]:
    """Whether `value` is a node, for the modules that `Node` itself is made of."""
    return isinstance(value, Operators)


class Operators:
    """Arithmetic, comparisons, slicing and NumPy's ufuncs; the base of `Node`.

    ``==`` is not among them: it asks whether two nodes are the same node.
    """

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        build = UFUNCS.get(ufunc)
        if build is None or method != "__call__" or kwargs:
            call = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            options = f" with {', '.join(kwargs)}" if kwargs else ""
            known = ", ".join(sorted(u.__name__ for u in UFUNCS))
            own = [f"use {NUMPYS[call]}"] if call in NUMPYS and not kwargs else []
            raise DTypeError(
                message(f"numpy.{call}{options} has no node type", *own, f"these have: {known}", site=call_site())
            )
        return build(*args)

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if func in (np.shape, np.ndim):
            return getattr(args[0], func.__name__)
        own = [f"use {NUMPYS[func.__name__]}"] if func.__name__ in NUMPYS else []
        values = "for the values of a node: sc.compile(node)(x=...)"
        raise DTypeError(message(f"numpy.{func.__name__} takes no nodes", *own, values, site=call_site()))

    if not TYPE_CHECKING:  # to a checker of types, every name would be an attribute

        def __getattr__(self, name: str) -> Any:
            if name in METHODS:
                told = f"{type(self).__name__} has no attribute {name!r}; use {METHODS[name]}"
                raise AttributeError(told, name=name, obj=self)
            return object.__getattribute__(self, name)  # raises what has been raised before

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise DTypeError(message("a node holds no array", "compile it: sc.compile(node)(x=...)", site=call_site()))

    def __bool__(self) -> bool:
        raise DTypeError(
            message(
                "a node is neither true nor false before it is run: if, and, or, not and a < b < c ask for that",
                "use sc.where(condition, a, b)",
                site=call_site(),
            )
        )

    def __iter__(self) -> Any:
        raise DTypeError(message("a node cannot be iterated over; slice it", site=call_site()))

    def __getitem__(self, index: Any) -> Node:
        return _BUILDERS["getitem"](self, index)

    def __add__(self, other: Operand) -> Node:
        return UFUNCS[np.add](self, other)

    def __radd__(self, other: Operand) -> Node:
        return UFUNCS[np.add](other, self)

    def __sub__(self, other: Operand) -> Node:
        return UFUNCS[np.subtract](self, other)

    def __rsub__(self, other: Operand) -> Node:
        return UFUNCS[np.subtract](other, self)

    def __mul__(self, other: Operand) -> Node:
        return UFUNCS[np.multiply](self, other)

    def __rmul__(self, other: Operand) -> Node:
        return UFUNCS[np.multiply](other, self)

    def __truediv__(self, other: Operand) -> Node:
        return UFUNCS[np.divide](self, other)

    def __rtruediv__(self, other: Operand) -> Node:
        return UFUNCS[np.divide](other, self)

    def __pow__(self, other: Operand) -> Node:
        return UFUNCS[np.power](self, other)

    def __rpow__(self, other: Operand) -> Node:
        return UFUNCS[np.power](other, self)

    def __matmul__(self, other: Operand) -> Node:
        return UFUNCS[np.matmul](self, other)

    def __rmatmul__(self, other: Operand) -> Node:
        return UFUNCS[np.matmul](other, self)

    def __mod__(self, other: Operand) -> Node:
        return UFUNCS[np.remainder](self, other)

    def __rmod__(self, other: Operand) -> Node:
        return UFUNCS[np.remainder](other, self)

    def __and__(self, other: Operand) -> Node:
        return UFUNCS[np.bitwise_and](self, other)

    def __rand__(self, other: Operand) -> Node:
        return UFUNCS[np.bitwise_and](other, self)

    def __or__(self, other: Operand) -> Node:
        return UFUNCS[np.bitwise_or](self, other)

    def __ror__(self, other: Operand) -> Node:
        return UFUNCS[np.bitwise_or](other, self)

    def __xor__(self, other: Operand) -> Node:
        return UFUNCS[np.bitwise_xor](self, other)

    def __rxor__(self, other: Operand) -> Node:
        return UFUNCS[np.bitwise_xor](other, self)

    def __invert__(self) -> Node:
        return UFUNCS[np.invert](self)

    def __neg__(self) -> Node:
        return UFUNCS[np.negative](self)

    def __pos__(self) -> Operators:
        return self

    def __abs__(self) -> Node:
        return UFUNCS[np.absolute](self)

    def __gt__(self, other: Operand) -> Node:
        return UFUNCS[np.greater](self, other)

    def __ge__(self, other: Operand) -> Node:
        return UFUNCS[np.greater_equal](self, other)

    def __lt__(self, other: Operand) -> Node:
        return UFUNCS[np.less](self, other)

    def __le__(self, other: Operand) -> Node:
        return UFUNCS[np.less_equal](self, other)
