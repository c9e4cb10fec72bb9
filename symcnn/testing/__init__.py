"""Checks for those who write node types, networks and backends: `check_node`, `check_gradients`, `agree`."""

from __future__ import annotations

from .agreement import Agreement, agree
from .findings import Report
from .gradients import GradientCheck, check_gradients
from .node_check import check_node

__all__ = ["Agreement", "GradientCheck", "Report", "agree", "check_gradients", "check_node"]
