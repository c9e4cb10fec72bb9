"""The rooms of the native engine: each imports only from those below it."""

import ast
from pathlib import Path

import pytest

import symcnn.engine.native

PACKAGE = Path(symcnn.engine.native.__file__).parent
BELOW = {
    "interrupts.py": set(),
    "cpu.py": {"interrupts.py", "ir"},
    "ir": set(),
    "analysis": {"cpu.py", "ir"},
    "kernels": {"cpu.py", "ir", "analysis"},
    "runtime": {"interrupts.py", "cpu.py", "ir", "analysis", "kernels"},
    "__init__.py": {"runtime"},
}


def rooms_in(path):
    """The rooms from which a module imports, as they are named in BELOW."""
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            names = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
            yield from (name if (PACKAGE / name).is_dir() else f"{name}.py" for name in names)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_what_is_below(path):
    room = path.relative_to(PACKAGE).parts[0]
    assert set(rooms_in(path)) <= BELOW[room] | {room}


def test_the_rule_sees_imports():
    assert set(rooms_in(PACKAGE / "runtime" / "compiled.py")) >= {"ir", "analysis", "kernels"}
