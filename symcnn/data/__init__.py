"""Handwritten digits: a small set that comes with the package, and the way to the full MNIST.

MNIST is by Y. LeCun and C. Cortes, under CC BY-SA 3.0; see the file LICENSE-MNIST beside this one.
"""

from __future__ import annotations

from .digits import DataError, Digits, mnist, mnist_mini

__all__ = ["DataError", "Digits", "mnist", "mnist_mini"]
