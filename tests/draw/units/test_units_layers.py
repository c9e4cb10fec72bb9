"""Layers are read from the windows that node types declare: the house's own types and users'."""

import numpy as np
import pytest
from unit_figures import Picture
from user_nodes import Scaled, Sorted

import symcnn as sc
from symcnn.draw.units.chain import Reader

ROW, ROWS = sc.Window(0), sc.Window(1)


class Windowed(sc.Node):
    """Something of each window of `size` at every `step` positions, with `pad` zeros before and behind."""

    x: sc.Node
    size: tuple[int, int] = (2, 2)
    step: tuple[int, int] = (2, 2)
    pad: int = 0

    def infer(self):
        sides = [
            (d + 2 * self.pad - n) // s + 1 for d, n, s in zip(self.x.shape[2:], self.size, self.step, strict=True)
        ]
        return sc.Spec((*self.x.shape[:2], *sides), self.x.dtype)

    def windows(self):
        sides = (
            sc.Window(k, step=s, start=-self.pad, size=n) for k, n, s in zip((2, 3), self.size, self.step, strict=True)
        )
        return ((ROW, ROWS, *sides),)


class Silent(Windowed):
    """It does not say what it reads."""

    def windows(self):
        return sc.Node.windows(self)


class Normalized(sc.Node):
    """Each unit beside those of the neighbouring maps, as local response normalisation reads them."""

    x: sc.Node

    def infer(self):
        return self.x.spec

    def windows(self):
        return ((ROW, sc.Window(1, start=-1, size=3), sc.Window(2), sc.Window(3)),)


class MapByMap(sc.Node):
    """A filter for each map: a depthwise convolution of one-row maps."""

    x: sc.Node
    w: sc.Node

    def infer(self):
        n, maps, _, width = self.x.shape
        return sc.Spec((n, maps, 1, width - self.w.shape[3] + 1), self.x.dtype)

    def windows(self):
        x = (ROW, ROWS, sc.Window(2), sc.Window(3, size=self.w.shape[3]))
        return x, (ROWS, *(sc.Window(None),) * 3)


class Local(MapByMap):
    """Other weights at each position."""

    def windows(self):
        return MapByMap.windows(self)[0], (ROWS, sc.Window(None), sc.Window(None), sc.Window(3))


def conv(h, filters=2, size=(1, 3), **options):
    return sc.conv(h, filters, size, seed=0, **options)


def line(maps=1, width=10):
    return sc.Input("x", (None, maps, 1, width))


def rows(J):
    return [(row.kind, row.maps, *row.size) for row in Reader(J).chain().rows]


def lines(figure, name):
    """{unit above: units below} of a map 0, by the lines that a figure of one-row maps draws."""
    picture = Picture.of(figure)
    circles = picture.circles()
    found = {}
    for key, _, _, start, end in picture.lines():
        if key.startswith(name) and circles[start].startswith(f"{name}-0-"):
            found.setdefault(int(circles[start].rpartition("-")[2]), []).append(circles[end])
    return found


def test_a_users_function_of_each_unit_is_noted():
    chain = Reader(sc.mean_pool(Scaled(conv(line()), 2.0), (1, 2))).chain()
    assert [row.kind for row in chain.rows] == ["input", "conv", "pool"]
    assert chain.rows[1].notes == ("Scaled",) and chain.rest == ""


def test_a_users_pooling_between_convolutions():
    h = Windowed(conv(line(width=12), name="c"), (1, 2), (1, 2), name="own")
    J = sc.dense(conv(h, name="d"), 3, seed=0)
    assert rows(J) == [
        ("input", 1, 1, 12),
        ("conv", 2, 1, 10),
        ("pool", 2, 1, 5),
        ("conv", 2, 1, 3),
        ("dense", 3, 1, 1),
    ]
    figure = sc.draw_units(J)
    assert lines(figure, "own") == {n: [f"c-0-{2 * n}", f"c-0-{2 * n + 1}"] for n in range(5)}
    said = [t[-1] for t in Picture.of(figure).texts()]
    assert "Windowed of 2" in said and not any("Not drawn" in t for t in said)
    assert any("the Windowed of 2 units" in t for t in said)


def test_strides_and_borders_of_a_users_type():
    h = Windowed(conv(line(width=11), name="c"), (1, 3), (1, 2), 0, name="own")
    assert lines(sc.draw_units(h), "own") == {n: [f"c-0-{2 * n + k}" for k in range(3)] for n in range(4)}
    row = Reader(h).chain().rows[-1]
    assert row.how == ("stride 2",)
    square = sc.Input("x", (None, 1, 8, 8))
    row = Reader(Windowed(sc.conv(square, 2, 3, seed=0), (3, 3), (2, 2), 1)).chain().rows[-1]
    assert (row.how, row.window) == (("padding 1+0", "stride 2"), (3, 3))  # the last zeros are never read
    assert row.reads[0] == ((None, 0, 1), (1, 2, 3), (3, 4, 5))


def test_neighbouring_maps():
    h = Normalized(conv(line(width=5), 4, name="c"), name="own")
    row = Reader(sc.dense(h, 2, seed=0)).chain().rows[2]
    assert row.kind == "pool" and [row.seen(n) for n in range(4)] == [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3]]
    assert lines(sc.draw_units(h, maps=4), "own") == {n: [f"c-0-{n}", f"c-1-{n}"] for n in range(3)}


def test_filters_of_a_users_type_are_tied_where_it_says_so():
    w = sc.Param("w", np.ones((3, 1, 1, 2)))
    figure = sc.draw_units(MapByMap(line(3, 6), w, name="own"))
    picture = Picture.of(figure)
    letters = {k[4]: g.get("class") for k, g in picture.groups.items() if g.get("class").startswith("tied")}
    assert letters == {str(n): f"tied c{n}" for n in range(3)}
    assert lines(figure, "own") == {n: [f"x-0-{n}", f"x-0-{n + 1}"] for n in range(5)}
    assert "filter A: 2 shared weights" in [t[-1] for t in picture.texts()]


def test_weights_that_differ_by_position_are_not_called_tied():
    w = sc.Param("w", np.ones((3, 1, 2, 5)))
    J = Local(line(3, 9), w, name="own")
    assert rows(J)[-1] == ("local", 3, 1, 5)
    picture = Picture.of(sc.draw_units(J))
    assert not [g for g in picture.groups.values() if g.get("class").startswith("tied")]
    assert lines(sc.draw_units(J), "own") == {n: [f"x-0-{n + k}" for k in range(5)] for n in range(5)}
    said = " ".join(t[-1] for t in picture.texts())
    assert "weights of their own" in said and "tied" not in said


@pytest.mark.parametrize(
    ("move", "how", "held"),
    [
        (sc.rot90, ("reversed",), (7, 6, 5, 4, 3, 2, 1, 0)),
        (lambda h: sc.pad(h, ((0, 0), (0, 0), (0, 0), (2, 1))), ("padding 2+1",), (None, None, *range(8), None)),
        (
            lambda h: sc.pad(h[:, :, :, 3:], ((0, 0),) * 3 + ((1, 0),)),
            ("cropped by 3+0", "padding 1+0"),
            (None, 3, 4, 5, 6, 7),
        ),
        (lambda h: sc.upsample(h, (1, 2)), ("upsampled by 2",), tuple(n // 2 for n in range(16))),
    ],
)  # fmt: skip
def test_units_at_other_positions(move, how, held):
    J = conv(move(sc.tanh(conv(line(), name="c"))), name="d")
    top = Reader(J).chain().rows[-1]
    assert top.how == how
    axis = top.axes[1]
    assert tuple(next(iter(axis.at.span(p, axis.below)), None) for p in range(axis.length)) == held


def test_a_stride_thins_the_filters_units():
    J = sc.max_pool(conv(line(width=21), stride=3, name="c"), (1, 2), border="drop")
    row = Reader(J).chain().rows[1]
    assert (row.how, row.size, row.reads[1][2]) == (("stride 3",), (1, 7), (6, 7, 8))


def test_what_is_not_declared_is_named():
    chain = Reader(sc.dense(Silent(conv(line()), name="s"), 2, name="d", seed=0)).chain()
    assert [row.kind for row in chain.rows] == ["input", "conv"]
    assert chain.rest == "Not drawn: Silent 's', Dense 'd'. Silent 's' does not declare which units it reads."
    assert Reader(sc.dense(Sorted(conv(line())), 2, seed=0)).chain().rest.startswith("Not drawn: Sorted")
