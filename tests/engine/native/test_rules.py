"""Forward rules as users write them: machine code that computes what NumPy does, or NumPy with an honest reason."""

import numpy as np
import pytest
import rules
from rules import NATIVE, RULES, node_type

import symcnn as sc
from symcnn.testing.cases import recast

VALUES = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
VALUES[2] = 0, 1, -1
WITHOUT_A_VALUE = {"random_number", "a_random_way", "noise_of_a_generator", "random_number_of_numpys",
                   "noise_of_a_new_generator", "a_random_function"}  # fmt: skip


def compiled(node):
    return sc.compile(node, backend="native")


def is_native(program):
    return "no machine code" not in program.report()


@pytest.mark.parametrize(("name", "rule", "becomes"), [pytest.param(*r, id=r[0]) for r in RULES])
def test_a_rule_gives_what_numpy_gives(name, rule, becomes):
    program = compiled(node_type(name, rule)(sc.Input("z", (None, 3))))
    assert is_native(program) == (becomes == NATIVE), program.report()
    assert becomes == NATIVE or becomes in " ".join(program.report().split())
    for batch in (1, 3, 20):
        found = program(z=VALUES[:batch])
        if name not in WITHOUT_A_VALUE:
            np.testing.assert_allclose(found, rule(np, VALUES[:batch]), rtol=2e-6, atol=2e-7)


def test_there_are_sixty_rules():
    assert len(RULES) >= 60
    assert sum(becomes == NATIVE for _, _, becomes in RULES) >= 20
    assert len({name for name, _, _ in RULES}) == len(RULES)


def test_what_changes_between_two_runs_is_asked_again(monkeypatch):
    f = compiled(node_type("Global", rules.global_number)(sc.Input("z", (None, 3))))
    g = compiled(node_type("State", rules.global_state)(sc.Input("z", (None, 3))))
    for scale in (1.5, 3.0):
        monkeypatch.setattr(rules, "SLOPE", scale)
        monkeypatch.setitem(rules.STATE, "scale", scale)
        np.testing.assert_array_equal(f(z=VALUES), scale * VALUES)
        np.testing.assert_array_equal(g(z=VALUES), np.float32(scale) * VALUES)


def test_what_a_node_holds_cannot_change():
    class Scaled(sc.Node):
        z: sc.Node
        k: float
        kinds: tuple[str, ...] = ("a", "b")

        @property
        def twice(self):
            return 2 * self.k

        def scaled(self, z):
            return z * self.twice * len(self.kinds)

        def forward(self, xp, z):
            return self.scaled(z)

    program = compiled(Scaled(sc.Input("z", (None, 3)), 0.5))
    assert is_native(program)
    np.testing.assert_array_equal(program(z=VALUES), 2 * VALUES)


def test_a_number_of_the_class_can():
    class Leaky(sc.Node):
        z: sc.Node
        slope = 0.5

        def forward(self, xp, z):
            return xp.where(z > 0, z, self.slope * z)

    program = compiled(Leaky(sc.Input("z", (None, 3))))
    assert "slope of the class Leaky" in program.report()
    for slope in (0.5, 0.25):
        Leaky.slope = slope
        np.testing.assert_array_equal(program(z=VALUES), np.where(VALUES > 0, VALUES, np.float32(slope) * VALUES))


def test_functions_as_attributes():
    class Applied(sc.Node):
        z: sc.Node
        f: object

        def forward(self, xp, z):
            return self.f(z)

    box = [2.0]
    good = compiled(Applied(sc.Input("z", (None, 3)), lambda a: a * 3))
    bad = compiled(Applied(sc.Input("z", (None, 3)), lambda a: a * box[0]))
    assert is_native(good)
    assert "it reads box, which can change" in bad.report()
    np.testing.assert_array_equal(good(z=VALUES), 3 * VALUES)
    for box[0] in (2.0, 4.0):
        np.testing.assert_array_equal(bad(z=VALUES), np.float32(box[0]) * VALUES)


def test_a_rule_of_a_base_class():
    class Base(sc.Node):
        z: sc.Node

        def forward(self, xp, z):
            return z * 2

    class Derived(Base):
        def forward(self, xp, z):
            return super().forward(xp, z) + 1

    class Relu(sc.Relu):
        """A rule of the package's."""

    z = sc.Input("z", (None, 3))
    for node, expected in [(Derived(z), 2 * VALUES + 1), (Relu(z), np.maximum(VALUES, 0))]:
        program = compiled(node)
        assert is_native(program)
        np.testing.assert_array_equal(program(z=VALUES), expected)


def test_a_rule_of_a_base_class_that_reads_what_can_change():
    state = {"k": 2.0}

    class Base(sc.Node):
        z: sc.Node

        def forward(self, xp, z):
            return z * state["k"]

    class Derived(Base):
        def forward(self, xp, z):
            return super().forward(xp, z) + 1

    assert "it reads state, which can change" in compiled(Derived(sc.Input("z", (None, 3)))).report()


def test_a_rule_that_reads_a_variable_without_a_value():
    def make():
        class Late(sc.Node):
            z: sc.Node

            def forward(self, xp, z):
                return z * 2 if xp else later

        report = compiled(Late(sc.Input("z", (None, 3)))).report()
        later = report
        return later

    assert "what it reads cannot be seen" in make()


def test_inputs_of_several_kinds():
    class Masked(sc.Node):
        """Booleans and whole numbers beside reals; the shared parameter has no batch axis."""

        z: sc.Node
        w: sc.Node
        n: sc.Node
        integer_inputs = ("n",)

        def forward(self, xp, z, w, n):
            return xp.where(n > 2, z * w, xp.astype(n, z.dtype))

    z, n = sc.Input("z", (None, 3)), sc.Input("n", (None, 3), "uint8")
    w = sc.Param("w", np.float32([1, 2, 3]))
    program = compiled(Masked(z, w, n))
    assert is_native(program)
    numbers = np.random.default_rng(1).integers(0, 250, (20, 3)).astype("uint8")
    expected = np.where(numbers > 2, VALUES * w.value, numbers.astype("float32"))
    np.testing.assert_array_equal(program(z=VALUES, n=numbers), expected)


def test_a_rule_that_returns_a_single_number_is_numpys():
    class Two(sc.Node):
        z: sc.Node

        def forward(self, xp, z):
            return 2.0

    assert "does not return what infer promised" in compiled(Two(sc.Input("z", (None, 3)))).report()


def test_too_large_a_number_is_infinite():
    """NumPy warns of it, and it is no number that a float can hold."""

    class Large(sc.Node):
        z: sc.Node

        def forward(self, xp, z):
            return xp.where(z > 0, z, 0 * z - 1e300)

    with np.errstate(over="ignore"):
        found = compiled(Large(sc.Input("z", (None, 3))))(z=VALUES)
    np.testing.assert_array_equal(found, np.where(VALUES > 0, VALUES, -np.inf))


def test_the_trial_finds_no_fault_with_the_rules_of_the_package(monkeypatch):
    """They are not tried when they are compiled; here they are, so that the trial itself is seen to be right."""
    from symcnn.engine.native.analysis import trial
    from symcnn.engine.native.analysis.tracing import obstacle

    monkeypatch.setattr(trial, "is_own", lambda what: False)
    monkeypatch.setattr(trial, "impurity", lambda node: None)
    seen = set()
    for cls in sc.node_types():
        for sample in cls.samples() if cls.__module__.startswith("symcnn.") and cls.elementwise else ():
            for real in ("float32", "float64"):
                node = recast(sample, [real])
                why = obstacle(node, np.dtype(real)) or ""
                assert "another way" not in why
                assert "it fails" not in why
                seen |= {cls.__name__} if not why else set()
    assert {"Add", "Div", "Exp", "Greater", "Log", "Maximum", "Pow", "Relu", "Sigmoid", "Tanh", "Where"} <= seen


def test_it_finds_a_planted_fault(monkeypatch):
    from symcnn.engine.native.analysis.tracing import Namespace

    double = node_type("Double", lambda xp, z: xp.exp(z) * 2)
    assert is_native(compiled(double(sc.Input("z", (None, 3)))))
    monkeypatch.setattr(Namespace, "exp", lambda x: x + 1)
    assert "another way for arrays" in compiled(double(sc.Input("z", (None, 3)))).report()
