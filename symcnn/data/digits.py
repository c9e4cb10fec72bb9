"""Loading MNIST: from the package, from a path, or over the network with its checksum verified."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Container
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..graph.arguments import chosen
from ..graph.errors import SymcnnError
from ..text import shown

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_IDX = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


class DataError(SymcnnError, OSError):
    """Data that are not there, or not what they should be."""


@dataclass(frozen=True)
class Digits:
    """Images of digits and their labels, in a training part and a test part.

    Attributes
    ----------
    x_train, x_test : array, (N, 1, 28, 28)
        Grey values from 0 (paper) to 1 (ink) as float32; or to 255, as uint8, where bytes were asked for.
    y_train, y_test : array of int64, (N,)
        The digits, 0 to 9.
    """

    x_train: NDArray[Any]
    y_train: NDArray[np.int64]
    x_test: NDArray[Any]
    y_test: NDArray[np.int64]

    @property
    def train(self) -> dict[str, NDArray[Any]]:
        """The training part as feeds: ``{"x": ..., "y": ...}``."""
        return {"x": self.x_train, "y": self.y_train}

    @property
    def test(self) -> dict[str, NDArray[Any]]:
        """The test part as feeds."""
        return {"x": self.x_test, "y": self.y_test}

    def __repr__(self) -> str:
        return f"Digits({len(self.y_train)} to train with, {len(self.y_test)} to test with)"


def mnist_mini(dtype: str = "float32") -> Digits:
    """The first 2,000 training and the first 500 test images of MNIST, which come with the package.

    Parameters
    ----------
    dtype : "float32" or "uint8"
        Of the images: from 0 to 1, or bytes, from 0 to 255.

    Examples
    --------
    >>> import symcnn as sc
    >>> digits = sc.data.mnist_mini()
    >>> digits, digits.x_train.shape, digits.y_test[:5]
    (Digits(2000 to train with, 500 to test with), (2000, 1, 28, 28), array([7, 2, 1, 0, 4]))
    """
    with (files("symcnn.data") / "mnist_mini_2000_500.npz").open("rb") as file:
        return _digits(_from_npz(file, "the bundled digits"), dtype)


def mnist(path: str | os.PathLike[str] | None = None, dtype: str = "float32") -> Digits:
    """The full MNIST: 60,000 training and 10,000 test images.

    Parameters
    ----------
    path : path, optional
        An ``.npz`` file with the arrays x_train, y_train, x_test and y_test, or a folder that holds such a
        file (``mnist*.npz``) or the four original IDX files, packed with gzip or not. Where it is not given,
        the environment variable SYMCNN_DATA is the path; where that is not set either, the file is downloaded
        once with pooch (``pip install 'symcnn[data]'``), and its checksum verified.
    dtype : "float32" or "uint8"
        Of the images: from 0 to 1, or bytes, from 0 to 255, which take a quarter of the memory. A network scales them:
        ``sc.Input("x", (None, 1, 28, 28), "uint8") / 255``.

    Raises
    ------
    ArgumentError
        For another dtype.
    DataError
        If there is nothing at the path, or something else than MNIST; or if the download fails.
    """
    found = mnist_place(path)
    if found.is_dir():
        return _digits(_from_folder(found), dtype)
    if not found.is_file():
        raise DataError(f"there is no MNIST at {found}: expected an .npz file, or a folder with it or the IDX files")
    with found.open("rb") as file:
        return _digits(_from_npz(file, str(found)), dtype)


def mnist_place(path: str | os.PathLike[str] | None = None) -> Path:
    """The file or folder that `mnist` reads: `path`, else what SYMCNN_DATA says, else what is downloaded."""
    place = path if path is not None else os.environ.get("SYMCNN_DATA")
    return Path(_download() if place is None else place).expanduser()


def _digits(arrays: dict[str, NDArray[Any]], dtype: str) -> Digits:
    bytes_asked = chosen(dtype, ("float32", "uint8"), "dtype") == "uint8"
    parts: dict[str, Any] = {}
    for part in ("train", "test"):
        x, y = arrays.pop(f"x_{part}"), arrays.pop(f"y_{part}")  # the bytes are not kept beside the floats
        if x.dtype != np.uint8 or x.ndim != 3 or y.shape != x.shape[:1] or (y.size and int(y.max()) > 9):
            raise DataError(f"the {part} part is not MNIST: images {x.shape} {x.dtype}, labels {y.shape} {y.dtype}")
        parts[f"x_{part}"] = x[:, None] if bytes_asked else x[:, None] / np.float32(255)
        parts[f"y_{part}"] = y.astype(np.int64)
    return Digits(**parts)


def _from_npz(file: IO[bytes], what: str) -> dict[str, NDArray[Any]]:
    arrays = read_npz(file, what, _ARRAYS)
    if missing := [name for name in _ARRAYS if name not in arrays]:
        raise DataError(f"{what} is no .npz file with the arrays {', '.join(_ARRAYS)}: {missing[0]} is missing")
    return arrays


def read_npz(file: IO[bytes], what: str, wanted: Container[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file: all of them, or those that are wanted and there.

    Raises
    ------
    DataError
        If it is none, or damaged, or holds something else than arrays of numbers.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if wanted is None or name in wanted}
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, TypeError, MemoryError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        told = "it holds Python objects, which are not loaded" if "allow_pickle" in told else told
        raise DataError(f"{what} is no .npz file that can be read: {told}") from error


def arrays_at(path: str | os.PathLike[str], dtype: str = "float32") -> dict[str, NDArray[Any]]:
    """What is at a path: the arrays of an .npz file by name; of a file like MNIST's, the test part as ``x`` and ``y``.

    Parameters
    ----------
    path : path
    dtype : "float32" or "uint8"
        As for `mnist`.

    Raises
    ------
    DataError
        If there is nothing of that kind.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        return mnist(place, dtype).test
    if not place.is_file():
        raise DataError(f"there is no file {shown(str(path))}: expected an .npz file, or a folder with MNIST")
    with place.open("rb") as file:
        arrays = read_npz(file, shown(str(path)))
    if not all(name in arrays for name in _ARRAYS):
        return arrays
    if arrays["x_train"].dtype == np.uint8 and arrays["x_train"].ndim == 3:
        return _digits(arrays, dtype).test
    return {"x": arrays["x_test"], "y": arrays["y_test"], **arrays}


def _from_folder(folder: Path) -> dict[str, NDArray[Any]]:
    paths = {name: _plain_or_gz(folder / file) for name, file in _IDX.items()}
    if all(paths.values()):
        return {name: _read_idx(path) for name, path in paths.items() if path is not None}
    archives = sorted(folder.glob("mnist*.npz"), key=lambda p: -p.stat().st_size)
    if not archives:
        raise DataError(f"{folder} holds neither mnist*.npz nor the four files {', '.join(_IDX.values())}")
    with archives[0].open("rb") as file:
        return _from_npz(file, str(archives[0]))


def _plain_or_gz(path: Path) -> Path | None:
    return next((p for p in (path, path.with_name(path.name + ".gz")) if p.is_file()), None)


def _read_idx(path: Path) -> NDArray[Any]:
    """One IDX file: two zero bytes, the type (8: uint8), the number of axes, their sizes, the numbers."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08" or len(raw) < 4 + 4 * raw[3]:
        raise DataError(f"{path} is no IDX file of bytes")
    shape = tuple(int(n) for n in np.frombuffer(raw, ">i4", raw[3], 4))
    body = np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3])
    if min(shape, default=0) < 0 or body.size != np.prod(shape, dtype=object):
        raise DataError(f"{path} claims the shape {shape}, but holds {body.size} numbers")
    return body.reshape(shape)


def _download() -> Path:
    try:
        import pooch
    except ImportError as error:
        raise DataError(
            "the full MNIST is not part of the package: give its path (an argument, or SYMCNN_DATA), "
            "or let it be downloaded: pip install 'symcnn[data]'"
        ) from error
    try:
        return Path(pooch.retrieve(URL, known_hash=f"sha256:{SHA256}", path=pooch.os_cache("symcnn"), progressbar=True))
    except (OSError, ValueError) as error:
        raise DataError(f"MNIST could not be downloaded from {URL}: {error}") from error
