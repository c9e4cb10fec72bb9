"""`Figure`: a figure of Matplotlib's that shows itself in a notebook, also where pyplot was never imported."""

from __future__ import annotations

import base64
import io
from typing import Any

import matplotlib.figure

from .notebook import bundle


class Figure(matplotlib.figure.Figure):
    """What `symcnn.plots` returns. Pyplot knows nothing of it, and so a notebook would show its ``repr`` alone."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "image/png", self._png)

    def _png(self) -> str:
        content = io.BytesIO()
        self.savefig(content, format="png")
        return base64.b64encode(content.getvalue()).decode()
