"""Where everything in a picture stands: bands below each other, none wider than is asked for."""

from __future__ import annotations

from ..model import DiagramModel
from .cuts import bands_of
from .placement import Layout
from .swim_lanes import builder_of, measures_of

WIDTH = 1400.0
"""How wide a picture is at most, in pixels: what fits a screen, a slide, or the width of a page."""


_GAP = 26.0
"""The room between bands whose lanes are no mirror images, so that one sees where a band ends."""


def laid_out(story: DiagramModel, width: float | None = WIDTH) -> Layout:
    """The layout of a story.

    Parameters
    ----------
    story : DiagramModel
    width : float or None
        A wider picture is cut into bands, between columns; None: it is never cut.
    """
    measures = measures_of(story)
    whole = Layout()
    top, gap = 0.0, 0.0 if story.below is None else _GAP
    for band in bands_of(measures, width):
        layout = builder_of(measures, band).build()
        layout.move(0.0, top)
        top += layout.height + gap
        whole.take(layout)
    whole.bundles = measures.bundles
    whole.height = top - gap
    return whole
