"""PNG files of few colours, and the part of deflate that they need: the same bytes from every version of Python.

What the library zlib makes of the same pixels differs from one build of it to another. A picture of large square cells
says little twice: runs of one byte, and rows that are like the row above. So two kinds of matches are enough here.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SHORTEST, _LONGEST = 3, 258
"""The lengths of matches in deflate (RFC 1951)."""
_END = 256

Bytes = NDArray[np.uint8]


def png(pixels: Bytes, palette: Bytes, clear: int) -> bytes:
    """A PNG of indexed colours, which holds those that are used.

    Parameters
    ----------
    pixels : array of uint8, (height, width)
        Neither of them 0.
    palette : array of uint8, (256, 3)
    clear : int
        The index that is transparent.

    Examples
    --------
    >>> picture = png(np.zeros((20, 30), np.uint8), np.full((256, 3), 7, np.uint8), clear=255)
    >>> picture[1:4], picture[37:44], len(picture)
    (b'PNG', b'PLTE\\x07\\x07\\x07', 87)
    """
    used, places = np.unique(pixels, return_inverse=True)
    height, width = pixels.shape
    rows = places.reshape(pixels.shape).astype(np.uint8)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)  # each begins with its filter: none
    data = lines.tobytes()
    stream = b"\x78\x01" + deflated(data, width + 1) + struct.pack(">I", zlib.adler32(data))
    alpha = np.where(used == clear, 0, 255).astype(np.uint8)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette[used].tobytes()),
        *([(b"tRNS", alpha.tobytes())] if clear in used else []),
        (b"IDAT", stream),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def deflated(data: bytes, row: int) -> bytes:
    """`data` as one block of deflate with its fixed codes; what is repeated is looked for one byte and one row back.

    Examples
    --------
    >>> zlib.decompress(deflated(b"aaaab" * 3, 5), wbits=-15)
    b'aaaabaaaabaaaab'
    """
    bits = _Bits()
    bits.add(0b011, 3)  # the last block, with fixed codes
    at = 0
    while at < len(data):
        length, back = max((_match(data, at, distance), distance) for distance in (1, row))
        if length >= _SHORTEST:
            bits.match(length, back)
            at += length
        else:
            bits.symbol(data[at])
            at += 1
    bits.symbol(_END)
    return bits.flushed()


def _match(data: bytes, at: int, back: int) -> int:
    """How many bytes from `at` on are those that stand `back` bytes before them."""
    if at < back:
        return 0
    end = min(at + _LONGEST, len(data))
    now = at
    while now < end and data[now] == data[now - back]:
        now += 1
    return now - at


class _Bits:
    """A stream of bits, the lowest bit of each byte first."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._rest = 0
        self._count = 0

    def add(self, value: int, count: int) -> None:
        """The lowest `count` bits of a number, the lowest first."""
        self._rest |= value << self._count
        self._count += count
        while self._count >= 8:
            self._out.append(self._rest & 0xFF)
            self._rest >>= 8
            self._count -= 8

    def flushed(self) -> bytes:
        """All bytes; zeros fill the last one."""
        self.add(0, -self._count % 8)
        return bytes(self._out)

    def symbol(self, symbol: int) -> None:
        """A byte, the end, or the code of a length, in the fixed code."""
        first, base, count = next(row for row in _FIXED if symbol >= row[0])
        self._code(base + symbol - first, count)

    def match(self, length: int, back: int) -> None:
        """The `length` bytes that stand `back` bytes before."""
        more = length - _SHORTEST
        extra = max(more.bit_length() - 3, 0)
        if length == _LONGEST:
            self.symbol(285)
        else:
            self.symbol(257 + 4 * extra + (more >> extra))
            self.add(more & ((1 << extra) - 1), extra)
        far = back - 1
        extra = max(far.bit_length() - 2, 0)
        self._code(2 * extra + (far >> extra), 5)
        self.add(far & ((1 << extra) - 1), extra)

    def _code(self, code: int, count: int) -> None:
        """A code of Huffman's: the highest bit first."""
        for n in reversed(range(count)):
            self.add(code >> n & 1, 1)


_FIXED = ((280, 0xC0, 8), (256, 0, 7), (144, 0x190, 9), (0, 0x30, 8))
"""The fixed code: the first symbol of a range, its code, and the number of bits."""
