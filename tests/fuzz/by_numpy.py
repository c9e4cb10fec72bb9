"""What the operations of the fuzzer mean, written out with NumPy: independent of the package, for values alone."""

import numpy as np

absolute, exp, log, maximum, minimum, sqrt, tanh, where = (
    *(np.abs, np.exp, np.log, np.maximum, np.minimum, np.sqrt, np.tanh, np.where),
)  # fmt: skip
matmul, reshape, zeros_like = np.matmul, np.reshape, np.zeros_like


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(x, 0)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(x):
    return x - x.max(-1, keepdims=True) - np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True))


def total(x, axes, keep):
    return x.sum(axes, keepdims=keep)


def mean(x, axes, keep):
    return x.mean(axes, keepdims=keep)


def largest(x, axes, keep):
    return x.max(axes, keepdims=keep)


def permute(x, axes):
    return np.transpose(x, axes)


def flip(x):
    return x[..., ::-1, ::-1]


def pad(x, widths):
    return np.pad(x, widths)


def concat(xs, axis):
    return np.concatenate(xs, axis)


def take(x, index, axis):
    return np.take(x, np.asarray(index), axis)


def repeat(x, p, q):
    return x.repeat(p, -2).repeat(q, -1)


def windows(x, p, q):
    """(..., h p, w q) -> (..., h, w, p q)."""
    *lead, h, w = x.shape
    return np.moveaxis(x.reshape(*lead, h // p, p, w // q, q), -3, -2).reshape(*lead, h // p, w // q, p * q)


def conv(x, w, b, stride, around):
    x = np.pad(x, ((0, 0), (0, 0), (around, around), (around, around)))
    view = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,fcij->nfhw", view, w) + b[:, None, None]


def one_hot(y, classes):
    return (np.asarray(y)[:, None] == np.arange(classes)) * 1.0


def equal(y, number):
    return np.asarray(y) == number
