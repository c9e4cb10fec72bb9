"""The cache of compiled objects: whatever has become of it, programs are right."""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc
from symcnn.engine.native.cpu import Cpu
from symcnn.engine.native.ir.llvm import module
from symcnn.engine.native.ir.loops import POINTER, Builder
from symcnn.engine.native.runtime.jit import Library
from symcnn.engine.native.runtime.object_store import Store


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


@pytest.mark.slow
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


# What is not trusted ---------------------------------------------------------------------------------


def result(number):
    """What the function of `library(number)` writes."""
    found = np.zeros(1, np.float32)
    made = library(number)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(made.addresses["f"])(found.ctypes.data)
    return made.cached, float(found[0])


def test_objects_that_have_changed_places_are_compiled_again(folder):
    result(1.0)
    (one,) = folder.iterdir()
    result(2.0)
    (two,) = set(folder.iterdir()) - {one}
    one.rename(folder / "aside")
    two.rename(one)
    (folder / "aside").rename(two)
    assert [result(1.0), result(2.0)] == [(False, 1.0), (False, 2.0)]
    assert [result(1.0), result(2.0)] == [(True, 1.0), (True, 2.0)]


def test_each_byte_is_under_the_checksum(folder):
    store, key, code = Store(str(folder)), b"versions and options", b"the code"
    store.write(key, code)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    assert key in whole and store.read(key) == code
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert store.read(key) is None
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert store.read(key) is None


def test_garbage_with_a_right_checksum_is_of_another_key(folder):
    store = Store(str(folder))
    store.write(b"one", b"garbage")
    os.replace(store._path(b"one"), store._path(b"two"))
    assert store.read(b"two") is None


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_an_object_that_others_may_write_is_compiled_again(folder, mode):
    library()
    (file,) = folder.iterdir()
    file.chmod(mode)
    assert not library().cached
    assert file.stat().st_mode & 0o777 == 0o600
    assert library().cached


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_is_not_read(folder, mode):
    library()
    folder.chmod(mode)
    assert not library().cached
    assert folder.stat().st_mode & 0o777 == 0o700
    assert library().cached


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_belongs_to_somebody_else_is_not_loaded(folder, what):
    library()
    (file,) = folder.iterdir()
    os.chown(file if what == "file" else folder, 65534, 65534)
    assert not library().cached
    assert library().cached is (what == "file")  # it was written anew


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO on this system")
def test_a_fifo_is_not_waited_for(folder):
    library()
    (file,) = folder.iterdir()
    file.unlink()
    os.mkfifo(file, 0o600)
    assert not library().cached
    assert library().cached


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_a_link_is_not_followed(folder, tmp_path):
    library()
    (file,) = folder.iterdir()
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert not library().cached
    assert library().cached and not file.is_symlink()


@pytest.mark.parametrize(("name", "value"), [("SYMCNN_CACHE", "cache"), ("XDG_CACHE_HOME", "."), ("HOME", "home")])
def test_a_folder_that_is_not_absolute_is_none(tmp_path, monkeypatch, name, value):
    for other in ("SYMCNN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert Store.of_user() == Store(None)
    assert not library().cached
    assert not library().cached
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="homes of POSIX")
def test_no_home_at_all(tmp_path, monkeypatch):
    """Neither HOME nor an entry among the users: the folder would be called ~."""
    for name in ("SYMCNN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    monkeypatch.chdir(tmp_path)
    assert not library().cached
    assert not list(tmp_path.iterdir())


def test_the_oldest_objects_go_first(folder, monkeypatch):
    store = Store(str(folder))
    for number in range(6):
        store.write(b"%d" % number, bytes(300_000))
        os.utime(store._path(b"%d" % number), (1e9 + number, 1e9 + number))
    assert store.read(b"0")  # it is the latest used now
    monkeypatch.setenv("SYMCNN_CACHE_LIMIT", "1")
    store.trim()
    assert [store.read(b"%d" % number) is not None for number in range(6)] == [True, False, False, False, True, True]


def test_the_folder_is_trimmed_by_and_by(folder, monkeypatch):
    monkeypatch.setenv("SYMCNN_CACHE_LIMIT", "0.1")
    store = Store(str(folder))
    for number in range(200):
        store.write(b"%d" % number, bytes(10_000))
    assert len(list(folder.iterdir())) <= 10 + 32


def test_what_was_left_half_written_goes(folder):
    library()
    for name, age in (("1-a.tmp", 10), ("1-b.tmp", 7200)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    Store(str(folder)).trim()
    assert {file.suffix for file in folder.iterdir()} == {".o", ".tmp"} and not (folder / "1-b.tmp").exists()


@pytest.mark.parametrize("nonsense", ["", "many", "nan", "1e999"])
def test_a_limit_that_is_none(folder, monkeypatch, nonsense):
    monkeypatch.setenv("SYMCNN_CACHE_LIMIT", nonsense)
    library()
    Store(str(folder)).trim()
    assert library().cached
