"""How values are written into messages: shortened, on one line, and without signs that act on a terminal or a page."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_LONGEST = 80
_JOINERS = "\u200c\u200d"
"""Signs without a width that people write: in Persian, in Hindi, in the middle of an emoji."""


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


def shape_text(shape: Sequence[int | None]) -> str:
    """A shape with N for the batch.

    Examples
    --------
    >>> shape_text((None, 20)), shape_text((None,)), shape_text(())
    ('(N, 20)', '(N,)', '()')
    """
    return str(tuple(shape)).replace("None", "N")
