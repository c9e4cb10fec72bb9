"""`Units`: the tutorial's first figure, for any chain of convolution and pooling."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ...graph.locks import cached_property
from ...graph.node import Node
from ...show.notebook import bundle
from ..canvas.style import fitting
from ..files import save, writers
from .chain import Reader
from .circles import Circles, line_of_units
from .figure import title
from .sheet import Sheet
from .stacks import Stacks


class Units:
    """The units of a network, layer upon layer, with tied weights in one colour and letter.

    Make it with `symcnn.draw_units`. In a notebook it shows itself.

    Attributes
    ----------
    chain : Chain
        What is drawn: the rows of units, the input first.

    Examples
    --------
    >>> import symcnn as sc
    >>> x = sc.Input("x", (None, 1, 1, 10))
    >>> p = sc.mean_pool(sc.sigmoid(sc.conv(x, filters=2, size=(1, 3), seed=0)), (1, 2))
    >>> sc.draw_units(p)
    Units of x, conv maps, pooled maps
    """

    def __init__(self, J: Node, maps: int) -> None:
        self.chain = Reader(J).chain()
        self._maps = maps

    @cached_property
    def svg(self) -> str:
        """The figure as SVG: the same text for the same network."""
        axis = line_of_units(self.chain)
        figure = Stacks(self.chain, self._maps) if axis is None else Circles(self.chain, self._maps, axis)
        about = figure.summary()
        sheet = Sheet(f"{about} {self._maps}")
        figure.draw(sheet)
        return sheet.written(repr(self), about)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the figure to a ``.svg`` file.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ArgumentError
            For another ending, or a folder that is not there.
        """
        return save(path, writers(lambda: self.svg))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "image/svg+xml", lambda: fitting(self.svg))

    def __repr__(self) -> str:
        return f"Units of {', '.join(title(row) for row in self.chain.rows)}"
