"""Maps of another size: resize, and what exchanges channels for positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..graph.arguments import chosen, flag, positive_int
from ..graph.errors import ShapeError, message
from ..graph.layer import layer
from ..graph.leaves import Const
from ..graph.node import Node, as_node
from ..graph.spec import promote
from ..nodes.dense import MatMul
from ..nodes.indexing import take
from ..nodes.pool import upsample
from ..nodes.shape import reshape, transpose
from ..text import called
from .spatial import Sizes, maps, per_axis, spatial_axes


@layer
def resize(x: Node, size: int | Sizes, mode: str = "nearest", *, align_corners: bool = False, name: str = "") -> Node:
    """Maps of another size.

    Parameters
    ----------
    x : Node
        (N, channels, length), (N, channels, height, width) or (N, channels, depth, height, width).
    size : int, or one for each spatial axis
        Of the result.
    mode : "nearest" or "linear"
        The unit at the same place, counted down (place i of n out of m is i m // n); or the mean of the nearest ones,
        weighted by how near they are.
    align_corners : bool
        For "linear": whether the outermost units stay the outermost ones, or each unit is a square whose middle counts.

    Notes
    -----
    As `torch.nn.functional.interpolate` does it. Linear maps are products with a matrix for each axis, and their
    gradients with its transpose; nothing is smoothed where maps become smaller.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (1, 1, 2))
    >>> [sc.compile(sc.resize(x, 4, mode))(x=[[[0, 4]]]).ravel().tolist() for mode in ("nearest", "linear")]
    [[0.0, 0.0, 4.0, 4.0], [0.0, 1.0, 3.0, 4.0]]
    """
    what, x = called("resize", name), as_node(x)
    wanted = per_axis(size, spatial_axes(x, what), f"{what}: size")
    chosen(mode, ("nearest", "linear"), f"{what}: mode")
    corners = flag(align_corners, f"{what}: align_corners")
    if 0 in maps(x):
        raise ShapeError(message(f"{what}: the maps of {x.shape} are empty", node=x))
    return _nearest(x, wanted) if mode == "nearest" else _linear(x, wanted, corners)


def _nearest(x: Node, wanted: Sizes) -> Node:
    have = maps(x)
    if len(have) == 2 and all(n % m == 0 for n, m in zip(wanted, have, strict=True)):
        factors = tuple(n // m for n, m in zip(wanted, have, strict=True))
        return x if factors == (1, 1) else upsample(x, factors)  # type: ignore[arg-type]
    for axis, (n, m) in enumerate(zip(wanted, have, strict=True), start=2):
        x = x if n == m else take(x, np.arange(n) * m // n, axis)
    return x


def _linear(x: Node, wanted: Sizes, corners: bool) -> Node:
    for axis, (n, m) in enumerate(zip(wanted, maps(x), strict=True), start=2):
        if n == m:
            continue
        weights = _weights(m, n, corners).astype(promote(x.dtype))
        if axis == x.ndim - 1:
            x = MatMul(x, Const(np.ascontiguousarray(weights.T)))
            continue
        rows = reshape(x, (*x.shape[: axis + 1], -1))
        x = reshape(MatMul(Const(weights), rows), (*x.shape[:axis], n, *x.shape[axis + 1 :]))
    return x


def _weights(m: int, n: int, corners: bool) -> NDArray[np.float64]:
    """What each of n units takes of each of m."""
    step = (m - 1) / max(n - 1, 1) if corners else m / n
    places = step * np.arange(n) if corners else np.clip(step * (np.arange(n) + 0.5) - 0.5, 0, None)
    low = np.minimum(places.astype(int), m - 1)
    high, share = np.minimum(low + 1, m - 1), places - low
    weights = np.zeros((n, m))
    np.add.at(weights, (np.arange(n), low), 1 - share)
    np.add.at(weights, (np.arange(n), high), share)
    return weights


@layer
def depth_to_space(x: Node, block: int, mode: str = "DCR", *, name: str = "") -> Node:
    """Blocks of `block` x `block` positions, made of so many channels each: (N, C b^2, H, W) becomes (N, C, H b, W b).

    Parameters
    ----------
    x : Node
        (N, channels, height, width).
    block : int
    mode : "DCR" or "CRD"
        Whether neighbouring channels are those of one position of the blocks, as in TensorFlow's and ONNX'
        depth_to_space; or of one channel of the result, as in PyTorch's pixel_shuffle.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (1, 4, 1, 1))
    >>> sc.compile(sc.depth_to_space(x, 2))(x=np.arange(4).reshape(1, 4, 1, 1))[0, 0]
    array([[0., 1.],
           [2., 3.]], dtype=float32)
    """
    what, x = called("depth_to_space", name), as_node(x)
    b = positive_int(block, f"{what}: block")
    chosen(mode, ("DCR", "CRD"), f"{what}: mode")
    if x.ndim != 4 or None in x.shape[1:]:
        raise ShapeError(message(f"{what} reads (N, channels, height, width); this has shape {x.shape}", node=x))
    batch, channels, height, width = x.shape
    assert channels is not None and height is not None and width is not None
    if channels % (b * b):
        raise ShapeError(message(f"{what}: {channels} channels of {x.shape} are no multiple of {b} x {b}", node=x))
    c = channels // (b * b)
    if mode == "DCR":
        apart = transpose(reshape(x, (batch, b, b, c, height, width)), (0, 3, 4, 1, 5, 2))
    else:
        apart = transpose(reshape(x, (batch, c, b, b, height, width)), (0, 1, 4, 2, 5, 3))
    return reshape(apart, (batch, c, height * b, width * b))
