"""check_node tells what it checked, and refuses each way of breaking a node type with what to mend."""

import sys

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.errors import NodeTypeError
from symcnn.testing import check_node

ENGINES = "the engines compute what the forward rules compute"


def refusal(cls_or_node):
    with pytest.raises(NodeTypeError) as caught:
        check_node(cls_or_node)
    return str(caught.value)


class Doubled(sc.Node):
    """2 z: nothing is wrong with it; the types below break one thing each."""

    z: sc.Node
    latex = r"2 {z}"
    text = "2 {z}"

    def forward(self, xp, z):
        return 2 * z

    def backward(self, delta):
        return (2 * delta,)


class Slanted(Doubled):
    """2 z, with an error that is too large by one part in 10,000."""

    def backward(self, delta):
        return (2.0002 * delta,)


def test_right_type_passes():
    report = check_node(Doubled)
    assert report.samples == ("Doubled(x): (None, 2, 3) float32",)
    assert len(report.passed) == 18
    assert not report.unchecked
    assert "  passed: the first derivative equals central differences" in str(report)


# What check_node takes and tells -----------------------------------------------------------------


def test_parameters_are_inputs_to_differentiate_by():
    w = sc.Param("w", np.array([0.5, -2.0]))
    assert "the first derivative equals central differences" in check_node(sc.sigmoid(w)).passed
    text = refusal(Slanted(w))
    assert "the derivative of forward by 'w' at (0,) is" in text


def test_node_without_a_batch_axis():
    report = check_node(sc.sum(sc.Input("x", (2, 3)), axis=0))
    assert list(report.unchecked) == ["rows of the batch are computed independently"]


def test_node_with_integers_and_a_tuple_of_inputs():
    y = sc.Input("y", (None, 2), "int64")
    z = sc.Input("z", (None, 2))
    check_node(sc.concat([z, y, 2 * z]))


def test_without_array_api_strict_the_report_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "array_api_strict", None)
    report = check_node(Doubled)
    title = "forward runs on the array API standard's strict namespace"
    assert title not in report.passed
    assert report.unchecked[title] == "array-api-strict is not installed"
    assert f"  not checked: {title}: array-api-strict is not installed" in str(report)


# What check_node refuses ------------------------------------------------------------------------


def test_wrong_shape_rule():
    class Wide(Doubled):
        def infer(self):
            return sc.Spec((*self.z.shape, 1), self.z.dtype)

        @classmethod
        def samples(cls):
            return [cls(sc.Input("x", (None, 3)))]

    text = refusal(Wide)
    assert "forward returned (1, 3) float32 for inputs of (1, 3) float32; infer promised (1, 3, 1) float32" in text
    assert "make them agree: infer is at" in text
    assert __file__ in text


def test_no_rows():
    class First(Doubled):
        def forward(self, xp, z):
            return 2 * z - z[0, 0, 0] + z[0, 0, 0]

    text = refusal(First)
    assert "forward fails for a batch of no rows: IndexError" in text
    assert "raise ValueError in verify" in text


def test_empty_batch_of_another_shape():
    class Lost(Doubled):
        def forward(self, xp, z):
            return 2 * z if z.shape[0] else xp.zeros((0, 1, 1), dtype=z.dtype)

    assert "returned (0, 1, 1) for a batch of no rows; infer promised (0, 2, 3)" in refusal(Lost)


def test_wrong_derivative():
    class Tripled(Doubled):
        def backward(self, delta):
            return (3 * delta,)

    text = refusal(Tripled)
    assert "in 1 point" in text
    assert "the derivative of forward by 'x' at (0, 0, 0) is" in text
    assert "central differences say" in text
    assert f"backward, at {__file__}:" in text


def test_gradient_left_out():
    class Silent(Doubled):
        def backward(self, delta):
            return (None,)

    assert "the derivative of forward by 'x' at (0, 0, 0) is 0; central differences say" in refusal(Silent)


def test_wrong_second_derivative():
    class Slope(sc.Node):
        """2 x delta, with a rule that forgets x."""

        x: sc.Node
        delta: sc.Node
        text = latex = "{x} {delta}"

        def forward(self, xp, x, delta):
            return 2 * x * delta

        def backward(self, delta):
            return None, 2 * self.x * delta

    class Squared(Doubled):
        def forward(self, xp, z):
            return z * z

        def backward(self, delta):
            return (Slope(self.z, delta),)

    text = refusal(Squared)
    assert "the derivative of the gradient by 'x'" in text
    assert "a node that backward returns sends a wrong error" in text


def test_vocabulary_that_is_not_closed():
    class SinGrad(sc.Node):
        """A dead end."""

        z: sc.Node
        delta: sc.Node

        def forward(self, xp, z, delta):
            return xp.cos(z) * delta

    class Sin(Doubled):
        def forward(self, xp, z):
            return xp.sin(z)

        def backward(self, delta):
            return (SinGrad(self.z, delta),)

    text = refusal(Sin)
    assert "derivative 1 contains a SinGrad, which has no backward rule" in text
    assert "give SinGrad a backward rule, or return other nodes" in text


def broken_rule(answer):
    class Broken(Doubled):
        def backward(self, delta):
            return answer(delta)

    return refusal(Broken)


def test_wrong_count():
    text = broken_rule(lambda delta: (delta, delta))
    assert "the backward rule returned 2 errors; expected 1, one an input" in text
    assert f"the rule is at {__file__}:" in text


def test_wrong_shape():
    text = broken_rule(lambda delta: (sc.sum(delta, axis=1),))
    assert "returned an error of shape (None, 3) for Input 'x'; expected (None, 2, 3)" in text


def test_array():
    assert "returned a ndarray; expected nodes, as in (delta * 2,), or None" in broken_rule(lambda d: (np.ones(3),))


def test_bare_node():
    text = broken_rule(lambda delta: 2 * delta)
    assert "returned a node; expected a tuple, as in (delta * 2,) - mind the comma" in text


def test_nothing_returned():
    assert "returned a NoneType; expected a tuple of nodes" in broken_rule(lambda delta: None)


def test_rule_that_raises():
    text = broken_rule(lambda delta: delta.grad)
    assert "AttributeError: 'Mul' object has no attribute 'grad'" in text or "has no attribute 'grad'" in text
    assert f"it was raised at {__file__}:" in text


def test_no_rules_at_all():
    class Bare(sc.Node):
        """Nothing."""

        z: sc.Node

    text = refusal(Bare)
    assert "the node type has no forward(self, xp, ...) rule" in text
    assert "the node type has no backward(self, delta) rule" in text


def test_dtype_change_in_forward():
    class Wider(Doubled):
        def forward(self, xp, z):
            return z * np.full(1, 2.0)

    text = refusal(Wider)
    assert "forward returned (1, 2, 3) float64 for inputs of (1, 2, 3) float32; infer promised" in text


def test_dtype_change_only_for_some():
    class HalfWider(Doubled):
        def forward(self, xp, z):
            return xp.astype(2 * z, xp.float32) if z.dtype == xp.float16 else 2 * z

    text = refusal(HalfWider)
    assert "forward returned float32 for inputs of float16; infer promised float16" in text
    assert "compute with the dtype of the inputs" in text


def test_dtype_change_in_infer():
    class Promising(Doubled):
        def infer(self):
            return sc.Spec(self.z.shape, np.dtype("float32"))

        def forward(self, xp, z):
            return xp.astype(2 * z, xp.float32)

        samples = classmethod(lambda cls: [cls(sc.Input("x", (None, 3)))])

    assert "infer promises float32 for inputs of float64" in refusal(Promising)


@pytest.mark.parametrize("formula", ["2", "twice"])
def test_formula_that_shows_nothing(formula):
    class Hidden(Doubled):
        text = formula

    text = refusal(Hidden)
    assert f"the text formula {formula!r} does not show the input 'z'" in text
    assert "declare text with {z} in it" in text


def test_formula_with_an_unknown_part():
    class Unknown(Doubled):
        latex = "{w} {z}"

    text = refusal(Unknown)
    assert "the latex formula '{w} {z}' cannot be filled in: KeyError: 'w'" in text
    assert "it can show {name}, {z}" in text


def test_formula_with_single_braces():
    class Power(Doubled):
        latex = r"e^{z}"

    text = refusal(Power)
    assert "puts only the first letter of 'z' above or below the line" in text
    assert "write {{{z}}}" in text


def test_one_input_of_two_hidden():
    class Half(sc.Node):
        """a + b."""

        a: sc.Node
        b: sc.Node
        text = "{a} + ..."
        latex = "{a} + {b}"

        def forward(self, xp, a, b):
            return a + b

        def backward(self, delta):
            return delta, delta

    assert "does not show the input 'b'" in refusal(Half)


@pytest.mark.parametrize(
    "forward",
    [
        pytest.param(lambda xp, z: np.tanh(z), id="numpy's function"),
        pytest.param(lambda xp, z: z.clip(0, 1), id="numpy's method"),
        pytest.param(lambda xp, z: xp.nan_to_num(z), id="not in the standard"),
        pytest.param(lambda xp, z: xp.sin(z) + np.float32(1), id="a numpy number"),
    ],
)
def test_not_portable(forward):
    class Local(Doubled):
        def forward(self, xp, z):
            return forward(xp, z)

    text = refusal(Local)
    assert "array_api_strict" in text or "forward returns a NumPy array for arrays of another library" in text
    assert "use only functions of xp that the array API standard has" in text


def test_rows_that_mix():
    class Centred(Doubled):
        def forward(self, xp, z):
            return z - xp.mean(z, axis=0, keepdims=True) if z.shape[0] else z

        def backward(self, delta):
            return (delta - sc.mean(delta, axis=0, keepdims=True),)

    text = refusal(Centred)
    assert "in 1 point" in text
    assert "row 0 of the batch has another value when it is computed alone" in text
    assert "declare mixes_rows = True if it is meant" in text

    class Meant(Centred):
        mixes_rows = True

    unchecked = check_node(Meant).unchecked
    assert unchecked["rows of the batch are computed independently"] == "the type declares mixes_rows"


def test_forward_that_warns():
    class Steep(Doubled):
        def forward(self, xp, z):
            return xp.where(z > 1e6, xp.exp(1000 * xp.abs(z)), 2 * z)

    text = refusal(Steep)
    assert "forward is not silent: FloatingPointError: overflow encountered in exp" in text
    assert "both sides of xp.where are computed" in text


def test_forward_that_is_not_finite():
    class Root(Doubled):
        def forward(self, xp, z):
            return xp.sqrt(z)

    text = refusal(Root)
    assert "forward returned NaN or infinity" in text
    assert "declare samples() whose inputs are in the function's domain" in text


def test_forward_that_writes_into_its_input():
    class Greedy(Doubled):
        def forward(self, xp, z):
            z *= 2
            return z

    text = refusal(Greedy)
    assert "ValueError: output array is read-only" in text
    assert "its inputs are read-only" in text


def test_kernel_that_computes_something_else(monkeypatch):
    from symcnn.engine.numpy.registry import KERNELS

    monkeypatch.setitem(KERNELS, Doubled, lambda node, out, z: lambda: np.multiply(z, 2.001, out=out))
    assert "the NumPy engine computes another result for the value, in float32" in refusal(Doubled)


def test_machine_code_that_computes_something_else(monkeypatch, tmp_path):
    """A planted fault: traced, the function is another one."""
    from symcnn.engine.native.analysis.tracing import Namespace

    monkeypatch.setenv("SYMCNN_BACKEND", "native")
    monkeypatch.setenv("SYMCNN_CACHE", str(tmp_path))
    assert ENGINES in check_node(sc.Tanh).passed
    monkeypatch.setattr(Namespace, "tanh", lambda x: x * 0.99)
    assert "the native engine computes another result for the value, in float32" in refusal(sc.Tanh)


def test_machine_code_of_a_kernel_that_computes_something_else(monkeypatch, tmp_path):
    """The other family of loops, for many images, is run, too."""
    from symcnn.engine.native.kernels import families

    monkeypatch.setenv("SYMCNN_BACKEND", "native")
    monkeypatch.setenv("SYMCNN_CACHE", str(tmp_path))
    wrong = families.IMAGES_IN_LANES._replace(unpack=lambda k, node, row: None)
    monkeypatch.setattr(families, "IMAGES_IN_LANES", wrong)
    assert "the native engine computes another result for the value, in float32" in refusal(Doubled)


def test_a_rule_that_asks_how_many_axes_there_are(monkeypatch, tmp_path):
    """Traced, it took its input for a scalar, and gave 0."""
    monkeypatch.setenv("SYMCNN_BACKEND", "native")
    monkeypatch.setenv("SYMCNN_CACHE", str(tmp_path))

    class PerAxis(Doubled):
        def forward(self, xp, z):
            return z * float(np.ndim(z))

        def backward(self, delta):
            return (delta * float(self.z.ndim),)

    assert ENGINES in check_node(PerAxis).passed


def test_copy_that_is_another_node():
    class Forgetful(Doubled):
        times: int = 1

        def __reduce__(self):
            return type(self), (self.z,)

        samples = classmethod(lambda cls: [cls(sc.Input("x", (None, 3)), 2)])

    assert "a copy of Forgetful(x, times=2)" in refusal(Forgetful)


def test_all_problems_are_listed():
    class Wrong(Doubled):
        latex = "?"

        def forward(self, xp, z):
            return np.asarray(2 * z)

        def backward(self, delta):
            return (3 * delta,)

    text = refusal(Wrong)
    assert "in 3 points" in text
    assert [f"{n}. " in text for n in (1, 2, 3, 4)] == [True, True, True, False]


def test_types_without_samples():
    class Raised(Doubled):
        power: int

    assert "declare samples() to have it checked" in refusal(Raised)
    assert "samples() is empty" in refusal(sc.Input)


def test_samples_of_another_type():
    class Odd(Doubled):
        samples = classmethod(lambda cls: [sc.sigmoid(sc.Input("x", (3,)))])

    assert "Odd.samples() returned Sigmoid(x): (3,) float32; return nodes of the type itself" in refusal(Odd)


def test_not_a_node():
    with pytest.raises(TypeError, match="expected a node type or a node, got 3"):
        check_node(3)


class BentSine(sc.Node):
    """sin z, with a derivative that is right only between -pi/2 and pi/2."""

    z: sc.Node
    text = "sin({z})"
    latex = r"\sin({z})"

    def forward(self, xp, z):
        return xp.sin(z)

    def backward(self, delta):
        return (delta * sc.sqrt(1 - self * self),)


class Clamp(sc.Node):
    """z between -3 and 3, with a derivative of 1 everywhere."""

    z: sc.Node
    text = "clamp({z})"
    latex = r"\operatorname{{clamp}}({z})"

    def forward(self, xp, z):
        return xp.clip(z, -3.0, 3.0)

    def backward(self, delta):
        return (delta * 1,)


@pytest.mark.parametrize("cls", [BentSine, Clamp])
def test_a_derivative_that_is_right_only_near_0_is_refused(cls):
    with pytest.raises(sc.errors.NodeTypeError, match="derivative"):
        sc.testing.check_node(cls)


# Attributes in formulas -----------------------------------------------------------------------------


ATTRIBUTES = "the formula shows every attribute that changes the value"


class CumSum(sc.Node):
    """Sums along the last axis, from the start or from the end; its error is summed from the other end."""

    x: sc.Node
    from_end: bool = False
    text = latex = "cumsum({x})"

    def infer(self):
        return sc.Spec(self.x.shape, self.x.dtype)

    def forward(self, xp, x):
        return xp.flip(xp.cumulative_sum(xp.flip(x, axis=-1), axis=-1), axis=-1) if self.from_end else self._sums(xp, x)

    def _sums(self, xp, x):
        return xp.cumulative_sum(x, axis=-1)

    def backward(self, delta):
        return (type(self)(delta, not self.from_end),)


class ToldCumSum(CumSum):
    text = latex = "cumsum({x}, {from_end})"


class HalfToldCumSum(CumSum):
    text = "cumsum({x}, {from_end})"
    latex = "cumsum({x})"


class Scaled(sc.Node):
    """factor * z, or z / factor."""

    z: sc.Node
    factor: float = 2.0
    how: str = "times"
    note: str = ""
    """Changes nothing."""

    def forward(self, xp, z):
        return z * self.factor if self.how == "times" else z / self.factor

    def backward(self, delta):
        return (type(self)(delta, self.factor, self.how),)

    @classmethod
    def samples(cls):
        z = sc.Input("z", (None, 3))
        return [cls(z, 2.0, "times", "a"), cls(z, 2.0, "by", "b")]


class WithoutFactor(Scaled):
    text = latex = "{how} {z}"


class WithoutHow(Scaled):
    text = latex = "{factor} {z}"


class WithoutNote(Scaled):
    text = latex = "{factor} {how} {z}"


def told(subject):
    with pytest.raises(sc.errors.NodeTypeError) as caught:
        sc.testing.check_node(subject)
    return str(caught.value)


def test_an_attribute_that_changes_the_value_shows():
    x = sc.Input("x", (None, 2, 5))
    for from_end in (False, True):
        text = told(CumSum(x, from_end))
        assert f"is the same for from_end={from_end} and {not from_end}, which differ in value" in text
        assert "the text formula" in text and "the latex formula" in text and "with {from_end} in it" in text
    text = told(HalfToldCumSum(x))
    assert "the latex formula" in text and "the text formula" not in text
    assert ATTRIBUTES in sc.testing.check_node(ToldCumSum(x)).passed


def test_numbers_and_words_that_change_the_value_show():
    assert "is the same for factor=2.0 and 3.0" in told(WithoutFactor)
    assert "is the same for how='times' and 'by'" in told(WithoutHow)
    assert ATTRIBUTES in sc.testing.check_node(WithoutNote).passed  # what changes nothing may be left out
    assert ATTRIBUTES in sc.testing.check_node(Scaled).passed  # without a formula all attributes are printed


def test_the_error_of_a_cumulative_sum_is_not_printed_as_the_sum():
    """The adjoint of y[i] = x[0] + ... + x[i] is a sum from the end: written out, and in the equations."""
    x = sc.Input("x", (None, 4))
    back = sc.backprop(sc.sum(ToldCumSum(x) * sc.Const([1.0, 2.0, 3.0, 4.0])))
    _, error = sc.compile([back.J, back.delta(x)])(x=np.zeros((1, 4), "float32"))
    assert np.array_equal(error, [[10.0, 9.0, 7.0, 4.0]])
    assert "cumsum(x, False)" in str(back.equations()) and "True)" in str(back.equations())
