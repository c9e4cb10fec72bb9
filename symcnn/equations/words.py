"""Words in formulas: names and attributes as plain text and as LaTeX, whatever signs they hold."""

from __future__ import annotations

import re
from typing import Any

from ..text import plain_text


def written(value: Any, spec: str, kind: str) -> str:
    """An attribute as it is shown: sizes as 2×2 and N×3, everything else as Python writes it."""
    if spec:
        return latex_text(format(value, spec)) if kind == "latex" else format(value, spec)
    if isinstance(value, tuple) and value and all(v is None or isinstance(v, int) for v in value):
        return (r" \times " if kind == "latex" else "×").join("N" if v is None else str(v) for v in value)
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return latex_text(text) if kind == "latex" else plain_text(text)


_LATEX = {
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\hat{\ }", "#": r"\#", "%": r"\%", "&": r"\&",
    "$": r"\$", "~": r"\sim ", "<": r"\lt ", ">": r"\gt ",
}  # fmt: skip


def latex_text(text: str) -> str:
    """`text` with what LaTeX would take for a command written as itself.

    Examples
    --------
    >>> print(latex_text("a_b"))
    a\\_b
    """
    return "".join(_LATEX.get(c, c) for c in plain_text(text))


_PLAIN = {
    written: plain
    for plain, latex in _LATEX.items()
    for written in (latex, latex.strip(), *((f"${latex.strip()}$",) if plain in "\\^~<>" else ()))
}
_COMMAND = re.compile("|".join(re.escape(c) for c in sorted(_PLAIN, key=len, reverse=True)))


def without_latex(latex: str) -> str:
    """The text that `latex_text` or `latex_words` made this of.

    Examples
    --------
    >>> without_latex(latex_text("a_b <c>")), without_latex(r"$\\lt$b")
    ('a_b <c>', '<b')
    """
    return _COMMAND.sub(lambda found: _PLAIN[found[0]], latex)


def latex_words(text: str) -> str:
    """`text` as words in a formula.

    Examples
    --------
    >>> print(latex_words("a <b>"))
    \\text{a $\\lt$b$\\gt$}
    """
    shown = (f"${_LATEX[c].strip()}$" if c in "\\^~<>" else latex_text(c) for c in plain_text(text))
    return rf"\text{{{''.join(shown)}}}"
