"""The diagram on the page: the two lanes of the picture with titles only, so that there is room for the tensors."""

from __future__ import annotations

import re
from dataclasses import replace

from ..canvas.style import CSS
from ..diagram.layout.layout import laid_out
from ..diagram.layout.measures import MARGIN
from ..diagram.layout.placement import Layout
from ..diagram.model import Box, DiagramModel
from ..diagram.svg import written


def compact(story: DiagramModel) -> str:
    """The SVG of a story without equations, parameters and values; the page has its style."""
    small = replace(story, boxes=[_titled(box) for box in story.boxes], bundles=[], scales=[])
    layout = laid_out(small)
    svg = written(small, layout).replace(f"<style>{CSS}</style>\n", "")
    svg = _trimmed(svg, layout)
    svg = svg.replace('role="img"', 'role="group"', 1)  # what it holds are buttons
    return re.sub(r'(?s)<g id="legend".*?</g>\n</svg>', "</svg>", svg)


def _trimmed(svg: str, layout: Layout) -> str:
    """The SVG without the room for a legend, and without the empty rows at its foot."""
    boxes = [placed.rect.bottom for kind in layout.placed for placed in kind.values()]
    lines = [y for line in layout.lines for _, y in line.flat()]
    width, height = f"{layout.width:.0f}", f"{max(boxes + lines) + MARGIN:.0f}"
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    svg = re.sub(r'width="[^"]*" height="[^"]*" viewBox="[^"]*"', size, svg, count=1)
    return re.sub(r'<rect class="page"[^>]*/>\n', "", svg, count=1)


def _titled(box: Box) -> Box:
    twin = None if box.twin is None else replace(box.twin, lines=[], reads="", pictures=[])
    return replace(box, lines=[], shape="", norm="", error_norm="", pictures=[], twin=twin)
