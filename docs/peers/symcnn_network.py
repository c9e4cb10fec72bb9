"""Draw the tutorial's network with symcnn, as docs/make.py does. Run as: python symcnn_network.py FOLDER."""

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))  # this checkout, also where another one is installed

import symcnn as sc
from symcnn.tutorial import tutorial_network

print(f"symcnn {sc.__version__}, NumPy {version('numpy')}")
sc.backprop(tutorial_network().J).draw().save(Path(sys.argv[1]) / "symcnn.svg")
