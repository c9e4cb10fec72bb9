"""Loads the package before pytest imports its files one by one for their doctests.

Otherwise the module ``symcnn.backprop`` would take the place of the function ``symcnn.backprop``.
"""

import os
from importlib.util import find_spec

import symcnn  # noqa: F401

pytest_plugins = ["networks_drawn"]

os.environ.setdefault("SYMCNN_BACKEND", "numpy")
"""What `backend="auto"` means in the tests: the thousands of small programs that they run once need not be compiled.
The native engine's tests ask for it by name, and SYMCNN_BACKEND=native runs the others with it, too."""

collect_ignore = ["symcnn/__init__.py", *([] if find_spec("matplotlib") else ["symcnn/show/figure.py"])]
"""The functions of the face are tested where they are written. The other needs Matplotlib when it is imported; it holds
no doctest."""
