"""Writes convolutions.npz: convolutions of every kind, with their gradients, by PyTorch in float64.

All numbers are small and whole, so the results are exact, and are stored as integers.

    pip install torch==2.13.0
    python tests/references/make_convolutions.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

FUNCTIONS = {
    "conv": (functional.conv1d, functional.conv2d, functional.conv3d),
    "transposed": (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d),
}


def cases() -> list[dict[str, Any]]:
    """Arguments: all in which the output is not empty, thinned out by a fixed rule."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(320):
        axes = int(rng.choice([1, 2, 2, 2, 3]))
        kind = "transposed" if number % 3 == 2 else "conv"
        groups = int(rng.choice([1, 1, 2, 3]))
        lengths = rng.integers(3, 8 if axes < 3 else 6, axes)
        size = rng.integers(1, 5 if axes < 3 else 4, axes)
        stride, dilation = rng.integers(1, 4, axes), rng.integers(1, 4 if axes < 3 else 3, axes)
        pad, more = rng.integers(0, 4, axes), rng.integers(0, 3, axes)
        reach = (size - 1) * dilation + 1
        if kind == "conv":
            pad, more, fits = pad, pad * 0, (lengths + 2 * pad >= reach).all()
        else:
            more = np.minimum(more, np.maximum(stride, dilation) - 1)
            fits = ((lengths - 1) * stride + reach + more - 2 * pad >= 1).all()
        if fits:
            arrays = {
                "size": size,
                "stride": stride,
                "dilation": dilation,
                "pad": pad,
                "more": more,
                "lengths": lengths,
            }
            case = {name: tuple(map(int, value)) for name, value in arrays.items()}
            multiples = {"channels": groups * int(rng.integers(1, 3)), "filters": groups * int(rng.integers(1, 4))}
            found.append({"kind": kind, "axes": axes, "groups": groups, "bias": bool(number % 4), **multiples, **case})
    return found


def computed(case: dict[str, Any], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The inputs, the result, and the gradients of its product with an error, `delta`."""
    transposed, groups = case["kind"] == "transposed", case["groups"]
    ends = (
        (case["channels"], case["filters"] // groups) if transposed else (case["filters"], case["channels"] // groups)
    )
    x = rng.integers(-3, 4, (2, case["channels"], *case["lengths"]))
    w, b = rng.integers(-3, 4, (*ends, *case["size"])), rng.integers(-3, 4, case["filters"])
    tensors = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x, w, b)]
    options = {name: case[name] for name in ("stride", "dilation", "groups")} | {"padding": case["pad"]}
    options |= {"output_padding": case["more"]} if transposed else {}
    z = FUNCTIONS[case["kind"]][case["axes"] - 1](
        tensors[0], tensors[1], tensors[2] if case["bias"] else None, **options
    )
    delta = rng.integers(-3, 4, tuple(z.shape))
    (z * torch.tensor(delta, dtype=torch.float64)).sum().backward()
    found = {"x": x, "w": w, "b": b, "delta": delta, "z": z.detach().numpy()}
    found |= {"gx": tensors[0].grad.numpy(), "gw": tensors[1].grad.numpy()}
    return found | ({"gb": tensors[2].grad.numpy()} if case["bias"] else {})


def main() -> None:
    """Write the file beside this one: all arrays in a row, and for each case its arguments and shapes."""
    rng, told, numbers = np.random.default_rng(1), [], []
    for case in cases():
        arrays = computed(case, rng)
        assert all((value == value.astype("int16")).all() for value in arrays.values())
        told.append(repr((case, {name: value.shape for name, value in arrays.items()})))
        numbers += [value.astype("int16").ravel() for value in arrays.values()]
    path = Path(__file__).with_name("convolutions.npz")
    np.savez_compressed(path, cases=np.array(told), numbers=np.concatenate(numbers))
    print(f"{path}: {len(told)} cases, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
