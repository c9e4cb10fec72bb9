"""Writes pooling.npz: pooling of every kind, with its gradients, by PyTorch in float64.

The numbers are whole and can be divided by the sizes of all windows, so all results but the p-norms are exact integers.

    pip install torch==2.13.0
    python tests/references/make_pooling.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

UNIT = 432
FUNCTIONS = {
    "max": (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d),
    "mean": (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d),
    "lp": (functional.lp_pool1d, functional.lp_pool2d, functional.lp_pool3d),
}


def cases() -> list[dict[str, Any]]:
    """Arguments: all that PyTorch takes, drawn with a fixed seed."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(300):
        kind, axes = ("max", "mean", "max", "mean", "lp")[number % 5], int(rng.choice([1, 2, 2, 2, 3]))
        lengths = rng.integers(3, 10 if axes < 3 else 6, axes)
        size, stride = rng.integers(1, 5 if axes < 3 else 4, axes), rng.integers(1, 4, axes)
        dilation = rng.integers(1, 4 if axes < 3 else 3, axes) if kind == "max" else np.ones(axes, int)
        pad = np.minimum(rng.integers(0, 3, axes), size // 2) if kind != "lp" else np.zeros(axes, int)
        if (lengths + 2 * pad < (size - 1) * dilation + 1).any():
            continue
        named = {"size": size, "stride": stride, "dilation": dilation, "pad": pad, "lengths": lengths}
        case = {name: tuple(map(int, value)) for name, value in named.items()}
        ceil = bool(rng.integers(2)) and kind != "lp"  # windows that are not filled are scaled up there: no p-norms
        found.append({"kind": kind, "ceil": ceil, "counted": bool(rng.integers(2)), **case})
    return found


def computed(case: dict[str, Any], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The input, the result, and the gradient of its product with an error, `delta`."""
    kind, axes = case["kind"], len(case["size"])
    x = rng.integers(-2, 3, (2, 2, *case["lengths"])) * UNIT
    x = np.abs(x) + UNIT if kind == "lp" else x
    tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    options: dict[str, Any] = {"stride": case["stride"], "ceil_mode": case["ceil"]}
    options |= {"padding": case["pad"]} if kind != "lp" else {}
    options |= {"dilation": case["dilation"]} if kind == "max" else {}
    options |= {"count_include_pad": case["counted"]} if kind == "mean" else {}
    size = case["size"] if axes > 1 or kind != "lp" else case["size"][0]
    if kind == "lp":
        options["stride"] = case["stride"] if axes > 1 else case["stride"][0]
        z = FUNCTIONS[kind][axes - 1](tensor, 2.0, size, **options)
    else:
        z = FUNCTIONS[kind][axes - 1](tensor, size, **options)
    delta = rng.integers(-3, 4, tuple(z.shape)) * UNIT
    (z * torch.tensor(delta, dtype=torch.float64)).sum().backward()
    return {"x": x, "delta": delta, "z": z.detach().numpy(), "gx": tensor.grad.numpy()}


def main() -> None:
    """Write the file beside this one: all arrays in a row, and for each case its arguments and shapes."""
    rng, told, whole, real = np.random.default_rng(1), [], [], []
    for case in cases():
        arrays = computed(case, rng)
        told.append(repr((case, {name: value.shape for name, value in arrays.items()})))
        for name, value in arrays.items():
            exact = case["kind"] != "lp" or name in ("x", "delta")
            assert not exact or (value == value.astype("int32")).all()
            (whole if exact else real).append(value.ravel())
    path = Path(__file__).with_name("pooling.npz")
    numbers = {"whole": np.concatenate(whole).astype("int32"), "real": np.concatenate(real)}
    np.savez_compressed(path, cases=np.array(told), **numbers)
    print(f"{path}: {len(told)} cases, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
