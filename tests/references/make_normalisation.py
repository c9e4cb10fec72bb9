"""References of the normalisation layers, by PyTorch in float64: ``python tests/references/make_normalisation.py``.

Batch normalisation is trained for ten steps, on other batches in each; of the other layers, the value and the errors of
one pass are stored.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

SHAPES = {"n_c": (6, 3), "n_c_t": (5, 3, 4), "n_c_h_w": (4, 3, 5, 4), "n_c_d_h_w": (3, 2, 2, 3, 2)}
MODULES = [nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d]


def trained(module, shape):
    """Ten steps of gradient descent on the mean squared distance of tanh(batch_norm(x)) from t."""
    channels = shape[1]
    layer = module(channels, eps=1e-3, momentum=0.2).double()
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(0.5, 1.5, channels, dtype=torch.float64))
        layer.bias.copy_(torch.linspace(-0.2, 0.3, channels, dtype=torch.float64))
    x, t = 2 + 3 * torch.randn(10, *shape, dtype=torch.float64), torch.randn(10, *shape, dtype=torch.float64)
    descent, losses = torch.optim.SGD(layer.parameters(), lr=0.3), []
    first = x[0].clone().requires_grad_()
    loss = ((torch.tanh(layer(first)) - t[0]) ** 2).mean()
    loss.backward()
    found = {"dx": first.grad, "dgain": layer.weight.grad.clone(), "db": layer.bias.grad.clone()}
    layer.reset_running_stats()
    for n in range(10):
        descent.zero_grad()
        loss = ((torch.tanh(layer(x[n])) - t[n]) ** 2).mean()
        loss.backward()
        descent.step()
        losses.append(loss.detach())
    layer.eval()
    found |= {"x": x, "t": t, "losses": torch.stack(losses), "gain": layer.weight, "b": layer.bias}
    return found | {"mean": layer.running_mean, "var": layer.running_var, "predicted": layer(x[0])}


def passed(layer, shape):
    """The value of a layer, whose gain and bias are random, and the errors that follow from that of its value."""
    x = (1 + 2 * torch.randn(*shape, dtype=torch.float64)).requires_grad_()
    delta = torch.randn(*shape, dtype=torch.float64)
    for p in layer.parameters():
        torch.nn.init.normal_(p, 1, 0.5)
    value = layer(x)
    value.backward(delta)
    found = {"x": x, "delta": delta, "value": value, "dx": x.grad}
    names = {"weight": "gain", "bias": "b"}
    for name, p in layer.named_parameters():
        found |= {names[name]: p, f"d{names[name]}": p.grad}
    return found


def main():
    torch.manual_seed(0)
    found = {}
    for (name, shape), module in zip(SHAPES.items(), MODULES, strict=True):
        found |= {f"batch/{name}/{k}": v for k, v in trained(module, shape).items()}
    layers = {
        "layer/all": (nn.LayerNorm([3, 4, 2], eps=1e-3), (4, 3, 4, 2)),
        "layer/last": (nn.LayerNorm(5), (3, 4, 5)),
        "group/2": (nn.GroupNorm(2, 6), (3, 6, 4, 2)),
        "group/3 of a row": (nn.GroupNorm(3, 6, eps=0.1), (4, 6)),
        "instance/t": (nn.InstanceNorm1d(3, affine=True), (4, 3, 5)),
        "instance/h_w": (nn.InstanceNorm2d(3, affine=True), (2, 3, 4, 3)),
        "response/5": (nn.LocalResponseNorm(5, alpha=0.3, beta=0.75, k=2.0), (3, 8, 3, 2)),
        "response/4": (nn.LocalResponseNorm(4, alpha=0.5, beta=1.5, k=1.0), (3, 6, 3)),
        "response/3 of 2": (nn.LocalResponseNorm(3, alpha=1.0, beta=0.5), (3, 2, 3, 2)),
    }
    for name, (layer, shape) in layers.items():
        found |= {f"{name}/{k}": v for k, v in passed(layer.double(), shape).items()}
    arrays = {k: v.detach().numpy() for k, v in found.items()}
    np.savez_compressed(Path(__file__).with_name("normalisation.npz"), **arrays)


if __name__ == "__main__":
    main()
