"""The step-through page as data and as a file: what does not need a browser."""

import base64
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from pages import NETWORKS, digit, tutorial

import symcnn as sc
from symcnn.draw.page.budget import kept_maps
from symcnn.tutorial import tutorial_network


@pytest.fixture(scope="module")
def page():
    J, feeds = tutorial()
    return sc.explain(J, **feeds)


def test_the_steps_are_the_forward_pass_and_the_sweep(page):
    steps = page.data["steps"]
    assert [s["value"] for s in steps] == ["z1", "a1", "p1", "z2", "J", "J", "z2", "p1", "a1", "z1"]
    assert steps[5]["makes"] == ["δ(z2)"] and steps[5]["reads"] == ["δ(J)", "softmax(z2)", "1[y]"]
    assert steps[9]["makes"] == ["∇W1", "∇b1"]
    assert all(step["sentence"] and step["equations"] for step in steps)


def test_the_order_is_the_engines(page):
    J, feeds = NETWORKS["two_inputs"]()
    recorder = sc.Recorder(J, **feeds)
    recorder.record()
    order = {node: n for n, node in enumerate(recorder.traces[0].order)}
    nodes = {key: r.node for key, r in recorder.recorded.items()}
    steps = recorder.page().data["steps"]
    forward = [order[nodes[s["value"]]] for s in steps if s["direction"] == "forward"]
    backward = [order[nodes[s["error"]]] for s in steps if s["direction"] == "backward"]
    assert forward == sorted(forward) and backward == sorted(backward)


def test_the_tutorials_page_keeps_its_budget(page):
    html = page.html
    shell = len(html.encode()) - sum(len(d) for t in page.data["tensors"].values() for d in t["data"])
    assert len(html.encode()) <= 600_000
    assert shell <= 100_000


def test_lenet5_keeps_the_cap():
    J, feeds = NETWORKS["lenet5"]()
    page = sc.explain(J, **feeds)
    assert len(page.html.encode()) < 5_000_000 and page.data["notes"] == []


def test_it_loads_nothing_and_says_so_to_the_browser(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page.html)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
    assert re.findall(r'(?:src|href)="(?!data:)[^"]*"', page.html) == []
    assert re.findall(r"https?://(?!www\.w3\.org/)[^\"' ]+", page.html) == []


def test_the_data_is_json_with_a_version_and_no_markup(page):
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.html, re.DOTALL)[1]
    data = json.loads(text)
    assert data["schema"] == 1 and "<" not in text
    x = np.frombuffer(base64.b64decode(data["tensors"]["x"]["data"][0]), "<f4").reshape(data["tensors"]["x"]["shape"])
    assert np.array_equal(x, digit()[0].astype("float32"))


def test_the_same_bytes_in_two_processes(tmp_path):
    code = """
import sys, symcnn as sc, numpy as np
x, y = sc.Input("x", (None, 1, 8, 8)), sc.Input("y", (None,), dtype="int64")
p = sc.max_pool(sc.sigmoid(sc.conv(x, 3, 3, seed=0)), 2)
J = sc.softmax_cross_entropy(sc.dense(p, 4, seed=1), y)
sc.explain(J, x=np.arange(64.0).reshape(1, 8, 8) / 64, y=1).save(sys.argv[1])
"""
    made = []
    for seed in ("1", "2"):
        file = tmp_path / f"{seed}.html"
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code, str(file)], check=True, env=env, timeout=60)
        made.append(file.read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ({}, "missing: x, y"),
        ({"x": np.zeros((2, 1, 28, 28)), "y": [1, 2]}, "one example; 2 were fed"),
        ({"x": np.zeros((1, 27, 28)), "y": 1}, "shape"),
        ({"x": np.zeros((1, 28, 28)), "y": 11}, "11"),
        ({"x": np.zeros((1, 28, 28)), "y": 1, "z": 0}, "unknown: z"),
    ],
)
def test_feeds_that_do_not_fit(feeds, message):
    with pytest.raises((sc.errors.SymcnnError, ValueError), match=message):
        sc.explain(tutorial_network().J, **feeds)


def test_an_example_may_come_with_its_batch_axis_and_by_node():
    x, y = digit()
    network = tutorial_network()
    with_axis = sc.explain(network.J, {network.x: x[None], network.y: [y]})
    assert with_axis.html == sc.explain(network.J, x=x, y=y).html


def test_scores_without_a_loss_are_refused_with_the_remedy():
    with pytest.raises(sc.errors.GradientError, match="differentiate a scalar"):
        sc.explain(tutorial_network().scores, x=digit()[0])


def test_saving_and_showing(page, tmp_path):
    file = page.save(tmp_path / "page.html")
    assert file.read_text(encoding="utf-8") == page.html
    with pytest.raises(sc.errors.SymcnnError, match=r"\.html"):
        page.save(tmp_path / "page.pdf")
    assert repr(page).startswith("Page of J: 10 steps, ")
    assert 'sandbox="allow-scripts"' in page._repr_mimebundle_()["text/html"]


def test_a_network_of_sixty_layers_has_a_page():
    x, t = sc.Input("x", (None, 4)), sc.Input("t", (None, 4))
    h = x
    for n in range(60):
        h = sc.tanh(sc.dense(h, 4, seed=n))
    page = sc.explain(sc.squared_error(h, t), x=np.ones(4), t=np.zeros(4))
    assert len(page.data["steps"]) == 2 * 121


def test_a_film_keeps_few_moments_and_the_last():
    x, y = digit()
    network = tutorial_network(filters=1)
    recorder = sc.Recorder(network.J, x=x, y=y)
    for done in range(101):
        recorder(done, 100)
    assert recorder.moments[0] == "step 0" and recorder.moments[-1] == "step 100"
    assert 4 <= len(recorder.moments) <= 9
    with pytest.raises(sc.errors.DTypeError, match="watch"):
        sc.fit(network.J, sc.data.mnist_mini().train, watch=3)


def test_what_is_left_out_of_a_page():
    sizes = {"big": ((64, 100), 2), "small": ((4, 10), 1), "number": ((), 1)}
    assert kept_maps(sizes, 10**6) == {}
    kept = kept_maps(sizes, 20_000)
    assert list(kept) == ["big"] and kept["big"].count * 100 * 2 * 4 <= 20_000 and kept["big"].all == 64
