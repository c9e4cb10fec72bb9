"""Which weights exist, and how many."""

import numpy as np

import symcnn as sc
from symcnn.nodes.connections import connected, existing


def test_which_weights_exist():
    mask = np.array([[1, 0], [1, 1]])[:, :, None, None] * np.ones((2, 2, 1, 3), int)
    w = sc.Param("w", np.ones((2, 2, 1, 3)), mask)
    once = sc.Const(np.array([[1.0, 1], [0, 1]])[:, :, None, None])
    np.testing.assert_array_equal(existing(w), mask)
    np.testing.assert_array_equal(existing(w * once)[:, :, 0, 0], [[1, 0], [0, 1]])
    np.testing.assert_array_equal(existing(sc.swap(w), sc.Swap)[:, :, 0, 0], [[1, 1], [0, 1]])
    assert existing(sc.swap(w)) is None  # not one of those that are looked through
    assert existing(sc.exp(w)) is None and existing(sc.Param("v", np.ones(3))) is None


def test_a_function_of_weights_has_no_mask_of_its_own():
    w = sc.Param("w", np.ones((2, 2)), np.array([[1, 0], [1, 1]]))
    np.testing.assert_array_equal(existing(w * sc.relu(w)), [[1, 0], [1, 1]])
    assert connected(w * sc.relu(w)) == 3 and connected(sc.relu(w)) == 4
