"""Training steps for ARM are run by an emulator, threads and all, and compared with the NumPy engine."""

import shutil
import subprocess

import numpy as np
import pytest
from networks import NETWORKS, loss

import symcnn as sc
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.kernels.argument_table import ALARMS, BEFORE, FLAGS, MEMORY, SUMS
from symcnn.engine.native.runtime import compiled, native_binding, team
from symcnn.engine.native.runtime.jit import optimised, target_machine
from symcnn.engine.native.runtime.team import team_text
from symcnn.engine.numpy.executable import bind

ARM = Cpu.of("neoverse-n1", "", "aarch64-unknown-linux-gnu")
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64-static"
SHARES, CHUNKS = 3, 2

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

/* Reads the table of arguments and its buffers, runs the jobs with two threads, and writes the buffers. */
extern void @JOBS@(void);
typedef long long whole;
extern whole serve(whole *, whole, whole, whole);
extern void lead(whole *, whole, whole);
static void *jobs[] = {@JOBS@};
static whole chunks[] = {@CHUNKS@}, tickets[4 * @TICKETS@];
static whole table[64] __attribute__((aligned(64)));

static void *help(void *nothing) { serve(table, 1, 0, 1LL << 60); return nothing; }
static void take(void *to, size_t bytes) { if (fread(to, 1, bytes, stdin) != bytes) exit(2); }

int main(void) {
    whole entries, count, before, ticket = 0;
    take(&entries, 8); take(&count, 8); take(&before, 8);
    whole *arguments = calloc(entries, 8), *sizes = calloc(count, 8), *places = calloc(count, 8);
    take(arguments, 8 * entries);
    for (whole n = 0; n < count; n++) {
        take(places + n, 8); take(sizes + n, 8);
        arguments[places[n]] = (whole)aligned_alloc(64, (sizes[n] + 127) / 64 * 64);
        take((void *)arguments[places[n]], sizes[n]);
    }
    for (whole job = 0, done = 0; job < sizeof jobs / sizeof *jobs; job++) {
        for (whole chunk = 0; chunk < chunks[job]; chunk++, ticket++) {
            whole entry[] = {(whole)jobs[job], chunk, chunks[job], done};
            for (int n = 0; n < 4; n++) tickets[4 * ticket + n] = entry[n];
        }
        done = ticket;
    }
    table[@AT@] = (whole)tickets; table[@AT@ + 1] = ticket; table[@AT@ + 2] = (whole)(arguments + before);
    table[@AT@ + 3] = 2;
    pthread_t helper;
    pthread_create(&helper, 0, help, 0);
    lead(table, 1, 1);
    __atomic_store_n(table, -1, __ATOMIC_SEQ_CST);
    pthread_join(helper, 0);
    for (whole n = 0; n < count; n++) fwrite((void *)arguments[places[n]], 1, sizes[n], stdout);
    return 0;
}
"""


class Machine:
    """An emulated machine with the functions of one plan and those of the team.

    Takes the place of a `Library`, so that nothing is loaded into this process.
    """

    def __init__(self, text, cpu, names, late=None):
        self.addresses = dict.fromkeys(names, 0)
        machine = target_machine(cpu)
        self.objects = [bytes(machine.emit_object(optimised(t, machine))) for t in (text, team_text(cpu))]

    def run(self, jobs, table, buffers, folder):
        """Run `jobs`, each with its chunks, over buffers, which change, by the place of each in the table."""
        source = HARNESS.replace("extern void @JOBS@(void)", f"extern void {', '.join(f'{j}(void)' for j in jobs)}")
        source = source.replace("@JOBS@", ", ".join(jobs)).replace("@TICKETS@", str(sum(jobs.values())))
        source = source.replace("@CHUNKS@", ", ".join(map(str, jobs.values())))
        (folder / "main.c").write_text(source.replace("@AT@", str(team._TICKETS)))
        for n, code in enumerate(self.objects):
            (folder / f"{n}.o").write_bytes(code)
        program = str(folder / "program")
        files = [str(folder / name) for name in ("main.c", "0.o", "1.o")]
        subprocess.run([COMPILER, "-O1", "-static", "-pthread", "-o", program, *files], check=True, timeout=60)
        given = np.array([len(table), len(buffers), BEFORE, *table], np.int64).tobytes()
        given += b"".join(np.array([BEFORE + n, b.nbytes]).tobytes() + b.tobytes() for n, b in buffers.items())
        done = subprocess.run([EMULATOR, program], input=given, capture_output=True, check=True, timeout=120)
        assert len(done.stdout) == sum(b.nbytes for b in buffers.values())
        at = 0
        for b in buffers.values():
            content = np.frombuffer(done.stdout, b.dtype, b.size, at).reshape(b.shape)
            if b.flags.writeable:
                b[...] = content
            else:
                np.testing.assert_array_equal(content, b)
            at += b.nbytes


def emulate(run, folder):
    """What `run` does, on the emulated machine."""
    runner, lowered = run._runner, run._runner.compiled.lowered
    memory = runner.begin(2, SHARES, CHUNKS)
    flags = memory.alarms[SHARES * 4 :]
    buffers = {MEMORY: memory.buffers, SUMS: memory.sums, ALARMS: memory.alarms[: SHARES * 4], FLAGS: flags}
    buffers |= {lowered.arrays[node]: array for node, array in runner._held.items()}
    jobs = {name: SHARES if name in lowered.kernels else CHUNKS for name in run._names}
    runner.compiled.library.run(jobs, list(runner._table), buffers, folder)
    runner.end(memory, SHARES, CHUNKS)


@pytest.mark.parametrize("make", NETWORKS)
@pytest.mark.parametrize(("batch", "few"), [(1, True), (3, True), (9, False)])
def test_a_training_step_on_arm(monkeypatch, tmp_path, make, batch, few):
    monkeypatch.setattr(compiled, "Library", Machine)
    plan = sc.train_step(loss(make), sc.SGD(lr=0.1, momentum=0.9), backend="native").program.plan
    arm, reference = native_binding.bind(native_binding.Compiled.of(plan, ARM, few), batch), bind(plan, batch)
    rng = np.random.default_rng(batch)
    for node in plan.inputs:
        shape = node.spec.bind(batch)
        given = rng.integers(0, 3, shape) if node.dtype.kind == "i" else rng.standard_normal(shape)
        for side in (arm, reference):
            side.feed({node: given.astype(node.dtype)})
    assert any(isinstance(call.run, native_binding.NativeRun) for call in arm.calls)
    for call in arm.calls:
        if isinstance(call.run, native_binding.NativeRun):
            emulate(call.run, tmp_path)
        else:
            call.run()
    reference.compute()
    for node in plan.outputs:
        np.testing.assert_allclose(arm.values[node], reference.values[node], rtol=1e-5, atol=2e-6, err_msg=node.label)
    assert arm.all_finite()
