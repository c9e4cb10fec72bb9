"""Which fields of a node type are inputs: those whose annotation, as Python reads it, names a type of nodes."""

from __future__ import annotations

import collections.abc
import re
import types
import typing
from typing import Any

_SEVERAL = (tuple, list, collections.abc.Sequence, collections.abc.Iterable)


def resolved(annotation: Any, names: dict[str, Any], local: collections.abc.Mapping[str, Any]) -> Any:
    """An annotation that may be written as a string, as what it stands for.

    One that cannot be evaluated, as it names what is there for type checkers alone, stays a string. So does one of this
    package, where a type of nodes is always called `Node`: nothing is evaluated when the package is imported.

    Examples
    --------
    >>> resolved("int | None", {}, {})
    int | None
    """
    if not isinstance(annotation, str) or (names.get("__package__") or "").partition(".")[0] == "symcnn":
        return annotation
    try:
        return eval(annotation, names, {**local})
    except Exception:
        return annotation


def holds_nodes(annotation: Any) -> bool:
    """Whether a field of this type holds a node, or several; a function of nodes, ``Callable[[Node], int]``, does not.

    Examples
    --------
    >>> import symcnn as sc
    >>> from collections.abc import Callable
    >>> [holds_nodes(t) for t in (sc.Node, sc.Node | None, tuple[sc.Node, ...], Callable[[sc.Node], int], int)]
    [True, True, True, False, False]
    """
    annotation = _plain(annotation)
    if isinstance(annotation, str):
        return "Callable" not in annotation and re.search(r"\bNode\b", annotation) is not None
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return hasattr(annotation, "node_fields")
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, *_SEVERAL):
        return any(map(holds_nodes, typing.get_args(annotation)))
    return False


def holds_several(annotation: Any) -> bool:
    """Whether it is a tuple or a list.

    Examples
    --------
    >>> import symcnn as sc
    >>> holds_several(tuple[sc.Node, ...]), holds_several(list[sc.Node] | None), holds_several(sc.Node)
    (True, True, False)
    """
    annotation = _plain(annotation)
    if isinstance(annotation, str):
        return re.search(r"(?i)\b(tuple|list|sequence|iterable)\[", annotation) is not None
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return any(map(holds_several, typing.get_args(annotation)))
    return typing.get_origin(annotation) in _SEVERAL


def may_be_none(annotation: Any) -> bool:
    """Whether it says that there may be none.

    Examples
    --------
    >>> may_be_none(int | None), may_be_none("Optional[int]"), may_be_none(int)
    (True, True, False)
    """
    annotation = _plain(annotation)
    if isinstance(annotation, str):
        return re.search(r"\b(None|Optional)\b", annotation) is not None
    return type(None) in typing.get_args(annotation)


def _plain(annotation: Any) -> Any:
    """Without a name given to it (``type Maps = Node``), and without what ``Annotated`` adds."""
    while hasattr(annotation, "__value__"):
        annotation = annotation.__value__
    return annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation
