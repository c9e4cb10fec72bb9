"""Random numbers that are a function of where they stand: a counter-based generator, with key and counter in the graph.

Philox 4x32-10: Salmon, Moraes, Dror & Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (2011). Ten rounds of
multiplications turn a counter of four words of 32 bits into four random ones, by a key of two words. Here the counter
is (number of the element in its example, divided by how many numbers the words make; number of the example; step;
layer), so no number depends on how a batch is divided, or on what was drawn before; and the key is the seed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph.algebra import batch_size
from ..graph.arguments import natural
from ..graph.errors import ArgumentError, DTypeError, ShapeError, call_site, message
from ..graph.leaves import Input, real_or_integer
from ..graph.node import Node
from ..graph.spec import DType, Shape, Spec, is_real
from ..graph.window import Windows
from ..text import quoted

MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
"""What the first and the third word of the counter are multiplied by in each round."""
BUMPS = 0x9E3779B9, 0xBB67AE85
"""What is added to the two words of the key from one round to the next."""
ROUNDS, WORDS = 10, 4
WORD = 0xFFFFFFFF


def philox(xp: Any, counter: tuple[Any, Any, Any, Any], key: int) -> tuple[Any, Any, Any, Any]:
    """Four random words for each counter.

    Parameters
    ----------
    xp : array namespace
    counter : four arrays of uint32
        With one axis or more; they are broadcast.
    key : int
        Of 64 bits: the first word of the key is the lower one.

    Examples
    --------
    >>> zero = np.zeros(1, np.uint32)
    >>> [f"{int(word[0]):08x}" for word in philox(np, (zero, zero, zero, zero), 0)]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    a, b, c, d = counter
    for words in round_keys(key):
        high_a, low_a = _product(xp, a, MULTIPLIERS[0])
        high_c, low_c = _product(xp, c, MULTIPLIERS[1])
        first, third = (xp.asarray(word, dtype=xp.uint32) for word in words)
        a, b, c, d = high_c ^ b ^ first, low_c, high_a ^ d ^ third, low_a
    return a, b, c, d


def round_keys(key: int) -> list[tuple[int, int]]:
    """The two words of the key in each round."""
    words = key & WORD, key >> 32
    return [((words[0] + n * BUMPS[0]) & WORD, (words[1] + n * BUMPS[1]) & WORD) for n in range(ROUNDS)]


def _product(xp: Any, x: Any, factor: int) -> tuple[Any, Any]:
    """The higher and the lower word of a product, by halves of words: not every library has integers of 64 bits."""
    high, low = factor >> 16, factor & 0xFFFF
    x_high, x_low = x >> 16, x & 0xFFFF
    across, back = x_low * high, x_high * low
    middle = (x_low * low >> 16) + (across & 0xFFFF) + (back & 0xFFFF)
    return x_high * high + (across >> 16) + (back >> 16) + (middle >> 16), x * factor


class Uniform(Node):
    """Random numbers from 0 to below 1, of 24 bits each (float64: 53, float16: 11): the same wherever it is computed.

    Parameters
    ----------
    step : Node
        A scalar int64: with each step, all numbers are others. Its lower 32 bits count.
    size : Node or None
        The size of the batch, where `target` begins with None.
    target : tuple of int or None
        The shape; its first axis are the examples.
    key : int
        The seed, of 64 bits.
    layer : int
        Tells apart what has the same seed, by 32 bits.
    real : str
        The dtype.
    """

    step: Node
    size: Node | None
    target: Shape
    key: int = 0
    layer: int = 0
    real: str = "float32"
    integer_inputs = ("step",)
    latex = r"\operatorname{{uniform}}({step}, {target}, {key}, {layer}, real=\text{{{real}}})"
    text = "uniform({step}, {target}, {key}, {layer}, real={real})"
    says = ("Random numbers between 0 and 1 are drawn.", "No error passes: random numbers depend on nothing.")

    def infer(self) -> Spec:
        dtype = real_or_integer(self.real, self.label)
        if not is_real(dtype):
            raise DTypeError(message(f"its dtype is {dtype}; expected reals", node=self))
        if self.step.shape != () or self.step.dtype != np.int64:
            raise DTypeError(message(f"the step is {self.step.spec}; expected a scalar int64", node=self))
        if None in self.target[1:] or (None in self.target[:1]) != (self.size is not None):
            problem = f"the random numbers have the shape {self.target}"
            raise ShapeError(message(problem, "the batch can be the first axis only", node=self))
        for what, number, bits in (("key", self.key, 64), ("layer", self.layer, 32)):
            if not 0 <= number < 1 << bits:
                raise ArgumentError(message(f"its {what} is {number}; expected {bits} bits", node=self))
        return Spec(self.target, dtype)

    def forward(self, xp: Any, step: Any, size: Any = None) -> Any:
        shape = tuple(int(size) if d is None else d for d in self.target)
        examples, each = shape[0] if shape else 1, math.prod(shape[1:])
        wide = self.dtype == np.float64
        counters = -(-each // (WORDS // 2 if wide else WORDS))
        counter = (
            xp.reshape(xp.arange(counters, dtype=xp.uint32), (1, counters)),
            xp.reshape(xp.arange(examples, dtype=xp.uint32), (examples, 1)),
            xp.reshape(xp.astype(step & WORD, xp.uint32), (1, 1)),
            xp.full((1, 1), self.layer, dtype=xp.uint32),
        )
        words, dtype = philox(xp, counter, self.key), getattr(xp, self.real)
        if wide:
            pairs = zip(words[::2], words[1::2], strict=True)
            found = [
                (xp.astype(high >> 5, dtype) * 2.0**26 + xp.astype(low >> 6, dtype)) * 2.0**-53 for high, low in pairs
            ]
        else:
            drop = 21 if self.dtype == np.float16 else 8
            found = [xp.astype(word >> drop, dtype) * 2.0 ** (drop - 32) for word in words]
        rows = xp.reshape(xp.stack(found, axis=-1), (examples, counters * len(found)))
        return xp.reshape(rows[:, :each], shape)

    def windows(self) -> tuple[Windows, ...]:
        return ((),) * len(self.inputs)

    def backward(self, delta: Node) -> tuple[None, ...]:
        return (None,) * len(self.inputs)

    @classmethod
    def samples(cls) -> list[Node]:
        step = Input("step", (), "int64")
        return [cls(step, batch_size(), (None, 2, 3), 7), cls(step, None, (2, 3), 1 << 40, 5)]


def uniform_like(step: Node, shape: Shape, dtype: DType, key: int, layer: int) -> Node:
    """Random numbers from 0 to below 1 of that shape and dtype."""
    return Uniform(step, batch_size() if None in shape else None, shape, key, layer, dtype.name)


def key_of(seed: int | None, what: str) -> int:
    """The key of a seed, which is a whole number below 2^64; of None, one that nobody knows."""
    if seed is None:
        from ..graph.apart import load

        return int(load("numpy.random").default_rng().integers(1 << 64, dtype=np.uint64))
    if natural(seed, f"{what}: seed") >= 1 << 64:
        raise ArgumentError(message(f"{what}: seed is {quoted(seed)}; it must be below 2^64", site=call_site()))
    return int(seed)
