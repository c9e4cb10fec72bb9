"""What other libraries call otherwise: the error says what it is called here."""

import inspect
import pickle

import numpy as np
import pytest

import symcnn as sc

X = sc.Input("x", (None, 1, 8, 8))
A = sc.Input("a", (None, 4))
Y = sc.Input("y", (None,), "int64")


@pytest.mark.parametrize(
    ("build", "hint"),
    [
        (lambda: sc.conv(X, 4, 3, padding=1), "conv has no argument padding=; did you mean pad=?"),
        (lambda: sc.conv(X, 4, kernel_size=3), "kernel_size=; did you mean size=?"),
        (lambda: sc.conv(X, out_channels=4, size=3), "did you mean filters=?"),
        (lambda: sc.conv(X, 4, 3, strides=2), "did you mean stride=?"),
        (lambda: sc.conv(X, 4, 3, use_bias=False), "did you mean bias=?"),
        (lambda: sc.conv(X, 4, 3, activation="relu"), "activation=; apply it to the result, as in sc.relu(...)"),
        (lambda: sc.conv(X, 4, 3, in_channels=1), "leave it out"),
        (lambda: sc.conv(X, 4, 3, dilation_rate=2), "did you mean dilation=?"),
        (lambda: sc.conv(X, 4, 3, sede=1), "did you mean seed=?"),
        (
            lambda: sc.conv(X, 4, 3, qqq=1),
            "it takes x, filters, size, stride, pad, dilation, groups, bias, table, init",
        ),
        (lambda: sc.dense(A, out_features=3), "did you mean units=?"),
        (lambda: sc.dense(A, 3, kernel_initializer=None), "did you mean init=?"),
        (lambda: sc.max_pool(X, kernel_size=2), "max_pool has no argument kernel_size=; did you mean size=?"),
        (lambda: sc.mean(A, dim=1), "did you mean axis=?"),
        (lambda: sc.sum(A, axis=1, keepdim=True), "did you mean keepdims=?"),
        (lambda: sc.transpose(A, perm=(1, 0)), "did you mean axes=?"),
        (lambda: sc.one_hot(Y, num_classes=3), "did you mean classes=?"),
        (lambda: sc.softmax_cross_entropy(logits=A, y=Y), "did you mean z=?"),
        (lambda: sc.softmax_cross_entropy(A, labels=Y), "did you mean y=?"),
        (lambda: sc.squared_error(A, target=A), "did you mean t=?"),
        (lambda: sc.SGD(learning_rate=0.1), "SGD has no argument learning_rate=; did you mean lr=?"),
        (lambda: sc.Adam(beta_1=0.9), "did you mean beta1=?"),
        (lambda: sc.Adam(epsilon=1e-7), "did you mean eps=?"),
        (lambda: sc.Conv(X, w=X, bias=None), "Conv has no argument bias="),
        (lambda: sc.Sigmoid(X, nme="a"), "Sigmoid has no argument nme=; did you mean name=?"),
        (lambda: sc.Pool(X, kernel_size=2), "Pool has no argument kernel_size=; did you mean size=?"),
        (lambda: sc.Input("x", (3,), dtyp="int8"), "Input has no argument dtyp=; did you mean dtype=?"),
        (lambda: sc.fit(A, {}, batch_size=3), "fit has no argument batch_size=; did you mean batch=?"),
        (lambda: sc.train_step(A, optim=1), "train_step has no argument optim=; did you mean optimizer=?"),
        (lambda: sc.compile(A, device="cpu"), "did you mean backend=?"),
        (lambda: sc.grad(A, inputs=[A]), "did you mean wrt=?"),
    ],
)
def test_keywords_of_other_libraries(build, hint, refused):
    with refused(TypeError, hint, "it takes"):
        build()


def test_every_public_function_says_so(refused):
    functions = [getattr(sc, name) for name in sc.__all__ if inspect.isfunction(getattr(sc, name))]
    open_ended = {"explain"}
    assert len(functions) > 60
    for function in functions:
        if function.__name__ not in open_ended:
            with refused(TypeError, f"{function.__name__} has no argument no_such_thing="):
                function(no_such_thing=1)


def test_other_type_errors_are_what_they_were(refused):
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        sc.conv(X, 4)
    with pytest.raises(TypeError, match="multiple values for argument 'size'"):
        sc.max_pool(X, 2, size=2)
    with refused(TypeError, "conv: filters is 'a'; it must be a whole number"):
        sc.conv(X, filters="a", size=3)


def test_functions_keep_their_signature_and_can_be_pickled():
    named = ["x", "size", "stride", "pad", "dilation", "ceil", "border", "name"]
    assert list(inspect.signature(sc.max_pool).parameters) == named
    assert list(inspect.signature(sc.SGD).parameters) == ["lr", "momentum", "nesterov", "weight_decay"]
    assert "Examples" in sc.conv.__doc__
    for function in (sc.conv, sc.fit, sc.relu):
        assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: np.mean(A), "numpy.mean takes no nodes\n  use sc.mean(node)"),
        (lambda: np.sum(A, axis=1), "use sc.sum(node)"),
        (lambda: np.clip(A, 0, 1), "use sc.clip(node, low, high)"),
        (lambda: np.max(A), "use sc.max(node)"),
        (lambda: np.min(A), "use sc.min(node)"),
        (lambda: np.where(A > 0, A, 0), "use sc.where(condition, a, b)"),
        (lambda: np.reshape(A, (-1,)), "use sc.reshape(node, shape)"),
        (lambda: np.concatenate([A, A]), "use sc.concat([a, b], axis)"),
        (lambda: np.dot(A, np.ones(4)), "use a @ b"),
        (lambda: np.linalg.norm(A), "use sc.norm(node)"),
        (lambda: np.add.reduce(A), "use sc.sum(node)"),
        (lambda: np.histogram(A), "numpy.histogram takes no nodes\n  for the values of a node: sc.compile"),
    ],
)
def test_functions_of_numpy(call, hint, refused):
    with refused(TypeError, hint):
        call()


def test_what_numpy_asks_of_shapes_is_answered():
    assert np.shape(A) == (None, 4)
    assert np.ndim(A) == 2


@pytest.mark.parametrize(
    ("name", "hint"),
    [("mean", "sc.mean(node)"), ("T", "sc.transpose(node)"), ("reshape", "sc.reshape(node, shape)"),
     ("parameters", "node.params"), ("numpy", "sc.compile(node)(x=...)"), ("astype", "sc.cast")],
)  # fmt: skip
def test_methods_of_other_libraries(name, hint):
    with pytest.raises(AttributeError) as caught:
        getattr(A, name)
    assert f"Input has no attribute {name!r}; use {hint}" in str(caught.value)
    assert not hasattr(A, name)


def test_other_attributes_are_pythons_own():
    with pytest.raises(AttributeError, match="'Input' object has no attribute 'meen'"):
        _ = A.meen

    class Broken(sc.Node):
        z: sc.Node

        def forward(self, xp, z):
            return z

        @property
        def told(self):
            return self.z.no_such_thing

    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = Broken(A).told


def test_the_graph_and_the_parameters_are_there_in_one_way():
    J = sc.mean(sc.dense(A, 2, seed=0))
    assert [n.name for n in J.graph.order if n.name] == [n.name for n in J.graph().order if n.name]
    assert J.graph.params == J.params
