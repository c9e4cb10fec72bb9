"""Values and two derivatives of PyTorch's activations in float64, as `activations.npz`: python make_activations.py"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

X = np.concatenate([np.linspace(-8, 8, 41), [-1000, -30, -6, -3, -1, -1e-9, 1e-9, 1, 3, 6, 30, 1000]])
ACTIVATIONS = {
    "leaky_relu": lambda t: functional.leaky_relu(t, 0.1),
    "prelu": lambda t: functional.prelu(t, torch.tensor([0.25], dtype=torch.float64)),
    "elu": lambda t: functional.elu(t, 0.7),
    "selu": functional.selu,
    "celu": lambda t: functional.celu(t, 0.5),
    "gelu": functional.gelu,
    "gelu_by_tanh": lambda t: functional.gelu(t, approximate="tanh"),
    "silu": functional.silu,
    "mish": functional.mish,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_swish": functional.hardswish,
    "hard_tanh": lambda t: functional.hardtanh(t, -2, 1),
    "relu6": functional.relu6,
    "softsign": functional.softsign,
    "softmin": lambda t: functional.softmin(t, -1),
}


def main() -> None:
    """Write the file: for each function three rows, x in the first of all."""
    found = {"x": X}
    for name, function in ACTIVATIONS.items():
        t = torch.tensor(X, requires_grad=True)
        value = function(t)
        weights = torch.cos(t.detach())
        (first,) = torch.autograd.grad((value * weights).sum(), t, create_graph=True)
        straight = name in ("hard_sigmoid", "hard_tanh", "relu6", "leaky_relu", "prelu")  # partly not implemented there
        second = torch.zeros_like(t) if straight else torch.autograd.grad((first * weights).sum(), t)[0]
        found[name] = np.stack([a.detach().numpy() for a in (value, first, second)])
    np.savez_compressed(Path(__file__).with_name("activations.npz"), **found)


if __name__ == "__main__":
    main()
