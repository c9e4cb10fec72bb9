"""symcnn: symbolic autodiff for convolutional networks that one can read, draw and step through.

Build a graph of nodes, let one sweep in reverse topological order make the backward pass as another graph,
and compile, print or draw either of them. See ``README.md`` and `symcnn.backprop`.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from .backprop import Backprop, backprop, grad
from .calculus.derivatives import hessian, jacobian, jvp, vjp
from .draw import draw, draw_units
from .engine.program import Program, compile
from .graph import errors
from .graph.algebra import (
    Add,
    BroadcastTo,
    Cast,
    Div,
    Mul,
    Neg,
    Sub,
    SumTo,
    batch_size,
    broadcast_to,
    cast,
    ones,
    sum_to,
    zeros,
)
from .graph.apart import load
from .graph.graph import Graph
from .graph.keywords import hinted
from .graph.layer import layer
from .graph.leaves import BatchSize, Const, Input, Param
from .graph.node import Node, as_node, node_types
from .graph.replacing import replace
from .graph.scaled import DivNoNan, Scaled
from .graph.spec import Spec
from .graph.views import provide
from .graph.window import Window
from .layers.activations import (
    celu,
    elu,
    gelu,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    leaky_relu,
    mish,
    prelu,
    relu6,
    selu,
    silu,
    softmin,
    softsign,
    sparsemax,
)
from .layers.arrays import expand_dims, repeat, roll, split, squeeze, stack, tile
from .layers.attention import attention, multi_head_attention
from .layers.cells import gru_cell, lstm_cell, rnn_cell
from .layers.conv import conv, conv_transposed, convolve, convolve_transposed
from .layers.dense import dense, embedding, scale
from .layers.dropout import dropout, gaussian_noise, spatial_dropout
from .layers.einsum import einsum
from .layers.functions import acosh, atanh, clip, tan
from .layers.losses import (
    binary_cross_entropy,
    hinge,
    kl_divergence,
    nll,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from .layers.normalisation import batch_norm, group_norm, instance_norm, layer_norm, local_response_norm
from .layers.padding import pad
from .layers.pooling import (
    adaptive_mean_pool,
    global_max_pool,
    global_mean_pool,
    lp_pool,
    max_pool,
    mean_pool,
    pool,
)
from .layers.recurrent import gru, lstm, rnn
from .layers.reductions import all, any, norm, prod, std, var
from .layers.regression import absolute_error, huber, squared_error
from .layers.regularisation import weight_decay
from .layers.resizing import depth_to_space, resize
from .layers.scan import scan, sequence_mask
from .layers.similarity import cosine_loss, cosine_similarity, info_nce
from .nodes import initial
from .nodes.border import Crop, Dilate, Pad, Subsample, crop, subsample
from .nodes.conv import Conv, Rot90, Swap, rot90, swap
from .nodes.cumulative import CumSum, cumsum
from .nodes.custom import CustomRule, StopGradient, custom_rule, stop_gradient
from .nodes.dense import Dense, MatMul, matmul
from .nodes.elementwise import (
    Abs,
    Exp,
    Expm1,
    Log,
    Log1p,
    Pow,
    Sign,
    Sqrt,
    abs,
    exp,
    expm1,
    log,
    log1p,
    reciprocal,
    sign,
    sqrt,
    square,
)
from .nodes.erf import Erf, erf
from .nodes.gather import Gather, Scatter, gather, scatter
from .nodes.in_training import InTraining, in_training, inference
from .nodes.indexing import take
from .nodes.logic import And, Not, Or, Xor, logical_and, logical_not, logical_or, logical_xor, not_equal
from .nodes.loss import (
    LogSoftmax,
    OneHot,
    Softmax,
    SoftmaxCrossEntropy,
    accuracy,
    log_softmax,
    one_hot,
    softmax,
)
from .nodes.pool import Pick, Place, Pool, Switches, Upsample, upsample
from .nodes.random import Uniform
from .nodes.reduce import ArgMax, FirstMax, LogSumExp, Max, Mean, Min, Sum, argmax, logsumexp, max, mean, min, sum
from .nodes.rounding import Floor, Mod, Round, ceil, floor, mod, round
from .nodes.select import (
    Equal,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Maximum,
    Minimum,
    Where,
    equal,
    maximum,
    minimum,
    where,
)
from .nodes.shape import Concat, Flip, Reshape, Transpose, concat, flatten, flip, reshape, transpose
from .nodes.sigmoid import Relu, Sigmoid, Softplus, Tanh, relu, sigmoid, softplus, tanh
from .nodes.take import Put, Take
from .nodes.trigonometry import (
    Acos,
    Asin,
    Asinh,
    Atan,
    Cos,
    Cosh,
    Sin,
    Sinh,
    acos,
    asin,
    asinh,
    atan,
    cos,
    cosh,
    sin,
    sinh,
)
from .nodes.variance import Variance
from .nodes.windows import Fold, Windows
from .simplify import simplify
from .summary import summary

if TYPE_CHECKING:
    from . import data, plots, testing
    from .draw.page import explain
    from .draw.page.page import Page
    from .draw.page.recorder import Recorder
    from .train import SGD, Adam, History, evaluate, fit, schedules, train_step

__version__ = "0.1.0"

_LATER = {
    "SGD": ".train", "Adam": ".train", "History": ".train", "evaluate": ".train", "fit": ".train",
    "schedules": ".train", "train_step": ".train", "data": "", "plots": "", "testing": "",
    "Page": ".draw.page.page", "Recorder": ".draw.page.recorder", "explain": ".draw.page",
}  # fmt: skip
"""Names that are imported when they are first used, so that ``import symcnn`` stays quick."""


__all__ = [
    "Abs",
    "Acos",
    "Adam",
    "Add",
    "And",
    "ArgMax",
    "Asin",
    "Asinh",
    "Atan",
    "Backprop",
    "BatchSize",
    "BroadcastTo",
    "Cast",
    "Concat",
    "Const",
    "Conv",
    "Cos",
    "Cosh",
    "Crop",
    "CumSum",
    "CustomRule",
    "Dense",
    "Dilate",
    "Div",
    "DivNoNan",
    "Equal",
    "Erf",
    "Exp",
    "Expm1",
    "FirstMax",
    "Flip",
    "Floor",
    "Fold",
    "Gather",
    "Graph",
    "Greater",
    "GreaterEqual",
    "History",
    "InTraining",
    "Input",
    "Less",
    "LessEqual",
    "Log",
    "Log1p",
    "LogSoftmax",
    "LogSumExp",
    "MatMul",
    "Max",
    "Maximum",
    "Mean",
    "Min",
    "Minimum",
    "Mod",
    "Mul",
    "Neg",
    "Node",
    "Not",
    "OneHot",
    "Or",
    "Pad",
    "Page",
    "Param",
    "Pick",
    "Place",
    "Pool",
    "Pow",
    "Program",
    "Put",
    "Recorder",
    "Relu",
    "Reshape",
    "Rot90",
    "Round",
    "SGD",
    "Scaled",
    "Scatter",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "Spec",
    "Sqrt",
    "StopGradient",
    "Sub",
    "Subsample",
    "Sum",
    "SumTo",
    "Swap",
    "Switches",
    "Take",
    "Tanh",
    "Transpose",
    "Uniform",
    "Upsample",
    "Variance",
    "Where",
    "Window",
    "Windows",
    "Xor",
    "abs",
    "absolute_error",
    "accuracy",
    "acos",
    "acosh",
    "adaptive_mean_pool",
    "all",
    "any",
    "argmax",
    "as_node",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "attention",
    "backprop",
    "batch_norm",
    "batch_size",
    "binary_cross_entropy",
    "broadcast_to",
    "cast",
    "ceil",
    "celu",
    "clip",
    "compile",
    "concat",
    "conv",
    "conv_transposed",
    "convolve",
    "convolve_transposed",
    "cos",
    "cosh",
    "cosine_loss",
    "cosine_similarity",
    "crop",
    "cumsum",
    "custom_rule",
    "data",
    "dense",
    "depth_to_space",
    "draw",
    "draw_units",
    "dropout",
    "einsum",
    "elu",
    "embedding",
    "equal",
    "erf",
    "errors",
    "evaluate",
    "exp",
    "expand_dims",
    "explain",
    "expm1",
    "fit",
    "flatten",
    "flip",
    "floor",
    "gather",
    "gaussian_noise",
    "gelu",
    "global_max_pool",
    "global_mean_pool",
    "grad",
    "group_norm",
    "gru",
    "gru_cell",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "hessian",
    "hinge",
    "huber",
    "in_training",
    "inference",
    "info_nce",
    "initial",
    "instance_norm",
    "jacobian",
    "jvp",
    "kl_divergence",
    "layer",
    "layer_norm",
    "leaky_relu",
    "local_response_norm",
    "log",
    "log1p",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "lp_pool",
    "lstm",
    "lstm_cell",
    "matmul",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "mean_pool",
    "min",
    "minimum",
    "mish",
    "mod",
    "multi_head_attention",
    "nll",
    "node_types",
    "norm",
    "not_equal",
    "one_hot",
    "ones",
    "pad",
    "plots",
    "pool",
    "prelu",
    "prod",
    "reciprocal",
    "relu",
    "relu6",
    "repeat",
    "replace",
    "reshape",
    "resize",
    "rnn",
    "rnn_cell",
    "roll",
    "rot90",
    "round",
    "scale",
    "scan",
    "scatter",
    "schedules",
    "selu",
    "sequence_mask",
    "sigmoid",
    "sigmoid_cross_entropy",
    "sign",
    "silu",
    "simplify",
    "sin",
    "sinh",
    "softmax",
    "softmax_cross_entropy",
    "softmin",
    "softplus",
    "softsign",
    "sparsemax",
    "spatial_dropout",
    "split",
    "sqrt",
    "square",
    "squared_error",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "subsample",
    "sum",
    "sum_to",
    "summary",
    "swap",
    "take",
    "tan",
    "tanh",
    "testing",
    "tile",
    "train_step",
    "transpose",
    "upsample",
    "var",
    "vjp",
    "weight_decay",
    "where",
    "zeros",
]


_VIEWS = {
    "input": "symcnn.graph.leaves:Input",
    "graph": "symcnn.graph.graph:Graph",
    "constant": "symcnn.graph.leaves:constant",
    "cast": "symcnn.graph.algebra:Cast",
    "is large": "symcnn.graph.graph:is_large",
    "pack": "symcnn.graph.graph:pack",
    "unpack": "symcnn.graph.graph:unpack",
    "gradients of each example": "symcnn.calculus.each:of_each_example",
    "equation": "symcnn.equations.lines:equation_of",
    "equations at a node": "symcnn.equations.lines:equations_at",
    "equations of a sweep": "symcnn.equations.lines:equations_of_sweep",
    "diagram": "symcnn.draw:draw",
    "run": "symcnn.draw.run:Run.of",
}
"""What is asked for on objects and stands above them: see `symcnn.graph.views`."""

provide(_VIEWS)


def _public(function: FunctionType) -> Any:
    """A function as it is called from outside: what it says of other libraries' keywords costs the package nothing."""
    known = hinted(function)
    known.__module__ = __name__ if known is not function else function.__module__  # a pickle finds it here
    return known


for _name in __all__:
    if isinstance(_function := globals().get(_name), FunctionType):
        globals()[_name] = _public(_function)
del _name, _function


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'symcnn' has no attribute {name!r}")
    module = load(__name__ + (_LATER[name] or f".{name}"))
    value = getattr(module, name) if _LATER[name] else module
    value = _public(value) if isinstance(value, FunctionType) else value
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
