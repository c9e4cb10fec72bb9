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

PHASES = {
    "partition": "partition",
    "fuse": "fuse",
    "ImageStage.write": "lower",
    "shared_stage": "lower",
    "module": "emit",
    "_compiled": "LLVM",
    "Library": "link",
    "_Compiler.bind": "bind",
    "team": "threads",
}
"""The functions of `symcnn.engine.native`, and the phase to which their time belongs."""


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


def watched_engine() -> Stopwatch:
    """A stopwatch at all functions in `PHASES`, wherever a module of the engine has them."""
    watch, package = Stopwatch(), "symcnn.engine.native."
    loaded = [m for name, m in sys.modules.items() if name.startswith(package) and name != package + "runtime.team"]
    for place, phase in PHASES.items():
        owners = [(m, place.split(".")) for m in loaded]
        found = [
            (getattr(m, path[0]), path[1]) if path[1:] else (m, path[0]) for m, path in owners if path[0] in vars(m)
        ]
        for owner, name in dict.fromkeys(found):
            watch.watch(owner, name, phase)
        if not found:
            raise LookupError(f"the engine has no {place}: say in PHASES what is timed instead")
    return watch


def main(network: str, batch: int) -> None:
    """Import, build, compile, run once, and run again."""
    clock, others = time.perf_counter, others_seconds()
    start = clock()
    import llvmlite.binding  # noqa: F401

    import symcnn.engine.native  # noqa: F401

    imported = clock()
    watch = watched_engine()
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
