"""Make the pictures of this folder with the tools themselves, and measured.md: what running them shows.

Each tool is given by the Python that has it; `dot`, `rsvg-convert`, `pngquant` and a Chromium must be there:

python docs/peers/make.py --torchlens PYTHON --torchviz PYTHON --torchview PYTHON --pytensor PYTHON --keras PYTHON
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = ("torchlens", "torchviz", "torchview", "pytensor", "keras")
WIDTHS = {"torchlens-forward": 1800, "torchlens-combined": 1000, "pydotprint": 2400}
"""Pixels, of the pictures that are made from SVG."""

HEAD = """# Measured

Made by `python docs/peers/make.py`: each script of this folder is run twice, in processes with other hash seeds, and
once where nothing is on the PATH, so no `dot` either. "Same bytes" compares the files that the tool wrote, not pixels.

| tool, with versions | file | same bytes twice | without `dot` |
|---|---|---|---|
"""


@dataclass
class Ran:
    """One run of a tool's script.

    Attributes
    ----------
    failed : bool
    versions : str
        The first line that it printed.
    error : str
        The name of the error that ended it, or the last line that it wrote.
    files : dict of str to bytes
        The text files that it made, SVG and HTML, by name.
    """

    failed: bool
    versions: str
    error: str
    files: dict[str, bytes]


def ran(tool: str, python: str, folder: Path, seed: int, path: str | None = None) -> Ran:
    """Run the script of a tool in a process of its own, into `folder`."""
    folder.mkdir()
    environment = os.environ | {"PYTHONHASHSEED": str(seed)} | ({} if path is None else {"PATH": path})
    script = [python, "-W", "ignore", str(HERE / f"{tool}_network.py"), str(folder)]
    done = subprocess.run(
        script, cwd=HERE.parent.parent, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    last = next(iter(reversed(done.stderr.strip().splitlines())), "")
    named = re.search(r"\w+(Error|NotFound)\b", last)
    made = sorted(file for file in folder.iterdir() if file.suffix in (".svg", ".html"))
    return Ran(
        done.returncode != 0,
        next(iter(done.stdout.splitlines()), ""),
        named[0] if named else last,
        # where a page names its own folder, that is no difference
        {file.name: file.read_bytes().replace(str(folder).encode(), b"FOLDER") for file in made},
    )


def measured(tool: str, python: str, folder: Path) -> list[str]:
    """Run a tool three times. Its pictures lie in ``folder/TOOL-1``. Gives its rows of the table."""
    first, second = (ran(tool, python, folder / f"{tool}-{seed}", seed) for seed in (1, 2))
    if first.failed or second.failed:
        raise SystemExit(f"{tool}: {first.error or second.error}")
    bare = ran(tool, python, folder / f"{tool}-bare", 1, path=str(folder / "nothing"))
    rows = []
    for name, content in first.files.items():
        same = "yes" if second.files[name] == content else "no"
        without = f"no: {bare.error}" if bare.failed else "yes" if name in bare.files else "no file, and no error"
        rows.append(f"| {first.versions} | {name} | {same} | {without} |")
    return rows


def rasterised(folder: Path, chromium: str) -> None:
    """Make the PNG files in `folder` of what is there as SVG or HTML, and put small ones beside this file."""
    for name, width in WIDTHS.items():
        svg = folder / f"{name}.svg"
        if svg.exists():
            subprocess.run(["rsvg-convert", "-w", str(width), svg, "-o", svg.with_suffix(".png")], check=True)
    for page in folder.glob("*.html"):
        photographed(page, chromium)
    for png in sorted(folder.glob("*.png")):
        subprocess.run(["pngquant", "--force", "--output", HERE / png.name, "16", png], check=True)


def photographed(page: Path, chromium: str) -> None:
    """Take a picture of a page in a window that is large enough for all of the graph."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=5000"]
    flags += ["--force-device-scale-factor=0.7", "--window-size=2450,2620"]
    shot = f"--screenshot={page.with_suffix('.png')}"
    subprocess.run([chromium, *flags, shot, page.as_uri()], check=True, capture_output=True, timeout=120)


def main() -> None:
    """Run all tools."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for tool in TOOLS:
        options.add_argument(f"--{tool}", required=True, metavar="PYTHON")
    options.add_argument("--chromium", default="chromium")
    given = vars(options.parse_args())
    rows = []
    for program in ("dot", "rsvg-convert", "pngquant", given["chromium"]):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is needed and not on the PATH")
    with tempfile.TemporaryDirectory() as made:
        for tool, python in {"symcnn": sys.executable, **{tool: given[tool] for tool in TOOLS}}.items():
            rows += measured(tool, python, Path(made))
            rasterised(Path(made) / f"{tool}-1", given["chromium"])
            print(tool)
    (HERE / "measured.md").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
