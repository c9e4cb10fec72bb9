"""What is read, found by trying: numbers are changed, and one looks which units of the result change with them."""

import numpy as np

import symcnn as sc
from symcnn.graph.leaves import Const
from symcnn.testing.cases import evaluate, recast_all


def seen(node, source, axis, positions=None, batch=2, draws=2):
    """Which units of `node` change with the numbers at each position along an axis of `source`.

    Returns booleans of shape (positions, *units). `source` may stand anywhere upstream.
    """
    wide = recast_all(node, ["float64"])
    node, source = wide[node], wide[source]
    length = source.spec.bind(batch)[axis]
    positions = range(length) if positions is None else positions
    found = np.zeros((len(positions), *node.spec.bind(batch)), dtype=bool)
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        values = drawn(node, rng, batch)
        values[source] = evaluate([source], values, batch)[0]
        (before,) = evaluate([node], values, batch)
        for n, position in enumerate(positions):
            changed = values | {source: changed_at(values[source], axis, position, rng)}
            (after,) = evaluate([node], changed, batch)
            found[n] |= ~np.isclose(before, after, rtol=1e-9, atol=1e-12)
    return found


def drawn(node, rng, batch):
    """Numbers for the inputs and parameters upstream."""
    leaves = [n for n in node.graph().order if isinstance(n, sc.Input | sc.Param)]
    real = {n: rng.normal(size=n.spec.bind(batch)) for n in leaves if n.dtype.kind == "f"}
    return real | {n: rng.integers(0, 2, n.spec.bind(batch)) for n in leaves if n.dtype.kind != "f"}


def changed_at(value, axis, position, rng):
    """The array with other numbers at a position along an axis."""
    value, at = np.array(value), (slice(None),) * axis + (position,)
    if value.dtype.kind == "f":
        value[at] += rng.choice([-1, 1]) * rng.uniform(2, 6, value[at].shape)
    else:
        value[at] = 1 - value[at]
    return value


def cut(values, node):
    """`node` computed from new inputs in place of its named sources, and which stands for which."""
    new = {
        s: s if isinstance(s, Const) else sc.Input(f"s{n}", s.shape, s.dtype)
        for n, s in enumerate(values.sources(node))
    }
    made = dict(new)
    for inner in values.inner(node):
        made[inner] = inner.with_inputs([made.get(i, i) for i in inner.inputs])
    return made[node], new
