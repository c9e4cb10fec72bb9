"""Columns and rows."""

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from symcnn.draw.diagram.layout.ranks import arranged


def test_a_skip_has_a_row_of_its_own():
    grid = arranged(["x", "a", "b", "c", "J"], [("x", "a"), ("a", "b"), ("b", "c"), ("c", "J"), ("a", "J")])
    assert grid.column == {"x": 0, "a": 1, "b": 2, "c": 3, "J": 4}
    assert {grid.row["a", n] for n in (2, 3)} == {1}
    assert {grid.row[key, grid.column[key]] for key in grid.column} == {0}
    assert grid.boxes_in(2) == ["b"]


def test_crossings_are_undone():
    keys = ["x1", "x2", "a", "b", "c", "d", "J"]
    edges = [("x1", "a"), ("x2", "b"), ("a", "c"), ("b", "d"), ("x1", "c"), ("c", "J"), ("d", "J")]
    for order in (keys, ["x2", "x1", "b", "a", "d", "c", "J"]):
        grid = arranged(order, edges)
        assert crossings(grid) == 0


def crossings(grid):
    """Counted pair by pair."""
    total = 0
    for links in grid.links:
        rows = [(grid.row[a], grid.row[b]) for a, b in links]
        total += sum((p[0] - q[0]) * (p[1] - q[1]) < 0 for n, p in enumerate(rows) for q in rows[:n])
    return total


@given(st.integers(2, 14), st.data())
def test_every_edge_goes_right_and_nothing_shares_a_place(count, data):
    keys = [f"n{i}" for i in range(count)]
    edges = {(keys[i], keys[data.draw(st.integers(i + 1, count - 1))]) for i in range(count - 1)}
    edges |= {(keys[i], keys[j]) for i, j in data.draw(st.sets(st.tuples(*[st.integers(0, count - 1)] * 2))) if i < j}
    grid = arranged(keys, sorted(edges))
    assert all(grid.column[a] < grid.column[b] for a, b in edges)
    assert len({(column, row) for (_, column), row in grid.row.items()}) == len(grid.row)
    length = nx.dag_longest_path_length(nx.DiGraph(sorted(edges)))
    assert max(grid.column.values()) == length
    on_axis = [key for key in keys if grid.row[key, grid.column[key]] == 0]
    assert len(on_axis) == length + 1
    for a, b in edges:
        assert all((a, n) in grid.row for n in range(grid.column[a], grid.column[b]))
