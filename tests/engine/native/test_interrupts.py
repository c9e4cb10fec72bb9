"""LLVM is called where no interrupt comes, and not while the process forks."""

import _thread
import os
import subprocess
import sys
import threading
import time

import pytest

from symcnn.engine.native.interrupts import shielded
from symcnn.graph import apart


def test_what_is_returned_and_what_is_raised():
    assert shielded(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        shielded(lambda: 1 / 0)
    assert shielded(lambda: 4) == 4


def test_other_threads_do_it_themselves():
    found = []
    thread = threading.Thread(target=lambda: found.append(shielded(threading.current_thread)))
    thread.start()
    thread.join()
    assert found == [thread]


def test_no_more_threads(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert shielded(lambda: 3) == 3


def test_an_interrupt_comes_at_once_and_the_work_goes_on():
    go, done = threading.Event(), threading.Event()

    def work():
        _thread.interrupt_main()
        go.wait(30)
        done.set()

    with pytest.raises(KeyboardInterrupt):
        shielded(work)
    assert not done.is_set()
    go.set()
    assert done.wait(30)
    assert shielded(lambda: 3) == 3


def is_free():
    """Whether a thread other than this one could work."""
    found = []

    def look():
        found.append(apart._working.acquire(blocking=False))
        if found[0]:
            apart._working.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


def test_a_fork_waits_for_the_work():
    if not hasattr(os, "register_at_fork"):
        pytest.skip("no fork on this system")
    begun, go, forked = threading.Event(), threading.Event(), []

    def work():
        begun.set()
        go.wait(30)

    def fork():
        forked.append(subprocess.run([sys.executable, "-c", ""], preexec_fn=int, check=True))  # a fork, not a spawn

    thread = threading.Thread(target=shielded, args=(work,))
    other = threading.Thread(target=fork)
    thread.start()
    assert begun.wait(30)
    other.start()
    time.sleep(0.2)
    assert not forked
    go.set()
    other.join(30)
    thread.join(30)
    assert forked and is_free()


INTERRUPTED_FORK = """
import os, signal, threading
from symcnn.engine.native.interrupts import shielded
begun, go, found = threading.Event(), threading.Event(), []

def work():
    begun.set()
    go.wait(2)
    return 3

thread = threading.Thread(target=lambda: found.append(shielded(work)))
thread.start()
assert begun.wait(30)
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
child = os.fork()
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
go.set()
thread.join()
print(found, shielded(lambda: 4))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_an_interrupt_while_a_fork_waits_leaves_the_work_alone():
    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", INTERRUPTED_FORK],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stdout == "[3] 4\n", ran.stderr


PROGRAM = """
import gc, threading
import numpy as np
from llvmlite.binding import ffi
threads = set()
ffi.register_lock_callback(lambda: threads.add(threading.current_thread()), int)
import symcnn as sc
rows, labels = np.random.default_rng(0).standard_normal((40, 30)), np.arange(40) % 3
x, y = sc.Input("x", (None, 30)), sc.Input("y", (None,), "int64")
J = sc.softmax_cross_entropy(sc.dense(sc.tanh(sc.dense(x, 20, seed=0)), 3, seed=1), y)
for _ in range(2):
    f = sc.compile(J, backend="native", threads=2)
    f(x=rows, y=labels), f(x=rows[:1], y=labels[:1]), f.profile(x=rows, y=labels), str(f.report())
    sc.fit(J, {"x": rows, "y": labels}, epochs=1, batch=20, backend="native", progress=False)
    del f
    gc.collect()
assert threads
print(threading.main_thread() in threads)
"""


def test_the_main_thread_calls_nothing_of_llvm(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"SYMCNN_CACHE": str(tmp_path)},
    )
    assert (ran.stdout, ran.stderr) == ("False\n", "")


FORKS = """
import os, sys, threading
import numpy as np
import symcnn as sc

def use(size):
    x = sc.Input("x", (None, size))
    rows = np.ones((20, size), "float32")
    total = sc.compile(sc.sum(sc.exp(sc.tanh(x))), backend="native")(x=rows)
    np.testing.assert_allclose(total, np.exp(np.tanh(rows)).sum(), rtol=1e-5)

use(3)
ended = []
thread = threading.Thread(target=lambda: [use(size) for size in range(10, 60)] and ended.append(True))
thread.start()
for child in range(40):
    number = os.fork()
    if not number:
        use(100 + child)
        os._exit(0)
    assert os.waitpid(number, 0)[1] == 0
thread.join()
print(*ended)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forks_while_another_thread_compiles(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"SYMCNN_CACHE": str(tmp_path)},
    )
    assert (ran.stdout, ran.stderr) == ("True\n", "")
