"""The face of figures of units: draw_units, save, notebooks, names, the same bytes."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from unit_figures import SVG, Picture
from user_nodes import Blend, Scaled

import symcnn as sc
from symcnn.draw.canvas.style import fitting
from symcnn.draw.units.units import Units
from symcnn.graph.errors import ArgumentError, DTypeError

AWKWARD = ["<lambda>", "\\", "c:1", 'say "hi"', "a&b", "größe 名前", "a\x00b\ud800", "two\nlines", "]]>", "  "]


def first_figure(**options):
    """The network of the tutorial's first figure."""
    x = sc.Input("x", (None, 1, 1, 10))
    return sc.mean_pool(sc.sigmoid(sc.conv(x, 2, (1, 3), seed=0, **options)), (1, 2))


def texts(figure):
    return [t[-1] for t in Picture.of(figure).texts()]


def test_the_tutorials_first_figure():
    figure = sc.draw_units(first_figure())
    said = texts(figure)
    assert said.count("A") == said.count("B") == 8 + 1  # the units, and the legend
    assert "filter A: 3 shared weights, 1 bias" in said
    assert [t for t in said if t.startswith("W")] == ["WA[0]", "WA[1]", "WA[2]", "WB[0]", "WB[1]", "WB[2]"]
    sentence = (
        "Same colour and letter: tied weights. Same dash: the same weight. Each pooled unit is the mean of 2 units."
    )
    assert sentence in said
    kinds = [g.get("class").split()[0] for g in Picture.of(figure).groups.values()]
    assert (kinds.count("input"), kinds.count("tied"), kinds.count("pooled")) == (10, 16, 8 + 2)
    strong = {start for _, kinds, _, start, _ in Picture.of(figure).lines() if "strong" in kinds}
    assert {Picture.of(figure).circles().get(start) for start in strong} >= {
        "conv-u20maps-0-2", "conv-u20maps-1-6",
    }  # fmt: skip
    dashes = {}
    for key, _, dash, _, _ in Picture.of(figure).lines():
        if key.startswith("conv"):
            dashes.setdefault(key, set()).add(dash)
    assert len(dashes) == 6 and all(len(d) == 1 for d in dashes.values())


def test_without_a_bias_and_with_one_channel_more():
    assert "filter A: 3 shared weights" in texts(sc.draw_units(first_figure(bias=False)))
    x = sc.Input("x", (None, 2, 1, 6))
    said = " ".join(texts(sc.draw_units(sc.conv(x, 1, (1, 2), seed=0))))
    assert "WA[·, 0]" in said and "Same dash to the same map: the same weight." in said
    assert "4 shared weights" in said


def test_a_table_is_counted_and_told():
    x = sc.Input("x", (None, 3, 1, 6))
    said = texts(sc.draw_units(sc.conv(x, 2, (1, 2), table=[[0], [0, 1, 2]], seed=0)))
    assert "filter A: 2 shared weights, 1 bias" in said and "filter B: 6 shared weights, 1 bias" in said


def test_lenet5():
    x = sc.Input("x", (None, 1, 32, 32))
    table = np.ones((16, 6), int)
    table[0, 3:] = 0
    s2 = sc.tanh(sc.scale(sc.mean_pool(sc.conv(x, 6, 5, name="C1", seed=0), 2), name="S2"))
    c3 = sc.conv(s2, 16, 5, table=table, name="C3", seed=0)
    said = texts(sc.draw_units(sc.dense(sc.tanh(c3), 84, name="F6", seed=0)))
    for text in ("C1", "6@28×28", "S2", "6@14×14", "mean of 2×2", "Tanh", "… 3 of 6 maps", "F6", "84 units",
                 "filters of C3: 75 shared weights, 1 bias", "filters of C3: 150 shared weights, 1 bias each",
                 "… 10 of 84 units"):  # fmt: skip
        assert text in said
    drawn = [t for t in said if len(t) == 1 and t.isupper()]
    assert sorted(drawn) == sorted("ABCDEF" * 2)


def test_what_is_left_out_is_said():
    x = sc.Input("x", (None, 12, 1, 20))
    h = sc.max_pool(sc.relu(sc.conv(x, 32, (1, 5), name="conv1", seed=0)), (1, 4))
    figure = sc.draw_units(sc.dense(h, 100, name="out", seed=0), maps=2)
    said = texts(figure)
    assert "… 2 of 12 maps" in said and said.count("… 2 of 32 maps") == 2 and "100 units" in said
    assert any(t.startswith("… ") and t.endswith(" of 100 units") for t in said)
    assert "Lines to maps that are not drawn are left out." in " ".join(said)
    assert sum(t in ("A", "B") for t in said) == 2 * (16 + 1) and "C" not in said


@pytest.mark.parametrize("J", ["tutorial", "lenet5"])
def test_a_node_or_a_sweep(make, J):
    J = make[J]()
    assert isinstance(sc.draw_units(J), Units)
    assert sc.draw_units(J).svg == sc.draw_units(sc.backprop(J)).svg


@pytest.mark.parametrize("wrong", [3, "x", None, [1]])
def test_what_is_no_graph(wrong):
    with pytest.raises(DTypeError, match=r"a node or the result of sc\.backprop"):
        sc.draw_units(wrong)


@pytest.mark.parametrize(
    ("maps", "error"), [(0, ArgumentError), (-1, ArgumentError), (1.5, DTypeError), (True, DTypeError)]
)
def test_a_wrong_number_of_maps(maps, error):
    with pytest.raises(error, match="draw_units: maps"):
        sc.draw_units(first_figure(), maps=maps)


def test_save(tmp_path):
    figure = sc.draw_units(first_figure())
    for name in ("f.svg", "f.SVG"):
        assert figure.save(tmp_path / name).read_bytes() == figure.svg.encode()
    with pytest.raises(ArgumentError, match=r"'f\.png' names no format.*\n.*expected \.svg: for example 'f\.svg'"):
        figure.save(str(tmp_path / "f.png"))
    assert not (tmp_path / "f.png").exists()


def test_a_notebook_shows_it_and_a_repr_never_raises(monkeypatch):
    figure = sc.draw_units(first_figure())
    assert repr(figure) == "Units of x, conv maps, pooled maps"
    assert figure._repr_mimebundle_() == {"image/svg+xml": fitting(figure.svg), "text/plain": repr(figure)}

    def fails(chain):
        raise ValueError("no room")

    monkeypatch.setattr(sys.modules[Units.__module__], "line_of_units", fails)
    broken = sc.draw_units(first_figure())
    assert broken._repr_mimebundle_() == {"text/plain": f"{broken!r}\n(shown as text alone: no room)"}


def test_awkward_names_and_users_own_node_types():
    h = sc.Input(AWKWARD[0], (None, 1, 1, 30))
    for n, name in enumerate(AWKWARD[1:]):
        h = sc.conv(h, 1, (1, 2), name=name, seed=n)
        h = Scaled(h, 2.0) if n % 2 else Blend((h, sc.tanh(h, name=name)))
    for shape in (h, sc.dense(h, 2, name="<out>", seed=0)):
        figure = sc.draw_units(shape)
        said = texts(figure)
        for name in ("<lambda>", "\\", "c:1", 'say "hi"', "a&b", "größe 名前", "a\\x00b\\ud800", "two lines", "]]>"):
            assert name in said
        assert "Scaled" in said and figure._repr_mimebundle_()["image/svg+xml"] == fitting(figure.svg)
        assert all(c.isascii() and (c.isalnum() or c in "_.-") for key in Picture.of(figure).groups for c in key)


def test_every_part_has_a_title_and_a_description():
    for J in (first_figure(), sc.dense(sc.conv(sc.Input("x", (None, 1, 8, 8)), 2, 3, seed=0), 3, seed=0)):
        picture = Picture.of(sc.draw_units(J))
        for group in [picture.root, *picture.groups.values()]:
            assert group.get("class") is not None and group.find(f"{SVG}title").text and group.find(f"{SVG}desc").text


def test_two_figures_on_one_page_have_no_id_in_common():
    one, other = (Picture.of(sc.draw_units(J)) for J in (first_figure(), first_figure(name="conv1")))
    ids = [{g.get("id") for g in p.groups.values()} for p in (one, other)]
    assert ids[0].isdisjoint(ids[1])
    css = one.root.find(f"{SVG}style").text
    selectors = [part.strip() for rule in css.split("}") for part in rule.rpartition("{")[0].split("{")[-1].split(",")]
    assert {s.split()[0] for s in selectors if s} == {"svg.symcnn-units"}
    assert "@media (prefers-color-scheme: dark)" in css


PROGRAM = textwrap.dedent(
    """
    import sys
    import symcnn as sc
    x = sc.Input("x", (None, 2, 1, 12))
    h = sc.scale(sc.tanh(sc.conv(x, 4, (1, 3), table=[[0], [1], [0, 1], [1]], name="c", seed=0)), name="s")
    y = sc.Input("y", (None, 3, 20, 20))
    g = sc.dense(sc.max_pool(sc.relu(sc.conv(y, 5, 3, stride=2, pad=1, seed=0)), 2), 7, seed=0)
    for node in (sc.mean_pool(h, (1, 5)), g):
        sys.stdout.buffer.write(sc.draw_units(node).svg.encode())
    """
)


def test_the_same_bytes_in_another_process():
    outputs = set()
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True)
        outputs.add(run.stdout)
    assert len(outputs) == 1 and len(outputs.pop()) > 10_000


def test_a_long_chain_of_functions():
    h = sc.conv(sc.Input("x", (None, 1, 1, 8)), 2, (1, 3), seed=0)
    for _ in range(20_000):
        h = sc.sigmoid(h)
    assert "Sigmoid" in texts(sc.draw_units(h))
