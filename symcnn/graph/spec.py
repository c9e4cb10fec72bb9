"""What is known of a value before it is computed: its shape and its dtype.

One size may be symbolic, that of the batch; it is written ``None`` as in Keras, and may stand on several axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..text import quoted
from .arguments import items, natural
from .errors import DTypeError, call_site, message

Dim = int | None
Shape = tuple[Dim, ...]
DType = np.dtype[np.generic]

DEFAULT_FLOAT: DType = np.dtype("float32")
"""The dtype that integers and booleans take where arithmetic needs real numbers."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Shape and dtype of a node's value.

    Parameters
    ----------
    shape : tuple of int or None
        ``None`` stands for the batch size.
    dtype : numpy.dtype

    Examples
    --------
    >>> spec = Spec((None, 1, 28, 28), np.dtype("float32"))
    >>> print(spec)
    (None, 1, 28, 28) float32
    >>> spec.bind(32)
    (32, 1, 28, 28)
    """

    shape: Shape
    dtype: DType

    def __post_init__(self) -> None:
        if type(self.shape) is not tuple or any(isinstance(d, np.integer) for d in self.shape):
            if items(self.shape) is None:
                raise DTypeError(message(f"a shape is a tuple of sizes, got {quoted(self.shape)}", site=call_site()))
            shape = tuple(int(d) if isinstance(d, np.integer) else d for d in self.shape)
            object.__setattr__(self, "shape", shape)
        if not isinstance(self.dtype, np.dtype):
            try:
                object.__setattr__(self, "dtype", np.dtype(self.dtype))
            except TypeError:
                raise DTypeError(message(f"{quoted(self.dtype)} is not a dtype", site=call_site())) from None

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"

    def bind(self, batch: int) -> tuple[int, ...]:
        """The shape in numbers, for a batch of `batch` rows."""
        return tuple(batch if d is None else d for d in self.shape)


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The common shape under NumPy's broadcasting rule.

    The batch axis stretches an axis of length 1 and matches only itself.

    Raises
    ------
    ValueError
        Where two axes do not agree.

    Examples
    --------
    >>> broadcast_shapes((None, 20, 1, 1), (20, 8, 8))
    (None, 20, 8, 8)
    """
    if len(set(shapes)) == 1:
        return shapes[0]
    ndim = max((len(s) for s in shapes), default=0)
    result: list[Dim] = []
    for axis in range(-ndim, 0):
        dims = {s[axis] for s in shapes if -axis <= len(s)} - {1}
        if len(dims) > 1:
            raise ValueError(f"the shapes {_listed(shapes)} do not broadcast together")
        result.append(dims.pop() if dims else 1)
    return tuple(result)


def _listed(shapes: tuple[Shape, ...]) -> str:
    return " and ".join(str(s) for s in shapes)


def as_shape(value: object, what: str) -> Shape:
    """`value` as a shape: whole numbers from 0 on, or None for the batch; one number is a shape of one axis.

    Raises
    ------
    DTypeError, ArgumentError
        For anything else; `what` says what the shape is of.
    """
    given = items(value)
    given = [value] if given is None else given
    return tuple(None if d is None else natural(d, f"a size in {what}") for d in given)


def is_real(dtype: DType) -> bool:
    """Whether a dtype holds real numbers (float16, float32, float64): what has gradients."""
    return dtype.kind == "f"


def promote(*dtypes: DType) -> DType:
    """The dtype of arithmetic between `dtypes`: the widest float, never a narrower one.

    Examples
    --------
    >>> promote(np.dtype("float32"), np.dtype("float64"))
    dtype('float64')
    """
    floats = {d for d in dtypes if is_real(d)}
    if len(floats) > 1:
        return np.result_type(*floats)
    return floats.pop() if floats else DEFAULT_FLOAT


def whole_dtype(*dtypes: DType, wide: bool) -> DType | None:
    """The dtype of what is computed from integers and booleans alone; None where no integer dtype holds them all.

    `wide` is that of arithmetic, which never wraps around at the ends of narrow integers: int64, and uint64 where one
    is uint64 and none has a sign. What only chooses among its inputs has their common dtype.

    Examples
    --------
    >>> byte, word = np.dtype("uint8"), np.dtype("int16")
    >>> whole_dtype(byte, byte, wide=True), whole_dtype(byte, word, wide=False)
    (dtype('int64'), dtype('int16'))
    """
    found = np.result_type(*dtypes)
    if is_real(found):  # what NumPy makes of uint64 and integers with a sign
        return None
    return np.dtype("uint64" if found == np.uint64 else "int64") if wide else found


def normal_axes(axes: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """`axes` as sorted, non-negative numbers; ``None`` means all of them.

    Raises
    ------
    ValueError
        For an axis out of range, or one named twice.

    Examples
    --------
    >>> normal_axes((-1, 0), 3)
    (0, 2)
    """
    if axes is None:
        return tuple(range(ndim))
    given = items(axes)
    given = [axes] if given is None else given
    for axis in given:
        if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
            raise ValueError(f"axis {axis!r} is not a whole number")
        if not -ndim <= axis < ndim:
            raise ValueError(f"axis {axis} is out of range for {ndim} axes")
    found = sorted(int(a) % ndim for a in given)
    if len(set(found)) < len(found):
        raise ValueError(f"an axis is named twice in {tuple(given)}")
    return tuple(found)
