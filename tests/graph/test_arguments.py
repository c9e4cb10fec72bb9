"""Arguments that are checked: whole numbers, options, pairs."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph import arguments
from symcnn.graph.arguments import number_from


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


def test_numbers_within_a_range(refused):
    assert number_from(np.float32(0.5), 0, 1, "rate") == 0.5 and number_from(0, 0, 1, "rate") == 0.0
    for wrong, kind, words in (
        (1, sc.errors.ArgumentError, "rate is 1; it must be at least 0 and below 1"),
        (-0.1, sc.errors.ArgumentError, "rate is -0.1"),
        (float("nan"), sc.errors.ArgumentError, "rate is nan"),
        ("0.5", sc.errors.DTypeError, "it must be a number"),
        (True, sc.errors.DTypeError, "it must be a number"),
        (None, sc.errors.DTypeError, "rate is None"),
    ):
        with refused(kind, words):
            number_from(wrong, 0, 1, "rate")
    with refused(sc.errors.ArgumentError, "eps is 0; it must be above 0"):
        number_from(0, 0, float("inf"), "eps", open=True)
    with refused(sc.errors.ArgumentError, "eps is inf; it must be above 0"):
        number_from(float("inf"), 0, float("inf"), "eps", open=True)
