"""Errors: their built-in kinds, their text, and the line of the user's code that they name."""

import sys
import threading
import types

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
