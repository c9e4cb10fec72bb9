"""The team of threads: it sleeps and wakes, ends, survives a fork, an interrupt, and two callers at once."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.native.team import Team, team

ROWS = np.random.default_rng(0).standard_normal((200, 30)).astype("float32")


def program():
    x = sc.Input("x", (None, 30))
    return sc.compile([sc.sum(sc.tanh(x) * x), sc.sum(sc.exp(x), axis=0)], backend="native")


def assert_right(f, rows=ROWS):
    total, columns = f(x=rows)
    np.testing.assert_allclose(total, np.sum(np.tanh(rows) * rows), rtol=1e-4)
    np.testing.assert_allclose(columns, np.exp(rows).sum(axis=0), rtol=1e-5)


def test_threads_fall_asleep_and_wake():
    f = program()
    assert_right(f)
    time.sleep(0.3)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1  # an idle team costs nothing
    assert_right(f)


def test_a_team_ends():
    mine = Team(3)
    mine._start()
    workers = list(mine._workers)
    assert len(workers) == 2
    mine.close()
    assert not any(worker.is_alive() for worker in workers)


def test_the_number_of_threads_is_asked_for_anew(monkeypatch):
    monkeypatch.setenv("SYMCNN_THREADS", "3")
    assert team().threads == 3
    monkeypatch.setenv("SYMCNN_THREADS", "2")
    assert team().threads == 2
    assert_right(program())


def test_two_threads_run_one_program():
    f, wrong = program(), []

    def work(seed):
        rows = np.random.default_rng(seed).standard_normal((100 + seed, 30)).astype("float32")
        for _ in range(50):
            try:
                assert_right(f, rows)
            except AssertionError as error:
                wrong.append(error)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_has_a_team_of_its_own():
    code = """
import os, numpy as np, symcnn as sc
x = sc.Input("x", (None, 30))
f = sc.compile(sc.sum(sc.exp(x)), backend="native")
rows = np.ones((200, 30), "float32")
expected = f(x=rows)
child = os.fork()
ok = f(x=rows) == expected
if child == 0:
    os._exit(0 if ok else 3)
print(ok, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "0"], done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_an_interrupt_ends_fit_and_leaves_a_team_that_works():
    code = """
import signal, numpy as np, symcnn as sc
rows, labels = np.random.default_rng(0).standard_normal((200, 30)), np.arange(200) % 3
x, y = sc.Input("x", (None, 30)), sc.Input("y", (None,), "int64")
J = sc.softmax_cross_entropy(sc.dense(sc.tanh(sc.dense(x, 20, seed=0)), 3, seed=1), y)
f = sc.compile(J, backend="native")
train = lambda epochs: sc.fit(J, {"x": rows, "y": labels}, epochs=epochs, batch=64, backend="native", progress=False)
train(1)
signal.signal(signal.SIGALRM, signal.default_int_handler)
for n in range(20):
    signal.setitimer(signal.ITIMER_REAL, 0.02 + 0.0013 * n)
    try:
        train(100_000)
    except KeyboardInterrupt:
        expected = sc.compile(J, backend="numpy")(x=rows, y=labels)
        np.testing.assert_allclose(f(x=rows, y=labels), expected, rtol=1e-5)
        print("ended", end=" ")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["ended"] * 20, done.stderr


def test_a_process_ends_while_its_threads_wait():
    code = (
        "import numpy as np, symcnn as sc; x = sc.Input('x', (None, 9));"
        "print(sc.compile(sc.sum(x), backend='native')(x=np.ones((99, 9))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode, done.stderr) == ("891.0", 0, "")


@pytest.mark.slow
def test_a_thousand_programs_leave_nothing_behind():
    import resource

    def make():
        f = program()
        f(x=ROWS[:40])

    for _ in range(100):
        make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(1000):
        make()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert threading.active_count() < 10
