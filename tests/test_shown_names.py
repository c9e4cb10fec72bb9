"""Names with signs that act on a terminal, or turn the direction of what follows: no output holds them as they are."""

import re

import numpy as np
import pytest

import symcnn as sc
from symcnn.graph.listing import listed
from symcnn.text import plain_text

MARKS = "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
SIGNS = f"\x00\x07\x1b\x7f\x9b{MARKS}\ud800\uffff"
ACTING = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{MARKS}\ud800-\udfff\uffff]")
NAME = f"net{SIGNS}name"


@pytest.fixture(scope="module")
def network():
    """A loss all of whose parts carry the name: inputs, a layer with parameters, a value, the loss itself."""
    x, y = sc.Input("x" + NAME, (None, 1, 8, 8)), sc.Input("y" + NAME, (None,), "int64")
    a = sc.max_pool(sc.Sigmoid(sc.conv(x, 2, 3, seed=0, name="c" + NAME), name="a" + NAME), 2)
    scores = sc.dense(a, 3, seed=1, name="d" + NAME)
    J = sc.Mul(sc.softmax_cross_entropy(scores, y), 1.5, name="J" + NAME)
    rng = np.random.default_rng(0)
    return J, scores, {x: rng.random((4, 1, 8, 8), "float32"), y: [0, 1, 2, 0]}


def strings(data):
    """All texts in nested dicts and lists."""
    if isinstance(data, str):
        yield data
    for part in [*data.keys(), *data.values()] if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from strings(part)


def bundled(thing):
    return "\n".join(thing._repr_mimebundle_(None, None).values())


def errors(J, feeds):
    """What is said where the network is used wrongly."""
    x, y = feeds
    calls = [
        lambda: sc.compile(J)(),
        lambda: sc.compile(J)({**feeds, "other" + NAME: 1}),
        lambda: sc.compile(J)({**feeds, x: feeds[x][:2]}),
        lambda: sc.compile(J)({x: feeds[x], y: [0, 1, 2, 9]}),
        lambda: sc.conv(x, 2, 30, name="big" + NAME),
        lambda: sc.Input("z" + NAME, (-1,)),
        lambda: sc.Param("p" + NAME, "text"),
        lambda: sc.grad(J, [sc.Param("p" + NAME, 1.0)]),
        lambda: sc.draw(J, focus=sc.Input("q" + NAME, ())),
        lambda: sc.draw(J).save(f"no{NAME[:4]}\x1b/a.svg"),
        lambda: sc.pool(x, 2, mode=NAME),
        lambda: sc.fit(J, feeds, optimizer=sc.SGD(lr=lambda step, epoch: NAME)),
        lambda: sc.testing.check_gradients(sc.sum(sc.log(0 * sc.Param("p" + NAME, [1.0])))),
    ]
    for call in calls:
        with pytest.raises(sc.errors.SymcnnError) as caught:
            call()
        yield str(caught.value)


def outputs(J, scores, feeds):
    """Everything that shows names, as text: (what, text)."""
    back = sc.backprop(J)
    run = back.run(feeds)
    one = {node: np.asarray(array)[:1] for node, array in feeds.items()}
    program = sc.compile([J, scores])
    history = sc.fit(
        J, feeds, epochs=1, batch=2, validation=feeds, metrics={"acc" + NAME: sc.accuracy(scores, list(feeds)[1])}
    )
    equations = back.equations()
    yield "repr", "\n".join(map(repr, [*J.graph().order, *back.steps, program, back, run, J.graph(), *J.params]))
    yield "equations", str(equations)
    yield "latex", equations.latex
    yield "mathml", equations.mathml
    yield "equation", f"{back.equation(scores)} {scores.equation}"
    yield "svg", sc.draw(J).svg + sc.draw(J, zoom="nodes").svg + sc.draw(back, values=run).svg
    yield "dot", sc.draw(J).dot + sc.draw(J, zoom="nodes").dot
    yield "units", sc.draw_units(scores).svg
    page = sc.explain(J, one)
    yield "page", page.html
    yield "page data", "\n".join(strings(page.data))
    yield "summary", str(sc.summary(J))
    yield "history", str(history) + history.csv()
    yield "listed", str(listed(J.graph().order, NAME))
    yield "report", "\n".join([*program.report(), *program.report(loops=True)])
    yield "native report", "\n".join(sc.compile([J, scores], backend="native").report())
    yield "profile", str(program.profile(feeds))
    yield "gradients", str(sc.testing.check_gradients(J, feeds, tolerance=1))
    for shown in (
        back,
        run,
        program,
        history,
        sc.summary(J),
        J,
        scores,
        J.graph(),
        sc.draw(J),
        equations,
        back.steps[0],
    ):
        yield f"notebook: {type(shown).__name__}", bundled(shown)
    for text in errors(J, feeds):
        yield "error", text


def test_no_output_holds_a_sign_that_acts(network):
    seen = set()
    for what, text in outputs(*network):
        acting = ACTING.search(text)
        assert not acting, f"{what}: {text[max(acting.start() - 60, 0) : acting.end() + 20]!r}"
        if "net" in text:
            seen.add(what)
        assert text.encode()
    assert {
        "repr",
        "equations",
        "latex",
        "mathml",
        "svg",
        "dot",
        "units",
        "page",
        "page data",
        "summary",
        "history",
    } <= seen


def test_signs_are_shown_as_python_escapes_them():
    assert plain_text("a\x00\x1b[31m\x9b") == r"a\x00\x1b[31m\x9b"
    assert plain_text("\u202eabc\u2066\u200f\u061c\ufeff") == r"\u202eabc\u2066\u200f\u061c\ufeff"
    assert plain_text("\ud800\ufffe\U0001ffff") == r"\ud800\ufffe\U0001ffff"
    assert plain_text("a\nb\tc\u2028d\xa0e") == "a b c d e"


@pytest.mark.parametrize("name", ["größe 名前", "∇δ′", "שלום", "مرحبا", "a\\x1b", "👩\u200d🔬", "نمی\u200cدانم"])
def test_what_people_write_stays(name):
    assert plain_text(name) == name
