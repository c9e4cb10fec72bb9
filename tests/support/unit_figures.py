"""What the tests of figures of units share: small networks, layer by layer, and the figure read back from its SVG."""

import re
from dataclasses import dataclass, field
from xml.etree import ElementTree

import hypothesis.strategies as st
import numpy as np

import symcnn as sc
from symcnn.draw.canvas.text_metrics import text_width

SVG = "{http://www.w3.org/2000/svg}"


def layer(spec, x, n):
    """One layer of a network: the same parameters for the same `spec` and `n`, whatever it reads."""
    kind, *rest = spec
    if kind == "pool":
        size, mode, (top, left) = rest
        return sc.pool(x[:, :, top:, left:], size, mode, border="drop", name=f"p{n}")
    filters, size, stride, widths, table = rest
    padded = sc.pad(x, ((0, 0), (0, 0), *widths))
    z = sc.conv(padded, filters, size, table=table, init=sc.initial.normal(1.0), seed=n, name=f"c{n}")
    for p in z.params:
        if p.name == f"c{n}.b":
            p.value[:] = 0.5  # so that a bias that is taken for a connection is seen
    return sc.subsample(z, (1, 1, *stride))


def network(shape, specs):
    """All layers over one input, with a function of each unit behind each convolution."""
    h = sc.Input("x", (None, *shape))
    for n, spec in enumerate(specs):
        h = sc.tanh(layer(spec, h, n)) if spec[0] == "conv" else layer(spec, h, n)
    return h


def shapes(shape, specs):
    """(channels, height, width) of the input and after each layer."""
    found = [shape]
    for n, spec in enumerate(specs):
        found.append(layer(spec, sc.Input("h", (None, *found[-1])), n).shape[1:])
    return found


def jacobian(spec, shape, n):
    """How each unit above answers when one unit below goes from 0 to 1: an array of shape (*above, *below)."""
    f = sc.compile(layer(spec, sc.Input("h", (None, *shape), "float64"), n))
    size = int(np.prod(shape))
    change = f(h=np.eye(size).reshape(size, *shape)) - f(h=np.zeros((1, *shape)))
    return np.moveaxis(change, 0, -1).reshape(*change.shape[1:], *shape)


@st.composite
def networks(draw, lines):
    """(shape, specs) of a small network: of one-row or one-column maps with `lines`, else of maps."""
    axis = draw(st.integers(0, 1))
    sides = [draw(st.integers(2, 12)), draw(st.integers(2, 12))]
    if lines:
        sides[1 - axis] = 1
    first = shape = (draw(st.integers(1, 4)), *sides)
    specs = []
    for n in range(draw(st.integers(1, 3))):
        free = [axis == 0, axis == 1] if lines else [True, True]
        spec = _pool(draw, shape, free) if n and draw(st.booleans()) else _conv(draw, shape, free)
        if spec[0] == "pool" and spec[1] == (1, 1):  # the same units: no layer of a figure
            spec = _conv(draw, shape, free)
        specs.append(spec)
        shape = layer(spec, sc.Input("h", (None, *shape)), n).shape[1:]
    return first, specs


def _pool(draw, shape, free):
    first = tuple(draw(st.integers(0, min(1, d - 1))) if f else 0 for d, f in zip(shape[1:], free, strict=True))
    sides = [d - a for d, a in zip(shape[1:], first, strict=True)]
    size = tuple(draw(st.integers(1, min(3, d))) if f else 1 for d, f in zip(sides, free, strict=True))
    return "pool", size, draw(st.sampled_from(["mean", "max"])), first


def _conv(draw, shape, free):
    filters = draw(st.integers(1, 5))
    widths = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) if f else (0, 0) for f in free)
    sides = [d + sum(w) for d, w in zip(shape[1:], widths, strict=True)]
    size = tuple(draw(st.integers(1, min(5, d))) if f else 1 for d, f in zip(sides, free, strict=True))
    stride = tuple(draw(st.integers(1, 3)) if f else 1 for f in free)
    channels = st.lists(st.integers(0, shape[0] - 1), min_size=1, max_size=shape[0], unique=True)
    table = draw(st.none() | st.lists(channels, min_size=filters, max_size=filters))
    if table is not None:
        mask = np.zeros((filters, shape[0]), int)
        for row, seen in zip(mask, table, strict=True):
            row[seen] = 1
        table = mask
    return "conv", filters, size, stride, widths, table


@dataclass
class Picture:
    """A figure, read back.

    Attributes
    ----------
    groups : {str: Element}
        By their ids without the figure's prefix.
    """

    root: ElementTree.Element
    groups: dict[str, ElementTree.Element] = field(default_factory=dict)

    @classmethod
    def of(cls, figure):
        root = ElementTree.fromstring(figure.svg.encode())
        ids = [g.get("id") for g in root.iter(f"{SVG}g")]
        assert len(ids) == len(set(ids)) and all(re.match("units-[0-9a-f]{8}-", i) for i in ids)
        return cls(root, {g.get("id")[15:]: g for g in root.iter(f"{SVG}g")})

    def circles(self):
        """{(x, y): id} of the circles for units; zeros of the padding have an id that ends in "zero" and a number."""
        found = {}
        for key, group in self.groups.items():
            if group.get("class").split()[0] in ("input", "tied", "pooled", "free", "padding"):
                for c in group.findall(f"{SVG}circle"):
                    found[c.get("cx"), c.get("cy")] = key
        return found

    def lines(self):
        """(group's id, classes, dashes, start, end) of each line."""
        for key, group in self.groups.items():
            for path in group.findall(f"{SVG}path"):
                for part in path.get("d").split("M")[1:]:
                    start, end = (tuple(p.split(",")) for p in part.split("L"))
                    yield key, path.get("class").split(), path.get("stroke-dasharray"), start, end

    def texts(self):
        """[(left, top, right, bottom, text)] of all texts."""
        found = []
        for t in self.root.iter(f"{SVG}text"):
            x, y, size = (float(t.get(name)) for name in ("x", "y", "font-size"))
            width = text_width(t.text, size)
            left = x - width / 2 if t.get("text-anchor") == "middle" else x
            found.append((left, y - 0.76 * size, left + width, y + 0.24 * size, t.text))
        return found

    def size(self):
        """Width and height."""
        return float(self.root.get("width")), float(self.root.get("height"))


def box(rect):
    """(left, top, right, bottom) of a rect element."""
    x, y, width, height = (float(rect.get(name, "0")) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height
