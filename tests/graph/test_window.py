"""Windows are compared with sets of positions, written out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symcnn as sc
from symcnn.graph.errors import ArgumentError, DTypeError
from symcnn.graph.window import Window, broadcast_windows, index_window, misfit, reshape_windows, row_windows

UNITS, MIDDLE, READ = 9, 11, 14


def positions(window, index, length=READ):
    """The set that the docstring of Window names, by exact division."""
    if window.axis is None:
        inside = set(range(length))
    else:
        first = window.step * index + window.start
        low, high = (math.floor(n / window.per) for n in (first, first + window.size - 1))
        inside = {p for p in range(length) if low <= p <= high}
    return {p for p in inside if p >= window.low and (window.high is None or p <= window.high)}


@st.composite
def windows(draw, moving=False):
    if not moving and draw(st.integers(0, 5)) == 0:
        low = draw(st.integers(0, 5))
        return Window(None, low=low, high=draw(st.sampled_from([None, low, low + 3])))
    step = draw(st.sampled_from([-3, -2, -1, 1, 2, 3]))
    per = draw(st.sampled_from([p for p in (1, 2, 3, 4) if math.gcd(p, step) == 1]))
    start = draw(st.integers(-6, 12))
    low, high = draw(st.sampled_from([(0, None), (2, None), (0, 8), (1, 9)]))
    return Window(0, step, start, draw(st.integers(1, 5)), per, low, high)


@given(windows(), st.integers(0, UNITS - 1))
def test_span_is_the_set(window, index):
    assert set(window.span(index, READ)) == positions(window, index)


@given(windows(moving=True))
def test_inverse_is_the_same_relation(window):
    free = Window(0, window.step, window.start, window.size, window.per)
    back = free.inverse(0)
    for p in range(READ):
        assert set(back.span(p, UNITS)) == {i for i in range(UNITS) if p in positions(free, i)}


@given(windows(moving=True))
def test_inverse_of_the_inverse_is_the_window(window):
    free = Window(0, window.step, window.start, window.size, window.per)
    assert free.inverse(0).inverse(0) == free


@given(windows(), windows())
def test_composition_leaves_nothing_out(outer, inner):
    both = outer.then(inner, MIDDLE)
    for i in range(UNITS):
        read = {p for j in positions(outer, i, MIDDLE) for p in positions(inner, j)}
        assert read <= positions(both, i)


@given(windows(moving=True), windows(moving=True))
def test_composition_is_exact_where_it_can_be_and_else_the_narrowest(outer, inner):
    outer, inner = (Window(0, w.step, w.start, w.size, w.per) for w in (outer, inner))
    far = range(500, 560)  # far from the ends, so that nothing is cut off
    shifted = Window(0, inner.step, 40_000, inner.size, inner.per)
    outer = Window(0, outer.step, 3000, outer.size, outer.per)
    both = outer.then(shifted, None)
    assert math.gcd(both.step, both.per) == 1
    ends = []
    for i in far:
        read = {p for j in outer.span(i, 100_000) for p in shifted.span(j, 100_000)}
        span = both.span(i, 100_000)
        ends.append((min(read) - span[0], span[-1] - max(read)))
    assert min(a for a, _ in ends) == 0 == min(b for _, b in ends)
    if outer.per == 1 or abs(inner.step) == 1:
        assert set(ends) == {(0, 0)}


@given(windows(), windows())
def test_joined_windows_cover_both(a, b):
    both = a.joined(b, (UNITS,))
    for i in range(UNITS):
        assert positions(a, i) | positions(b, i) <= positions(both, i)
    if (a.axis, a.step, a.per) == (b.axis, b.step, b.per):
        assert both.axis == a.axis


def test_windows_that_move_differently_are_covered_by_what_all_units_read():
    assert Window(0, 2, size=2).joined(Window(0), (4,)) == Window(None, high=7)
    assert Window(0, start=-1).joined(Window(1), (4, 6)) == Window(None, high=5)
    assert Window(0).joined(Window(None, low=9), (4,)) == Window(None)
    assert Window(0).joined(Window(None, low=9, high=9), (None,)) == Window(None)


def test_middle_units_that_are_not_there_read_nothing():
    padded = Window(0, start=-3).then(Window(0, start=2), 4)  # crop 2, then a border of 3
    assert [list(padded.span(i, 10)) for i in range(10)] == [[], [], [], [2], [3], [4], [5], [], [], []]


def test_known_pairs_are_inverse():
    assert Window(2, step=3, size=3).inverse(2) == Window(2, per=3)  # pool and upsample
    assert Window(2, size=5).inverse(2) == Window(2, start=-4, size=5)  # valid and full convolution
    assert Window(0, start=-2).inverse(0) == Window(0, start=2)  # pad and crop


@pytest.mark.parametrize("wrong", [{"step": 0}, {"per": 0}])
def test_a_window_that_does_not_move_is_refused(wrong):
    with pytest.raises(ArgumentError, match=r"Window\(None, low=\.\.\., high=\.\.\.\)"):
        Window(0, **wrong)


@pytest.mark.parametrize("wrong", [{"axis": 0.0}, {"axis": 0, "size": 2.5}, {"axis": True}, {"axis": 0, "high": "a"}])
def test_numbers_that_are_not_whole_are_refused(wrong):
    with pytest.raises(DTypeError, match="a window is made of whole numbers"):
        Window(**wrong)


# Windows of arrangements ------------------------------------------------------------------------


def test_broadcasting():
    assert broadcast_windows((), (None, 3)) == ()
    assert broadcast_windows((1, 3), (None, 3)) == (Window(None), Window(1))


def test_rows():
    assert row_windows((4, None), (None, 2)) == (None, Window(0))
    assert row_windows((None, 4), (2,)) == (None, None)


def test_reshapes():
    assert reshape_windows((None, 3, 1), (None, 1, 3)) == (Window(0), Window(2), Window(None))
    assert reshape_windows((None, 12), (None, 3, 4)) == (Window(0), Window(1, 4, size=4))
    assert reshape_windows((6, 5), (3, 2, 5)) == (Window(0, 2, size=2), Window(2))
    assert reshape_windows((0, 5), (5, 0)) == (None, None)
    assert reshape_windows((1, 1), ()) == (Window(None), Window(None))


def test_lists_of_indices():
    assert index_window(2, [4]) == Window(2, start=4)
    assert index_window(2, [4, 4]) == Window(None, low=4, high=4)
    assert index_window(2, []) is None


def test_windows_that_fit_no_node():
    shapes = [(None, 3), ()]
    assert misfit(((Window(0), None), ()), shapes, 2) == ""
    assert "expected a tuple an input" in misfit([(None, None), ()], shapes, 2)
    assert "(2,) windows for inputs that have (2, 0) axes" in misfit(((None, None),), shapes, 2)
    assert "for a node that has 2 axes" in misfit(((None, Window(2)), ()), shapes, 2)
    assert "windows names 3" in misfit(((None, 3), ()), shapes, 2)


def test_the_face_has_it():
    assert sc.Window is Window
