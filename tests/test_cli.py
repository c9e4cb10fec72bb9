"""The command line, run as a person would run it, in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from symcnn import cli

EXAMPLES = Path(__file__).parent.parent / "examples"


def symcnn(*arguments, cwd, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "symcnn", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_demo_reads_unseen_digits_and_leaves_its_files(tmp_path):
    status, out, errors = symcnn("demo", "-o", "here", cwd=tmp_path, PATH="", PYTHONWARNINGS="error")
    assert (status, errors) == (0, "")
    found = re.search(r"It reads (\d+) of 500 digits right", out)
    assert found
    assert int(found[1]) >= 470
    assert "rot90" in out
    written = {p.name: p.stat().st_size for p in (tmp_path / "here").iterdir()}
    assert set(written) == {"backprop.svg", "backprop.dot", "equations.txt", "equations.tex", "history.csv"}
    assert all(written.values())
    assert str(tmp_path / "here") in out
    picture = (tmp_path / "here" / "backprop.svg").read_text(encoding="utf-8")
    assert "Run with 1 example." in picture and ">= 7<" in picture and picture.count("<image ") > 50
    assert len(picture.encode()) < 200_000


def test_train_on_the_bundled_digits(tmp_path):
    status, out, errors = symcnn("train", "--mini", "--epochs", "1", "--batch", "64", "--pool", "max", cwd=tmp_path)
    assert (status, errors) == (0, "")
    assert re.search(r"accuracy on the 500 test digits: \d\d\.\d\d%", out)


def test_train_without_data_says_what_to_do(tmp_path):
    status, _, errors = symcnn("train", "--data", "nowhere", cwd=tmp_path)
    assert status == 1
    assert "there is no MNIST at nowhere" in errors
    assert "Traceback" not in errors


def test_check_takes_a_type_from_a_users_own_file(tmp_path):
    status, out, errors = symcnn("check", str(EXAMPLES / "new_node.py") + ":Softplus", cwd=tmp_path)
    assert (status, errors) == (0, "")
    assert "1 of 1 node types fulfil all they owe" in out


def test_check_fails_for_a_type_that_breaks_its_contract(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import symcnn as sc\n"
        "class Wrong(sc.Node):\n"
        "    'z^2, with a wrong derivative.'\n"
        "    z: sc.Node\n"
        "    latex = '{z}^2'\n"
        "    def forward(self, xp, z): return z * z\n"
        "    def backward(self, delta): return (3 * delta * self.z,)\n"
    )
    status, out, errors = symcnn("check", "mine.py:Wrong", cwd=tmp_path)
    assert status == 1
    assert "derivative" in errors
    assert "0 of 1" in out


@pytest.mark.parametrize("name", ["nowhere:X", "symcnn:conv", "symcnn", "symcnn:Nothing"])
def test_check_names_what_is_no_node_type(name, capsys):
    assert cli.main(["check", name]) == 1
    assert name in capsys.readouterr().err


def test_doctor_names_versions(capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "numpy" in out
    assert "SYMCNN_DATA" in out


@pytest.mark.parametrize("arguments", [[], ["demo", "--epochs", "0"], ["train", "--pool", "median"], ["fly"]])
def test_wrong_arguments_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: symcnn" in capsys.readouterr().err
