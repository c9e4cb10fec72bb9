"""What is derived in docs/ is up to date, and the README's code runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/README.md",
        "docs/node-types.md",
        "docs/extending.md",
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
