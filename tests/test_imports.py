"""Who imports whom: the layers inside the package, and what `import symcnn` brings with it."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import pytest

import symcnn

PACKAGE = Path(symcnn.__file__).parent
CORE = {"text", "graph", "nodes", "layers", "rules", "backprop", "simplify", "engine", "calculus"}
LAYERS = {
    "text": set(),
    "show": {"text", "show"},
    "graph": {"text", "show", "graph"},
    "nodes": {"text", "graph", "nodes"},
    "layers": {"text", "graph", "nodes", "layers"},
    "rules": {"graph", "simplify"},
    "backprop": {"text", "show", "graph", "simplify", "rules"},
    "simplify": {"text", "graph", "nodes", "simplify"},
    "calculus": {"text", "graph", "nodes", "simplify", "rules", "backprop", "calculus"},
    "equations": {*CORE, "show", "equations"},
    "engine": {"text", "graph", "nodes", "simplify", "show", "engine"},
    "plots": {"text", "graph", "show", "plots"},
    "train": {*CORE, "show", "plots", "train"},
    "data": {"text", "graph", "data"},
    "draw": {*CORE, "show", "equations", "draw"},
    "summary": {*CORE, "show", "equations", "summary"},
    "testing": {*CORE, "show", "testing"},
    "tutorial": {*CORE, "show", "train", "tutorial"},
    "cli": {*CORE, "show", "train", "data", "draw", "equations", "testing", "tutorial", "cli"},
    "__main__": {"cli"},
    "__init__": {*CORE, "show", "draw", "summary"},
}
"""For each part of the package, which parts its modules may import when they are loaded.

`symcnn.draw` is a function and a package: the name must be set when both are there, so the package is loaded; but not
what is in it.
"""

NUMBERS = {"numpy", "networkx"}
NEVER_AN_ARRAY = {"rules", "backprop", "simplify"}
NOT_LOADED = [
    *(
        "scipy",
        "matplotlib",
        "graphviz",
        "tqdm",
        "hypothesis",
        "pooch",
        "torch",
        "jax",
        "llvmlite",
        "latex2mathml",
        "opt_einsum",
    ),
    *("opt_einsum", "threadpoolctl", "importlib.metadata", "email", "socket"),
    *(f"symcnn.{part}" for part in ("train", "data", "plots", "testing", "cli", "tutorial", "demo")),
]


@dataclass(frozen=True)
class Import:
    """One imported module, as an absolute dotted name; `later` inside a function."""

    module: str
    later: bool

    @property
    def part(self) -> str | None:
        """The part of the package, or None for other packages."""
        top, _, rest = self.module.partition(".")
        return rest.partition(".")[0] if top == "symcnn" else None


def imports_in(source: str, package: str, names: bool = False) -> Iterator[Import]:
    """All imports of a module that belongs to `package`, but those for type checkers, which nothing executes.

    A ``from`` import gives its module; with `names`, the module and the name, which may be a module, too.
    """

    def visit(node: ast.AST, later: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, later) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, package)
            whole = names or base == "symcnn"
            yield from (Import(f"{base}.{alias.name}" if whole else base, later) for alias in node.names)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        later = later or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, later)

    return visit(ast.parse(source), False)


def absolute(node: ast.ImportFrom, package: str) -> str:
    """The dotted name after ``from``."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    base = parents[: len(parents) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def complaints(path: Path, source: str) -> list[str]:
    """What is wrong with the imports of the module at `path`, which is relative to the package."""
    part = path.parts[0].removesuffix(".py")
    if part not in LAYERS:
        return [f"{path} belongs to no layer: say in LAYERS what {part} may import"]
    package = ".".join(["symcnn", *path.parts[:-1]])
    found = []
    for one in imports_in(source, package):
        if one.part is None:
            found += foreign_complaints(path, part, one)
        elif one.part not in LAYERS[part]:
            found.append(f"{path} imports {one.module}")
    return found


def foreign_complaints(path: Path, part: str, one: Import) -> list[str]:
    """Other packages: numpy and networkx anywhere but in the symbolic parts, optional ones only in functions."""
    top = one.module.partition(".")[0]
    if part in NEVER_AN_ARRAY and top == "numpy":
        return [f"{path} imports numpy, but works on symbols alone"]
    if top in sys.stdlib_module_names or top in NUMBERS or one.later or part not in {*CORE, "__init__"}:
        return []
    return [f"{path} imports {top} when it is loaded"]


def modules() -> list[Path]:
    return sorted(p.relative_to(PACKAGE) for p in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    assert complaints(path, (PACKAGE / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("graph/node.py", "from ..nodes.conv import Conv"),
        ("graph/node.py", "def f():\n    from ..nodes.conv import Conv"),
        ("graph/node.py", "from .. import backprop"),
        ("nodes/conv.py", "import symcnn.engine.program"),
        ("engine/numpy/convolve.py", "from ...backprop import grad"),
        ("engine/program.py", "class A:\n    from ..train import fit"),
        ("backprop.py", "import numpy as np"),
        ("simplify/neutral.py", "from numpy.typing import NDArray"),
        ("backprop.py", "from .draw.diagram import Diagram"),
        ("backprop.py", "def draw():\n    from .draw.diagram import Diagram"),
        ("__init__.py", "from . import train"),
        ("nodes/conv.py", "import scipy.signal"),
        ("novelty.py", "import math"),
        ("engine/numpy/convolve.py", "try:\n    import numba\nexcept ImportError:\n    numba = None"),
    ],
)
def test_the_rule_refuses(path: str, source: str) -> None:
    assert len(complaints(Path(path), source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("graph/node.py", "from .spec import Spec\nimport numpy as np\nimport re"),
        ("engine/numpy/convolve.py", "from ...nodes.conv import Conv"),
        ("backprop.py", "if TYPE_CHECKING:\n    from .draw.diagram import Diagram"),
        ("__init__.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .train import fit"),
        ("train/fit.py", "def bar():\n    from tqdm.auto import tqdm"),
    ],
)
def test_the_rule_allows(path: str, source: str) -> None:
    assert complaints(Path(path), source) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    files = {".".join(["symcnn", *path.with_suffix("").parts]).removesuffix(".__init__"): path for path in modules()}
    graph: nx.DiGraph[str] = nx.DiGraph()
    for module, path in files.items():
        package = ".".join(["symcnn", *path.parts[:-1]])
        for one in imports_in((PACKAGE / path).read_text(encoding="utf-8"), package, names=True):
            owner = one.module if one.module in files else one.module.rpartition(".")[0]
            if owner in files and owner != module:
                graph.add_edge(module, owner)
    assert graph.number_of_edges() > 500
    assert [sorted(circle) for circle in nx.strongly_connected_components(graph) if len(circle) > 1] == []


def test_importing_symcnn_loads_no_optional_package_and_no_upper_layer() -> None:
    script = "import json, sys, symcnn; print(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(json.loads(answer.stdout))
    assert loaded >= {"symcnn.graph.node", "symcnn.engine.program", "numpy"}
    assert loaded.isdisjoint({*NOT_LOADED, "networkx"})
    assert not [name for name in loaded if name.startswith("symcnn.draw.")]


def test_an_upper_layer_is_loaded_when_it_is_first_used() -> None:
    script = "import sys, symcnn as sc; sc.SGD; print('symcnn.train' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "True"
