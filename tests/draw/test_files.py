"""Pictures as files: formats by ending, Graphviz found or missed, and never half a file."""

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc
from symcnn.draw import files
from symcnn.draw.files import save, writers
from symcnn.graph.errors import ArgumentError, DTypeError, SymcnnError

DOT = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not on the PATH")
PYGRAPHVIZ = pytest.mark.skipif(
    importlib.util.find_spec("pygraphviz") is None, reason="the package pygraphviz is not installed"
)
EITHER = pytest.mark.skipif(
    shutil.which("dot") is None and importlib.util.find_spec("pygraphviz") is None,
    reason="there is neither dot nor pygraphviz",
)
ODD = [
    "<lambda>",
    "\\",
    "\\N",
    "c:1",
    'say "hi"',
    "a & b &amp; c",
    "größe 名前",
    "a->b;{}",
    "<b>x</b>",
    "x\\",
    "\ud800",
]


def diagram(name="x"):
    x = sc.Input(name, (3,))
    return sc.draw(sc.sum(sc.tanh(sc.Param("w", np.ones(3)) * x)))


@pytest.mark.parametrize("ending", ["svg", "dot", "gv", "SVG", "Dot"])
def test_text_needs_nothing(tmp_path, ending, monkeypatch):
    monkeypatch.setenv("PATH", "")
    picture = diagram()
    file = picture.save(tmp_path / f"net.{ending}")
    assert file.read_bytes() == (picture.svg if ending.lower() == "svg" else picture.dot).encode()
    assert picture.save(str(file)) == file and os.listdir(tmp_path) == [file.name]


def size_of_png(content):
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR"
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


@EITHER
def test_png_and_pdf(make, tmp_path):
    picture = sc.draw(make["tutorial"]())
    width, height = size_of_png(picture.save(tmp_path / "net.PNG").read_bytes())
    assert 2000 < width < 6000 and 500 < height < 2000  # 144 dots to the inch: 12 points are 24 of them
    pdf = picture.save(tmp_path / "net.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")


@PYGRAPHVIZ
def test_pygraphviz_stands_in_for_dot(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    width, _ = size_of_png(diagram().save(tmp_path / "net.png").read_bytes())
    assert width > 500
    assert diagram().save(tmp_path / "net.pdf").read_bytes().startswith(b"%PDF-")


def test_without_graphviz_the_error_names_the_line_that_helps(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(files, "has_pygraphviz", lambda: False)
    for kind in ("png", "pdf"):
        with pytest.raises(SymcnnError, match=r"pip install 'symcnn\[graphviz\]'") as error:
            diagram().save(tmp_path / f"net.{kind}")
        assert ".svg and .dot need nothing" in str(error.value)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="a script with a first line is no program on Windows")
def test_what_graphviz_complains_of_is_told(tmp_path, monkeypatch):
    fake = tmp_path / "bin" / "dot"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'Format: \"png\" not recognized.' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/bin:/usr/bin")
    old = tmp_path / "net.png"
    old.write_bytes(b"before")
    with pytest.raises(SymcnnError, match=r'made no \.png: Format: "png" not recognized\.'):
        diagram().save(old)
    assert old.read_bytes() == b"before" and sorted(os.listdir(tmp_path)) == ["bin", "net.png"]


@pytest.mark.parametrize("name", ["net", "net.svg.gz", "net.jpeg", ".svg", "net.", "my net.PNGG"])
def test_unknown_endings(tmp_path, name):
    with pytest.raises(ArgumentError, match=r"expected \.svg, \.dot, \.gv, \.png, \.pdf") as error:
        diagram().save(tmp_path / name)
    assert repr(name) in str(error.value) and os.listdir(tmp_path) == []


def test_a_picture_may_have_fewer_formats(tmp_path):
    formats = writers(lambda: "<svg/>")
    assert save(tmp_path / "unit.svg", formats).read_text() == "<svg/>"
    with pytest.raises(ArgumentError, match=r"expected \.svg:"):
        save(tmp_path / "unit.png", formats)


def test_places_that_do_not_do(tmp_path):
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(ArgumentError, match="is a folder"):
        diagram().save(tmp_path / "folder.svg")
    with pytest.raises(ArgumentError, match=r"there is no folder .*nowhere"):
        diagram().save(tmp_path / "nowhere" / "net.svg")
    for wrong in (3, None):
        with pytest.raises(DTypeError, match="name of a file"):
            diagram().save(wrong)


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    file = diagram().save(tmp_path / "net.svg")
    before = file.read_bytes()

    def fails(*_):
        raise OSError("no space left")

    monkeypatch.setattr(type(file), "replace", fails)
    with pytest.raises(OSError, match="no space left"):
        diagram("other").save(file)
    assert file.read_bytes() == before and os.listdir(tmp_path) == ["net.svg"]


@pytest.mark.skipif(os.name == "nt", reason="modes and links of files as Unix has them")
def test_modes_and_links_stay(tmp_path):
    file = diagram().save(tmp_path / "net.svg")
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    file.chmod(0o640)
    link = tmp_path / "link.svg"
    link.symlink_to(file)
    diagram("other").save(link)
    assert link.is_symlink() and stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.read_bytes() == diagram("other").svg.encode()


def test_a_protected_file_is_not_replaced(tmp_path, monkeypatch):
    file = diagram().save(tmp_path / "net.svg")
    before = file.read_bytes()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything, so the answer is given
    with pytest.raises(PermissionError, match="write-protected"):
        diagram("other").save(file)
    assert file.read_bytes() == before and os.listdir(tmp_path) == ["net.svg"]


@DOT
@pytest.mark.parametrize("name", ODD)
def test_labels_come_through_dot(name):
    picture = diagram(name)
    dot = picture.dot.encode()
    svg = subprocess.run(["dot", "-Tsvg"], input=dot, capture_output=True, check=True).stdout.decode()
    assert picture.story.boxes[0].title in texts(svg)


@PYGRAPHVIZ
@pytest.mark.parametrize("name", ODD)
def test_labels_come_through_pygraphviz(name, monkeypatch):
    monkeypatch.setenv("PATH", "")
    picture = diagram(name)
    svg = files.rendered(picture.to_graphviz(), "svg").decode()
    assert picture.story.boxes[0].title in texts(svg)


def texts(svg):
    """What a reader of an SVG sees."""
    from xml.etree import ElementTree

    return [t.text for t in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_dot_is_the_same_in_every_process():
    program = """
import sys, symcnn as sc
x, y = sc.Input("x", (None, 1, 12, 12)), sc.Input("y", (None,), dtype="int64")
w = sc.Param("W", [[[[1.0, 2.0], [3.0, 4.0]]]])
a, b = sc.sigmoid(sc.Conv(x, w)), sc.tanh(sc.Conv(x, sc.rot90(w)))
J = sc.softmax_cross_entropy(sc.dense(a * b, 3, name="<out>", seed=0), y) + sc.sum(w * w)
sys.stdout.buffer.write(sc.draw(J).dot.encode())
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(outputs) == 1 and b"digraph" in outputs.pop()


def test_names_that_no_file_can_have(tmp_path):
    (tmp_path / "loop.svg").symlink_to(tmp_path / "loop.svg")
    (tmp_path / "lost.svg").symlink_to(tmp_path / "nowhere" / "x.svg")
    diagram = sc.draw(sc.sum(sc.Param("w", [1.0])))
    for name in ("a\0.svg", "\ud800.svg", "x" * 300 + ".svg"):
        with pytest.raises(sc.errors.ArgumentError, match="cannot be the name of a file"):
            diagram.save(tmp_path / name)
    with pytest.raises(sc.errors.ArgumentError, match=r"there is no folder '.*nowhere'"):
        diagram.save(tmp_path / "lost.svg")
    if sys.version_info < (3, 13):  # later ones take the place of such a link
        with pytest.raises(sc.errors.ArgumentError, match="cannot be the name of a file"):
            diagram.save(tmp_path / "loop.svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["loop.svg", "lost.svg"]


def test_an_error_of_the_system_names_the_file_that_was_asked_for(tmp_path, monkeypatch):
    def refuse(self, mode):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError) as told:
        sc.draw(sc.sum(sc.Param("w", [1.0]))).save(tmp_path / "x.svg")
    assert told.value.filename == str(tmp_path / "x.svg")
