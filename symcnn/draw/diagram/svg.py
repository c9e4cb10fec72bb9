"""A layout as SVG: with nothing installed, the same bytes for the same graph, a title and a text for each element."""

from __future__ import annotations

from collections.abc import Iterator

from ..canvas import svg_writer as svg
from ..canvas.geometry import Path, Point, Rect, Text, line_height
from ..canvas.style import CSS
from ..canvas.text_metrics import text_width
from .layout.placement import BODY, EDGE, TITLE, Layout, Placed
from .model import Below, Box, Bundle, DiagramModel

_HEAD = 9.0
_LEGEND_OF_LAYERS = (
    ("edge", "forward: values"),
    ("error", "backward: errors δ(v) = ∂J/∂v"),
    ("reads", "read by the backward rule"),
    ("parameter", "parameters, and their gradients below"),
    ("loss", "the loss"),
    ("unneeded", "not needed for any gradient"),
)
_LEGEND_OF_NODES = (
    ("edge", "forward: values"),
    ("error", "backward: errors δ(v) = ∂J/∂v"),
    ("parameter", "parameters"),
    ("gradient", "their gradients"),
    ("loss", "the loss"),
    ("unneeded", "not needed for any gradient"),
)
"""What the kinds of lines and boxes mean."""


def written(story: DiagramModel, layout: Layout, prefix: str = "") -> str:
    """The SVG of a story in its layout; every id in it begins with `prefix`."""
    return _Writer(story, layout, prefix).write()


class _Writer:
    def __init__(self, story: DiagramModel, layout: Layout, prefix: str) -> None:
        self.story = story
        self.layout = layout
        self.prefix = prefix
        self.below = story.below or Below()
        self.boxes = {box.key: box for box in story.boxes}
        self.lower = {box.key: box for box in self.below.boxes}
        self.out: list[str] = []

    def write(self) -> str:
        legend, width, height = _legend(self.layout.width, self.layout.height, self.story, self.prefix)
        width = max(width, self.layout.width)
        self._edges()
        self._texts()
        for key, box in self.boxes.items():
            self._box(key, box)
        for box in self.below.boxes:
            self._node_below(box)
        for bundle in self.layout.bundles.values():
            self._bundle(bundle)
        self.out.extend(legend)
        return svg.document("symcnn", CSS, width, height, self._heading(), self._summary(), self.out)

    def _heading(self) -> str:
        return f"Backpropagation of {self.story.name}"

    def _summary(self) -> str:
        values = ", ".join(box.symbol for box in self.story.boxes if box.kind != "input" and box.symbol)
        note = self.story.note.replace("\n", " ")
        return f"Forward from left to right: {values}. Below, from right to left, the errors. {note}".strip()

    # Boxes ---------------------------------------------------------------------------------

    def _box(self, key: str, box: Box) -> None:
        tail = f"{box.symbol}: {box.shape}" if box.shape else box.symbol
        placed = self.layout.forward[key]
        self._placed(f"value-{key}", f"value {box.kind}", placed, 0 if box.kind == "input" else 12, box.title,
                     [*box.lines, tail])  # fmt: skip
        if box.twin is not None:
            kind = f"twin {box.kind}" + ("" if box.twin.needed else " unneeded")
            about = [*box.twin.lines, f"reads: {box.twin.reads}"] if box.twin.reads else box.twin.lines
            corner = 0 if box.kind == "input" else 12
            self._placed(f"back-{key}", kind, self.layout.backward[key], corner, box.twin.title, about)

    def _node_below(self, box: Box) -> None:
        kind = f"twin {box.kind}" + (" unneeded" if box.key in self.below.unneeded else "")
        reads = self.below.reads[box.key]
        about = [*box.lines, f"{box.symbol}: {box.shape}", *([f"reads: {reads}"] if reads else [])]
        self._placed(f"back-{box.key}", kind, self.layout.backward[box.key], 6, box.title, about)

    def _bundle(self, bundle: Bundle) -> None:
        title = ", ".join(line.partition(" ")[0] for line in bundle.lines)
        self._placed(f"parameter-{bundle.key}", "parameter", self.layout.params[bundle.key], 0, title, bundle.lines)
        if bundle.key in self.layout.gradients:
            title = ", ".join(line.partition(" ")[0] for line in bundle.gradients)
            placed = self.layout.gradients[bundle.key]
            self._placed(f"gradient-{bundle.key}", "gradient", placed, 0, title, bundle.gradients)

    def _placed(self, key: str, kind: str, placed: Placed, corner: int, title: str, about: list[str]) -> None:
        self._open(key, kind, title, "; ".join(about))
        r = placed.rect
        self.out.append(svg.rect(r, "box", corner))
        size, x = placed.size, r.centre[0]
        room = len(size.title) * line_height(TITLE) + len(size.lines) * line_height(BODY)
        room += size.gallery[1] + 6 if size.pictures else 0
        y = r.centre[1] - room / 2
        self.out.extend(svg.texts(Text(x, y, size.title, TITLE), "title"))
        self.out.extend(svg.texts(Text(x, y + len(size.title) * line_height(TITLE), size.lines, BODY), ""))
        for picture, place in size.pictures:
            left, top = x - size.gallery[0] / 2 + place.x, y + room - size.gallery[1] + place.y
            self.out.extend(svg.image(picture.uri, Rect(left, top, place.width, place.height), picture.title))
        self.out.append(svg.CLOSE)

    # Lines ---------------------------------------------------------------------------------

    def _edges(self) -> None:
        layout, symbol = self.layout, {key: box.symbol or box.title for key, box in self.boxes.items()}
        for (source, reader), pieces in layout.edges.items():
            title = f"{symbol[source]} to {symbol[reader]}"
            self._line(f"edge-{source}:{reader}", "edge", pieces, title, "forward")
        for (source, reader), pieces in layout.returns.items():
            title = f"the error from {symbol[reader]} to {symbol[source]}"
            kind = "error" if self._is_needed(source) else "error unneeded"
            self._line(f"error-{source}:{reader}", kind, pieces, title, "backward", back=True)
        # What is needed comes last: it lies on top where edges share a way.
        for (source, reader), pieces in sorted(layout.flows.items(), key=lambda flow: self._is_needed(flow[0][1])):
            title = f"{self.lower[source].symbol} to {self.lower[reader].symbol}"
            kind = "error" if self._is_needed(reader) else "error unneeded"
            self._line(f"error-{source}:{reader}", kind, pieces, title, "backward")
        for (key, reader), path in layout.fed.items():
            self._line(f"fed-{key}:{reader}", "fed", [path], f"parameters to {symbol[reader]}", "forward")
        for (key, reader), path in layout.learned.items():
            title = f"gradients from {symbol[reader]}"
            self._line(f"learned-{key}:{reader}", "error", [path], title, "backward", back=True)
        for key, path in layout.reads.items():
            self._line(f"reads-{key}", "reads", [path], "read by the backward rule", "; ".join(layout.notes[key].lines))

    def _texts(self) -> None:
        for key, text in self.layout.names.items():
            self._named(f"name-{key}", "name", self.boxes[key].symbol, text)
        for key, text in self.layout.errors.items():
            kind = "delta" if self._is_needed(key) else "delta unneeded"
            self._named(f"delta-{key}", kind, self._error_name(key), text)
        for (key, column), text in self.layout.names_again.items():
            self._named(f"name-{key}-{column}", "name", self.boxes[key].symbol, text)
        for (key, column), text in self.layout.errors_again.items():
            kind = "delta" if self._is_needed(key) else "delta unneeded"
            self._named(f"delta-{key}-{column}", kind, self._error_name(key), text)
        for key, text in self.layout.notes.items():
            self._named(f"note-{key}", "note", "read by the backward rule", text)

    def _error_name(self, key: str) -> str:
        return self.lower[key].symbol if key in self.lower else self.boxes[key].error

    def _is_needed(self, key: str) -> bool:
        if key in self.lower:
            return key not in self.below.unneeded
        twin = self.boxes[key].twin
        return twin is None or twin.needed

    def _line(self, key: str, kind: str, pieces: list[Path], title: str, about: str, back: bool = False) -> None:
        """A line with a head at its end, or at its start where it goes back; where a band ends, an open one."""
        self._open(key, kind, title, about)
        self.out.append(svg.path("".join(map(svg.data_of, pieces)), "line"))
        last = 0 if back else len(pieces) - 1
        for n, piece in enumerate(pieces):
            before, tip = piece.flat()[1::-1] if back else piece.flat()[-2:]
            style = "head" if n == last else "head on"
            self.out.append(svg.path(_head(before, tip, kind == "reads" or n != last), style))
        self.out.append(svg.CLOSE)

    def _named(self, key: str, kind: str, title: str, text: Text) -> None:
        self._open(key, "label", title, "; ".join(text.lines))
        self.out.extend(svg.texts(text, kind))
        self.out.append(svg.CLOSE)

    # Elements ------------------------------------------------------------------------------

    def _open(self, key: str, kind: str, title: str, about: str) -> None:
        self.out.append(svg.group(self.prefix + key, kind, title, about or title))


def _legend(width: float, top: float, story: DiagramModel, prefix: str) -> tuple[list[str], float, float]:
    """The legend below a picture, and the width and height that the whole then has."""
    room = max(width, 640.0)
    out = [f'<g id="{prefix}legend" class="legend"><title>Legend</title><desc>What the lines and boxes mean</desc>']
    x, y, widest = 18.0, top, 0.0
    for kind, text in _LEGEND_OF_LAYERS if story.below is None else _LEGEND_OF_NODES:
        wide = 44 + text_width(text, EDGE) + 18
        if x + wide > room and x > 18:
            x, y = 18.0, y + 20
        out.extend(_sample(kind, x, y, text))
        x += wide
        widest = max(widest, x)
    for picture in story.scales:
        wide = picture.width + 6 + text_width(picture.title, EDGE) + 18
        if x + wide > room and x > 18:
            x, y = 18.0, y + 20
        place = Rect(x + 4, y - picture.height / 2, picture.width, picture.height)
        out.extend(svg.image(picture.uri, place, picture.title))
        out.append(svg.text((x + picture.width + 10, y + 4), picture.title, EDGE, "legend"))
        x += wide
        widest = max(widest, x)
    for note in story.note.splitlines():
        y += 20
        out.append(svg.text((18.0, y), note, EDGE, "legend"))
        widest = max(widest, 18 + text_width(note, EDGE))
    out.append(svg.CLOSE)
    return out, max(widest, room if width >= 640 else widest), y + 18


def _sample(kind: str, x: float, y: float, text: str) -> Iterator[str]:
    if kind in ("parameter", "gradient", "loss", "unneeded"):
        group = {"loss": "value loss", "unneeded": "twin unneeded"}.get(kind, kind)
        corner = 0 if kind == "parameter" else 5
        yield f'<g class="{group}">{svg.rect(Rect(x + 4, y - 6, 28, 12), "box", corner)}{svg.CLOSE}'
    else:
        ends = ((x + 36, y), (x, y)) if kind == "error" else ((x, y), (x + 36, y))
        path = Path(ends[0], [(ends[1],)])
        yield f'<g class="{kind}">{svg.path(svg.data_of(path), "line")}'
        yield svg.path(_head(ends[0], ends[1], kind == "reads"), "head") + svg.CLOSE
    yield svg.text((x + 42, y + 4), text, EDGE, "legend")


def _head(before: Point, tip: Point, is_open: bool) -> str:
    """An arrow head at `tip`, coming from `before`."""
    dx, dy = tip[0] - before[0], tip[1] - before[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / length, dy / length
    back = (tip[0] - _HEAD * ux, tip[1] - _HEAD * uy)
    left = (back[0] - 0.42 * _HEAD * uy, back[1] + 0.42 * _HEAD * ux)
    right = (back[0] + 0.42 * _HEAD * uy, back[1] - 0.42 * _HEAD * ux)
    return svg.corners(left, tip, right, is_closed=not is_open)
