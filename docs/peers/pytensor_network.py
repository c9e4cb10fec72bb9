"""Draw the tutorial's network, forward and backward, with PyTensor. Run as: python pytensor_network.py FOLDER."""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.d3viz import d3viz
from pytensor.printing import pydotprint
from pytensor.tensor.signal import convolve2d

folder = Path(sys.argv[1])
print(f"PyTensor {version('pytensor')}, pydot {version('pydot')}")
rng = np.random.default_rng(0)
x, y = pt.tensor("x", shape=(4, 1, 28, 28)), pt.tensor("y", shape=(4,), dtype="int64")
W1 = pytensor.shared(rng.normal(0, 0.1, (20, 9, 9)), "W1", shape=(20, 9, 9))
b1 = pytensor.shared(np.zeros((20, 1, 1)), "b1", shape=(20, 1, 1))
W2 = pytensor.shared(rng.normal(0, 0.02, (2000, 10)), "W2", shape=(2000, 10))
b2 = pytensor.shared(np.zeros(10), "b2", shape=(10,))

z1 = convolve2d(x, W1, mode="valid") + b1
a1 = pt.sigmoid(z1)
p1 = a1.reshape((4, 20, 10, 2, 10, 2)).mean(axis=(3, 5))
z2 = p1.reshape((4, 2000)) @ W2 + b2
J = -pt.log(pt.special.softmax(z2, axis=1))[pt.arange(4), y].mean()
gradients = pytensor.grad(J, [W1, b1, W2, b2])
for name, variable in zip(("z1", "a1", "p1", "z2", "J"), (z1, a1, p1, z2, J), strict=True):
    variable.name = name
for parameter, gradient in zip((W1, b1, W2, b2), gradients, strict=True):
    gradient.name = f"dJ/d{parameter.name}"

drawn = pytensor.function([x, y], [J, *gradients])
pydotprint(drawn, outfile=folder / "pydotprint.svg", format="svg", high_contrast=False, print_output_file=False)
d3viz(drawn, folder / "d3viz.html")
