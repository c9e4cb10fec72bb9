"""How wide a text is, estimated generously: a picture is laid out without asking any font."""

from __future__ import annotations

import unicodedata

_NARROW = frozenset("iljI.,:;|!'()[]{}ftr ′″‴·-/\\`")
_WIDE = frozenset("mwMWGOQ@%∇∂Σ∞⊙→…−+=<>≥≤∗*—&#^×")


def text_width(text: str, size: float) -> float:
    """The width of `text` in a font of `size` pixels, rather too large than too small.

    Examples
    --------
    >>> text_width("ill", 10) < text_width("www", 10)
    True
    """
    return size * sum(_advance(c) for c in text)


def _advance(c: str) -> float:
    if c in _NARROW:
        return 0.42
    if c in _WIDE:
        return 0.92
    if unicodedata.combining(c):
        return 0.0
    if unicodedata.east_asian_width(c) in "WF" or ord(c) > 0xFFFF:
        return 1.15
    return 0.72 if c.isupper() or ord(c) > 0x2FF else 0.64


def wrapped(text: str, size: float, width: float, most: int) -> list[str]:
    """`text` in lines of at most `width`, broken at spaces where there are any; "…" where it takes more than `most`.

    Examples
    --------
    >>> wrapped("a long line of text", 10, 50, 3)
    ['a long', 'line of', 'text']
    """
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if text_width(longer, size) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = _chopped(word, size, width)
        lines.extend(full)
    lines.append(line)
    if len(lines) > most:
        lines = [*lines[: most - 1], _shortened(lines[most - 1], size, width)]
    return lines


def _chopped(word: str, size: float, width: float) -> list[str]:
    """A word in pieces of at most `width`."""
    pieces, piece, taken = [], "", 0.0
    for c in word:
        step = text_width(c, size)
        if piece and taken + step > width:
            pieces.append(piece)
            piece, taken = "", 0.0
        piece, taken = piece + c, taken + step
    return [*pieces, piece]


def _shortened(line: str, size: float, width: float) -> str:
    while line and text_width(f"{line} …", size) > width:
        line = line[:-1]
    return f"{line} …"
