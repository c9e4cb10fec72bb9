"""Graphs of many nodes in a row: how long each phase takes, and how that grows with the length.

A chain of n nodes a = tanh(w a) is built, put in order, differentiated, simplified, compiled, run, shown, pickled,
copied and deleted. Time that is linear in n has the slope 1 in the last column: the exponent of a power of n,
fitted to all sizes.
"""

from __future__ import annotations

import argparse
import copy
import gc
import json
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

import symcnn as sc

SIZES = (10_000, 20_000, 50_000, 100_000, 200_000)


class Stopwatch:
    """CPU seconds by phase: other processes disturb them less than those of a clock."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        start = time.process_time()
        yield
        self.seconds[name] = time.process_time() - start


def chain(n: int) -> tuple[sc.Param, sc.Node]:
    """A scalar, `n` operations away from the input."""
    x, w = sc.Input("x", (2,)), sc.Param("w", np.float32([0.9, 1.1]))
    a: sc.Node = x
    for _ in range((n - 1) // 2):
        a = sc.tanh(w * a)
    return w, sc.sum(a)


def phases(n: int) -> dict[str, float]:
    """The seconds of each phase for a chain of `n` nodes."""
    watch = Stopwatch()
    with watch.phase("build"):
        w, J = chain(n)
    with watch.phase("order"):
        nodes = sc.Graph(J).order
    assert len(nodes) == n + 1 + n % 2, len(nodes)
    with watch.phase("differentiate"):
        back = sc.backprop(J)
    with watch.phase("simplify"):
        sc.simplify([J, back.grads[w]])
    with watch.phase("compile"):
        program = sc.compile([J, back.grads[w]])
    with watch.phase("first run"):
        program(x=[1, 1])
    with watch.phase("run"):
        value, gradient = program(x=[1, 1])
    assert np.isfinite(value) and np.isfinite(gradient).all()
    with watch.phase("repr"):
        assert repr(J) and repr(back) and repr(J.graph()) and repr(program)
    with watch.phase("pickle"):
        data = pickle.dumps(J)
    with watch.phase("unpickle"):
        loaded = pickle.loads(data)
    with watch.phase("copy"):
        copied = copy.deepcopy(J)
    assert len(sc.Graph(loaded).nodes) == len(sc.Graph(copied).nodes) == len(nodes)
    with watch.phase("delete"):
        del w, J, nodes, back, program, loaded, copied
        gc.collect()
    return watch.seconds


def measured(n: int) -> dict[str, float]:
    """`phases` in a process of its own; a crash is an error."""
    answer = subprocess.run([sys.executable, __file__, "--one", str(n)], capture_output=True, text=True)
    if answer.returncode:
        raise SystemExit(f"a chain of {n} nodes: the process ended with {answer.returncode}\n{answer.stderr}")
    seconds: dict[str, float] = json.loads(answer.stdout)
    return seconds


def table(sizes: list[int], results: list[dict[str, float]]) -> str:
    """Seconds by phase and size, milliseconds for 1000 nodes at the largest size, and the slope."""
    rows = [["phase", *(f"n = {n:,}" for n in sizes), "ms per 1000", "slope"]]
    columns = [*results, *[]]
    for phase in [*results[0], "all"]:
        times = [r[phase] if phase in r else sum(r.values()) for r in columns]
        slope = f"{np.polyfit(np.log(sizes), np.log(times), 1)[0]:.2f}" if len(sizes) > 1 else ""
        rows.append([phase, *(f"{t:.3f}" for t in times), f"{1e6 * times[-1] / sizes[-1]:.2f}", slope])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(text.rjust(w) for text, w in zip(row, widths, strict=True)) for row in rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES), help="lengths of the chain")
    parser.add_argument("--one", type=int, metavar="N", help="print the seconds for one length as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(phases(options.one)))
        return
    print(table(options.sizes, [measured(n) for n in options.sizes]))


if __name__ == "__main__":
    main()
