"""How large a page may be, and what is left out where a network is larger: whole maps, and the page says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CAP = 3_400_000
"""The bytes of all numbers together: as text 4/3 of it, which leaves room for the shell and the diagram below 5 MB."""


@dataclass
class Kept:
    """How many of a tensor's maps (the entries of its first axis) are on the page."""

    count: int
    all: int


def kept_maps(sizes: dict[str, tuple[tuple[int, ...], int]], cap: int = CAP) -> dict[str, Kept]:
    """For each tensor that is too much: how many of its maps stay.

    Parameters
    ----------
    sizes : {key: (shape, moments)}
        Of all tensors, and how often each is recorded.
    cap : int
        In bytes.

    Examples
    --------
    >>> kept_maps({"z": ((64, 10, 10), 1), "x": ((10, 10), 1)}, 8000)
    {'z': Kept(count=16, all=64)}
    """
    count = {key: shape[0] if shape else 1 for key, (shape, _) in sizes.items()}
    each = {key: 4 * moments * int(np.prod(shape[1:])) for key, (shape, moments) in sizes.items()}
    total = sum(count[key] * each[key] for key in sizes)
    while total > cap:
        largest = max(sizes, key=lambda key: (count[key] > 1, count[key] * each[key]))
        if count[largest] <= 1:
            break
        smaller = (count[largest] + 1) // 2
        total -= (count[largest] - smaller) * each[largest]
        count[largest] = smaller
    return {k: Kept(count[k], s[0]) for k, (s, _) in sizes.items() if s and count[k] < s[0]}


def cut(array: NDArray[np.float32], kept: Kept | None) -> NDArray[np.float32]:
    """The maps that stay."""
    return array if kept is None else array[: kept.count]
