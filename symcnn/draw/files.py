"""Pictures as files: the format by the ending of the name, and never half a file.

SVG and DOT are text that the house writes itself. PNG and PDF are laid out by Graphviz: by the program ``dot`` where it
is on the PATH, else by the package pygraphviz, whose wheels bring Graphviz along.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..graph.errors import ArgumentError, DTypeError, SymcnnError, call_site, message
from ..text import quoted

if TYPE_CHECKING:
    import graphviz

DPI = "144"
"""Of a PNG: twice that of a screen, so that a label of 10 points can be read."""

Writers = Mapping[str, Callable[[], bytes]]
"""For each format that a picture has: a function that makes the content of the file."""


def writers(svg: Callable[[], str], graph: Callable[[], graphviz.Digraph] | None = None) -> Writers:
    """The formats of a picture.

    Parameters
    ----------
    svg : callable
        () -> the picture as SVG.
    graph : callable, optional
        () -> the picture for Graphviz: it makes .dot, .gv, .png and .pdf.

    Examples
    --------
    >>> sorted(writers(lambda: "<svg/>"))
    ['svg']
    """
    made: dict[str, Callable[[], bytes]] = {"svg": lambda: svg().encode()}
    if graph is not None:
        made["dot"] = made["gv"] = lambda: str(graph().source).encode()
        made["png"] = lambda: rendered(graph(), "png")
        made["pdf"] = lambda: rendered(graph(), "pdf")
    return made


def save(path: str | os.PathLike[str], formats: Writers) -> Path:
    """Write a picture to a file, in the format that the ending names. A failure leaves what was there before.

    Parameters
    ----------
    path : str or path
    formats : mapping
        From `writers`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ArgumentError
        For an ending that stands for none of the formats, a folder that is not there, or a name that is a folder's.
    SymcnnError
        For .png and .pdf where there is no Graphviz.
    """
    try:
        file = Path(os.fsdecode(path))
    except TypeError:
        raise DTypeError(
            message(f"the name of a file must be a string, got {quoted(path)}", site=call_site())
        ) from None
    kind = file.suffix.lower().removeprefix(".")
    if kind not in formats:
        raise ArgumentError(_unknown_ending(file, formats))
    _check_place(file)
    replace(file, formats[kind]())
    return file


def replace(file: Path, content: bytes) -> None:
    """Give `file` a new content, all of it or none: it is written beside it and then takes its place."""
    file = file.resolve()  # a link stays one
    if file.exists() and not file.is_file():
        file.write_bytes(content)  # a device or a pipe has no place to take
        return
    before = file.stat() if file.exists() else None
    if before and not os.access(file, os.W_OK):
        raise PermissionError(f"{file} is write-protected")
    beside = file.with_name(f".symcnn-{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as out:
            out.write(content)
        if before:
            beside.chmod(before.st_mode & 0o777)
        beside.replace(file)
    except BaseException as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(beside):
            raise OSError(error.errno, error.strerror, str(file)) from None  # not of the name beside it
        raise


def _unknown_ending(file: Path, formats: Writers) -> str:
    known = ", ".join(f".{kind}" for kind in formats)
    problem = f"the ending of {quoted(file.name)} names no format that this picture has"
    example = quoted((file.stem.strip(".") or "picture") + f".{next(iter(formats))}")
    other = ["a browser or rsvg-convert makes other formats of an .svg"] if "svg" in formats else []
    return message(problem, f"expected {known}: for example {example}", *other, site=call_site())


def _check_place(file: Path) -> None:
    """Say what is wrong with a place before anything is drawn."""
    try:
        whole = file.resolve()
        place = whole if file.is_symlink() else file  # the file that a link stands for
        place.exists()
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte, 300 letters, links in a circle
        problem = f"{quoted(str(file))} cannot be the name of a file: {error}"
        raise ArgumentError(message(problem, site=call_site())) from None
    if place.is_dir():
        raise ArgumentError(message(f"{quoted(str(file))} is a folder; name a file in it", site=call_site()))
    if not place.parent.is_dir():
        problem = f"there is no folder {quoted(str(place.parent))} to write {quoted(place.name)} into"
        raise ArgumentError(message(problem, site=call_site()))


# Graphviz ----------------------------------------------------------------------------------


def rendered(graph: graphviz.Digraph, kind: str) -> bytes:
    """What Graphviz makes of a graph.

    Parameters
    ----------
    graph : graphviz.Digraph
    kind : "png", "pdf", "svg", ...

    Raises
    ------
    SymcnnError
        Where there is neither ``dot`` nor pygraphviz, or Graphviz fails; the message says what helps.
    """
    if kind == "png":
        graph.attr(dpi=DPI)
    way = _by_dot if shutil.which("dot") else _by_pygraphviz if has_pygraphviz() else None
    if way is None:
        raise SymcnnError(
            message(
                f"a .{kind} needs Graphviz: there is neither the program dot on the PATH nor the package pygraphviz",
                "pip install 'symcnn[graphviz]' brings it along",
                ".svg and .dot need nothing: save the picture as one of them",
                site=call_site(),
            )
        )
    return way(graph, kind)


def has_pygraphviz() -> bool:
    """Whether the package pygraphviz is installed."""
    return find_spec("pygraphviz") is not None


def _by_dot(graph: graphviz.Digraph, kind: str) -> bytes:
    import graphviz

    try:
        content: bytes = graph.pipe(kind, quiet=True)
    except (graphviz.CalledProcessError, OSError) as error:
        raise _failure(kind, error, getattr(error, "stderr", b"")) from error
    return content


def _by_pygraphviz(graph: graphviz.Digraph, kind: str) -> bytes:
    try:
        import pygraphviz

        content: bytes = pygraphviz.AGraph(string=str(graph.source)).draw(format=kind, prog="dot")
    except Exception as error:  # the package wraps a library in C: whatever it says, the user should read
        raise _failure(kind, error) from error
    return content


def _failure(kind: str, error: Exception, said: Any = b"") -> SymcnnError:
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said or "")
    reason = " ".join((text or f"{type(error).__name__}: {error}").split())
    return SymcnnError(
        message(f"Graphviz made no .{kind}: {reason}", ".svg and .dot are made without it", site=call_site())
    )
