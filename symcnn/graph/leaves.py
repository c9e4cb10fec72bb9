"""The leaves of a graph: what is fed, what is learned, what is fixed, and the size of the batch."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..text import quoted
from .arguments import flag
from .context import Context
from .errors import ArgumentError, DTypeError, ShapeError, SizeError, call_site, message
from .locks import cached_property
from .node import Node
from .scope import scoped
from .spec import DEFAULT_FLOAT, Dim, DType, Shape, Spec, as_shape, is_real


class Leaf(Node):
    """A node without inputs. Its value comes from outside, so it has no rules."""

    def backward(self, delta: Node) -> Sequence[Node | None]:
        return ()

    @property
    def _state(self) -> Context | None:
        """What a pickle holds beside the fields."""
        return self._context or None

    @classmethod
    def samples(cls) -> list[Node]:
        return []


class Input(Leaf):
    """A value that is fed at each run, under its name.

    Parameters
    ----------
    name : str
        The keyword under which arrays are fed.
    shape : tuple of int or None
        ``None`` is the batch axis; at most one axis has it.
    dtype : str, optional
        What fed arrays are converted to; default: ``float32``. A dtype of integers (labels, indices)
        accepts only integers.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 28, 28))
    >>> (2 * x).shape
    (None, 1, 28, 28)
    """

    leaf: ClassVar[bool] = True
    own_identity: ClassVar[bool] = True
    name: str = field(kw_only=False)
    shape: Shape = field()
    dtype: DType = field(default=DEFAULT_FLOAT)

    if TYPE_CHECKING:

        def __init__(self, name: str, shape: Sequence[Dim] | Dim, dtype: DTypeLike = ...) -> None: ...

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise DTypeError(message(f"an input's name must be a string, got {quoted(self.name)}", site=call_site()))
        shape = as_shape(self.shape, f"the shape of {self.label}")
        if shape.count(None) > 1:
            raise ShapeError(message("only one axis can be the batch axis (None)", f"the shape is {shape}", node=self))
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "dtype", real_or_integer(self.dtype, self.label))

    def infer(self) -> Spec:
        return Spec(self.shape, self.dtype)

    def __reduce__(self) -> Any:
        return type(self), (self.name, self.shape, self.dtype), self._state


def real_or_integer(dtype: DTypeLike, what: str) -> DType:
    """`dtype` as a native NumPy dtype of reals, integers or booleans; DTypeError for others."""
    try:
        if dtype is None:  # float64 to NumPy
            raise TypeError
        found = np.dtype(dtype).newbyteorder("=")
    except (TypeError, ValueError):
        raise DTypeError(message(f"{what}: {quoted(dtype)} is not a dtype", site=call_site())) from None
    if found.kind not in "fiub" or found.itemsize > 8:
        raise DTypeError(
            message(
                f"{what} has dtype {found}",
                "expected reals (float16, float32, float64), integers or booleans",
                site=call_site(),
            )
        )
    return found


def is_masked(value: object) -> bool:
    """Whether it is an array with numbers that do not count; `numpy.ma`, which makes these, is not loaded for that.

    Examples
    --------
    >>> is_masked(np.zeros(2)), is_masked(np.ma.array([1, 2], mask=[True, False]))
    (False, True)
    """
    return isinstance(value, getattr(sys.modules.get("numpy.ma"), "MaskedArray", ()))


def as_numbers(value: ArrayLike, what: str) -> NDArray[Any]:
    """`value` as a NumPy array of reals, integers or booleans; no copy where it is one.

    Raises
    ------
    DTypeError
        For anything else, and for what would lose its meaning: a masked array, a list of nodes.
    """
    parts = value if isinstance(value, list | tuple) else (value,)
    if any(is_masked(part) for part in parts):
        raise DTypeError(message(f"{what} is a masked array", "fill it: array.filled(0)", site=call_site()))
    if any(isinstance(part, Node) for part in parts):
        raise DTypeError(message(f"{what} is made of nodes", "sc.concat([...]) joins nodes", site=call_site()))
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DTypeError(message(f"{what} is not an array: {error}", site=call_site())) from None
    if array.dtype.kind in "OUS":
        raise DTypeError(
            message(f"{what} is {quoted(value)}; expected a number or an array of numbers", site=call_site())
        )
    real_or_integer(array.dtype, what)
    return array


def own_copy(value: ArrayLike, what: str) -> NDArray[Any]:
    """A contiguous native copy of an array of numbers, so that the caller's later changes do not reach it."""
    array = as_numbers(value, what)
    try:
        return np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True)
    except MemoryError:
        problem = f"{what}: there is no memory for a copy of {array.shape} numbers, {array.nbytes:,} bytes"
        raise SizeError(message(problem, site=call_site())) from None


def number_in(value: float, dtype: DType, what: str) -> NDArray[Any]:
    """A Python number as a scalar of `dtype`; ArgumentError where it is too large for it."""
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(value, dtype=dtype)
        fits = bool(np.isfinite(array)) or not math.isfinite(value)
    except OverflowError:
        fits = False
    if not fits:
        reason = "too large for" if is_real(dtype) else "it does not fit into"
        raise ArgumentError(message(f"{what} is {quoted(value)}: {reason} {dtype}", site=call_site()))
    return array


class Param(Leaf):
    """A value that is learned, or kept from step to step: a NumPy array that programs read at each run.

    Parameters
    ----------
    name : str
        Two parameters may share a name; they are still two parameters. Made within a named layer, it is called after
        that: see `symcnn.layer`.
    value : array
        Copied. Integers become float32, but for those of a state.
    mask : array of bool, optional
        Which entries exist, of the shape of `value`: the others are 0, are not counted and not trained
        (LeNet-5's table of connections).
    layer : str, optional
        The kind of layer that made it, "conv" or "dense": a layer without a name of its own is called by it in
        `Graph.named_params`.
    trainable : bool
        False for a state, which no optimizer touches: running statistics, a count of steps, frozen weights. It is not
        among a graph's `params` but among its `states`, and may be whole numbers. See `symcnn.in_training`.

    Examples
    --------
    >>> import symcnn as sc
    >>> w = sc.Param("w", [1.0, 2.0])
    >>> f = sc.compile(3 * w)
    >>> f()
    array([3., 6.])
    >>> w.value[0] = 10
    >>> f()
    array([30.,  6.])
    """

    own_identity: ClassVar[bool] = True
    name: str = field(kw_only=False)
    value: NDArray[Any]
    mask: NDArray[np.bool_] | None = None
    layer: str = field(default="", kw_only=True)
    trainable: bool = field(default=True, kw_only=True)

    if TYPE_CHECKING:

        def __init__(
            self,
            name: str,
            value: ArrayLike,
            mask: ArrayLike | None = None,
            *,
            layer: str = "",
            trainable: bool = True,
        ) -> None: ...

    def __post_init__(self) -> None:
        if not isinstance(self.layer, str):
            raise DTypeError(
                message(f"{self.label}: layer is {quoted(self.layer)}; it must be a string", site=call_site())
            )
        if isinstance(self.name, str) and self.name:
            unnamed = bool(self.layer) and "." not in self.name  # the letter of a layer without a name of its own
            object.__setattr__(self, "name", scoped(self.name, self.layer if unnamed else ""))
        object.__setattr__(self, "trainable", flag(self.trainable, f"{self.label}: trainable"))
        value = own_copy(self.value, f"the value of {self.label}")
        if self.trainable and not is_real(value.dtype):
            value = value.astype(DEFAULT_FLOAT)
        if self.mask is not None:
            mask = own_copy(self.mask, f"the mask of {self.label}")
            if mask.shape != value.shape:
                raise ShapeError(message(f"the mask has shape {mask.shape}, the value {value.shape}", node=self))
            if not np.isin(mask, (0, 1)).all():
                raise ArgumentError(message("the mask has other numbers than 0 and 1", node=self))
            mask = mask.astype(bool)
            value[~mask] = 0
            mask.flags.writeable = False
            object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "value", value)

    def infer(self) -> Spec:
        return Spec(self.value.shape, self.value.dtype)

    def assign(self, array: ArrayLike) -> None:
        """Give it a new value: what ``param.value[...] = array`` does, but nothing is stretched to fit.

        Parameters
        ----------
        array : array
            Of exactly the shape of `value`. Integers, booleans and reals of any size are converted to the
            parameter's dtype, and rounded where it is narrower. Entries outside the mask stay 0.

        Raises
        ------
        ShapeError, DTypeError, ArgumentError
            For another shape, for what is not made of numbers, and for numbers that are too large for the dtype.
            Nothing has been changed then.

        Examples
        --------
        >>> import symcnn as sc
        >>> w = sc.Param("w", [1.0, 2.0])
        >>> w.assign([3, 4])
        >>> w.value
        array([3., 4.])
        """
        given = as_numbers(array, f"the new value of {self.label}")
        if given.shape != self.value.shape:
            raise ShapeError(message(f"the new value has shape {given.shape}; expected {self.value.shape}", node=self))
        if not self.value.flags.writeable:
            raise ArgumentError(message("its array cannot be written", node=self))
        with np.errstate(all="ignore"):
            new = given.astype(self.dtype)
            if bool((np.isinf(new) & np.isfinite(given)).any()):
                raise ArgumentError(message(f"the new value has numbers too large for {self.dtype}", node=self))
            if not is_real(self.dtype) and bool((new != given).any()):
                raise ArgumentError(message(f"the new value has numbers that {self.dtype} does not hold", node=self))
        np.copyto(self.value, new if self.mask is None else np.where(self.mask, new, 0))

    @property
    def is_weight(self) -> bool:
        """Whether weight decay is meant for it: it is learned, has two axes or more, and is no gain or bias.

        Those of normalisations, which may have as many, are told by the last part of their names: ``gain`` and ``b``.
        """
        return self.trainable and self.ndim > 1 and self.name.rpartition(".")[2] not in ("gain", "b")

    @property
    def size(self) -> int:
        """How many numbers are learned: entries outside the mask do not count."""
        return int(self.value.size if self.mask is None else np.count_nonzero(self.mask))

    @property
    def attributes(self) -> dict[str, Any]:
        return {}

    def __reduce__(self) -> Any:
        made = partial(type(self), layer=self.layer, trainable=self.trainable)
        return made, (self.name, self.value, self.mask), self._state


class Const(Leaf):
    """A fixed array. Equal constants are one node.

    Parameters
    ----------
    value : array
        Copied; the copy cannot be written.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.Const([1.0, 2.0]) is sc.Const([1.0, 2.0])
    True
    """

    own_identity: ClassVar[bool] = False
    value: NDArray[Any]

    if TYPE_CHECKING:

        def __init__(self, value: ArrayLike, *, name: str = "") -> None: ...

    def __post_init__(self) -> None:
        value = own_copy(self.value, f"the value of {self.label}")
        value.flags.writeable = False
        object.__setattr__(self, "value", value)

    def infer(self) -> Spec:
        return Spec(self.value.shape, self.value.dtype)

    @cached_property
    def uniform(self) -> float | None:
        """The number that fills the whole array, or None; an int or a bool where it is one of those.

        Numbers are compared bit by bit: 0.0 and -0.0 are two, NaN is one.

        Examples
        --------
        >>> import symcnn as sc
        >>> sc.Const([-0.0, -0.0]).uniform, sc.Const([0.0, -0.0]).uniform, sc.Const(float("nan")).uniform
        (-0.0, None, nan)
        """
        flat = self.value.ravel()
        bits = flat.view(f"u{flat.itemsize}")
        if not flat.size or not bool(np.all(bits == bits[0])):
            return None
        number: float = flat[0].item()
        return number

    @cached_property
    def is_finite(self) -> bool:
        """Whether no element is infinite or NaN."""
        return bool(np.isfinite(self.value).all())

    @cached_property
    def is_never_zero(self) -> bool:
        """Whether no element is 0."""
        return bool(np.all(self.value))

    @property
    def attributes(self) -> dict[str, Any]:
        return {"value": self.value.item() if self.value.size == 1 else f"array{self.value.shape}"}

    def __reduce__(self) -> Any:
        return partial(type(self), name=self.name), (self.value,), self._state


def constant(value: Any, dtype: DType | None, what: str) -> Const:
    """A constant: a number in `dtype`, or anything in its own; `what` says in errors where it stood."""
    return Const(as_numbers(value, what) if dtype is None else number_in(value, dtype, what))


def folded(node: Node) -> Node | None:
    """`node` as a constant, where all its inputs are constants and the result is not much larger than they are."""
    values = [i.value for i in node.inputs if isinstance(i, Const)]
    if not node.inputs or len(values) < len(node.inputs) or None in node.shape:
        return None
    given = sum(v.nbytes for v in values)
    if math.prod(node.spec.bind(0)) * node.dtype.itemsize > max(given, 1024):
        return None
    try:
        with np.errstate(all="ignore"):
            node.verify(*values)
            value = np.asarray(node.forward(np, *values))
    except Exception:  # whatever is wrong, a run says so, and names the node
        return None
    return Const(value) if value.shape == node.shape and value.dtype == node.dtype else None


class BatchSize(Leaf):
    """N, the number of examples in the batch that is being run, as a scalar of a real dtype.

    Means over the batch and their gradients divide by it.
    """

    text: ClassVar[str] = "N"
    latex: ClassVar[str] = "N"
    symbol: ClassVar[str] = "N"
    real: str = "float32"

    def infer(self) -> Spec:
        dtype = real_or_integer(self.real, self.label)
        if not is_real(dtype):
            raise DTypeError(message(f"its dtype is {dtype}; expected reals", node=self))
        return Spec((), dtype)
