"""The networks of examples/networks.py beside PyTorch's: the loss and all its gradients, in float64."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import symcnn as sc

ROOT = Path(__file__).parents[2]
nets = SimpleNamespace(**runpy.run_path(str(ROOT / "examples" / "networks.py")))


class Reference:
    """What PyTorch has computed: feeds, weights and gradients by name, and the loss."""

    def __init__(self, name):
        self.weights, self.gradients, self.feeds = {}, {}, {}
        with np.load(ROOT / "tests" / "references" / "networks" / f"{name}.npz") as file:
            self.loss = float(file["loss"])
            parts = {"weight": self.weights, "gradient": self.gradients, "feed": self.feeds}
            for key in set(file.files) - {"loss"}:
                kind, _, rest = key.partition("/")
                parts[kind][rest] = file[key] / 64 if kind == "weight" else file[key]

    def input(self, name):
        """The input that is fed with the array of that name."""
        array = self.feeds[name]
        return sc.Input(name, (None, *array.shape[1:]), array.dtype)


def labelled(make):
    """The cross-entropy of scores."""
    return lambda ref: sc.softmax_cross_entropy(make(ref.input("x")), ref.input("y"))


def mobilenet(x):
    h = nets.mobilenet_block(nets.mobilenet_block(x, 8, name="block1"), 12, 2, name="block2")
    return sc.dense(sc.global_mean_pool(h), 10, name="fc")


def inception(x):
    return sc.dense(sc.global_mean_pool(nets.inception_block(x, (4, 5, 6, 2, 3, 3), "block")), 10, name="fc")


def sparse_autoencoder(x, name="ae"):
    return nets.sparse_autoencoder(x, 10, rho=0.1, decay=3e-3, name=name)


def lenet5(ref):
    distances = nets.lenet5(ref.input("x"), ref.feeds.pop("codes"), c5=8)
    return nets.lenet5_loss(distances, ref.input("y"))


def wgan_gp(ref):
    w = nets.critic(width=4, channels=2, size=8, dtype="float64")
    return nets.wgan_gp(ref.input("real"), ref.input("fake"), ref.input("eps"), w)


PORTS = {
    "mnist_pytorch": labelled(lambda x: sc.inference(nets.mnist_pytorch(x, width=4, hidden=12))),
    "mnist_keras": labelled(lambda x: sc.inference(nets.mnist_keras(x, width=4))),
    "three_layers": labelled(lambda x: nets.three_layers(x, hidden=(9, 8))),
    "lenet5": lenet5,
    "alexnet": labelled(lambda x: sc.inference(nets.alexnet(x, width=6, hidden=12, classes=10))),
    "resnet20": labelled(lambda x: nets.resnet(x, width=4)),
    "unet": lambda ref: sc.sigmoid_cross_entropy(nets.unet(ref.input("x"), width=4, depth=2), ref.input("t")),
    "mobilenet": labelled(mobilenet),
    "inception": labelled(inception),
    "context": lambda ref: sc.squared_error(nets.context_network(ref.input("x")), ref.input("t")),
    "speech": lambda ref: sc.softmax_cross_entropy(
        nets.speech_lstm(ref.input("x"), ref.input("lengths"), units=10), ref.input("y")
    ),
    "attention": lambda ref: sc.squared_error(
        nets.attention_block(ref.input("x"), heads=2, hidden=12, lengths=ref.input("lengths")), ref.input("t")
    ),
    "sparse_autoencoder": lambda ref: sparse_autoencoder(ref.input("x"))[0],
    "stacked_autoencoder": labelled(lambda x: nets.stacked_autoencoder(x, hidden=(10, 8))),
    "wgan_gp": wgan_gp,
}


def compared(J, ref, backend):
    """The loss and the gradient of each of its parameters, which get PyTorch's weights."""
    params = {p.name: p for p in J.params}
    assert sorted(params) == sorted(ref.gradients)
    for name, p in params.items():
        value = ref.weights[name]
        p.value[...] = value if p.mask is None else np.where(p.mask, value, 0)
    program = sc.compile([J, *sc.grad(J, list(params.values()))], backend=backend)
    loss, *gradients = program(ref.feeds)
    assert loss == pytest.approx(ref.loss, rel=1e-12)
    for name, found in zip(params, gradients, strict=True):
        expected = ref.gradients[name]
        scale = np.abs(expected).max() + 1e-6 * abs(ref.loss)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10 * scale, err_msg=name)


@pytest.mark.parametrize("name", PORTS)
def test_loss_and_gradients_are_those_of_pytorch(name):
    ref = Reference(name)
    compared(PORTS[name](ref), ref, "numpy")


@pytest.mark.slow
@pytest.mark.parametrize("name", PORTS)
def test_native_loss_and_gradients_are_those_of_pytorch(name):
    ref = Reference(name)
    compared(PORTS[name](ref), ref, "native")


def test_a_second_autoencoder_learns_the_features_of_the_first():
    """The stacked autoencoder's layers are trained one after the other before all are fine-tuned."""
    ref = Reference("second_autoencoder")
    a2 = sparse_autoencoder(ref.input("x"), "ae1")[1]
    for p in a2.params:
        p.value[...] = ref.weights[p.name]
    ref.feeds = {"features": sc.compile(a2)(ref.feeds)}
    J, _ = nets.sparse_autoencoder(ref.input("features"), 8, rho=0.1, decay=3e-3, name="ae2")
    compared(J, ref, "numpy")


@pytest.mark.slow
def test_all_have_their_published_sizes(capsys):
    nets.main()
    counts = {line.split()[0]: line.split()[-2] for line in capsys.readouterr().out.splitlines()}
    published = {
        "mnist_pytorch": "1,199,882",
        "mnist_keras": "34,826",
        "lenet5": "60,000",
        "alexnet": "60,965,224",
        "resnet20": "269,722",
        "unet": "31,030,593",
        "inception_block": "163,696",
    }
    assert {name: counts[name] for name in published} == published
