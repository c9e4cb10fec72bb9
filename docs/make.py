"""Make what is derived in this folder: node-types.md from the node types, backprop.svg from the tutorial's network.

python docs/make.py            write the files
python docs/make.py --check    exit with 1 where a file is not what it would be written as
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import symcnn as sc
from symcnn.tutorial import tutorial_network

HERE = Path(__file__).parent
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


def picture() -> str:
    """The diagram of the tutorial's network."""
    return sc.backprop(tutorial_network().J).draw().svg


def main() -> int:
    """Write or check the files."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--check", action="store_true")
    check = options.parse_args().check
    stale = []
    for name, content in {"node-types.md": node_types(), "backprop.svg": picture()}.items():
        path = HERE / name
        if check:
            stale += [name] * (not path.exists() or path.read_text(encoding="utf-8") != content)
        else:
            path.write_text(content, encoding="utf-8")
    for name in stale:
        print(f"docs/{name} is not up to date: python docs/make.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
