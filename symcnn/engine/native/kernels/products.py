"""Products of matrices within each image: stacks of them, some of which may be shared by all images."""

from __future__ import annotations

from ....graph.node import Node
from ....nodes.dense import MatMul
from ...patterns import per_image
from ..ir.loops import Index, Value
from .expressions import linear
from .im2col import matrix_product
from .kernel import Kernel, nest, parts, sizes
from .tiling import rectangle


def stacked(k: Kernel, node: MatMul) -> None:
    """One product after the other; the lanes are images, or columns of the result."""
    *stack, rows, columns = sizes(node.shape[1:])
    length = sizes(node.b.shape[-2:])[0]
    with nest(k.b, stack) as place:
        out = _offset(k, k.read.buffer(node), linear((*place, 0, 0), node.shape[1:]), k.lanes)
        a, b = (_matrix(k, x, place, node) for x in (node.a, node.b))
        if k.lanes == 1:
            first = k.b.number(0, k.wide)
            matrix_product(k, (rows, length, columns), lambda i, d: i * length + d, a, b, out, lambda i: first)
        else:
            _images(k, (rows, length, columns), (a, per_image(node.a)), (b, per_image(node.b)), out)


def _matrix(k: Kernel, x: Node, place: tuple[Index, ...], node: Node) -> Value:
    """Where a factor's matrix for that place of the stack begins."""
    own = per_image(x)
    shape = sizes(x.shape[1:] if own else x.shape)
    full = (0, *place) if not own and x.ndim == node.ndim else place
    at = [0 if d == 1 else i for i, d in zip(full[len(full) - len(shape) + 2 :], shape, strict=False)]
    start = linear((*at, 0, 0), shape)
    return _offset(k, k.read.buffer(x), start, k.lanes) if own else _offset(k, k.read.array(x), start, 1)


def _offset(k: Kernel, pointer: Value, start: Index, lanes: int) -> Value:
    return k.b.offset(pointer, start * lanes)


def _images(k: Kernel, shape: tuple[int, int, int], a: tuple[Value, bool], b: tuple[Value, bool], out: Value) -> None:
    """out[i, j] = the sum over d of a[i, d] b[d, j], in tiles; True beside a factor says that images have their own."""
    rows, length, columns = shape
    height, width = rectangle(rows, columns, k.registers)

    def read(factor: tuple[Value, bool], number: Index) -> Value:
        return k.load(factor[0], number) if factor[1] else k.spread(factor[0], number)

    for i, count in parts(k, rows, height):
        for j, size in parts(k, columns, width):
            sums = [[k.b.register(k.zero()) for _ in range(size)] for _ in range(count)]
            with k.b.loop(0, length) as d:
                seen = [read(b, d * columns + (j + n)) for n in range(size)]
                for r, row in enumerate(sums):
                    factor = read(a, (i + r) * length + d)
                    for total, value in zip(row, seen, strict=True):
                        k.b.set(total, k.b.fma(factor, value, k.b.get(total)))
            for r, row in enumerate(sums):
                for n, total in enumerate(row):
                    k.write(out, (i + r) * columns + (j + n), k.b.get(total))
