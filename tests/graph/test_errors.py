"""Errors: their built-in kinds, their text, and the line of the user's code that they name."""

import sys
import threading
import types

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph import errors


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (errors.ShapeError, ValueError),
        (errors.DTypeError, TypeError),
        (errors.ArgumentError, ValueError),
        (errors.GraphError, ValueError),
        (errors.GradientError, ValueError),
        (errors.NodeTypeError, TypeError),
        (errors.FeedError, ValueError),
        (errors.NonFiniteError, ArithmeticError),
        (errors.FrozenError, AttributeError),
        (errors.SizeError, MemoryError),
        (errors.NotRunError, KeyError),
    ],
)
def test_each_error_is_the_built_in_one_that_a_caller_would_expect(kind, base):
    assert issubclass(kind, base)
    assert issubclass(kind, errors.SymcnnError)
    assert kind.__doc__


def test_there_is_no_other_kind():
    kinds = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.SymcnnError)}
    assert len(kinds) == 12


def test_the_text_of_an_error():
    x = sc.Input("x", (2,))
    assert errors.message("is wrong") == "is wrong"
    assert errors.message("is wrong", "do this", "do that") == "is wrong\n  do this\n  do that"
    assert errors.message("is wrong", node=x) == f"Input 'x': is wrong\n  {x.site}"
    other = errors.Site("elsewhere.py", 7)
    assert errors.message("is wrong", node=x, site=other) == "Input 'x': is wrong\n  made at elsewhere.py:7"


def test_a_site_says_which_rule_stood_between():
    assert str(errors.Site("a.py", 3)) == "made at a.py:3"
    assert str(errors.Site("a.py", 3, "backward rule of Log")) == "made by the backward rule of Log, a.py:3"


def test_what_a_backward_rule_makes_was_made_where_the_user_made_the_node():
    x = sc.Input("x", (2,))
    a = sc.Sigmoid(x, name="a1")
    dx = sc.grad(sc.sum(a), x)
    assert dx.site == errors.Site(a.site.file, a.site.line, "backward rule of Sigmoid 'a1'")
    assert str(dx.site) == f"made by the backward rule of Sigmoid 'a1', {__file__}:{a.site.line}"


def test_what_simplify_makes_was_made_where_the_replaced_node_was():
    x = sc.Input("x", (2,))
    square = x**2
    (new,) = sc.simplify([square])
    assert new is not square
    assert (new.site, new.serial) == (square.site, square.serial)


def test_the_site_is_the_nearest_frame_outside_the_package():
    module = types.ModuleType("users_module")
    sys.modules["users_module"] = module
    source = "import symcnn as sc\n\n\ndef make(x):\n    return sc.sigmoid(x, name='made elsewhere')\n"
    exec(compile(source, "/somewhere/users_module.py", "exec"), vars(module))
    del sys.modules["users_module"]
    node = module.make(sc.Input("x", (2,)))
    assert str(node.site) == "made at /somewhere/users_module.py:5"


def test_the_site_of_a_rule_does_not_leak_into_other_threads():
    x, seen = sc.Input("x", (2,)), []

    def work():
        thread = threading.Thread(target=lambda: seen.append(x + 102))
        thread.start()
        thread.join()
        return x + 101

    inside = errors.made_by_rule(sc.exp(x), "backward rule", work)
    assert inside.site.rule == "backward rule of Exp"
    assert seen[0].site.rule == (x + 103).site.rule == ""


def test_names_and_values_are_shown_in_short():
    assert errors.quoted("conv1") == "'conv1'"
    assert errors.quoted(np.float32(2)) == "np.float32(2.0)"
    assert errors.quoted(np.zeros((2, 2))) == "array([[0., 0.], [0., 0.]])"
    long = errors.quoted("a" * 100 + "z" * 100)
    assert len(long) == 80
    assert long.startswith("'aaa")
    assert long.endswith("zzz'")
    assert " ... " in long
    assert errors.shown("conv 1") == "conv 1"
    assert errors.shown("a\nb") == "'a\\nb'"
    assert len(errors.shown("a" * 1000)) == 80
    assert errors.called("conv", "") == "conv"
    assert errors.called("conv", "c1") == "conv 'c1'"
    assert errors.called("conv", None) == "conv None"


class Indexed:
    def __index__(self):
        return 4


@pytest.mark.parametrize("value", [4, np.int8(4), np.uint64(4), np.array(4), Indexed()])
def test_whole_numbers(value):
    for check in (errors.whole, errors.natural, errors.positive_int):
        found = check(value, "n")
        assert type(found) is int
        assert found == 4
    assert errors.pair(value, "n") == errors.pair((value, 4), "n") == errors.pair([4, value], "n") == (4, 4)


@pytest.mark.parametrize("value", [4.0, np.float64(4), True, np.True_, "4", None, [4], np.array([4]), 4j, float("nan")])
def test_what_is_no_whole_number(value, refused):
    for check in (errors.whole, errors.natural, errors.positive_int):
        with refused(TypeError, "the size of my window is", "it must be a whole number"):
            check(value, "the size of my window")


def test_the_smallest_whole_numbers(refused):
    assert errors.whole(-3, "n") == -3
    assert errors.natural(0, "n") == 0
    assert errors.positive_int(1, "n") == 1
    with refused(ValueError, "n is -1; it must be at least 0"):
        errors.natural(-1, "n")
    with refused(ValueError, "n is 0; it must be at least 1"):
        errors.positive_int(0, "n")


def test_one_of_some_options(refused):
    assert errors.chosen("b", ("a", "b"), "the mode") == "b"
    for wrong in ("c", None, 1, ["a"], np.array(["a", "b"])):
        with refused(ValueError, "the mode", "is not known; expected 'a' or 'b'"):
            errors.chosen(wrong, ("a", "b"), "the mode")
    with refused(ValueError, "expected 'a', 'b' or 'c'"):
        errors.chosen("d", ("a", "b", "c"), "the mode")


def test_what_holds_several_things():
    assert errors.items((1, 2)) == errors.items([1, 2]) == errors.items(np.array([1, 2])) == [1, 2]
    assert errors.items(np.array([[1], [2]])) == [[1], [2]]
    assert errors.items(()) == []
    for single in (1, None, "ab", np.array(3), np.float32(1), sc.Input("x", (2,)), {1: 2}):
        assert errors.items(single) is None
