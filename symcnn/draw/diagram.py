"""`Diagram`: the picture of a sweep, as SVG and as DOT."""

from __future__ import annotations

import os
import shlex
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..graph.errors import ArgumentError, explain, quoted
from .layout import laid_out
from .places import Layout
from .story import Story
from .svg import written

if TYPE_CHECKING:
    import graphviz

_FORMATS = ("svg", "dot")


class Diagram:
    """The forward pass from left to right and, mirrored below it, the way of the errors from right to left.

    Make it with `symcnn.draw` or ``back.draw()``. In a notebook it shows itself.

    Attributes
    ----------
    story : Story
        What is drawn: boxes, edges, parameters.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, y = sc.Input("x", (None, 4)), sc.Input("y", (None,), dtype="int64")
    >>> diagram = sc.draw(sc.softmax_cross_entropy(sc.dense(x, 3, seed=0), y))
    >>> diagram
    Diagram of J: 4 boxes, 3 edges
    """

    def __init__(self, story: Story) -> None:
        self.story = story

    @cached_property
    def layout(self) -> Layout:
        """Where everything stands."""
        return laid_out(self.story)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG: the same text for the same graph."""
        return written(self.story, self.layout)

    @property
    def dot(self) -> str:
        """The picture as DOT, for Graphviz."""
        return str(self.to_graphviz().source)

    def to_graphviz(self) -> graphviz.Digraph:
        """The picture as a ``graphviz.Digraph``; its ``render`` makes PNG, PDF and more where ``dot`` is installed."""
        from .dot import digraph

        return digraph(self.story)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file: ``.svg`` or ``.dot``. The error for other endings says how to make them.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ArgumentError
            For another ending.
        """
        file = Path(path)
        kind = file.suffix.lower().removeprefix(".")
        if kind not in _FORMATS:
            raise ArgumentError(_other_ways(file.name))
        file.write_bytes((self.svg if kind == "svg" else self.dot).encode())
        return file

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            return {"image/svg+xml": self.svg, "text/plain": repr(self)}
        except Exception as error:
            return {"text/plain": f"{self!r}, which could not be drawn: {error}"}

    def __repr__(self) -> str:
        boxes, edges = len(self.story.boxes), len(self.story.edges)
        return f"Diagram of {self.story.name}: {boxes} boxes, {edges} edges"


def _other_ways(name: str) -> str:
    """What is said to someone who wants a PNG or a PDF."""
    stem, ending = os.path.splitext(name)
    kind = ending.lower().removeprefix(".") if ending.lower() in (".png", ".pdf", ".ps", ".eps") else "png"
    svg, wanted = f"{stem}.svg", f"{stem}.{kind}"
    converted = shlex.join(["rsvg-convert", "-f", kind, svg, "-o", wanted])
    return explain(
        f"a diagram is saved as .svg or .dot, not as {quoted(name)}",
        f"this very picture as .{kind}: diagram.save({svg!r}), then `{converted}` in a shell",
        f"or laid out by Graphviz, which must be installed: diagram.to_graphviz().render(outfile={wanted!r})",
    )
