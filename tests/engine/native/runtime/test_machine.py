"""What this machine can do at most: plausible, measured once, and by the instructions that it is about."""

import pytest

from symcnn.engine.native.analysis.work import work
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.ir.llvm import module
from symcnn.engine.native.runtime.jit import optimised, target_machine
from symcnn.engine.native.runtime.machine import chains, machine


def test_the_peak_is_plausible_and_measured_once():
    found = machine(Cpu.host())
    assert 1e9 < found.peak < 2e12
    assert 0 < found.call < 1e-4
    assert machine(Cpu.host()) is found


@pytest.mark.parametrize(
    ("name", "features", "chained", "word"),
    [("haswell", "+avx2,+fma", 12, "ymm"), ("skylake-avx512", "+avx512f,+avx2,+fma", 24, "zmm")],
)
def test_all_sums_stay_in_registers(name, features, chained, word):
    cpu = Cpu.of(name, features)
    function = chains(cpu)
    assert work(function, {"turns": 10}).operations == 2 * cpu.lanes * chained * 10
    code = target_machine(cpu)
    text = code.emit_assembly(optimised(module([function]), code))
    fused = [line for line in text.splitlines() if "vfmadd" in line]
    assert len(fused) == chained
    assert all(word in line and "(" not in line for line in fused)  # and no one is read from memory
