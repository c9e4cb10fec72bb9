"""PNG files of few colours: the same pixels everywhere; their bytes are those that this build of zlib makes."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

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
    >>> picture[1:4], picture[37:44], len(picture) < 100
    (b'PNG', b'PLTE\\x07\\x07\\x07', True)
    """
    used, places = np.unique(pixels, return_inverse=True)
    height, width = pixels.shape
    rows = places.reshape(pixels.shape).astype(np.uint8)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)  # each begins with its filter: none
    data = lines.tobytes()
    stream = zlib.compress(data, 9)
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
