"""What the operations of the fuzzer mean to PyTorch, which differentiates them to any order."""

import numpy as np
import torch
from torch.nn import functional

torch.set_num_threads(1)

absolute, exp, log, maximum, minimum, sqrt, tanh, where = (
    *(torch.abs, torch.exp, torch.log, torch.maximum, torch.minimum, torch.sqrt, torch.tanh, torch.where),
)  # fmt: skip
matmul, reshape, zeros_like = torch.matmul, torch.reshape, torch.zeros_like
relu, sigmoid = torch.relu, torch.sigmoid


def softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x))


def softmax(x):
    return torch.softmax(x, -1)


def log_softmax(x):
    return torch.log_softmax(x, -1)


def total(x, axes, keep):
    return x.sum(axes, keepdim=keep) if axes else x


def mean(x, axes, keep):
    return x.mean(axes, keepdim=keep) if axes else x


def largest(x, axes, keep):
    return x.amax(axes, keepdim=keep) if axes else x


def permute(x, axes):
    return x.permute(axes)


def flip(x):
    return x.flip(-2, -1)


def pad(x, widths):
    return functional.pad(x, [n for pair in reversed(widths) for n in pair])


def concat(xs, axis):
    return torch.cat(xs, axis)


def take(x, index, axis):
    return x.index_select(axis, torch.as_tensor(np.asarray(index)))


def repeat(x, p, q):
    return x.repeat_interleave(p, -2).repeat_interleave(q, -1)


def windows(x, p, q):
    *lead, h, w = x.shape
    return x.reshape(*lead, h // p, p, w // q, q).transpose(-3, -2).reshape(*lead, h // p, w // q, p * q)


def conv(x, w, b, stride, around):
    return functional.conv2d(x, w, b, stride, around)


def one_hot(y, classes):
    return functional.one_hot(torch.as_tensor(np.asarray(y)), classes).double()


def equal(y, number):
    return torch.as_tensor(np.asarray(y)) == number


def derivatives(function, leaves, directions):
    """J of float64 leaves, its gradients, and the gradients of the sum of gradient times direction: as arrays."""
    tensors = [torch.tensor(a, requires_grad=True) for a in leaves]
    J = function(tensors)
    first = _gradients(J, tensors)
    along = sum((g * torch.tensor(d)).sum() for g, d in zip(first, directions, strict=True))
    second = _gradients(along, tensors)
    return J.detach().numpy(), [g.detach().numpy() for g in first], [g.detach().numpy() for g in second]


def _gradients(J, tensors):
    if not (isinstance(J, torch.Tensor) and J.requires_grad):
        return [torch.zeros_like(t) for t in tensors]
    found = torch.autograd.grad(J, tensors, create_graph=True, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, tensors, strict=True)]
