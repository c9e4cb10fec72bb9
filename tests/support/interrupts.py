"""Interrupts at odd moments, also in pairs: how many leave something half done.

`python tests/support/interrupts.py 5000` counts.
"""

import contextlib
import gc
import random
import signal
import sys
import time

import numpy as np
import threadpoolctl

import symcnn as sc
from symcnn.graph.errors import _MADE_FOR

PAIR = 30e-6
"""Seconds between the two of a pair."""


def blas_threads():
    return [lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]


def trained(backend):
    """A step of Adam over parameters that all take the same way: each must always be as far as the others."""
    params = [sc.Param(f"w{n}", np.zeros(300 + n, np.float32)) for n in range(12)]
    x = sc.Input("x", (None, 4))
    J = sc.sum(x @ sc.Const(np.ones((4, 4), np.float32))) * 0 + sum(sc.sum(p) for p in params)
    return params, sc.train_step(J, sc.Adam(lr=0.01), backend=backend)


def state(params, step):
    """Of each parameter and each moment the one number that fills it; what belongs together must be equal."""
    groups = [params, [p for p in step.state if p.name.startswith("first")]]
    groups.append([p for p in step.state if p.name.startswith("second")])
    return [{float(v) for p in group for v in np.unique(p.value)} for group in groups]


def count(trials, backend="numpy", seed=0):
    """How many of so many interrupts were caught, left an update half done, or a setting other than it was."""
    rng = random.Random(seed)
    params, step = trained(backend)
    x = np.ones((3, 4), np.float32)
    step(x=x)
    before = blas_threads(), np.geterr(), gc.isenabled()
    caught = half = changed = left = 0

    def handler(number, frame):
        nonlocal left
        left -= 1
        if left > 0:
            signal.setitimer(signal.ITIMER_REAL, PAIR)
        if left >= 0:
            raise KeyboardInterrupt

    def wait():
        end = time.monotonic() + 1
        while left > 0 and time.monotonic() < end:
            pass

    def work():
        for _ in range(50):
            step(x=x)
            sc.grad(sc.sum(sc.tanh(params[0] * 2)), params[0])

    old = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(trials):
            left = rng.randrange(1, 3)
            asked = left
            with contextlib.suppress(KeyboardInterrupt):  # the second of a pair
                try:
                    signal.setitimer(signal.ITIMER_REAL, rng.uniform(20e-6, 1500e-6))
                    work()
                    wait()
                except KeyboardInterrupt:
                    wait()
            left = 0
            caught += asked
            half += [len(values) for values in state(params, step)] != [1, 1, 1]
            changed += (blas_threads(), np.geterr(), gc.isenabled()) != before or _MADE_FOR.get() is not None
    finally:
        left = 0
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    return caught, half, changed


if __name__ == "__main__":
    for backend in sys.argv[2:] or ("numpy", "native"):
        caught, half, changed = count(int(sys.argv[1]), backend)
        print(f"{backend}: {caught} interrupts, {half} half updates, {changed} settings changed, BLAS {blas_threads()}")
