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

_SPINS = 20_000
"""How often a thread looks for work before it goes to sleep: some hundred microseconds."""

_EPOCH, _CLAIM, _DONE, _JOBS, _COUNT, _CHUNKS, _DATA = 0, 16, 32, 48, 49, 50, 51
"""Places in the table that the threads share, in numbers of 8 bytes; those that are waited at have a line each."""

_TEXT = """
{declare}
; one turn of waiting: a short rest, and now and then the processor is left to others
define internal void @rest(i64 %n) alwaysinline nounwind {{
entry:
  {pause}
  %low = and i64 %n, 255
  %often = icmp eq i64 %low, 255
  br i1 %often, label %leave, label %done
leave:
  {leave}
  br label %done
done:
  ret void
}}

; take one chunk of work after the other, as long as the claims are those of this epoch
define internal void @work(ptr %table, i64 %me, i64 %epoch) noinline nounwind {{
entry:
  %p.claim = getelementptr i64, ptr %table, i64 {claim}
  %p.done = getelementptr i64, ptr %table, i64 {done}
  %p.jobs = getelementptr i64, ptr %table, i64 {jobs}
  %p.count = getelementptr i64, ptr %table, i64 {count}
  %p.chunks = getelementptr i64, ptr %table, i64 {chunks}
  %p.data = getelementptr i64, ptr %table, i64 {data}
  br label %again
again:
  %seen = load atomic i64, ptr %p.claim acquire, align 8
  %of = ashr i64 %seen, 24
  %current = icmp eq i64 %of, %epoch
  br i1 %current, label %look, label %end
look:
  %ticket = and i64 %seen, 16777215
  %count = load atomic i64, ptr %p.count monotonic, align 8
  %chunks = load atomic i64, ptr %p.chunks monotonic, align 8
  %total = mul i64 %count, %chunks
  %more = icmp slt i64 %ticket, %total
  br i1 %more, label %claim, label %end
claim:
  %next = add i64 %seen, 1
  %pair = cmpxchg ptr %p.claim, i64 %seen, i64 %next seq_cst seq_cst
  %mine = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %mine, label %have, label %again
have:
  %number = udiv i64 %ticket, %chunks
  %chunk = urem i64 %ticket, %chunks
  %goal = mul i64 %number, %chunks
  br label %wait
wait:
  %n = phi i64 [ 0, %have ], [ %n.next, %rest ]
  %done = load atomic i64, ptr %p.done acquire, align 8
  %go = icmp sge i64 %done, %goal
  br i1 %go, label %start, label %rest
rest:
  call void @rest(i64 %n)
  %n.next = add i64 %n, 1
  br label %wait
start:
  %jobs = load ptr, ptr %p.jobs
  %data = load ptr, ptr %p.data
  %p.job = getelementptr ptr, ptr %jobs, i64 %number
  %job = load ptr, ptr %p.job
  call void %job(ptr %data, i64 %me, i64 %chunk, i64 %chunks)
  %old = atomicrmw add ptr %p.done, i64 1 seq_cst
  br label %again
end:
  ret void
}}

; thread %me waits until the epoch is another than %last, and helps; back with the epoch, after %spins in vain
define i64 @serve(ptr %table, i64 %me, i64 %last, i64 %spins) nounwind {{
entry:
  br label %again
again:
  %seen = phi i64 [ %last, %entry ], [ %epoch, %help ]
  br label %look
look:
  %n = phi i64 [ 0, %again ], [ %n.next, %idle ]
  %epoch = load atomic i64, ptr %table acquire, align 8
  %new = icmp ne i64 %epoch, %seen
  br i1 %new, label %found, label %idle
idle:
  call void @rest(i64 %n)
  %n.next = add i64 %n, 1
  %patient = icmp slt i64 %n.next, %spins
  br i1 %patient, label %look, label %leave
found:
  %stop = icmp slt i64 %epoch, 0
  br i1 %stop, label %leave, label %help
help:
  call void @work(ptr %table, i64 %me, i64 %epoch)
  br label %again
leave:
  ret i64 %epoch
}}

; the caller opens an epoch, does as much as it can, and waits for what others have claimed
define void @lead(ptr %table, i64 %epoch, i64 %helped) nounwind {{
entry:
  %p.claim = getelementptr i64, ptr %table, i64 {claim}
  %p.done = getelementptr i64, ptr %table, i64 {done}
  %p.count = getelementptr i64, ptr %table, i64 {count}
  %p.chunks = getelementptr i64, ptr %table, i64 {chunks}
  %count = load i64, ptr %p.count
  %chunks = load i64, ptr %p.chunks
  %total = mul i64 %count, %chunks
  store atomic i64 0, ptr %p.done seq_cst, align 8
  %first = shl i64 %epoch, 24
  store atomic i64 %first, ptr %p.claim seq_cst, align 8
  %open = icmp ne i64 %helped, 0
  br i1 %open, label %call, label %start
call:
  store atomic i64 %epoch, ptr %table seq_cst, align 8
  br label %start
start:
  call void @work(ptr %table, i64 0, i64 %epoch)
  br label %wait
wait:
  %n = phi i64 [ 0, %start ], [ %n.next, %more ]
  %done = load atomic i64, ptr %p.done acquire, align 8
  %all = icmp sge i64 %done, %total
  br i1 %all, label %end, label %more
more:
  call void @rest(i64 %n)
  %n.next = add i64 %n, 1
  br label %wait
end:
  ret void
}}
"""
_PAUSES = {
    "x86": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "arm": ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"),
}


def team_text() -> str:
    """The module of the team's own functions, in LLVM's language."""
    machine = platform.machine().lower()
    family = "x86" if machine in ("x86_64", "amd64") else "arm" if machine in ("aarch64", "arm64") else ""
    declare, pause = _PAUSES.get(family, ("", ""))
    leave = "%ignored = call i32 @sched_yield()" if os.name == "posix" else ""
    declare += "\ndeclare i32 @sched_yield()" if leave else ""
    places = {"claim": _CLAIM, "done": _DONE, "jobs": _JOBS, "count": _COUNT, "chunks": _CHUNKS, "data": _DATA}
    return _TEXT.format(declare=declare, pause=pause, leave=leave, **places)


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
        self._busy = threading.Lock()
        self._epoch = self._called = 0
        self._ended = False
        self._wakers = [threading.Semaphore(0) for _ in range(threads - 1)]
        self._asleep = [False] * (threads - 1)
        self._nap = threading.Lock()
        self._workers: list[threading.Thread] = []

    def run(self, jobs: Sequence[int], data: int, chunks: int) -> None:
        """Run functions, given by their addresses, one after the other, each divided into `chunks`.

        Whoever is free takes the next chunk; a function is begun when all chunks of the one before are done. So what
        is computed does not depend on who computes it, nor does it wait for a thread that has no processor.

        Parameters
        ----------
        jobs : sequence of int
            Of functions ``(data, me, chunk, chunks)``, where `me` is the number of the thread.
        data : int
            An address that each of them gets.
        chunks : int
            Below 2^12, and no more than 2^12 jobs.
        """
        with self._busy:
            table = self._table
            held = (ctypes.c_void_p * len(jobs))(*jobs)
            table[_JOBS], table[_COUNT] = ctypes.addressof(held), len(jobs)
            table[_DATA], table[_CHUNKS] = data, chunks
            self._epoch += 1
            helped = chunks > 1 and self.threads > 1
            if helped:
                self._start()
            try:
                self._go(helped)
            except KeyboardInterrupt:
                self._go(helped)  # a run that has begun must end; what was done already may be done again
                raise

    def _go(self, helped: bool) -> None:
        if helped:
            self._wake()
        self._lead(ctypes.addressof(self._table), self._epoch, int(helped))

    def _start(self) -> None:
        while len(self._workers) < self.threads - 1:
            number = len(self._workers)
            worker = threading.Thread(target=self._wait, args=(number, self._epoch), name="symcnn", daemon=True)
            self._workers.append(worker)
            worker.start()

    def _wake(self) -> None:
        """Wake who sleeps, and tell who is about to that there will be work."""
        with self._nap:
            self._called = self._epoch
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
                if self._called > epoch or self._ended:
                    continue
                self._asleep[number] = True
            self._wakers[number].acquire()

    def close(self) -> None:
        """End the threads."""
        with self._busy:
            self._ended = True
            self._table[_EPOCH] = -1
            self._wake()
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
