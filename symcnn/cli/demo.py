"""``symcnn demo``: the main job on real input. Build, train, judge, print the equations, draw the errors' way back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backprop import Backprop, backprop
from ..data import DataError, Digits, mnist_mini
from ..draw.page.recorder import Recorder
from ..engine.program import compile
from ..train.fit import fit
from ..train.history import History
from ..tutorial import Network, tutorial_network, tutorial_optimizer

Say = Callable[[str], None]


def demo(folder: Path, *, epochs: int = 10, seed: int = 0, say: Say = print) -> float:
    """Train the tutorial's network on the bundled digits, and write what there is to see into `folder`.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    epochs, seed : int
    say : callable
        Gets the text, line by line.

    Returns
    -------
    float
        The accuracy on the 500 test digits, from 0 to 1.
    """
    start = time.perf_counter()
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; name a folder: symcnn demo --out FOLDER")
    folder.mkdir(parents=True, exist_ok=True)
    digits = mnist_mini()
    network = tutorial_network(filters=8, seed=seed)
    say(_introduction(network, digits))
    film = Recorder(network.J, x=digits.x_test[0], y=digits.y_test[0])
    history = _train(network, digits, epochs, seed, film)
    say(f"\n{history}\n")
    scores = compile(network.scores)(x=digits.x_test)
    right = float(np.mean(scores.argmax(axis=1) == digits.y_test))
    say(_judgement(scores, digits.y_test))
    back = backprop(network.J)
    say(f"\nIts equations, forward and back:\n\n{back.equations()}\n")
    say(_written(folder, back, history, digits, film))
    say(f"\nDone in {time.perf_counter() - start:.1f} s.")
    return right


def _introduction(network: Network, digits: Digits) -> str:
    sizes = ", ".join(f"{p.name} {p.size:,}" for p in network.J.params)
    total = sum(p.size for p in network.J.params)
    return (
        "The convolutional network of the UFLDL tutorial:\n"
        f"  28x28 digit -> 8 filters of 9x9 -> sigmoid -> mean pooling 2x2 -> dense 10 -> softmax\n"
        f"  {total:,} parameters ({sizes})\n"
        f"  {len(digits.y_train):,} real handwritten digits to learn from, {len(digits.y_test)} kept apart for the test"
    )


def _train(network: Network, digits: Digits, epochs: int, seed: int, film: Recorder) -> History:
    return fit(
        network.J,
        digits.train,
        optimizer=tutorial_optimizer(),
        epochs=epochs,
        batch=32,
        seed=seed,
        validation=digits.test,
        metrics={"accuracy": network.accuracy},
        watch=film,
    )


def _judgement(scores: NDArray[Any], labels: NDArray[np.int64]) -> str:
    """How many digits were read right, and which were taken for which."""
    read = scores.argmax(axis=1)
    wrong = Counter(zip(labels[read != labels].tolist(), read[read != labels].tolist(), strict=True))
    right = len(labels) - wrong.total()
    text = f"It reads {right} of {len(labels)} digits right that it has never seen: {right / len(labels):.1%}."
    if wrong:
        listed = ", ".join(f"{label} for {taken} ({n}x)" for (label, taken), n in wrong.most_common(4))
        text += f"\nMost often mistaken (true for read): {listed}."
    return text


def _written(folder: Path, back: Backprop, history: History, digits: Digits, film: Recorder) -> str:
    """Write the files, and say what they are."""
    equations, diagram = back.equations(), back.run(x=digits.x_test[:1], y=digits.y_test[:1]).draw()
    diagram.save(folder / "backprop.svg")
    diagram.save(folder / "backprop.dot")
    film.page().save(folder / "explain.html")
    (folder / "equations.txt").write_text(f"{equations}\n", encoding="utf-8")
    (folder / "equations.tex").write_text(f"{equations.latex}\n", encoding="utf-8")
    (folder / "history.csv").write_text(history.csv(), encoding="utf-8")
    return (
        f"Written into {folder.resolve()}:\n"
        f"  backprop.svg   the first test digit, a {digits.y_test[0]}, on its way through the network,\n"
        "                 and how the errors flow back: open it in a browser\n"
        "  explain.html   the same digit step by step, at several moments of the training: open it in a browser\n"
        "  backprop.dot   the same for Graphviz\n"
        "  equations.txt  the equations above; equations.tex for LaTeX\n"
        "  history.csv    loss and accuracy by epoch"
    )
