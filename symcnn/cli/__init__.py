"""The command line: ``symcnn demo | train | draw | explain | check | doctor``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ..graph.errors import SymcnnError
from ..graph.node import Node, node_types
from ..locate import located
from .doctor import run_doctor
from .pictures import draw, explain


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
    picture.add_argument("--zoom", choices=["layers", "nodes"], help="a box a value (unless told), or a box a node")
    picture.add_argument("--focus", metavar="NAME", help="only what is near this: its symbol (z1), or its name")
    picture.add_argument("--hops", type=int, help="how near, in edges (1)")
    picture.add_argument("--width", type=float, help="pixels; 0 for one piece (1400)")
    picture.add_argument("--fold", action=argparse.BooleanOptionalAction, help="whether values share boxes")
    picture.set_defaults(run=draw)

    page = commands.add_parser("explain", help="a page on which one steps through a network, forward and back")
    page.add_argument("object", help="module:object or file.py:object; a node, or a function that returns one")
    page.add_argument("-o", "--out", type=Path, required=True, help="the .html file")
    page.add_argument("--data", type=Path, help="an .npz file with an array for each input")
    page.add_argument("--example", type=int, help="which row of these arrays (0)")
    page.set_defaults(run=explain)

    check = commands.add_parser("check", help="check all that node types owe: derivatives, shapes, formulas, ...")
    check.add_argument(
        "types", nargs="*", metavar="TYPE", help="module:Name or file.py:Name; all built-in ones unless told"
    )
    check.set_defaults(run=_check)

    doctor = commands.add_parser("doctor", help="say what is installed, and what that makes possible")
    doctor.set_defaults(run=run_doctor)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def _demo(options: argparse.Namespace) -> int:
    from ..demo import demo

    demo(options.out, epochs=options.epochs, seed=options.seed)
    return 0


def _train(options: argparse.Namespace) -> int:
    from ..data import mnist, mnist_mini
    from ..train import fit, schedules
    from ..tutorial import tutorial_network, tutorial_optimizer

    mini = options.mini
    digits = mnist_mini("uint8") if mini else mnist(options.data, "uint8")
    filters, epochs = options.filters or (8 if mini else 20), options.epochs or (10 if mini else 3)
    network = tutorial_network(filters=filters, mode=options.pool, seed=options.seed, dtype="uint8")
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
    from ..testing import check_node

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
