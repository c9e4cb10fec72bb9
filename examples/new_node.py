"""A node type of one's own: nothing is registered, and everything works with it at once.

python examples/new_node.py
"""

import symcnn as sc


class Softplus(sc.Node):
    """log(1 + e^z), element by element."""

    z: sc.Node
    latex = r"\log(1 + e^{{{z}}})"

    def forward(self, xp, z):
        return xp.logaddexp(z, 0 * z)

    def backward(self, delta):
        return (delta * sc.sigmoid(self.z),)


def main() -> None:
    # Everything that a node type owes is checked: shapes, first and second derivatives, dtypes, formula, ...
    print(sc.testing.check_node(Softplus))

    # It stands in a network like any built-in type, prints its equations, and trains.
    x = sc.Input("x", (None, 1, 28, 28))
    y = sc.Input("y", (None,), dtype="int64")
    a1 = Softplus(sc.conv(x, filters=8, size=9, seed=0))
    scores = sc.dense(sc.max_pool(a1, 2), 10, seed=1)
    J = sc.softmax_cross_entropy(scores, y)
    print(f"\n{sc.backprop(J).equations()}\n")
    digits = sc.data.mnist_mini()
    accuracy = {"accuracy": sc.accuracy(scores, y)}
    print(sc.fit(J, digits.train, optimizer=sc.Adam(), epochs=3, validation=digits.test, metrics=accuracy))


if __name__ == "__main__":
    main()
