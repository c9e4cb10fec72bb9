"""Arguments of layers that slide windows over maps: a number for each spatial axis, and borders."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.arguments import items, natural, positive_int
from ..graph.errors import ArgumentError, ShapeError, call_site, message
from ..graph.node import Node
from ..text import quoted

Sizes = tuple[int, ...]
"""A number for each spatial axis."""
Border = tuple[tuple[int, int], ...]
"""How many zeros before and after, for each spatial axis."""

_MAPS = {1: "(N, channels, length)", 2: "(N, channels, height, width)", 3: "(N, channels, depth, height, width)"}


def spatial_axes(x: Node, what: str) -> int:
    """How many spatial axes maps have: 1, 2 or 3."""
    axes = x.ndim - 2
    if axes not in _MAPS or x.shape[1] is None or None in x.shape[2:]:
        expected = ", ".join(_MAPS.values())
        problem = f"{what} reads maps, {expected}; this input has shape {x.shape}"
        raise ShapeError(message(problem, "sc.reshape adds axes of length 1", node=x))
    return axes


def per_axis(value: object, axes: int, what: str, least: int = 1) -> Sizes:
    """`value` for each of `axes` spatial axes: one number stands for all.

    Examples
    --------
    >>> per_axis(2, 3, "stride"), per_axis((1, 0), 2, "pad", least=0)
    ((2, 2, 2), (1, 0))
    """
    check = positive_int if least else natural
    given = items(value)
    if given is None:
        return (check(value, what),) * axes
    if len(given) != axes:
        problem = f"{what} is {quoted(value)}; expected one number, or one for each of the {axes} spatial axes"
        raise ArgumentError(message(problem, site=call_site()))
    return tuple(check(number, what) for number in given)


def border_of(pad: object, reach: Sizes, stride: Sizes, what: str) -> Border:
    """The border that `pad` asks for.

    Parameters
    ----------
    pad : int, one number for each axis, pairs (before, after), or "valid", "same", "full"
    reach : tuple of int
        How many positions a window spans along each axis, its holes counted.
    stride : tuple of int
    what : str
        Says in errors whose it is.

    Examples
    --------
    >>> border_of("same", (3, 5), (1, 1), "conv"), border_of(((0, 1), (2, 0)), (3, 3), (1, 1), "conv")
    (((1, 1), (2, 2)), ((0, 1), (2, 0)))
    """
    if isinstance(pad, str):
        return _named(pad, reach, stride, what)
    given = items(pad)
    if given is not None and any(items(sides) is not None for sides in given):
        if len(given) == len(reach) and all(len(items(sides) or ()) == 2 for sides in given):
            return tuple((_zeros(a, what), _zeros(b, what)) for a, b in map(items, given))  # type: ignore[misc]
        problem = f"{what}: the border, pad, is {quoted(pad)}; expected a pair (before, after) for each spatial axis"
        raise ArgumentError(message(problem, site=call_site()))
    return tuple((n, n) for n in per_axis(pad, len(reach), f"{what}: the width of the border, pad,", least=0))


def _zeros(number: object, what: str) -> int:
    return natural(number, f"{what}: the width of the border, pad,")


def _named(pad: str, reach: Sizes, stride: Sizes, what: str) -> Border:
    """The border of this name; "same" is refused where it would not be the same on both sides."""
    if pad in ("valid", "full"):
        return tuple((0, 0) if pad == "valid" else (size - 1, size - 1) for size in reach)
    if pad != "same":
        problem = f"{what}: the border, pad, is {pad!r}; expected numbers, 'valid', 'same' or 'full'"
        raise ArgumentError(message(problem, site=call_site()))
    if any(step > 1 for step in stride):
        problem = f"{what}: pad='same' with stride {stride}: libraries disagree where the zeros go"
        raise ArgumentError(
            message(problem, "give the border in numbers, pad=((before, after), ...)", site=call_site())
        )
    if any(size % 2 == 0 for size in reach):
        problem = f"{what}: pad='same' with windows that span {_product(reach)}: an even number has no middle"
        hint = f"say where the zero more goes: pad={tuple(((size - 1) // 2, size // 2) for size in reach)}"
        raise ArgumentError(message(problem, hint, site=call_site()))
    return tuple((size // 2, size // 2) for size in reach)


def spans(size: Sizes, dilation: Sizes) -> Sizes:
    """How many positions windows span along each axis, their holes counted.

    Examples
    --------
    >>> spans((3, 3), (1, 2))
    (3, 5)
    """
    return tuple((n - 1) * d + 1 for n, d in zip(size, dilation, strict=True))


def check_fit(x: Node, reach: Sizes, border: Border, what: str, windows: str = "filters") -> None:
    """Refuse windows that are larger than the maps with their border."""
    room = [d + before + after for d, (before, after) in zip(maps(x), border, strict=True)]
    if any(size > d for size, d in zip(reach, room, strict=True)):
        around = f" with a border, {_product(room)} in all" if any(map(any, border)) else ""
        problem = f"{what}: the {windows} of {_product(reach)} do not fit into maps of {_product(maps(x))}{around}"
        raise ShapeError(message(problem, f"use smaller {windows}, or pad the maps (pad=...)", node=x))


def maps(x: Node) -> Sizes:
    """The sizes of the spatial axes."""
    return tuple(d for d in x.shape[2:] if d is not None)


def _product(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
