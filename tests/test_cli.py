"""The command line, run as a person would run it, in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symcnn import cli
from symcnn.data import mnist_mini

EXAMPLES = Path(__file__).parent.parent / "examples"


def symcnn(*arguments, cwd, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "symcnn", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_demo_reads_unseen_digits_and_leaves_its_files(tmp_path):
    status, out, errors = symcnn("demo", "-o", "here", cwd=tmp_path, PATH="", PYTHONWARNINGS="error")
    assert (status, errors) == (0, "")
    found = re.search(r"It reads (\d+) of 500 digits right", out)
    assert found
    assert int(found[1]) >= 470
    assert "rot90" in out
    written = {p.name: p.stat().st_size for p in (tmp_path / "here").iterdir()}
    pictures, texts = (
        {"backprop.svg", "backprop.dot", "explain.html"},
        {"equations.txt", "equations.tex", "history.csv"},
    )
    assert set(written) == pictures | texts
    assert all(written.values())
    assert str(tmp_path / "here") in out
    picture = (tmp_path / "here" / "backprop.svg").read_text(encoding="utf-8")
    assert "Run with 1 example." in picture and ">= 7<" in picture and picture.count("<image ") > 50
    assert len(picture.encode()) < 200_000


def test_train_on_the_bundled_digits(tmp_path):
    status, out, errors = symcnn("train", "--mini", "--epochs", "1", "--batch", "64", "--pool", "max", cwd=tmp_path)
    assert (status, errors) == (0, "")
    assert re.search(r"accuracy on the 500 test digits: \d\d\.\d\d%", out)


def test_train_without_data_says_what_to_do(tmp_path):
    status, _, errors = symcnn("train", "--data", "nowhere", cwd=tmp_path)
    assert status == 1
    assert "there is no MNIST at nowhere" in errors
    assert "Traceback" not in errors


def test_check_takes_a_type_from_a_users_own_file(tmp_path):
    status, out, errors = symcnn("check", str(EXAMPLES / "new_node.py") + ":Softplus", cwd=tmp_path)
    assert (status, errors) == (0, "")
    assert "1 of 1 node types fulfil all they owe" in out


def test_check_fails_for_a_type_that_breaks_its_contract(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import symcnn as sc\n"
        "class Wrong(sc.Node):\n"
        "    'z^2, with a wrong derivative.'\n"
        "    z: sc.Node\n"
        "    latex = '{z}^2'\n"
        "    def forward(self, xp, z): return z * z\n"
        "    def backward(self, delta): return (3 * delta * self.z,)\n"
    )
    status, out, errors = symcnn("check", "mine.py:Wrong", cwd=tmp_path)
    assert status == 1
    assert "derivative" in errors
    assert "0 of 1" in out


@pytest.mark.parametrize("name", ["nowhere:X", "symcnn:conv", "symcnn", "symcnn:Nothing"])
def test_check_names_what_is_no_node_type(name, capsys):
    assert cli.main(["check", name]) == 1
    assert name in capsys.readouterr().err


def test_doctor_names_versions(capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "numpy" in out
    assert "SYMCNN_DATA" in out


@pytest.mark.parametrize("arguments", [[], ["demo", "--epochs", "0"], ["train", "--pool", "median"], ["fly"]])
def test_wrong_arguments_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: symcnn" in capsys.readouterr().err


NETWORK = """
import symcnn as sc
print("loading")
x = sc.Input("x", (None, 4))
scores = sc.dense(x, 3, seed=0, name="out")
J = sc.softmax_cross_entropy(scores, sc.Input("y", (None,), dtype="int64"))
back = sc.backprop(J)
both = [scores, J]
class Held: J = J
held = Held()
picture = sc.draw(J)
def network():
    print("building")
    return J
def needs(a):
    return J
"""


@pytest.fixture
def network(tmp_path):
    (tmp_path / "net.py").write_text(NETWORK)
    return tmp_path


def drawn(path):
    """The picture of the network of a file, without the command."""
    names: dict[str, object] = {}
    exec(NETWORK, names)
    return names["picture"]


@pytest.mark.parametrize("name", ["J", "back", "network", "picture", "held", "held.J"])
@pytest.mark.parametrize("module", ["net", "net.py"])
def test_draw_takes_what_can_be_drawn(network, name, module):
    status, out, errors = symcnn("draw", f"{module}:{name}", "-o", "-", cwd=network)
    assert status == 0 and out == drawn(network).svg
    assert errors.splitlines() == ["loading", *(["building"] if name == "network" else [])]


@pytest.mark.parametrize("ending", ["svg", "dot"])
def test_draw_writes_a_file_and_says_nothing(network, ending):
    status, out, _ = symcnn("draw", "net.py:J", "-o", f"a.{ending}", cwd=network, PATH="")
    assert (status, out) == (0, "")
    assert (network / f"a.{ending}").read_text(encoding="utf-8") == getattr(drawn(network), ending)
    assert symcnn("draw", "net.py:J", "-o", "-", "--format", ending, cwd=network)[1] == getattr(drawn(network), ending)


@pytest.mark.parametrize(
    ("name", "out", "message"),
    [
        ("net.py:both", "a.svg", "holds 2 objects"),
        ("net.py:needs", "a.svg", "without arguments"),
        ("net.py:sc", "a.svg", "is a module"),
        ("net.py:nothing", "a.svg", "there is no nothing in net.py"),
        ("net.py", "a.svg", "expected module:object"),
        ("broken.py:J", "a.svg", "importing broken.py failed: ZeroDivisionError"),
        ("wrong.py:J", "a.svg", "SyntaxError"),
        ("gone.py:J", "a.svg", "there is no file gone.py"),
        ("gone:J", "a.svg", "No module named 'gone'"),
        ("net.py:J", "a.jpeg", "expected .svg, .dot"),
        ("net.py:J", "gone/a.svg", "there is no folder"),
    ],
)
def test_draw_says_what_is_wrong(network, name, out, message):
    (network / "broken.py").write_text("x = 1\nJ = x / 0\n")
    (network / "wrong.py").write_text("def f(:\n")
    status, printed, errors = symcnn("draw", name, "-o", out, cwd=network)
    assert (status, printed) == (1, "") and message in errors and "Traceback" not in errors
    assert not (network / out).exists()
    assert "broken" not in name or "broken.py:2" in errors


def test_a_file_may_have_the_name_of_a_module_that_is_loaded(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "numpy.py").write_text(NETWORK)
    status, out, _ = symcnn("draw", "here/numpy.py:J", "-o", "-", cwd=tmp_path)
    assert status == 0 and out == drawn(tmp_path).svg


@pytest.mark.parametrize("package", ["pygraphviz", "matplotlib", "latex2mathml", "dot (Graphviz)"])
def test_doctor_tells_what_pictures_need(package, capsys):
    assert cli.main(["doctor"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.strip().startswith(package)]
    assert "diagrams" in line or "plots" in line or "equations" in line


EXPLAINED = """
import symcnn as sc
from symcnn.tutorial import tutorial_network

J = tutorial_network(filters=2).J
digits = sc.data.mnist_mini()

def with_data():
    return J, {"x": digits.x_test[0], "y": digits.y_test[0]}

def page():
    return sc.explain(*with_data())

text = "no network"
recorder = sc.Recorder(*with_data())
recorder.record()
back = sc.backprop(J)
"""


@pytest.mark.parametrize("name", ["with_data", "page", "recorder"])
def test_explain_writes_a_page(tmp_path, name):
    (tmp_path / "mine.py").write_text(EXPLAINED)
    status, out, errors = symcnn("explain", f"mine.py:{name}", "-o", "page.html", cwd=tmp_path)
    assert (status, errors) == (0, "") and out.startswith("Page of J: 10 steps, ")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_explain_takes_an_example_from_a_file(tmp_path):
    (tmp_path / "mine.py").write_text(EXPLAINED)
    digits = mnist_mini()
    np.savez(tmp_path / "digits.npz", x=digits.x_test[:3], y=digits.y_test[:3])
    options = ("-o", "page.html", "--data", "digits.npz", "--example", "2")
    assert symcnn("explain", "mine.py:J", *options, cwd=tmp_path)[0] == 0
    status, _, errors = symcnn("explain", "mine.py:J", *options[:-1], "7", cwd=tmp_path)
    assert status == 1 and "no example 7" in errors
    status, _, errors = symcnn("explain", "mine.py:J", *options[:-1], "-1", cwd=tmp_path)
    assert status == 1 and "--example is -1; it must be at least 0" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine.py:J", "-o", "page.html"], "missing: x, y"),
        (["mine.py:back", "-o", "page.html"], "missing: x, y"),
        (["mine.py:text", "-o", "page.html"], "is a str"),
        (["mine.py:page", "-o", "page.pdf"], ".html"),
        (["mine.py:page", "-o", "page.html", "--example", "0"], "is a page already, which --example cannot change"),
        (["mine.py:J", "-o", "page.html", "--data", "none.npz"], "none.npz"),
    ],
)
def test_explain_says_what_is_wrong(tmp_path, arguments, message):
    (tmp_path / "mine.py").write_text(EXPLAINED)
    status, out, errors = symcnn("explain", *arguments, cwd=tmp_path)
    assert status == 1 and message in errors and out == "" and "Traceback" not in errors
    assert not (tmp_path / "page.html").exists()


def test_draw_takes_what_sc_draw_takes(tmp_path):
    (tmp_path / "mine.py").write_text(EXPLAINED)
    options = ["--focus", "a1", "--hops", "1", "--width", "700", "--no-fold"]
    status, _, errors = symcnn("draw", "mine.py:J", "-o", "a1.svg", *options, cwd=tmp_path)
    assert (status, errors) == (0, "")
    picture = (tmp_path / "a1.svg").read_text(encoding="utf-8")
    assert 'id="value-a1"' in picture and 'id="value-z2"' not in picture
    status, _, errors = symcnn("draw", "mine.py:J", "-o", "n.svg", "--zoom", "nodes", cwd=tmp_path)
    assert (status, errors) == (0, "") and ">Upsample<" in (tmp_path / "n.svg").read_text(encoding="utf-8")
    status, _, errors = symcnn("draw", "mine.py:J", "-o", "q.svg", "--focus", "q7", cwd=tmp_path)
    assert status == 1 and "nothing in this network is called 'q7'" in errors and "z1" in errors


@pytest.mark.parametrize("name", ["e2", "v1", "δ(a1)"])
def test_every_box_of_the_nodes_can_be_the_focus(tmp_path, name):
    """Nodes of the backward graph, and those that have a box at this zoom only."""
    (tmp_path / "mine.py").write_text(EXPLAINED)
    options = ["--zoom", "nodes", "--focus", name]
    status, picture, errors = symcnn("draw", "mine.py:J", "-o", "-", *options, cwd=tmp_path)
    assert (status, errors) == (0, "") and f">{name} = " in picture and ">Within 1 edge of " in picture


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--zoom", "layers"], "--zoom"),
        (["--focus", "z1", "--hops", "0"], "--focus and --hops"),
        (["--no-fold"], "--no-fold"),
        (["--fold"], "--fold"),
        (["--width", "0"], "--width"),
    ],
)
def test_a_picture_that_is_made_already_takes_no_options(network, options, named):
    status, out, errors = symcnn("draw", "net.py:picture", "-o", "a.svg", *options, cwd=network)
    assert (status, out) == (1, "") and not (network / "a.svg").exists()
    assert f"net.py:picture is a picture already, which {named} cannot change" in errors
    assert "name its network instead" in errors


COMMANDS = ["demo", "train", "draw", "explain", "check", "doctor"]


def helped(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main([*arguments, "--help"])
    assert caught.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_sentence_in_its_help(command, capsys):
    usage, about, *_ = helped(capsys, command).split("\n\n")
    assert usage.startswith(f"usage: symcnn {command}")
    assert about[0].isupper() and about.endswith(".") and len(about) > 30


def test_the_help_is_plain_text(capsys):
    told = helped(capsys)
    assert all(command in told for command in COMMANDS)
    assert not any("`" in text for text in (told, *(helped(capsys, command) for command in COMMANDS)))


TUTORIAL = "symcnn.tutorial:tutorial_network"


@pytest.mark.parametrize("example", [(), ("--example", "499")])
def test_explain_takes_the_file_that_train_takes(tmp_path, capsys, example):
    """The page shows the test digit, with the grey values that training divides by 255."""
    place = Path(cli.__file__).parent.parent / "data" / "mnist_mini_2000_500.npz"
    out = tmp_path / "page.html"
    assert cli.main(["explain", TUTORIAL, "--data", str(place), *example, "-o", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    with np.load(place) as arrays:
        image = arrays["x_test"][int(example[-1]) if example else 0] / np.float32(255)
        np.savez(tmp_path / "one.npz", x=image[None, None], y=arrays["y_test"][[int(example[-1]) if example else 0]])
    assert cli.main(["explain", TUTORIAL, "--data", str(tmp_path / "one.npz"), "-o", str(tmp_path / "b.html")]) == 0
    assert out.read_bytes() == (tmp_path / "b.html").read_bytes()
    assert cli.main(["explain", TUTORIAL, "--data", str(place), "--example", "500", "-o", str(out)]) == 1
    assert "there is no example 500" in capsys.readouterr().err
    if not example:
        (tmp_path / "mnist").mkdir()
        (tmp_path / "mnist" / "mnist.npz").write_bytes(place.read_bytes())
        assert cli.main(["explain", TUTORIAL, "--data", str(tmp_path / "mnist"), "-o", str(tmp_path / "c.html")]) == 0
        assert out.read_bytes() == (tmp_path / "c.html").read_bytes()


@pytest.mark.parametrize("arguments", [[], ["--example", "-1", "--data", "gone"], ["--data", "gone.npz"]])
def test_an_error_of_the_command_line_names_no_line_of_the_script_that_called_it(tmp_path, arguments):
    status, _, errors = symcnn("explain", TUTORIAL, "-o", "p.html", *arguments, cwd=tmp_path)
    assert status == 1 and "made at" not in errors and ".py:" not in errors


def damaged(folder):
    """Files that are no .npz file with arrays of numbers."""
    (folder / "empty.npz").write_bytes(b"")
    (folder / "text.npz").write_text("not a zip file\n")
    (folder / "folder.npz").mkdir()
    np.save(folder / "array.npy", np.ones(3))
    np.savez(folder / "objects.npz", x=np.array([{}, None], dtype=object), y=np.ones(2))
    np.savez(folder / "none.npz")
    np.savez(folder / "other.npz", images=np.ones((2, 28, 28)))
    np.savez(folder / "shape.npz", x=np.ones((2, 28)), y=np.zeros(2, int))
    np.savez(folder / "scalar.npz", x=np.float32(1), y=np.int64(1))
    whole = (Path(cli.__file__).parent.parent / "data" / "mnist_mini_2000_500.npz").read_bytes()
    (folder / "half.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "damaged.npz").write_bytes(whole[:200_000] + bytes(1000) + whole[201_000:])


FILES = {
    "empty.npz": "no .npz file",
    "text.npz": "no .npz file",
    "folder.npz": "holds neither mnist*.npz nor",
    "array.npy": "no .npz file",
    "objects.npz": "Python objects, which are not loaded",
    "none.npz": "no arrays; the network takes x, y",
    "other.npz": "images; the network takes x, y",
    "shape.npz": "Input 'x': an array of shape (28,) was fed; expected (None, 1, 28, 28)",
    "scalar.npz": "no example 0",
    "half.npz": "no .npz file",
    "damaged.npz": "no .npz file",
    "gone.npz": "there is no file gone.npz",
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("command", ["explain", "train"])
def test_a_file_of_a_wrong_kind_gets_one_sentence(tmp_path, monkeypatch, capsys, command, file):
    damaged(tmp_path)
    monkeypatch.chdir(tmp_path)
    arguments = ["explain", TUTORIAL, "-o", "p.html"] if command == "explain" else ["train"]
    assert cli.main([*arguments, "--data", file]) == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"symcnn {command}: ") and told.out == ""
    assert (FILES[file] if command == "explain" else file.partition(".")[0]) in told.err
    assert not (tmp_path / "p.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--epochs", "x"], "'x' is not a whole number"),
        (["demo", "--seed", "-1"], "-1 is not at least 0"),
        (["train", "--mini", "--batch", "0"], "0 is not at least 1"),
        (["train", "--mini", "--lr", "nan"], "nan is not a number above 0"),
        (["train", "--mini", "--lr", "fast"], "'fast' is not a number"),
        (["draw", TUTORIAL, "-o", "a.svg", "--hops", "-1"], "-1 is not at least 0"),
        (["draw", TUTORIAL], "the following arguments are required: -o"),
    ],
)
def test_a_wrong_value_of_an_option_is_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draw", "mine.py:fails", "-o", "a.svg"], "mine.py:fails failed: ZeroDivisionError: division by zero"),
        (["explain", "mine.py:fails", "-o", "a.html"], "mine.py:3"),
        (["draw", TUTORIAL, "-o", "."], "names no format"),
        (["draw", TUTORIAL, "-o", "folder.svg"], "folder.svg"),
        (["draw", TUTORIAL, "-o", "a.svg", "--width", "nan"], "width"),
        (["draw", TUTORIAL, "-o", "a.svg", "--width", "-5"], "width"),
        (["draw", "", "-o", "a.svg"], "expected module:object"),
        (["draw", ":", "-o", "a.svg"], "expected module:object"),
        (["draw", "..:x", "-o", "a.svg"], "names no network"),
        (["draw", "\x1b[31mno.py:x", "-o", "a.svg"], r"\x1b[31mno.py"),
        (["explain", TUTORIAL, "-o", "a.html"], "missing: x, y\n  --data names a file with them"),
        (["check", "mine.py:fails"], "is a function"),
        (["check", "folder.svg:x"], "names no node type"),
        (["demo", "-o", "mine.py"], "mine.py"),
    ],
)
def test_what_is_wrong_gets_one_sentence(tmp_path, monkeypatch, capsys, arguments, message):
    (tmp_path / "mine.py").write_text("import symcnn as sc\ndef fails():\n    return 1 / 0\n")
    (tmp_path / "folder.svg").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    assert cli.main(arguments) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"symcnn {arguments[0]}: ") and message in told and "\x1b" not in told
