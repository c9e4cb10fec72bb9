"""How wide a text is, estimated generously: a picture is laid out without asking any font."""

from __future__ import annotations

import unicodedata

_WIDTHS = {
    0.25: "′", 0.3: "'IJijl", 0.35: " ,./:;\\|·", 0.4: "()-[]ft″", 0.45: "!rᵀ₀₁₂₃₄₅₆₇₈₉ₓ²", 0.5: "\"*_`‖",
    0.55: "?csz∂‴", 0.6: "FLkvxy", 0.65: "$0123456789EPSTYabdeghnopqu{}δΣσθ", 0.7: "ABCKRVXZ∇", 0.75: "NU",
    0.8: "&DGHOQ",
    0.85: "#+<=>^w~×−∗⊙∞→≥≤", 0.9: "M", 0.95: "%", 1.0: "@Wm…",
}  # fmt: skip
"""How wide characters are in parts of the size: in DejaVu Sans, one of the widest fonts, rounded up."""
_WIDTH = {c: width for width, characters in _WIDTHS.items() for c in characters}


def text_width(text: str, size: float) -> float:
    """The width of `text` in a font of `size` pixels, rather too large than too small.

    Examples
    --------
    >>> text_width("ill", 10) < text_width("www", 10)
    True
    """
    return size * sum(_advance(c) for c in text)


def _advance(c: str) -> float:
    if c in _WIDTH:
        return _WIDTH[c]
    if unicodedata.combining(c):
        return 0.0
    if unicodedata.east_asian_width(c) in "WF" or ord(c) > 0xFFFF:
        return 1.15
    return 0.85 if ord(c) > 0x2FF else 0.75


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
