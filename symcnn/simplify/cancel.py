"""What undoes itself, or what two nodes in a row can do in one."""

from __future__ import annotations

from ..graph.algebra import BroadcastTo, Cast, Neg, SumTo, broadcast_to, cast, sum_to
from ..graph.node import Node
from ..nodes.border import Crop, Dilate, Pad, Subsample
from ..nodes.conv import Rot90, Swap
from ..nodes.dense import MatMul
from ..nodes.reduce import Sum
from ..nodes.shape import Flip, Reshape, Transpose, reshape


def cancel(node: Node) -> Node | None:
    """The rules; a node of the same value, or None."""
    match node:
        case Rot90(Rot90(x)) | Neg(Neg(x)):
            return x
        case Swap(Swap(x, inner), outer) if inner == outer:
            return x
        case Flip(Flip(x, inner), outer):
            once = tuple(sorted({*inner} ^ {*outer}))
            return Flip(x, once) if once else x
        case Transpose(Transpose(x, inner), outer):
            return Transpose(x, tuple(inner[a] for a in outer))
        case Transpose(x, axes) if axes == tuple(range(x.ndim)):
            return x
        case Transpose(MatMul(Transpose(a, order), b), turn) if a.ndim == b.ndim and order == turn == _turn(a.ndim):
            return MatMul(Transpose(b, turn), a)
        case Transpose(SumTo(MatMul(Transpose(a, order), b), shape), (1, 0)) if a.ndim == b.ndim and order == _turn(
            a.ndim
        ):
            return SumTo(MatMul(Transpose(b, order), a), (shape[1], shape[0]))
        case Reshape(x, shape) if x.shape == shape:
            return x
        case Reshape(Reshape(x), shape):
            return reshape(x, shape)
        case Crop(Pad(x, border), widths) if border == widths:
            return x
        case Crop(Crop(x, inner), outer):
            return Crop(x, tuple((a + c, b + d) for (a, b), (c, d) in zip(inner, outer, strict=True)))
        case Pad(Pad(x, inner), outer):
            return Pad(x, tuple((a + c, b + d) for (a, b), (c, d) in zip(inner, outer, strict=True)))
        case Subsample(Dilate(x, spread), steps) if spread == steps:
            return x
        case Sum(Transpose(x, order) as moved, axes, False) if _in_order(kept := _without(order, moved.ndim, axes)):
            return Sum(x, tuple(a for a in range(x.ndim) if a not in kept))
        case SumTo(SumTo(x), shape):
            return sum_to(x, shape)
        case SumTo(x, shape) | BroadcastTo(x, shape) if x.shape == shape:
            return x
        case BroadcastTo(BroadcastTo(x), shape):
            return broadcast_to(x, shape)
        case Cast(x, to) if x.dtype.name == to:
            return x
        case Cast(Cast(x, middle), to) if middle == "float64" and x.dtype.kind == "f":
            return cast(x, to)
    return None


def _without(order: tuple[int, ...], ndim: int, axes: tuple[int, ...] | None) -> list[int]:
    """Where the axes of a transposed array come from that a sum over `axes` leaves."""
    return [order[a] for a in range(ndim) if axes is not None and a not in axes]


def _turn(ndim: int) -> tuple[int, ...]:
    """The order that transposes matrices, or a stack of them."""
    return (*range(ndim - 2), ndim - 1, ndim - 2)


def _in_order(axes: list[int]) -> bool:
    return axes == sorted(axes)
