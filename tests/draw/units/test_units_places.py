"""Nothing stands on anything else, and nothing outside the page."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_figures import SVG, Picture, box, network, networks

import symcnn as sc


def complaints(figure):
    """What overlaps, and what is outside the page."""
    picture = Picture.of(figure)
    width, height = picture.size()
    texts = picture.texts()
    found = [f"{t[-1]!r} is outside" for t in texts if t[0] < 0 or t[1] < 0 or t[2] > width or t[3] > height]
    for a, b in combinations(texts, 2):
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]:
            found.append(f"{a[-1]!r} is on {b[-1]!r}")
    rects = [box(r) for r in picture.root.iter(f"{SVG}rect")]
    found += [f"a box at {r} is outside" for r in rects if r[0] < 0 or r[1] < 0 or r[2] > width or r[3] > height]
    disks = [tuple(float(c.get(n)) for n in ("cx", "cy", "r")) for c in picture.root.iter(f"{SVG}circle")]
    found += [
        f"a circle at {x}, {y} is outside" for x, y, r in disks if not (r <= x <= width - r and r <= y <= height - r)
    ]
    found += touching(np.array(disks).reshape(-1, 3))
    for x, y, r in disks:
        for left, top, right, bottom, text in texts:
            inside = abs((left + right) / 2 - x) < 1 and abs((top + bottom) / 2 - y) < 1.5
            if not inside and left < x + r and x - r < right and top < y + r and y - r < bottom:
                found.append(f"{text!r} is on a circle")
            if inside and right - left > 2 * r + 1:
                found.append(f"{text!r} does not fit into its circle")
    return found


def touching(disks):
    """Circles that overlap."""
    apart = np.hypot(disks[:, None, 0] - disks[None, :, 0], disks[:, None, 1] - disks[None, :, 1])
    close = apart < disks[:, None, 2] + disks[None, :, 2] - 0.2
    return [f"circles at {disks[i, :2]} and {disks[j, :2]}" for i, j in np.argwhere(close) if i < j]


@settings(max_examples=80, deadline=None)
@given(st.booleans().flatmap(lambda lines: networks(lines=lines)), st.integers(1, 6), st.sampled_from([0, 3, 40]))
def test_random_networks(case, most, units):
    h = network(*case)
    h = sc.dense(sc.dense(h, units, name="wide layer", seed=0), 4, seed=0) if units else h
    figure = sc.draw_units(h, maps=most)
    assert complaints(figure) == []
    assert most > 3 or Picture.of(figure).size()[0] <= 1400


def deep(layers, name="layer"):
    x = sc.Input("x", (None, 3, 40, 40))
    for n in range(layers):
        x = sc.relu(sc.conv(x, 8 * (n + 1), 3, pad=1, name=f"{name}{n}", seed=0))
    return sc.dense(sc.mean(x, axis=(2, 3)), 100, name="scores", seed=0)


def pools(name):
    h = sc.Input("x", (None, 1, 1, 30))
    for _ in range(3):
        h = sc.relu(sc.max_pool(h, (1, 2), border="drop", name=name))
    return h


@pytest.mark.parametrize(
    "make",
    [
        lambda: deep(1),
        lambda: deep(30),
        lambda: deep(3, "a name of several words that is too long for any label "),
        lambda: deep(3, "unbreakable" * 12),
        lambda: pools("a name of several words that is too long for any label"),
        lambda: sc.conv(sc.Input("x", (None, 1, 1, 3000)), 3, (1, 80), stride=1, name="long", seed=0),
        lambda: sc.conv(sc.Input("名前" * 30, (None, 1, 60, 1)), 3, (5, 1), stride=1, seed=0),
        lambda: sc.conv(sc.Input("x", (None, 1, 1, 24)), 40, (1, 24), name="wide", seed=0),
        lambda: sc.max_pool(sc.Input("x", (None, 1, 4, 4)), 4),
        lambda: sc.conv(sc.Input("x", (None, 1, 1, 1)), 1, 1, pad=0, seed=0),
        lambda: sc.conv(sc.Input("x", (None, 2, 1, 6)), 2, 3, pad=1, seed=0),
    ],
)
@pytest.mark.parametrize("most", [1, 3, 30])
def test_odd_networks(make, most):
    figure = sc.draw_units(make(), maps=most)
    assert complaints(figure) == []
    assert Picture.of(figure).size()[0] <= 1400
