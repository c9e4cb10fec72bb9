"""A whole job: the tutorial's three epochs on the full MNIST, from a cold process to its exit, beside PyTorch.

Every job is a process of its own; they take turns. A first turn, which does not count, fills the caches of compiled
code. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from peers import HERE, Candidate, candidates, environment
from report import aligned
from training_step import QUIET, Patience, machine, use_cpus

sys.path.append(str(HERE / "workers"))
from mnist_task import EPOCHS, STARTED
from protocol import others_seconds

PHASES = ("import", "load", "compile", "training", "evaluation")
TOLERANCE = 2e-3
"""Of the first epoch's mean loss, between the jobs: they start from the same numbers and see the same batches."""


@dataclass
class Run:
    """One job, from the start of its process to its end; `seconds` of the whole, and of each of its phases."""

    seconds: float
    phases: dict[str, float]
    losses: list[float]
    accuracy: float
    peak_bytes: int
    disturbed: bool


@dataclass
class Job:
    """What one engine made of it; `failed` says why there are no runs."""

    name: str
    version: str = ""
    runs: list[Run] = field(default_factory=list)
    failed: str = ""

    def middle(self, key: str) -> float:
        """The median over the undisturbed runs, if there are any: of a number, or of a phase."""
        counted = [run for run in self.runs if not run.disturbed] or self.runs
        return median(run.phases[key] if key in PHASES else getattr(run, key) for run in counted)

    @property
    def doubtful(self) -> bool:
        """Whether no run was undisturbed."""
        return all(run.disturbed for run in self.runs)


def compare(options: argparse.Namespace) -> list[Job]:
    """Run all jobs in turns."""
    use_cpus(options.threads)
    asked = [c for c in candidates(options.backends, options.torch, sys.executable) if c.package != "jax"]
    jobs = {c: Job(c.name) for c in asked}
    for candidate, job in jobs.items():
        job.failed = "" if candidate.is_there() else f"missing: {candidate.python} cannot import {candidate.package}"
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(1 + options.rounds):
            patience = Patience(options.patience)
            for candidate, job in jobs.items():
                if not job.failed:
                    _take_turn(candidate, job, Path(folder), patience, options, counts=turn > 0)
    return list(jobs.values())


def _take_turn(
    candidate: Candidate, job: Job, folder: Path, patience: Patience, options: argparse.Namespace, counts: bool
) -> None:
    """One run; again if it was disturbed and must count."""
    while not job.failed:
        run = _run(candidate, job, folder, options)
        if run is not None and counts and run.disturbed and patience.wait(5):
            continue
        if run is not None and counts:
            job.runs.append(run)
        print(".", end="", file=sys.stderr, flush=True)
        return


def _run(candidate: Candidate, job: Job, folder: Path, options: argparse.Namespace) -> Run | None:
    """One process; what it says of itself, and what is seen from outside."""
    script = HERE / "workers" / f"mnist_{candidate.package}.py"
    command = [candidate.python, str(script), candidate.engine, str(options.data), str(options.epochs)]
    caches = {"SYMCNN_CACHE": str(folder / "symcnn"), "TORCHINDUCTOR_CACHE_DIR": str(folder / "torch")}
    variables = environment(options.threads) | caches
    used, others, start = _children_seconds(), others_seconds(), time.monotonic()
    done = subprocess.run(command, env=variables | {STARTED: repr(start)}, capture_output=True, text=True)
    seconds = time.monotonic() - start
    others_share = (others_seconds() - others - (_children_seconds() - used)) / seconds
    if done.returncode:
        job.failed = f"failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
        return None
    answer = json.loads(done.stdout)
    job.version = answer.pop("version")
    return Run(seconds, disturbed=others_share > QUIET, **answer)


def _children_seconds() -> float:
    """CPU seconds of the processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def report(jobs: list[Job], options: argparse.Namespace) -> str:
    """The table, and how symcnn compares with the fastest of the others."""
    heads = ["", "seconds", *PHASES, "peak MiB", "accuracy", "loss of the epochs"]
    timed = [job for job in jobs if job.runs]
    lines = [
        f"{machine()}; {os.path.basename(options.data)}, {options.epochs} epochs, {options.threads} threads",
        ", ".join(f"{job.name} {job.version}" for job in timed),
        *(f"{job.name}: {job.failed}" for job in jobs if job.failed),
        f"medians of {options.rounds} cold processes with warm caches; seconds from the start of a process to its end",
    ]
    if any(job.doubtful for job in timed):
        lines.append("a ? stands where other processes ran beside all runs")
    lines += ["", *aligned([heads, *map(_row, timed)])]
    ours, theirs = ([job for job in timed if job.name.startswith("symcnn") is own] for own in (True, False))
    for job in ours if theirs else []:
        ratios = [min(other.middle(key) for other in theirs) / job.middle(key) for key in ("seconds", "peak_bytes")]
        lines.append(
            f"{job.name}: {ratios[0]:.1f} times faster than the fastest of the others, "
            f"in 1/{ratios[1]:.1f} of the memory of the leanest"
        )
    return "\n".join(lines)


def _row(job: Job) -> list[str]:
    return [
        job.name,
        f"{job.middle('seconds'):.2f}{'?' if job.doubtful else ''}",
        *(f"{job.middle(phase):.2f}" for phase in PHASES),
        f"{job.middle('peak_bytes') / 2**20:.0f}",
        f"{job.middle('accuracy'):.2%}",
        " ".join(f"{loss:.4f}" for loss in job.runs[0].losses),
    ]


def agree(jobs: list[Job]) -> bool:
    """Whether all jobs have learned the same in the first epoch."""
    losses = [run.losses[0] for job in jobs for run in job.runs]
    return bool(losses) and max(losses) - min(losses) < TOLERANCE * max(losses)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, metavar="FILE", help="MNIST as .npz (default: as `symcnn train` finds or downloads it)")
    add("--backends", nargs="+", default=["native"], help="backends of symcnn (default: native)")
    add("--torch", default=sys.executable, metavar="PYTHON", help="an interpreter that can import torch")
    add("--epochs", type=int, default=EPOCHS)
    add("--threads", type=int, default=2, help="for every job (default: 2)")
    add("--rounds", type=int, default=5, help="runs of each job that count (default: 5)")
    add("--patience", type=float, default=60, help="seconds to wait, each round, for an idle machine (default: 60)")
    add("--json", type=Path, metavar="FILE", help="write everything that was measured")
    options = parser.parse_args()
    if options.data is None:
        from symcnn.data.digits import mnist_place

        options.data = mnist_place()
    return options


def main() -> int:
    """Compare and print; fail if a job of our own failed, or if the jobs have not learned the same."""
    options = arguments()
    jobs = compare(options)
    print(report(jobs, options))
    if options.json:
        options.json.write_text(json.dumps([asdict(job) for job in jobs], indent=1))
    if not agree(jobs):
        print("the jobs have not learned the same in the first epoch")
        return 1
    return int(any(job.failed for job in jobs if job.name.startswith("symcnn")))


if __name__ == "__main__":
    sys.exit(main())
