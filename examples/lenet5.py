"""LeNet-5 (LeCun, Bottou, Bengio and Haffner, 1998): trainable subsampling, and a table of connections in C3.

    python examples/lenet5.py                    on the 2,000 digits that come with the package
    python examples/lenet5.py --data mnist.npz   on the full MNIST

The output layer is a dense layer with a softmax instead of the paper's radial basis functions.
"""

import argparse

import numpy as np

import symcnn as sc

# Table I of the paper: which maps of S2 (rows) each of the 16 maps of C3 (columns) sees.
C3_TABLE = np.array(
    [
        [1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1],
        [1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1],
        [1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1],
        [0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 1],
        [0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1],
        [0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1],
    ]
)


def squash(z: sc.Node) -> sc.Node:
    """The paper's scaled hyperbolic tangent."""
    return 1.7159 * sc.tanh((2 / 3) * z)


def lenet5(x: sc.Node) -> dict[str, sc.Node]:
    """The layers of LeNet-5 over 28x28 images, by their names in the paper."""
    c1 = sc.conv(sc.pad(x, 2), filters=6, size=5, name="C1", seed=1)
    s2 = sc.scale(sc.mean_pool(squash(c1), 2), name="S2")
    c3 = sc.conv(squash(s2), filters=16, size=5, table=C3_TABLE.T, name="C3", seed=3)
    s4 = sc.scale(sc.mean_pool(squash(c3), 2), name="S4")
    c5 = sc.conv(squash(s4), filters=120, size=5, name="C5", seed=5)
    f6 = sc.dense(squash(c5), 84, name="F6", seed=6)
    out = sc.dense(squash(f6), 10, name="OUTPUT", seed=7)
    return {"C1": c1, "S2": s2, "C3": c3, "S4": s4, "C5": c5, "F6": f6, "OUTPUT": out}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--data", help="the full MNIST: an .npz file or a folder")
    options.add_argument("--epochs", type=int, default=8)
    chosen = options.parse_args()

    x = sc.Input("x", (None, 1, 28, 28))
    y = sc.Input("y", (None,), dtype="int64")
    layers = lenet5(x)
    J = sc.softmax_cross_entropy(layers["OUTPUT"], y)
    for name, layer in layers.items():
        count = sum(p.size for p in J.params if p.name.startswith(f"{name}."))
        print(f"{name:7} {layer.shape!s:22} {count:7,} parameters")

    digits = sc.data.mnist_mini() if chosen.data is None else sc.data.mnist(chosen.data)
    history = sc.fit(
        J,
        digits.train,
        optimizer=sc.SGD(lr=sc.schedules.by_epoch(0.02, 0.8), momentum=0.9),
        epochs=chosen.epochs,
        batch=32,
        validation=digits.test,
        metrics={"accuracy": sc.accuracy(layers["OUTPUT"], y)},
    )
    print(history)


if __name__ == "__main__":
    main()
