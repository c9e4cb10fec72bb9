"""Locks: all are made in one place, and a forked process can open each of them."""

import ast
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import symcnn
from symcnn.graph import locks

PACKAGE = Path(symcnn.__file__).parent
MAKERS = {"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier", "allocate_lock", "Queue"}
FORKS = str(Path(__file__).parent.parent / "support" / "forks.py")


def makers(source):
    """What makes locks in a module, functools' cached_property among them: Python 3.11 holds a lock in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in MAKERS and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
        if isinstance(node, ast.ImportFrom) and node.module in ("threading", "functools", "queue", "multiprocessing"):
            found |= {alias.name for alias in node.names if alias.name in MAKERS | {"cached_property"}}
    return found


def test_no_other_module_makes_a_lock():
    said = {"threading.Lock"}  # as the type of a lock
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "locks.py":
            source = path.read_text(encoding="utf-8")
            assert makers(source) <= said and "threading.Lock()" not in source, path


def test_the_search_finds_them():
    assert makers("import threading\na = threading.RLock()") == {"threading.RLock"}
    assert makers("from functools import cache, cached_property") == {"cached_property"}


def test_a_lock_that_is_no_more_is_forgotten():
    one = locks.lock()
    assert any(known is one for known in locks.all_locks())
    number = id(one)
    del one
    assert not any(id(known) == number for known in locks.all_locks())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_opens_what_others_have_closed():
    closed, again, mine = locks.lock(), locks.rlock(), locks.rlock()

    def close():
        closed.acquire()
        again.acquire()

    other = threading.Thread(target=close)
    other.start()
    other.join()
    with mine:
        number = os.fork()
        if not number:
            free = closed.acquire(timeout=5) and again.acquire(timeout=5)
            taken = []
            thread = threading.Thread(target=lambda: taken.append(mine.acquire(blocking=False)))
            thread.start()
            thread.join()
            os._exit(0 if free and taken == [False] else 3)  # what the forking thread has closed is still its own
        assert os.waitpid(number, 0)[1] == 0


def test_two_threads_get_one_value():
    both, values = threading.Barrier(2), []

    class Slow:
        @locks.cached_property
        def value(self):
            both.wait(10)  # a lock around this would let only one in
            return object()

    slow = Slow()
    threads = [threading.Thread(target=lambda: values.append(slow.value)) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert values[0] is values[1] is slow.value


def forks(count, tmp_path):
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", FORKS, str(count)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"SYMCNN_CACHE": str(tmp_path)},
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_no_fork_hangs_whatever_other_threads_are_doing(tmp_path):
    ran = forks(30, tmp_path)
    assert ran.stdout.startswith("30 forks, 0 hang, 0 wrong"), ran.stdout + ran.stderr
