"""The bundled digits, and the full MNIST from files of every kind and from a server."""

import gzip
import hashlib
import http.server
import struct
import threading

import numpy as np
import pytest

import symcnn as sc
from symcnn.data import digits as module


def tiny(n=3, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "x_train": rng.integers(0, 256, (n, 28, 28), dtype=np.uint8),
        "y_train": rng.integers(0, 10, n, dtype=np.uint8),
        "x_test": rng.integers(0, 256, (2, 28, 28), dtype=np.uint8),
        "y_test": np.array([9, 0], np.uint8),
    }


def same(loaded, arrays):
    np.testing.assert_array_equal(loaded.x_train[:, 0] * np.float32(255), arrays["x_train"].astype("float32"))
    np.testing.assert_array_equal(loaded.y_test, arrays["y_test"])
    assert loaded.x_train.dtype == np.float32
    assert loaded.y_train.dtype == np.int64


def write_idx(folder, arrays, packed):
    for name, file in module._IDX.items():
        array = arrays[name]
        raw = b"\x00\x00\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()
        path = folder / (file + ".gz" if packed else file)
        path.write_bytes(gzip.compress(raw) if packed else raw)


def test_the_bundled_digits_are_the_first_of_mnist():
    digits = sc.data.mnist_mini()
    assert digits.x_train.shape == (2000, 1, 28, 28)
    assert digits.x_test.shape == (500, 1, 28, 28)
    assert digits.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert digits.x_train.min() == 0
    assert digits.x_train.max() == 1
    assert digits.train["x"] is digits.x_train


@pytest.mark.parametrize("packed", [False, True])
def test_the_original_files_in_a_folder(tmp_path, packed):
    write_idx(tmp_path, tiny(), packed)
    same(sc.data.mnist(tmp_path), tiny())


def test_an_archive_by_path_by_folder_and_by_environment(tmp_path, monkeypatch):
    path = tmp_path / "mnist.npz"
    np.savez(path, **tiny())
    same(sc.data.mnist(path), tiny())
    same(sc.data.mnist(str(tmp_path)), tiny())
    monkeypatch.setenv("SYMCNN_DATA", str(path))
    same(sc.data.mnist(), tiny())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mnist.npz", b"", "no .npz file"),
        ("mnist.npz", b"PK\x03\x04 broken", "no .npz file"),
        ("train-images-idx3-ubyte", b"\x00\x00\x08", "neither"),
        ("other.txt", b"", "neither"),
    ],
)
def test_what_is_not_mnist_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(module.DataError, match=message):
        sc.data.mnist(tmp_path)


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    for change in (
        {"x_train": np.zeros((3, 28, 28))},
        {"y_train": np.zeros(4, np.uint8)},
        {"y_test": np.array([9, 10], np.uint8)},
    ):
        np.savez(tmp_path / "mnist.npz", **{**tiny(), **change})
        with pytest.raises(module.DataError, match="is not MNIST"):
            sc.data.mnist(tmp_path)
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros(3))
    with pytest.raises(module.DataError, match="with the arrays"):
        sc.data.mnist(tmp_path)


def test_an_idx_file_whose_header_lies_is_refused(tmp_path):
    write_idx(tmp_path, tiny(), packed=False)
    for raw in (
        b"\x00\x00\x08\x03" + struct.pack(">3i", 10**9, 10**3, 10**3),
        b"\x00\x00\x08\x01\xff\xff\xff\xff",
        b"\x00\x00\x0d\x01",
    ):
        (tmp_path / module._IDX["x_train"]).write_bytes(raw)
        with pytest.raises(module.DataError, match=r"claims|no IDX"):
            sc.data.mnist(tmp_path)


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(module.DataError, match="there is no MNIST at"):
        sc.data.mnist(tmp_path / "nowhere")


@pytest.fixture
def server(tmp_path):
    """A server on this machine with a small mnist.npz."""
    folder = tmp_path / "served"
    folder.mkdir()
    np.savez(folder / "mnist.npz", **tiny())

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/mnist.npz", (folder / "mnist.npz").read_bytes()
        running.shutdown()
        thread.join()


def test_a_download_is_verified_and_kept(server, tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch", reason="pooch (the extra 'data') is not installed")
    url, content = server
    monkeypatch.delenv("SYMCNN_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache")
    monkeypatch.setattr(module, "URL", url)
    with pytest.raises(module.DataError, match="could not be downloaded"):
        sc.data.mnist()
    assert not list((tmp_path / "cache").glob("*mnist*"))
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(content).hexdigest())
    same(sc.data.mnist(), tiny())
    monkeypatch.setattr(module, "URL", "http://127.0.0.1:9/mnist.npz")
    with pytest.raises(module.DataError, match="could not be downloaded"):
        sc.data.mnist()


def test_without_pooch_the_error_says_what_helps(monkeypatch):
    monkeypatch.delenv("SYMCNN_DATA", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(module.DataError, match=r"pip install 'symcnn\[data\]'"):
        sc.data.mnist()
