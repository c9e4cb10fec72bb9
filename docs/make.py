"""Make what is derived in this folder, from the code: three pages, the pictures, and the gallery.

python docs/make.py            write the files
python docs/make.py --check    exit with 1 where a file is not what it would be written as
"""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # this checkout, also where another one is installed
sys.path.insert(1, str(Path(__file__).parent))
sys.path.insert(2, str(Path(__file__).parent / "gallery"))

import native_page
import pictures as gallery

import symcnn as sc
from symcnn.tutorial import tutorial_network

HERE = Path(__file__).parent
TYPE_MODULES = {t.__module__ for t in sc.node_types()} - {"symcnn.graph.leaves"}
HEAD = """# The node types

Made by `python docs/make.py` from what each type declares. For one sample of each type: its formula, and what its
backward rule sends to each input, given its own error. J stands for the node itself. The sweep calls these rules; there
is no other list of derivatives. An input without a line (labels, indices, conditions) gets no error. In products of
matrices an example is a column, as in the tutorial, while arrays hold an example a row.
"""


def node_types() -> str:
    """The reference page, a section for each file of node types."""
    text = [HEAD]
    module = ""
    for cls in sorted(sc.node_types(), key=lambda cls: cls.__module__):
        if not cls.__module__.startswith("symcnn.") or not cls.samples():
            continue
        if cls.__module__ != module:
            module = cls.__module__
            source = f"../{module.replace('.', '/')}.py"
            text.append(f"\n## [{module}]({source})\n")
        text.append(section(cls))
    return "\n".join(text)


def section(cls: type[sc.Node]) -> str:
    """Name, first sentence, formula and errors of one type."""
    summary = " ".join((cls.__doc__ or "").split("\n\n")[0].split())
    return f"### {cls.__name__}\n\n{summary}\n\n```\n{equations(cls.samples()[0])}\n```\n"


def equations(sample: sc.Node) -> str:
    """The formula of `sample` over inputs that are called like its fields, and the errors of those inputs."""
    names = [f"{name}{n or ''}" for name, n in numbered(sample)]
    inputs = [sc.Input(n, i.shape, i.dtype) for n, i in zip(names, sample.inputs, strict=True)]
    node = sample.with_inputs(inputs)
    real = node if node.dtype.kind == "f" else sc.cast(node, "float32")
    found = sc.backprop(real, seed=sc.Input("e", real.shape, real.dtype)).equations()
    sent = [str(line) for line in found.errors[1:]]
    return "\n".join([f"{found.forward[-1]}    {node.spec}", *sent])


def numbered(node: sc.Node) -> list[tuple[str, int]]:
    """The field that holds each input, and its place there."""
    fields = [(name, getattr(node, name)) for name in node.node_fields]
    slots = [(name, value if isinstance(value, tuple) else (value,)) for name, value in fields if value is not None]
    return [(name, n) for name, values in slots for n, _ in enumerate(values)]


def functions() -> str:
    """The public functions and classes that are not node types, with their signatures and first sentences."""
    text = [
        "# What you call\n",
        "Made by `python docs/make.py` from the code. `help(sc.conv)` says more, with examples.\n",
    ]
    text += ["| | |", "|---|---|"]
    for name in sorted(sc.__all__, key=str.lower):
        thing = getattr(sc, name)
        if isinstance(thing, type) and issubclass(thing, sc.Node) and thing.__module__ in TYPE_MODULES:
            continue
        if inspect.ismodule(thing):
            public = [n for n, value in vars(thing).items() if getattr(value, "__module__", "") == thing.__name__]
            listed = getattr(thing, "__all__", [n for n in public if not n.startswith("_")])
            text.append(f"| `sc.{name}` | {first_sentence(thing)} Has {', '.join(f'`{n}`' for n in listed)}. |")
        else:
            text.append(f"| `sc.{name}{signature(thing)}` | {first_sentence(thing)} |")
    return "\n".join(text) + "\n"


def signature(thing: object) -> str:
    """The parameters of a function or class, without annotations."""
    if not callable(thing) or isinstance(thing, type):
        return ""
    parameters = inspect.signature(thing).parameters.values()
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    shown = [
        p if not callable(p.default) or p.default is p.empty else p.replace(default=Named(p.default)) for p in bare
    ]
    return str(inspect.Signature(shown)).replace("|", "\\|")


class Named:
    """A default that is a function, shown by its name."""

    def __init__(self, function: object) -> None:
        self._name = getattr(function, "__name__", str(function))

    def __repr__(self) -> str:
        return self._name


def first_sentence(thing: object) -> str:
    """The first sentence of a docstring, on one line."""
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    return text.replace("|", "\\|")


def picture() -> str:
    """The diagram of the tutorial's network."""
    return sc.backprop(tutorial_network().J).draw().svg


def units() -> str:
    """The tutorial's first figure: two filters over ten units in a row, and the mean of each two of theirs."""
    x = sc.Input("input", (None, 1, 1, 10))
    return sc.draw_units(sc.mean_pool(sc.sigmoid(sc.conv(x, filters=2, size=(1, 3), seed=0)), (1, 2))).svg


def main() -> int:
    """Write or check the files."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--check", action="store_true")
    check = options.parse_args().check
    stale = []
    page = HERE / "native.md"
    there = page.read_text(encoding="utf-8") if page.exists() else ""
    made = {
        **native_page.files(there if check else None),
        "node-types.md": node_types(),
        "functions.md": functions(),
        "backprop.svg": picture(),
        "units.svg": units(),
        **{f"gallery/{name}": content for name, content in gallery.pictures().items()},
    }
    for name, content in made.items():
        path = HERE / name
        if check:
            stale += [name] * (not path.exists() or path.read_text(encoding="utf-8") != content)
        else:
            path.write_text(content, encoding="utf-8")
    if not check:
        for name, content in gallery.with_values().items():
            (HERE / "gallery" / name).write_text(content, encoding="utf-8")
    for name in stale:
        print(f"docs/{name} is not up to date: python docs/make.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
