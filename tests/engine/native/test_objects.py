"""The cache of compiled objects: whatever has become of it, programs are right."""

import os

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
    return Library(module([b.function]), Cpu.host())


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


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only(folder):
    folder.mkdir()
    folder.chmod(0o500)
    assert not library().cached
    assert not list(folder.iterdir())


def test_another_processor_has_another_object(folder):
    host = Cpu.host()
    library()
    b = Builder("f", {"x": POINTER}, exported=True)
    b.store(b.parameters[0], 0, b.number(1))
    plain = Cpu.of("x86-64", "") if host.is_x86 else host
    assert Library(module([b.function]), plain).cached is (plain is host)
