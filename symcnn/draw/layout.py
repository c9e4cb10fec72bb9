"""Where everything in a picture stands: bands below each other, none wider than is asked for."""

from __future__ import annotations

from .band import BandBuilder
from .cuts import bands_of
from .measures import Measures
from .places import Layout
from .story import Story

WIDTH = 1400.0
"""How wide a picture is at most, in pixels: what fits a screen, a slide, or the width of a page."""


def laid_out(story: Story, width: float | None = WIDTH) -> Layout:
    """The layout of a story.

    Parameters
    ----------
    story : Story
    width : float or None
        A wider picture is cut into bands, between columns; None: it is never cut.
    """
    measures = Measures(story)
    whole = Layout()
    top = 0.0
    for band in bands_of(measures, width):
        layout = BandBuilder(measures, band).build()
        layout.move(0.0, top)
        top += layout.height
        whole.take(layout)
    whole.bundles = measures.bundles
    whole.height = top
    return whole
