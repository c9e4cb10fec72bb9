"""Which column and which row each box has: columns from networkx, rows with few crossings, skips in rows of their own.

Row 0 holds the longest path and is nearest to the mirror between the two lanes. An edge over several columns
runs through each of them in a row of its own (a trunk), which all edges from the same box share.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....graph.apart import load

if TYPE_CHECKING:
    import networkx as nx

Item = tuple[str, int]
"""A box, or its trunk, in a column: (key of the box, column)."""
_SWEEPS = 4


@dataclass
class Grid:
    """The columns and rows of boxes and trunks.

    Attributes
    ----------
    column : {key: int}
    row : {(key, column): int}
        Of each box in its column, and of its trunk in the columns that it runs through.
    links : list of list of (Item, Item)
        For each column, the edges to the next one.
    """

    column: dict[str, int]
    row: dict[Item, int]
    links: list[list[tuple[Item, Item]]]

    def boxes_in(self, column: int) -> list[str]:
        """The boxes of a column, innermost row first."""
        found = [key for key, at in self.column.items() if at == column]
        return sorted(found, key=lambda key: self.row[key, column])


def arranged(
    keys: Sequence[str], edges: Sequence[tuple[str, str]], column: dict[str, int] | None = None, count: int = 1
) -> Grid:
    """Columns and rows for a graph without cycles.

    Parameters
    ----------
    keys : sequence of str
    edges : sequence of (str, str)
    column : {str: int}, optional
        The columns, if they are settled already; each edge goes to a later one.
    count : int
        How many columns there are at least.

    Examples
    --------
    >>> grid = arranged(["x", "y", "z", "J"], [("x", "z"), ("z", "J"), ("y", "J")])
    >>> grid.column
    {'x': 0, 'y': 1, 'z': 1, 'J': 2}
    >>> grid.row["z", 1], grid.row["y", 1]
    (0, 1)
    """
    graph = _graph(keys, edges)
    if column is None:
        column = _columns(graph)
    main = _main(load("networkx").dag_longest_path(graph), column)
    links = _links(graph, column, count)
    columns = _ordered(column, links, main)
    return Grid(column, _rows(columns, links, main), links)


def levels(keys: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The columns alone, as `arranged` finds them."""
    return _columns(_graph(keys, edges))


def _graph(keys: Sequence[str], edges: Sequence[tuple[str, str]]) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = load("networkx").DiGraph()
    graph.add_nodes_from(keys)
    graph.add_edges_from(edges)
    return graph


def _main(path: Sequence[str], column: dict[str, int]) -> set[Item]:
    """The boxes of a path, and the trunks between them."""
    ends = [column[key] for key in path[1:]] + [column[key] + 1 for key in path[-1:]]
    return {(key, at) for key, end in zip(path, ends, strict=True) for at in range(column[key], end)}


def _columns(graph: nx.DiGraph[str]) -> dict[str, int]:
    """The longest path from a source; the sources themselves stand just before what reads them first."""
    column = {key: n for n, level in enumerate(load("networkx").topological_generations(graph)) for key in level}
    found = {}
    for key in graph:
        readers = [column[reader] for reader in graph.successors(key)]
        found[key] = min(readers) - 1 if readers and not graph.in_degree(key) else column[key]
    return found


def _links(graph: nx.DiGraph[str], column: dict[str, int], count: int) -> list[list[tuple[Item, Item]]]:
    """Between each column and the next: from a box or trunk to a box or trunk."""
    count = max(count, *(at + 1 for at in column.values())) if column else count
    links: list[dict[tuple[Item, Item], None]] = [{} for _ in range(count)]
    for key in graph:
        start = column[key]
        for reader in graph.successors(key):
            end = column[reader]
            for at in range(start, end - 1):
                links[at][(key, at), (key, at + 1)] = None
            links[end - 1][(key, end - 1), (reader, end)] = None
    return [list(found) for found in links]


def _ordered(column: dict[str, int], links: list[list[tuple[Item, Item]]], main: set[Item]) -> list[list[Item]]:
    """The items of each column in an order with few crossings; the main path is first where it has a box."""
    columns: list[dict[Item, None]] = [{} for _ in links]
    for key, at in column.items():
        columns[at][key, at] = None
    for found in links:
        for _, item in found:
            columns[item[1]][item] = None
    order = [sorted(items, key=lambda i: i not in main) for items in columns]
    best, fewest = order, _crossings(order, links)
    for sweep in range(_SWEEPS if fewest else 0):
        order = _swept(order, links, main, forward=sweep % 2 == 0)
        crossings = _crossings(order, links)
        if crossings < fewest:
            best, fewest = order, crossings
    return best


def _swept(
    order: list[list[Item]], links: list[list[tuple[Item, Item]]], main: set[Item], forward: bool
) -> list[list[Item]]:
    """Each column sorted by where its neighbours in the column before (or after) stand on average."""
    order = [list(items) for items in order]
    steps = range(1, len(order)) if forward else range(len(order) - 2, -1, -1)
    for at in steps:
        place = {item: n for n, item in enumerate(order[at - 1 if forward else at + 1])}
        seen: dict[Item, list[int]] = {}
        for a, b in links[at - 1 if forward else at]:
            item, neighbour = (b, a) if forward else (a, b)
            seen.setdefault(item, []).append(place[neighbour])
        own = {item: float(n) for n, item in enumerate(order[at])}
        mean = {item: sum(found) / len(found) for item, found in seen.items()}
        order[at].sort(key=lambda i: (i not in main, mean.get(i, own[i]), own[i]))
    return order


def _crossings(order: list[list[Item]], links: list[list[tuple[Item, Item]]]) -> int:
    """How many pairs of edges cross."""
    place = {item: n for items in order for n, item in enumerate(items)}
    total = 0
    for found in links:
        ends: list[int] = []
        for _, end in sorted((place[a], place[b]) for a, b in found):
            total += len(ends) - bisect_left(ends, end + 1)
            insort(ends, end)
    return total


def _rows(columns: list[list[Item]], links: list[list[tuple[Item, Item]]], main: set[Item]) -> dict[Item, int]:
    """The row of each item: in the order of its column, and where it can in the row of what it comes from."""
    most = max((len(items) for items in columns), default=0)
    row: dict[Item, int] = {}
    before: dict[Item, Item] = {}
    for found in links:
        for a, b in found:
            before.setdefault(b, a)
    for items in columns:
        lowest = 0
        for n, item in enumerate(items):
            is_first = n == 0 and item in main
            wanted = 0 if is_first else row.get(before.get(item, item), 1)
            row[item] = max(lowest, min(max(wanted, 0 if is_first else 1), most - (len(items) - n)))
            lowest = row[item] + 1
    return row
