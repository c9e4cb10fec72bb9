"""Writes recurrent.npz: recurrent layers and attention with their gradients, by PyTorch in float64.

pip install torch==2.13.0
python tests/references/make_recurrent.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

N, T, D, H = 3, 5, 4, 3
LENGTHS = [5, 2, 4]
Arrays = dict[str, np.ndarray]


def drawn(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Numbers with two decimals, which take little room."""
    return torch.tensor(rng.normal(size=shape).round(2), requires_grad=True)


def stored(tensors: dict[str, torch.Tensor], J: torch.Tensor) -> Arrays:
    """All values, and the gradients of what J depends on."""
    for tensor in tensors.values():
        if tensor.requires_grad and not tensor.is_leaf:
            tensor.retain_grad()
    J.backward()
    found = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
    return found | {f"d{name}": t.grad.numpy() for name, t in tensors.items() if t.is_leaf and t.grad is not None}


def recurrent(
    kind: str, rng: np.random.Generator, *, both_ways: bool, lengths: bool, start: bool, **more: str
) -> Arrays:
    """A layer of PyTorch; the loss is its outputs times `delta`, plus its last states times `delta_last`."""
    made = getattr(torch.nn, kind)(D, H, batch_first=True, bidirectional=both_ways, dtype=torch.float64, **more)
    ways = 1 + both_ways
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.tensor(rng.normal(size=weight.shape).round(2)))
    tensors = {"x": drawn(rng, N, T, D)}
    state = None
    if start:
        tensors |= {name: drawn(rng, ways, N, H) for name in ("hc" if kind == "LSTM" else "h")}
        state = (tensors["h"], tensors["c"]) if kind == "LSTM" else tensors["h"]
    x = tensors["x"]
    given = pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False) if lengths else x
    out, last = made(given, state)
    if lengths:
        out, _ = pad_packed_sequence(out, batch_first=True, total_length=T)
    last = last if isinstance(last, tuple) else (last,)
    deltas = [torch.tensor(rng.normal(size=tuple(value.shape)).round(2)) for value in (out, *last)]
    J = sum((value * delta).sum() for value, delta in zip((out, *last), deltas, strict=True))
    tensors |= {f"out{n}": value for n, value in enumerate((out, *last))}
    tensors |= {f"delta{n}": value for n, value in enumerate(deltas)}
    return stored(tensors | dict(made.named_parameters()), J)


def scaled_dot_product(rng: np.random.Generator, mask: torch.Tensor | None, heads: int) -> Arrays:
    """The function, with heads apart: (N, heads, T, D / heads)."""
    q, k, v = drawn(rng, N, 4, 6), drawn(rng, N, T, 6), drawn(rng, N, T, 2 * heads)
    parts = [t.unflatten(2, (heads, -1)).transpose(1, 2) for t in (q, k, v)]
    out = functional.scaled_dot_product_attention(*parts, attn_mask=mask).transpose(1, 2).flatten(2)
    delta = torch.tensor(rng.normal(size=tuple(out.shape)).round(2))
    tensors = {"q": q, "k": k, "v": v, "out": out, "delta": delta} | ({} if mask is None else {"mask": mask})
    return stored(tensors, (out * delta).sum())


def multi_head(rng: np.random.Generator, lengths: bool) -> Arrays:
    """The layer, of another sequence and keys of other lengths, or of itself."""
    made = torch.nn.MultiheadAttention(4, 2, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.tensor(rng.normal(size=weight.shape).round(2)))
    q = drawn(rng, N, 3 if lengths else T, 4)
    k = drawn(rng, N, T, 4) if lengths else q
    missing = torch.arange(T) >= torch.tensor(LENGTHS)[:, None]
    later = torch.ones(T, T).triu(1).bool()
    out, _ = made(q, k, k, key_padding_mask=missing if lengths else None, attn_mask=None if lengths else later)
    delta = torch.tensor(rng.normal(size=tuple(out.shape)).round(2))
    tensors = {"q": q, "out": out, "delta": delta} | ({"k": k} if lengths else {})
    return stored(tensors | dict(made.named_parameters()), (out * delta).sum())


def main() -> None:
    """Write the file beside this one."""
    rng = np.random.default_rng(0)
    cases: dict[str, Arrays] = {}
    for kind in ("RNN", "LSTM", "GRU"):
        cases[kind.lower()] = recurrent(kind, rng, both_ways=False, lengths=False, start=True)
        cases[f"{kind.lower()}_lengths"] = recurrent(kind, rng, both_ways=True, lengths=True, start=False)
    cases["rnn_relu"] = recurrent("RNN", rng, both_ways=False, lengths=False, start=False, nonlinearity="relu")
    there = torch.arange(T) < torch.tensor(LENGTHS)[:, None]
    cases["attention"] = scaled_dot_product(rng, None, 1)
    cases["attention_lengths"] = scaled_dot_product(rng, there[:, None, None, :], 3)
    cases["attention_mask"] = scaled_dot_product(rng, torch.tensor(rng.random((N, 1, 4, T)) < 0.7), 2)
    cases["multi_head_causal"] = multi_head(rng, lengths=False)
    cases["multi_head_lengths"] = multi_head(rng, lengths=True)
    path = Path(__file__).with_name("recurrent.npz")
    arrays = {f"{case}/{name}": value for case, found in cases.items() for name, value in found.items()}
    np.savez_compressed(path, **arrays)
    print(f"{path}: {len(cases)} cases, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
