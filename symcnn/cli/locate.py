"""Finds what a command line names: ``module:object`` or ``file.py:object``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import redirect_stdout
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

from ..graph.errors import SymcnnError, message
from ..text import quoted


def located(name: str, what: str) -> Any:
    """The object that ``module:object`` or ``file.py:object`` names; ``object`` may have dots.

    Parameters
    ----------
    name : str
    what : str
        What is looked for, in the words of an error: "node type".

    Raises
    ------
    SymcnnError
        If there is no such file, module or object, or importing it fails.

    Notes
    -----
    What the module prints while it is imported goes to stderr: stdout is the command's own.

    Examples
    --------
    >>> located("symcnn.nodes.sigmoid:Tanh.text", "text")
    'tanh({z})'
    """
    module_name, _, attributes = name.rpartition(":")
    if not module_name or not attributes:
        raise SymcnnError(f"{quoted(name)} names no {what}; expected module:object or file.py:object")
    module = _loaded(module_name, name, what)
    try:
        return reduce(getattr, attributes.split("."), module)
    except AttributeError:
        there = [n for n in vars(module) if not n.startswith("_")]
        listed = ", ".join(there[:12]) + (", ..." if len(there) > 12 else "")
        problem = f"{quoted(name)} names no {what}: there is no {attributes} in {module_name}"
        raise SymcnnError(message(problem, f"it has {listed}" if listed else "it is empty")) from None


def _loaded(module_name: str, name: str, what: str) -> ModuleType:
    """The module, imported; every failure becomes an error of the house that names the line."""
    path = Path(module_name)
    if path.suffix == ".py" and not path.is_file():
        raise SymcnnError(f"{quoted(name)} names no {what}: there is no file {module_name}")
    folder = path.resolve().parent if path.suffix == ".py" else Path.cwd()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        with redirect_stdout(sys.stderr):
            return _from_file(path) if path.suffix == ".py" else importlib.import_module(module_name)
    except Exception as error:
        problem = f"{quoted(name)} names no {what}: importing {module_name} failed: {type(error).__name__}: {error}"
        raise SymcnnError(message(problem, *raised_at(error))) from error


def _from_file(path: Path) -> ModuleType:
    """A file as a module of its own, whatever other module has its name."""
    name = path.stem if path.stem not in sys.modules else f"{path.stem} of {path.resolve().parent}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def raised_at(error: Exception) -> list[str]:
    """The line that raised an error, as a detail of a message; nothing where only imports are on the way to it."""
    trace, found = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith("<") and "importlib" not in file and file != __file__:
            found = f"at {file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return [found] if found else []
