"""The examples run as they are."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
SVG, PNG, HTML, LATEX, TEXT = "image/svg+xml", "image/png", "text/html", "text/latex", "text/plain"
SHOWN = [
    HTML, SVG, SVG, LATEX, LATEX, LATEX, SVG, TEXT, PNG, HTML, PNG, PNG, PNG, HTML, LATEX, TEXT, "stdout",
]  # fmt: skip
"""What the cells of the notebook show, each one thing: the richest form of it."""


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


@pytest.fixture(scope="module")
def kept():
    """The cells of the notebook as it lies there: (source, outputs)."""
    return code_cells(EXAMPLES / "backprop.ipynb")


def code_cells(path):
    cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    assert [c["execution_count"] for c in cells] == list(range(1, len(cells) + 1))
    return [("".join(c["source"]), c["outputs"]) for c in cells]


def form(outputs):
    """The one thing that a cell shows, and its text or picture."""
    (output,) = outputs
    if output["output_type"] == "stream":
        return output["name"], "".join(output["text"])
    richest, *_ = (kind for kind in (SVG, PNG, HTML, LATEX, TEXT) if kind in output["data"])
    assert TEXT in output["data"]
    return richest, "".join(output["data"][richest])


def test_the_notebook_is_kept_with_what_its_cells_show(kept):
    assert [form(outputs)[0] for _, outputs in kept] == SHOWN
    path = EXAMPLES / "backprop.ipynb"
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 600_000
    for trace in (str(ROOT), "site-packages", "iopub", " object at 0x", sys.prefix):
        assert trace not in text


def test_the_notebook_runs(kept, tmp_path):
    """A warning is an error there; what depends on no arithmetic is what is kept, to the byte."""
    for package in ("nbclient", "nbformat", "ipykernel", "matplotlib"):
        if not find_spec(package):
            pytest.skip(f"the package {package} is not installed")
    command = [sys.executable, ROOT / "docs" / "notebook.py", "--out", tmp_path / "fresh.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    fresh = code_cells(tmp_path / "fresh.ipynb")
    assert [source for source, _ in fresh] == [source for source, _ in kept]
    assert [form(outputs)[0] for _, outputs in fresh] == SHOWN
    for number in (0, 1, 2, 3, 4, 5, 13, 14):
        assert form(fresh[number][1]) == form(kept[number][1]), (
            f"run docs/notebook.py: cell {number + 1} shows another thing"
        )
    accuracy = float(form(fresh[9][1])[1].split("</td>")[-3].rpartition(">")[2])
    assert accuracy > 0.9
    differ = float(form(fresh[16][1])[1].split()[-1].removesuffix("%"))
    assert differ < 1
