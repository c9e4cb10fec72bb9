"""`Profile`: a row for each computed node, as a table."""

import numpy as np

import symcnn as sc
from symcnn.engine.profile import Nest, Profile, Row


def test_a_profile_has_a_row_for_each_call():
    x, y = sc.Input("x", (None, 3)), sc.Input("y", (None,), "int64")
    z = sc.dense(x, 4, seed=0, name="out")
    program = sc.compile(sc.softmax_cross_entropy(z, y))
    profile = program.profile(x=np.ones((5, 3)), y=np.zeros(5, int), runs=3)
    kinds = [(type(row.node).__name__, row.kernel) for row in profile.rows]
    assert kinds[0] == ("Dense", "kernel")
    assert ("SoftmaxCrossEntropy", "verify") in kinds
    assert [row.nbytes for row in profile.rows if row.node is z] == [5 * 4 * 4]
    assert (profile.backend, profile.batch) == ("numpy", 5)
    assert profile.buffer_bytes > 0
    assert all(0 <= row.seconds < 10 for row in profile.rows)
    assert profile.seconds == sum(row.seconds for row in profile.rows)


def test_the_table_has_the_slowest_first():
    x = sc.Input("x", (2,))
    fast, slow = sc.Tanh(x, name="fast one"), sc.Exp(x, name="slow one")
    profile = Profile([Row(fast, 0.001, 8, "ufunc"), Row(slow, 0.003, 16, "ufunc")], 4096, "numpy", 7)
    head, columns, first, second = str(profile).splitlines()
    assert head == "numpy, batch 7: 4.000 ms, 4,096 bytes of buffers"
    assert columns.split() == ["ms", "share", "bytes", "node"]
    assert first.split()[:3] == ["3.0000", "75.0%", "16"]
    assert "Exp 'slow one' (2,) [ufunc]" in first
    assert f"{__file__}:" in first
    assert second.split()[:3] == ["1.0000", "25.0%", "8"]
    assert repr(profile) == str(profile)


def test_rows_of_loops_have_their_share_of_the_peak():
    x = sc.Input("x", (2,))
    nests = [
        Nest("s0_0_tanh", "Tanh (2,) (with 2 Mul)", "element by element", 4_000_000, 1_000_000),
        Nest("s0_1_exp", "Exp (2,)", "element by element", 1_000_000, 8_000_000),
        Nest("s0_2_pack", "Input 'x' (2,)", "into lanes", 0, 5_000_000),
        Nest("s0_sums", "the sums", "native", 0, 0),
        Nest("s1_sums", "not counted", "native"),
    ]
    rows = [Row(sc.Tanh(x), 0.005 - 0.001 * n, 0, "native", nest) for n, nest in enumerate(nests)]
    profile = Profile([*rows, Row(x, 0.0005, 8, "ufunc")], 4096, "native", 7, 2e9, 0.001)
    first, second, columns, *lines = str(profile).splitlines()
    took = "15.500 ms in these rows and 1.000 ms for feeds and results"
    assert first == f"native, batch 7, one thread: {took}; 4,096 bytes of buffers"
    assert second == "0.3 GFLOP/s: 16% of the 2 that one thread of this machine can do"
    assert columns.split() == ["ms", "share", "GFLOP/s", "of", "peak", "GB/s", "bytes", "node"]
    cells = [line.split()[2:] for line in lines]
    assert cells[0][:5] == ["0.8", "40%", "0", "Tanh", "(2,)"]  # no GB/s: it computes more than it moves
    assert cells[1][:4] == ["0.2", "12%", "2.0", "0"]
    assert cells[2][:4] == ["1.7", "0", "Input", "'x'"]
    assert "Tanh (2,) (with 2 Mul) [element by element] made at" in lines[0]
    assert lines[3].endswith(" 0  the sums [native]")
    assert [cells[3][0], *cells[4][:2], *cells[5][:2]] == ["0", "0", "not", "8", "Input"]


def test_what_has_no_time_has_no_rate():
    x = sc.Input("x", (2,))
    row = Row(x, 0.0, 0, "native", Nest("f", "x", "product", 10, 10))
    assert row.rate is None
    assert len(str(Profile([row], 0, "native", 1, 1e9, 0.0)).splitlines()) == 4


def test_a_profile_of_nothing():
    profile = sc.compile(sc.Param("w", [1.0])).profile()
    assert profile.rows == []
    assert profile.seconds == 0
    assert len(str(profile).splitlines()) == 2
