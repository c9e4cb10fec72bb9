"""The cache of compiled objects: whatever has become of it, programs are right."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.emit import module
from symcnn.engine.native.loops import POINTER, Builder
from symcnn.engine.native.objects import Library


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMCNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def library(number=1.0):
    b = Builder("f", {"x": POINTER}, exported=True)
    b.store(b.parameters[0], 0, b.number(number))
    return Library(module([b.function]), Cpu.host(), ["f"])


def test_what_was_compiled_is_found_again(folder):
    assert [library().cached, library().cached, library(2).cached, library(2).cached] == [False, True, False, True]
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("harm", [b"", b"symcnn object 1\n", b"x" * 5000])
def test_a_broken_object_is_compiled_again(folder, harm):
    library()
    (file,) = folder.iterdir()
    file.write_bytes(harm)
    assert not library().cached
    assert library().cached


def test_an_object_that_is_cut_or_changed_is_compiled_again(folder):
    library()
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    for content in (whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])):
        file.write_bytes(content)
        assert not library().cached


def test_a_folder_that_cannot_be_used(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SYMCNN_CACHE", str(tmp_path / "file"))
    assert not library().cached
    assert not library().cached
    x = sc.Input("x", (None, 2))
    np.testing.assert_array_equal(sc.compile(x + 1, backend="native")(x=[[1, 2]]), [[2, 3]])


@pytest.fixture
def nobody():
    """Root may write anywhere, so root is somebody else for a while; what it has made is in no folder of its own."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    place = Path(tempfile.mkdtemp())
    if root:
        os.chown(place, 65534, 65534)
        os.seteuid(65534)
    yield place
    if root:
        os.seteuid(0)
    shutil.rmtree(place)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_is_read_only(nobody, monkeypatch):
    monkeypatch.setenv("SYMCNN_CACHE", str(nobody / "cache"))
    library()
    (nobody / "cache").chmod(0o555)
    try:
        assert library().cached  # what is there is read
        assert not library(2).cached  # what is not there is compiled, each time
        assert not library(2).cached
        assert len(list((nobody / "cache").iterdir())) == 1
    finally:
        (nobody / "cache").chmod(0o777)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_no_home_and_nowhere_to_write(nobody, monkeypatch):
    nobody.chmod(0o555)
    monkeypatch.delenv("SYMCNN_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(nobody / "is" / "not" / "there"))
    assert not library().cached
    assert not library().cached
    nobody.chmod(0o777)


def test_a_folder_where_the_object_should_be(folder):
    library()
    (file,) = folder.iterdir()
    file.unlink()
    file.mkdir()
    assert not library().cached
    assert [f.name for f in folder.iterdir()] == [file.name]


def test_processes_share_a_cache(folder):
    """Several begin at once with nothing: all are right, and each object is there once, whole."""
    code = """
import numpy as np, symcnn as sc
x = sc.Input("x", (None, 40))
rows = np.arange(800, dtype="float32").reshape(20, 40) / 800
for n in range(3):
    total = sc.compile(sc.sum(sc.exp(x * n)), backend="native")(x=rows)
    np.testing.assert_allclose(total, np.exp(rows * n).sum(), rtol=1e-5)
print("right")
"""
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=120)[0] for process in started] == ["right\n"] * 4
    names = sorted(file.name for file in folder.iterdir())
    assert all(name.endswith(".o") for name in names)  # nothing half written was left
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert again.stdout == "right\n"
    assert sorted(file.name for file in folder.iterdir()) == names


def test_another_processor_has_another_object(folder):
    host = Cpu.host()
    library()
    b = Builder("f", {"x": POINTER}, exported=True)
    b.store(b.parameters[0], 0, b.number(1))
    plain = Cpu.of("x86-64", "") if host.is_x86 else host
    assert Library(module([b.function]), plain, ["f"]).cached is (plain is host)
