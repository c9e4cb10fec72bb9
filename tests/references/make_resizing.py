"""PyTorch's resized maps and their gradients in float64, as `resizing.npz`: python make_resizing.py"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

CASES = [
    (shape, size, mode, corners)
    for shape, sizes in {
        (2, 3, 5): [(10,), (5,), (3,), (8,), (1,)],
        (2, 2, 4, 6): [(8, 12), (8, 6), (3, 5), (5, 13), (1, 1), (4, 3)],
        (1, 2, 3, 4, 2): [(6, 8, 4), (2, 5, 3), (3, 1, 2)],
        (1, 1, 1, 1): [(3, 2)],
    }.items()
    for size in sizes
    for mode, corners in (("nearest", False), ("linear", False), ("linear", True))
]


def main() -> None:
    """Write the file: for each case what is resized to what, and where errors go back to."""
    rng = np.random.default_rng(0)
    found = {}
    for number, (shape, size, mode, corners) in enumerate(CASES):
        x = torch.tensor(rng.integers(-8, 8, shape).astype(float), requires_grad=True)
        named = {"nearest": "nearest", "linear": ["linear", "bilinear", "trilinear"][len(size) - 1]}[mode]
        options = {"align_corners": corners} if mode == "linear" else {}
        y = functional.interpolate(x, size=size, mode=named, **options)
        delta = torch.tensor(rng.integers(-8, 8, tuple(y.shape)).astype(float))
        (gradient,) = torch.autograd.grad(y, x, delta)
        for name, array in (("x", x), ("y", y), ("delta", delta), ("gradient", gradient)):
            found[f"{number}.{name}"] = array.detach().numpy()
    np.savez_compressed(Path(__file__).with_name("resizing.npz"), cases=np.array([repr(c) for c in CASES]), **found)


if __name__ == "__main__":
    main()
