"""`Profile`: a row for each computed node, as a table."""

import numpy as np

import symcnn as sc
from symcnn.engine.profile import Profile, Row


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


def test_a_profile_of_nothing():
    profile = sc.compile(sc.Param("w", [1.0])).profile()
    assert profile.rows == []
    assert profile.seconds == 0
    assert len(str(profile).splitlines()) == 2
