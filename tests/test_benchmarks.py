"""The benchmarks: they run, they count right, and they do not time what computes something else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def modules(monkeypatch):
    """The scripts' folders on the path, and what is imported from there forgotten afterwards."""
    monkeypatch.syspath_prepend(BENCHMARKS / "workers")
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(BENCHMARKS)):
            del sys.modules[name]


def test_flops_of_a_step_as_counted_by_hand(modules):
    from networks import NETWORKS

    convolution = 2 * (20 * 20 * 20) * (9 * 9)
    dense = 2 * 2000 * 10
    assert NETWORKS["N1"].flops(32) == 32 * (2 * convolution + 3 * dense)  # no error of the images is needed


def test_shapes_of_all_networks(modules):
    from networks import NETWORKS

    assert NETWORKS["N1"].parameter_shapes() == [(20, 1, 9, 9), (20,), (10, 2000), (10,)]
    assert [s[0] for s in NETWORKS["N2"].shapes()] == [1, 6, 6, 6, 16, 16, 16, 120, 120, 84, 84, 10]
    assert NETWORKS["N3"].shapes()[-2] == (64, 5, 5)


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("name", ["N1", "N2", "N3"])
def test_symcnn_agrees_with_the_reference_and_a_wrong_peer_is_found_out(modules, name, backend):
    from networks import NETWORKS
    from symcnn_worker import SymcnnTrainer
    from training_step import Check, Result

    network, result = NETWORKS[name], Result(f"symcnn {backend}")
    trainer, check = SymcnnTrainer(network, 3, backend), Check(network, 3)
    losses = [trainer.step() for _ in range(3)]
    right = [p.copy() for p in trainer.parameters()]
    check.judge(result, losses, right)
    assert result.status == "ok"
    for n, (start, end) in enumerate(zip(network.parameters(), right, strict=True)):
        turned = [*right[:n], start + (end - start)[::-1], *right[n + 1 :]]  # as a rotated gradient would be
        check.judge(result, losses, turned)
        assert result.status == "wrong", n
    check.judge(result, [1.01 * loss for loss in losses], right)
    assert result.status == "wrong"
    check.judge(result, losses, [np.full_like(p, np.nan) for p in right])
    assert result.status == "wrong"


def test_a_comparison_from_end_to_end(tmp_path):
    command = [sys.executable, BENCHMARKS / "training_step.py", "--networks", "N1", "--batches", "2", "--threads", "1"]
    quick = ["--rounds", "1", "--seconds", "0.01", "--patience", "0", "--json", tmp_path / "out.json"]
    missing = ["--torch", tmp_path / "no-python", "--jax", tmp_path / "no-python"]
    answer = subprocess.run([*command, *quick, *missing], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "2 of 2 are right" in answer.stdout
    assert answer.stdout.count("missing: ") == 5
    (case,) = json.loads((tmp_path / "out.json").read_text())["cases"]
    assert [result["peer"] for result in case["results"]] == ["symcnn numpy", "symcnn native"]
    assert all(0 < result["seconds"] < 1 for result in case["results"])


def test_a_chain_goes_through_all_phases(modules):
    from long_chain import phases

    seconds = phases(301)
    assert list(seconds)[:3] == ["build", "order", "differentiate"]
    assert len(seconds) == 12


def test_the_modules_of_an_import_are_listed(tmp_path, modules):
    from import_time import imported

    seconds, names = imported("symcnn", str(tmp_path))
    assert seconds > 0
    assert {"symcnn", "numpy", "networkx"} <= names


@pytest.mark.parametrize("name", ["chain", "skips", "chance"])
def test_a_large_picture_is_made_and_folded(modules, name):
    from large_picture import GRAPHS, seconds

    J = GRAPHS[name](600)
    assert abs(len(J.graph()) - 600) < 200
    spent, boxes = seconds(J)
    assert list(spent) == ["sweep", "story", "svg", "dot"] and boxes <= 60


def test_opening_pages_is_not_measured_without_a_browser(tmp_path):
    script, environment = BENCHMARKS / "page_opening.py", {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.startswith("not measured: needs "), done.stderr
