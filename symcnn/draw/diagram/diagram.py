"""`Diagram`: the picture of a sweep, as SVG and as DOT."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...graph.locks import cached_property
from ...show.notebook import bundle
from ..canvas.style import fitting
from ..files import save, writers
from .layout.layout import WIDTH, laid_out
from .layout.placement import Layout
from .model import DiagramModel
from .svg import written

if TYPE_CHECKING:
    import graphviz


class Diagram:
    """The forward pass from left to right and, mirrored below it, the way of the errors from right to left.

    Make it with `symcnn.draw` or ``back.draw()``. In a notebook it shows itself.

    Attributes
    ----------
    story : DiagramModel
        What is drawn: boxes, edges, parameters.
    width : float or None
        How wide the picture is at most, in pixels; wider ones are cut into bands. None: never.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, y = sc.Input("x", (None, 4)), sc.Input("y", (None,), dtype="int64")
    >>> diagram = sc.draw(sc.softmax_cross_entropy(sc.dense(x, 3, seed=0), y))
    >>> diagram
    Diagram of J: 4 boxes, 3 edges
    """

    def __init__(self, story: DiagramModel, width: float | None = WIDTH) -> None:
        self.story = story
        self.width = width

    @cached_property
    def layout(self) -> Layout:
        """Where everything stands."""
        return laid_out(self.story, self.width)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG: the same text for the same graph."""
        return written(self.story, self.layout)

    @cached_property
    def embedded_svg(self) -> str:
        """The SVG for a page with other pictures, such as a notebook: ids made from what it shows, and it fits in."""
        mark = hashlib.sha256(self.svg.encode()).hexdigest()[:8]
        return fitting(written(self.story, self.layout, f"symcnn-{mark}-"))

    @property
    def dot(self) -> str:
        """The picture as DOT, for Graphviz."""
        return str(self.to_graphviz().source)

    def to_graphviz(self) -> graphviz.Digraph:
        """The picture as a ``graphviz.Digraph``; its ``render`` makes PNG, PDF and more where ``dot`` is installed."""
        from .dot import digraph

        return digraph(self.story)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file: ``.svg``, ``.dot`` (or ``.gv``), ``.png`` or ``.pdf``.

        SVG and DOT need nothing. PNG and PDF are laid out by Graphviz: by the program ``dot``, or by the package
        pygraphviz, which ``pip install 'symcnn[graphviz]'`` brings. A failure leaves what was there before.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ArgumentError
            For another ending, or a folder that is not there.
        SymcnnError
            For .png and .pdf without Graphviz.
        """
        return save(path, writers(lambda: self.svg, self.to_graphviz))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "image/svg+xml", lambda: self.embedded_svg)

    def __repr__(self) -> str:
        lanes = [self.story] if self.story.below is None else [self.story, self.story.below]
        boxes, edges = (sum(len(getattr(lane, kind)) for lane in lanes) for kind in ("boxes", "edges"))
        return f"Diagram of {self.story.name}: {boxes} boxes, {edges} edges"
