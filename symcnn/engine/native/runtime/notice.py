"""A line that says what takes so long, for whoever waits at a terminal."""

from __future__ import annotations

import contextlib
import sys
from types import TracebackType
from typing import TextIO


class Notice:
    """Says on standard error what is being done once it is called, and takes that back at the end of its block.

    Where standard error is no terminal, nothing is written.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> with Notice("compiling 361 nodes ...") as late:  # in a doctest, standard error is no terminal
    ...     late()
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._shown_on: TextIO | None = None

    def __call__(self) -> None:
        """It takes long: say so, unless that is said already."""
        stream = sys.stderr
        with contextlib.suppress(OSError, ValueError):  # it may be closed
            if self._shown_on is None and stream is not None and stream.isatty():
                self._shown_on = stream
                stream.write(self._text)
                stream.flush()

    def __enter__(self) -> Notice:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown_on is not None:
            with contextlib.suppress(OSError, ValueError):
                self._shown_on.write(f"\r{' ' * len(self._text)}\r")
                self._shown_on.flush()
