"""What is derived in docs/ is up to date, and the README's code runs."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc

ROOT = Path(__file__).parent.parent


def test_the_derived_files_are_up_to_date():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "make.py", "--check"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readmes_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    assert names["history"].validation["accuracy"] > 0.9
    assert (tmp_path / "backprop.svg").stat().st_size > 1000


def test_the_code_about_extending_runs(capsys):
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    out = capsys.readouterr().out
    assert out.count("checks passed") == 3
    assert "lrelu_0.1(z1)" in out


def test_the_code_about_the_native_engine_runs(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("SYMCNN_CACHE", str(tmp_path))
    page = (ROOT / "docs" / "native.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        names |= {"images": np.zeros((20, 1, 28, 28)), "labels": np.zeros(20, int)}
        exec(block, names)
    assert "Conv 'conv1' (None, 20, 20, 20) [convolution] made at" in capsys.readouterr().out
    assert sc.testing.check_node(names["Swish"])


def test_all_environment_variables_are_explained():
    page = (ROOT / "docs" / "native.md").read_text(encoding="utf-8")
    engine = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "symcnn" / "engine").rglob("*.py"))
    read = set(re.findall(r"""environ(?:\.get\(|\[)["'](\w+)["']""", engine))
    assert {"SYMCNN_CACHE", "SYMCNN_THREADS"} <= read
    assert all(f"`{name}`" in page for name in read)


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/README.md",
        "docs/node-types.md",
        "docs/extending.md",
        "docs/native.md",
        "docs/gallery/README.md",
        "docs/peers/README.md",
        "benchmarks/README.md",
    ],
)
def test_links_lead_somewhere(page):
    path = ROOT / page
    targets = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    for target in targets:
        assert target.startswith("http") or (path.parent / target).exists(), target


# What documents name ---------------------------------------------------------------------------


def test_every_folder_of_the_package_is_on_the_map():
    text = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    place = text[text.index("## A map") : text.index("## From a graph to numbers")]
    parts = {p for p in (ROOT / "symcnn").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    names = {p.name for p in parts} - {"__init__.py", "__main__.py"}
    assert {name for name in names if f"`{name}`" not in place and f"symcnn/{name}`" not in place} == set()


def test_every_file_that_is_named_exists():
    known = {p.name for p in ROOT.rglob("*.py")} | {"pyproject.toml"}
    for name in ("docs/README.md", "docs/native.md", "CONTRIBUTING.md", "README.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert {found for found in re.findall(r"[`\[/](\w+\.py)[`\])]", text) if found not in known} == set(), name
        for path in re.findall(r"`((?:symcnn|tests|docs|benchmarks)/[\w/]+(?:\.py)?)`", text):
            assert (ROOT / path).exists(), (name, path)
        for link in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", text):
            assert (ROOT / name).parent.joinpath(link).exists(), (name, link)
