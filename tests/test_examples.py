"""The examples run as they are."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name, *arguments, cwd):
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_ufldl(tmp_path):
    out = run("ufldl.py", "--epochs", "1", cwd=tmp_path)
    assert "delta(z1) has the shape (None, 20, 20, 20)" in out


def test_lenet5_has_the_papers_parameters(tmp_path):
    out = run("lenet5.py", "--epochs", "1", cwd=tmp_path)
    counts = {line.split()[0]: line.split()[-2] for line in out.splitlines() if line.endswith("parameters")}
    paper = {"C1": "156", "S2": "12", "C3": "1,516", "S4": "32", "C5": "48,120", "F6": "10,164", "OUTPUT": "850"}
    assert counts == paper


def test_a_node_type_of_ones_own(tmp_path):
    out = run("new_node.py", cwd=tmp_path)
    assert "max₂ₓ₂(Softplus(z1))" in out
    assert "val accuracy" in out


@pytest.mark.parametrize("channels", [12, 1])
def test_speech(tmp_path, channels):
    rng = np.random.default_rng(0)
    parts = {f"x_{p}": rng.random((40, channels, 29), dtype=np.float32) for p in ("train", "test")}
    labels = {f"y_{p}": rng.integers(0, 9, 40).astype("uint8") for p in ("train", "test")}
    np.savez(tmp_path / "speech.npz", **parts, **labels)
    assert "val accuracy" in run("speech.py", "speech.npz", "--epochs", "2", cwd=tmp_path)
