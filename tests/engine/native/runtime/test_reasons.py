"""Reports of native programs: what a newcomer must find in them."""

import pytest
from user_nodes import Sorted

import symcnn as sc


@pytest.fixture(autouse=True)
def _fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMCNN_CACHE", str(tmp_path))


def network():
    x, y = sc.Input("x", (None, 1, 8, 8)), sc.Input("y", (None,), "int64")
    a = sc.mean_pool(sc.sigmoid(sc.conv(x, 3, 3, seed=0, name="conv1")), 2)
    return sc.softmax_cross_entropy(sc.dense(a, 4, seed=1, name="out"), y)


def test_a_report_says_what_is_fused_and_what_becomes_of_it():
    report = sc.train_step(network(), sc.SGD(lr=0.1, momentum=0.9), backend="native").program.report(32)
    lines = [" ".join(line.split()) for line in report.splitlines()]
    assert "convolution Conv 'conv1' (None, 3, 6, 6)" in lines
    assert "gradient of filters Swap (3, 1, 3, 3) (with 2 Swap, Conv) by the backward rule of Conv 'conv1'" in lines
    assert "into lanes Input 'x' (None, 1, 8, 8)" in lines
    assert "Add (3, 1, 3, 3) (with 2 Mul) the new Param 'velocity of conv1.W'" in lines
    assert "Sub (3, 1, 3, 3) the new Param 'conv1.W'" in lines
    assert "\n\n" not in report


def test_a_report_says_where_the_code_came_from():
    J = network()
    first, second = (sc.compile(J, backend="native").report().splitlines()[2] for _ in range(2))
    assert ", compiled in " in first
    assert ", taken from the cache in " in second
    code = " bytes of machine code"
    assert first.split(code)[0] == second.split(code)[0]


def test_the_loops_can_be_shown():
    x = sc.Input("x", (None, 20))
    f = sc.compile(sc.tanh(x) * 3, backend="native")
    short, whole = f.report(), f.report(loops=True)
    assert whole.startswith(short.splitlines()[0])
    functions = whole[whole.index("\n\n") :]
    assert "s0_1_mul(arguments, memory, sums, row, valid)  # Mul (None, 20)" in functions
    assert "  for i" in functions
    assert "fmul" in functions
    assert "for i" not in short


def test_the_numpy_engine_has_no_loops():
    f = sc.compile(network(), backend="numpy")
    assert f.report(loops=True) == f.report()


def test_what_numpy_computes_has_its_reason():
    report = sc.compile(Sorted(sc.Input("x", (None, 3)), name="up"), backend="native").report()
    assert report.splitlines()[1:] == [
        "no machine code: NumPy computes everything",
        "stage 0, by NumPy:",
        "      Sorted 'up' (None, 3): there are no loops for its type",
    ]
