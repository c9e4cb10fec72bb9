"""Every node type of the package keeps what a node type owes."""

import re
import subprocess
import sys

import pytest
from registered_types import SAMPLES, TYPES

import symcnn as sc
from symcnn.testing import check_node
from symcnn.testing.forward import engines_agree


@pytest.mark.parametrize("sample", SAMPLES)
def test_node_type_keeps_what_it_owes(sample):
    report = check_node(sample)
    assert "forward runs on the array API standard's strict namespace" in report.passed
    assert len(report.passed) + len(report.unchecked) == 18
    assert set(report.unchecked) <= {
        "rows of the batch are computed independently",
        "backward returns one node an input, of its shape",
        "the first derivative equals central differences",
        "the second derivative equals central differences",
        "what backward returns is differentiable to the third order",
    }


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_machine_code_computes_what_the_rules_compute(sample, monkeypatch, tmp_path):
    monkeypatch.setenv("SYMCNN_BACKEND", "native")
    monkeypatch.setenv("SYMCNN_CACHE", str(tmp_path))
    assert list(engines_agree(sample)) == []


@pytest.mark.slow
def test_derivatives_are_left_unchecked_only_where_there_are_none():
    without = {cls for cls in TYPES for s in cls.samples() if any("derivative" in t for t in check_node(s).unchecked)}
    comparisons = {sc.Greater, sc.GreaterEqual, sc.Less, sc.LessEqual, sc.Equal}
    logic = {sc.And, sc.Or, sc.Xor, sc.Not}
    choices = {sc.ArgMax, sc.FirstMax, sc.Switches, sc.OneHot, sc.StopGradient, sc.Uniform}
    assert without == comparisons | logic | choices


@pytest.mark.parametrize("cls", TYPES, ids=lambda c: c.__name__)
def test_node_type_is_described(cls):
    assert len(cls.samples()) > 0
    assert all(type(sample) is cls for sample in cls.samples())
    assert cls.__doc__
    assert not cls.__doc__.startswith(f"{cls.__name__}(")  # the text that dataclasses make up
    templates = [cls.samples()[0].template(kind) for kind in ("text", "latex")]
    assert all(cls.__name__ + "(" not in t for t in templates)  # the text that Node makes up


PLUMBING = {"Cast", "SumTo", "BroadcastTo", "Reshape", "Transpose", "Swap"}


@pytest.mark.parametrize("sample", SAMPLES)
def test_node_type_says_two_sentences_or_nothing(sample):
    """Plumbing, such as Reshape, says nothing: in a formula of several nodes there is nothing to explain about it."""
    said = sample.sentences()
    forward, backward = said
    texts = [forward, *([backward] if isinstance(backward, str) else backward)]
    assert said == ("", "") or all(re.fullmatch(r"[A-Z].*\.", text) for text in texts)
    assert (said == ("", "")) == (type(sample).__name__ in PLUMBING)


def test_every_type_has_a_name_in_the_package():
    assert {cls.__name__ for cls in TYPES} <= set(sc.__all__)


def test_importing_the_package_does_not_import_the_checks():
    code = "import symcnn, sys; assert 'symcnn.testing' not in sys.modules; symcnn.testing.check_node"
    subprocess.run([sys.executable, "-c", code], check=True)
