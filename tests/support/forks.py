"""Forks while other threads build, differentiate, compile, run and draw, and while each lock is held in its turn.

`python tests/support/forks.py 400` counts the children that hang or are wrong.
"""

import faulthandler
import os
import signal
import sys
import threading
import time

import numpy as np

import symcnn as sc
from symcnn.graph import apart, locks

LONGEST = 30
"""Seconds after which a child hangs."""


def use(number):
    """Build, differentiate, compile, run, train: whatever takes a lock."""
    x = sc.Input("x", (None, 3))
    w = sc.Param("w", np.ones((3, 2), np.float32))
    J = sc.mean(sc.tanh(x @ w) * number)
    rows = np.ones((20, 3), np.float32)
    for backend in ("numpy", "native"):
        value, slope = sc.compile([J, *sc.grad(J, [w])], backend=backend)(x=rows)
        np.testing.assert_allclose(value, np.tanh(3) * number, rtol=1e-5)
        np.testing.assert_allclose(slope, np.full((3, 2), number * (1 - np.tanh(3) ** 2) / 2), rtol=1e-3)
    sc.fit(J, {"x": rows}, epochs=1, batch=10, progress=False)
    if number % 5 == 0:
        sc.draw(J)


def child_of(number):
    """Fork; the exit status of the child, None if it hangs."""
    child = os.fork()
    if not child:
        faulthandler.register(signal.SIGALRM, chain=True)  # shows where it hangs, and then ends it
        signal.alarm(LONGEST)
        try:
            use(1 + number % 7)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(3)
    status = os.waitpid(child, 0)[1]
    return None if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM else status


def held(one, work):
    """What `work` returns while another thread holds a lock; for a while only, where a fork waits for it."""
    there, go = threading.Event(), threading.Event()

    def hold():
        if one.acquire(timeout=5):
            there.set()
            go.wait(0.05 if one is apart._working else LONGEST)
            one.release()
        there.set()

    thread = threading.Thread(target=hold)
    thread.start()
    there.wait()
    try:
        return work()
    finally:
        go.set()
        thread.join()


def main(count):
    use(1)
    over, failed = threading.Event(), []

    def busy(first):
        number = first
        try:
            while not over.is_set():
                use(number % 40 + 1)
                number += 1
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=busy, args=(n,)) for n in (10, 30)]
    for t in threads:
        t.start()
    statuses, start = [], time.monotonic()
    for number in range(count):
        if number % 2:
            statuses.append(child_of(number))
        else:
            known = sorted(locks.all_locks(), key=id)
            one = known[number // 2 % len(known)]
            statuses.append(held(one, lambda number=number: child_of(number)))
    over.set()
    for t in threads:
        t.join()
    wrong = sum(status not in (0, None) for status in statuses) + len(failed)
    print(f"{count} forks, {statuses.count(None)} hang, {wrong} wrong, {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]))
