"""Two families of loops: the lanes of a vector are the images of a block, or neighbours within one image.

A block of one image takes the second: convolutions and products are products of matrices there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ....graph.node import Node
from ....nodes.conv import Conv
from ....nodes.dense import Dense, MatMul
from ...patterns import BatchSum, Convolution, FilterGradient, OuterProduct, Product
from ..analysis.registration import native
from ..ir.loops import Value
from . import batch_sums, convolution, im2col, kernel, products, single_image
from .kernel import Kernel


class Family(NamedTuple):
    """The loops of one family."""

    pack: Callable[[Kernel, Node, Value], None]
    unpack: Callable[[Kernel, Node, Value], None]
    pointwise: Callable[[Kernel, Node], None]
    convolution: Callable[[Kernel, Node, Convolution], None]
    product: Callable[[Kernel, Node, Product], None]
    filter_gradient: Callable[[Kernel, Node, FilterGradient, int], None]
    outer_product: Callable[[Kernel, Node, OuterProduct, int], None]
    batch_sum: Callable[[Kernel, Node, BatchSum, int], None]


IMAGES_IN_LANES = Family(
    *(kernel.pack, kernel.unpack, kernel.pointwise, convolution.convolution, convolution.product),
    *(batch_sums.filter_gradient, batch_sums.outer_product, batch_sums.batch_sum),
)
PIXELS_IN_LANES = Family(
    *(single_image.pack, single_image.unpack, single_image.pointwise, im2col.convolution, single_image.product),
    *(im2col.filter_gradient, single_image.outer_product, single_image.batch_sum),
)


def family(block: int) -> Family:
    """The family for blocks of so many images."""
    return PIXELS_IN_LANES if block == 1 else IMAGES_IN_LANES


def _not_shared(node: Node) -> str | None:
    if Convolution.of(node) is not None:
        return None
    apart = node.ndim > 4
    return "convolutions side by side are not joined again" if apart else "its filters differ from image to image"


def _no_product(node: Dense | MatMul) -> str | None:
    return None if node.ndim > 2 or Product.of(node) is not None else "it is no product of rows with a shared matrix"


@native(Conv, kind="loops", called="convolution", again=True, products=True, obstacle=_not_shared)
def convolved(k: Kernel, node: Node) -> None:
    """The convolution of images with shared filters."""
    found = Convolution.of(node)
    assert found is not None
    family(k.read.block).convolution(k, node, found)


@native(Dense, MatMul, kind="loops", called="product", again=True, products=True, obstacle=_no_product)
def multiplied(k: Kernel, node: Dense | MatMul) -> None:
    """The product of each image's row with a shared matrix, or products of matrices within each image."""
    found = Product.of(node)
    if found is None:
        assert isinstance(node, MatMul)
        products.stacked(k, node)
        return
    family(k.read.block).product(k, node, found)
