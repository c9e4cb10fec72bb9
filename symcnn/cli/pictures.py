"""``symcnn draw`` and ``symcnn explain``: the picture of a network, and the page on which one steps through it."""

from __future__ import annotations

import argparse
import inspect
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backprop import Backprop
from ..data.digits import arrays_at
from ..draw import draw as draw_sweep
from ..draw import swept
from ..draw.diagram.every_node import EveryNodeBuilder
from ..draw.files import writers
from ..draw.page import explain as explained
from ..draw.page.page import Page
from ..draw.page.recorder import Recorder
from ..equations.notation import Notation
from ..graph.arguments import natural
from ..graph.errors import SymcnnError, message
from ..graph.leaves import Input
from ..graph.node import Node
from ..text import quoted, shown
from .locate import located, raised_at

_DRAWING = ("zoom", "fold", "focus", "hops", "width")
"""The options that say how a network is drawn."""


def draw(options: argparse.Namespace) -> int:
    """Draw what a name stands for, into a file or to stdout."""
    if options.format and options.out != "-":
        raise SymcnnError(f"--format is for stdout (-o -); the ending of {options.out} names its format")
    picture = _picture(options)
    if options.out == "-":
        graph = getattr(picture, "to_graphviz", None)
        formats = writers(lambda: picture.svg, graph)
        kind = options.format or "svg"
        if kind not in formats:
            raise SymcnnError(f"{options.object} has no .{kind}; it has {', '.join(formats)}")
        sys.stdout.buffer.write(formats[kind]())
        sys.stdout.flush()
    else:
        picture.save(options.out)
    return 0


def _picture(options: argparse.Namespace) -> Any:
    """The picture of what a name stands for: a node, a sweep, a picture, or a function that makes one of them."""
    found = _made(options.object)
    given = {name: value for name in _DRAWING if (value := getattr(options, name)) is not None}
    if hasattr(found, "svg") and hasattr(found, "save"):
        _refuse(options.object, "picture", given)
        return found
    if not isinstance(found, Node | Backprop):
        raise _wrong(options.object, found)
    back = found if isinstance(found, Backprop) else swept(found)
    if "focus" in given:
        given["focus"] = _named(back, options.focus, options.zoom == "nodes")
    if "width" in given:
        given["width"] = options.width or None
    return draw_sweep(back, **given)


def _refuse(name: str, kind: str, given: dict[str, Any]) -> None:
    """Refuse options that came too late: the user's code has made a picture or page already."""
    options = ["--no-fold" if value is False else f"--{option}" for option, value in given.items()]
    if options:
        problem = f"{name} is a {kind} already, which {' and '.join(options)} cannot change"
        raise SymcnnError(message(problem, "name its network instead: a node, or the result of sc.backprop"))


def _named(back: Backprop, name: str, among_nodes: bool) -> Node:
    """What has this symbol in the picture of a sweep, or this name: a value, or any node where each has a box."""
    symbols = EveryNodeBuilder(back, fold=False).symbols if among_nodes else Notation(back).values.symbols
    found = next((node for node, symbol in symbols.items() if str(symbol) == name), None)
    found = found if found is not None else next((node for node in symbols if node.name == name), None)
    if found is None:
        listed = ", ".join(str(symbol) for symbol in list(symbols.values())[:20])
        raise SymcnnError(message(f"nothing in this network is called {quoted(name)}", f"there are {listed}"))
    return found


def _made(name: str) -> Any:
    """The object that a name stands for, or what it returns if it is a function, or its loss if it has one."""
    found = located(name, "network")
    if callable(found) and not isinstance(found, type | Node | Recorder):
        found = _called(found, name)
    return found if isinstance(found, Node | Backprop) else getattr(found, "J", found)


def _wrong(name: str, found: Any) -> SymcnnError:
    if isinstance(found, tuple | list | dict):
        held = f"holds {len(found)} objects; name one of them: module:object, a function that returns one node"
        return SymcnnError(f"{name} {held}")
    article = "an" if type(found).__name__[:1].lower() in "aeiou" else "a"
    return SymcnnError(
        message(
            f"{name} is {article} {type(found).__name__}",
            "expected a node, the result of sc.backprop, a picture, or a function without arguments that returns one",
        )
    )


def explain(options: argparse.Namespace) -> int:
    """Write the step-through page of what a name stands for: a page or recorder, or a network with data."""
    found = _made(options.object)
    if isinstance(found, Recorder):
        found = found.page()
    if isinstance(found, Page):
        given = {"data": options.data, "example": options.example}
        _refuse(options.object, "page", {option: value for option, value in given.items() if value is not None})
    else:
        if isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], Node) and isinstance(found[1], dict):
            J, feeds = found
        elif isinstance(found, Node | Backprop):
            J, feeds = found if isinstance(found, Node) else found.J, {}
        else:
            raise _wrong(options.object, found)
        feeds = {**feeds, **_example(options, J)}
        missing = [i for i in J.graph().inputs if i not in feeds and i.name not in feeds]
        if missing and options.data is None:
            problem = f"missing: {', '.join(shown(i.name) for i in missing)}"
            raise SymcnnError(message(problem, "--data names a file with them"))
        found = explained(J, feeds)
    print(f"{found}: {found.save(options.out)}")
    return 0


def _example(options: argparse.Namespace, J: Node) -> dict[str, Any]:
    """One row of each array in the data, for the inputs of J."""
    inputs = J.graph().inputs
    row = natural(options.example or 0, "--example")
    if options.data is None:
        return {}
    takes_bytes = any(i.name == "x" and i.dtype == "uint8" for i in inputs)
    arrays = arrays_at(options.data, "uint8" if takes_bytes else "float32")
    wanted = [i for i in inputs if i.name in arrays]
    if not wanted:
        has, takes = ", ".join(map(shown, arrays)) or "no arrays", ", ".join(shown(i.name) for i in inputs) or "nothing"
        raise SymcnnError(f"{options.data} has {has}; the network takes {takes}")
    return {i.name: _row(arrays[i.name], i, row, options.data) for i in wanted}


def _row(array: NDArray[Any], node: Input, row: int, file: Path) -> NDArray[Any]:
    """One example of an array; all of it, where the input has no batch axis."""
    if None not in node.shape:
        return array
    axis = node.shape.index(None)
    if array.ndim <= axis or row >= array.shape[axis]:
        problem = f"there is no example {row} in {file}"
        raise SymcnnError(message(problem, f"its array {shown(node.name)} has the shape {array.shape}"))
    return np.asarray(np.take(array, row, axis))


def _called(function: Any, name: str) -> Any:
    """What a function of the user's returns; what it prints goes to stderr."""
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        problem = f"{name} cannot be called without arguments: {error}"
        raise SymcnnError(message(problem, "write a function that needs none and returns the node")) from None
    except ValueError:
        pass  # a function in C that does not tell its arguments
    try:
        with redirect_stdout(sys.stderr):
            return function()
    except SymcnnError:
        raise
    except Exception as error:
        problem = f"{name} failed: {type(error).__name__}: {error}"
        raise SymcnnError(message(problem, *raised_at(error))) from error
