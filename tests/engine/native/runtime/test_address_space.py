"""Under a limit of memory: an error of the house that says what to do, never the end of the process."""

import os
import subprocess
import sys

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.native.runtime import address_space as memory

CODE = """
import resource, sys
import numpy as np
import symcnn as sc

x, y = sc.Input("x", (None, 1, 28, 28)), sc.Input("y", (None,), "int64")
a = x
for n in range(3):
    a = sc.relu(sc.conv(a, 6, 3, seed=n))
J = sc.softmax_cross_entropy(sc.dense(a, 10, seed=0), y)
if sys.argv[2] == "loaded":
    sc.compile(sc.sum(x), backend="native")(x=np.zeros((20, 1, 28, 28)))
size = int(sys.argv[1]) << 20
resource.setrlimit(resource.RLIMIT_AS, (size, size))
feeds = {"x": np.zeros((32, 1, 28, 28)), "y": np.zeros(32, int)}
try:
    print(sc.train_step(J, sc.SGD(lr=0.1), backend="native")(feeds))
except sc.errors.SizeError as error:
    print("refused", str(error).count("ulimit -v"))
    print(sc.train_step(J, sc.SGD(lr=0.1), backend="numpy")(feeds))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts address space as Linux does")
@pytest.mark.parametrize(("limit", "begun"), [(450, ""), (600, "loaded"), (900, ""), (4000, "")])
def test_a_limit_of_address_space(tmp_path, limit, begun):
    ran = subprocess.run(
        [sys.executable, "-c", CODE, str(limit), begun],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"SYMCNN_CACHE": str(tmp_path), "SYMCNN_THREADS": "2"},
    )
    *said, loss = ran.stdout.splitlines()
    assert float(loss) == pytest.approx(np.log(10), rel=1e-5), ran.stderr
    assert said == (["refused 1"] if limit < 1000 else [])
    assert ran.returncode == 0


def test_what_cannot_be_had_is_refused():
    with pytest.raises(sc.errors.SizeError, match=r"(?s)MiB of address space.*ulimit -v.*SYMCNN_BACKEND=numpy"):
        memory.check_address_space(1 << 60)


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("batch", [10**12, 10**30])
def test_more_numbers_than_can_be_counted(backend, batch):
    x = sc.Input("x", (None, 3))
    f = sc.compile(sc.exp(x[:, :, None] * np.ones(10**6, np.float32)), backend=backend)
    with pytest.raises(sc.errors.SizeError, match="there is no memory for its"):
        f.report(batch)


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_no_memory_for_what_is_fed(backend):
    x = sc.Input("x", (None, 3))
    rows = np.broadcast_to(np.float64(1), (10**15, 3))
    with pytest.raises(sc.errors.SizeError, match="memory"):
        sc.compile(sc.sum(x * 2), backend=backend)(x=rows)
