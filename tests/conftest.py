"""Settings for all tests: property tests draw the same examples at every run."""

from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixed",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def passes():
    """A function that runs a node both ways.

    (node, wrt, feeds, delta) -> its value, and for each node of `wrt` the error that reaches it when
    `delta` is the error of `node`.
    """
    import symcnn as sc

    def run(node, wrt, feeds, delta):
        seed = sc.Input("the error", node.shape, node.dtype)
        back = sc.backprop(node, seed)
        program = sc.compile([node, *(back.delta(w) for w in wrt)])
        value, *errors = program(feeds if seed not in program.inputs else {**feeds, "the error": delta})
        return value, errors

    return run


@pytest.fixture
def refused(request):
    """A context that expects an error of the house: (kind, *fragments of its message).

    The message must also name the file of the test: the line where the user made the node.
    """
    import symcnn as sc

    @contextmanager
    def expect(kind, *fragments):
        with pytest.raises(kind) as caught:
            yield
        text = str(caught.value)
        assert isinstance(caught.value, sc.errors.SymcnnError), repr(caught.value)
        missing = [part for part in (*fragments, request.path.name) if part not in text]
        assert not missing, f"{missing} not in: {text}"

    return expect
