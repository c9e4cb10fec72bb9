"""Writes networks/*.npz: losses and all gradients of the networks in examples/networks.py, by PyTorch in float64.

Weights are multiples of 1/64, and are stored as whole numbers; names are those of the example's parameters.

    pip install torch==2.13.0
    python tests/references/make_networks.py japanese_vowels_640.npz

The speech is a few utterances of UCI Japanese Vowels (Kudo, Toyama and Shimbo; CC BY 4.0); see examples/speech.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

Arrays = dict[str, np.ndarray]
Loss = Callable[[dict[str, Tensor]], Tensor]
TABLE = [
    *([0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5]),
    *([0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5]),
    *([0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]),
]


# Networks -------------------------------------------------------------------------------------------


class MnistPytorch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3)
        self.fc1, self.fc2 = nn.Linear(128, 12), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2)
        return F.log_softmax(self.fc2(F.relu(self.fc1(torch.flatten(x, 1)))), dim=1)


class MnistKeras(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3)
        self.fc = nn.Linear(72, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(torch.flatten(x, 1))


class ThreeLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(12, 9), nn.Linear(9, 8), nn.Linear(8, 10)
        self.bn1, self.bn2 = nn.BatchNorm1d(9), nn.BatchNorm1d(8)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.fc1(x.flatten(1))))
        return self.fc3(F.relu(self.bn2(self.fc2(x))))


class Subsampling(nn.Module):
    """LeNet-5's: the sum of four units, times a trainable coefficient, plus a bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return 4 * F.avg_pool2d(x, 2) * self.gain[:, None, None] + self.bias[:, None, None]


class LeNet5(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.C1, self.S2, self.C3, self.S4 = nn.Conv2d(1, 6, 5), Subsampling(6), nn.Conv2d(6, 16, 5), Subsampling(16)
        self.C5, self.F6 = nn.Conv2d(16, 8, 5), nn.Linear(8, 84)
        self.table = torch.zeros(16, 6, 1, 1, dtype=torch.float64)
        for f, seen in enumerate(TABLE):
            self.table[f, seen] = 1

    def forward(self, x: Tensor) -> Tensor:
        def squash(z: Tensor) -> Tensor:
            return 1.7159 * torch.tanh(2 / 3 * z)

        x = squash(self.S2(squash(self.C1(x))))
        x = F.conv2d(x, self.C3.weight * self.table, self.C3.bias)
        x = squash(self.C5(squash(self.S4(squash(x)))))
        return squash(self.F6(x.flatten(1)))


class AlexNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 11, stride=4, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(16, 24, 3, padding=1)
        self.conv4 = nn.Conv2d(24, 24, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(24, 16, 3, padding=1, groups=2)
        self.fc6, self.fc7, self.fc8 = nn.Linear(16, 12), nn.Linear(12, 12), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        def norm(h: Tensor) -> Tensor:
            return F.local_response_norm(h, 5, alpha=5e-4, beta=0.75, k=2)

        x = F.max_pool2d(norm(F.relu(self.conv1(x))), 3, 2)
        x = F.max_pool2d(norm(F.relu(self.conv2(x))), 3, 2)
        x = F.relu(self.conv5(F.relu(self.conv4(F.relu(self.conv3(x))))))
        x = F.max_pool2d(x, 3, 2).flatten(1)
        return self.fc8(F.relu(self.fc7(F.relu(self.fc6(x)))))


class ConvNorm(nn.Module):
    def __init__(self, channels: int, filters: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, 3, stride=stride, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(filters)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class Residual(nn.Module):
    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.a, self.b = ConvNorm(channels, filters, stride), ConvNorm(filters, filters)
        self.stride, self.more = stride, (filters - channels) // 2

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more, self.more))
        return F.relu(self.b(F.relu(self.a(x))) + shortcut)


class ResNet20(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.stem, self.fc = ConvNorm(3, width), nn.Linear(4 * width, 10)
        for stage in range(3):
            first = Residual(width << max(stage - 1, 0), width << stage, 2 if stage else 1)
            others = [Residual(width << stage, width << stage, 1) for _ in range(2)]
            self.add_module(f"stage{stage}", nn.Sequential(first, *others))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        for stage in range(3):
            x = getattr(self, f"stage{stage}")(x)
        return self.fc(x.mean((2, 3)))


class Twice(nn.Module):
    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(channels, filters, 3, padding=1), nn.Conv2d(filters, filters, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.b(F.relu(self.a(x))))


class UNet(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.down0, self.down1, self.bottom = Twice(2, width), Twice(width, 2 * width), Twice(2 * width, 4 * width)
        self.up1, self.up0 = (nn.ConvTranspose2d(n * width, n * width // 2, 2, stride=2) for n in (4, 2))
        self.joined1, self.joined0 = Twice(4 * width, 2 * width), Twice(2 * width, width)
        self.out = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.down0(x)
        second = self.down1(F.max_pool2d(first, 2))
        x = self.up1(self.bottom(F.max_pool2d(second, 2)))
        x = self.up0(self.joined1(torch.cat([second, x], 1)))
        return self.out(self.joined0(torch.cat([first, x], 1)))


class MobileNetBlock(nn.Module):
    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, groups=channels, bias=False)
        self.bn1, self.pointwise = nn.BatchNorm2d(channels), nn.Conv2d(channels, filters, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.pointwise(F.relu(self.bn1(self.depthwise(x))))))


class Blocks(nn.Module):
    """Two of MobileNet's, the second with a stride, and scores."""

    def __init__(self) -> None:
        super().__init__()
        self.block1, self.block2, self.fc = MobileNetBlock(6, 8, 1), MobileNetBlock(8, 12, 2), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.block2(self.block1(x)).mean((2, 3)))


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ones = nn.Conv2d(6, 4, 1)
        self.to_threes, self.threes = nn.Conv2d(6, 5, 1), nn.Conv2d(5, 6, 3, padding=1)
        self.to_fives, self.fives = nn.Conv2d(6, 2, 1), nn.Conv2d(2, 3, 5, padding=2)
        self.pooled = nn.Conv2d(6, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        threes = F.relu(self.threes(F.relu(self.to_threes(x))))
        fives = F.relu(self.fives(F.relu(self.to_fives(x))))
        pooled = F.relu(self.pooled(F.max_pool2d(x, 3, 1, 1)))
        return torch.cat([F.relu(self.ones(x)), threes, fives, pooled], 1)


class InceptionNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block, self.fc = Inception(), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.block(x).mean((2, 3)))


class Context(nn.Module):
    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        for n, d in enumerate((1, 1, 2, 4, 8, 16, 1)):
            self.add_module(f"context{n}", nn.Conv2d(channels, channels, 3, padding=d, dilation=d))
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        for n in range(7):
            x = F.relu(getattr(self, f"context{n}")(x))
        return self.out(x)


class Speech(nn.Module):
    def __init__(self, units: int = 10) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(12, units, batch_first=True), nn.Linear(units, 9)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.fc(self.lstm(packed)[1][0][0])


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc1, self.fc2 = nn.Linear(8, 12), nn.Linear(12, 8)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        h, missing = self.norm1(x), torch.arange(x.shape[1]) >= lengths[:, None]
        x = x + self.attn(h, h, h, key_padding_mask=missing, need_weights=False)[0]
        return x + self.fc2(F.relu(self.fc1(self.norm2(x))))


class Autoencoder(nn.Module):
    """UFLDL's: `fc1` and `fc2`; the cost is that of the exercise."""

    def __init__(self, visible: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(visible, hidden), nn.Linear(hidden, visible)

    def forward(self, x: Tensor, rho: float = 0.1, decay: float = 3e-3, beta: float = 3) -> Tensor:
        a2 = torch.sigmoid(self.fc1(x))
        a3, active = torch.sigmoid(self.fc2(a2)), a2.mean(0)
        kl = rho * torch.log(rho / active) + (1 - rho) * torch.log((1 - rho) / (1 - active))
        weights = (self.fc1.weight**2).sum() + (self.fc2.weight**2).sum()
        return ((a3 - x) ** 2).sum(1).mean() / 2 + decay / 2 * weights + beta * kl.sum()


class Stacked(nn.Module):
    """Two autoencoders' first layers, and a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.ae1, self.ae2 = Autoencoder(16, 10), Autoencoder(10, 8)
        self.softmax = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.softmax(torch.sigmoid(self.ae2.fc1(torch.sigmoid(self.ae1.fc1(x)))))


class Critic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1)
        self.fc = nn.Linear(32, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.conv2(F.leaky_relu(self.conv1(x), 0.2)), 0.2)
        return self.fc(x.flatten(1))

    def loss(self, real: Tensor, fake: Tensor, eps: Tensor) -> Tensor:
        between = (eps * real + (1 - eps) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(self(between).sum(), between, create_graph=True)
        penalty = ((slope**2).sum((1, 2, 3)).sqrt() - 1) ** 2
        return self(fake).mean() - self(real).mean() + 10 * penalty.mean()


# What is stored -------------------------------------------------------------------------------------


def parameters(model: nn.Module, value: Callable[[Tensor], np.ndarray]) -> Arrays:
    """`value` of each parameter, by the example's names."""
    found: Arrays = {}
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        own = {name: value(p) for name, p in module.named_parameters(recurse=False)}
        if isinstance(module, nn.LSTM):
            w, u, b, _ = own.values()
            own = {"W": w, "U": u, "b": b}
        elif isinstance(module, nn.MultiheadAttention):
            for kind, name in (("W", "in_proj_weight"), ("b", "in_proj_bias")):
                own |= {f"{kind}{letter}": part for letter, part in zip("qkv", np.split(own.pop(name), 3), strict=True)}
        elif path.endswith("out_proj"):
            prefix, own = prefix.removesuffix("out_proj."), {"Wo": own["weight"], "bo": own["bias"]}
        norm = isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm)
        gain = "g" if isinstance(module, Subsampling) else "gain"
        renamed = {"weight": "gain" if norm else "W", "bias": "b", "gain": gain}
        found |= {prefix + renamed.get(name, name): array for name, array in own.items()}
    return found


def drawn(rng: np.random.Generator, model: nn.Module) -> None:
    """Weights of a good size, multiples of 1/64; gains near 1. An LSTM has one bias, as its second one is 0."""
    for name, p in model.named_parameters():
        fan = p[0].numel() if p.ndim > 1 else 25
        value = rng.normal(size=tuple(p.shape)) * np.sqrt(2 / fan)
        gain = p.ndim == 1 and name.endswith(("gain", "weight"))
        value = np.round(64 * value).clip(-127, 127) / 64 + (1 if gain else 0)
        with torch.no_grad():
            p.copy_(torch.tensor(value * (0 if "bias_hh" in name else 1)))


def run(rng: np.random.Generator, model: nn.Module, feeds: Arrays, loss: Loss) -> Arrays:
    """Feeds, parameters, the loss and its gradients."""
    model.double()
    drawn(rng, model)
    J = loss({name: torch.tensor(value) for name, value in feeds.items()})
    J.backward()
    weights = parameters(model, lambda p: np.round(64 * p.detach().numpy()).astype("int16"))
    gradients = parameters(model, lambda p: np.zeros(0) if p.grad is None else p.grad.numpy())
    found = {f"feed/{name}": value for name, value in feeds.items()} | {"loss": J.detach().numpy()}
    found |= {f"weight/{name}": value for name, value in weights.items()}
    return found | {f"gradient/{name}": value for name, value in gradients.items() if value.size}


def images(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers from 0 to 1, multiples of 1/64."""
    return rng.integers(0, 65, shape) / 64


def scored(model: nn.Module) -> Loss:
    return lambda feeds: F.cross_entropy(model(feeds["x"]), feeds["y"])


def lenet_loss(model: LeNet5) -> Loss:
    """(9) in the paper, with the constant j = 0.1."""

    def loss(feeds: dict[str, Tensor]) -> Tensor:
        distances = ((model(feeds["x"])[:, None] - feeds["codes"]) ** 2).sum(2)
        right = distances.gather(1, feeds["y"][:, None])[:, 0]
        rubbish = torch.full_like(right, -0.1)[:, None]
        return (right + torch.logsumexp(torch.cat([-distances, rubbish], 1), 1)).mean()

    return loss


def speech(path: str) -> Arrays:
    """Every 40th utterance: frames (N, T, 12), how many there are, and who is speaking."""
    with np.load(path) as file:
        x, y = file["x_train"][::40].transpose(0, 2, 1), file["y_train"][::40]
    lengths = np.array([np.flatnonzero(row.any(1))[-1] + 1 for row in x])
    return {"x": x[:, : lengths.max()].astype("float64"), "lengths": lengths, "y": y.astype("int64")}


def made(path: str) -> dict[str, Arrays]:
    """All of them."""
    rng = np.random.default_rng(0)
    labels = {"y": rng.integers(0, 10, 5)}
    found = {}
    for name, model, shape in (
        ("mnist_pytorch", MnistPytorch(), (1, 12, 12)),
        ("mnist_keras", MnistKeras(), (1, 18, 18)),
        ("three_layers", ThreeLayers(), (1, 3, 4)),
        ("alexnet", AlexNet(), (3, 67, 67)),
        ("resnet20", ResNet20(), (3, 12, 12)),
        ("mobilenet", Blocks(), (6, 7, 7)),
        ("inception", InceptionNet(), (6, 7, 7)),
    ):
        found[name] = run(rng, model, {"x": images(rng, 5, *shape), **labels}, scored(model))
    lenet = LeNet5()
    codes = {"codes": rng.choice([-1.0, 1.0], (10, 84))}
    found["lenet5"] = run(rng, lenet, {"x": images(rng, 5, 1, 32, 32), **labels, **codes}, lenet_loss(lenet))
    unet, context = UNet(), Context()
    masks = {"t": rng.integers(0, 2, (2, 1, 16, 16)).astype("float64")}
    found["unet"] = run(
        *(rng, unet, {"x": images(rng, 2, 2, 16, 16)} | masks),
        lambda f: F.binary_cross_entropy_with_logits(unet(f["x"]), f["t"], reduction="sum") / 2,
    )
    targets = {"t": images(rng, 2, 4, 20, 20)}
    found["context"] = run(
        *(rng, context, {"x": images(rng, 2, 4, 20, 20)} | targets),
        lambda f: ((context(f["x"]) - f["t"]) ** 2).sum() / 4,
    )
    lstm, block = Speech(), Transformer()
    found["speech"] = run(rng, lstm, speech(path), lambda f: F.cross_entropy(lstm(f["x"], f["lengths"]), f["y"]))
    given = {"x": images(rng, 3, 6, 8), "t": images(rng, 3, 6, 8), "lengths": np.array([6, 2, 5])}
    found["attention"] = run(rng, block, given, lambda f: ((block(f["x"], f["lengths"]) - f["t"]) ** 2).sum() / 6)
    sparse, stacked, second = nn.ModuleDict({"ae": Autoencoder(16, 10)}), Stacked(), Stacked()
    patches = {"x": images(rng, 6, 16)}
    found["sparse_autoencoder"] = run(rng, sparse, patches, lambda f: sparse["ae"](f["x"]))
    found["stacked_autoencoder"] = run(rng, stacked, patches | {"y": rng.integers(0, 10, 6)}, scored(stacked))
    found["second_autoencoder"] = run(
        rng, second, patches, lambda f: second.ae2(torch.sigmoid(second.ae1.fc1(f["x"])).detach())
    )
    critic = Critic()
    pairs = {"real": images(rng, 4, 2, 8, 8), "fake": images(rng, 4, 2, 8, 8), "eps": images(rng, 4, 1, 1, 1)}
    found["wgan_gp"] = run(rng, critic, pairs, lambda f: critic.loss(f["real"], f["fake"], f["eps"]))
    return found


def main() -> None:
    """Write a file for each."""
    torch.set_num_threads(1)
    folder = Path(__file__).with_name("networks")
    folder.mkdir(exist_ok=True)
    for name, arrays in made(sys.argv[1]).items():
        path = folder / f"{name}.npz"
        packed: dict[str, Any] = {
            key: value.astype("int8") if key.startswith("weight/") and abs(value).max() < 128 else value
            for key, value in arrays.items()
        }
        np.savez_compressed(path, **packed)
        print(f"{name:20} loss {float(arrays['loss']):.6f}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
