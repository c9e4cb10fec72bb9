"""The errors of the house: each says what went wrong, with which node, and where it was made.

Every class is also the built-in exception that a caller would expect, so ``except ValueError``
catches a wrong shape.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from ..text import plain_lines, safe_repr
from .scope import Call, outermost_call

if TYPE_CHECKING:
    from .node import Node


_T = TypeVar("_T")


class SymcnnError(Exception):
    """The base of all errors that symcnn raises on purpose."""


class ShapeError(SymcnnError, ValueError):
    """Shapes or sizes that do not fit together."""


class DTypeError(SymcnnError, TypeError):
    """A dtype or a kind of object that cannot stand here."""


class ArgumentError(SymcnnError, ValueError):
    """An option outside its range."""


class GraphError(SymcnnError, ValueError):
    """A graph that cannot be used as asked: a cycle, two inputs of one name."""


class GradientError(SymcnnError, ValueError):
    """A gradient that does not exist: of something unconnected, or of a non-scalar without a seed."""


class NodeTypeError(SymcnnError, TypeError):
    """A node type that breaks its contract: a backward rule of the wrong count or shape, ..."""


class FeedError(SymcnnError, ValueError):
    """A program was run with missing, unknown or unfitting arrays."""


class NonFiniteError(SymcnnError, ArithmeticError):
    """The NaN guard: a value became NaN or infinite."""


class NotRunError(SymcnnError, KeyError):
    """The value of a node was asked for that the run did not compute."""

    __str__ = Exception.__str__  # that of KeyError puts the text in quotes


class FrozenError(SymcnnError, AttributeError):
    """A field of a node was to be set: a node never changes."""


class SizeError(SymcnnError, MemoryError):
    """A value that does not fit into memory."""


class SymcnnWarning(UserWarning):
    """The base of what symcnn warns of: a graph that can be run, but is hardly meant so.

    Examples
    --------
    >>> import warnings
    >>> import symcnn as sc
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", sc.errors.DTypeWarning)
    ...     (sc.Input("x", (2,)) * sc.Param("w", [0.5, 1.5])).dtype
    dtype('float64')
    """


class DTypeWarning(SymcnnWarning):
    """Numbers of two real dtypes meet, and all that follows is computed in the wider one."""


class BroadcastWarning(SymcnnWarning):
    """A column and a row of the same length, (N, 1) and (N,), become N x N."""


class SpeedWarning(SymcnnWarning):
    """A program does most of its work without native code, and another declaration of its inputs would mend that.

    Examples
    --------
    >>> import warnings
    >>> warnings.simplefilter("ignore", SpeedWarning)  # where that is meant
    """


@dataclass(frozen=True, slots=True)
class Site:
    """The line of the user's code that made a node; `rule` says if a node type's rule stood between.

    What a command of this package makes by itself has no such line: `file` is empty. `layer` is the call of a layer
    within which the node was made, or within which what the rule belongs to was made.
    """

    file: str
    line: int
    rule: str = ""
    layer: Call | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file else ""
        made = f"made by the {self.rule}, {place}" if self.rule else f"made at {place}"
        return made if place else "made by the command symcnn"


@dataclass(frozen=True, slots=True)
class _MadeFor:
    site: Site
    serial: int | None


_COMMAND = "symcnn.cli"
_PASSED = {"symcnn", "numpy", "functools"}
_MADE_FOR: ContextVar[_MadeFor | None] = ContextVar("symcnn_made_for", default=None)


def call_site() -> Site:
    """The nearest frame outside this package and what it passes through, or the site given by `made_by_rule`."""
    given = _MADE_FOR.get()
    if given is not None:
        return given.site
    frame = _users_frame()
    place = ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
    return Site(*place, layer=outermost_call())


def _users_frame() -> FrameType | None:
    """The nearest frame outside this package and what it passes through; None within a command of the package."""
    inner = frame = sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", ""), frame.f_code):
        inner, frame = frame, frame.f_back
    command = inner.f_code.co_name == "main" and inner.f_globals.get("__name__") == _COMMAND
    return None if command else frame  # the script that calls the command line is no code of the user's


def is_users_own() -> bool:
    """Whether a node made now is one that the user writes: not made by a rule, nor in place of another."""
    return _MADE_FOR.get() is None


def warn(kind: type[SymcnnWarning], what: str, *details: str) -> None:
    """Warn of what the user's line does; Python shows it once for that line."""
    frame = _users_frame() or sys._getframe(1)
    silence = f'to silence it: warnings.simplefilter("ignore", symcnn.errors.{kind.__name__})'
    warnings.warn_explicit(
        message(what, *details, silence),
        kind,
        frame.f_code.co_filename,
        frame.f_lineno,
        frame.f_globals.get("__name__"),
        frame.f_globals.setdefault("__warningregistry__", {}),
    )


def given_serial() -> int | None:
    """The serial number that a node made now inherits, if it replaces another."""
    given = _MADE_FOR.get()
    return None if given is None else given.serial


def _is_ours(module: str, code: CodeType) -> bool:
    """Whether a frame is this package's, NumPy's (a ufunc called on a node), or the __init__ of a dataclass."""
    return module.partition(".")[0] in _PASSED or (code.co_name == "__init__" and code.co_filename == "<string>")


def made_by_rule(node: Node, rule: str, work: Callable[..., _T], *args: Any) -> _T:
    """What `work` returns; nodes that it makes carry `node`'s line: what a backward rule makes, the user made there."""
    return _made_for(_MadeFor(replace(node.site, rule=f"{rule} of {node.label}"), None), work, args)


def in_place_of(node: Node, work: Callable[..., _T], *args: Any) -> _T:
    """What `work` returns; nodes that it makes take over `node`'s site, and its place in the order: the rewriter's."""
    return _made_for(_MadeFor(node.site, node.serial), work, args)


def _made_for(given: _MadeFor, work: Callable[..., _T], args: tuple[Any, ...]) -> _T:
    """In a context of its own: wherever an interrupt ends it, nothing is left behind."""
    context = copy_context()
    context.run(_MADE_FOR.set, given)
    return context.run(work, *args)


def message(what: str, *details: str, node: Node | None = None, site: Site | None = None) -> str:
    """The text of an error: one sentence, then an indented line for each detail and for the site."""
    if node is not None:
        what = f"{node.label}: {what}"
        site = site or node.__dict__.get("site") or call_site()
    lines = [what, *details, *([str(site)] if site and site.file else [])]
    return plain_lines("\n  ".join(lines))


def place_of(rule: object) -> str:
    """Where a rule of a node type is written."""
    code = getattr(rule, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else safe_repr(rule)


def rule_failed(node: Node, rule: str, error: Exception) -> NodeTypeError:
    """What to raise, from `error`, where a rule of a node type raised that: "forward", "backward", "windows", ..."""
    name = f"the {rule} rule" if rule in ("forward", "backward") else rule
    place = f"the rule is at {place_of(getattr(type(node), rule))}"
    told = f"{type(error).__name__}: {error}".removesuffix(": ")
    return NodeTypeError(message(f"{name} failed: {told}", place, node=node))
