"""A diagram with values: norms beside NumPy's, pixels beside the arrays, and what is said where there is no number."""

import os
import re
import subprocess
import sys
import textwrap
from xml.etree import ElementTree

import numpy as np
import pytest
from pngs import cells, decoded
from user_nodes import Blend, Scaled

import symcnn as sc
from symcnn.draw.maps.colours import Scale
from symcnn.draw.maps.run_values import norm

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def digits():
    return sc.data.mnist_mini()


def groups(diagram):
    root = ElementTree.fromstring(diagram.svg.encode())
    return {g.get("id"): g for g in root.iter(f"{SVG}g") if g.get("id")}


def texts(element):
    return [t.text for t in element.iter(f"{SVG}text")]


def images(element):
    return [(i.get("href"), i.find(f"{SVG}title").text) for i in element.iter(f"{SVG}image")]


def three(number):
    """Three significant digits, by another way than the package's."""
    return np.format_float_positional(number, precision=3, fractional=False, trim="-")


def nodes_of(J):
    return {type(n).__name__: n for n in J.graph().order}


def test_norms_are_those_of_the_whole_batch(make, digits):
    J = make["tutorial"]()
    back = sc.backprop(J)
    run = back.run(x=digits.x_test[:5], y=digits.y_test[:5])
    by_id, found = groups(run.draw()), nodes_of(J)
    z1, w = found["Conv"], J.params[0]
    program = sc.compile([z1, back.delta(z1), back.grads[w], J])
    value, error, gradient, loss = program(x=digits.x_test[:5], y=digits.y_test[:5])
    assert texts(by_id["name-z1"]) == ["z1", "20×20×20", f"‖z1‖ {three(np.sqrt((value**2).sum()))}"]
    assert texts(by_id["delta-z1"]) == ["δ(z1)", f"‖δ(z1)‖ {three(np.sqrt((error**2).sum()))}"]
    assert texts(by_id["gradient-W1"])[0] == f"∇W1 (20×1×9×9) ‖·‖ {three(np.sqrt((gradient**2).sum()))}"
    assert texts(by_id["parameter-W1"])[0] == f"W1 (20×1×9×9) ‖·‖ {three(np.sqrt((w.value**2).sum()))}"
    assert texts(by_id["value-J"])[-1] == f"J = {float(loss):.4g}"
    assert texts(by_id["name-y"]) == ["y", "1 each", "y[0] = 7"]
    assert texts(by_id["legend"])[-1] == "Run with 5 examples: norms are over all of them, maps are of example 0."
    assert texts(by_id["delta-x"]) == ["δ(x)"] and texts(by_id["back-x"]) == ["∂J/∂x", "not needed"]
    assert "norms are over all" in ElementTree.fromstring(run.draw().svg.encode()).find(f"{SVG}desc").text


def test_the_pixels_are_those_of_the_maps(make, digits):
    J = make["tutorial"]()
    run = sc.backprop(J).run(x=digits.x_test[:3], y=digits.y_test[:3])
    by_id, found = groups(run.draw(example=2)), nodes_of(J)
    for key, node in (("z1", found["Conv"]), ("a1", found["Sigmoid"]), ("p1", found["Pool"])):
        value, error = run[node][2][:6], run.delta(node)[2][:6]
        scale = Scale.of([value])
        assert scale.signed == (key == "z1")
        most = float(np.abs(error).max())
        shown, below = images(by_id[f"value-{key}"]), images(by_id[f"back-{key}"])
        assert len(shown) == len(below) == 6
        for n in range(6):
            for (uri, title), numbers, its in (
                (shown[n], value[n], scale),
                (below[n], error[n], Scale(-most, most, True)),
            ):
                assert f" of example 2, map {n + 1} (6 of 20 are shown); " in title
                np.testing.assert_array_equal(cells(uri, *numbers.shape), its.palette()[its.levels(numbers)])
    ((uri, _),) = images(by_id["value-x"])
    grey = cells(uri, 28, 28).astype(int).sum(axis=2)
    ink = run[J.graph().inputs[0]][2, 0]
    assert (grey[ink > 0.9].min() > grey[ink < 0.1].max()) and images(by_id["value-J"]) == []
    assert texts(by_id["name-y"])[-1] == "y[2] = 1"


def test_a_box_and_its_twin_have_pictures_of_one_size(network, feed):
    for box in sc.backprop(network).run(feed(network)).draw().story.boxes:
        if box.twin is not None and box.twin.needed and box.shape != "scalar":
            sizes = [[(p.width, p.height) for p in pictures] for pictures in (box.pictures, box.twin.pictures)]
            assert sizes[0] == sizes[1] != []


def test_filters_and_their_gradients(make, digits):
    J = make["tutorial"]()
    run = sc.backprop(J).run(x=digits.x_test[:1], y=digits.y_test[:1])
    by_id, w = groups(run.draw()), J.params[0]
    for key, numbers in (("parameter-W1", w.value), ("gradient-W1", run.grads[w])):
        *filters, (_, bias) = images(by_id[key])
        most = float(np.abs(numbers[:6]).max())
        assert len(filters) == 6 and ("∇b1" if key[0] == "g" else "b1") + ", 20 numbers; " in bias
        for n, (uri, _) in enumerate(filters):
            scale = Scale(-most, most, True)
            np.testing.assert_array_equal(cells(uri, 9, 9), scale.palette()[scale.levels(numbers[n, 0])])


def test_many_parameters_in_one_box():
    params = [sc.Param(f"a name, {n}", np.full(3, n + 1.0)) for n in range(8)]
    total = params[0]
    for param in params[1:]:
        total = total * param
    by_id = groups(sc.backprop(sc.sum(total)).run().draw())
    (key,) = (key for key in by_id if key.startswith("parameter-"))
    norms = [f"a name, {n} (3) ‖·‖ {three((n + 1) * np.sqrt(3))}" for n in range(5)]
    assert texts(by_id[key]) == [*norms, "… and 3 more"]
    shown = [title for _, title in images(by_id[key])]
    assert [title.partition("; ")[0] for title in shown] == [f"a name, {n}, 3 numbers" for n in range(5)]


def test_a_diagram_that_was_not_run_says_so_once(network):
    svg = sc.draw(network).svg
    assert (
        svg.count("Not run") == 2 and svg.count(">Not run: only shapes are known.<") == 1
    )  # the other: its description
    assert "<image" not in svg and "‖" not in svg and "not run" not in svg


def test_what_a_trace_does_not_have_is_not_run(make, digits):
    J = make["tutorial"]()
    trace = sc.compile(J).trace(x=digits.x_test[:1], y=digits.y_test[:1])
    by_id = groups(sc.draw(J, values=trace))
    assert texts(by_id["delta-z1"]) == ["δ(z1)", "not run"] and images(by_id["back-z1"]) == []
    assert texts(by_id["name-z1"])[2].startswith("‖z1‖ ") and len(images(by_id["value-z1"])) == 6
    assert texts(by_id["gradient-W1"]) == ["∇W1 (20×1×9×9) not run", "∇b1 (20) not run"]
    found = nodes_of(J)
    first = sc.compile(found["Conv"]).trace(x=digits.x_test[:1])
    by_id = groups(sc.draw(J, values=first))
    assert texts(by_id["value-J"])[-1] == "J not run" and texts(by_id["name-a1"])[2] == "not run"
    assert texts(by_id["parameter-W2"]) == ["W2 (10×2000) not run", "b2 (10) not run"]
    assert texts(by_id["name-y"])[2] == "not run"


def test_nan_and_infinity_are_seen_and_spoil_nothing(make, digits):
    J = make["tutorial"]()
    image = digits.x_test[:1].copy()
    clean = groups(sc.backprop(J).run(x=image, y=[7]).draw())
    image[0, 0, 5, 6] = np.nan
    image[0, 0, 20, 20] = np.inf
    by_id = groups(sc.backprop(J).run(x=image, y=[7]).draw())
    assert texts(by_id["name-x"])[2] == "1 NaN, 1 Inf" and texts(by_id["value-J"])[-1] == "J = NaN!"
    assert texts(by_id["delta-z2"])[1] == "all NaN"
    assert re.fullmatch(r"[\d,]+ NaN, [\d,]+ Inf, [\d,]+ −Inf", texts(by_id["name-z1"])[2])
    assert [title for _, title in images(by_id["legend"])][2:] == ["NaN", "Inf", "−Inf"]
    assert len(images(clean["legend"])) == 2
    (uri, title), (before, _) = images(by_id["value-x"])[0], images(clean["value-x"])[0]
    assert "; 1 NaN; 1 Inf; dark blue 0, yellow 1" in title
    changed = (decoded(uri) != decoded(before)).any(axis=2).reshape(28, 3, 28, 3).any(axis=(1, 3))
    assert np.argwhere(changed).tolist() == [[5, 6], [20, 20]]
    assert [255, 0, 255, 255] in decoded(uri)[15:18, 18:21].reshape(-1, 4).tolist()


def test_a_batch_without_rows():
    x, w = sc.Input("x", (None, 3)), sc.Param("w", [1.0, 2.0, 3.0])
    svg = sc.backprop(sc.sum(sc.tanh(x * w))).run(x=np.zeros((0, 3))).draw().svg
    assert "‖x‖ 0<" in svg and "Run with 0 examples" in svg


@pytest.mark.parametrize("example", [2, 10, -1])
def test_an_example_that_is_not_there(example):
    run = sc.backprop(sc.mean(sc.Input("x", (None, 3)) * sc.Param("w", 1.0))).run(x=np.ones((2, 3)))
    with pytest.raises(sc.errors.ArgumentError, match=f"example.* {example}"):
        run.draw(example=example)
    with pytest.raises(sc.errors.DTypeError, match="whole number"):
        run.draw(example=1.5)


def test_values_of_something_else(make):
    J, w = make["tutorial"](), sc.Param("w", 1.0)
    with pytest.raises(sc.errors.ArgumentError, match="none of the values belongs"):
        sc.draw(J, values=sc.backprop(sc.exp(w)).run())
    with pytest.raises(sc.errors.DTypeError, match=r"back\.run"):
        sc.draw(J, values=[1])


def test_the_ways_to_draw_a_run(make, feed):
    J = make["residual"]()
    back = sc.backprop(J)
    run = back.run(feed(J))
    assert run.draw(example=1).svg == back.draw(values=run, example=1).svg == sc.draw(J, values=run, example=1).svg
    assert run.draw().svg != run.draw(example=1).svg
    assert back.draw().svg == sc.draw(J).svg


def test_scalars_have_numbers_and_floats_of_any_size_have_norms():
    x, k = sc.Input("x", (None, 2), "float64"), sc.Input("k", (), "float64")
    total = sc.Exp(sc.sum(x) * sc.tanh(k), name="total")
    by_id = groups(sc.backprop(sc.sum(total * sc.Param("w", 2.0))).run(x=[[3e200, 4e200]], k=-0.5).draw())
    assert texts(by_id["name-x"])[2] == "‖x‖ 5e200" and texts(by_id["name-k"])[2] == "= −0.5"
    assert texts(by_id["name-total"])[2] == "= 0"


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([3.0, 4.0], 5), ([[3e-320], [4e-320]], 5e-320), ([1.2e308, 0.5e308], 1.3e308), ([], 0), ([0.0], 0), ([-7], 7),
        ([1.0, np.inf], np.inf), ([-np.inf, 1.0], np.inf), ([np.inf, np.nan], np.nan),
    ],
)  # fmt: skip
def test_norms_of_any_numbers(numbers, expected):
    assert norm(np.array(numbers)) == pytest.approx(expected, rel=1e-3, nan_ok=True)
    half = np.full((500, 200), 300.0, "float16")
    assert norm(half) == pytest.approx(300 * np.sqrt(100_000))


def test_a_users_node_type_shows_its_maps():
    x = sc.Input("x", (None, 2, 5, 5))
    h = Scaled(sc.conv(x, 3, 2, seed=0), k=2.0)
    by_id = groups(sc.backprop(sc.mean(Blend((h, sc.relu(h))) ** 2)).run(x=np.ones((1, 2, 5, 5))).draw())
    key = next(key for key, g in by_id.items() if key.startswith("value-") and "Blend" in g.find(f"{SVG}title").text)
    assert len(images(by_id[key])) == len(images(by_id[key.replace("value", "back")])) == 3


def test_the_tutorials_diagram_is_small(make, digits):
    J = make["tutorial"]()
    assert len(sc.backprop(J).run(x=digits.x_test[:1], y=digits.y_test[:1]).draw().svg.encode()) < 100_000


def test_dot_has_the_norms_too(make, digits):
    dot = sc.backprop(make["tutorial"]()).run(x=digits.x_test[:1], y=digits.y_test[:1]).draw().dot
    assert "‖z1‖ " in dot and "‖δ(z1)‖ " in dot and "J = " in dot


PROGRAM = textwrap.dedent(
    """
    import sys
    import numpy as np
    import symcnn as sc
    x, y = sc.Input("x", (None, 4, 12, 12)), sc.Input("y", (None,), dtype="int64")
    w = sc.Param("shared", np.linspace(-1, 1, 144).reshape(4, 4, 3, 3))
    h = sc.relu(sc.Conv(sc.pad(x, 1), w))
    J = sc.softmax_cross_entropy(sc.dense(sc.max_pool(h, 2), 3, name="fc", seed=0), y) + 0.1 * sc.sum(w * w)
    run = sc.backprop(J).run(x=np.random.default_rng(0).standard_normal((2, 4, 12, 12)), y=[0, 2])
    for text in (run.draw().svg, run.draw(example=1).dot, repr(run)):
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
    assert outputs[0] == outputs[1] == outputs[2] and outputs[0].count(b"<image ") > 40


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.ones(3), "ShapeError", r"shape \(3,\); expected \(None, 4\)"),
        (np.float64(3), "ShapeError", r"shape \(\)"),
        (None, "DTypeError", "None"),
        ("abc", "DTypeError", "'abc'"),
        ([[1], [1, 2]], "DTypeError", "real numbers"),
        (np.ones((1, 4), complex), "DTypeError", "real numbers"),
        (np.ones((1, 4), object), "DTypeError", "real numbers"),
        (np.ma.masked_equal(np.zeros((1, 4)), 0), "DTypeError", "masked"),
    ],
)
def test_values_that_are_not_those_of_their_node(value, error, message):
    x = sc.Input("x", (None, 4))
    with pytest.raises(getattr(sc.errors, error), match=rf"Input 'x': [\s\S]*{message}[\s\S]*test_run_values.py"):
        sc.draw(sc.sum(sc.tanh(x)), values={x: value})


def test_values_may_be_lists_and_must_be_of_one_batch():
    x, y = sc.Input("x", (None, 2)), sc.Input("y", (None, 2))
    J = sc.sum(x * y)
    assert "‖x‖ 5" in sc.draw(J, values={x: [[3, 4]], y: np.ones((1, 2))}).svg
    with pytest.raises(sc.errors.ShapeError, match="5 examples of Input 'x', 2 of Input 'y'"):
        sc.draw(J, values={x: np.ones((5, 2)), y: np.ones((2, 2))}, example=4)
