"""Threads that wait in native code: waking a Python thread for each step would take longer than a small step.

One team serves all programs of a process, one run at a time. Between runs its threads spin for a moment, outside
Python's lock, and then sleep in Python until they are needed again. A forked process makes a team of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import threading
from collections.abc import Sequence

from ....graph.locks import lock
from ..cpu import Cpu
from .jit import Library

_SPINS = 20_000
"""How often a thread looks for work before it goes to sleep: some hundred microseconds."""

_EPOCH, _CLAIM, _DONE, _TICKETS, _COUNT, _DATA, _THREADS = 0, 16, 32, 48, 49, 50, 51
"""Places in the table that the threads share, in numbers of 8 bytes; those that are waited at have a line each."""

_CLOSED = (1 << 24) - 1
"""The number of a ticket that is never given out: at the end of a run, no other is left."""

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

; wait until a number that others count up has come to %goal
define internal void @until(ptr %number, i64 %goal) alwaysinline nounwind {{
entry:
  br label %look
look:
  %n = phi i64 [ 0, %entry ], [ %n.next, %wait ]
  %now = load atomic i64, ptr %number acquire, align 8
  %there = icmp sge i64 %now, %goal
  br i1 %there, label %done, label %wait
wait:
  call void @rest(i64 %n)
  %n.next = add i64 %n, 1
  br label %look
done:
  ret void
}}

; take one ticket after the other, as long as the claims are those of this epoch. A ticket is a job, which chunk of how
; many, and how many tickets must be done before.
define internal void @work(ptr %table, i64 %me, i64 %epoch) noinline nounwind {{
entry:
  %p.claim = getelementptr i64, ptr %table, i64 {claim}
  %p.done = getelementptr i64, ptr %table, i64 {done}
  %p.tickets = getelementptr i64, ptr %table, i64 {tickets}
  %p.count = getelementptr i64, ptr %table, i64 {count}
  %p.data = getelementptr i64, ptr %table, i64 {data}
  br label %again
again:
  %seen = load atomic i64, ptr %p.claim acquire, align 8
  %of = ashr i64 %seen, 24
  %current = icmp eq i64 %of, %epoch
  br i1 %current, label %look, label %end
look:
  %number = and i64 %seen, 16777215
  %count = load atomic i64, ptr %p.count monotonic, align 8
  %more = icmp slt i64 %number, %count
  br i1 %more, label %claim, label %end
claim:
  %next = add i64 %seen, 1
  %pair = cmpxchg ptr %p.claim, i64 %seen, i64 %next seq_cst seq_cst
  %mine = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %mine, label %have, label %again
have:
  %tickets = load ptr, ptr %p.tickets
  %data = load ptr, ptr %p.data
  %at = shl i64 %number, 2
  %p.job = getelementptr i64, ptr %tickets, i64 %at
  %p.chunk = getelementptr i64, ptr %p.job, i64 1
  %p.chunks = getelementptr i64, ptr %p.job, i64 2
  %p.goal = getelementptr i64, ptr %p.job, i64 3
  %job = load ptr, ptr %p.job
  %chunk = load i64, ptr %p.chunk
  %chunks = load i64, ptr %p.chunks
  %goal = load i64, ptr %p.goal
  call void @until(ptr %p.done, i64 %goal)
  call void %job(ptr %data, i64 %me, i64 %chunk, i64 %chunks)
  %old = atomicrmw add ptr %p.done, i64 1 seq_cst
  br label %again
end:
  ret void
}}

; thread %me waits until the epoch is another than %last, and helps if it is among those asked for; back with the
; epoch, after %spins in vain. (Should it see how many a later run asks for, this run is over, and %work does nothing.)
define i64 @serve(ptr %table, i64 %me, i64 %last, i64 %spins) nounwind {{
entry:
  br label %again
again:
  %seen = phi i64 [ %last, %entry ], [ %epoch, %help ], [ %epoch, %work ]
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
  %p.threads = getelementptr i64, ptr %table, i64 {threads}
  %threads = load atomic i64, ptr %p.threads monotonic, align 8
  %asked = icmp slt i64 %me, %threads
  br i1 %asked, label %work, label %again
work:
  call void @work(ptr %table, i64 %me, i64 %epoch)
  br label %again
leave:
  ret i64 %epoch
}}

; the caller opens an epoch, does as much as it can, and waits for what others have claimed. Then no ticket is left to
; be claimed, whatever the table says next: who is late for this epoch finds nothing to do.
define void @lead(ptr %table, i64 %epoch, i64 %helped) nounwind {{
entry:
  %p.claim = getelementptr i64, ptr %table, i64 {claim}
  %p.done = getelementptr i64, ptr %table, i64 {done}
  %p.count = getelementptr i64, ptr %table, i64 {count}
  %count = load i64, ptr %p.count
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
  call void @until(ptr %p.done, i64 %count)
  %closed = or i64 %first, {closed}
  store atomic i64 %closed, ptr %p.claim seq_cst, align 8
  ret void
}}
"""
_PAUSES = {
    "x86": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "arm": ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"),
}


def team_text(cpu: Cpu) -> str:
    """The module of the team's own functions, in LLVM's language."""
    declare, pause = _PAUSES["arm" if cpu.is_arm else "x86"] if cpu.is_arm or cpu.is_x86 else ("", "")
    leave = "SwitchToThread" if cpu.on_windows else "sched_yield"
    declare += f"\ndeclare i32 @{leave}()"
    places = {"claim": _CLAIM, "done": _DONE, "tickets": _TICKETS, "count": _COUNT, "data": _DATA, "threads": _THREADS}
    places["closed"] = _CLOSED
    return _TEXT.format(declare=declare, pause=pause, leave=f"%ignored = call i32 @{leave}()", **places)


class Work:
    """Jobs in order, and into how many chunks each is divided.

    Parameters
    ----------
    jobs : sequence of (int, int)
        The address of a function ``(data, me, chunk, chunks)``, where `me` is the number of the thread, and the number
        of chunks. In all, below 2^23 chunks.
    """

    def __init__(self, jobs: Sequence[tuple[int, int]]) -> None:
        entries: list[int] = []
        for job, chunks in jobs:
            before = len(entries) // 4
            for chunk in range(chunks):
                entries += job, chunk, chunks, before
        self.jobs = [job for job, _ in jobs]
        self._tickets = (ctypes.c_int64 * max(len(entries), 1))(*entries)
        self.count = len(entries) // 4
        self.address = ctypes.addressof(self._tickets)
        self.jobs = [job for job, _ in jobs]
        self.divided = any(chunks > 1 for _, chunks in jobs)


class Team:
    """The threads of this process that work together, the caller's among them; made when they are asked for."""

    def __init__(self) -> None:
        cpu = Cpu.host()
        self._library = Library(team_text(cpu), cpu, ["serve", "lead"])
        self._table = (ctypes.c_int64 * 64)()
        self._table[_CLAIM] = _CLOSED
        integer, pointer = ctypes.c_int64, ctypes.c_void_p
        serve = ctypes.CFUNCTYPE(integer, pointer, integer, integer, integer)
        self._serve = serve(self._library.addresses["serve"])
        self._lead = ctypes.CFUNCTYPE(None, pointer, integer, integer)(self._library.addresses["lead"])
        self._busy = lock()
        self._epoch = self._called = 0
        self._ended = False
        # Closed while the thread has nothing to wake for; a semaphore would not stand an interrupt inside its methods.
        self._sleep: list[threading.Lock] = []
        self._asleep: list[bool] = []
        self._nap = lock()
        self._workers: list[threading.Thread] = []

    @property
    def threads(self) -> int:
        """How many there are, the caller's among them."""
        return 1 + len(self._workers)

    def run(self, work: Work, data: int, threads: int) -> None:
        """Run jobs one after the other, each divided into chunks.

        Whoever is free takes the next chunk; a job is begun when all chunks of the one before are done. So what is
        computed does not depend on who computes it, nor does it wait for a thread that has no processor.

        Parameters
        ----------
        work : Work
        data : int
            An address that each job gets.
        threads : int
            How many work at it, and so the numbers that there are for `me`; others that there may be sleep on.
        """
        with self._busy:
            table = self._table
            table[_TICKETS], table[_COUNT] = work.address, work.count
            table[_DATA], table[_THREADS] = data, threads
            self._epoch += 1
            helpers = threads - 1 if work.divided else 0
            self._start(helpers)
            try:
                self._go(helpers)
            except BaseException:  # an interrupt: the run has not begun, or native code has taken it to its end
                self._called = 0  # so nobody stays awake for it
                raise

    def _go(self, helpers: int) -> None:
        if helpers:
            self._wake(helpers)
        self._lead(ctypes.addressof(self._table), self._epoch, helpers)

    def _start(self, helpers: int) -> None:
        while len(self._workers) < helpers:
            number = len(self._workers)
            if number == len(self._asleep):
                closed = lock()
                closed.acquire()
                self._sleep[number:], self._asleep[number:] = [closed], [False]  # the same again after an interrupt
            seen = self._table[_EPOCH]  # not the epoch to come: it would take that of before for new, and do its work
            worker = threading.Thread(target=self._wait, args=(number, seen), name="symcnn", daemon=True)
            self._workers.append(worker)
            with contextlib.suppress(RuntimeError):  # the system gives no more threads: then fewer help
                worker.start()

    def _wake(self, helpers: int) -> None:
        """Wake those who sleep of the first helpers, and tell who is about to that there will be work.

        An interrupt may come after any line: then somebody may be woken twice, and finds nothing to do the second time,
        but nobody is left asleep.
        """
        with self._nap:
            self._called = self._epoch
            for number in range(helpers):
                if self._asleep[number]:
                    if self._sleep[number].locked():
                        self._sleep[number].release()
                    self._asleep[number] = False

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
            self._sleep[number].acquire()

    def close(self) -> None:
        """End the threads."""
        with self._busy:
            self._ended = True
            self._table[_EPOCH] = -1
            self._wake(len(self._workers))
            for worker in self._workers:
                if worker.is_alive():
                    worker.join()
            self._workers = []


_team: Team | None = None
_making = lock()


def team() -> Team:
    """The team of this process."""
    global _team
    with _making:
        if _team is None:
            _team = Team()
        return _team


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    global _team
    _team = None


def _end() -> None:
    if _team is not None:
        _team.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
atexit.register(_end)
