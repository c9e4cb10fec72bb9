"""Whether a user's rule gives the same for the same arrays: what it reads beside them, from its code.

A trace holds what the rule did once. Nodes do not change; modules of functions do not, either. But a global number, an
array of an outer function, a random number or the clock can be another one at the next run, and only NumPy asks again.
"""

from __future__ import annotations

import builtins
import dis
import enum
import functools
import inspect
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from ....graph.node import Node

_PACKAGE = __name__.partition(".")[0]
_FUNCTIONS = {"builtins", "math", "cmath", "operator", "_operator", "functools", "itertools", "numpy", "scipy"}
"""Modules whose functions give the same for the same arguments, as do the package's, except those named `random`."""
_ASKING = {
    *("open", "input", "print", "id", "hash", "globals", "locals", "vars"),
    *("dir", "eval", "exec", "compile", "getattr", "setattr", "delattr", "__import__"),
}
"""Built-in functions that read or change something else than their arguments, or hide what they read."""
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), slice, range, np.dtype, enum.Enum, Node)
_LOADS_OUTER = {"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"}
_MEMBERS = {"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"}
_CHANGES = {"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR"}


class _Changes(Exception):
    """What can change, or is changed; in words."""


def is_own(function_or_type: Any) -> bool:
    """Whether it is the package's, whose tests look at its rules."""
    return str(getattr(function_or_type, "__module__", None) or "").partition(".")[0] == _PACKAGE


def _is_known(module: str | None) -> bool:
    parts = str(module or "").split(".")
    return parts[0] in {*_FUNCTIONS, _PACKAGE} and "random" not in parts


def impurity(node: Node) -> str | None:
    """What the rule of `node` reads that can change from one run to the next, or what it changes; None for nothing."""
    rule = _Rule(node)
    try:
        rule.look_at(type(node).forward, "forward")
        for name, value in node.attributes.items():
            rule.look_at_attribute(value, name)
    except _Changes as found:
        return str(found)
    except Exception as error:  # of an object that answers in its own way, or of a variable that has no value yet
        return f"what it reads cannot be seen: {type(error).__name__}: {error}"
    return None


class _Rule:
    """The functions that a rule consists of, each looked at once."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.classes = [cls for cls in type(node).__mro__ if not is_own(cls) and cls is not object]
        self._seen: set[int] = set()

    def look_at(self, value: Any, name: str) -> None:
        """Raise _Changes for what may be another value at the next run, in a global variable, say."""
        if id(value) in self._seen or (is_own(value) and callable(value)):
            return
        self._seen.add(id(value))
        match value:
            case types.ModuleType():
                if not _is_known(value.__name__):
                    raise _Changes(f"it uses the module {value.__name__}")
            case types.FunctionType():
                self._look_at_function(value)
            case functools.partial():
                for part in (value.func, *value.args, *value.keywords.values()):
                    self._look_at_given(part, name)
            case staticmethod() | classmethod():
                self.look_at(value.__func__, name)
            case property() if value.fget is not None:
                self.look_at(value.fget, name)
            case functools.cached_property():
                self.look_at(value.func, name)
            case _ if hasattr(value, "__wrapped__"):  # functools.cache, for one
                self.look_at(value.__wrapped__, name)
            case type():
                self._look_at_class(value)
            case np.ufunc():
                return
            case types.BuiltinFunctionType() | types.MethodDescriptorType() | types.WrapperDescriptorType():
                self._look_at_built_in(value, name)
            case _ if (
                callable(value) and _is_known(getattr(value, "__module__", None)) and _is_known(type(value).__module__)
            ):
                return  # functions that are objects of a type of NumPy's
            case _:
                raise _Changes(f"it reads {name}, which can change; an attribute of the node cannot")

    def look_at_attribute(self, value: Any, name: str) -> None:
        """Raise _Changes for an attribute of the node that can change though the node cannot."""
        self._look_at_given(value, f"its attribute {name}")

    def _look_at_given(self, value: Any, name: str) -> None:
        if isinstance(value, tuple | frozenset):
            for part in value:
                self._look_at_given(part, name)
        elif isinstance(value, np.ndarray) and not value.flags.writeable:
            return
        elif not isinstance(value, _PLAIN):
            self.look_at(value, name)

    def _look_at_class(self, cls: type) -> None:
        safe = _is_known(cls.__module__) or issubclass(cls, enum.Enum)
        if not safe and cls not in type(self.node).__mro__:
            raise _Changes(f"it uses the class {cls.__name__}")

    def _look_at_built_in(self, function: Any, name: str) -> None:
        owner = getattr(function, "__self__", None)
        module = owner.__name__ if isinstance(owner, types.ModuleType) else getattr(function, "__module__", None)
        if not _is_known(module) or (module == "builtins" and function.__name__ in _ASKING):
            raise _Changes(f"it calls {name}")

    def _look_at_function(self, function: types.FunctionType) -> None:
        if _is_known(function.__module__):
            return
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._look_at_given(value, f"a default of {function.__name__}")
        outer = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        for step in _steps(function.__code__):
            name = step.argval
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                self._look_at_name(function, name)
            elif step.opname in _LOADS_OUTER and name in outer and name != "__class__":
                self.look_at(outer[name].cell_contents, name)
            elif step.opname == "IMPORT_NAME" and not _is_known(name):
                raise _Changes(f"it uses the module {name}")
            elif step.opname in _CHANGES or (step.opname in ("STORE_DEREF", "DELETE_DEREF") and name in outer):
                raise _Changes(f"it changes {name}")
            elif step.opname in _MEMBERS:
                self._look_at_member(name)

    def _look_at_name(self, function: types.FunctionType, name: str) -> None:
        if name in function.__globals__:
            self.look_at(function.__globals__[name], name)
        elif hasattr(builtins, name):
            self.look_at(getattr(builtins, name), name)

    def _look_at_member(self, name: str) -> None:
        """What is read of the node, or of anything else under this name."""
        if name in self.node.field_names:
            return
        if name == "random":
            raise _Changes("it draws random numbers")
        for cls in self.classes:  # super() may ask for what a class below has under the same name
            if name in vars(cls):
                self.look_at(vars(cls)[name], f"{name} of the class {cls.__name__}")
        if name in vars(self.node) and not hasattr(type(self.node), name) and name not in ("serial", "site"):
            self._look_at_given(vars(self.node)[name], name)


def _steps(code: types.CodeType) -> Iterator[dis.Instruction]:
    """The instructions of a function, and of those that are made in it."""
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _steps(constant)
