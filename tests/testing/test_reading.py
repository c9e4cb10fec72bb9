"""check_node finds windows that leave something out, and windows that are wider than they need be."""

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.errors import NodeTypeError
from symcnn.testing import check_node

TITLE = "a unit reads its windows, and nothing else"
ROWS = (sc.Window(0), sc.Window(1))


class Difference(sc.Node):
    """x[i + 1] - x[i] along the last axis: nothing is wrong with it; the types below break one thing each."""

    x: sc.Node
    text = latex = r"diff({x})"

    def infer(self):
        return sc.Spec((*self.x.shape[:-1], self.x.shape[-1] - 1), self.x.dtype)

    def windows(self):
        return ((*ROWS, sc.Window(2, size=2)),)

    def forward(self, xp, x):
        return x[..., 1:] - x[..., :-1]

    def backward(self, delta):
        none = ((0, 0),) * 2
        return (sc.pad(delta, (*none, (1, 0))) - sc.pad(delta, (*none, (0, 1))),)

    @classmethod
    def samples(cls):
        return [cls(sc.Input("x", (None, 2, 5)))]


def refusal(cls_or_node):
    with pytest.raises(NodeTypeError) as caught:
        check_node(cls_or_node)
    return str(caught.value)


def with_windows(*windows):
    """Difference with other windows."""

    class Other(Difference):
        """Another one."""

        def windows(self):
            return windows

    return Other


def test_right_windows_pass():
    assert TITLE in check_node(Difference).passed


def test_windows_that_are_not_said_are_not_checked():
    assert check_node(with_windows((None,) * 3)).unchecked[TITLE] == "windows says nothing"
    assert TITLE in check_node(with_windows((*ROWS, None))).passed


@pytest.mark.parametrize(
    "last", [sc.Window(2), sc.Window(2, start=1), sc.Window(2, start=-1, size=2), sc.Window(2, 2, size=2), sc.Window(1)]
)
def test_windows_that_leave_something_out(last):
    text = refusal(with_windows((*ROWS, last)))
    assert "in 1 point" in text
    assert "reads Input 'x' at" in text
    assert "outside its windows" in text
    assert f"windows is at {__file__}:" in text


@pytest.mark.parametrize(
    "last",
    [
        sc.Window(2, size=3),
        sc.Window(2, start=-1, size=3),
        sc.Window(2, 1, -2, 6),
        sc.Window(None),
        sc.Window(2, size=2, per=1, start=0, step=1).joined(sc.Window(2, start=2), ()),
    ],
)
def test_windows_that_are_too_wide(last):
    text = refusal(with_windows((*ROWS, last)))
    assert "in 1 point" in text
    assert "no unit reads both ends of the window along axis 2 of Input 'x'" in text
    assert "make it narrower" in text


@pytest.mark.parametrize("windows", [((*ROWS,),), (), ((*ROWS, 3),), ((*ROWS, sc.Window(3)),), [ROWS]])
def test_windows_that_fit_no_input(windows):
    assert "   to mend: windows is at" in refusal(with_windows(*windows) if windows != [ROWS] else with_windows(ROWS))


def test_rows_that_are_read_as_a_whole_are_too_wide():
    assert "along axis 0 of" in refusal(with_windows((sc.Window(None), sc.Window(1), sc.Window(2, size=2))))


def test_type_that_only_looks_elementwise():
    class Shares(sc.Node):
        """Each number divided by the sum of its row. Whoever broadcasts before or after it gets something else."""

        x: sc.Node
        text = latex = r"shares({x})"

        def forward(self, xp, x):
            return x / xp.sum(x, axis=-1, keepdims=True)

        def backward(self, delta):
            total = sc.sum(self.x, axis=-1, keepdims=True)
            return (delta / total - sc.sum(delta * self.x, axis=-1, keepdims=True) / total**2,)

        @classmethod
        def samples(cls):
            return [cls(1 + sc.Input("x", (None, 2, 3)) ** 2)]

    text = refusal(Shares)
    assert "in 1 point" in text
    assert "declare elementwise = False, or mixes_rows = True, or what is read: windows(self)" in text

    class Told(Shares):
        elementwise = False

    assert TITLE in check_node(Told).passed


def test_functions_that_do_not_look_at_what_they_may_are_left_alone():
    class Nothing(Difference):
        """0, whatever x is."""

        def forward(self, xp, x):
            return 0 * (x[..., 1:] - x[..., :-1])

        def backward(self, delta):
            return (sc.zeros(self.x),)

    check_node(Nothing)
    check_node(sc.Input("x", (None, 2)) ** 0)


def test_zeros_in_other_inputs_hide_nothing():
    x, w = sc.Input("x", (None, 1, 4, 4)), sc.Input("w", (1, 1, 3, 3))
    check_node(sc.Conv(sc.pad(sc.Input("x", (None, 1, 1, 1)), 1), w))
    check_node(sc.Conv(x, sc.Const(np.zeros((1, 1, 3, 3)))))
    check_node(sc.conv(x, 1, 3, init=lambda rng, shape: np.zeros(shape)))


def test_windows_that_fit_into_no_sample_are_left_alone():
    class Around(Difference):
        """The sum of each unit and its two neighbours."""

        def infer(self):
            return self.x.spec

        def windows(self):
            return ((*ROWS, sc.Window(2, start=-1, size=3)),)

        def forward(self, xp, x):
            edge = 0 * x[..., :1]
            wide = xp.concat([edge, x, edge], axis=-1)
            return wide[..., :-2] + wide[..., 1:-1] + wide[..., 2:]

        def backward(self, delta):
            return (Around(delta),)

        @classmethod
        def samples(cls):
            return [cls(sc.Input("x", (None, 2, n))) for n in (1, 5)]

    check_node(Around)


def test_large_samples_are_checked_at_some_places():
    x = sc.Input("x", (None, 3, 20, 20))
    check_node(sc.Pool(x, 5))

    class Wrong(sc.Pool):
        """A pool that names half of its window."""

        def windows(self):
            return ((sc.Window(0), sc.Window(1), sc.Window(2, step=5, size=5), sc.Window(3, step=5, size=2)),)

    assert "outside its windows" in refusal(Wrong(x, 5))


def test_numbers_that_the_node_refuses_are_not_tried():
    check_node(sc.take(sc.Input("x", (1, 2)), [0, 0]))


def test_inputs_without_elements_have_nothing_to_try():
    assert TITLE in check_node(sc.concat([sc.Input("x", (None, 2)), sc.Input("y", (None, 0))])).passed


def test_windows_that_follow_from_a_constant():
    class Weighted(Difference):
        """The sum of a row with fixed weights, of which the outer ones may be 0."""

        w: sc.Node
        text = latex = r"weighted({x}, {w})"

        def infer(self):
            return sc.Spec(self.x.shape[:-1], self.x.dtype)

        def windows(self):
            used = np.flatnonzero(self.w.value)
            return (*ROWS, sc.Window(None, low=int(used[0]), high=int(used[-1]))), (None,)

        def forward(self, xp, x, w):
            return xp.sum(x * w, axis=-1)

        def backward(self, delta):
            column = sc.reshape(delta, (*delta.shape, 1))
            return column * self.w, sc.sum(column * self.x, axis=(0, 1))

    weights = sc.Const(np.array([0, 1, 3, 0], "float32"))
    assert TITLE in check_node(Weighted(sc.Input("x", (None, 2, 4)), weights)).passed
