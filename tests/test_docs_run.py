"""Every command and every piece of Python in the README, the docs, the examples and the help is run, as it stands.

What is not run is listed here with its reason: a new command that is in neither list fails.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symcnn import cli

ROOT = Path(__file__).parent.parent
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/*.md")
    for path in sorted(ROOT.glob(pattern))
]
PROGRAMS = ("symcnn", "python", "pip", "pytest", "jupyter", "ruff", "mypy", ".ci/run", ".", "source", "conda", "uv")

NOT_RUN = {
    "pip install": "needs a network",
    "python -m venv": "needs a network for what follows",
    ". .venv/bin/activate": "belongs to the environment that is made before it",
    "jax-env/bin/pip install": "needs a network",
    "torch-env/bin/pip install": "needs a network",
    "jupyter lab": "opens a browser; tests/test_examples.py runs the notebook",
    "pytest": "these are the tests",
    "ruff ": "no part of the tests",
    "mypy": "no part of the tests",
    ".ci/run": "runs the tests, in new environments",
    "python docs/make.py": "writes into docs/; tests/test_docs.py checks what it would write",
    "python docs/peers/make.py": "needs five other frameworks",
    "python tests/support/": "takes long; the slow tests run less of the same",
    "python tests/fuzz": "takes long; tests/fuzz/test_fuzz.py runs less of the same",
    "python benchmarks/": "takes long; tests/test_benchmarks.py runs small ones",
}
"""How commands begin that are not run here, and why."""

SLOW = ("symcnn demo", "symcnn train", "python examples/")
"""How commands begin that train."""


def fenced(text, language):
    """The blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def lines_of_commands(block):
    """The commands of a block of sh: without remarks, and one by one where several are in a line."""
    for line in block.splitlines():
        yield from (part.strip() for part in re.sub(r"(^|\s)#.*", "", line).split("&&") if part.strip())


def is_command(text):
    return text.partition(" ")[0] in PROGRAMS and (" " in text or text == ".ci/run")


def documented():
    """Every command that is told anywhere: {command: where it is told first}."""
    found = {}
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        told = [c for block in fenced(text, "sh") for c in lines_of_commands(block)]
        told += [c for span in re.findall(r"`([^`\n]+)`", text) if is_command(span) for c in lines_of_commands(span)]
        for command in told:
            found.setdefault(command, path.relative_to(ROOT).as_posix())
    for path in sorted((ROOT / "examples").glob("*.py")):
        for line in re.findall(
            r"^ *(python examples/.*?)(?:\s{2,}.*)?$", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            found.setdefault(line, path.name)
    for name, parser in commands_of_the_house().items():
        for line in (parser.epilog or "").splitlines()[1:]:
            found.setdefault(line.strip(), f"symcnn {name} --help")
    return found


def commands_of_the_house():
    (action,) = (a for a in cli._parser()._actions if isinstance(a, argparse._SubParsersAction))
    return action.choices


DOCUMENTED = documented()
RUN = [c for c in DOCUMENTED if c.startswith(("symcnn ", "python examples/"))]
QUICK = [c for c in RUN if not c.startswith(SLOW) and c != "symcnn check"]


def test_every_command_is_run_or_has_a_reason_not_to_be():
    for command, where in DOCUMENTED.items():
        reasons = [reason for start, reason in NOT_RUN.items() if command.startswith(start)]
        assert (command in RUN) != bool(reasons), f"{command!r} of {where}: run it, or say why not"
    for start in NOT_RUN:
        assert any(command.startswith(start) for command in DOCUMENTED), f"{start!r} is told nowhere any more"


def test_the_list_of_commands_is_not_empty_by_mistake():
    for command in (
        "symcnn demo",
        "symcnn explain file.py:J --data mnist.npz -o page.html",
        "symcnn check file.py:Softplus",
        "python examples/new_node.py",
        "symcnn draw symcnn.tutorial:tutorial_network -o net.svg",
        "pip install '.[test]'",
    ):
        assert command in DOCUMENTED
    shown = "\n".join(block for path in PAGES for block in fenced(path.read_text(encoding="utf-8"), ""))
    assert not re.search(r"^(\$ |pip |symcnn )", shown, re.MULTILINE), "commands belong into blocks of sh"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the commands find where they are run: a network and a node type, MNIST (a small one), and speech."""
    here = tmp_path_factory.mktemp("here")
    blocks = fenced((ROOT / "README.md").read_text(encoding="utf-8"), "python")
    network = blocks[0].partition("back = ")[0]
    node_type = blocks[1].partition("print(")[0]
    assert "J  = " in network and "class Softplus" in node_type
    (here / "file.py").write_text(network + node_type, encoding="utf-8")
    shutil.copy(Path(cli.__file__).parent.parent / "data" / "mnist_mini_2000_500.npz", here / "mnist.npz")
    shutil.copytree(ROOT / "examples", here / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    rng = np.random.default_rng(0)
    parts = {f"x_{p}": rng.random((40, 12, 29), dtype=np.float32) for p in ("train", "test")}
    labels = {f"y_{p}": rng.integers(0, 9, 40).astype("uint8") for p in ("train", "test")}
    np.savez(here / "japanese_vowels_640.npz", **parts, **labels)
    return here


@pytest.mark.parametrize("command", QUICK)
def test_the_commands_run(command, folder, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    _, *arguments = shlex.split(command)
    before = set(folder.iterdir())
    try:
        status = cli.main(arguments)
    finally:
        sys.modules.pop("file", None)
    told = capfd.readouterr()
    assert (status, told.err) == (0, "")
    if "-o" in arguments and (out := arguments[arguments.index("-o") + 1]) != "-":
        assert (folder / out).stat().st_size > 1000
    else:
        assert set(folder.iterdir()) == before and told.out


def as_users_have_it(tmp_path):
    """The environment without what the tests set: the default engine, with a cache of its own; warnings are errors."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SYMCNN_")}
    return {**environment, "SYMCNN_CACHE": str(tmp_path), "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "error"}


def succeeded(command, cwd, tmp_path):
    """What a command has printed that users run in a folder, and that must not fail."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=as_users_have_it(tmp_path),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in RUN if c != "symcnn train"])
def test_the_commands_run_with_the_engine_that_users_have(command, folder, tmp_path):
    arguments = shlex.split(command)
    start = [sys.executable, "-m", "symcnn"] if arguments[0] == "symcnn" else [sys.executable]
    done = succeeded([*start, *arguments[1:]], folder, tmp_path)
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr


BEFORE = {
    "docs/native.md": "import numpy as np\nimages, labels = np.zeros((20, 1, 28, 28)), np.zeros(20, int)\n",
}
"""What a page says is there."""

WITH_PYTHON = [
    path.relative_to(ROOT).as_posix() for path in PAGES if fenced(path.read_text(encoding="utf-8"), "python")
]


def test_pages_with_python_are_those_whose_python_is_run():
    """Their blocks run one after the other in tests/test_docs.py, and below with the engine that users have."""
    assert WITH_PYTHON == ["README.md", "docs/extending.md", "docs/idea.md", "docs/native.md"]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_PYTHON)
def test_the_python_of_the_pages_runs_with_the_engine_that_users_have(page, tmp_path):
    blocks = fenced((ROOT / page).read_text(encoding="utf-8"), "python")
    (tmp_path / "page.py").write_text("\n".join([BEFORE.get(page, ""), *blocks]), encoding="utf-8")
    succeeded([sys.executable, "page.py"], tmp_path, tmp_path)
