"""Work that nothing cuts in two: no interrupt, no end of the process, no first import that is left halfway."""

import os
import subprocess
import sys
import time

import pytest

from symcnn.graph.apart import apart, load


def test_who_waits_for_long_says_so(monkeypatch):
    said = []
    monkeypatch.setattr("symcnn.graph.apart.LATE", 0.05)
    assert apart(lambda: time.sleep(0.3) or 3, late=lambda: said.append("late")) == 3
    assert apart(lambda: 4, late=lambda: said.append("not late")) == 4
    assert said == ["late"]


def test_what_cannot_be_loaded_is_tried_again():
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            load("symcnn.no_such_module")
    assert load("symcnn.graph.apart").apart is apart


def ran(code, cache, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"SYMCNN_CACHE": str(cache)},
    )


INTERRUPTED = """
import atexit, signal, sys, threading
atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)  # after those of all that is imported below
import numpy as np
import symcnn as sc
from symcnn.engine.native.runtime import jit as objects

signal.signal(signal.SIGALRM, signal.default_int_handler)
compiled = objects._compiled

def begun(text, machine):
    if len(text) > 100_000:
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.1 if "again" in sys.argv else 0)
    return compiled(text, machine)

objects._compiled = begun
x = a = sc.Input("x", (None, 1, 20, 20))
for n in range(6):
    a = sc.tanh(sc.conv(a, 4, 3, seed=n))
J = sc.mean(a * a)
try:
    sc.compile([J, *sc.grad(J, J.params)], backend="native")(x=np.ones((20, 1, 20, 20)))
except KeyboardInterrupt:
    print("interrupted", any(t.name == "symcnn apart" and t.is_alive() for t in threading.enumerate()))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("how", ["once", "again"])
def test_a_process_that_is_interrupted_while_it_compiles_ends_without_a_crash(tmp_path, how):
    """Also if its exit, which waits for the compiler, is interrupted again and again."""
    done = ran(INTERRUPTED, tmp_path, how)
    assert (done.returncode, done.stdout.split()[:1]) == (0 if how == "once" else done.returncode, ["interrupted"])
    assert done.returncode in (0, 1, 130), done.stderr


IMPORTS = """
import signal, sys
import symcnn as sc

signal.signal(signal.SIGALRM, signal.default_int_handler)
x = sc.Input("x", (None, 3))
graph = sc.Graph(sc.sum(sc.tanh(x)))
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
try:
    graph.levels()
except KeyboardInterrupt:
    print("interrupted")
else:
    signal.pause()
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_first_import_that_is_interrupted_breaks_nothing(tmp_path):
    again = "\nsignal.setitimer(signal.ITIMER_REAL, 0)\nprint(len(graph.levels()))"
    code = IMPORTS.replace("    signal.pause()", "    pass") + again
    found = [ran(code, tmp_path, str(after)) for after in (0.005, 0.02, 0.04, 0.06, 0.08)]
    assert [one.stdout.split()[-1] for one in found] == ["3"] * 5, [one.stderr for one in found]
    assert any("interrupted" in one.stdout for one in found)


DAEMON = """
import threading, time
import numpy as np
import symcnn as sc
from symcnn.engine.native.runtime import jit as objects

begun, compiled = threading.Event(), objects._compiled

def begin(text, machine):
    begun.set()
    return compiled(text, machine)

objects._compiled = begin
a = sc.Input("x", (None, 1, 20, 20))
for n in range(5):
    a = sc.tanh(sc.conv(a, 4, 3, seed=n))
J = sc.mean(a * a)
f = sc.compile([J, *sc.grad(J, J.params)], backend="native")
thread = threading.Thread(target=f, kwargs={"x": np.ones((20, 1, 20, 20))}, daemon=True)
thread.start()
begun.wait()
time.sleep(0.1)
print("ends", thread.is_alive())
"""


@pytest.mark.slow
def test_a_process_whose_daemon_compiles_ends_without_a_crash(tmp_path):
    done = ran(DAEMON, tmp_path)
    assert (done.returncode, done.stdout) == (0, "ends True\n"), done.stderr


FORK_IN_AN_IMPORT = """
import os, signal, sys, threading, time
import symcnn
sys.path.insert(0, sys.argv[1])
thread = threading.Thread(target=lambda: __import__("slow_to_load"))
thread.start()
while "slow_to_load" not in sys.modules:
    time.sleep(0.01)
child = os.fork()
if not child:
    signal.alarm(10)
    import slow_to_load
    os._exit(slow_to_load.value)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_waits_for_an_import(tmp_path):
    (tmp_path / "slow_to_load.py").write_text("import time\ntime.sleep(0.3)\nvalue = 7\n", encoding="utf-8")
    assert ran(FORK_IN_AN_IMPORT, tmp_path, str(tmp_path)).stdout == "7\n"
