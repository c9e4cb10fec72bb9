"""``symcnn doctor``: what is installed, and what that makes possible."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, requires, version


def run_doctor(options: argparse.Namespace) -> int:
    """Print what is installed."""
    print(f"symcnn {own_version()} on Python {platform.python_version()}, {platform.platform()}")
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


def own_version() -> str:
    """The version that is installed, if one is: the package also runs from its folder."""
    try:
        return version("symcnn")
    except PackageNotFoundError:
        return "(not installed)"


def _packages() -> dict[str, tuple[str, str]]:
    """The packages that symcnn needs or can use: what each is for, and what to install where it is missing."""
    optional = {
        "pygraphviz": ("diagrams as PNG and PDF without dot", "'symcnn[graphviz]'"),
        "matplotlib": ("plots of trainings, filters, confusions", "'symcnn[plot]'"),
        **dict.fromkeys(["ipykernel", "ipywidgets", "nbclient"], ("runs the example notebook", "'symcnn[notebook]'")),
        "latex2mathml": ("equations as MathML", "latex2mathml"),
        "llvmlite": ("the native engine", "llvmlite"),
        "pooch": ("downloads the full MNIST", "'symcnn[data]'"),
        **dict.fromkeys(["pytest", "hypothesis", "scipy", "array-api-strict"], ("runs the tests", "'symcnn[test]'")),
    }
    try:
        lines = requires("symcnn") or []
    except PackageNotFoundError:
        lines = []
    needed = [line.split(";")[0].strip() for line in lines if "extra ==" not in line]
    names = [line.rstrip("0123456789.<>=!~, ") for line in needed]
    return {**{name: ("needed", name) for name in names}, **optional}
