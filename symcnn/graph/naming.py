"""Names for the parameters of a graph that are all different: what one saves them by.

A parameter's own name is what its layer or the user has called it; two may share one. Within a graph, each gets a
name of its own from that: ``conv1.W`` and ``conv2.W`` for the W of two unnamed convolutions. It depends on the names
and on the order in which the parameters were made, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import count
from typing import TYPE_CHECKING

from ..text import quoted, shown
from .errors import DTypeError, GraphError, call_site, message

if TYPE_CHECKING:
    from .leaves import Param

_LISTED = 12
"""How many names an error lists."""


@dataclass
class _Layer:
    """Parameters that have the first part of their names in common: W and b of ``conv1``; or one that stands alone."""

    base: str
    unnamed: bool
    params: dict[str, Param] = field(default_factory=dict)

    def named(self, number: str = "") -> dict[str, Param]:
        head = f"{self.base}{'_' if number and self.base[-1:].isdigit() else ''}{number}"
        return {f"{head}.{letter}" if letter else head: param for letter, param in self.params.items()}


def named(params: Sequence[Param]) -> dict[str, Param]:
    """The parameters by names that are all different.

    What only one has stays as it is. Layers without a name are called by their kind and a number, from 1 on; layers or
    parameters that share a name get numbers, too. Numbers that would make a name that is there are left out.

    Examples
    --------
    >>> import symcnn as sc
    >>> w = [sc.Param(name, [0.0]) for name in ("out.W", "out.b", "out.W", "out.b", "scale")]
    >>> list(named(w))
    ['out1.W', 'out1.b', 'out2.W', 'out2.b', 'scale']
    """
    alike = _layers(params)
    found: dict[str, Param] = {}
    several = []
    for layers in alike:
        if len(layers) > 1 or layers[0].unnamed:
            several.append(layers)
        else:
            found |= layers[0].named()
    for layers in several:
        numbers = count(1)
        for layer in layers:
            while (new := layer.named(str(next(numbers)))).keys() & found.keys():
                pass
            found |= new
    order = {param: name for name, param in found.items()}
    return {order[param]: param for param in params}


def _layers(params: Sequence[Param]) -> list[list[_Layer]]:
    """The layers, those with the same name together. A letter that a layer has begins the next one."""
    alike: dict[tuple[str, bool, bool], list[_Layer]] = {}
    for param in params:
        head, _, letter = param.name.rpartition(".")
        if not (head and letter):
            head, letter = (param.layer, param.name) if param.layer else (param.name or "param", "")
        unnamed = bool(param.layer) and letter == param.name
        layers = alike.setdefault((head, unnamed, bool(letter)), [])
        if not layers or letter in layers[-1].params:
            layers.append(_Layer(head, unnamed))
        layers[-1].params[letter] = param
    return list(alike.values())


def found_by_name(name: str, known: dict[str, Param]) -> Param:
    """The parameter that `known` has by this name, or the only one that was given it.

    Raises
    ------
    GraphError
        If there is none, with names that are near; or if several were given it, with the names that tell them apart.
    """
    if not isinstance(name, str):
        raise DTypeError(message(f"the name of a parameter is {quoted(name)}; it must be a string", site=call_site()))
    if name in known:
        return known[name]
    given = [unique for unique, param in known.items() if param.name == name]
    if len(given) == 1:
        return known[given[0]]
    if given:
        problem = f"{len(given)} parameters were named {quoted(name)}"
        raise GraphError(message(problem, f"here they are called {_listed(given)}", site=call_site()))
    near = get_close_matches(name, known, n=3) or list(known)
    hint = f"there are {_listed(near)}" if known else "there are no parameters"
    raise GraphError(message(f"no parameter is called {quoted(name)}", hint, site=call_site()))


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - _LISTED} more"] if len(names) > _LISTED else []
    return ", ".join([*map(shown, names[:_LISTED]), *more])
