"""Graphs with and without a free batch axis: the samples of all node types, made again over other leaves."""

import sys

import numpy as np

import symcnn as sc
from symcnn.graph.graph import Graph

BUILT_IN = [
    cls
    for cls in sc.node_types()
    if cls.__module__.startswith(("symcnn.graph.", "symcnn.nodes."))
    and getattr(sys.modules[cls.__module__], cls.__name__, None) is cls
]
SAMPLES = {
    f"{cls.__name__}{n or ''}": sample
    for cls in BUILT_IN
    for n, sample in enumerate(cls.samples())
    if any(isinstance(i, sc.Input) and None in i.shape for i in Graph(sample).order)
}
SAMPLES["OneHot1"] = sc.one_hot(sc.Input("y", (None,), "int64"), None)


def size(shape, batch):
    """The shape, with `batch` in place of None where it is not None itself."""
    return tuple(batch if d is None else d for d in shape)


def over(inputs, old, batch):
    """`old` over other inputs; with `batch`, of its size."""
    if not inputs:
        return sc.Const(np.float32(batch)) if isinstance(old, sc.BatchSize) and batch is not None else old
    if batch is None or not isinstance(old, sc.OneHot | sc.Reshape | sc.BroadcastTo | sc.SumTo | sc.Dilate):
        return old.with_inputs(inputs)
    if isinstance(old, sc.OneHot):
        return sc.OneHot(inputs[0], batch if old.classes is None else old.classes)
    fixed = {name: size(value, batch) for name, value in old.attributes.items() if name == "target"}
    return type(old)(inputs[0], **(old.attributes | fixed))


def asked(node):
    """The node, and its gradients where it has some."""
    inputs = [i for i in Graph(node).order if isinstance(i, sc.Input) and i.dtype.kind == "f"]
    if node.dtype.kind != "f" or not inputs:
        return [node]
    try:
        return [node, *sc.grad(sc.sum(node * node), inputs)]
    except sc.errors.GradientError:
        return [node]


def arrays(node, batch, seed=0):
    rng = np.random.default_rng(seed)
    found = {}
    for leaf in Graph(node).order:
        if isinstance(leaf, sc.Input):
            shape = leaf.spec.bind(batch)
            numbers = (
                rng.standard_normal(shape) if leaf.dtype.kind == "f" else rng.integers(0, max(1, min(batch, 2)), shape)
            )
            found[leaf.name] = numbers.astype(leaf.dtype)
    return found


def values(nodes, feeds, backend):
    """What comes out; the kind of the error, where an empty batch has no value."""
    program = sc.compile(nodes, backend=backend)
    try:
        return program({i.name: feeds[i.name] for i in program.inputs})
    except sc.errors.FeedError:
        assert any(0 in a.shape for a in feeds.values())
        return sc.errors.FeedError
