"""Arguments that are checked: whole numbers, options, pairs."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph import arguments


class Indexed:
    def __index__(self):
        return 4


@pytest.mark.parametrize("value", [4, np.int8(4), np.uint64(4), np.array(4), Indexed()])
def test_whole_numbers(value):
    for check in (arguments.whole, arguments.natural, arguments.positive_int):
        found = check(value, "n")
        assert type(found) is int
        assert found == 4
    assert arguments.pair(value, "n") == arguments.pair((value, 4), "n") == arguments.pair([4, value], "n") == (4, 4)


@pytest.mark.parametrize("value", [4.0, np.float64(4), True, np.True_, "4", None, [4], np.array([4]), 4j, float("nan")])
def test_what_is_no_whole_number(value, refused):
    for check in (arguments.whole, arguments.natural, arguments.positive_int):
        with refused(TypeError, "the size of my window is", "it must be a whole number"):
            check(value, "the size of my window")


def test_the_smallest_whole_numbers(refused):
    assert arguments.whole(-3, "n") == -3
    assert arguments.natural(0, "n") == 0
    assert arguments.positive_int(1, "n") == 1
    with refused(ValueError, "n is -1; it must be at least 0"):
        arguments.natural(-1, "n")
    with refused(ValueError, "n is 0; it must be at least 1"):
        arguments.positive_int(0, "n")


def test_one_of_some_options(refused):
    assert arguments.chosen("b", ("a", "b"), "the mode") == "b"
    for wrong in ("c", None, 1, ["a"], np.array(["a", "b"])):
        with refused(ValueError, "the mode", "is not known; expected 'a' or 'b'"):
            arguments.chosen(wrong, ("a", "b"), "the mode")
    with refused(ValueError, "expected 'a', 'b' or 'c'"):
        arguments.chosen("d", ("a", "b", "c"), "the mode")


def test_what_holds_several_things():
    assert arguments.items((1, 2)) == arguments.items([1, 2]) == arguments.items(np.array([1, 2])) == [1, 2]
    assert arguments.items(np.array([[1], [2]])) == [[1], [2]]
    assert arguments.items(()) == []
    for single in (1, None, "ab", np.array(3), np.float32(1), sc.Input("x", (2,)), {1: 2}):
        assert arguments.items(single) is None
