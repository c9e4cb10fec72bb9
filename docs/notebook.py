"""Run examples/backprop.ipynb, from its first cell to its last, and save it with what its cells show.

python docs/notebook.py               needs: pip install '.[notebook]'
python docs/notebook.py --out FILE    saves it there, and leaves the notebook as it is

Edit the notebook wherever you like, then run this: it leaves nothing that depends on the machine but how long the
epochs took.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "examples" / "backprop.ipynb"
STRICT = "import warnings; warnings.simplefilter('error'); warnings.filterwarnings('ignore', module='ipykernel')"
"""Runs before the first cell: a warning is an error, but for those about the kernel itself."""


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with fresh outputs; raises where a cell does, or warns."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(ROOT)}},  # this checkout, also where another one is installed
        extra_arguments=[f"--IPKernelApp.exec_lines={STRICT}"],
    )
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    return notebook


def cleaned(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Without what depends on the machine; cells are numbered."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells, start=1):
        cell.metadata = {}
        cell.id = f"cell-{number}"
    return notebook


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--out", type=Path, default=NOTEBOOK, help="where to save it")
    out = options.parse_args().out
    nbformat.write(cleaned(executed(NOTEBOOK)), out)
    print(f"{out.name}: {out.stat().st_size:,} bytes")
