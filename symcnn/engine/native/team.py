"""Threads that wait in native code: waking a Python thread for each step would take longer than a small step.

One team serves all programs of a process, one run at a time. Between runs its threads spin for a moment, outside
Python's lock, and then sleep in Python until they are needed again. A forked process makes a team of its own.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
import threading
from collections.abc import Sequence

from ..numpy.team import size
from .cpu import Cpu
from .objects import Library

_SPINS = 30_000
"""How often a thread looks for work before it goes to sleep: some hundred microseconds."""

_EPOCH, _DONE, _ARRIVED, _JOBS, _COUNT, _DATA, _THREADS = 0, 16, 32, 48, 49, 50, 51
"""Places in the table that the threads share, in numbers of 8 bytes; those that are waited at have a line each."""

_TEXT = """
{declare}
define internal void @meet(ptr %table, i64 %goal) noinline nounwind {{
entry:
  %arrived = getelementptr i64, ptr %table, i64 {arrived}
  %old = atomicrmw add ptr %arrived, i64 1 seq_cst
  br label %wait
wait:
  {pause}
  %now = load atomic i64, ptr %arrived acquire, align 8
  %go = icmp sge i64 %now, %goal
  br i1 %go, label %done, label %wait
done:
  ret void
}}

; what each thread of a run does: one job after the other, meeting after each
define internal void @work(ptr %table, i64 %me) noinline nounwind {{
entry:
  %p.jobs = getelementptr i64, ptr %table, i64 {jobs}
  %p.count = getelementptr i64, ptr %table, i64 {count}
  %p.data = getelementptr i64, ptr %table, i64 {data}
  %p.threads = getelementptr i64, ptr %table, i64 {threads}
  %jobs = load ptr, ptr %p.jobs
  %count = load i64, ptr %p.count
  %data = load ptr, ptr %p.data
  %threads = load i64, ptr %p.threads
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %i.next, %body ]
  %goal = phi i64 [ %threads, %entry ], [ %goal.next, %body ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %body, label %done
body:
  %p.job = getelementptr ptr, ptr %jobs, i64 %i
  %job = load ptr, ptr %p.job
  call void %job(ptr %data, i64 %me, i64 %threads)
  call void @meet(ptr %table, i64 %goal)
  %i.next = add i64 %i, 1
  %goal.next = add i64 %goal, %threads
  br label %next
done:
  ret void
}}

; thread %me waits until the epoch is another than %last, and does its part; back with the epoch, or after %spins
define i64 @serve(ptr %table, i64 %me, i64 %last, i64 %spins) nounwind {{
entry:
  %p.threads = getelementptr i64, ptr %table, i64 {threads}
  %p.done = getelementptr i64, ptr %table, i64 {done}
  br label %again
again:
  %seen = phi i64 [ %last, %entry ], [ %epoch, %skip ], [ %epoch, %mine ]
  br label %look
look:
  %n = phi i64 [ 0, %again ], [ %n.next, %idle ]
  %epoch = load atomic i64, ptr %table acquire, align 8
  %new = icmp ne i64 %epoch, %seen
  br i1 %new, label %found, label %idle
idle:
  {pause}
  %n.next = add i64 %n, 1
  %patient = icmp slt i64 %n.next, %spins
  br i1 %patient, label %look, label %leave
found:
  %stop = icmp slt i64 %epoch, 0
  br i1 %stop, label %leave, label %start
start:
  %threads = load i64, ptr %p.threads
  %part = icmp slt i64 %me, %threads
  br i1 %part, label %mine, label %skip
skip:
  %old.skip = atomicrmw add ptr %p.done, i64 1 seq_cst
  br label %again
mine:
  call void @work(ptr %table, i64 %me)
  %old = atomicrmw add ptr %p.done, i64 1 seq_cst
  br label %again
leave:
  ret i64 %epoch
}}

; the caller is thread 0; %team threads must have seen the epoch before the table may be changed
define void @lead(ptr %table, i64 %epoch, i64 %team) nounwind {{
entry:
  %p.done = getelementptr i64, ptr %table, i64 {done}
  store atomic i64 %epoch, ptr %table seq_cst, align 8
  call void @work(ptr %table, i64 0)
  br label %wait
wait:
  {pause}
  %now = load atomic i64, ptr %p.done acquire, align 8
  %go = icmp sge i64 %now, %team
  br i1 %go, label %end, label %wait
end:
  ret void
}}

; without other threads
define void @alone(ptr %table) nounwind {{
entry:
  call void @work(ptr %table, i64 0)
  ret void
}}
"""


def team_text() -> str:
    """The module of the team's own functions, in LLVM's language."""
    machine = platform.machine().lower()
    pauses = {
        "x86_64": "call void @llvm.x86.sse2.pause()",
        "aarch64": "call void @llvm.aarch64.hint(i32 1)",
    }
    pause = pauses.get({"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine), "")
    kinds = {"x86": "declare void @llvm.x86.sse2.pause()", "aarch64": "declare void @llvm.aarch64.hint(i32)"}
    declare = next((line for kind, line in kinds.items() if f"llvm.{kind}." in pause), "")
    places = dict(done=_DONE, arrived=_ARRIVED, jobs=_JOBS, count=_COUNT, data=_DATA, threads=_THREADS)
    return _TEXT.format(declare=declare, pause=pause, **places)


class Team:
    """The threads of this process that work together, the caller's among them.

    Parameters
    ----------
    threads : int
        How many at most.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._library = Library(team_text(), Cpu.host())
        self._table = (ctypes.c_int64 * 64)()
        integer, pointer = ctypes.c_int64, ctypes.c_void_p
        serve = ctypes.CFUNCTYPE(integer, pointer, integer, integer, integer)
        self._serve = serve(self._library.address("serve"))
        self._lead = ctypes.CFUNCTYPE(None, pointer, integer, integer)(self._library.address("lead"))
        self._alone = ctypes.CFUNCTYPE(None, pointer)(self._library.address("alone"))
        self._busy = threading.Lock()
        self._epoch = 0
        self._wakers = [threading.Semaphore(0) for _ in range(threads - 1)]
        self._asleep = [False] * (threads - 1)
        self._nap = threading.Lock()
        self._workers: list[threading.Thread] = []

    def run(self, jobs: Sequence[int], data: int, threads: int) -> None:
        """Run functions, given by their addresses, one after the other, each by `threads` threads at a time.

        Parameters
        ----------
        jobs : sequence of int
            Of functions ``(data, me, threads)``.
        data : int
            An address that each of them gets.
        threads : int
            At most `self.threads`.
        """
        with self._busy:
            table = self._table
            held = (ctypes.c_void_p * len(jobs))(*jobs)
            table[_JOBS], table[_COUNT] = ctypes.addressof(held), len(jobs)
            table[_DATA], table[_THREADS], table[_ARRIVED], table[_DONE] = data, threads, 0, 0
            if threads == 1:
                self._alone(ctypes.addressof(table))
                return
            self._start()
            self._epoch += 1
            try:
                self._go()
            except KeyboardInterrupt:
                self._go()  # a run that has begun must end; what was done already may be done again
                raise

    def _go(self) -> None:
        self._wake(self._epoch)
        self._lead(ctypes.addressof(self._table), self._epoch, len(self._workers))

    def _start(self) -> None:
        while len(self._workers) < self.threads - 1:
            number = len(self._workers)
            worker = threading.Thread(target=self._wait, args=(number, self._epoch), name="symcnn", daemon=True)
            self._workers.append(worker)
            worker.start()

    def _wake(self, epoch: int) -> None:
        """Set the epoch, and wake who sleeps: under the lock under which threads fall asleep."""
        with self._nap:
            self._table[_EPOCH] = epoch
            for number, sleeps in enumerate(self._asleep):
                if sleeps:
                    self._asleep[number] = False
                    self._wakers[number].release()

    def _wait(self, number: int, epoch: int) -> None:
        """A worker's life: native code does the work; back from there, there is none, or the end has come."""
        address = ctypes.addressof(self._table)
        while True:
            epoch = self._serve(address, number + 1, epoch, _SPINS)
            if epoch < 0:
                return
            with self._nap:
                if self._table[_EPOCH] != epoch:
                    continue
                self._asleep[number] = True
            self._wakers[number].acquire()

    def close(self) -> None:
        """End the threads."""
        with self._busy:
            self._wake(-1)
            for worker in self._workers:
                worker.join()
            self._workers = []


_team: Team | None = None
_making = threading.Lock()


def team() -> Team:
    """The team of this process, of SYMCNN_THREADS threads or one for each processor."""
    global _team
    with _making:
        if _team is None or _team.threads != size():
            if _team is not None:
                _team.close()
            _team = Team(size())
        return _team


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    global _team, _making
    _team, _making = None, threading.Lock()


def _end() -> None:
    if _team is not None:
        _team.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
atexit.register(_end)
