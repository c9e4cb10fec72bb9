"""The tests of this folder once more, with a closed page at each end of every buffer: see `guards` in tests/support."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
FAULT = 77

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and memory of Linux")

BROKEN = """
import numpy as np
import symcnn as sc
from symcnn.engine.native.kernels import epilogue as shared, kernel as kernels

elements, write, shared_elements = kernels.elements, kernels.Kernel.write, shared.elements

def run():
    x, w = sc.Input("x", (None, 35)), sc.Param("w", np.ones(35, "float32"))
    J = sc.sum(sc.exp(sc.tanh(x) * w))
    sc.compile([J, sc.tanh(x), *sc.grad(J, [w])], backend="native")(x=np.zeros((33, 35)))

def test_as_it_is():
    run()

def test_broken():
    {harm}
    run()
"""

ONE_MORE = "kernels.elements = lambda node: elements(node) + 1"
ONE_EARLY = "kernels.Kernel.write = lambda k, buffer, i, value: write(k, buffer, i - 1, value)"
SUMS = "shared.elements = lambda node: shared_elements(node) + 32"


def guarded(side, *arguments):
    """Run pytest with guards: the exit code, and all that it printed."""
    paths = [str(ROOT), str(ROOT / "tests" / "support")]
    environment = os.environ | {"GUARDS": side, "PYTHONPATH": os.pathsep.join(paths), "SYMCNN_THREADS": "3"}
    command = [sys.executable, "-m", "pytest", "-p", "guards", "-p", "no:faulthandler", "-p", "no:cacheprovider", "-x"]
    done = subprocess.run(
        [*command, *map(str, arguments)], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    return done.returncode, done.stdout + done.stderr


def assert_clean(side, *arguments):
    code, printed = guarded(side, *arguments)
    assert code == 0, printed[-3000:]
    assert " passed" in printed or "[100%]" in printed


@pytest.mark.parametrize("side", ["end", pytest.param("start", marks=pytest.mark.slow)])
def test_training_steps_stay_inside_their_buffers(side):
    assert_clean(side, HERE / "test_agreement.py", "-k", "training_steps and 17")


@pytest.mark.slow
@pytest.mark.parametrize("side", ["end", "start"])
def test_all_samples_and_random_networks_stay_inside_their_buffers(side):
    assert_clean(side, HERE / "test_agreement.py", HERE / "runtime" / "test_native_binding.py")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("harm", "side", "where"),
    [
        (ONE_MORE, "end", " after the end of Input 'x' in the memory of thread "),
        (ONE_EARLY, "start", " in front of Input 'x' in the memory of thread "),
        (SUMS, "end", " after the end of the array of Sum"),
    ],
    ids=["one more", "one early", "sums"],
)
def test_a_kernel_that_goes_too_far_is_found(tmp_path, harm, side, where):
    """The tests above could fail: code with a mistake dies at a guard, which says where."""
    file = tmp_path / "test_broken.py"
    file.write_text(BROKEN.format(harm=harm))
    assert guarded(side, file, "-k", "as_it_is", "--rootdir", tmp_path)[0] == 0
    code, printed = guarded(side, file, "-k", "broken", "--rootdir", tmp_path)
    assert code == FAULT, printed
    assert where in printed
    assert "test_broken.py::test_broken" in printed
