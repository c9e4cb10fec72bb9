"""The command line: ``symcnn demo | train | draw | explain | check | doctor``."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..graph.errors import SymcnnError
from ..graph.node import Node, node_types
from ..text import plain_lines, quoted
from .doctor import own_version, run_doctor
from .locate import located
from .pictures import draw, explain

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, 1 for a failure, 2 for wrong arguments."""
    parsed = _parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        return status
    except BrokenPipeError:  # what is read from a pipe, as by head, has been enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (SymcnnError, OSError) as error:
        print(plain_lines(f"symcnn {parsed.command}: {error}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nsymcnn {parsed.command}: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    about = "Symbolic autodiff for convolutional networks: train, draw and explain them, and check node types."
    parser = argparse.ArgumentParser(prog="symcnn", description=about)
    parser.add_argument("--version", action="version", version=f"symcnn {own_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for add in (_add_demo, _add_train, _add_draw, _add_explain, _add_check, _add_doctor):
        add(commands)
    return parser


def _command(commands: Commands, name: str, about: str, *examples: str) -> argparse.ArgumentParser:
    """A command with one sentence, in the list of all commands and in its own help, and with examples below that."""
    below = "\n".join(["examples:", *(f"  {example}" for example in examples)]) if examples else None
    shape = argparse.RawDescriptionHelpFormatter
    return commands.add_parser(
        name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=below, formatter_class=shape
    )


def _add_demo(commands: Commands) -> None:
    about = "train on bundled digits; print the equations; draw the errors' way back"
    demo = _command(commands, "demo", about, "symcnn demo", "symcnn demo --epochs 1 -o digits")
    demo.add_argument("-o", "--out", type=Path, default=Path("symcnn-demo"), help="folder for the files (%(default)s)")
    demo.add_argument("--epochs", type=_positive, default=10, help="passes over the digits (%(default)s)")
    demo.add_argument("--seed", type=_natural, default=0, help="of the first weights and the order (%(default)s)")
    demo.set_defaults(run=_demo)


def _add_train(commands: Commands) -> None:
    about = "train the tutorial's network on the full MNIST"
    examples = "symcnn train --data mnist.npz", "symcnn train --mini --pool max --epochs 2"
    train = _command(commands, "train", about, *examples)
    train.add_argument("--data", help="MNIST: an .npz file or a folder; else SYMCNN_DATA, else it is downloaded")
    train.add_argument("--mini", action="store_true", help="use the 2,000 bundled digits instead")
    train.add_argument("--pool", choices=["mean", "max"], default="mean", help="how units are pooled (%(default)s)")
    train.add_argument("--filters", type=_positive, help="20; 8 with --mini")
    train.add_argument("--epochs", type=_positive, help="3; 10 with --mini")
    train.add_argument("--batch", type=_positive, help="256; 32 with --mini")
    train.add_argument("--lr", type=_rate, default=0.1, help="the rate (%(default)s), halved after each epoch of MNIST")
    train.add_argument("--seed", type=_natural, default=0, help="of the first weights and the order (%(default)s)")
    train.set_defaults(run=_train)


_OBJECT = "module:object or file.py:object; a node, or a function that returns one"


def _add_draw(commands: Commands) -> None:
    about = "draw a network and the way of its errors: SVG, DOT, PNG or PDF"
    network = "symcnn.tutorial:tutorial_network"
    examples = f"symcnn draw {network} -o net.svg", f"symcnn draw {network} -o - --focus a1 --hops 2"
    picture = _command(commands, "draw", about, *examples)
    picture.add_argument("object", help=_OBJECT)
    picture.add_argument("-o", "--out", required=True, help="the file, whose ending names the format; - for stdout")
    picture.add_argument("--format", choices=["svg", "dot", "png", "pdf"], help="on stdout: svg unless told")
    picture.add_argument("--zoom", choices=["layers", "nodes"], help="a box a value (unless told), or a box a node")
    picture.add_argument("--focus", metavar="NAME", help="only what is near this: its symbol (z1), or its name")
    picture.add_argument("--hops", type=_natural, help="how near, in edges (1)")
    picture.add_argument("--width", type=float, help="pixels; 0 for one piece (1400)")
    picture.add_argument("--fold", action=argparse.BooleanOptionalAction, help="whether values share boxes")
    picture.set_defaults(run=draw)


def _add_explain(commands: Commands) -> None:
    about = "write a page on which one steps through a network, forward and back"
    example = "symcnn explain symcnn.tutorial:tutorial_network --data mnist.npz -o page.html"
    page = _command(commands, "explain", about, example)
    page.add_argument("object", help=_OBJECT)
    page.add_argument("-o", "--out", type=Path, required=True, help="the .html file")
    page.add_argument(
        "--data", type=Path, help="an .npz file with an array for each input, or MNIST: an .npz file or a folder"
    )
    page.add_argument("--example", type=int, help="which row of these arrays, or which test digit of MNIST (0)")
    page.set_defaults(run=explain)


def _add_check(commands: Commands) -> None:
    about = "check all that node types owe: derivatives, shapes, formulas, ..."
    check = _command(commands, "check", about, "symcnn check symcnn:Sigmoid", "symcnn check")
    types = "module:Name or file.py:Name; all built-in ones unless told"
    check.add_argument("types", nargs="*", metavar="TYPE", help=types)
    check.set_defaults(run=_check)


def _add_doctor(commands: Commands) -> None:
    about = "say what is installed, and what that makes possible"
    _command(commands, "doctor", about).set_defaults(run=run_doctor)


def _natural(text: str) -> int:
    return _at_least(0, text)


def _positive(text: str) -> int:
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a whole number") from None
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is not at least {least}")
    return number


def _rate(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a number") from None
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def _demo(options: argparse.Namespace) -> int:
    from .demo import demo

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
