"""Lines and frames join what the numbers join: compared with differences of each layer's values."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import assume, given, settings
from unit_figures import SVG, Picture, box, jacobian, network, networks, shapes

import symcnn as sc

MOST = 3


def unit_of(key, axis):
    """("c0", map, row, column) from an id such as c0-1-5."""
    name, unit, n = key.rsplit("-", 2)
    return name, int(unit), *((0, int(n)) if axis == 1 else (int(n), 0))


def drawn_lines(picture, axis):
    """{(unit above, unit below): [(weight's group, dashes)]}, without lines to zeros of the padding."""
    circles, found = picture.circles(), defaultdict(list)
    for key, kinds, dashes, start, end in picture.lines():
        if "dash-" in key:
            continue
        above, below = circles[start], circles[end]
        if "-zero" not in below:
            found[unit_of(above, axis), unit_of(below, axis)].append((key, kinds, dashes))
    return found


@settings(max_examples=60, deadline=None)
@given(networks(lines=True))
def test_lines_are_the_nonzero_pattern_and_dashes_are_weights(case):
    shape, specs = case
    axis = 1 if shape[1] == 1 else 0
    sizes = shapes(shape, specs)
    names = ["x", *(f"{spec[0][0]}{n}" for n, spec in enumerate(specs))]
    picture = Picture.of(sc.draw_units(network(shape, specs)))
    found = drawn_lines(picture, axis)
    expected = {}
    for n, spec in enumerate(specs):
        for at, value in np.ndenumerate(jacobian(spec, sizes[n], n)):
            if value and at[0] < MOST and at[3] < MOST:
                expected[(names[n + 1], *at[:3]), (names[n], *at[3:])] = value
    assert found.keys() == expected.keys()
    assert all(len(lines) == 1 for lines in found.values())

    dashes_of = defaultdict(set)
    for key, _, dashes, _, _ in picture.lines():  # with those to zeros
        dashes_of[key].add(dashes)
    assert all(len(dashes) == 1 for dashes in dashes_of.values())

    weights = defaultdict(set)
    for ends, [(key, _, dashes)] in found.items():
        above, below = ends
        if above[0].startswith("c"):
            # One weight: one group, one dash for each filter and map below, one number.
            weights[above[0], above[1], below[1], dashes].add((key, round(expected[ends], 9)))
    assert all(len(same) == 1 for same in weights.values())
    numbers = [next(iter(same)) for same in weights.values()]
    assert len(numbers) == len({key for key, _ in numbers}) == len({value for _, value in numbers})


@settings(max_examples=40, deadline=None)
@given(networks(lines=True))
def test_one_unit_of_each_filter_has_strong_lines(case):
    shape, specs = case
    axis = 1 if shape[1] == 1 else 0
    picture = Picture.of(sc.draw_units(network(shape, specs)))
    strong, all_units = defaultdict(set), set()
    for (above, _), [(_, kinds, _)] in drawn_lines(picture, axis).items():
        if above[0].startswith("c"):
            all_units.add(above[:2])
            if "strong" in kinds:
                strong[above[:2]].add(above)
    assert all(len(units) == 1 for units in strong.values())
    # A filter whose every window that is drawn lies in the padding can have none.
    assert set(strong) <= all_units


def test_letters_and_colours_tell_filters_apart():
    x = sc.Input("x", (None, 1, 1, 9))
    p = sc.mean_pool(sc.conv(x, 2, (1, 2), name="first", seed=0), (1, 2))
    picture = Picture.of(sc.draw_units(sc.conv(p, 2, (1, 2), name="second", seed=1)))
    seen = defaultdict(set)
    for key, group in picture.groups.items():
        if group.get("class").startswith("tied"):
            letter, colour = group.find(f"{SVG}text").text, group.get("class").split()[1]
            seen[key.rsplit("-", 1)[0]].add((letter, colour))
    assert seen == {
        "first-0": {("A", "c0")}, "first-1": {("B", "c1")}, "second-0": {("C", "c2")}, "second-1": {("D", "c3")},
    }  # fmt: skip
    pooled = {g.get("class") for key, g in picture.groups.items() if key.startswith("pooled maps".replace(" ", "-u20"))}
    assert pooled == {"pooled c0", "pooled c1", "label"}


def test_layers_that_share_their_filters_share_their_letters():
    x, w = sc.Input("x", (None, 1, 1, 9)), sc.Param("w", np.ones((1, 1, 1, 3)))
    h = sc.tanh(sc.Conv(x, w, name="once"))
    picture = Picture.of(sc.draw_units(sc.Conv(h, w, name="twice")))
    found = {
        k.rpartition("-")[0]: g.find(f"{SVG}text").text for k, g in picture.groups.items() if "tied" in g.get("class")
    }
    assert found == {"once-0": "A", "twice-0": "A"}
    assert sum(t[-1].startswith("filter A") for t in picture.texts()) == 1


@settings(max_examples=60, deadline=None)
@given(networks(lines=False))
def test_frames_are_around_what_a_unit_reads(case):
    shape, specs = case
    sizes = shapes(shape, specs)
    assume(all(any(size[1 + axis] > 1 for size in sizes) for axis in (0, 1)))  # others are drawn as circles
    names = ["x", *(f"{spec[0][0]}{n}" for n, spec in enumerate(specs))]
    picture = Picture.of(sc.draw_units(network(shape, specs)))
    maps = {}
    for key, group in picture.groups.items():
        rects = group.findall(f"{SVG}rect")
        if rects and group.get("class").split()[0] in ("input", "tied", "pooled"):
            maps[key] = box(rects[-1])
    framed = 0
    for n, spec in enumerate(specs):
        change = jacobian(spec, sizes[n], n)
        for key, group in picture.groups.items():
            if not key.startswith(f"{names[n + 1]}-frame-"):
                continue
            framed += 1
            i, j = map(int, key.split("-")[2:4])
            *frames, dot = (box(r) for r in group.findall(f"{SVG}rect"))
            assert dot == pytest.approx(part(maps[f"{names[n + 1]}-0"], sizes[n + 1], (i, i + 1), (j, j + 1)), abs=0.21)
            expected = []
            for c in range(min(MOST, sizes[n][0])):
                rows, columns = (np.flatnonzero(change[0, i, j, c].any(axis=a)) for a in (1, 0))
                if rows.size:
                    sides = [(int(side[0]), int(side[-1]) + 1) for side in (rows, columns)]
                    expected.append(part(maps[f"{names[n]}-{c}"], sizes[n], *sides))
            assert len(frames) == len(expected)
            assert np.allclose(sorted(frames), sorted(expected), atol=0.21)
    assert framed >= len(specs)


def test_frames_on_long_rows_which_are_drawn_from_top_to_bottom():
    spec, shape = ("conv", 2, (1, 9), (1, 4), ((0, 0), (2, 2)), None), (2, 1, 200)
    picture = Picture.of(sc.draw_units(network(shape, [spec])))
    maps = {name: box(picture.groups[name].findall(f"{SVG}rect")[-1]) for name in ("x-0", "x-1", "c0-0")}
    change = jacobian(spec, shape, 0)
    frames = {key: g for key, g in picture.groups.items() if key.startswith("c0-frame-0-")}
    assert len(frames) == 3  # two units, and the one beside the first: their windows are a stride apart
    for key, group in frames.items():
        j = int(key.rpartition("-")[2])
        *read, dot = (box(r) for r in group.findall(f"{SVG}rect"))
        assert dot == pytest.approx(part(maps["c0-0"], (2, change.shape[2], 1), (j, j + 1), (0, 1)), abs=0.21)
        for c, frame in enumerate(read):
            held = np.flatnonzero(change[0, 0, j, c, 0])
            expected = part(maps[f"x-{c}"], (2, 200, 1), (held[0], held[-1] + 1), (0, 1))
            assert frame == pytest.approx(expected, abs=0.21)
        assert len(read) == 2


def part(place, size, rows, columns):
    """Where rows and columns of a map are."""
    left, top, right, bottom = place
    tall, wide = (bottom - top) / size[1], (right - left) / size[2]
    return left + columns[0] * wide, top + rows[0] * tall, left + columns[1] * wide, top + rows[1] * tall
