"""The figures of native.md: how images lie in lanes, and which buffer holds what while the loops run."""

from __future__ import annotations

from html import escape

from symcnn.engine.native.analysis.fusion import Group
from symcnn.engine.native.analysis.partition import elements
from symcnn.engine.native.runtime.compiled import Compiled
from symcnn.engine.native.runtime.nests import kind, within
from symcnn.engine.patterns import reads
from symcnn.graph.node import Node

STYLE = """<style>
text { font: 13px 'DejaVu Sans', Verdana, Arial, sans-serif; fill: #1b1b1b; }
.small { font-size: 11px; fill: #5f5f5f; }
.page { fill: #ffffff; }
.cell { fill: #f2f2f2; stroke: #8a8a8a; stroke-width: 0.8; }
.one { fill: #0072B2; stroke: #ffffff; stroke-width: 0.8; }
.two { fill: #D55E00; stroke: #ffffff; stroke-width: 0.8; }
.buffer { fill: #dcebf5; stroke: #0072B2; stroke-width: 1.2; }
.line { stroke: #c9c9c9; stroke-width: 0.8; }
.arrow { fill: none; stroke: #666666; stroke-width: 1.2; }
@media (prefers-color-scheme: dark) {
text { fill: #e6e6e6; }
.small { fill: #a8a8a8; }
.page { fill: #161616; }
.cell { fill: #2a2a2a; stroke: #7a7a7a; }
.one { fill: #56B4E9; stroke: #161616; }
.two { fill: #E69F00; stroke: #161616; }
.buffer { fill: #12354a; stroke: #56B4E9; }
.line { stroke: #3c3c3c; }
.arrow { stroke: #a8a8a8; }
}
</style>"""


class Sheet:
    """Shapes on a page."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
            f' viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            STYLE,
            f'<rect class="page" width="{width}" height="{height}"/>',
        ]

    def box(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        """A rectangle."""
        self._parts.append(f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>')

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        """Words at a place."""
        style = f' class="{kind}"' if kind else ""
        self._parts.append(f'<text{style} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>')

    def path(self, points: str, kind: str) -> None:
        """A line."""
        self._parts.append(f'<path class="{kind}" d="{points}"/>')

    @property
    def svg(self) -> str:
        """The text of the file."""
        return "\n".join([*self._parts, "</svg>"]) + "\n"


def lanes(count: int, size: int = 5) -> str:
    """So many images of `size` x `size`, of which two pixels are followed into memory."""
    sheet, cell, gap = Sheet(860, 330, f"{count} images, and how their pixels lie in vectors"), 13, 26
    marks = {0: "one", 7: "two"}
    sheet.text(20, 28, f"a block of {count} images, as they are fed")
    for n in range(count):
        left = 20 + n * (size * cell + gap)
        sheet.text(left + size * cell / 2, 128, f"image {n}", "small", "middle")
        for pixel in range(size * size):
            row, column = divmod(pixel, size)
            sheet.box(left + column * cell, 44 + row * cell, cell, cell, marks.get(pixel, "cell"))
    sheet.text(20, 178, "the same block in lanes: a vector for each pixel, a lane of it for each image")
    wide, lane = 8, 11
    for place in range(wide):
        left = 20 + place * (count * lane + 14)
        for n in range(count):
            sheet.box(left + n * lane, 194, lane, 34, marks.get(place, "cell"))
        sheet.text(left + count * lane / 2, 246, f"pixel {place}", "small", "middle")
    sheet.text(20 + wide * (count * lane + 14) - 8, 216, "...")
    sheet.text(
        20, 288, "One multiply-add on such a vector is the rule for one image, done for all of the block at once;"
    )
    sheet.text(
        20, 308, "neighbouring pixels are neighbouring vectors, so a window moves on without a move between lanes."
    )
    return sheet.svg


def buffers(compiled: Compiled, number: int) -> str:
    """The memory of one thread while it computes a block: a row for each loop nest, a box for each buffer."""
    group = compiled.groups[number]
    steps = [("into lanes", node) for node in group.fed] + [(kind(node), node) for node in group.loops]
    row, top, left, width = 30, 64, 350, 560
    sheet = Sheet(
        left + width + 30, top + row * len(steps) + 46, "The buffers of a block of images, over its loop nests"
    )
    sheet.text(20, 28, "loop nest")
    sheet.text(left, 28, f"{group.nbytes:,} bytes for a block of {compiled.cpu.lanes} images, from left to right")
    for n, (how, node) in enumerate(steps):
        y = top + n * row
        sheet.path(f"M20 {y - 12} H{left + width}", "line")
        sheet.text(20, y + 8, f"{type(node).__name__}{_named(node)}")
        sheet.text(186, y + 8, how, "small")
    scale = width / group.nbytes
    for node, (first, last, overwritten) in lives(compiled, group, [node for _, node in steps]).items():
        x, size = left + group.slots[node].offset * scale, _bytes(node, compiled.cpu.lanes)
        begins, ends = top + first * row - 10, top + last * row + (17 if overwritten else 14)
        sheet.box(x, begins, max(size * scale, 6), ends - begins, "buffer")
        if size * scale > 60:
            sheet.text(x + 6, begins + 16, f"{type(node).__name__} {size:,}", "small")
    end = top + len(steps) * row + 18
    sheet.text(left, end, "Each box is a buffer, from the loops that write it to those that read it last.", "small")
    return sheet.svg


def lives(compiled: Compiled, group: Group, steps: list[Node]) -> dict[Node, tuple[int, int, bool]]:
    """For each buffer the steps that write it and read it last; and whether these write over it in place."""
    order = {node: place for place, node in enumerate(compiled.plan.order)}
    first = {node: n for n, node in enumerate(steps)}
    last = {node: first[node] for node in group.slots}
    for node in group.loops:
        for inner in (node, *within(node, group, order)):
            for source in map(group.base, (*inner.inputs, *reads(inner))):
                if source in group.slots:
                    last[source] = max(last[source], first[node])
    found = {}
    for node, slot in group.slots.items():
        over = any(first[o] == last[node] for o, s in group.slots.items() if o is not node and s.offset == slot.offset)
        found[node] = first[node], last[node] - over, over
    return found


def _named(node: Node) -> str:
    return f" {node.name}" if node.name else ""


def _bytes(node: Node, lanes: int) -> int:
    return 4 * elements(node) * lanes
