"""The colours of a picture: those of Okabe and Ito. Never the only sign: lines, heads and corners differ too."""

from __future__ import annotations

import re

FONT = "'DejaVu Sans', Verdana, 'Helvetica Neue', Arial, sans-serif"

FORWARD, BACKWARD, PARAMETER, LOSS, GREY = "#0072B2", "#D55E00", "#009E73", "#8A6D00", "#8A8A8A"

CSS = f"""
svg.symcnn {{ font-family: {FONT}; }}
svg.symcnn .page {{ fill: #ffffff; }}
svg.symcnn text {{ fill: #1b1b1b; }}
svg.symcnn .title {{ font-weight: bold; }}
svg.symcnn .box {{ fill: #f2f8fc; stroke: {FORWARD}; stroke-width: 1.5; }}
svg.symcnn .input .box {{ fill: #f3f3f3; stroke: #555555; }}
svg.symcnn .loss .box {{ fill: #fbf3da; stroke: {LOSS}; }}
svg.symcnn .fold .box {{ fill: #ffffff; stroke-dasharray: 2 3; }}
svg.symcnn .twin .box {{ fill: #fff7f1; stroke: {BACKWARD}; stroke-dasharray: 6 4; }}
svg.symcnn .twin.loss .box {{ fill: #fff7f1; stroke: {BACKWARD}; }}
svg.symcnn .parameter .box {{ fill: #e8f6f1; stroke: {PARAMETER}; }}
svg.symcnn .gradient .box {{ fill: #e8f6f1; stroke: {BACKWARD}; stroke-dasharray: 6 4; }}
svg.symcnn .head.on {{ fill: none; }}
svg.symcnn .picture {{ image-rendering: pixelated; }}
svg.symcnn .frame {{ fill: none; stroke: {GREY}; stroke-width: 0.5; pointer-events: none; }}
svg.symcnn .line {{ fill: none; stroke-width: 1.5; }}
svg.symcnn .edge .line {{ stroke: {FORWARD}; }}
svg.symcnn .edge .head {{ fill: {FORWARD}; stroke: {FORWARD}; }}
svg.symcnn .error .line {{ stroke: {BACKWARD}; stroke-dasharray: 6 4; }}
svg.symcnn .error .head {{ fill: #ffffff; stroke: {BACKWARD}; stroke-width: 1.3; }}
svg.symcnn .fed .line {{ stroke: {PARAMETER}; }}
svg.symcnn .fed .head {{ fill: {PARAMETER}; stroke: {PARAMETER}; }}
svg.symcnn .reads .line {{ stroke: {GREY}; stroke-dasharray: 1.5 4; }}
svg.symcnn .reads .head {{ fill: none; stroke: {GREY}; }}
svg.symcnn text.name {{ fill: #004d79; }}
svg.symcnn text.delta {{ fill: #9c4400; }}
svg.symcnn text.note, svg.symcnn text.legend {{ fill: #5f5f5f; }}
svg.symcnn .unneeded .box {{ fill: #f6f6f6; stroke: {GREY}; }}
svg.symcnn .unneeded text, svg.symcnn text.delta.unneeded {{ fill: #6b6b6b; }}
svg.symcnn .error.unneeded .line, svg.symcnn .error.unneeded .head {{ stroke: {GREY}; }}
@media (prefers-color-scheme: dark) {{
  svg.symcnn .page {{ fill: #15181c; }}
  svg.symcnn text {{ fill: #ececec; }}
  svg.symcnn .box {{ fill: #10242f; stroke: #56B4E9; }}
  svg.symcnn .input .box {{ fill: #23272c; stroke: #b5b5b5; }}
  svg.symcnn .loss .box {{ fill: #2d2710; stroke: #d9b432; }}
  svg.symcnn .fold .box {{ fill: #15181c; }}
  svg.symcnn .twin .box, svg.symcnn .twin.loss .box {{ fill: #2c1c10; stroke: #ff8c3a; }}
  svg.symcnn .parameter .box {{ fill: #0f2a22; stroke: #2cc596; }}
  svg.symcnn .gradient .box {{ fill: #0f2a22; stroke: #ff8c3a; }}
  svg.symcnn .edge .line, svg.symcnn .edge .head {{ stroke: #56B4E9; }}
  svg.symcnn .edge .head {{ fill: #56B4E9; }}
  svg.symcnn .error .line, svg.symcnn .error .head {{ stroke: #ff8c3a; }}
  svg.symcnn .error .head {{ fill: #15181c; }}
  svg.symcnn .fed .line, svg.symcnn .fed .head {{ stroke: #2cc596; }}
  svg.symcnn .fed .head {{ fill: #2cc596; }}
  svg.symcnn text.name {{ fill: #9ad4f5; }}
  svg.symcnn text.delta {{ fill: #ffb37d; }}
  svg.symcnn text.note, svg.symcnn text.legend {{ fill: #b0b0b0; }}
  svg.symcnn .unneeded .box {{ fill: #1d2024; stroke: {GREY}; }}
  svg.symcnn .unneeded text, svg.symcnn text.delta.unneeded {{ fill: #a0a0a0; }}
  svg.symcnn .error.unneeded .line, svg.symcnn .error.unneeded .head {{ stroke: {GREY}; }}
}}
"""
"""The style sheet of a picture: light, and dark where the reader's system asks for it."""


ROOM = 900.0
"""How wide the place of a picture on a page is at least, in pixels; wider pictures are scaled down where it is not."""


def fitting(svg: str) -> str:
    """A picture that is no wider than its place on a page: without this, a notebook cuts off its right end.

    Notebooks show an SVG as a part of the page or as an image, and an image has the size that its first line says.

    Examples
    --------
    >>> fitting('<svg class="a" width="1200" height="300" viewBox="0 0 1200 300"></svg>')
    '<svg class="a" width="100%" style="max-width:1200px" viewBox="0 0 1200 300"></svg>'
    >>> fitting('<svg class="a" width="120" height="30" viewBox="0 0 120 30"></svg>')
    '<svg class="a" width="120" height="30" style="max-width:100%;height:auto" viewBox="0 0 120 30"></svg>'
    """

    def sized(size: re.Match[str]) -> str:
        wide = float(size["width"]) > ROOM
        return (
            f'width="100%" style="max-width:{size["width"]}px"'
            if wide
            else f'{size[0]} style="max-width:100%;height:auto"'
        )

    return re.sub(r'width="(?P<width>[0-9.]+)" height="[0-9.]+"', sized, svg, count=1)
