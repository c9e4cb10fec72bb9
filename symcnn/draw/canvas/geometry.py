"""Rectangles, texts and lines with a place, and whether one lies on another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .text_metrics import text_width

Point = tuple[float, float]


@dataclass(frozen=True)
class Rect:
    """A rectangle: its left upper corner, width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of the right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the lower side."""
        return self.y + self.height

    @property
    def centre(self) -> Point:
        """The middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def moved(self, dx: float, dy: float) -> Rect:
        """The same rectangle elsewhere."""
        return Rect(self.x + dx, self.y + dy, self.width, self.height)

    def overlaps(self, other: Rect, margin: float = 0.0) -> bool:
        """Whether two rectangles share more than a border."""
        return (
            self.x < other.right - margin
            and other.x < self.right - margin
            and self.y < other.bottom - margin
            and other.y < self.bottom - margin
        )

    def is_cut_by(self, a: Point, b: Point) -> bool:
        """Whether the straight line from a to b runs through the inside."""
        lowest, highest = 0.0, 1.0
        for start, end, low, high in ((a[0], b[0], self.x, self.right), (a[1], b[1], self.y, self.bottom)):
            if start == end:
                if not low < start < high:
                    return False
                continue
            enters, leaves = sorted(((low - start) / (end - start), (high - start) / (end - start)))
            lowest, highest = max(lowest, enters), min(highest, leaves)
        return highest - lowest > 1e-9


@dataclass(frozen=True)
class Text:
    """Lines of text that begin (or are centred) at x; `y` is the top of the first line."""

    x: float
    y: float
    lines: tuple[str, ...]
    size: float
    anchor: str = "middle"

    @property
    def rect(self) -> Rect:
        """The room that the text takes."""
        width = max((text_width(line, self.size) for line in self.lines), default=0.0)
        left = self.x - width / 2 if self.anchor == "middle" else self.x
        return Rect(left, self.y, width, len(self.lines) * line_height(self.size))

    def moved(self, dx: float, dy: float) -> Text:
        """The same text elsewhere."""
        return replace(self, x=self.x + dx, y=self.y + dy)


def line_height(size: float) -> float:
    """From one line of text to the next."""
    return round(size * 1.25, 1)


def number(value: float) -> str:
    """A place or length as it is written in SVG: with one decimal at most.

    Examples
    --------
    >>> number(3.0), number(0.1 + 0.2), number(0.15)
    ('3', '0.3', '0.2')
    """
    # A sum may differ in its last bit between versions of Python: halves of a tenth are not left to that bit.
    return f"{value + 1e-6:.1f}".removesuffix(".0")


@dataclass
class Path:
    """A line: straight to a point, or with two control points curved to a third."""

    start: Point
    steps: list[tuple[Point, ...]] = field(default_factory=list)

    @property
    def end(self) -> Point:
        """Where it ends."""
        return self.steps[-1][-1] if self.steps else self.start

    def move(self, dx: float, dy: float) -> None:
        """Move the whole line."""
        self.start = (self.start[0] + dx, self.start[1] + dy)
        self.steps = [tuple((x + dx, y + dy) for x, y in step) for step in self.steps]

    def to(self, *points: Point) -> None:
        """Go on: one point for a straight step, three for a curve; a step to where the line is, is none."""
        if points[-1] != self.end:
            self.steps.append(points)

    def flat(self, pieces: int = 16) -> list[Point]:
        """The corners of the line, with curves in straight pieces."""
        found = [self.start]
        for step in self.steps:
            if len(step) == 1:
                found.append(step[0])
            else:
                corners = (found[-1], *step)
                found.extend(_bezier(corners, n / pieces) for n in range(1, pieces + 1))
        return found


def _bezier(corners: tuple[Point, ...], t: float) -> Point:
    s = 1 - t
    weights = (s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t)
    x, y = (sum(w * p[axis] for w, p in zip(weights, corners, strict=True)) for axis in (0, 1))
    return x, y
