"""What pictures owe: nothing lies on anything else, lines end where they belong; and random graphs to draw."""

from itertools import combinations, pairwise

import numpy as np
from hypothesis import strategies as st

import symcnn as sc
from symcnn.draw.canvas.geometry import Rect


def clashes(layout):
    """All that lies on something else, in words."""
    boxes = {
        f"{kind} {key}": p.rect
        for kind in ("forward", "backward", "params", "gradients")
        for key, p in getattr(layout, kind).items()
    }
    kinds = ("names", "errors", "names_again", "errors_again", "notes")
    texts = {f"{kind} {key}": t.rect for kind in kinds for key, t in getattr(layout, kind).items()}
    lines = {
        f"{kind} {key}": path.flat()
        for kind in ("reads", "fed", "learned")
        for key, path in getattr(layout, kind).items()
    }
    for kind in ("edges", "returns", "flows"):
        for key, pieces in getattr(layout, kind).items():
            lines |= {f"{kind} {key} {n}".removesuffix(" 0"): piece.flat() for n, piece in enumerate(pieces)}
    found = [f"{a} on {b}" for (a, r), (b, s) in combinations({**boxes, **texts}.items(), 2) if r.overlaps(s)]
    inside = {name: Rect(r.x + 0.5, r.y + 0.5, r.width - 1, r.height - 1) for name, r in {**boxes, **texts}.items()}
    for line, points in lines.items():
        for name, rect in inside.items():
            if any(rect.is_cut_by(a, b) for a, b in pairwise(points)):
                found.append(f"{line} through {name}")
    page = Rect(0, 0, layout.width, layout.height)
    for name, r in {**boxes, **texts}.items():
        if r.x < page.x or r.y < page.y or r.right > page.right or r.bottom > page.bottom:
            found.append(f"{name} outside")
    for line, points in lines.items():
        if any(not (0 <= x <= layout.width and 0 <= y <= layout.height) for x, y in points):
            found.append(f"{line} outside")
    return found


def ends(layout):
    """Each line begins and ends on the border of the box that it belongs to."""
    found = []
    for kind, first, last in (("edges", "forward", "forward"), ("returns", "backward", "backward"),
                              ("flows", "backward", "backward"),
                              ("fed", "params", "forward"), ("learned", "gradients", "backward")):  # fmt: skip
        for (a, b), path in getattr(layout, kind).items():
            start, end = getattr(layout, first)[a].rect, getattr(layout, last)[b].rect
            pieces = path if isinstance(path, list) else [path]
            if not (touches(start, pieces[0].start) and touches(end, pieces[-1].end)):
                found.append(f"{kind} {a} {b}")
    for key, path in layout.reads.items():
        if not (touches(layout.forward[key].rect, path.start) and touches(layout.backward[key].rect, path.end)):
            found.append(f"reads {key}")
    return found


def touches(rect, point):
    x, y = point
    on_side = abs(x - rect.x) < 0.01 or abs(x - rect.right) < 0.01
    on_top = abs(y - rect.y) < 0.01 or abs(y - rect.bottom) < 0.01
    return (on_side and rect.y <= y <= rect.bottom) or (on_top and rect.x <= x <= rect.right)


OPERATIONS = [
    lambda a, b, w: sc.sigmoid(a),
    lambda a, b, w: sc.tanh(sc.Dense(a, w)),
    lambda a, b, w: sc.dense(a, 4, seed=0),
    lambda a, b, w: a + b,
    lambda a, b, w: a * b,
    lambda a, b, w: sc.relu(a - b),
    lambda a, b, w: sc.dense(sc.concat([a, b]), 4, name="joined", seed=0),
    lambda a, b, w: sc.where(a > b, a, sc.exp(b)),
    lambda a, b, w: sc.Exp(a, name="grown"),
]


@st.composite
def graphs(draw):
    """A random graph with branches, merges, skips, shared parameters, up to three inputs, and several losses."""
    nodes = [sc.Input(name, (None, 4)) for name in ("x", "second", "t")[: draw(st.integers(1, 3))]]
    w = sc.Param("shared", np.ones((4, 4)))
    for _ in range(draw(st.integers(1, 16))):
        a, b = (nodes[draw(st.integers(0, len(nodes) - 1))] for _ in range(2))
        nodes.append(draw(st.sampled_from(OPERATIONS))(a, b, w))
    losses = [sc.mean(nodes[-1])] + [sc.squared_error(n, nodes[0]) for n in nodes[3 : 3 + draw(st.integers(0, 3))]]
    J = losses[0]
    for loss in losses[1:]:
        J = J + 0.5 * loss
    return J + 0.01 * sc.sum(w * w) if draw(st.booleans()) else J
