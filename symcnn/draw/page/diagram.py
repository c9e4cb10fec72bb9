"""The diagram on the page: the two lanes of the picture with titles only, so that there is room for the tensors."""

from __future__ import annotations

import re
from dataclasses import replace

from ..layout import laid_out
from ..story import Box, Story
from ..style import CSS
from ..svg import written


def compact(story: Story) -> str:
    """The SVG of a story without equations, parameters and values; the page has its style."""
    small = replace(story, boxes=[_titled(box) for box in story.boxes], bundles=[], scales=[])
    svg = written(small, laid_out(small)).replace(f"<style>{CSS}</style>\n", "")
    svg = svg.replace('role="img"', 'role="group"', 1)  # what it holds are buttons
    return re.sub(r'(?s)<g id="legend".*?</g>\n</svg>', "</svg>", svg)


def _titled(box: Box) -> Box:
    twin = None if box.twin is None else replace(box.twin, lines=[], reads="", pictures=[])
    return replace(box, lines=[], shape="", norm="", error_norm="", pictures=[], twin=twin)
