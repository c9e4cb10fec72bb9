"""Loads the package before pytest imports its files one by one for their doctests.

Otherwise the module ``symcnn.backprop`` would take the place of the function ``symcnn.backprop``.
"""

import symcnn  # noqa: F401
