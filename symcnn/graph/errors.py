"""The errors of the house: each says what went wrong, with which node, and where it was made.

Every class is also the built-in exception that a caller would expect, so ``except ValueError``
catches a wrong shape.
"""

from __future__ import annotations

import operator
import sys
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, TypeVar

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

    What a command of this package makes by itself has no such line: `file` is empty.
    """

    file: str
    line: int
    rule: str = ""

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
_LONGEST = 80
_JOINERS = "\u200c\u200d"
"""Signs without a width that people write: in Persian, in Hindi, in the middle of an emoji."""

_MADE_FOR: ContextVar[_MadeFor | None] = ContextVar("symcnn_made_for", default=None)


def call_site() -> Site:
    """The nearest frame outside this package and what it passes through, or the site given by `made_by_rule`."""
    given = _MADE_FOR.get()
    if given is not None:
        return given.site
    frame = _users_frame()
    return Site("", 0) if frame is None else Site(frame.f_code.co_filename, frame.f_lineno)


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
    return _made_for(_MadeFor(Site(node.site.file, node.site.line, f"{rule} of {node.label}"), None), work, args)


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


def safe_repr(thing: object) -> str:
    """The ``repr`` of anything, also of an object whose ``repr`` raises."""
    try:
        return repr(thing)
    except Exception as error:
        return f"<{type(thing).__name__}, whose repr raises {type(error).__name__}>"


def quoted(value: object) -> str:
    """`value` as it is written in Python, shortened in the middle: names and wrong arguments for messages.

    Examples
    --------
    >>> quoted("conv1"), len(quoted("x" * 1000))
    ("'conv1'", 80)
    """
    text = " ".join(line.strip() for line in safe_repr(value).splitlines())
    half = (_LONGEST - 5) // 2
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 5 - half]} ... {text[-half:]}"


def plain_text(text: str) -> str:
    """`text` as it may reach a terminal, a picture or a page: on one line, and every sign that acts instead of standing
    there (control signs, marks that turn the direction of writing, lone surrogates) as Python escapes it.

    All names that users give are shown through this, or through `quoted`.

    Examples
    --------
    >>> print(plain_text("größe 名前"), plain_text("two\\nlines"), plain_text("\\x1b[31m \\u202eabc"))
    größe 名前 two lines \\x1b[31m \\u202eabc
    """
    return text if text.isprintable() else "".join(map(_printed, text))


def plain_lines(text: str) -> str:
    """The same for a text of several lines, which stay lines."""
    return "\n".join(map(plain_text, text.split("\n")))


def _printed(sign: str) -> str:
    if sign.isspace():
        return " "
    acts = unicodedata.category(sign) in ("Cc", "Cf", "Cs") or ord(sign) & 0xFFFE == 0xFFFE
    return sign.encode("unicode_escape").decode() if acts and sign not in _JOINERS else sign


def shown(name: str) -> str:
    """A name inside a sentence: as it is where it is short and printable, else `quoted`."""
    return name if len(name) <= _LONGEST and name.isprintable() else quoted(name)


def called(kind: str, name: object) -> str:
    """How errors speak of a builder's call: ``conv 'c1'``, or ``conv`` where it got no name."""
    return kind if isinstance(name, str) and not name else f"{kind} {quoted(name)}"


def positive_int(value: object, what: str) -> int:
    """`value` as an int of at least 1.

    Raises
    ------
    DTypeError
        For a float, a bool or anything else that is no whole number.
    ArgumentError
        For 0 and negative numbers.
    """
    return _at_least(1, value, what)


def natural(value: object, what: str) -> int:
    """`value` as an int of at least 0; errors as for `positive_int`."""
    return _at_least(0, value, what)


def _at_least(least: int, value: object, what: str) -> int:
    number = whole(value, what)
    if number < least:
        raise ArgumentError(message(f"{what} is {number}; it must be at least {least}", site=call_site()))
    return number


def whole(value: object, what: str) -> int:
    """`value` as an int; floats and bools are refused, NumPy's integers are fine."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise DTypeError(message(f"{what} is {quoted(value)}; it must be a whole number", site=call_site())) from None


def chosen(value: object, options: tuple[str, ...], what: str) -> str:
    """`value`, which must be one of the texts `options`.

    Raises
    ------
    ArgumentError
        Otherwise; the message lists the options.
    """
    if isinstance(value, str) and value in options:
        return value
    listed = ", ".join(repr(o) for o in options[:-1])
    raise ArgumentError(
        message(f"{what} {quoted(value)} is not known; expected {listed} or {options[-1]!r}", site=call_site())
    )


def items(value: object) -> list[Any] | None:
    """What a tuple, a list or an array with axes holds, one level deep; None for any other thing.

    Examples
    --------
    >>> items((1, 2)), items(3), items("ab")
    ([1, 2], None, None)
    """
    if isinstance(value, tuple | list):
        return list(value)
    unpack = getattr(value, "tolist", None) if not isinstance(value, type) and getattr(value, "ndim", 0) > 0 else None
    found = unpack() if unpack else None
    return found if isinstance(found, list) else None


def listed(value: object) -> list[Any] | None:
    """What anything holds that can be gone through, a generator too; None for text, a mapping, and all other things.

    Examples
    --------
    >>> listed(n * n for n in (1, 2)), listed("ab"), listed({"a": 1}), listed(3)
    ([1, 4], None, None, None)
    """
    if isinstance(value, str | bytes | Mapping):
        return None
    try:
        return list(value)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        return None


def flag(value: object, what: str) -> bool:
    """`value` as True or False, which it must be: text such as "no" would be true. 0 and 1 are fine.

    Examples
    --------
    >>> flag(True, "bias"), flag(0, "bias")
    (True, False)
    """
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_") or (type(value) is int and value in (0, 1)):
        return bool(value)
    raise DTypeError(message(f"{what} is {quoted(value)}; expected True or False", site=call_site()))


def pair(value: object, what: str) -> tuple[int, int]:
    """`value` as (height, width): one number stands for both.

    Examples
    --------
    >>> pair(2, "size"), pair((1, 3), "size")
    ((2, 2), (1, 3))
    """
    sides = items(value)
    if sides is None:
        number = positive_int(value, what)
        return number, number
    if len(sides) != 2:
        what = f"{what} is {quoted(value)}; give one number or (height, width)"
        raise ArgumentError(message(what, site=call_site()))
    return positive_int(sides[0], what), positive_int(sides[1], what)
