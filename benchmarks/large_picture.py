"""Pictures of large graphs: how long they take, and how many boxes are left of them.

Each graph is swept, told (its values are named, and those that are alike share a box), and written as SVG and as DOT.
"""

from __future__ import annotations

import argparse
import random
import time
from itertools import pairwise

import numpy as np

import symcnn as sc

SIZES = (10_000, 30_000, 100_000)
PHASES = ("sweep", "story", "svg", "dot")


def chain(n: int) -> sc.Node:
    """Products with one parameter and sigmoids, in turns."""
    v: sc.Node = sc.Input("x", (None, 4))
    w = sc.Param("w", np.ones(4, "float32"))
    for _ in range(n // 2):
        v = sc.sigmoid(v * w)
    return sc.mean(v)


def skips(n: int) -> sc.Node:
    """Two dense layers and a sum with what they read, again and again."""
    v: sc.Node = sc.tanh(sc.Input("x", (None, 4)))
    for _ in range(n // 9):
        v = sc.relu(v + sc.dense(sc.relu(sc.dense(v, 4, seed=0)), 4, seed=0))
    return sc.mean(v)


def chance(n: int) -> sc.Node:
    """Operations drawn by chance, on what was made not long before."""
    drawn = random.Random(0)
    nodes: list[sc.Node] = [sc.Input("x", (None, 4))]
    while len(nodes) < n // 2:
        a, b = nodes[-1], nodes[-1 - drawn.randrange(min(len(nodes), 30))]
        nodes.append(drawn.choice([sc.sigmoid(a), a + b, sc.tanh(a * b), sc.scale(a)]))
    return sc.mean(nodes[-1])


GRAPHS = {f.__name__: f for f in (chain, skips, chance)}


def seconds(J: sc.Node) -> tuple[dict[str, float], int]:
    """CPU seconds by phase, and the number of boxes."""
    times = [time.process_time()]
    back = sc.backprop(J)
    times.append(time.process_time())
    diagram = back.draw()
    times.append(time.process_time())
    assert diagram.svg.startswith("<svg")
    times.append(time.process_time())
    assert diagram.dot.startswith(("digraph", "//"))
    times.append(time.process_time())
    spent = [after - before for before, after in pairwise(times)]
    return dict(zip(PHASES, spent, strict=True)), len(diagram.story.boxes)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES), help="numbers of nodes")
    sizes: list[int] = parser.parse_args().sizes
    print(f"{'graph':8}{'nodes':>10}" + "".join(f"{phase:>9}" for phase in (*PHASES, "boxes")))
    for name, build in GRAPHS.items():
        sums = []
        for n in sizes:
            J = build(n)
            spent, boxes = seconds(J)
            sums.append(sum(spent.values()))
            print(f"{name:8}{len(J.graph()):>10,}" + "".join(f"{t:>9.3f}" for t in spent.values()) + f"{boxes:>9}")
        if len(sizes) > 1:
            print(f"{name:8}{'slope':>10}{np.polyfit(np.log(sizes), np.log(sums), 1)[0]:>9.2f}")


if __name__ == "__main__":
    main()
