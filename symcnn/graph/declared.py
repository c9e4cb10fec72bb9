"""What a node type says of itself beside its rules: read from a node, and refused where it fits nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..text import quoted
from .errors import NodeTypeError, SymcnnError, message, rule_failed
from .window import misfit

if TYPE_CHECKING:
    from .node import Node
    from .window import Influence, Windows

_WORDS = ("slope", "paired", "first maximum")
"""What a unit can count beside a factor; see `Node.influence`."""


def windows_of(node: Node) -> tuple[Windows, ...]:
    """What `node.windows()` says, one an input.

    Raises
    ------
    NodeTypeError
        If it fails, or returns something else.
    """
    said = _said(node, "windows")
    if wrong := misfit(said, [i.shape for i in node.inputs], node.ndim):
        raise NodeTypeError(message(wrong, node=node))
    return tuple(said)


def influence_of(node: Node) -> tuple[Influence, ...]:
    """What `node.influence()` says, one an input.

    Raises
    ------
    NodeTypeError
        If it fails, or returns something else.
    """
    said = _said(node, "influence")
    if wrong := misfit_of_influence(said, len(node.inputs)):
        raise NodeTypeError(message(wrong, node=node))
    return tuple(said)


def sentences_of(node: Node) -> tuple[str, tuple[str, ...]]:
    """What `node.sentences()` says, of the forward rule, and of what the backward rule sends to each input.

    Raises
    ------
    NodeTypeError
        If it fails, or these are no such texts.
    """
    said = _said(node, "sentences")
    if wrong := misfit_of_sentences(said, len(node.inputs)):
        raise NodeTypeError(message(wrong, node=node))
    forward, backward = said
    return forward, (backward,) * len(node.inputs) if isinstance(backward, str) else backward


def _said(node: Node, method: str) -> Any:
    """What a method without arguments returns, whatever that is."""
    try:
        return getattr(node, method)()
    except (SymcnnError, MemoryError):
        raise
    except Exception as error:
        raise rule_failed(node, method, error) from error


def misfit_of_influence(declared: object, count: int) -> str:
    """What is wrong with an influence for `count` inputs; "" for nothing.

    Examples
    --------
    >>> misfit_of_influence((0.5, "slope", None), 3)
    ''
    >>> misfit_of_influence((1,), 1)
    'influence says 1; expected a finite float, "slope", "paired", "first maximum" or None'
    """
    if not isinstance(declared, tuple) or len(declared) != count:
        return f"influence returned {quoted(declared)}; expected a tuple of {count}, one an input"
    for said in declared:
        is_factor = isinstance(said, float) and math.isfinite(said)
        is_word = said is None or (isinstance(said, str) and said in _WORDS)
        if not (is_factor or is_word):
            words = ", ".join(f'"{word}"' for word in _WORDS)
            return f"influence says {quoted(said)}; expected a finite float, {words} or None"
    return ""


def misfit_of_sentences(said: object, count: int) -> str:
    """What is wrong with the sentences of a node of `count` inputs; "" for nothing.

    Examples
    --------
    >>> misfit_of_sentences(("Both are added.", ("The first gets it.", "The second, too.")), 2)
    ''
    """
    if isinstance(said, tuple) and len(said) == 2 and isinstance(said[0], str):
        texts = said[1] if isinstance(said[1], tuple) and len(said[1]) == count else said[1:]
        if all(isinstance(text, str) for text in texts):
            return ""
    expected = f"two texts, for the forward and for the backward rule; or for that a tuple of {count}, one an input"
    return f"sentences returned {quoted(said)}; expected {expected}"
