"""Keywords, functions and methods by the names of other libraries: errors say what they are called here.

A keyword that is known costs nothing: the names are only looked at when a call has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import CO_VARKEYWORDS, unwrap
from typing import Any, TypeVar

from ..text import shown
from .errors import DTypeError, call_site, message

Called = TypeVar("Called", bound=Callable[..., Any])

_OWN: dict[str, tuple[str, ...]] = {
    "size": ("kernel_size", "filter_size", "pool_size", "kernel", "window", "scale_factor"),
    "pad": ("padding", "border"),
    "widths": ("pad_width", "paddings", "padding", "pad", "cropping"),
    "stride": ("strides", "subsample"),
    "dilation": ("dilation_rate", "dilations", "dilate"),
    "groups": ("group", "feature_group_count"),
    "ceil": ("ceil_mode",),
    "count_border": ("count_include_pad",),
    "output_pad": ("output_padding",),
    "steps": ("stride", "strides"),
    "filters": ("out_channels", "num_filters", "n_filters", "channels"),
    "units": ("embedding_dim", "out_features", "num_units", "n_units", "features", "output_dim", "n_out"),
    "bias": ("use_bias",),
    "init": ("kernel_initializer", "weight_init", "initializer", "W_init", "kernel_init"),
    "axis": ("dim", "axes", "dims"),
    "axes": ("perm", "dims", "axis", "dim"),
    "keepdims": ("keepdim", "keep_dims"),
    "shape": ("newshape", "size", "target_shape"),
    "classes": ("num_classes", "depth", "n_classes"),
    "to": ("dtype",),
    "index": ("indices",),
    "xs": ("tensors", "arrays", "values"),
    "low": ("min", "a_min", "min_val"),
    "high": ("max", "a_max", "max_val"),
    "ddof": ("correction", "unbiased"),
    "ord": ("p",),
    "slope": ("negative_slope", "alpha"),
    "sections": ("indices_or_sections", "split_size_or_sections", "num_or_size_splits"),
    "shift": ("shifts",),
    "reps": ("multiples",),
    "block": ("block_size", "blocksize", "upscale_factor"),
    "entries": ("num_embeddings", "input_dim"),
    "lr": ("learning_rate", "eta", "step_size", "alpha", "rate"),
    "momentum": ("mu", "rho"),
    "weight_decay": ("l2", "decay", "wd"),
    "beta1": ("beta_1", "b1", "betas"),
    "beta2": ("beta_2", "b2"),
    "eps": ("epsilon",),
    "batch": ("batch_size", "minibatch", "bs"),
    "epochs": ("n_epochs", "num_epochs", "max_epochs", "nb_epoch"),
    "optimizer": ("optim", "opt", "solver"),
    "validation": ("validation_data", "val", "val_data", "eval_set"),
    "watch": ("callbacks", "callback"),
    "progress": ("verbose",),
    "seed": ("random_state", "rng", "grad_outputs", "grad_output"),
    "params": ("parameters", "variables", "weights"),
    "wrt": ("inputs", "x", "argnums"),
    "outputs": ("fetches", "nodes"),
    "backend": ("device", "mode"),
    "threads": ("num_threads", "n_jobs", "workers"),
    "x": ("input", "inputs", "a", "z", "node"),
    "z": ("x", "input", "logits", "scores", "y_pred", "from_logits"),
    "a": ("x", "x1", "input", "inputs", "y_pred", "probabilities"),
    "b": ("y", "x2", "other"),
    "t": ("y", "target", "targets", "y_true", "labels"),
    "y": ("t", "target", "targets", "y_true", "labels"),
    "reduction": ("reduce", "size_average"),
    "J": ("loss", "model", "node"),
    "data": ("x", "feeds", "dataset", "train"),
}
"""For a keyword of this package, what others call it."""
_INSTEAD = {
    "activation": "apply it to the result, as in sc.relu(...)",
    "nonlinearity": "apply it to the result, as in sc.relu(...)",
    **dict.fromkeys(
        ("in_channels", "in_features", "input_shape", "input_dim", "n_in"),
        "leave it out: it is read from the shape of the input",
    ),
    "loss": "the loss is the node that is given",
}
"""What takes the place of a keyword that has no counterpart."""
NUMPYS = {
    **{
        name: f"sc.{name}(node)"
        for name in (
            *("sum", "mean", "max", "min", "argmax", "var", "std", "prod", "any", "all", "square"),
            *("transpose", "squeeze"),
        )
    },
    "amax": "sc.max(node)",
    "amin": "sc.min(node)",
    "argmin": "sc.argmax(-node)",
    "clip": "sc.clip(node, low, high)",
    "clamp": "sc.clip(node, low, high)",
    "where": "sc.where(condition, a, b)",
    "reshape": "sc.reshape(node, shape)",
    "ravel": "sc.reshape(node, (-1,))",
    "expand_dims": "sc.expand_dims(node, axis)",
    "flatten": "sc.flatten(node)",
    "swapaxes": "sc.transpose(node, axes)",
    "moveaxis": "sc.transpose(node, axes)",
    "permute": "sc.transpose(node, axes)",
    "concatenate": "sc.concat([a, b], axis)",
    "hstack": "sc.concat([a, b], 1)",
    "vstack": "sc.concat([a, b], 0)",
    "stack": "sc.stack([a, b], axis)",
    "dot": "a @ b",
    "take": "sc.take(node, index, axis)",
    "pad": "sc.pad(node, widths)",
    **{name: f"sc.{name}(node, ...)" for name in ("flip", "roll", "tile", "repeat", "split", "gather")},
    "take_along_axis": "sc.gather(node, index, axis)",
    "rot90": "sc.rot90(node)",
    "broadcast_to": "sc.broadcast_to(node, shape)",
    "zeros_like": "sc.zeros(node)",
    "ones_like": "sc.ones(node)",
    "norm": "sc.norm(node)",
    "cumsum": "sc.cumsum(node, axis)",
    "cumulative_sum": "sc.cumsum(node, axis)",
    "floor_divide": "sc.floor(a / b)",
    "add.reduce": "sc.sum(node)",
    "maximum.reduce": "sc.max(node)",
    "minimum.reduce": "sc.min(node)",
    "multiply.reduce": "sc.prod(node)",
    "add.accumulate": "sc.cumsum(node, axis)",
}
"""For the names of NumPy's functions and methods, what does that here."""
METHODS = {
    **{name: told for name, told in NUMPYS.items() if name.isidentifier()},
    "T": "sc.transpose(node)",
    "view": "sc.reshape(node, shape)",
    "unsqueeze": "node[:, None]",
    "matmul": "a @ b",
    **{name: f"sc.{name}(node)" for name in ("exp", "log", "sqrt", "abs", "sigmoid", "tanh", "relu", "softmax")},
    **dict.fromkeys(("astype", "float", "double", "to"), 'sc.cast(node, "float32")'),
    **dict.fromkeys(("eval", "numpy", "item", "tolist", "detach"), "sc.compile(node)(x=...)"),
    **dict.fromkeys(("parameters", "weights", "trainable_variables"), "node.params"),
    "grad": "sc.grad(node, [w])",
    "eq": "sc.equal(a, b)",
}
"""For methods of other libraries' arrays, what does that here."""


def unknown_keyword(what: str, takes: Iterable[str], given: Mapping[str, Any]) -> DTypeError | None:
    """What to raise for the first of the `given` keywords that `what` does not take; None where there is none.

    Examples
    --------
    >>> print(str(unknown_keyword("conv", ["x", "size", "pad"], {"padding": 2})).splitlines()[0])
    conv has no argument padding=; did you mean pad=?
    """
    names = list(takes)
    wrong = next((name for name in given if name not in names), None)
    if wrong is None:
        return None
    near = [name for name in names if wrong in _OWN.get(name, ())]
    if not near and wrong not in _INSTEAD:
        import difflib  # not needed where nothing is wrong

        near = difflib.get_close_matches(wrong, names, n=1)
    hint = f"did you mean {near[0]}=?" if near else _INSTEAD.get(wrong, "")
    problem = f"{what} has no argument {shown(wrong)}=" + (f"; {hint}" if hint else "")
    return DTypeError(message(problem, f"it takes {', '.join(names) or 'none'}", site=call_site()))


def hinted(function: Called) -> Called:
    """`function`, whose error says what a keyword is called here that another library calls otherwise."""
    code = unwrap(function).__code__
    if code.co_flags & CO_VARKEYWORDS:
        return function
    names = [name for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if name != "self"]
    what = function.__qualname__.removesuffix(".__init__")

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError:
            error = unknown_keyword(what, names, kwargs)
            if error is None:
                raise
        raise error

    return call  # type: ignore[return-value]


Class = TypeVar("Class", bound=type)


def hinted_class(cls: Class) -> Class:
    """The same for what a class is made with."""
    cls.__init__ = hinted(cls.__init__)  # type: ignore[misc]
    return cls
