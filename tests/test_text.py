"""How names and values are written into messages."""

import numpy as np

from symcnn import text


def test_names_and_values_are_shown_in_short():
    assert text.quoted("conv1") == "'conv1'"
    assert text.quoted(np.float32(2)) == "np.float32(2.0)"
    assert text.quoted(np.zeros((2, 2))) == "array([[0., 0.], [0., 0.]])"
    long = text.quoted("a" * 100 + "z" * 100)
    assert len(long) == 80
    assert long.startswith("'aaa")
    assert long.endswith("zzz'")
    assert " ... " in long
    assert text.shown("conv 1") == "conv 1"
    assert text.shown("a\nb") == "'a\\nb'"
    assert len(text.shown("a" * 1000)) == 80
    assert text.called("conv", "") == "conv"
    assert text.called("conv", "c1") == "conv 'c1'"
    assert text.called("conv", None) == "conv None"
