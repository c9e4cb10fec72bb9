"""How a peer is driven: one JSON object a line on stdin is an order, one JSON object a line on stdout the answer.

A worker makes a `Trainer` for each of its engines, and hands them to `serve`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, Protocol, TextIO

import numpy as np
from networks import NETWORKS, Network
from numpy.typing import NDArray


class Trainer(Protocol):
    """A network with its data and its optimizer, ready to train."""

    def step(self) -> float:
        """One whole training step, waited for; the loss before its update."""

    def parameters(self) -> list[NDArray[Any]]:
        """The parameters now, in the order of `Network.parameters`."""


class Worker:
    """Answers orders with one engine of one peer; each order is a method."""

    def __init__(self, version: str, make: Callable[[Network, int], Trainer]) -> None:
        self.version = version
        self.make = make
        self.trainer: Trainer | None = None

    def hello(self) -> dict[str, Any]:
        """Who answers."""
        return {"version": self.version}

    def prepare(self, network: str, batch: int, steps: int, save_to: str) -> dict[str, Any]:
        """Build a trainer, take `steps` steps, save the parameters after them; the losses and the seconds till then."""
        self.trainer = None
        _forgetpeak()
        start = time.perf_counter()
        self.trainer = self.make(NETWORKS[network], batch)
        losses = [self.trainer.step() for _ in range(steps)]
        ready = time.perf_counter() - start
        np.savez(save_to, *self.trainer.parameters())
        return {"losses": losses, "seconds_to_ready": ready}

    def time(self, seconds: float, at_least: int) -> dict[str, Any]:
        """Step for `seconds`, after some steps that do not count; the seconds of each step."""
        step, clock = self.trainer.step, time.perf_counter
        for _ in range(3):
            step()
        taken: list[float] = []
        others, begin = others_seconds(), clock()
        while len(taken) < at_least or clock() < begin + seconds:
            start = clock()
            step()
            taken.append(clock() - start)
        others_share = (others_seconds() - others) / (clock() - begin)
        return {"seconds": taken, "peak_bytes": peak(), "others_share": others_share}


def serve(version: str, make: Callable[[Network, int], Trainer]) -> None:
    """Answer orders until stdin ends. What a library prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(version, make)
    for line in sys.stdin:
        _answer(worker, json.loads(line), answers)


def _answer(worker: Worker, order: dict[str, Any], answers: TextIO) -> None:
    try:
        answer = getattr(worker, order.pop("do"))(**order)
    except Exception as error:  # the peer's own failure is a result to be shown
        traceback.print_exc()
        answer = {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}
    print(json.dumps(answer), file=answers, flush=True)


def others_seconds() -> float:
    """CPU seconds that all other processes have used so far; 0 where the system does not tell."""
    try:
        with open("/proc/stat") as status:
            user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, status.readline().split()[1:])
    except (OSError, ValueError):
        return 0.0
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK") - time.process_time()


def _forgetpeak() -> None:
    """Let the peak of the memory start anew, where the system can (Linux)."""
    try:
        with open("/proc/self/clear_refs", "w") as control:
            control.write("5")
    except OSError:
        pass


def peak() -> int:
    """The largest resident size since `_forget_peak`, or since the start where that has no effect."""
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
