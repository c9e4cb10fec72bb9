"""Checks for those who write node types and networks: `check_node` and `check_gradients`."""

from __future__ import annotations

from .gradients import GradientCheck, check_gradients
from .node import check_node
from .report import Report

__all__ = ["GradientCheck", "Report", "check_gradients", "check_node"]
