"""The step-through page as data and as a file: what does not need a browser."""

import base64
import copy
import json
import os
import pickle
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
    """Also where several errors go back from one value, as from the sum at the end of a residual block."""
    code = """
import sys, symcnn as sc, numpy as np
x, y = sc.Input("x", (None, 1, 8, 8)), sc.Input("y", (None,), dtype="int64")
p = sc.max_pool(sc.sigmoid(sc.conv(x, 3, 3, seed=0)), 2)
for seed in range(4):
    p = sc.relu(sc.conv(p, 3, 1, seed=seed) + sc.conv(p, 3, 1, seed=seed + 4))
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
    sizes = {"big": ((64, 100), 8), "small": ((4, 10), 4), "number": ((), 4)}
    assert kept_maps(sizes, 10**6) == {}
    kept = kept_maps(sizes, 20_000)
    assert list(kept) == ["big"] and kept["big"].count * 100 * 2 * 4 <= 20_000 and kept["big"].all == 64


# Odd networks, odd feeds, odd moments -------------------------------------------------------------


@pytest.mark.parametrize("J", [sc.Param("p", 2.0), sc.Input("s", ()), sc.as_node(np.float32(3))], ids=["p", "s", "c"])
def test_a_leaf_has_a_page(J):
    page = sc.explain(J, dict.fromkeys(J.graph().inputs, 1.5))
    assert page.data["steps"][0]["value"] == "J" and len(page.html) < 100_000


def test_the_gradient_of_a_gradient_has_a_page():
    x, w = sc.Input("x", (None, 3)), sc.Param("w", np.ones(3, "float32"))
    first = sc.backprop(sc.sum(sc.tanh(w * x))).grads[w]
    assert sc.explain(sc.sum(first * first), x=[1, 2, 3]).data["steps"]


@pytest.mark.parametrize(
    ("J", "message"),
    [(None, "got None"), ("J", "got 'J'"), (sc.backprop(sc.sum(sc.Param("w", [1.0]))), "give its node: back.J")],
)
def test_what_is_no_node(J, message):
    with pytest.raises(sc.errors.DTypeError, match=message):
        sc.explain(J)


@pytest.mark.parametrize(
    "feeds", [[1, 2], "abc", 3, {"x": [[1], [1, 2]]}, {"x": None}, {"x": np.ma.masked_equal(np.zeros(4), 0)}]
)
def test_feeds_that_are_no_arrays(feeds):
    J = sc.mean(sc.tanh(sc.Input("x", (None, 4)) * sc.Param("w", np.ones(4))))
    with pytest.raises(sc.errors.DTypeError, match=r"test_page\.py"):
        sc.Recorder(J, feeds)


def test_what_was_fed_is_the_recorders_own():
    x, w = sc.Input("x", (None, 3)), sc.Param("w", [1.0, 2.0, 3.0])
    fed = np.ones((1, 3), "float32")
    recorder = sc.Recorder(sc.sum(sc.tanh(w * x)), x=fed)
    fed[:] = 7
    recorder.record()
    assert recorder.traces[0][x].tolist() == [[1, 1, 1]]


def small_recorder():
    x, w = sc.Input("x", (None, 3)), sc.Param("w", [1.0, 2.0, 3.0])
    return sc.Recorder(sc.sum(sc.tanh(w * x)), x=[1, 2, 3])


def test_a_page_of_nothing():
    with pytest.raises(sc.errors.NotRunError, match="nothing was recorded yet"):
        small_recorder().page()


@pytest.mark.parametrize("moment", [3, None, b"x"])
def test_a_moment_is_a_text(moment):
    recorder = small_recorder()
    with pytest.raises(sc.errors.DTypeError, match="the moment is"):
        recorder.record(moment)
    assert recorder.moments == recorder.traces == []
    recorder.record("\ud800</script>")
    assert recorder.page().html.encode().count(b"</script>") == 2


def test_odd_numbers_of_steps():
    recorder = small_recorder()
    with pytest.raises(sc.errors.DTypeError, match="done is 'a'"):
        recorder("a", 3)
    recorder.every = 0
    with pytest.raises(sc.errors.ArgumentError, match="every is 0"):
        recorder(1, 3)


@pytest.mark.parametrize("again", [lambda r: pickle.loads(pickle.dumps(r)), copy.deepcopy, copy.copy])
def test_a_recorder_is_pickled_and_copied(again):
    recorder = small_recorder()
    recorder.record("a")
    other = again(recorder)
    assert other.page().html == recorder.page().html
    other.record("b")
    assert (other.moments, recorder.moments) == (["a", "b"], ["a"])


def test_a_network_that_is_too_long_for_a_page_is_refused_at_once():
    h = sc.Input("x", (None, 2))
    for _ in range(1100):
        h = sc.tanh(h)
    with pytest.raises(sc.errors.GraphError, match="it has 1,101 values; a page has room for 1,000"):
        sc.explain(sc.sum(h), x=[1, 2])


def test_the_steps_of_a_long_network_leave_less_room_for_numbers():
    x, t = sc.Input("x", (None, 64, 64, 4)), sc.Input("t", (None, 64, 64, 4))
    h = x
    for _ in range(150):
        h = sc.tanh(h)
    page = sc.explain(sc.mean((h - t) ** 2), x=np.ones((64, 64, 4)), t=np.zeros((64, 64, 4)))
    assert len(page.html.encode()) < 5_000_000 and page.data["notes"]


def test_a_map_that_is_larger_than_a_page():
    x = sc.Input("x", (None, 1, 1200, 1200))
    with pytest.raises(sc.errors.GraphError, match=r"one map of \S+ alone has 5,760,000 bytes"):
        sc.explain(sc.mean(sc.tanh(x)), x=np.zeros((1, 1200, 1200)))


@pytest.mark.parametrize(
    ("number", "kind"), [(1e300, "f8"), (5e-324, "f8"), (np.nan, "f4"), (np.inf, "f4"), (0.1, "f4")]
)
def test_numbers_that_float32_cannot_hold_are_on_the_page(number, kind):
    h, w = sc.Input("h", (None, 3), dtype="float64"), sc.Param("w", np.ones(3))
    record = sc.explain(sc.sum(sc.tanh(h * w)), h=[number, -number, 1]).data["tensors"]["h"]
    shown = np.frombuffer(base64.b64decode(record["data"][0]), f"<{record['numbers']}")
    assert record["numbers"] == kind
    np.testing.assert_allclose(shown, [number, -number, 1], rtol=1e-6)


def test_an_unknown_ending_names_one_that_a_page_has(page):
    with pytest.raises(sc.errors.ArgumentError, match=r"for example 'page\.html'\n  made"):
        page.save("page.svg")
