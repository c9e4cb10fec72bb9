"""What stands above the graph is found by name, and loaded when it is first asked for."""

import importlib
import subprocess
import sys

import pytest

import symcnn
from symcnn.graph.views import view


@pytest.mark.parametrize(("name", "place"), symcnn._VIEWS.items())
def test_each_view_is_where_the_package_says(name, place):
    module, _, function = place.partition(":")
    found = importlib.import_module(module)
    for part in function.split("."):
        found = getattr(found, part)
    assert view(name) == found


def test_a_view_is_loaded_when_it_is_first_asked_for():
    script = """
import sys, symcnn as sc
J = sc.sum(sc.tanh(sc.Input("x", (3,))))
assert "symcnn.equations" not in sys.modules
J.equation
assert "symcnn.equations" in sys.modules and "symcnn.draw.diagram" not in sys.modules
sc.backprop(J).draw()
assert "symcnn.draw.diagram" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
