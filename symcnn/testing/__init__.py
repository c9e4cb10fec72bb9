"""Checks for those who write node types and networks: `check_node` and `check_gradients`."""

from __future__ import annotations

from .findings import Report
from .gradients import GradientCheck, check_gradients
from .node_check import check_node

__all__ = ["GradientCheck", "Report", "check_gradients", "check_node"]
