"""The node types of the package, and a sample of each way to use them."""

import sys

import pytest

import symcnn as sc
from symcnn.graph.leaves import Leaf
from symcnn.nodes.logic import Logic
from symcnn.nodes.loss import _OfRows
from symcnn.nodes.pool import _Windowed
from symcnn.nodes.reduce import Reduction
from symcnn.nodes.select import Comparison
from symcnn.nodes.windows import _Sliding

BASES = {Leaf, Comparison, Logic, Reduction, _OfRows, _Sliding, _Windowed}
LEAVES = {sc.Input, sc.Param, sc.Const, sc.BatchSize}
BUILT_IN = [
    cls
    for cls in sc.node_types()
    if cls.__module__.startswith(("symcnn.graph.", "symcnn.nodes."))
    and getattr(sys.modules[cls.__module__], cls.__name__, None) is cls
]
TYPES = [cls for cls in BUILT_IN if cls not in BASES | LEAVES]
SAMPLES = [pytest.param(sample, id=repr(sample).split("): ")[0] + ")") for cls in TYPES for sample in cls.samples()]
