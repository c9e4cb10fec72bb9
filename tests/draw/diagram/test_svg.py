"""The SVG: well formed, complete, and the same bytes in every process."""

import os
import subprocess
import sys
import textwrap
from xml.etree import ElementTree

import numpy as np
import pytest

import symcnn as sc

SVG = "{http://www.w3.org/2000/svg}"
AWKWARD = ["<lambda>", "\\", "c:1", 'say "hi"', "it's", "a&b", "größe 名前", "a\x00b\ud800", "two\nlines", "]]>", "  "]


def parsed(diagram):
    return ElementTree.fromstring(diagram.svg.encode())


def texts(element):
    return [t.text for t in element.iter(f"{SVG}text")]


@pytest.mark.parametrize("way", ["whole", "folded", "focused", "nodes"])
def test_every_part_has_an_id_a_class_a_title_and_a_description(network, way):
    more = {"hops": 2, "focus": sc.Graph(network).order[-4]} if way == "focused" else {}
    root = parsed(sc.draw(network, fold=way == "folded", zoom="nodes" if way == "nodes" else "layers", **more))
    groups = [g for g in root.iter(f"{SVG}g") if g.get("id")]
    ids = [g.get("id") for g in groups]
    assert len(ids) == len(set(ids)) > 20
    for g in groups:
        assert g.get("class") and g.find(f"{SVG}title").text and g.find(f"{SVG}desc").text, g.get("id")
    assert root.find(f"{SVG}title").text == "Backpropagation of J" and root.find(f"{SVG}desc").text


def test_what_the_tutorials_network_shows(make):
    root = parsed(sc.draw(make["tutorial"]()))
    by_id = {g.get("id"): g for g in root.iter(f"{SVG}g")}
    assert texts(by_id["value-z1"]) == ["conv1 · Conv", "z1 = x * rot90(W1, 2) + b1"]
    assert texts(by_id["back-a1"]) == ["∂Sigmoid", "δ(z1) = δ(a1) · a1 · (1 − a1)"]
    assert texts(by_id["back-z2"])[0] == "∂out · Dense" and len(texts(by_id["back-z2"])) == 4
    assert texts(by_id["back-x"]) == ["∂J/∂x", "not needed"] and "unneeded" in by_id["back-x"].get("class")
    assert texts(by_id["parameter-W1"]) == ["W1 (20×1×9×9)", "b1 (20)"]
    assert texts(by_id["gradient-W2"]) == ["∇W2 (10×2000)", "∇b2 (10)"]
    assert texts(by_id["name-z1"]) == ["z1", "20×20×20"] and texts(by_id["delta-z1"]) == ["δ(z1)"]
    notes = {key: " ".join(texts(by_id[f"note-{key}"])) for key in ("z1", "a1", "p1", "z2", "J")}
    assert notes == {"z1": "x", "a1": "a1", "p1": "shape only", "z2": "W2, p1", "J": "z2, y"}
    assert "back-y" not in by_id and "error-x:z1" in by_id and "error-y:J" not in by_id
    assert texts(by_id["legend"])[6:] == ["Not run: only shapes are known."]


def test_what_backward_rules_read(make):
    pooled = parsed(sc.draw(make["tutorial"]("max")))
    notes = {g.get("id"): texts(g) for g in pooled.iter(f"{SVG}g")}
    assert notes["note-p1"] == ["switches₂ₓ₂(a1)"]
    notes = {g.get("id"): texts(g) for g in parsed(sc.draw(make["residual"]())).iter(f"{SVG}g")}
    assert notes["note-a1"] == ["z1 > 0"] and notes["note-v1"] == ["shape only"]


def test_contributions_are_told_from_sums(make):
    by_id = {g.get("id"): g for g in parsed(sc.draw(make["residual"]())).iter(f"{SVG}g")}
    assert "δ(a1) += δ(v1)" in texts(by_id["back-v1"]) and "δ(z3) = δ(v1)" in texts(by_id["back-v1"])
    by_id = {g.get("id"): g for g in parsed(sc.draw(make["two_inputs"]())).iter(f"{SVG}g")}
    assert "∇W1 += 0.02 · W1" in texts(by_id["back-J"])


def test_names_that_are_hard_to_write(make):
    x = [sc.Input(name, (3,)) for name in AWKWARD]
    total = sc.tanh(x[0], name="<b>&amp;")
    for n, i in enumerate(x):
        total = sc.Exp(total * i, name=AWKWARD[n])
    root = parsed(sc.draw(sc.sum(total * sc.Param("]]>", np.ones(3)))))
    shown = "\n".join(t for t in texts(root) if t)
    for name in (
        "<lambda>",
        "\\",
        "c:1",
        'say "hi"',
        "it's",
        "a&b",
        "größe 名前",
        "a\\x00b\\ud800",
        "two lines",
        "]]>",
    ):
        assert name in shown
    ids = [g.get("id") for g in root.iter(f"{SVG}g") if g.get("id")]
    assert len(ids) == len(set(ids))
    assert all(c.isascii() and (c.isalnum() or c in "_.-:") for key in ids for c in key)


def test_lines_differ_in_more_than_colour(make):
    svg = sc.draw(make["tutorial"]()).svg
    for rule in (
        ".edge .head { fill: #0072B2", ".error .line { stroke: #D55E00; stroke-dasharray: ",
        ".error .head { fill: #ffffff", ".parameter .box { fill: #e8f6f1; stroke: #009E73",
        ".loss .box { fill: #fbf3da; stroke: #8A6D00", "@media (prefers-color-scheme: dark)",
    ):  # fmt: skip
        assert rule in svg
    assert svg.count("url(") == 0 and "<script" not in svg and "href" not in svg


PROGRAM = textwrap.dedent(
    """
    import hashlib, sys
    import numpy as np
    import symcnn as sc
    x, y = sc.Input("x", (None, 4, 12, 12)), sc.Input("y", (None,), dtype="int64")
    w = sc.Param("shared", np.ones((4, 4, 3, 3)))
    h = sc.relu(sc.Conv(sc.pad(x, 1), w))
    r = h + sc.tanh(sc.Conv(sc.pad(h, 1), w)) * sc.sigmoid(h)
    J = sc.softmax_cross_entropy(sc.dense(sc.max_pool(r, 2), 3, name="fc", seed=0), y) + 0.1 * sc.sum(w * w)
    back = sc.backprop(J)
    for _ in range(30):
        r = sc.relu(sc.conv(r, 4, 3, pad=1, seed=0) + r)
    deep = sc.backprop(sc.softmax_cross_entropy(sc.dense(r, 3, seed=0), y))
    drawn = [back.draw(), back.draw(fold=True), deep.draw(), deep.draw(focus=[h, w], hops=2)]
    drawn += [back.draw(zoom="nodes"), deep.draw(zoom="nodes", focus=[h, w], hops=2)]
    for text in (*(d.svg + d.dot for d in drawn), str(back.equations()), back.equations().latex):
        sys.stdout.buffer.write(text.encode())
    """
)


@pytest.mark.slow
def test_the_same_bytes_in_another_process():
    outputs = []
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True)
        outputs.append(run.stdout)
    assert outputs[0] == outputs[1] == outputs[2] and len(outputs[0]) > 10_000
