"""What units read through several nodes, against what changes when numbers are changed."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import cut, seen

import symcnn as sc
from symcnn.draw.receptive_field import named_reach, reach, readers, reads, table
from symcnn.equations.names import Values
from symcnn.graph.errors import NodeTypeError
from symcnn.graph.leaves import Const


def told(node, source, axis, positions, box, batch=2):
    """What the box says, as booleans like those of `seen`: (positions, *units)."""
    shape = node.spec.bind(batch)
    said = np.ones((len(positions), *shape), dtype=bool)
    for k, (window, length) in enumerate(zip(box, source.spec.bind(batch), strict=True)):
        count = 1 if window.axis is None else shape[window.axis]
        spans = [window.span(i, length) for i in range(count)]
        asked = [[p in span for span in spans] if k == axis else [len(span) > 0 for span in spans] for p in positions]
        said &= np.reshape(asked, [len(positions), *(count if n == window.axis else 1 for n in range(len(shape)))])
    return said


def some(length, most=5):
    """A few positions, the first and the last among them."""
    return sorted({0, length - 1, *np.random.default_rng(length).integers(0, length, most).tolist()}) if length else []


def assert_covered(node, box, source, exact=(), most=5):
    """Nothing outside the box is read; along the axes `exact`, all that is inside is."""
    for axis, length in enumerate(source.spec.bind(2)):
        positions = some(length, most)
        found = seen(node, source, axis, positions)
        said = told(node, source, axis, positions, box)
        assert not (found & ~said).any(), (node, source, axis, box[axis])
        if axis in exact:
            assert np.array_equal(found, said), (node, source, axis, box[axis])


# Named values -----------------------------------------------------------------------------------


def test_named_values_read_nothing_outside_their_windows(network):
    values = Values(network.graph().order)
    for node in values.computed:
        found = named_reach(values, node)
        assert list(found) == values.sources(node)
        alone, stand_in = cut(values, node)
        for source, box in found.items():
            if isinstance(source, Const) or not source.ndim:
                continue
            renamed = stand_in[source]
            assert_covered(alone, box, renamed)


def test_the_tutorials_network(make):
    values = Values(make["tutorial"]().graph().order)
    by_name = {str(symbol): node for node, symbol in values.symbols.items()}
    x, w1, b1 = (by_name[n] for n in ("x", "W1", "b1"))
    whole, rows = sc.Window(None), sc.Window(0)
    assert named_reach(values, by_name["z1"]) == {
        x: (rows, whole, sc.Window(2, size=9), sc.Window(3, size=9)),
        w1: (sc.Window(1), whole, whole, whole),
        b1: (sc.Window(1),),
    }
    p1 = named_reach(values, by_name["p1"])
    assert p1 == {by_name["a1"]: (rows, sc.Window(1), sc.Window(2, 2, size=2), sc.Window(3, 2, size=2))}
    z2 = named_reach(values, by_name["z2"])
    assert z2[by_name["p1"]] == (rows, whole, whole, whole)
    assert z2[by_name["W2"]] == (sc.Window(1), whole)
    assert named_reach(values, values.J)[by_name["y"]] == (whole,)


def test_strides_and_borders_belong_to_the_value():
    x = sc.Input("x", (None, 2, 9, 8))
    z = sc.conv(x, 3, (5, 3), stride=2, pad=1, name="c", seed=0)
    values = Values(z.graph().order)
    box = named_reach(values, z)[x]
    assert box[2:] == (sc.Window(2, step=2, start=-1, size=5), sc.Window(3, step=2, start=-1, size=3))
    assert_covered(z, box, x, exact=range(4), most=9)


# Receptive fields -------------------------------------------------------------------------------


def field(layers):
    """Size and step of a receptive field, by the textbook's recurrence over (size, stride) of layers."""
    size, step = 1, 1
    for n, stride in layers:
        size, step = size + (n - 1) * step, step * stride
    return size, step


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("tutorial", [(9, 1), (2, 2)]),
        ("two_layers", [(5, 1), (2, 2), (5, 1), (2, 2)]),
        ("lenet5", [(5, 1), (2, 2)] * 2),
    ],
)
def test_receptive_fields_of_pooled_maps(make, name, layers):
    order = make[name]().graph().order
    x = next(n for n in order if isinstance(n, sc.Input) and n.ndim == 4)
    last = [n for n in order if isinstance(n, sc.Pool)][-1]
    box = reach(last)[x]
    for window in box[2:]:
        assert (window.size, window.step) == field(layers)
    if name == "lenet5":
        assert_covered(last, box, x, exact=(0, 2, 3))


def test_a_residual_block_is_covered_by_its_widest_path(make):
    order = make["residual"]().graph().order
    x = next(n for n in order if isinstance(n, sc.Input) and n.ndim == 4)
    out = [n for n in order if isinstance(n, sc.Relu)][-1]
    box = reach(out, [x])[x]
    assert box[2] == sc.Window(2, start=-3, size=7)
    assert_covered(out, box, x)


def test_joined_maps_are_covered(make):
    order = make["two_inputs"]().graph().order
    joined = next(n for n in order if isinstance(n, sc.Concat))
    right = next(n for n in order if n.name == "right")
    box = reach(joined)[right]
    assert box[1:] == (sc.Window(None), sc.Window(2, 2, size=4), sc.Window(3, 2, size=4))
    assert_covered(joined, box, right)
    pooled = joined.inputs[1]
    assert_covered(joined, reach(joined)[pooled], pooled, exact=range(4))


def test_upsampled_maps_are_covered():
    x = sc.Input("x", (None, 1, 6, 6))
    up = sc.upsample(sc.mean_pool(x, (2, 3)), (2, 3))
    box = reach(up)[x]
    assert (box[2].size, box[3].size) == (3, 5)
    assert_covered(up, box, x, most=6)
    again = sc.subsample(up, (1, 1, 2, 3))
    assert reach(again)[x][2:] == (sc.Window(2, 2, size=2), sc.Window(3, 3, size=3))
    assert_covered(again, reach(again)[x], x, exact=range(4), most=6)


def test_sequences():
    x = sc.Input("x", (None, 4, 1, 20))
    h = sc.max_pool(sc.tanh(sc.conv(x, 3, (1, 5), seed=0)), (1, 2))
    out = sc.conv(h, 2, (1, 3), stride=1, seed=1)
    box = reach(out)[x]
    assert box[3] == sc.Window(3, 2, size=10)
    assert_covered(out, box, x, exact=(0, 1, 2), most=20)


def test_backward_passes_have_reaches_too():
    x = sc.Input("x", (None, 1, 8, 8))
    p = sc.mean_pool(sc.conv(x, 2, 3, seed=0), 2)
    error = sc.Input("e", p.shape)
    back = sc.backprop(p, error)
    box = reach(back.delta(x))[error]
    assert box[2] == sc.Window(2, start=-2, size=3, per=2)  # the 3x3 filters' full convolution, over pairs
    assert_covered(back.delta(x), box, error, exact=(0, 1, 2, 3))
    (w, _) = p.params
    assert reach(back.grads[w])[error] == (sc.Window(None), sc.Window(0), sc.Window(None), sc.Window(None))


def test_what_is_not_upstream_is_left_out():
    x, other = sc.Input("x", (2,)), sc.Input("other", (2,))
    assert reach(sc.sigmoid(x), [other]) == {}
    assert reach(x) == {x: (sc.Window(0),)}


def test_windows_that_fit_no_node_are_named():
    class Odd(sc.Node):
        """It forgets an axis."""

        z: sc.Node

        def forward(self, xp, z):
            return z

        def windows(self):
            return ((sc.Window(0),),)

    with pytest.raises(NodeTypeError, match=r"Odd 'o': windows returned \(1,\) windows(.|\n)*test_receptive_field.py"):
        reach(sc.exp(Odd(sc.Input("x", (None, 2)), name="o")))


def test_users_types_that_say_nothing_may_read_the_whole_row():
    class Turned(sc.Node):
        """The last axis from its end."""

        x: sc.Node

        def infer(self):
            return self.x.spec

    x = sc.Input("x", (None, 3, 4))
    assert reach(sc.exp(Turned(x)))[x] == (sc.Window(0), sc.Window(None), sc.Window(None))


@pytest.mark.slow
def test_long_chains(make):
    J = make["chain"](20_000)
    x = next(n for n in J.graph().order if isinstance(n, sc.Input))
    assert reach(J.x)[x] == (sc.Window(0), sc.Window(1))


# The other way round, and on a page -------------------------------------------------------------


BOXES = [
    (sc.Window(1, step=2, start=-1, size=3), sc.Window(None, low=1, high=2)),
    (sc.Window(0, step=-1, start=4, per=2), sc.Window(0, start=-1, size=4, low=1)),
    (sc.Window(2, step=2, start=-3, size=5, per=3, high=4), sc.Window(1)),
]


@pytest.mark.parametrize("box", BOXES)
def test_readers_are_the_units_that_read(box):
    shape, read = (5, 4, 6), (6, 5)
    for position in np.ndindex(read):
        spans = readers(box, position, shape)
        found = {unit for unit in np.ndindex(shape) if all(u in s for u, s in zip(unit, spans, strict=True))}
        expected = {
            unit
            for unit in np.ndindex(shape)
            if all(p in s for p, s in zip(position, reads(box, unit, read), strict=True))
        }
        assert found == expected


def test_a_page_gets_plain_numbers(network):
    values = Values(network.graph().order)
    for node in values.computed:
        for box in named_reach(values, node).values():
            assert tuple(sc.Window(**record) for record in json.loads(json.dumps(table(box)))) == box


# Any small chain --------------------------------------------------------------------------------


def step(kind, x, n, seed):
    """One more layer on maps (N, channels, height, width), where it fits."""
    height, width = x.shape[2], x.shape[3]
    if kind == "conv" and min(height, width) >= n:
        return sc.conv(x, 2, n, stride=min(n, 1 + seed % 2), pad=(n - 1) // 2 * (seed // 2 % 2), seed=seed)
    if kind == "pool":
        return sc.pool(x, min(n, height, width), border="drop")
    if kind == "crop" and min(height, width) > 2:
        return sc.crop(x, ((0, 0), (0, 0), (1, 0), (0, 1)))
    if kind == "turn":
        return sc.rot90(x)
    if kind == "upsample" and height * n < 20:
        return sc.upsample(x, (n, 1))
    if kind == "pad":
        return sc.pad(x, n)
    if kind == "around":
        return x + sc.rot90(x)
    if kind == "concat":
        return sc.concat([x, sc.rot90(x)], axis=1 + seed % 3)
    if kind == "mirror":
        return sc.transpose(x, (0, 1, 3, 2))
    if kind == "flat":
        return sc.reshape(sc.reshape(x, (None, -1)), x.shape)
    return x


EXACT = ["conv", "pool", "crop", "turn", "mirror"]
ALL = [*EXACT, "upsample", "pad", "around", "concat", "flat"]


def chains(kinds):
    return st.lists(st.tuples(st.sampled_from(kinds), st.integers(1, 3), st.integers(0, 3)), min_size=1, max_size=4)


def built(chain):
    x = sc.Input("x", (None, 2, 9, 7))
    node = x
    for kind, n, seed in chain:
        node = step(kind, node, n, seed)
    return x, node


@given(chains(EXACT))
def test_windows_of_chains_that_only_look_ahead_are_exact(chain):
    x, node = built(chain)
    assert_covered(node, reach(node)[x], x, exact=range(4), most=4)


@given(chains(ALL))
def test_windows_of_any_chain_leave_nothing_out(chain):
    x, node = built(chain)
    assert_covered(node, reach(node)[x], x, most=4)
