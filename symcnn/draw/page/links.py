"""How a unit of a named value depends on the units that it reads: what the inspector of the page is told.

Composed from what the node types behind the value's formula declare: which units are read (`Node.windows`), and how
each counts (`Node.influence`).
"""

from __future__ import annotations
