"""Inputs are told from attributes by what their annotations mean, however they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Optional, Union

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.annotations import resolved

Maps = sc.Node
Several = tuple[sc.Node, ...]


def with_field(annotation):
    """A node type with one field of this annotation, which is a string here."""
    names = {"sc": sc, "Maps": Maps, "Several": Several, "Callable": Callable, "Sequence": Sequence,
             "Annotated": Annotated, "Optional": Optional, "Union": Union}  # fmt: skip
    made: dict[str, type[sc.Node]] = {}
    body = f"from __future__ import annotations\nclass Made(sc.Node):\n    x: {annotation}\n    def infer(self): pass"
    exec(body, names | {"__name__": __name__}, made)
    return made["Made"]


@pytest.mark.parametrize(
    ("annotation", "several", "optional"),
    [
        ("sc.Node", False, False),
        ("Maps", False, False),
        ("Several", True, False),
        ("sc.Node | None", False, True),
        ("Optional[Maps]", False, True),
        ("Union[sc.Node, None]", False, True),
        ("tuple[sc.Node, ...]", True, False),
        ("list[Maps]", True, False),
        ("Sequence[sc.Node]", True, False),
        ("tuple[sc.Node, ...] | None", True, True),
        ("Annotated[sc.Node, 'the maps']", False, False),
        ("'sc.Node'", False, False),
        ("sc.Sigmoid", False, False),
    ],
)
def test_an_input(annotation, several, optional):
    cls = with_field(annotation)
    assert cls.node_fields == ("x",)
    assert cls.tuple_fields == (("x",) if several else ())
    assert cls.optional_fields == (("x",) if optional else ())


@pytest.mark.parametrize(
    "annotation", ["Callable[[sc.Node], int]", "int", "str", "type[sc.Node]", "dict[str, sc.Node]", "NotThere"]
)
def test_an_attribute(annotation):
    assert with_field(annotation).node_fields == ()


def test_an_alias_within_a_function():
    Image = sc.Node

    class Halved(sc.Node):
        """Half of it."""

        x: Image

        def forward(self, xp, x):
            return x / 2

        def backward(self, delta):
            return (delta / 2,)

    x = sc.Input("x", (None, 2))
    np.testing.assert_array_equal(sc.compile(sc.grad(sc.sum(Halved(x)), x))(x=[[1, 2]]), [[0.5, 0.5]])


def test_strings_are_evaluated_in_every_package_but_this():
    assert resolved("Maps", {"Maps": Maps, "__package__": "symcnn_layers"}, {}) is Maps
    assert resolved("Maps", {"Maps": Maps, "__package__": "symcnn.nodes"}, {}) == "Maps"
