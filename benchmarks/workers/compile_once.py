"""Compile one training step natively and run it, in this fresh process: `compile_once.py NETWORK BATCH`.

Prints one JSON object: the seconds of each phase, whether the object came from the cache, and how busy others were.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from networks import NETWORKS
from protocol import others_seconds, peak
from symcnn_worker import SymcnnTrainer

_PLACES = {
    "partition": ["bound.partition"],
    "fuse": ["bound.fuse"],
    "lower": ["bound.ImageStage.write", "bound.shared_stage", "bound.finite_check"],
    "emit": ["bound.module"],
    "LLVM": ["objects._compiled"],
    "link": ["bound.Library"],
    "bind": ["bound.NativeBackend.bind"],
    "threads": ["bound.team"],
}
"""The functions of `symcnn.engine.native` in which each phase is spent."""


class Stopwatch:
    """Seconds spent in functions, without what is spent in others that are watched, too."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = [0.0]

    def watch(self, owner: Any, name: str, phase: str) -> None:
        """From now on, count what `owner.name` takes."""
        function: Callable[..., Any] = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(0.0)
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.perf_counter() - start
                own = spent - self._inner.pop()
                self._inner[-1] += spent
                self.seconds[phase] = self.seconds.get(phase, 0.0) + own

        setattr(owner, name, watched)


def main(network: str, batch: int) -> None:
    """Import, build, compile, run once, and run again."""
    clock, others = time.perf_counter, others_seconds()
    start = clock()
    import llvmlite.binding  # noqa: F401

    from symcnn.engine.native import bound, objects

    imported = clock()
    watch = Stopwatch()
    for phase, places in _PLACES.items():
        for place in places:
            module, *path, name = place.split(".")
            owner: Any = {"bound": bound, "objects": objects}[module]
            for part in path:
                owner = getattr(owner, part)
            watch.watch(owner, name, phase)
    begin = clock()
    trainer = SymcnnTrainer(NETWORKS[network], batch, "native")
    built = clock()
    trainer.step()
    first = clock()
    trainer.step()
    second = clock() - first
    compiling = sum(seconds for phase, seconds in watch.seconds.items() if phase != "threads")
    answer = {
        "seconds": {"import": imported - start, "graph": built - begin, **watch.seconds, "first step": first - built},
        "compiling": compiling,
        "second": second,
        "peak_bytes": peak(),
        "others_share": (others_seconds() - others) / (clock() - start),
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
