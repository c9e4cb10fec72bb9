"""References of the losses, by PyTorch in float64: ``python tests/references/make_losses.py``.

Of each case: what is fed, the losses of all rows, their mean, the gradients of the mean by what is real, and the
derivative of these along their own direction, summed over the feeds: a product with the Hessian.
"""

import itertools
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

RNG = np.random.default_rng(15)


def normal(*shape, scale=2.0):
    return scale * RNG.standard_normal(shape)


def shares(*shape):
    """Distributions over the last axis."""
    found = RNG.random(shape)
    return found / found.sum(axis=-1, keepdims=True)


def classes(*shape, count, ignored=None):
    found = RNG.integers(0, count, shape)
    if ignored is not None:
        found.ravel()[::3] = ignored
    return found


def rows(losses):
    """The house's loss of a row: the sum over its entries."""
    return losses.flatten(1).sum(1) if losses.ndim > 1 else losses


def by_rows(function):
    """A loss of PyTorch's, of entries, as one of rows; the mean is over the batch."""

    def of(feeds, reduction):
        losses = rows(function(feeds))
        return losses if reduction == "none" else losses.mean()

    return of


def cross_entropy(ignore=-100, smoothing=0.0, weighted=False):
    def of(feeds, reduction):
        return F.cross_entropy(
            feeds["z"],
            feeds["y"] if "y" in feeds else feeds["t"],
            weight=feeds["w"].detach() if weighted else None,
            ignore_index=ignore,
            label_smoothing=smoothing,
            reduction=reduction,
        )

    return of


def nll(ignore=-100, weighted=False):
    def of(feeds, reduction):
        w = feeds["w"].detach() if weighted else None
        return F.nll_loss(feeds["z"], feeds["y"], weight=w, ignore_index=ignore, reduction=reduction)

    return of


def margins(margin, power):
    """That PyTorch's own has no second derivative."""

    def of(feeds):
        z, y = feeds["z"], feeds["y"]
        own = z.gather(1, y[:, None])
        lacking = F.relu(margin + z - own) ** power
        losses = (lacking * (torch.arange(z.shape[1]) != y[:, None])).sum(1)
        known = F.multi_margin_loss(z, y, power, margin, reduction="none") * z.shape[1]
        torch.testing.assert_close(losses, known)
        return losses

    return by_rows(of)


def partners(temperature, normalize, symmetric):
    def of(feeds, reduction):
        q, k = feeds["q"], feeds["k"]
        if normalize:
            q, k = F.normalize(q, dim=1), F.normalize(k, dim=1)
        scores, own = q @ k.T / temperature, torch.arange(len(q))
        losses = F.cross_entropy(scores, own, reduction="none")
        if symmetric:
            losses = (losses + F.cross_entropy(scores.T, own, reduction="none")) / 2
        return losses if reduction == "none" else losses.mean()

    return of


def of_labels():
    """Cross-entropies: weights, smoothing, labels to ignore; of rows and of maps."""
    w4, w3 = RNG.random(4) + 0.5, RNG.random(3) + 0.5
    flat = {"z": normal(6, 4), "y": classes(6, count=4)}
    some = {"z": normal(7, 4), "y": classes(7, count=4, ignored=255)}
    maps = {"z": normal(2, 3, 4, 5), "y": classes(2, 4, 5, count=3)}
    gaps = {"z": normal(2, 3, 4, 5), "y": classes(2, 4, 5, count=3, ignored=255)}
    steps = {"z": normal(3, 4, 5), "y": classes(3, 5, count=4)}
    soft = {"z": normal(6, 4), "t": shares(6, 4)}
    return {
        "ce": (flat, cross_entropy()),
        "ce/weights": (flat | {"w": w4}, cross_entropy(weighted=True)),
        "ce/smoothing": (flat, cross_entropy(smoothing=0.1)),
        "ce/ignore": (some, cross_entropy(255)),
        "ce/all three": (some | {"w": w4}, cross_entropy(255, 0.2, weighted=True)),
        "ce/maps": (maps, cross_entropy()),
        "ce/maps, all three": (gaps | {"w": w3}, cross_entropy(255, 0.3, weighted=True)),
        "ce/steps": (steps, cross_entropy()),
        "ce/targets": (soft, cross_entropy()),
        "ce/targets, weights, smoothing": (soft | {"w": w4}, cross_entropy(smoothing=0.1, weighted=True)),
        "nll": (flat, nll()),
        "nll/weights": (flat | {"w": w4}, nll(weighted=True)),
        "nll/ignore, weights, maps": (gaps | {"w": w3}, nll(255, weighted=True)),
        "hinge": (flat, margins(1, 1)),
        "hinge/squared": (flat, margins(0.7, 2)),
    }


def of_numbers():
    """Losses of numbers and of distributions."""
    pair = {"a": normal(5, 3, 2), "t": normal(5, 3, 2)}
    bits = {"z": normal(5, 3), "t": RNG.random((5, 3))}
    sides = {"z": normal(5, 3), "signs": 2 * classes(5, 3, count=2) - 1}
    odds = {"a": RNG.uniform(0.05, 0.95, (5, 3)), "t": RNG.random((5, 3))}
    each = RNG.random((1, 3)) + 0.5
    logs = {"log_p": np.log(shares(5, 4)), "t": shares(5, 4)}
    return {
        "squared": (pair, by_rows(lambda f: 0.5 * F.mse_loss(f["a"], f["t"], reduction="none"))),
        "absolute": (pair, by_rows(lambda f: F.l1_loss(f["a"], f["t"], reduction="none"))),
        "huber": (pair, by_rows(lambda f: F.huber_loss(f["a"], f["t"], reduction="none", delta=1.5))),
        "huber/smooth": (pair, by_rows(lambda f: F.smooth_l1_loss(f["a"], f["t"], reduction="none", beta=0.5))),
        "binary": (bits, by_rows(lambda f: F.binary_cross_entropy_with_logits(f["z"], f["t"], reduction="none"))),
        "binary/weights": (
            bits | {"w": each, "p": np.array([0.5, 2.0, 3.0])},
            by_rows(
                lambda f: F.binary_cross_entropy_with_logits(
                    f["z"], f["t"], weight=f["w"], pos_weight=f["p"], reduction="none"
                )
            ),
        ),
        "binary/odds": (
            odds | {"w": each},
            by_rows(lambda f: F.binary_cross_entropy(f["a"], f["t"], weight=f["w"], reduction="none")),
        ),
        "hinge/signs": (sides, by_rows(lambda f: F.relu(1 - f["signs"] * f["z"]))),
        "kl": (logs, by_rows(lambda f: F.kl_div(f["log_p"], f["t"], reduction="none"))),
        "kl/logarithms": (
            {"log_p": logs["log_p"], "t": np.log(logs["t"])},
            by_rows(lambda f: F.kl_div(f["log_p"], f["t"], reduction="none", log_target=True)),
        ),
    }


def of_vectors():
    """Losses of directions."""
    two = {"q": normal(5, 3), "k": normal(5, 3)}
    signed = {"a": normal(6, 3), "b": normal(6, 3), "signs": 2 * classes(6, count=2) - 1}
    return {
        "cosine": (two, by_rows(lambda f: 1 - F.cosine_similarity(f["q"], f["k"], dim=1))),
        "cosine/signs": (
            signed,
            by_rows(lambda f: F.cosine_embedding_loss(f["a"], f["b"], f["signs"], 0.1, reduction="none")),
        ),
        "partners": (two, partners(0.5, normalize=True, symmetric=False)),
        "partners/symmetric": (two, partners(2.0, normalize=False, symmetric=True)),
    }


def of_sequences():
    """CTC: of all steps and labels, and of some; labels that come twice, and a row with too few steps for that."""
    z, y = normal(4, 6, 4), np.array([[1, 2, 3], [2, 2, 1], [3, 3, 3], [3, 1, 1]])
    n = {"steps": np.array([6, 5, 4, 6]), "labels": np.array([3, 2, 3, 1])}

    def of(feeds, reduction):
        log_p = feeds["z"].log_softmax(2).transpose(0, 1)
        steps = feeds.get("steps", torch.full((4,), 6))
        labels = feeds.get("labels", torch.full((4,), 3))
        losses = torch.stack([by_hand(log_p[: steps[k], k], feeds["y"][k, : labels[k]]) for k in range(4)])
        torch.testing.assert_close(losses, F.ctc_loss(log_p, feeds["y"], steps, labels, reduction="none"))
        return losses if reduction == "none" else losses[torch.isfinite(losses)].sum() / len(losses)

    return {"ctc": ({"z": z, "y": y}, of), "ctc/lengths": ({"z": z, "y": y} | n, of)}


def by_hand(log_p, y):
    """-log of the sum over all sequences of classes that say y, one by one: it has a second derivative."""
    steps, classes = log_p.shape
    found = []
    for path in itertools.product(range(classes), repeat=int(steps)):
        if [k for k, _ in itertools.groupby(path) if k != 0] == y.tolist():
            found.append(log_p[range(steps), list(path)].sum())
    return -torch.stack(found).logsumexp(0) if found else torch.tensor(float("inf"), dtype=torch.float64)


def passed(feeds, function):
    """What is fed, and what PyTorch makes of it."""
    tensors = {name: torch.from_numpy(np.asarray(value)) for name, value in feeds.items()}
    real = {name: t.requires_grad_() for name, t in tensors.items() if t.dtype == torch.float64 and name not in "wp"}
    value = function(tensors, "mean")
    gradients = torch.autograd.grad(value, list(real.values()), create_graph=True)
    squares = sum((g * g.detach()).sum() for g in gradients) + sum(0 * t.sum() for t in real.values())
    product = torch.autograd.grad(squares, list(real.values()))
    found = dict(feeds) | {"losses": function(tensors, "none").detach(), "mean": value.detach()}
    for name, g, p in zip(real, gradients, product, strict=True):
        found |= {f"grad {name}": g.detach(), f"product {name}": p}
    return found


def main():
    torch.use_deterministic_algorithms(True)
    cases = of_labels() | of_numbers() | of_vectors() | of_sequences()
    found = {f"{c}: {name}": np.asarray(v) for c, case in cases.items() for name, v in passed(*case).items()}
    np.savez_compressed(Path(__file__).parent / "losses.npz", **found)


if __name__ == "__main__":
    main()
