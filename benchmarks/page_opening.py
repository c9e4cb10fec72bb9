"""How long a browser takes to open step-through pages: from the start of loading to the first step on the screen.

The pages are those of the tutorial's network, of LeNet-5 with its table of connections, and of a film of a training.
Needs Chromium and playwright; without them it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import symcnn as sc
from symcnn.tutorial import tutorial_network

LIMIT = 1.0
"""Seconds."""
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
DRAWN = "() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"


def tutorial() -> Any:
    """The tutorial's network on a digit."""
    digits = sc.data.mnist_mini()
    return sc.explain(tutorial_network().J, x=digits.x_test[0], y=digits.y_test[0])


def lenet5() -> Any:
    """LeNet-5 at 32x32: 16 filters that see three channels each."""
    x, t = sc.Input("x", (None, 1, 32, 32)), sc.Input("t", (None, 10))
    table = [[k % 6, (k + 1) % 6, (k + 2) % 6] for k in range(16)]
    s2 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(x, 6, 5, seed=0), 2)))
    s4 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(s2, 16, 5, table=table, seed=0), 2)))
    f6 = sc.tanh(sc.dense(sc.tanh(sc.conv(s4, 120, 5, seed=0)), 84, seed=0))
    J = sc.squared_error(sc.tanh(sc.dense(f6, 10, seed=0)), t)
    return sc.explain(J, x=np.random.default_rng(0).random((1, 32, 32)), t=np.eye(10)[3])


def film() -> Any:
    """The tutorial's network at several moments of a training."""
    digits, network = sc.data.mnist_mini(), tutorial_network()
    recorder = sc.Recorder(network.J, x=digits.x_test[0], y=digits.y_test[0])
    sc.fit(network.J, digits.train, epochs=1, batch=32, optimizer=sc.SGD(lr=0.1), watch=recorder)
    return recorder.page()


PAGES: dict[str, Callable[[], Any]] = {f.__name__: f for f in (tutorial, lenet5, film)}


def measured(browser: Any, page: Any, rounds: int) -> list[float]:
    """Seconds from the start of loading until the first step was drawn, in a new window each time."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = page.save(Path(folder) / "page.html")
        for _ in range(rounds):
            window = browser.new_context(offline=True, viewport={"width": 1400, "height": 900})
            tab = window.new_page()
            tab.goto(file.as_uri())
            found.append(tab.evaluate(DRAWN) / 1000)
            window.close()
    return found


def main() -> int:
    """Measure and print; 1 if a page took longer than a second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each page is opened")
    rounds: int = parser.parse_args().rounds
    chromium = next(
        (p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None
    )
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("not measured: needs playwright (pip install playwright)")
        return 0
    if chromium is None:
        print("not measured: needs Chromium (apt-get install chromium)")
        return 0
    slow = False
    print(f"{'page':10}{'KB':>8}{'made (s)':>10}{'median (s)':>12}{'longest (s)':>13}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, build in PAGES.items():
            start = time.perf_counter()
            page = build()
            size, made = len(page.html.encode()) / 1000, time.perf_counter() - start
            times = measured(browser, page, rounds)
            slow |= statistics.median(times) > LIMIT
            print(f"{name:10}{size:>8,.0f}{made:>10.2f}{statistics.median(times):>12.3f}{max(times):>13.3f}")
        browser.close()
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
