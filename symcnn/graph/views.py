"""What stands above the graph and is asked for on its objects: equations, pictures, runs. It is found by name.

`Node.equation` is written by `symcnn.equations`, which stands above the graph and so cannot be imported by it. The
node asks here; `symcnn/__init__.py` says once where each view is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from .apart import load

_PLACES: dict[str, str] = {}
_FOUND: dict[str, Callable[..., Any]] = {}


def provide(places: Mapping[str, str]) -> None:
    """Say where views are: ``{"equation": "symcnn.equations.lines:equation_of"}``. Nothing is loaded."""
    _PLACES.update(places)


def view(name: str) -> Callable[..., Any]:
    """The function of this name, from its module, which is loaded when it is first asked for.

    Examples
    --------
    >>> provide({"root": "math:sqrt"})
    >>> view("root")(9)
    3.0
    """
    if name not in _FOUND:
        module, _, function = _PLACES[name].partition(":")
        _FOUND[name] = attrgetter(function)(load(module))
    return _FOUND[name]
