"""Well-known networks, each in about as many lines as elsewhere: functions of an input, or of its loss.

    python examples/networks.py        lists them with their parameters

Widths have the published values unless others are given. Dropout and batch normalisation are those of training;
`symcnn.inference` makes the graph that predicts.
"""

from __future__ import annotations

import numpy as np

import symcnn as sc

# Digits ----------------------------------------------------------------------------------------------


def mnist_pytorch(x: sc.Node, width: int = 32, hidden: int = 128) -> sc.Node:
    """PyTorch's MNIST example: two convolutions, one pool, two dense layers, dropout between them."""
    h = sc.relu(sc.conv(x, width, 3, name="conv1"))
    h = sc.relu(sc.conv(h, 2 * width, 3, name="conv2"))
    h = sc.dropout(sc.max_pool(h, 2), 0.25, name="dropout1")
    h = sc.relu(sc.dense(h, hidden, name="fc1"))
    return sc.dense(sc.dropout(h, 0.5, name="dropout2"), 10, name="fc2")


def mnist_keras(x: sc.Node, width: int = 32) -> sc.Node:
    """Keras' simple MNIST convnet: two convolutions, each with a pool, and one dense layer behind dropout."""
    h = sc.max_pool(sc.relu(sc.conv(x, width, 3, name="conv1")), 2)
    h = sc.max_pool(sc.relu(sc.conv(h, 2 * width, 3, name="conv2")), 2, border="drop")
    return sc.dense(sc.dropout(h, 0.5, name="dropout"), 10, name="fc")


def three_layers(x: sc.Node, hidden: tuple[int, int] = (100, 100)) -> sc.Node:
    """The fully connected network of CS231n's second assignment, with batch normalisation: affine - norm - relu."""
    for n, units in enumerate(hidden, 1):
        x = sc.relu(sc.batch_norm(sc.dense(x, units, name=f"fc{n}"), name=f"bn{n}"))
    return sc.dense(x, 10, name=f"fc{len(hidden) + 1}")


C3_TABLE = [
    *([0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5]),
    *([0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5]),
    *([0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]),
]
"""Table I of LeCun et al. (1998): which maps of S2 each of the 16 maps of C3 sees."""


def squash(z: sc.Node) -> sc.Node:
    """LeNet-5's scaled hyperbolic tangent."""
    return 1.7159 * sc.tanh(2 / 3 * z)


def lenet5(x: sc.Node, codes: np.ndarray, c5: int = 120) -> sc.Node:
    """LeNet-5 as published, over 32x32 images: the squared distances of F6 to each class's `codes` (10, 84)."""
    h = squash(sc.conv(x, 6, 5, name="C1"))
    h = squash(sc.scale(4 * sc.mean_pool(h, 2), name="S2"))
    h = squash(sc.conv(h, 16, 5, table=C3_TABLE, name="C3"))
    h = squash(sc.scale(4 * sc.mean_pool(h, 2), name="S4"))
    h = squash(sc.conv(h, c5, 5, name="C5"))
    h = squash(sc.dense(h, 84, name="F6"))
    return sc.sum((sc.reshape(h, (None, 1, 84)) - codes) ** 2, axis=2)


def lenet5_loss(distances: sc.Node, y: sc.Node, j: float = 0.1) -> sc.Node:
    """LeNet-5's criterion, (9) in the paper: the distance of the right class is small, and all others are large."""
    right = sc.sum(sc.one_hot(y, 10, distances.dtype.name) * distances, axis=1)
    rubbish = 0 * distances[:, :1] - j
    return sc.mean(right + sc.logsumexp(sc.concat([-distances, rubbish]), axis=1))


# Images ----------------------------------------------------------------------------------------------


def alexnet(x: sc.Node, width: int = 96, hidden: int = 4096, classes: int = 1000) -> sc.Node:
    """AlexNet: response normalisation, overlapping pools, and convolutions in two groups."""

    def norm(h: sc.Node) -> sc.Node:
        return sc.local_response_norm(h, 5, alpha=5e-4, beta=0.75, k=2)

    h = sc.relu(sc.conv(x, width, 11, stride=4, pad=2, name="conv1"))
    h = sc.max_pool(norm(h), 3, stride=2)
    h = sc.relu(sc.conv(h, width * 8 // 3, 5, pad=2, groups=2, name="conv2"))
    h = sc.max_pool(norm(h), 3, stride=2)
    h = sc.relu(sc.conv(h, width * 4, 3, pad=1, name="conv3"))
    h = sc.relu(sc.conv(h, width * 4, 3, pad=1, groups=2, name="conv4"))
    h = sc.relu(sc.conv(h, width * 8 // 3, 3, pad=1, groups=2, name="conv5"))
    h = sc.dropout(sc.max_pool(h, 3, stride=2), name="dropout6")
    h = sc.dropout(sc.relu(sc.dense(h, hidden, name="fc6")), name="dropout7")
    return sc.dense(sc.relu(sc.dense(h, hidden, name="fc7")), classes, name="fc8")


def resnet(x: sc.Node, width: int = 16, blocks: int = 3, classes: int = 10) -> sc.Node:
    """ResNet for small images: with three blocks a stage ResNet-20, with shortcuts that have no parameters."""

    def conv_norm(h: sc.Node, filters: int, stride: int, name: str) -> sc.Node:
        z = sc.conv(h, filters, 3, stride=stride, pad=1, bias=False, name=f"{name}.conv")
        return sc.batch_norm(z, name=f"{name}.bn")

    def block(h: sc.Node, filters: int, stride: int, name: str) -> sc.Node:
        z = conv_norm(sc.relu(conv_norm(h, filters, stride, f"{name}.a")), filters, 1, f"{name}.b")
        more = (filters - h.shape[1]) // 2
        return sc.relu(z + sc.pad(h[:, :, ::stride, ::stride], ((0, 0), (more, more), (0, 0), (0, 0))))

    h = sc.relu(conv_norm(x, width, 1, "stem"))
    for stage in range(3):
        for n in range(blocks):
            h = block(h, width << stage, 2 if stage and not n else 1, f"stage{stage}.{n}")
    return sc.dense(sc.global_mean_pool(h), classes, name="fc")


def unet(x: sc.Node, width: int = 64, depth: int = 4, classes: int = 1) -> sc.Node:
    """A U-Net: down by pools, up by transposed convolutions, each joined with what was as large before."""

    def twice(h: sc.Node, filters: int, name: str) -> sc.Node:
        h = sc.relu(sc.conv(h, filters, 3, pad="same", name=f"{name}.a"))
        return sc.relu(sc.conv(h, filters, 3, pad="same", name=f"{name}.b"))

    kept = []
    for n in range(depth):
        x = twice(x, width << n, f"down{n}")
        kept.append(x)
        x = sc.max_pool(x, 2)
    x = twice(x, width << depth, "bottom")
    for n in reversed(range(depth)):
        x = sc.conv_transposed(x, width << n, 2, stride=2, name=f"up{n}")
        x = twice(sc.concat([kept[n], x]), width << n, f"joined{n}")
    return sc.conv(x, classes, 1, name="out")


def mobilenet_block(x: sc.Node, filters: int, stride: int = 1, name: str = "") -> sc.Node:
    """MobileNet's block: a convolution of each channel for itself, and one of all channels at each place."""
    channels = x.shape[1]
    h = sc.conv(x, channels, 3, stride=stride, pad=1, groups=channels, bias=False, name=f"{name}.depthwise")
    h = sc.relu(sc.batch_norm(h, name=f"{name}.bn1"))
    h = sc.conv(h, filters, 1, bias=False, name=f"{name}.pointwise")
    return sc.relu(sc.batch_norm(h, name=f"{name}.bn2"))


def inception_block(x: sc.Node, widths: tuple[int, ...] = (64, 96, 128, 16, 32, 32), name: str = "") -> sc.Node:
    """GoogLeNet's block: convolutions of three sizes and a pool beside each other."""

    def unit(h: sc.Node, filters: int, size: int, part: str) -> sc.Node:
        return sc.relu(sc.conv(h, filters, size, pad=size // 2, name=f"{name}.{part}"))

    ones = unit(x, widths[0], 1, "ones")
    threes = unit(unit(x, widths[1], 1, "to_threes"), widths[2], 3, "threes")
    fives = unit(unit(x, widths[3], 1, "to_fives"), widths[4], 5, "fives")
    pooled = unit(sc.max_pool(x, 3, stride=1, pad=1), widths[5], 1, "pooled")
    return sc.concat([ones, threes, fives, pooled])


def context_network(x: sc.Node, dilations: tuple[int, ...] = (1, 1, 2, 4, 8, 16, 1)) -> sc.Node:
    """The context module of Yu and Koltun: what each unit sees grows exponentially, and maps keep their size."""
    channels = x.shape[1]
    for n, dilation in enumerate(dilations):
        x = sc.relu(sc.conv(x, channels, 3, pad=dilation, dilation=dilation, name=f"context{n}"))
    return sc.conv(x, channels, 1, name="out")


# Sequences -------------------------------------------------------------------------------------------


def speech_lstm(x: sc.Node, lengths: sc.Node, units: int = 32, classes: int = 9) -> sc.Node:
    """Who is speaking: the last output of an LSTM over frames (N, T, D), of which each utterance has its own number."""
    return sc.dense(sc.lstm(x, units, lengths=lengths, returns="last", name="lstm"), classes, name="fc")


def attention_block(x: sc.Node, heads: int = 8, hidden: int = 2048, lengths: sc.Node | None = None) -> sc.Node:
    """A block of a transformer's encoder, with the normalisation first."""
    x = x + sc.multi_head_attention(sc.layer_norm(x, axes=-1, name="norm1"), heads=heads, lengths=lengths, name="attn")
    h = sc.relu(sc.dense(sc.layer_norm(x, axes=-1, name="norm2"), hidden, axis=-1, name="fc1"))
    return x + sc.dense(h, x.shape[2], axis=-1, name="fc2")


# Losses that need more than labels -------------------------------------------------------------------


def sparse_autoencoder(
    x: sc.Node, hidden: int = 25, rho: float = 0.01, decay: float = 1e-4, beta: float = 3, name: str = "ae"
) -> tuple[sc.Node, sc.Node]:
    """UFLDL's sparse autoencoder: its cost, with weight decay and the KL divergence of mean activities, and a2."""
    a2 = sc.sigmoid(sc.dense(x, hidden, name=f"{name}.fc1"))
    a3 = sc.sigmoid(sc.dense(a2, x.shape[1], name=f"{name}.fc2"))
    active = sc.mean(a2, axis=0)
    kl = sc.sum(rho * sc.log(rho / active) + (1 - rho) * sc.log((1 - rho) / (1 - active)))
    return sc.weight_decay(sc.squared_error(a3, x), decay) + beta * kl, a2


def stacked_autoencoder(x: sc.Node, hidden: tuple[int, int] = (200, 200), classes: int = 10) -> sc.Node:
    """UFLDL's deep network of two autoencoders' first layers, which is fine-tuned with a softmax on top."""
    for n, units in enumerate(hidden, 1):
        x = sc.sigmoid(sc.dense(x, units, name=f"ae{n}.fc1"))
    return sc.dense(x, classes, name="softmax")


def critic(width: int = 64, channels: int = 3, size: int = 32, dtype: str = "float32") -> dict[str, sc.Param]:
    """The weights of a WGAN's critic, which scores real images, those that were made, and those between."""
    rng, shapes = np.random.default_rng(0), [(width, channels, 3, 3), (2 * width, width, 3, 3)]
    made = {f"conv{n}.W": sc.initial.he_normal(rng, shape) for n, shape in enumerate(shapes, 1)}
    made |= {f"conv{n}.b": np.zeros(shape[0]) for n, shape in enumerate(shapes, 1)}
    made["fc.W"] = sc.initial.he_normal(rng, (1, 2 * width * (size // 4) ** 2))
    return {name: sc.Param(name, value.astype(dtype)) for name, value in made.items()}


def score(x: sc.Node, w: dict[str, sc.Param]) -> sc.Node:
    """What the critic says of each image."""
    for n in (1, 2):
        x = sc.leaky_relu(sc.convolve(x, w[f"conv{n}.W"], w[f"conv{n}.b"], stride=2, pad=1), 0.2)
    return sc.Dense(sc.flatten(x), w["fc.W"])


def wgan_gp(real: sc.Node, fake: sc.Node, eps: sc.Node, w: dict[str, sc.Param], penalty: float = 10) -> sc.Node:
    """The critic's loss with the gradient penalty: its training differentiates a gradient."""
    between = eps * real + (1 - eps) * fake
    (slope,) = sc.grad(sc.sum(score(between, w)), [between])
    norm = sc.sqrt(sc.sum(slope**2, axis=(1, 2, 3)))
    return sc.mean(score(fake, w)) - sc.mean(score(real, w)) + penalty * sc.mean((norm - 1) ** 2)


def main() -> None:
    """All of them, at their published size."""
    digits, frames = sc.Input("x", (None, 1, 28, 28)), sc.Input("x", (None, 29, 12))
    lengths = sc.Input("lengths", (None,), dtype="int64")
    made = {
        "mnist_pytorch": mnist_pytorch(digits),
        "mnist_keras": mnist_keras(digits),
        "three_layers": three_layers(digits),
        "lenet5": lenet5(sc.Input("x", (None, 1, 32, 32)), np.ones((10, 84), np.float32)),
        "alexnet": alexnet(sc.Input("x", (None, 3, 224, 224))),
        "resnet20": resnet(sc.Input("x", (None, 3, 32, 32))),
        "unet": unet(sc.Input("x", (None, 1, 64, 64))),
        "mobilenet_block": mobilenet_block(sc.Input("x", (None, 64, 32, 32)), 128, 2, name="block"),
        "inception_block": inception_block(sc.Input("x", (None, 192, 28, 28)), name="inception3a"),
        "context_network": context_network(sc.Input("x", (None, 21, 64, 64))),
        "speech_lstm": speech_lstm(frames, lengths),
        "attention_block": attention_block(sc.Input("x", (None, 20, 512))),
        "sparse_autoencoder": sparse_autoencoder(sc.Input("x", (None, 64)))[0],
        "stacked_autoencoder": stacked_autoencoder(digits),
        "critic": score(sc.Input("x", (None, 3, 32, 32)), critic()),
    }
    for name, node in made.items():
        print(f"{name:20} {node.shape!s:24} {sum(p.size for p in node.params):12,} parameters")


if __name__ == "__main__":
    main()
