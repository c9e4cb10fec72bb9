"""What a notebook shows of an object at the end of a cell: always its text, and a richer form where one can be made."""

from __future__ import annotations

from collections.abc import Callable

from ..text import safe_repr
from .tables import MOST


def bundle(thing: object, kind: str = "", form: Callable[[], str | None] | None = None) -> dict[str, str]:
    """What `_repr_mimebundle_` returns. It never raises, and holds no text that cannot be sent.

    Parameters
    ----------
    thing : object
        Whose ``repr`` is the text.
    kind : str
        The MIME type of the richer form.
    form : callable, optional
        () -> the richer form, or None where it would take too long. What it raises is told below the text.

    Returns
    -------
    dict of str to str
        Texts by MIME type.

    Examples
    --------
    >>> bundle(1, "text/html", lambda: "<b>1</b>")
    {'text/html': '<b>1</b>', 'text/plain': '1'}
    >>> bundle(1, "text/html", lambda: "<b>" + 1)
    {'text/plain': '1\\n(shown as text alone: can only concatenate str (not "int") to str)'}
    """
    text, rich = _text(thing), None
    try:
        rich = form() if form else None
    except Exception as error:  # what a node type of the user's own does may raise anything
        text += f"\n(shown as text alone: {_reason(error)})"
    made = {"text/plain": text} if rich is None else {kind: rich, "text/plain": text}
    return {mime: _sendable(content) for mime, content in made.items()}


def _text(thing: object) -> str:
    """The ``repr``, of very many lines without its middle."""
    lines = safe_repr(thing).splitlines()
    half = MOST // 2
    if len(lines) > MOST:
        lines[half:-half] = [f"... {len(lines) - 2 * half:,} more lines; print shows them ..."]
    return "\n".join(lines)


def _reason(error: Exception) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__


def _sendable(text: str) -> str:
    """Lone surrogates, which no message to a notebook can hold, become question marks."""
    return text.encode(errors="replace").decode()
