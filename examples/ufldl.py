"""The tutorial's convolutional network, written out: build it, look at its backward pass, train it.

python examples/ufldl.py                     on the 2,000 digits that come with the package
python examples/ufldl.py --data mnist.npz    on the full MNIST, 3 epochs as in the tutorial
"""

import argparse

import symcnn as sc


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--data", help="the full MNIST: an .npz file or a folder")
    options.add_argument("--epochs", type=int)
    chosen = options.parse_args()

    # The network: 20 filters of 9x9, sigmoid, mean pooling over 2x2, a dense layer, the softmax.
    x = sc.Input("x", (None, 1, 28, 28))
    y = sc.Input("y", (None,), dtype="int64")
    z1 = sc.conv(x, filters=20, size=9, name="conv1", init=sc.initial.normal(0.1), seed=0)
    a1 = sc.sigmoid(z1)
    p1 = sc.mean_pool(a1, 2)
    z2 = sc.dense(p1, 10, name="out", seed=1)
    J = sc.softmax_cross_entropy(z2, y)

    # Its backward pass is a graph, too: every error has a name and an equation.
    back = sc.backprop(J)
    print(back.equations())
    print(f"\ndelta(z1) has the shape {back.delta(z1).shape}, as z1 has\n")

    # Training: forward, backward and the update of the parameters are one compiled program.
    full = chosen.data is not None
    digits = sc.data.mnist(chosen.data) if full else sc.data.mnist_mini()
    history = sc.fit(
        J,
        digits.train,
        optimizer=sc.SGD(
            lr=sc.schedules.by_epoch(0.1, 0.5 if full else 1.0),
            momentum=sc.schedules.piecewise({0: 0.5, 20: 0.95}),
        ),
        epochs=chosen.epochs or (3 if full else 10),
        batch=256 if full else 32,
        validation=digits.test,
        metrics={"accuracy": sc.accuracy(z2, y)},
    )
    print(history)


if __name__ == "__main__":
    main()
