"""Loads the package before pytest imports its files one by one for their doctests.

Otherwise the module ``symcnn.backprop`` would take the place of the function ``symcnn.backprop``.
"""

from importlib.util import find_spec

import symcnn  # noqa: F401

collect_ignore = [] if find_spec("matplotlib") else ["symcnn/figure.py"]
"""The module needs Matplotlib when it is imported; it holds no doctest."""
