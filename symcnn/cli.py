"""The command line: ``symcnn demo | train | draw | check | doctor``."""

from __future__ import annotations

import argparse
import inspect
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from .backprop import Backprop
from .draw import draw
from .graph.errors import SymcnnError, explain
from .graph.node import Node, node_types
from .locate import located


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, 1 for a failure, 2 for wrong arguments."""
    parsed = _parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        return status
    except (SymcnnError, OSError) as error:
        print(f"symcnn {parsed.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nsymcnn {parsed.command}: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="symcnn", description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--version", action="version", version=f"symcnn {version('symcnn')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    demo = commands.add_parser("demo", help="train on bundled digits; print the equations; draw the errors' way back")
    demo.add_argument("-o", "--out", type=Path, default=Path("symcnn-demo"), help="folder for the files (%(default)s)")
    demo.add_argument("--epochs", type=_positive, default=10)
    demo.add_argument("--seed", type=int, default=0)
    demo.set_defaults(run=_demo)

    train = commands.add_parser("train", help="train the tutorial's network on the full MNIST")
    train.add_argument("--data", help="MNIST: an .npz file or a folder; else SYMCNN_DATA, else it is downloaded")
    train.add_argument("--mini", action="store_true", help="use the 2,000 bundled digits instead")
    train.add_argument("--pool", choices=["mean", "max"], default="mean")
    train.add_argument("--filters", type=_positive, help="20; 8 with --mini")
    train.add_argument("--epochs", type=_positive, help="3; 10 with --mini")
    train.add_argument("--batch", type=_positive, help="256; 32 with --mini")
    train.add_argument("--lr", type=float, default=0.1, help="the rate (%(default)s), halved after each epoch of MNIST")
    train.add_argument("--seed", type=int, default=0)
    train.set_defaults(run=_train)

    picture = commands.add_parser("draw", help="draw a network and the way of its errors: SVG, DOT, PNG or PDF")
    picture.add_argument("object", help="module:object or file.py:object; a node, or a function that returns one")
    picture.add_argument("-o", "--out", required=True, help="the file, whose ending names the format; - for stdout")
    picture.add_argument("--format", choices=["svg", "dot", "png", "pdf"], help="on stdout: svg unless told")
    picture.set_defaults(run=_draw)

    check = commands.add_parser("check", help="check all that node types owe: derivatives, shapes, formulas, ...")
    check.add_argument(
        "types", nargs="*", metavar="TYPE", help="module:Name or file.py:Name; all built-in ones unless told"
    )
    check.set_defaults(run=_check)

    doctor = commands.add_parser("doctor", help="say what is installed, and what that makes possible")
    doctor.set_defaults(run=_doctor)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def _demo(options: argparse.Namespace) -> int:
    from .demo import demo

    demo(options.out, epochs=options.epochs, seed=options.seed)
    return 0


def _train(options: argparse.Namespace) -> int:
    from .data import mnist, mnist_mini
    from .train import fit, schedules
    from .tutorial import tutorial_network, tutorial_optimizer

    mini = options.mini
    digits = mnist_mini() if mini else mnist(options.data)
    filters, epochs = options.filters or (8 if mini else 20), options.epochs or (10 if mini else 3)
    network = tutorial_network(filters=filters, mode=options.pool, seed=options.seed)
    print(f"{digits}; {filters} filters of 9x9, {options.pool} pooling, {epochs} epochs")
    history = fit(
        network.J,
        digits.train,
        optimizer=tutorial_optimizer(schedules.by_epoch(options.lr, 1.0 if mini else 0.5)),
        epochs=epochs,
        batch=options.batch or (32 if mini else 256),
        seed=options.seed,
        validation=digits.test,
        metrics={"accuracy": network.accuracy},
    )
    print(history)
    print(f"accuracy on the {len(digits.y_test):,} test digits: {history.validation['accuracy']:.2%}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from .testing import check_node

    types = [_node_type(name) for name in options.types] or [t for t in node_types() if _built_in(t)]
    failed = 0
    for cls in types:
        try:
            report = check_node(cls)
            print(report if options.types else f"{cls.__name__:20} fulfils all it owes")
        except SymcnnError as error:
            failed += 1
            print(f"{cls.__name__}: {error}", file=sys.stderr)
    print(f"{len(types) - failed} of {len(types)} node types fulfil all they owe")
    return 1 if failed else 0


def _built_in(cls: type[Node]) -> bool:
    return cls.__module__.startswith("symcnn.") and bool(cls.samples())


def _node_type(name: str) -> type[Node]:
    """The node type that ``module:Name`` or ``file.py:Name`` names."""
    found = located(name, "node type")
    if not (isinstance(found, type) and issubclass(found, Node)):
        raise SymcnnError(f"{name} is a {type(found).__name__}, not a subclass of symcnn.Node")
    return found


def _draw(options: argparse.Namespace) -> int:
    from .draw.files import writers

    if options.format and options.out != "-":
        raise SymcnnError(f"--format is for stdout (-o -); the ending of {options.out} names its format")
    picture = _picture(options.object)
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


def _picture(name: str) -> Any:
    """The picture of what `name` stands for: a node, a sweep, a picture, or a function that makes one of them."""
    found = located(name, "network")
    if callable(found) and not isinstance(found, type | Node):
        found = _called(found, name)
    found = found if isinstance(found, Node | Backprop) else getattr(found, "J", found)
    if hasattr(found, "svg") and hasattr(found, "save"):
        return found
    if isinstance(found, Node | Backprop):
        return draw(found)
    if isinstance(found, tuple | list | dict):
        held = f"holds {len(found)} objects; name one of them: module:object, a function that returns one node"
        raise SymcnnError(f"{name} {held}")
    raise SymcnnError(
        explain(
            f"{name} is {_article(type(found).__name__)}",
            "expected a node, the result of sc.backprop, a picture, or a function without arguments that returns one",
        )
    )


def _called(function: Any, name: str) -> Any:
    """What a function of the user's returns; what it prints goes to stderr."""
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        problem = f"{name} cannot be called without arguments: {error}"
        raise SymcnnError(explain(problem, "write a function that needs none and returns the node")) from None
    except ValueError:
        pass  # a function in C that does not tell its arguments
    with redirect_stdout(sys.stderr):
        return function()


def _article(kind: str) -> str:
    return f"an {kind}" if kind[:1].lower() in "aeiou" else f"a {kind}"


def _doctor(options: argparse.Namespace) -> int:
    print(f"symcnn {version('symcnn')} on Python {platform.python_version()}, {platform.platform()}")
    print(f"processors: {os.cpu_count()}")
    for name, (purpose, extra) in _packages().items():
        try:
            print(f"  {name:18} {version(name):12} {purpose}")
        except PackageNotFoundError:
            print(f"  {name:18} {'missing':12} {purpose}: pip install {extra}")
    dot = shutil.which("dot")
    print(
        f"  {'dot (Graphviz)':18} {'found' if dot else 'missing':12} diagrams as PNG and PDF; SVG and DOT need nothing"
    )
    data = os.environ.get("SYMCNN_DATA")
    print(
        f"  {'SYMCNN_DATA':18} {'set' if data else 'not set':12} {data or 'where the full MNIST is, for symcnn train'}"
    )
    return 0


def _packages() -> dict[str, tuple[str, str]]:
    """The packages that symcnn needs or can use: what each is for, and what to install where it is missing."""
    optional = {
        "pygraphviz": ("diagrams as PNG and PDF without dot", "'symcnn[graphviz]'"),
        "matplotlib": ("plots of trainings, filters, confusions", "'symcnn[plot]'"),
        "latex2mathml": ("equations as MathML", "latex2mathml"),
        "pooch": ("downloads the full MNIST", "'symcnn[data]'"),
        **dict.fromkeys(["pytest", "hypothesis", "scipy", "array-api-strict"], ("runs the tests", "'symcnn[test]'")),
    }
    needed = [line.split(";")[0].strip() for line in requires("symcnn") or [] if "extra ==" not in line]
    names = [line.rstrip("0123456789.<>=!~, ") for line in needed]
    return {**{name: ("needed", name) for name in names}, **optional}
