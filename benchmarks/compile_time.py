"""What the native engine takes to compile a training step: the first time, and from the cache of compiled objects.

Every measurement is a fresh process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from networks import NETWORKS
from peers import HERE, environment
from report import aligned
from training_step import QUIET, Patience, machine, use_cpus

PHASES = ("import", "graph", "partition", "fuse", "lower", "emit", "LLVM", "link", "bind", "threads")
TARGETS = {"empty": 1.0, "filled": 0.03}
"""Seconds that compiling may take with an empty cache, and with one that has the object."""


@dataclass
class Measured:
    """Runs with an "empty" or a "filled" cache: each a dict as `compile_once` prints it."""

    network: str
    cache: str
    runs: list[dict[str, Any]]

    def milliseconds(self, phase: str) -> float:
        """The median of a phase; "compile" is all from the partition to the bound buffers."""
        seconds = [run["compiling"] if phase == "compile" else run["seconds"].get(phase, 0.0) for run in self.runs]
        return 1e3 * median(seconds)


def measure(network: str, options: argparse.Namespace) -> list[Measured]:
    """Fresh processes in pairs; only undisturbed ones, as far as the patience lasts."""
    patience = Patience(options.patience)
    found = [Measured(network, cache, []) for cache in TARGETS]
    with tempfile.TemporaryDirectory() as folder:
        _run(network, folder, options)
        for _ in range(options.rounds):
            for measured in found:
                measured.runs.append(_undisturbed(network, measured.cache, folder, options, patience))
    return found


def _undisturbed(
    network: str, cache: str, filled: str, options: argparse.Namespace, patience: Patience
) -> dict[str, Any]:
    """One process, again if it was disturbed; `filled` is a folder for a cache that has seen this network."""
    while True:
        with tempfile.TemporaryDirectory() as empty:
            answer = _run(network, empty if cache == "empty" else filled, options)
        if answer["others_share"] < QUIET or not patience.wait():
            return answer


def _run(network: str, cache: str, options: argparse.Namespace) -> dict[str, Any]:
    """What a process says that has its cache in a folder."""
    command = [sys.executable, str(HERE / "workers" / "compile_once.py"), network, str(options.batch)]
    variables = environment(options.threads) | {"SYMCNN_CACHE": cache}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def report(found: list[Measured]) -> str:
    """A row for each network and cache, in milliseconds."""
    rows = [["", "cache", *PHASES, "compile", "first step", "peak MiB"]]
    for measured in found:
        numbers = [measured.milliseconds(phase) for phase in (*PHASES, "compile", "first step")]
        size = median(run["peak_bytes"] for run in measured.runs) / 2**20
        rows.append([measured.network, measured.cache, *(f"{n:.1f}" for n in numbers), f"{size:.0f}"])
    disturbed = sum(run["others_share"] >= QUIET for measured in found for run in measured.runs)
    doubt = [f"the machine was not idle during {disturbed} processes"] if disturbed else []
    head = "milliseconds (medians of fresh processes); compile: from partition to bind; first step: with compiling"
    return "\n".join([machine(), head, *doubt, "", *aligned(rows)])


def main() -> int:
    """Measure and print; the exit status is 1 where compiling takes longer than it should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--networks", nargs="+", default=["N1"], choices=list(NETWORKS))
    add("--batch", type=int, default=32)
    add("--threads", type=int, default=2)
    add("--rounds", type=int, default=5, help="fresh processes with each state of the cache (default: 5)")
    add("--patience", type=float, default=30, help="seconds to wait, for each network, for an idle machine")
    add("--json", type=Path, metavar="FILE", help="write everything that was measured")
    options = parser.parse_args()
    use_cpus(options.threads)
    found = [measured for network in options.networks for measured in measure(network, options)]
    print(report(found))
    if options.json:
        options.json.write_text(json.dumps([vars(measured) for measured in found], indent=1))
    slow = [m for m in found if m.network == "N1" and m.milliseconds("compile") > 1e3 * TARGETS[m.cache]]
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
