"""Normalisation: of a batch, of the parts of an example, and over neighbouring channels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..graph.algebra import count
from ..graph.arguments import flag, number_from, positive_int
from ..graph.errors import ArgumentError, ShapeError, call_site, message
from ..graph.layer import layer
from ..graph.leaves import Param
from ..graph.node import Node, as_node
from ..graph.spec import DType, Shape, normal_axes, promote
from ..nodes.border import crop, pad
from ..nodes.elementwise import sqrt
from ..nodes.in_training import in_training
from ..nodes.reduce import mean
from ..nodes.select import maximum, minimum
from ..nodes.shape import reshape
from ..nodes.variance import variance
from ..nodes.weights import prefixed
from ..text import called

_INFINITY = float("inf")


@layer
def batch_norm(
    x: Node, *, momentum: float = 0.9, eps: float = 1e-5, gain: bool = True, bias: bool = True, name: str = ""
) -> Node:
    """Each channel with mean 0 and variance 1 over the batch and all positions, then times a gain plus a bias.

    Parameters
    ----------
    x : Node
        (N, channels), or with spatial axes: (N, channels, T), (N, channels, height, width), ...
    momentum : float
        How much of the running statistics stays in each step of training, from 0 to 1:
        ``running <- momentum * running + (1 - momentum) * the batch's``. Keras counts so; PyTorch's number is the rest,
        0.1 there is 0.9 here.
    eps : float
        Added to the variance, so that a constant channel becomes the bias.
    gain, bias : bool
        Whether the channels have a gain, 1 at first, and a bias, 0 at first: parameters ``name.gain`` and ``name.b``.
    name : str, optional
        Shown in errors and diagrams.

    Returns
    -------
    Node
        Of the shape of `x`: (x - mean) / sqrt(variance + eps) * gain + bias.

    Raises
    ------
    ShapeError
        Where `x` has no channels, or their number is not known.

    Notes
    -----
    Ioffe & Szegedy, "Batch Normalization" (2015). This is the training graph. In that of `symcnn.inference`, by which
    `fit` validates, the running statistics take the place of the batch's: the states ``name.mean``, 0 at first, and
    ``name.var``, 1 at first, which a step of `train_step` or `fit` renews when it has succeeded. As in PyTorch, the
    variance of the batch is divided by the number n of what each channel has, while the running one follows the
    unbiased estimate, divided by n - 1. Where a channel has one number alone, which PyTorch refuses, it becomes the
    bias, and the running variance stays as it is.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 2))
    >>> a = sc.batch_norm(x, name="bn")
    >>> sc.compile(a)(x=[[1, 0], [3, 8]]).round(3)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    >>> sc.compile(sc.inference(a))(x=[[1, 0], [3, 8]]).round(3)
    array([[1., 0.],
           [3., 8.]], dtype=float32)
    >>> [p.name for p in a.params], [p.name for p in a.states]
    (['bn.gain', 'bn.b'], ['bn.mean', 'bn.var'])
    """
    form, x = _Form("batch_norm", name, eps, gain, bias), as_node(x)
    rest = 1 - number_from(momentum, 0, math.nextafter(1, 2), f"{form.what}: momentum")
    channels = _channels(x, form.what)
    over = tuple(a for a in range(x.ndim) if a != 1)
    dtype = promote(x.dtype)
    running = [
        Param(prefixed(name, word), np.full(channels, first, dtype), layer="batch_norm", trainable=False)
        for word, first in (("mean", 0), ("var", 1))
    ]
    shape = tuple(1 if a in over else d for a, d in enumerate(x.shape))
    of_batch = [statistic(x, over, keepdims=True) for statistic in (mean, variance)]
    n = count(tuple(x.shape[a] for a in over), dtype.name)
    unbiased = reshape(of_batch[1], (channels,)) * (n / maximum(n - 1, 1))
    followed: list[tuple[Node, Node | float]] = [
        (reshape(of_batch[0], (channels,)), rest),
        (unbiased, rest * minimum(n - 1, 1)),
    ]
    used = [
        in_training(batch, reshape(state, shape), state=state, new=state + share * (new - state))
        for batch, state, (new, share) in zip(of_batch, running, followed, strict=True)
    ]
    scale = form.root(used[1])
    if gain:
        scale = scale * form.param("gain", 1, (channels,), shape, dtype)  # so it is one factor of each number
    return form.with_bias((x - used[0]) * scale, (channels,), shape)


@layer
def layer_norm(
    x: Node,
    *,
    axes: int | tuple[int, ...] | None = None,
    eps: float = 1e-5,
    gain: bool = True,
    bias: bool = True,
    name: str = "",
) -> Node:
    """Each example with mean 0 and variance 1 over `axes`, then times a gain plus a bias of the shape of these axes.

    Parameters
    ----------
    x : Node
        (N, ...).
    axes : int or tuple of int, optional
        All but the first, the batch, unless told: ``axes=-1`` for the features of (N, T, D).
    eps, gain, bias, name
        As for `batch_norm`.

    Returns
    -------
    Node
        Of the shape of `x`.

    Raises
    ------
    ShapeError
        Where the batch is among the axes, or there is no axis.

    Notes
    -----
    Ba, Kiros & Hinton, "Layer Normalization" (2016). Training and inference do not differ.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 3))
    >>> sc.compile(sc.layer_norm(x))(x=[[1, 2, 3]]).round(3)
    array([[-1.225,  0.   ,  1.225]], dtype=float32)
    """
    form, x = _Form("layer_norm", name, eps, gain, bias), as_node(x)
    try:
        over = normal_axes(tuple(range(1, x.ndim)) if axes is None else axes, x.ndim)
    except ValueError as error:
        raise ShapeError(message(f"{form.what}: {error}", f"the input has shape {x.shape}", node=x)) from None
    parts = tuple(d for a, d in enumerate(x.shape) if a in over)
    if not parts or None in parts:
        problem = (
            f"{form.what} normalises each example over axes of known lengths; the axes {over} of {x.shape} are not"
        )
        raise ShapeError(message(problem, "sc.batch_norm normalises over the batch", node=x))
    shape = tuple(d if a in over else 1 for a, d in enumerate(x.shape))
    even = form.even(x, mean(x, over, keepdims=True), variance(x, over, keepdims=True))
    return form.with_gain(even, parts, shape)


@layer
def group_norm(
    x: Node, groups: int, *, eps: float = 1e-5, gain: bool = True, bias: bool = True, name: str = ""
) -> Node:
    """Each group of neighbouring channels of each example with mean 0 and variance 1; a gain and a bias for a channel.

    Parameters
    ----------
    x : Node
        (N, channels, ...).
    groups : int
        How many groups; the channels must divide into them.
    eps, gain, bias, name
        As for `batch_norm`.

    Returns
    -------
    Node
        Of the shape of `x`.

    Raises
    ------
    ShapeError, ArgumentError
        Where the channels do not divide into groups, or a length is not known.

    Notes
    -----
    Wu & He, "Group Normalization" (2018). Training and inference do not differ.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 4))
    >>> sc.compile(sc.group_norm(x, 2))(x=[[1, 3, 5, 9]]).round(3)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """
    form = _Form("group_norm", name, eps, gain, bias)
    return _by_group(as_node(x), positive_int(groups, f"{form.what}: groups"), form)


@layer
def instance_norm(x: Node, *, eps: float = 1e-5, gain: bool = True, bias: bool = True, name: str = "") -> Node:
    """Each channel of each example with mean 0 and variance 1 over its positions; a gain and a bias for a channel.

    Parameters
    ----------
    x : Node
        (N, channels, ...), with one spatial axis or more.
    eps, gain, bias, name
        As for `batch_norm`. PyTorch has neither gain nor bias here unless told.

    Returns
    -------
    Node
        Of the shape of `x`.

    Raises
    ------
    ShapeError
        Where there are no spatial axes.

    Notes
    -----
    Ulyanov, Vedaldi & Lempitsky, "Instance Normalization" (2016). Training and inference do not differ.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 2, 2))
    >>> sc.compile(sc.instance_norm(x))(x=[[[1, 3], [5, 9]]]).round(3)
    array([[[-1.,  1.],
            [-1.,  1.]]], dtype=float32)
    """
    form, x = _Form("instance_norm", name, eps, gain, bias), as_node(x)
    if x.ndim < 3:
        problem = f"{form.what} reads (N, channels, ...) with spatial axes; this input has shape {x.shape}"
        raise ShapeError(message(problem, "a channel of one number would always become its bias", node=x))
    return _by_group(x, _channels(x, form.what), form)


@layer
def local_response_norm(
    x: Node, size: int = 5, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0, name: str = ""
) -> Node:
    """Each unit divided by what the units at its position in neighbouring channels make: AlexNet's.

    Parameters
    ----------
    x : Node
        (N, channels, ...).
    size : int
        n, how many channels count: n // 2 before a channel, itself, and (n - 1) // 2 after it.
    alpha, beta, k : float
        Of the formula.
    name : str, optional
        Shown in errors and diagrams.

    Returns
    -------
    Node
        Of the shape of `x`: x / (k + alpha / n * sum of x^2 over the n channels)^beta.

    Notes
    -----
    Krizhevsky, Sutskever & Hinton (2012), section 3.3, where alpha is not divided by n, and is 1e-4 with k = 2 and
    n = 5: that is ``alpha=5e-4, k=2`` here. Divided by n, as here, it is PyTorch's and Caffe's. What lies beyond the
    first and the last channel counts as 0.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 3))
    >>> sc.compile(sc.local_response_norm(x, 3, alpha=3, beta=1))(x=[[1, 2, 3]]).round(3)
    array([[0.167, 0.133, 0.214]], dtype=float32)
    """
    what, x = called("local_response_norm", name), as_node(x)
    size = positive_int(size, f"{what}: size")
    _channels(x, what)
    alpha, beta = (number_from(v, 0, _INFINITY, f"{what}: {w}") for v, w in ((alpha, "alpha"), (beta, "beta")))
    k = number_from(k, 0, _INFINITY, f"{what}: k", open=True)
    before, after = size // 2, (size - 1) // 2
    square = pad(x * x, _on_channels(x, before, after))
    total = crop(square, _on_channels(x, 0, before + after))
    for n in range(1, size):
        total = total + crop(square, _on_channels(x, n, before + after - n))
    return x * (k + alpha / size * total) ** -beta


def _on_channels(x: Node, before: int, after: int) -> tuple[tuple[int, int], ...]:
    """Widths of a border of axis 1."""
    return tuple((before, after) if a == 1 else (0, 0) for a in range(x.ndim))


def _channels(x: Node, what: str) -> int:
    """How many channels x has."""
    channels = x.shape[1] if x.ndim >= 2 else None
    if not channels:
        problem = f"{what} reads (N, channels, ...); this input has shape {x.shape}"
        raise ShapeError(message(problem, "sc.reshape adds axes of length 1", node=x))
    return channels


def _by_group(x: Node, groups: int, form: _Form) -> Node:
    """Groups of channels as rows of their own, and back."""
    channels = _channels(x, form.what)
    if channels % groups:
        problem = f"{form.what}: {channels} channels do not divide into {groups} groups"
        raise ArgumentError(message(problem, site=call_site()))
    if None in x.shape[2:]:
        raise ShapeError(message(f"{form.what} reads (N, channels, ...); this input has shape {x.shape}", node=x))
    size = channels // groups * math.prod(d or 1 for d in x.shape[2:])
    rows = reshape(x, (x.shape[0], groups, size))
    even = form.even(rows, mean(rows, 2, keepdims=True), variance(rows, 2, keepdims=True))
    return form.with_gain(reshape(even, x.shape), (channels,), (1, channels, *(1,) * (x.ndim - 2)))


@dataclass(frozen=True)
class _Form:
    """What the layers have in common: their names, eps, and whether there are a gain and a bias."""

    kind: str
    name: str
    eps: float
    gain: bool
    bias: bool

    def __post_init__(self) -> None:
        number_from(self.eps, 0, _INFINITY, f"{self.what}: eps", open=True)
        flag(self.gain, f"{self.what}: gain")
        flag(self.bias, f"{self.what}: bias")

    @property
    def what(self) -> str:
        """How errors speak of the layer."""
        return called(self.kind, self.name)

    def root(self, v: Node) -> Node:
        """What is to be multiplied, so that the variance v becomes 1."""
        return 1 / sqrt(v + self.eps)

    def even(self, x: Node, m: Node, v: Node) -> Node:
        """x with the mean 0 and the variance 1."""
        return (x - m) * self.root(v)

    def param(self, letter: str, first: float, parts: Shape, shape: Shape, dtype: DType) -> Node:
        """A parameter of the shape `parts`, as a node of `shape`."""
        value = np.full([d or 1 for d in parts], first, dtype)
        return reshape(Param(prefixed(self.name, letter), value, layer=self.kind), shape)

    def with_gain(self, y: Node, parts: Shape, shape: Shape) -> Node:
        """y times a gain plus a bias, as far as they are wanted."""
        return self.with_bias(y * self.param("gain", 1, parts, shape, y.dtype) if self.gain else y, parts, shape)

    def with_bias(self, y: Node, parts: Shape, shape: Shape) -> Node:
        """y plus a bias, if it is wanted."""
        return y + self.param("b", 0, parts, shape, y.dtype) if self.bias else y
