"""Node types as users write them, shared by tests."""

import symcnn as sc


class Scaled(sc.Node):
    """k z + c: an attribute with a default value, and one without."""

    z: sc.Node
    k: float
    c: float = 0.5
    latex = r"{k} \, {z} + {c}"

    def forward(self, xp, z):
        return self.k * z + self.c

    def backward(self, delta):
        return (self.k * delta,)


class Blend(sc.Node):
    """The sum of any number of nodes, plus one more where it is given."""

    xs: tuple[sc.Node, ...]
    more: sc.Node | None = None

    def forward(self, xp, *xs):
        return sum(xs[1:], start=xs[0])

    def backward(self, delta):
        return (delta,) * len(self.inputs)


class Sorted(sc.Node):
    """Not element by element: the native engine has no loops for it."""

    x: sc.Node

    def infer(self):
        return self.x.spec

    def forward(self, xp, x):
        return xp.sort(x, axis=-1)
