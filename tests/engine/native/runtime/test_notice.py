"""What a terminal is told while something compiles: seen through a pseudo-terminal."""

import os
import subprocess
import sys
import threading
import time

import pytest

from symcnn.engine.native.interrupts import shielded
from symcnn.engine.native.runtime.notice import Notice
from symcnn.graph import apart

pty = pytest.importorskip("pty")

PROGRAM = """
import sys, time
import symcnn as sc
from symcnn.engine.native.runtime import jit as objects
from symcnn.graph import apart

apart.LATE = {late}
compiled = objects._compiled
def slow(*given):
    time.sleep({seconds})
    return compiled(*given)
objects._compiled = slow
x = sc.Input("x", (None, 3))
print(sc.compile(sc.tanh(sc.exp(x) + 1), backend="native")(x=[[0, 0, 0]]).shape)
"""


def errors_of(seconds, terminal, late=0.05):
    """What the program writes to standard error."""
    read, write = pty.openpty() if terminal else os.pipe()
    try:
        run = [sys.executable, "-c", PROGRAM.format(seconds=seconds, late=late)]
        done = subprocess.run(run, stdout=subprocess.PIPE, stderr=write, timeout=60, check=True)
        assert done.stdout.split() == [b"(1,", b"3)"]
        os.write(write, b"#")  # the end: a terminal is read a piece at a time
        text = ""
        while not text.endswith("#"):
            text += os.read(read, 10_000).decode()
        return text
    finally:
        os.close(read)
        os.close(write)


def test_a_terminal_is_told_what_takes_long_and_is_clean_afterwards(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMCNN_CACHE", str(tmp_path))
    text = "compiling 3 nodes ..."
    assert errors_of(0.5, terminal=True) == f"{text}\r{' ' * len(text)}\r#"


@pytest.mark.slow
def test_nothing_is_said_of_what_is_quick_or_where_there_is_no_terminal(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMCNN_CACHE", str(tmp_path))
    assert errors_of(0.5, terminal=False) == "#"
    assert errors_of(0, terminal=True, late=30) == "#"


def test_whoever_waits_is_told_once_and_in_the_thread_that_waits(monkeypatch):
    monkeypatch.setattr(apart, "LATE", 0.01)
    told = []
    assert shielded(lambda: time.sleep(0.1) or 7, lambda: told.append(threading.current_thread())) == 7
    assert told == [threading.main_thread()]
    assert shielded(lambda: 8, lambda: told.append(None)) == 8
    assert len(told) == 1


def test_a_closed_stream_is_no_error(monkeypatch):
    class Closed:
        def isatty(self):
            raise ValueError("I/O operation on closed file")

    for stream in (None, Closed()):
        monkeypatch.setattr(sys, "stderr", stream)
        with Notice("compiling ...") as late:
            late()
