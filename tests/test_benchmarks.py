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
    for script in BENCHMARKS.rglob("*.py"):
        monkeypatch.delitem(sys.modules, script.stem, raising=False)  # other tests may have modules of these names
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
    first, table, third, rest = 6 * 28 * 28 * 25, 60 * 25 * 10 * 10, 120 * 16 * 25, 120 * 84 + 84 * 10
    assert NETWORKS["M2"].flops(1) == 2 * (2 * first + 3 * (table + third + rest))  # 60 connections, not 96
    first, second, rest = 16 * 25 * 14 * 14, 32 * 16 * 9 * 7 * 7, 32 * 7 * 7 * 64 + 64 * 10
    assert NETWORKS["M3"].flops(1) == 2 * (2 * first + 3 * (second + rest))  # what the stride skips is not counted
    first, branch, rest = 16 * 9 * 28 * 28, 2 * 16 * 16 * 9 * 14 * 14, 16 * 7 * 7 * 10
    assert NETWORKS["M6"].flops(1) == 2 * (2 * first + 3 * (branch + rest))


def test_shapes_of_all_networks(modules):
    from networks import NETWORKS

    assert NETWORKS["N1"].parameter_shapes() == [(20, 1, 9, 9), (20,), (10, 2000), (10,)]
    assert [s[0] for s in NETWORKS["N2"].shapes()] == [1, 6, 6, 6, 16, 16, 16, 120, 120, 84, 84, 10]
    assert NETWORKS["N3"].shapes()[-2] == (64, 5, 5)
    assert NETWORKS["M3"].shapes()[::2] == [(1, 28, 28), (16, 14, 14), (32, 7, 7), (64,)]
    assert NETWORKS["M6"].parameter_shapes()[2:6] == [(16, 16, 3, 3), (16,)] * 2


def test_a_table_says_which_weights_exist(modules):
    from networks import NETWORKS

    filters = NETWORKS["M2"].parameters()[2]
    seen = [set(np.flatnonzero(f.any(axis=(1, 2))).tolist()) for f in filters]
    assert seen[0] == {0, 1, 2} and seen[6] == {0, 1, 2, 3} and seen[12] == {0, 1, 3, 4} and seen[15] == set(range(6))
    assert sum(map(len, seen)) == 60  # as in the paper: 60 x 25 weights and 16 biases are 1,516


@pytest.mark.parametrize("name", ["N1", "N2", "N3", "M1", "M2", "M3", "M4", "M5", "M6"])
def test_the_reference_agrees_with_finite_differences(modules, name):
    import reference
    from networks import NETWORKS

    def loss(moved):
        return reference.loss_and_gradients(network, moved, x.astype(np.float64), labels)

    network, rng, h = NETWORKS[name], np.random.default_rng(0), 1e-6
    (x, labels), p = network.data(1), [v.astype(np.float64) for v in network.parameters()]
    way = [rng.standard_normal(v.shape) * (v != 0) for v in p]  # not along weights that a table leaves out
    slope = sum((g * w).sum() for g, w in zip(loss(p)[1], way, strict=True))
    ahead, behind = (loss([v + t * w for v, w in zip(p, way, strict=True)])[0] for t in (h, -h))
    assert (ahead - behind) / (2 * h) == pytest.approx(slope, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("name", ["N1", "N2", "N3", "M1", "M2", "M3", "M4", "M5", "M6"])
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


@pytest.mark.slow
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


def test_compiling_is_timed_phase_by_phase(tmp_path):
    answers, paths = [], os.pathsep.join([str(BENCHMARKS), str(BENCHMARKS.parent)])
    environment = {**os.environ, "PYTHONPATH": paths, "SYMCNN_CACHE": str(tmp_path)}
    for _ in range(2):
        command = [sys.executable, BENCHMARKS / "workers" / "compile_once.py", "N1", "4"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    first, second = (answer["seconds"] for answer in answers)
    assert first.keys() - second.keys() == {"LLVM"}  # what the cache saves
    assert all(value > 0 for value in (*first.values(), *second.values()))
    for answer in answers:
        assert answer["compiling"] < answer["seconds"]["first step"] - answer["seconds"]["threads"]


def test_the_times_of_compiling_are_shown_and_judged(modules):
    from compile_time import Measured, report

    run = {"seconds": {"LLVM": 0.5, "first step": 0.7}, "compiling": 0.6, "peak_bytes": 2**20, "others_share": 0.0}
    measured = Measured("N1", "empty", [run, {**run, "others_share": 0.9}])
    assert measured.milliseconds("LLVM") == 500 and measured.milliseconds("compile") == 600
    *head, names, numbers = report([measured]).splitlines()
    assert "the machine was not idle during 1 processes" in head
    shown = dict(zip(names.split(), numbers.split()[1:], strict=False))
    assert shown["cache"] == "empty" and shown["LLVM"] == "500.0" and numbers.split()[-3:] == ["600.0", "700.0", "1"]


def test_a_chain_goes_through_all_phases(modules):
    from long_chain import phases

    seconds = phases(301)
    assert list(seconds)[:3] == ["build", "order", "differentiate"]
    assert len(seconds) == 12


def test_the_modules_of_an_import_are_listed(tmp_path, modules):
    from import_time import imported

    seconds, names = imported("symcnn", str(tmp_path))
    assert seconds > 0
    assert {"symcnn", "numpy"} <= names


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


@pytest.mark.slow
def test_a_job_on_digits_from_end_to_end(tmp_path, modules):
    from symcnn.data import mnist_mini

    digits, file = mnist_mini(), tmp_path / "digits.npz"
    images = {
        f"x_{part}": np.rint(x[:300, 0] * 255).astype(np.uint8)
        for part, x in (("train", digits.x_train), ("test", digits.x_test))
    }
    np.savez(file, y_train=digits.y_train[:300].astype(np.uint8), y_test=digits.y_test[:300].astype(np.uint8), **images)
    command = [sys.executable, BENCHMARKS / "mnist_job.py", "--data", file, "--torch", tmp_path / "no-python"]
    quick = ["--backends", "numpy", "native", "--epochs", "1", "--rounds", "1", "--threads", "1", "--patience", "0"]
    answer = subprocess.run([*command, *quick, "--json", tmp_path / "out.json"], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert answer.stdout.count("missing: ") == 3
    jobs = json.loads((tmp_path / "out.json").read_text())
    runs = [run for job in jobs for run in job["runs"]]
    assert [job["name"] for job in jobs if job["runs"]] == ["symcnn numpy", "symcnn native"]
    for run in runs:
        assert min(run["phases"].values()) > 0
        assert 0 <= run["seconds"] - sum(run["phases"].values()) < 1  # the rest is the end of the process


def test_jobs_that_learn_something_else_are_found_out(modules):
    from mnist_job import Job, Run, agree

    run = [Run(1.0, {}, [loss], 0.97, 1, False) for loss in (0.8, 0.8001, 0.81)]
    assert agree([Job("a", runs=run[:1]), Job("b", runs=run[1:2])])
    assert not agree([Job("a", runs=run[:1]), Job("b", runs=run[2:])])
    assert not agree([Job("a")])


def test_the_jobs_start_from_the_same_numbers_and_take_the_same_rates(modules):
    import mnist_task

    from symcnn.tutorial import tutorial_network, tutorial_optimizer

    params = tutorial_network(seed=mnist_task.SEED).J.params
    for ours, given in zip(params, mnist_task.first_values(), strict=True):
        np.testing.assert_array_equal(ours.value, given)
    optimizer = tutorial_optimizer()
    assert [optimizer.momentum(n, 0) for n in (0, 19, 20, 700)] == [mnist_task.momentum(n) for n in (0, 19, 20, 700)]
