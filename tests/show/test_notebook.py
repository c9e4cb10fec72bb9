"""What a notebook shows of every public object: something good, quickly, and never an exception."""

import re
import time
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest

import symcnn as sc
from symcnn.draw.canvas.style import fitting
from symcnn.graph import graph
from symcnn.show.notebook import bundle

SVG, HTML, LATEX, TEXT = "image/svg+xml", "text/html", "text/latex", "text/plain"
NAMES = ["conv1", "", "<lambda>", "\\", 'say "hi" & go', "größe 名前", "a\x00b\ud800\udc80", "two\nlines", "$x$"]


def network(name="conv1", filters=3):
    x, y = sc.Input("x", (None, 1, 8, 8)), sc.Input("y", (None,), dtype="int64")
    z = sc.conv(x, filters, 3, name=name, seed=0)
    return sc.softmax_cross_entropy(sc.dense(sc.max_pool(sc.sigmoid(z), 2), 4, name=name, seed=1), y)


def feeds(batch=2, fill=0.5):
    return {"x": np.full((batch, 1, 8, 8), fill), "y": np.zeros(batch, int)}


def chain(length):
    v, w = sc.Input("x", (None, 4)), sc.Param("w", np.ones(4))
    for _ in range(length // 2):
        v = sc.sigmoid(v * w)
    return sc.mean(v)


def shown(thing):
    """The bundle of an object, after the checks that hold for each; a notebook sends it as UTF-8."""
    made = thing._repr_mimebundle_(include=None, exclude=None)
    assert made[TEXT] and all(isinstance(text, str) and text.encode() for text in made.values())
    if SVG in made:
        ElementTree.fromstring(made[SVG].encode())
    if HTML in made:
        ElementTree.fromstring(f"<div>{made[HTML]}</div>")
    return made


def public_objects(J, fed):
    """An object of each kind that a user may leave at the end of a cell, with the richer form that it shows."""
    back = sc.backprop(J)
    run, program = back.run(fed), sc.compile(J)
    one = {name: fed[name][:1] for name in fed}
    graph, z = J.graph(), next(n for n in J.graph().order if isinstance(n, sc.Conv))
    return [
        *((node, LATEX) for node in (*graph.order, *back.grads.values(), back.delta(z), sc.Const([1, 2]))),
        (graph, HTML),
        (back, SVG),
        *((step, HTML) for step in back.steps),
        (back.equations(), LATEX),
        (back.equation(z), LATEX),
        (z.equation, LATEX),
        (sc.draw(J), SVG),
        (sc.draw_units(J), SVG),
        (run, SVG),
        (run.draw(), SVG),
        (run.trace, HTML),
        (program, HTML),
        (program.profile(fed, runs=1), HTML),
        (sc.explain(J, one), HTML),
        (sc.summary(J), HTML),
        (sc.History(), HTML),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_everything_shows_itself(name):
    for thing, form in public_objects(network(name), feeds()):
        made = shown(thing)
        assert list(made) == [form, TEXT], made[TEXT]
        assert made[TEXT] == repr(thing).encode(errors="replace").decode()


@pytest.mark.parametrize("fed", [feeds(0), feeds(fill=np.nan), feeds(fill=-np.inf)], ids=["no rows", "nan", "inf"])
def test_odd_numbers_are_shown(fed):
    back = sc.backprop(sc.sum(sc.sigmoid(sc.conv(sc.Input("x", (None, 1, 8, 8)), 3, 3, seed=0))))
    run = back.run(x=fed["x"])
    assert HTML in shown(run.trace) and SVG in shown(run)


def test_a_trace_tells_how_far_its_values_reach():
    x = sc.Input("x", (None, 2))
    made = shown(sc.compile(sc.exp(x)).trace(x=[[0.5, -2.0]]))[HTML]
    rows = [[c.text or "" for c in row] for row in ElementTree.fromstring(f"<div>{made}</div>").iter("tr")]
    assert rows[0] == ["", "type", "name", "inputs", "shape", "dtype", "smallest", "largest"]
    assert rows[1] == ["1", "Input", "x", "", "(None, 2)", "float32", "-2", "0.5"]
    assert rows[2] == ["2", "Exp", "", "1", "(None, 2)", "float32", "0.1353", "1.649"]


def test_a_recorder_says_how_much_it_has():
    film = sc.Recorder(network(), feeds(1))
    film.record("before")
    assert repr(film) == "Recorder of J: 1 moments"


def test_optimizers_and_schedules_print_as_they_were_made():
    rate, momentum = sc.schedules.by_epoch(0.1, 0.5), sc.schedules.piecewise({0: 0.5, 20: 0.95})
    printed = "SGD(lr=by_epoch(0.1, 0.5), momentum=piecewise({0: 0.5, 20: 0.95}), nesterov=False, weight_decay=0.0)"
    assert repr(sc.SGD(rate, momentum)) == printed
    assert repr(sc.Adam(sc.schedules.cosine(0.1, 5))).startswith("Adam(lr=cosine(0.1, 5, 0.0), beta1=0.9")
    assert repr(sc.schedules.constant(0.1)) == "0.1"


class Rude:
    """An attribute that cannot even be printed."""

    def __repr__(self):
        raise ValueError("never")


class Unfinished(sc.Node):
    """All that can go wrong in what a user writes."""

    z: sc.Node
    manner: object = None
    latex = "{nothing}"
    text = "{nothing}"

    def forward(self, xp, z):
        return z

    def backward(self, delta):
        return (delta,)

    def windows(self):
        raise RuntimeError("not yet")


def test_unfinished_node_types_are_shown_as_text():
    v = Unfinished(sc.Input("x", (None, 3)), Rude())
    assert repr(v) == "Unfinished(x, manner=<Rude, whose repr raises ValueError>): (None, 3) float32"
    J = sc.sum(v)
    back = sc.backprop(J)
    for thing in (v, J, back, sc.exp(v)):
        made = shown(thing)
        assert list(made) == [TEXT] and "nothing" in made[TEXT], made
    program = sc.compile(J)
    for thing in (J.graph(), *back.steps, program, program.trace(x=[[1, 2, 3]])):
        assert HTML in shown(thing)


def test_what_fails_is_told_below_the_text():
    class Speechless(Exception):
        def __str__(self):
            raise TypeError

    def fails(error):
        def form():
            raise error

        return form

    assert bundle(1, HTML, fails(ValueError("no room"))) == {TEXT: "1\n(shown as text alone: no room)"}
    assert bundle(1, HTML, fails(ValueError())) == {TEXT: "1\n(shown as text alone: ValueError)"}
    assert bundle(1, HTML, fails(Speechless())) == {TEXT: "1\n(shown as text alone: Speechless)"}
    assert bundle(Rude()) == {TEXT: "<Rude, whose repr raises ValueError>"}
    assert bundle("\ud800", HTML, lambda: "\ud800") == {HTML: "?", TEXT: "'\\ud800'"}
    with pytest.raises(KeyboardInterrupt):
        bundle(1, HTML, fails(KeyboardInterrupt()))


def test_a_long_text_is_shown_without_its_middle_and_printed_whole():
    back = sc.backprop(chain(300))
    equations = back.equations()
    (text,) = shown(equations).values()  # so many in LaTeX would keep a browser busy
    lines = text.splitlines()
    assert len(lines) == 201 and "more lines; print shows them" in lines[100]
    assert lines[:100] == str(equations).splitlines()[:100] and lines[-100:] == str(equations).splitlines()[-100:]


@pytest.mark.slow
def test_gigantic_graphs_are_quick_to_look_at():
    J = chain(30_000)
    back, program = sc.backprop(J), sc.compile(J)
    things = [J, back.delta(J.graph().inputs[0]), J.graph(), back, back.steps[0], program]
    start = time.perf_counter()
    forms = [list(shown(thing)) for thing in things]
    assert forms == [[TEXT], [TEXT], [HTML, TEXT], [TEXT], [HTML, TEXT], [HTML, TEXT]]
    assert time.perf_counter() - start < 10  # it takes a tenth of a second; the equations of all would take long


def test_the_limit_is_on_what_is_upstream(monkeypatch):
    J = chain(10)
    size = len(J.graph())
    monkeypatch.setattr(graph, "LARGE", size)
    assert LATEX in shown(J) and SVG in shown(sc.backprop(J))
    monkeypatch.setattr(graph, "LARGE", size - 1)
    assert list(shown(J)) == [TEXT] and LATEX in shown(J.inputs[0])


# Two figures on one page -------------------------------------------------------------------


def figures():
    J, other = network(), network("other")
    back = sc.backprop(J)
    return [
        back, sc.draw(other), back.run(feeds()), back.draw(focus=J, hops=1), sc.draw(J, width=400),
        sc.draw(J, zoom="nodes"), sc.draw_units(J), sc.draw_units(other), sc.draw_units(network(filters=4)),
    ]  # fmt: skip


def test_figures_on_one_page_share_no_id():
    pictures = [shown(figure)[SVG] for figure in figures()]
    page = "<div>" + "".join(pictures) + "</div>"
    ids = [element.get("id") for element in ElementTree.fromstring(page.encode()).iter() if element.get("id")]
    assert len(ids) == len(set(ids)) > 200
    for svg in pictures:
        assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_.:-]*", key) for key in re.findall(r'\bid="([^"]*)"', svg))


def test_a_page_and_a_file_differ_in_their_ids_and_fit():
    diagram = sc.draw(network())
    prefix = re.search(r'id="(symcnn-[0-9a-f]{8}-)legend"', diagram.embedded_svg)[1]
    assert diagram.embedded_svg.replace(f'id="{prefix}', 'id="') == fitting(diagram.svg) != diagram.embedded_svg
    assert sc.draw(network()).embedded_svg == diagram.embedded_svg and 'id="value-z1"' in diagram.svg


def test_a_figure_fits_into_its_place():
    wide, narrow = (ElementTree.fromstring(shown(sc.draw(network(), width=width))[SVG]) for width in (None, 500))
    assert (wide.get("width"), wide.get("height")) == ("100%", None)
    assert wide.get("style") == f"max-width:{wide.get('viewBox').split()[2]}px"
    assert [narrow.get("width"), narrow.get("height")] == narrow.get("viewBox").split()[2:]
    assert narrow.get("style") == "max-width:100%;height:auto"


def test_the_style_of_one_figure_changes_no_other():
    rules = {}
    for svg in (shown(figure)[SVG] for figure in figures()):
        root = ElementTree.fromstring(svg.encode())
        (style,) = (e.text for e in root.iter("{http://www.w3.org/2000/svg}style"))
        scope = f"svg.{root.get('class')}"
        assert rules.setdefault(scope, style) == style  # figures of one class say the same
        selectors = re.sub(r"@media [^{]*\{|[{][^{}]*[}]", ",", style).replace("}", ",").split(",")
        selectors = [s.strip() for s in selectors if s.strip()]
        assert len(selectors) > 30 and all(s == scope or s.startswith(f"{scope} ") for s in selectors), selectors
    assert len(rules) == 2
    for (one, _), (other, _) in combinations(rules.items(), 2):
        assert one.split(".")[1] not in other.split(".")[1:]
