"""Training steps for ARM are run by an emulator, threads and all, and compared with the NumPy engine."""

import shutil
import subprocess

import numpy as np
import pytest
from networks import NETWORKS, loss

import symcnn as sc
from symcnn.engine.native import bound, lower, team
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.objects import optimised, target_machine
from symcnn.engine.native.team import team_text
from symcnn.engine.numpy.bound import bind

ARM = Cpu.of("neoverse-n1", "", "aarch64-unknown-linux-gnu")
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64-static"
CHUNKS = 3

pytestmark = [
    pytest.mark.slow,
    *(
        pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")
        for tool in (COMPILER, EMULATOR)
    ),
]

HARNESS = """
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Reads numbers for the table of arguments and buffers, runs the jobs with two threads, and writes the buffers. */
extern void @JOBS@(void);
typedef long long whole;
extern whole serve(whole *, whole, whole, whole);
extern void lead(whole *, whole, whole);
static void *jobs[] = {@JOBS@};
static whole table[64] __attribute__((aligned(64)));

static void *help(void *nothing) { serve(table, 1, 0, 1LL << 60); return nothing; }
static void take(void *to, size_t bytes) { if (fread(to, 1, bytes, stdin) != bytes) exit(2); }

int main(void) {
    whole heads, count, size, before;
    take(&heads, 8); take(&count, 8); take(&before, 8);
    whole *arguments = calloc(heads + count, 8), *sizes = calloc(count, 8);
    take(arguments, 8 * heads);
    for (whole n = 0; n < count; n++) {
        take(&size, 8);
        sizes[n] = size;
        arguments[heads + n] = (whole)aligned_alloc(64, (size + 127) / 64 * 64);
        take((void *)arguments[heads + n], size);
    }
    whole number = sizeof jobs / sizeof *jobs;
    table[@JOBS_AT@] = (whole)jobs; table[@JOBS_AT@ + 1] = number; table[@JOBS_AT@ + 2] = @CHUNKS@;
    table[@JOBS_AT@ + 3] = (whole)(arguments + before);
    pthread_t helper;
    pthread_create(&helper, 0, help, 0);
    lead(table, 1, 1);
    __atomic_store_n(table, -1, __ATOMIC_SEQ_CST);
    pthread_join(helper, 0);
    for (whole n = 0; n < count; n++) fwrite((void *)arguments[heads + n], 1, sizes[n], stdout);
    return 0;
}
"""
"""`heads` numbers stand in the table before the addresses of buffers."""


class Machine:
    """An emulated machine with the functions of one plan and those of the team.

    Takes the place of a `Library`, so that nothing is loaded into this process.
    """

    def __init__(self, text, cpu):
        machine = target_machine(cpu)
        self.objects = [bytes(machine.emit_object(optimised(t, machine))) for t in (text, team_text(cpu))]

    def address(self, name):
        return 0

    def run(self, jobs, numbers, before, buffers, folder):
        """Run `jobs` over buffers, which change, with `numbers` before their addresses in the table."""
        source = HARNESS.replace("extern void @JOBS@(void)", f"extern void {', '.join(f'{j}(void)' for j in jobs)}")
        source = source.replace("@JOBS@", ", ".join(jobs)).replace("@CHUNKS@", str(CHUNKS))
        (folder / "main.c").write_text(source.replace("@JOBS_AT@", str(team._JOBS)))
        for n, code in enumerate(self.objects):
            (folder / f"{n}.o").write_bytes(code)
        program = str(folder / "program")
        files = [str(folder / name) for name in ("main.c", "0.o", "1.o")]
        subprocess.run([COMPILER, "-O1", "-static", "-pthread", "-o", program, *files], check=True, timeout=60)
        given = np.array([len(numbers), len(buffers), before, *numbers], np.int64).tobytes()
        given += b"".join(np.int64(b.nbytes).tobytes() + b.tobytes() for b in buffers)
        done = subprocess.run([EMULATOR, program], input=given, capture_output=True, check=True, timeout=120)
        assert len(done.stdout) == sum(b.nbytes for b in buffers)
        at = 0
        for b in buffers:
            b[...] = np.frombuffer(done.stdout, b.dtype, b.size, at).reshape(b.shape)
            at += b.nbytes


def emulate(run, folder):
    """What `run` does, on the emulated machine."""
    runner = run._runner
    memory, sums = runner.begin(2, CHUNKS)
    heads = runner._table[: bound._BEFORE + lower.MEMORY]
    buffers = [memory, sums, runner._flags, *runner._held]
    runner.compiled.library.run(run._names, heads, bound._BEFORE, buffers, folder)


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize("batch", [1, 9])
def test_a_training_step_on_arm(monkeypatch, tmp_path, make, batch):
    monkeypatch.setattr(bound, "Library", Machine)
    plan = sc.train_step(loss(make), sc.SGD(lr=0.1, momentum=0.9), backend="native").program.plan
    arm, reference = bound._bound(bound.Compiled.of(plan, ARM), batch), bind(plan, batch)
    rng = np.random.default_rng(batch)
    for node in plan.inputs:
        shape = node.spec.bind(batch)
        given = rng.integers(0, 3, shape) if node.dtype.kind == "i" else rng.standard_normal(shape)
        for values in (arm.values, reference.values):
            values[node][...] = given
    assert any(isinstance(call.run, bound.NativeRun) for call in arm.calls)
    for call in arm.calls:
        if isinstance(call.run, bound.NativeRun):
            emulate(call.run, tmp_path)
        else:
            call.run()
    reference.run()
    for node in plan.outputs:
        np.testing.assert_allclose(arm.values[node], reference.values[node], rtol=1e-5, atol=2e-6, err_msg=node.label)
    assert arm.all_finite()
