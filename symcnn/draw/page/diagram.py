"""The diagram on the page: the two lanes of the picture with titles only, so that there is room for the tensors."""

from __future__ import annotations

from dataclasses import replace

from ..layout import laid_out
from ..story import Box, Story
from ..svg import written


def compact(story: Story) -> str:
    """The SVG of a story without equations, parameters and values."""
    small = Story([_titled(box) for box in story.boxes], story.edges, story.sent, [], story.note)
    return written(small, laid_out(small))


def _titled(box: Box) -> Box:
    twin = None if box.twin is None else replace(box.twin, lines=[], reads="", pictures=[])
    return replace(box, lines=[], shape="", norm="", error_norm="", pictures=[], twin=twin)
