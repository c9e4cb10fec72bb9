"""What is wrong with a random graph: values and two derivatives by each engine, against what is computed without it."""

from __future__ import annotations

import collections
import warnings
from dataclasses import dataclass
from typing import Any

import by_numpy
import numpy as np
from graphs import Graph, Leaf, Step, drawn

import symcnn as sc

try:
    import by_torch
except ImportError:
    by_torch = None  # type: ignore[assignment]


Run = tuple[str, str, int]
"""A dtype, an engine, and up to which derivative."""


@dataclass
class Results:
    """Arrays of one computation: the values of the heads, the loss, the gradients, and the gradients of those."""

    values: list[Any]
    loss: Any
    first: list[Any]
    second: list[Any]

    def named(self) -> list[tuple[str, Any]]:
        """Each array, with what it is."""
        kinds = {"value": self.values, "loss": [self.loss], "gradient": self.first, "second derivative": self.second}
        return [(f"{kind} {n}", a) for kind, arrays in kinds.items() for n, a in enumerate(arrays)]


def directions(graph: Graph) -> list[Any]:
    """For each learned leaf an array of its size: second derivatives are taken along it; the same for all images."""
    rng = np.random.default_rng([1, graph.number])
    return [
        np.broadcast_to(rng.standard_normal(_shared(graph.items[n])), graph.items[n].array.shape) for n in graph.learned
    ]


def _shared(leaf: Leaf) -> tuple[int, ...]:
    return tuple(1 if d is None else d for d in leaf.shape)


def by_house(graph: Graph, dtype: str, backend: str, orders: int = 2) -> Results:
    """What the package computes, with derivatives up to the second or the first."""
    loss, nodes, feeds = graph.built(dtype)
    leaves = [nodes[n] for n in graph.learned]
    first = sc.grad(loss, leaves, unconnected="zeros")
    along = sc.Const(np.zeros((), dtype)) + sum(
        sc.sum(g * sc.Const(np.asarray(d[tuple(slice(0, k) for k in _shared(graph.items[n]))], dtype)))
        for g, d, n in zip(first, directions(graph), graph.learned, strict=True)
    )
    second = sc.grad(along, leaves, unconnected="zeros") if orders == 2 else []
    heads = [nodes[n] for n in graph.heads]
    outputs = [*heads, loss, *first, *second]
    used = {i.name for i in sc.Graph(loss, *outputs).inputs}
    found = sc.compile(outputs, backend=backend)({k: v for k, v in feeds.items() if k in used})
    for node, array in zip(outputs, found, strict=True):
        assert array.dtype == node.dtype and array.shape == node.spec.bind(graph.batch), f"{node.spec}: {array.shape}"
    h, k = len(heads), len(leaves)
    return Results(found[:h], found[h], found[h + 1 : h + 1 + k], found[h + 1 + k :])


def by_pytorch(graph: Graph) -> Results:
    """What PyTorch computes, in float64."""
    import torch

    def loss(tensors: list[Any]) -> Any:
        fixed = {
            n: torch.as_tensor(i.array)
            for n, i in enumerate(graph.items)
            if isinstance(i, Leaf) and i.array.dtype.kind == "f"
        }
        return graph.computed(by_torch, fixed | dict(zip(graph.learned, tensors, strict=True)))[0]

    arrays = [graph.items[n].array for n in graph.learned]
    J, first, second = by_torch.derivatives(loss, arrays, directions(graph))
    values = graph.computed(by_numpy)[1]
    return Results([np.asarray(values[n]) for n in graph.heads], J, first, second)


def complaints(graph: Graph, runs: list[Run], torch: bool = True) -> list[str]:
    """What is wrong, in words; nothing where all is right.

    Parameters
    ----------
    graph : Graph
    runs : list of Run
    torch : bool
        Compare with PyTorch; else values with NumPy, and derivatives with differences along one direction.
    """
    right = by_pytorch(graph) if torch and by_torch is not None else None
    found: list[str] = []
    single: Results | None = None
    for dtype, backend, orders in runs:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore", sc.errors.SymcnnWarning)
                results = by_house(graph, dtype, backend, orders)
                if dtype == "float32" and single is None:
                    single = results if backend == "numpy" else by_house(graph, dtype, "numpy", orders)
        except Exception as error:
            found.append(f"{backend} {dtype}: {type(error).__name__}: {error}")
            continue
        problems = _differences(results, right, single, dtype) if right else _by_hand(graph, results, dtype)
        found += [f"{backend} {dtype}: {p}" for p in problems]
    return found


def _differences(results: Results, right: Results, single: Results | None, dtype: str) -> list[str]:
    found = []
    rounded = single.named() if dtype == "float32" and single else right.named()
    for (name, a), (_, b), (_, c) in zip(results.named(), right.named(), rounded, strict=False):
        if np.shape(a) != np.shape(b):
            found.append(f"{name} has shape {np.shape(a)}, right is {np.shape(b)}")
            continue
        scale = float(np.max(np.abs(b), initial=1.0))
        allowed = 1e-9 * scale if dtype == "float64" else 3e-4 * scale + 20 * _distance(c, b)
        if not _distance(a, b) <= allowed:
            found.append(f"{name} is off by {_distance(a, b):.3g} (the largest is {scale:.3g})")
    return found


def _distance(a: Any, b: Any) -> float:
    return float(np.max(np.abs(np.asarray(a, float) - b), initial=0.0))


def _by_hand(graph: Graph, results: Results, dtype: str) -> list[str]:
    """Values by NumPy; slope and curvature along a direction by differences of the loss."""
    J, values = graph.computed(by_numpy)
    wide = dtype == "float64"
    found = []
    for n, a in zip(graph.heads, results.values, strict=True):
        scale = float(np.max(np.abs(values[n]), initial=1.0))
        if np.shape(a) != np.shape(values[n]) or not _distance(a, values[n]) <= (1e-9 if wide else 1e-3) * scale:
            found.append(f"value v{n} is off by {_distance(a, values[n]):.3g}")
    along = directions(graph)
    slope, curvature = _derivatives(graph, along, float(J))
    for name, arrays, (expected, error) in (("slope", results.first, slope), ("curvature", results.second, curvature)):
        if along and not arrays:
            continue
        terms = [np.asarray(g, float) * d for g, d in zip(arrays, along, strict=True)]
        scale = 1.0 + sum(float(np.sum(np.abs(t))) for t in terms)
        actual = sum(float(np.sum(t)) for t in terms)
        if not abs(actual - expected) <= (1e-6 if wide else 5e-3) * scale + 10 * error:
            found.append(f"{name} {actual:.6g}, by differences {expected:.6g}")
    return found


def _derivatives(graph: Graph, along: list[Any], J: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """First and second derivative of the loss along a direction, each with an estimate of its error."""

    def at(h: float) -> float:
        leaves = {n: graph.items[n].array + h * d for n, d in zip(graph.learned, along, strict=True)}
        with np.errstate(all="ignore"):
            return float(graph.computed(by_numpy, leaves)[0])

    slopes, curvatures = [], []
    for h in (4e-4, 2e-4):
        up, down, up2, down2 = at(h), at(-h), at(2 * h), at(-2 * h)
        slopes.append((8 * (up - down) - (up2 - down2)) / (12 * h))
        curvatures.append((16 * (up + down) - (up2 + down2) - 30 * J) / (12 * h * h))
    return (slopes[1], abs(slopes[1] - slopes[0])), (curvatures[1], abs(curvatures[1] - curvatures[0]))


def smaller(graph: Graph, runs: list[Run], torch: bool = True) -> Graph:
    """The graph up to its first step that shows a fault; the graph itself where no step alone does."""
    for n, item in enumerate(graph.items):
        if isinstance(item, Step):
            tried = Graph(graph.number, graph.batch, graph.items[: n + 1], {n: 1.0})
            if complaints(tried, runs, torch):
                return tried
    return graph


def runs_of(number: int, every: int = 1) -> list[Run]:
    """NumPy in float64; for each `every`-th graph native code in a dtype in turn, at times to the second derivative."""
    turn, rest = divmod(number, every)
    native = (("float32", "float64")[turn % 2], "native", 1 + turn // 2 % 2)
    return [("float64", "numpy", 2), *([] if rest else [native])]


def judged(number: int, every: int = 1) -> tuple[int, list[str], str, collections.Counter[str]]:
    """What is wrong with a graph, the part that shows it, and how often it has which operation."""
    try:
        graph = drawn(number)
    except Exception as error:
        return number, [f"it cannot be built: {type(error).__name__}: {error}"], "", collections.Counter()
    count = collections.Counter(i.operation for i in graph.items if isinstance(i, Step))
    runs = runs_of(number, every)
    found = complaints(graph, runs)
    return number, found, str(smaller(graph, runs)) if found else "", count
