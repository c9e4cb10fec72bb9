"""The team of threads: it sleeps and wakes, ends, survives a fork, an interrupt, and two callers at once."""

import ctypes
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.native.runtime.team import Team, Work, team

ROWS = np.random.default_rng(0).standard_normal((200, 30)).astype("float32")


def program(threads=None):
    x = sc.Input("x", (None, 30))
    return sc.compile([sc.sum(sc.tanh(x) * x), sc.sum(sc.exp(x), axis=0)], backend="native", threads=threads)


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
    mine = Team()
    mine._start(2)
    workers = list(mine._workers)
    assert len(workers) == 2
    mine.close()
    assert not any(worker.is_alive() for worker in workers)


class Interrupted(list):
    """Notes that threads sleep: an interrupt comes before or after one of them is struck out."""

    def __init__(self, items, after):
        super().__init__(items)
        self.after = after

    def __setitem__(self, number, asleep):
        if not asleep and self.after is not None:
            after, self.after = self.after, None
            if after:
                super().__setitem__(number, asleep)
            raise KeyboardInterrupt
        super().__setitem__(number, asleep)


@pytest.mark.parametrize("after", [False, True])
def test_an_interrupt_between_two_lines_lets_nobody_sleep_for_ever(after):
    mine = Team()
    mine._start(2)
    workers = list(mine._workers)
    while not all(mine._asleep):
        time.sleep(0.01)
    mine._asleep = Interrupted(mine._asleep, after)
    with pytest.raises(KeyboardInterrupt):
        mine._wake(2)
    closing = threading.Thread(target=mine.close, daemon=True)
    closing.start()
    closing.join(10)
    assert not any(worker.is_alive() for worker in workers)


def test_nobody_stays_awake_for_a_run_that_an_interrupt_has_kept_from_beginning():
    mine, job = Team(), ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 3)
    called = job(lambda data, me, chunk, chunks: None)
    work = Work([(ctypes.cast(called, ctypes.c_void_p).value, 8)])
    mine.run(work, 0, 3)
    wake = mine._wake

    def interrupted(helpers):
        wake(helpers)
        raise KeyboardInterrupt

    mine._wake = interrupted
    with pytest.raises(KeyboardInterrupt):
        mine.run(work, 0, 3)
    mine._wake = wake
    time.sleep(0.3)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1
    mine.run(work, 0, 3)
    mine.close()


class Unborn(list):
    """Notes that threads sleep: an interrupt comes before the first is written."""

    struck = False

    def _strike(self):
        if not self.struck:
            self.struck = True
            raise KeyboardInterrupt

    def append(self, asleep):
        self._strike()
        super().append(asleep)

    def __setitem__(self, number, asleep):
        self._strike()
        super().__setitem__(number, asleep)


def test_an_interrupt_while_a_thread_is_made_blocks_nobody():
    mine = Team()
    mine._asleep = Unborn()
    with pytest.raises(KeyboardInterrupt):
        mine._start(2)
    starting = threading.Thread(target=mine._start, args=(2,), daemon=True)
    starting.start()
    starting.join(10)
    assert mine.threads == 3
    mine.close()


def bits(f, rows=ROWS):
    return b"".join(np.asarray(a).tobytes() for a in f(x=rows))


def test_the_number_of_threads_is_asked_for_anew(monkeypatch):
    f = program()
    for threads in ("3", "1", "2"):
        monkeypatch.setenv("SYMCNN_THREADS", threads)
        assert bits(f) == bits(program(threads=int(threads)))


def test_bits_depend_on_the_number_of_threads_alone(monkeypatch):
    """Teams of any size, that have grown or have more threads than are asked for, compute the same."""
    expected = {}
    for sizes in ([1, 2, 3, 5, 8], [8, 5, 3, 2, 1], [3, 3, 8, 1]):
        monkeypatch.setattr("symcnn.engine.native.runtime.team._team", None)
        for threads in sizes:
            found = bits(program(threads=threads))
            assert expected.setdefault(threads, found) == found
        assert team().threads == max(sizes)
        team().close()
    assert len(set(expected.values())) > 1  # else nothing would have been seen


def test_who_was_not_asked_does_not_work():
    """A team of five, of which two are asked: no job is told another number than 0 or 1."""
    bits(program(threads=5))
    seen = set()
    job = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 3)

    def note(data, me, chunk, chunks):
        seen.add(me)
        time.sleep(0.001)

    called = job(note)
    for _ in range(20):
        team().run(Work([(ctypes.cast(called, ctypes.c_void_p).value, 8)] * 3), 0, 2)
    assert seen == {0, 1}


def test_each_chunk_is_done_once():
    """By new teams, too, whose threads begin while the first work is being laid out."""
    done = []
    job = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 3)
    called = job(lambda data, me, chunk, chunks: done.append((chunk, chunks)))
    address = ctypes.cast(called, ctypes.c_void_p).value
    for _ in range(30):
        mine = Team()
        for threads in (3, 2, 6, 1):
            done.clear()
            mine.run(Work([(address, 4), (address, 1), (address, 7)]), 0, threads)
            assert sorted(done) == sorted((n, chunks) for chunks in (4, 1, 7) for n in range(chunks))
        mine.close()


def test_programs_of_different_threads_at_once():
    wanted = [1, 2, 3, 6]
    programs = [program(threads=n) for n in wanted]
    expected = [bits(f) for f in programs]
    wrong = []

    def work(n):
        for _ in range(100):
            if bits(programs[n]) != expected[n]:
                wrong.append(wanted[n])

    callers = [threading.Thread(target=work, args=(n,)) for n in range(len(wanted))]
    for c in callers:
        c.start()
    for c in callers:
        c.join()
    assert not wrong


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


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_other_processes_run_a_program(way):
    """Whatever way they are made: the program is pickled, and a team of their own runs it."""
    if way not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {way} on this system")
    f = program(threads=3)
    expected = bits(f)
    with multiprocessing.get_context(way).Pool(2) as pool:
        found = [pool.apply_async(f, kwds={"x": ROWS}) for _ in range(6)]
        results = [b"".join(a.tobytes() for a in one.get(timeout=120)) for one in found]
    assert results == [expected] * 6
    assert bits(f) == expected


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forks_while_other_threads_compute():
    """Whatever locks they hold at that moment, the child does not wait for threads that it has not."""
    code = """
import faulthandler, os, threading, numpy as np, symcnn as sc
x = sc.Input("x", (None, 30))
programs = [sc.compile(sc.sum(sc.exp(x)), backend=backend, threads=3) for backend in ("native", "numpy")]
rows = np.random.default_rng(0).standard_normal((500, 30)).astype("float32")
expected, ended = [f(x=rows) for f in programs], threading.Event()

def work():
    while not ended.is_set():
        for f in programs:
            f(x=rows)

workers = [threading.Thread(target=work) for _ in range(2)]
for worker in workers:
    worker.start()
codes = set()
for _ in range(40):
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(20, exit=True)
        os._exit(0 if [f(x=rows) for f in programs] == expected else 3)
    codes.add(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
ended.set()
for worker in workers:
    worker.join()
print(codes)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "{0}", done.stderr


def megabytes():
    """What this process has in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_thousand_programs_leave_nothing_behind():
    def make():
        program()(x=ROWS[:40])

    for _ in range(100):
        make()
    before, threads = megabytes(), threading.active_count()
    for _ in range(1000):
        make()
    assert megabytes() - before < 3
    assert threading.active_count() == threads


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_was_compiled_leaves_nothing_behind():
    """Programs that no cache knows yet: LLVM's memory is given back, too."""

    def make(number):
        x, y = sc.Input("x", (None, 30)), sc.Input("y", (None,), "int64")
        J = sc.softmax_cross_entropy(sc.dense(sc.tanh(x) * number, 3, seed=0), y)
        step = sc.train_step(J, sc.SGD(lr=0.1), backend="native")
        step(x=ROWS[:40], y=np.arange(40) % 3)

    for n in range(30):
        make(2 + n)
    before = megabytes()
    for n in range(60):
        make(100 + n)
    assert megabytes() - before < 4
