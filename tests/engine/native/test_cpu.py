"""Whole training steps emitted for other processors and systems: what the code consists of, and what it needs."""

import re

import pytest
from elf import symbols
from networks import NETWORKS, loss, tutorial

import symcnn as sc
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.ir.llvm import module
from symcnn.engine.native.runtime import compiled
from symcnn.engine.native.runtime.jit import optimised, target_machine
from symcnn.engine.native.runtime.team import team_text

ARM = Cpu.of("neoverse-n1", "", "aarch64-unknown-linux-gnu")
APPLE = Cpu.of("apple-m1", "", "arm64-apple-darwin")
WINDOWS = [
    Cpu.of("x86-64", "", "x86_64-pc-windows-msvc-elf"),  # "-elf": objects that are loaded into a process are ELF there
    Cpu.of("haswell", "+avx2,+fma", "x86_64-pc-windows-msvc-elf"),
    Cpu.of("generic", "", "aarch64-pc-windows-msvc-elf"),
]
LINUX = [
    ARM,
    Cpu.of("generic", "", "aarch64-unknown-linux-gnu"),
    Cpu.of("x86-64", "", "x86_64-unknown-linux-gnu"),
    Cpu.of("haswell", "+avx2,+fma", "x86_64-unknown-linux-gnu"),
    Cpu.of("skylake-avx512", "+avx512f,+avx2,+fma", "x86_64-unknown-linux-gnu"),
]

NEEDED = {"memset", "memcpy"}
"""What LLVM makes of loops that write zeros, or copy: both are in every system's C library, which Python has loaded."""


def lenet5(x, y):
    """LeNet-5 at its own size."""
    table = [[c for c in range(6) if f >> c & 1] for f in range(1, 17)]
    h = sc.mean_pool(sc.sigmoid(sc.conv(x, 6, 5, seed=0)), 2)
    h = sc.mean_pool(sc.sigmoid(sc.conv(h, 16, 5, table=table, seed=1)), 2)
    h = sc.sigmoid(sc.dense(sc.sigmoid(sc.dense(h, 120, seed=2)), 84, seed=3))
    return sc.softmax_cross_entropy(sc.dense(h, 10, seed=4), y)


def full_size(x, y):
    """The tutorial's network at its own size."""
    a = sc.mean_pool(sc.sigmoid(sc.conv(x, 20, 9, seed=0)), 2)
    return sc.softmax_cross_entropy(sc.dense(a, 10, seed=1), y)


LARGE = [loss(full_size, 1, 28, 28), loss(lenet5, 1, 32, 32)]
SMALL = [loss(make) for make in NETWORKS]


def text_of(J, cpu):
    """A training step for `cpu`, in LLVM's language."""
    plan = sc.train_step(J, sc.SGD(lr=0.1, momentum=0.9), backend="native").program.plan
    return module(compiled.Compiled.written(plan, cpu).lowered.functions)


def assembly(text, cpu):
    machine = target_machine(cpu)
    return machine.emit_assembly(optimised(text, machine))


def needed(text, cpu):
    """What the object needs; everything that it calls itself must be found in it."""
    machine = target_machine(cpu)
    defined, missing = symbols(machine.emit_object(optimised(text, machine)))
    assert set(re.findall(r"^define (?!internal).*@(\w+)\(", text, re.MULTILINE)) == defined
    return missing


def blocks(text):
    """The lines of each block of an assembly, with the name of its function."""
    function, found = "", []
    for line in text.splitlines():
        if start := re.match(r"_?([a-z]\w*):", line):
            function = start[1]
            found.append((function, []))
        elif re.match(r"\.?LBB\w+:", line):
            found.append((function, []))
        elif found and re.match(r"\t[a-z]", line):
            found[-1][1].append(line.strip())
    return found


def test_lanes_and_registers_follow_from_the_target():
    assert [(c.lanes, c.registers) for c in (ARM, APPLE, *WINDOWS)] == [(4, 28), (4, 28), (4, 16), (8, 16), (4, 28)]
    assert (Cpu.host().is_arm, Cpu.host().is_x86) != (True, True)
    assert [c.on_windows for c in (ARM, APPLE, *WINDOWS)] == [False, False, True, True, True]


OTHERS = [pytest.param(c, marks=pytest.mark.slow, id=f"{c.name}-{c.triple}") for c in (*LINUX[1:], *WINDOWS[1:])]


@pytest.mark.slow
@pytest.mark.parametrize(
    "cpu", [*(pytest.param(c, id=f"{c.name}-{c.triple}") for c in (LINUX[0], WINDOWS[0])), *OTHERS]
)
def test_steps_need_nothing_but_the_c_library(cpu):
    for J in SMALL:
        assert needed(text_of(J, cpu), cpu) <= NEEDED
    assert needed(team_text(cpu), cpu) == {"SwitchToThread" if cpu.on_windows else "sched_yield"}


@pytest.mark.slow
@pytest.mark.parametrize("cpu", [ARM, APPLE], ids=lambda c: c.name)
@pytest.mark.parametrize("J", LARGE, ids=["tutorial", "LeNet-5"])
def test_inner_loops_for_arm_keep_their_sums_in_registers(cpu, J):
    hot = 0
    for function, lines in blocks(assembly(text_of(J, cpu), cpu)):
        products = [line for line in lines if re.match(r"fmla(\.4s)?\s+v\d+(\.4s)?, v\d+", line)]
        if len(products) < 20 or not re.search("conv|swap|matmul|dense", function):
            continue
        hot += 1
        assert not [line for line in lines if re.search(r"\bq\d+\b.*\[sp", line)], f"{function} spills"
        assert not [line for line in lines if line.startswith("bl\t")], f"{function} calls"
    assert hot >= 3


def test_names_on_macos_have_an_underscore():
    code = assembly(text_of(loss(tutorial), APPLE), APPLE)
    called = set(re.findall(r"\tbl\t(\w+)", code))
    defined = set(re.findall(r"^(_\w+):", code, re.MULTILINE))
    assert "_commit" in defined
    assert called - defined <= {"_bzero", "_memset", "_memcpy"}
    waiting = assembly(team_text(APPLE), APPLE)
    assert {"_serve", "_lead"} <= set(re.findall(r"^(_\w+):", waiting, re.MULTILINE))
    assert "_sched_yield" in waiting


def test_waiting_rests_the_processor():
    assert "pause" in assembly(team_text(LINUX[-1]), LINUX[-1])
    assert re.search(r"\b(yield|hint\s+#0?x?1)\b", assembly(team_text(ARM), ARM))
