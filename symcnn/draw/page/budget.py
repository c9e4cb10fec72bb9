"""How large a page may be, and what is left out where a network is larger: whole maps, and the page says so."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace

import numpy as np

from ...graph.errors import GraphError, call_site, message

LIMIT = 5_000_000
"""The bytes of a page."""
MOST = 1000
"""The values that a page has steps for at most: the steps alone of a longer network are more than a page."""
_RECORD = 400
"""About what a tensor takes beside its numbers: names, shape, scale."""


@dataclass
class Kept:
    """How many of a tensor's maps (the entries of its first axis) are on the page."""

    count: int
    all: int


def room_for_numbers(others: int, tensors: int) -> int:
    """The bytes that are left for numbers, which stand in a page as base64 text, beside what else is there."""
    return (LIMIT - others - _RECORD * tensors) * 3 // 4


def kept_maps(sizes: dict[str, tuple[tuple[int, ...], int]], room: int) -> dict[str, Kept]:
    """For each tensor that is too much: how many of its maps stay.

    Parameters
    ----------
    sizes : {key: (shape, width)}
        Of all tensors; the width is that of one number at all moments, in bytes.
    room : int
        In bytes.

    Raises
    ------
    GraphError
        If not even one map of each tensor fits.

    Examples
    --------
    >>> kept_maps({"z": ((64, 10, 10), 4), "x": ((10, 10), 4)}, 8000)
    {'z': Kept(count=16, all=64)}
    """
    count = {key: shape[0] if shape else 1 for key, (shape, _) in sizes.items()}
    each = {key: width * int(np.prod(shape[1:])) for key, (shape, width) in sizes.items()}
    total = sum(count[key] * each[key] for key in sizes)
    largest = [(-count[key] * each[key], n, key) for n, key in enumerate(sizes) if count[key] > 1]
    heapify(largest)
    while total > room:
        if not largest:
            key = max(sizes, key=lambda key: count[key] * each[key])
            raise too_large(f"one map of {key} alone has {each[key]:,} bytes")
        _, n, key = largest[0]
        smaller = (count[key] + 1) // 2
        total -= (count[key] - smaller) * each[key]
        count[key] = smaller
        if smaller > 1:
            heapreplace(largest, (-smaller * each[key], n, key))
        else:
            heappop(largest)
    return {k: Kept(count[k], s[0]) for k, (s, _) in sizes.items() if s and count[k] < s[0]}


def too_large(why: str) -> GraphError:
    """The refusal of a page that would be too large."""
    what = f"a page of this network would be larger than {LIMIT // 10**6} MB: {why}"
    hint = "explain a smaller part of it, or on a smaller input; sc.draw(J) folds networks of any length"
    return GraphError(message(what, hint, site=call_site()))
