"""Whole training steps (forward, backward, SGD with momentum), float32: symcnn beside PyTorch and JAX.

All peers run at the same time, each in a process and, where asked, an environment of its own, and take turns
being timed. Who does not compute the right numbers is shown as wrong instead of being timed. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import reference
from networks import NETWORKS, Network
from peers import HERE, Peer, PeerFailed, candidates, environment
from report import report

CHECKED_STEPS = 3
LOSS_TOLERANCE = 1e-3
UPDATE_TOLERANCE = 1e-2
"""A max pool may choose the other of two nearly equal units in float32; that moves one in many thousands of errors."""
QUIET = 0.25
"""A turn counts as undisturbed if other processes used less than so much of one CPU in it."""


@dataclass
class Result:
    """One peer at one case. `status` is "ok", or what is wrong; the times are only there for "ok".

    `rounds` are the medians of the turns, of which `disturbed` were timed beside other processes. `seconds` is the
    median of all steps: of the undisturbed turns, if there are any. The errors are those of the three checked steps:
    of the loss, relative to it, and of the updates, in parts of the tolerance.
    """

    peer: str
    status: str = "ok"
    loss_error: float = float("nan")
    update_error: float = float("nan")
    seconds_to_ready: float = float("nan")
    rounds: list[float] = field(default_factory=list)
    disturbed: int = 0
    seconds: float = float("nan")
    peak_bytes: int = 0


@dataclass
class Case:
    """One network at one batch size, the arithmetic of a step, and what the peers made of it."""

    network: str
    batch: int
    flops: int
    results: list[Result] = field(default_factory=list)


@dataclass
class Comparison:
    """A whole run. `sgemm_flops` is the best rate of a large matrix product that was seen between the cases."""

    machine: str
    threads: int
    sgemm_flops: float
    versions: dict[str, str]
    missing: list[str]
    cases: list[Case]


class Check:
    """What three steps must give, and whether a peer gives it."""

    def __init__(self, network: Network, batch: int) -> None:
        self.start = network.parameters()
        self.losses, self.parameters = reference.train(network, batch, CHECKED_STEPS)

    def judge(self, result: Result, losses: list[float], found: list[np.ndarray]) -> None:
        """Set the errors and the status."""
        result.loss_error = max(abs(a - b) / max(abs(b), 1e-2) for a, b in zip(losses, self.losses, strict=True))
        result.update_error = max(map(self._update_error, found, self.parameters, self.start))
        right = result.loss_error < LOSS_TOLERANCE and result.update_error < 1
        result.status = "ok" if right else "wrong"

    @staticmethod
    def _update_error(found: np.ndarray, wanted: np.ndarray, start: np.ndarray) -> float:
        """The distance of the update from the right one, in parts of the tolerance.

        Rounding a parameter to float32 is tolerated beyond a share of the update's length: updates can be small.
        """
        if found.shape != wanted.shape or not np.isfinite(found).all():
            return float("inf")
        rounding = 2 * np.finfo(np.float32).eps * np.linalg.norm(start)
        tolerance = UPDATE_TOLERANCE * np.linalg.norm(wanted - start) + rounding
        return float(np.linalg.norm(found - wanted) / tolerance)


def compare(options: argparse.Namespace) -> Comparison:
    """Start the peers, and take them through all cases."""
    use_cpus(options.threads)
    asked = candidates(options.backends, options.torch, options.jax)
    there = {
        package: next(c for c in asked if c.package == package).is_there() for package in ("symcnn", "torch", "jax")
    }
    missing = [f"{c.name} (cannot be imported by {c.python})" for c in asked if not there[c.package]]
    rates, cases = [], []
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        peers = [Peer(c, options.threads, log) for c in asked if there[c.package]]
        try:
            for network in options.networks:
                for batch in options.batches or NETWORKS[network].batches:
                    rates.append(sgemm_rate(options.threads, Patience(options.patience)))
                    cases.append(run_case(peers, NETWORKS[network], batch, options, Path(folder)))
        finally:
            for peer in peers:
                peer.close()
            if options.verbose:
                sys.stderr.write(log.read_text())
    versions = {peer.name: peer.version for peer in peers}
    return Comparison(machine(), options.threads, max(rates), versions, missing, cases)


def run_case(peers: list[Peer], network: Network, batch: int, options: argparse.Namespace, folder: Path) -> Case:
    """Check each peer, then time those that are right, in turns."""
    case = Case(network.name, batch, network.flops(batch), [Result(peer.name) for peer in peers])
    check = Check(network, batch)
    for peer, result in zip(peers, case.results, strict=True):
        prepare(peer, result, check, network, batch, folder / "parameters.npz")
    patience = Patience(options.patience)
    turns: dict[str, list[Turn]] = {peer.name: [] for peer in peers}
    for _ in range(options.rounds):
        for peer, result in zip(peers, case.results, strict=True):
            if result.status == "ok":
                turns[peer.name] += time_once(peer, result, options.seconds, patience)
    for result in case.results:
        if result.status == "ok":
            summarise(result, turns[result.peer])
    print(".", end="", file=sys.stderr, flush=True)
    return case


def prepare(peer: Peer, result: Result, check: Check, network: Network, batch: int, file: Path) -> None:
    """Let the peer build the network and take the steps that are checked."""
    try:
        answer = peer.ask("prepare", network=network.name, batch=batch, steps=CHECKED_STEPS, save_to=str(file))
    except PeerFailed as failure:
        result.status = f"failed: {failure}"
        return
    with np.load(file) as saved:
        check.judge(result, answer["losses"], list(saved.values()))
    result.seconds_to_ready = answer["seconds_to_ready"]


class Patience:
    """Seconds that one is ready to wait, in all, for other processes to end."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def wait(self, seconds: float = 0.5) -> bool:
        """Wait a little; False where the patience is used up."""
        if self.left < seconds:
            return False
        self.left -= seconds
        time.sleep(seconds)
        return True


@dataclass
class Turn:
    """The seconds of each step in one turn of one peer, and whether other processes ran beside it."""

    seconds: list[float]
    peak_bytes: int
    disturbed: bool


def time_once(peer: Peer, result: Result, seconds: float, patience: Patience) -> list[Turn]:
    """One turn of one peer, again if it was disturbed; none if the peer fails."""
    while True:
        try:
            answer = peer.ask("time", seconds=seconds, at_least=3)
        except PeerFailed as failure:
            result.status = f"failed: {failure}"
            return []
        disturbed = answer["others_share"] > QUIET
        if not disturbed or not patience.wait():
            return [Turn(answer["seconds"], answer["peak_bytes"], disturbed)]


def summarise(result: Result, turns: list[Turn]) -> None:
    """What the table shows of all turns."""
    result.rounds = [median(turn.seconds) for turn in turns]
    result.disturbed = sum(turn.disturbed for turn in turns)
    result.peak_bytes = max(turn.peak_bytes for turn in turns)
    counted = [turn for turn in turns if not turn.disturbed] or turns
    result.seconds = median(second for turn in counted for second in turn.seconds)


def use_cpus(threads: int) -> None:
    """Keep this process, and so all workers, on as many CPUs as threads are asked for."""
    if hasattr(os, "sched_setaffinity"):
        there = sorted(os.sched_getaffinity(0))
        if threads > len(there):
            raise SystemExit(f"--threads {threads}: there are only {len(there)} CPUs")
        os.sched_setaffinity(0, there[:threads])


def sgemm_rate(threads: int, patience: Patience) -> float:
    """Floating point operations a second of a large matrix product, if possible on an idle machine."""
    command = [sys.executable, str(HERE / "workers" / "sgemm.py")]
    while True:
        answer = subprocess.run(command, env=environment(threads), capture_output=True, text=True, check=True)
        rate, others_share = map(float, answer.stdout.split())
        if others_share < QUIET or not patience.wait():
            return rate


def machine() -> str:
    """The processor, as far as the system tells."""
    try:
        with open("/proc/cpuinfo") as info:
            model = next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {platform.system()}, Python {platform.python_version()}"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--backends", nargs="+", default=["numpy", "native"], help="backends of symcnn (default: both)")
    add("--torch", default=sys.executable, metavar="PYTHON", help="an interpreter that can import torch")
    add("--jax", default=sys.executable, metavar="PYTHON", help="an interpreter that can import jax")
    add("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    add("--batches", nargs="+", type=int, help="default: 1, 32 and 256 for N1 to N3, 64 for M1 to M6")
    add("--threads", type=int, default=2, help="for every peer (default: 2)")
    add("--rounds", type=int, default=7, help="turns of each peer at each case (default: 7)")
    add("--seconds", type=float, default=0.2, help="of one turn (default: 0.2)")
    add("--patience", type=float, default=30, help="seconds to wait, at each case, for an idle machine (default: 30)")
    add("--json", type=Path, metavar="FILE", help="write everything that was measured")
    add("--verbose", action="store_true", help="show what the workers printed")
    return parser.parse_args()


def main() -> int:
    """Compare, print, and fail if one of our own engines is missing or wrong."""
    options = arguments()
    comparison = compare(options)
    print(report(comparison))
    if options.json:
        options.json.write_text(json.dumps(asdict(comparison), indent=1))
    ours = [r for case in comparison.cases for r in case.results if r.peer.startswith("symcnn")]
    return 0 if ours and all(r.status == "ok" for r in ours) else 1


if __name__ == "__main__":
    sys.exit(main())
