"""The peers of a comparison: who is asked to take part, who is missing, and one process for each that is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENGINES = {"torch": ("eager", "channels_last", "compile"), "jax": ("jit", "jit_nhwc")}


@dataclass(frozen=True)
class Candidate:
    """One engine of one package, and the interpreter that should have the package."""

    package: str
    engine: str
    python: str

    @property
    def name(self) -> str:
        """As tables show it."""
        return f"{self.package} {self.engine}"

    def is_there(self) -> bool:
        """Whether the interpreter can import the package."""
        command = [self.python, "-c", f"import {self.package}"]
        try:
            return subprocess.run(command, env=environment(1), capture_output=True).returncode == 0
        except OSError:
            return False


def candidates(backends: list[str], torch: str, jax: str) -> list[Candidate]:
    """Everyone who is asked, symcnn first."""
    found = [Candidate("symcnn", backend, sys.executable) for backend in backends]
    for package, python in (("torch", torch), ("jax", jax)):
        found += [Candidate(package, engine, python) for engine in ENGINES[package]]
    return found


def environment(threads: int) -> dict[str, str]:
    """The variables of a worker's process: where the shared files are, and how many threads it may use."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "SYMCNN_THREADS")
    paths = os.pathsep.join([str(HERE), str(HERE.parent)])
    return {**os.environ, "PYTHONPATH": paths, **dict.fromkeys(limits, str(threads))}


class PeerFailed(Exception):
    """A peer could not do what it was asked; the message is its own."""


class Peer:
    """A running worker."""

    def __init__(self, candidate: Candidate, threads: int, log: Path) -> None:
        self.name = candidate.name
        self.is_ours = candidate.package == "symcnn"
        script = HERE / "workers" / f"{candidate.package}_worker.py"
        with open(log, "a") as errors:
            self._process = subprocess.Popen(
                [candidate.python, str(script), candidate.engine],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(threads),
                text=True,
            )
        self.version = self.ask("hello")["version"]

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        """Send an order and wait for the answer.

        Raises
        ------
        PeerFailed
            If the worker says so, or is dead.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PeerFailed("its process has ended")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise PeerFailed(answer["failed"])
        return answer

    def close(self) -> None:
        """End the worker."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
