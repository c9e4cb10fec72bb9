"""Pictures in rows."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from symcnn.draw.maps.picture import Picture, in_rows


def places(sizes, widest):
    return [place for _, place in in_rows([Picture("", w, h, "") for w, h in sizes], widest)]


def test_rows_of_one_size_are_even_and_another_size_begins_a_new_row():
    found = places([(30, 20)] * 4 + [(80, 8)], 110)
    assert [(r.x, r.y) for r in found] == [(0, 0), (34, 0), (0, 24), (34, 24), (0, 48)]
    assert [(r.x, r.y) for r in places([(30, 20)] * 3, 110)] == [(0, 0), (34, 0), (68, 0)]
    assert [(r.x, r.y) for r in places([(300, 20)] * 2, 110)] == [(0, 0), (0, 24)]


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), max_size=20), st.integers(60, 200))
def test_nothing_overlaps_and_nothing_is_wider(sizes, widest):
    found = places(sizes, widest)
    assert [(r.width, r.height) for r in found] == sizes
    assert all(not a.overlaps(b) for a, b in combinations(found, 2))
    assert all(r.right <= widest and r.x >= 0 and r.y >= 0 for r in found)
