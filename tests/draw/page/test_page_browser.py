"""The step-through page in a real browser, offline: its numbers, its shares, its keys, its looks."""

import base64

import numpy as np
import pytest
from pages import FLAGS, NETWORKS, axe, chromium, digit

import symcnn as sc
from symcnn.draw.page.recorder import Recorder
from symcnn.tutorial import tutorial_network


@pytest.fixture(scope="module")
def browser():
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens a page file, and checks at the end that the browser had nothing to complain about."""
    said = []
    contexts = []

    def open_page(page, hash="", **options):
        file = tmp_path / f"page{len(contexts)}.html"
        file.write_text(page if isinstance(page, str) else page.html, encoding="utf-8")
        context = browser.new_context(offline=True, **{"viewport": {"width": 1400, "height": 900}, **options})
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto(f"{file.as_uri()}{hash}")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture(scope="module")
def pages():
    """The page of each network, made once."""
    made = {}

    def page_of(name):
        if name not in made:
            J, feeds = NETWORKS[name]()
            made[name] = J, feeds, sc.explain(J, **feeds)
        return made[name]

    return page_of


def rows_of(feeds):
    """The feeds with their batch axis."""
    return {name: np.asarray(value)[None] for name, value in feeds.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_is_numpys_to_the_last_bit(name, pages, opened):
    J, feeds, page = pages(name)
    tab = opened(page)
    shown = tab.evaluate(
        """Object.values(symcnn.tensors).map(t =>
             [t.key, t.shape, btoa(String.fromCharCode(...new Uint8Array(t.at(0).buffer.slice(0, 60000))))])"""
    )
    nodes = {key: r.node for key, r in Recorder(J, **feeds).recorded.items()}
    assert {key for key, _, _ in shown} == set(nodes)
    for key, shape, data in shown:
        program = sc.compile(nodes[key])
        value = np.asarray(program({i.name: rows_of(feeds)[i.name] for i in program.inputs}))
        value = value[0] if None in nodes[key].shape else value
        assert shape == list(value.shape), key
        assert base64.b64decode(data) == value.astype("<f4").tobytes()[:60000], key


ALL_SHARES = """() => {
  const worst = {};
  symcnn.page.steps.forEach((step, n) => {
    symcnn.go(n);
    for (const key of [...step.reads, ...step.makes]) {
      const tensor = symcnn.tensors[key];
      const stride = Math.max(1, Math.floor(tensor.size / 97));
      for (let unit = 0; unit < tensor.size; unit += stride) {
        const found = symcnn.inspected(step, tensor, unit);
        for (const group of found.groups) {
          if (!group.terms.length || group.total === null) continue;
          const sum = group.terms.reduce((a, t) => a + t.value, 0);
          const size = group.terms.reduce((a, t) => a + Math.abs(t.value), 0);
          const gap = Math.abs(sum - group.total) / (size + 1e-12);
          const name = `${step.direction} ${step.value} ${key}`;
          worst[name] = Math.max(worst[name] || 0, gap);
        }
      }
    }
  });
  return worst;
}"""


@pytest.mark.parametrize("name", NETWORKS)
def test_shares_add_up_to_what_they_are_shares_of(name, pages, opened):
    worst = opened(pages(name)[2]).evaluate(ALL_SHARES)
    assert max(worst.values()) < 2e-5, worst
    explained = {key.split(" ")[2] for key in worst}
    page = pages(name)[2].data
    values = {link["value"] for link in page["links"] if link.get("kind") in ("products", "factor", "first maximum")}
    assert values <= explained
    gradients = {key for key in page["tensors"] if key.startswith("∇") and " from " not in key}
    assert gradients <= explained


def test_the_whole_sweep_by_keyboard_alone(pages, opened):
    page = pages("tutorial")[2]
    tab = opened(page)
    titles = [step["title"] for step in page.data["steps"]]
    seen = []
    for n in range(len(titles)):
        assert tab.text_content("#count") == f"{n + 1} / {len(titles)}"
        seen.append(tab.text_content("#title"))
        tab.keyboard.press("ArrowRight")
    assert seen == titles
    tab.keyboard.press("ArrowRight")
    assert tab.text_content("#title") == titles[-1]
    tab.keyboard.press("Home")
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    assert tab.text_content("#title") == titles[-2]
    assert f"Step {len(titles) - 1} of {len(titles)}" in tab.text_content("#live")


def focused(tab):
    return tab.evaluate("document.activeElement.dataset.tensor || document.activeElement.id")


def test_units_by_keyboard(pages, opened):
    tab = opened(pages("tutorial")[2])
    for _ in range(60):
        tab.keyboard.press("Tab")
        if focused(tab) == "z1":
            break
    assert focused(tab) == "z1"
    tab.keyboard.press("Enter")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "PageDown", "ArrowLeft"):
        tab.keyboard.press(key)
    assert tab.text_content("#unit .value").startswith("z1[1, 1, 1] = ")
    assert "z1[1, 1, 1]" in tab.text_content("#live")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")
    assert tab.text_content("#unit .value").startswith("z1[1, 1, 0] = ")
    tab.keyboard.press("Escape")
    assert tab.text_content("#unit") == ""
    assert tab.text_content("#count").startswith("1 /")


def test_boxes_of_the_diagram_lead_to_their_steps(pages, opened):
    tab = opened(pages("tutorial")[2])
    tab.focus("#back-p1")
    tab.keyboard.press("Enter")
    assert tab.text_content("#title") == "Backward · ∂pool1 · Pool"
    assert tab.evaluate("document.getElementById('back-p1').classList.contains('current')")
    assert tab.evaluate("document.getElementById('value-z1').classList.contains('done')")
    assert tab.evaluate("document.getElementById('back-z1').classList.contains('todo')")
    tab.click("#value-a1")
    assert tab.text_content("#title") == "Forward · sigmoid1 · Sigmoid"


def test_play_goes_on_and_stops_at_the_end(pages, opened):
    tab = opened(pages("users_own")[2], "#step=8")
    tab.keyboard.press("Space")
    assert tab.get_attribute("#play", "aria-pressed") == "true"
    tab.wait_for_selector('#play[aria-pressed="false"]', timeout=15_000)
    count = tab.text_content("#count").split(" / ")
    assert count[0] == count[1]


def test_a_deep_link(pages, opened):
    tab = opened(pages("tutorial")[2], "#step=7")
    assert tab.text_content("#count") == "7 / 10"
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("location.hash") == "#step=8"
    for odd in ("#step=99", "#step=-3", "#step=x", "#nothing"):
        assert opened(pages("tutorial")[2], odd).text_content("#count") in ("10 / 10", "1 / 10")


def test_a_click_names_the_unit_under_it(pages, opened):
    tab = opened(pages("tutorial")[2], "#step=8")
    place = tab.evaluate("(() => { const b = document.querySelector('[data-tensor=\"δ(p1)\"]'); return b.width; })()")
    assert place > 100
    tab.click('[data-tensor="δ(p1)"]', position={"x": 3, "y": 3})
    assert tab.text_content("#unit .value").startswith("δ(p1)[0, 0, 0]")
    rows = tab.eval_on_selector_all("#unit tbody tr", "rows => rows.map(r => r.cells[1].textContent)")
    assert rows == [f"δ(a1)[0, {i}, {j}]" for i in (0, 1) for j in (0, 1)]


def test_a_table_of_connections_is_said_and_not_summed(pages, opened):
    tab = opened(pages("lenet5")[2])
    step = next(n for n, s in enumerate(pages("lenet5")[2].data["steps"]) if s["value"] == "z2")
    tab.evaluate("n => { symcnn.go(n); symcnn.choose('z2', 0); }", step)
    text = tab.text_content("#unit")
    assert "does not see channels 3, 4, 5" in text
    assert "the sum of 76 products" in text
    tab.evaluate("symcnn.choose('W2', 3 * 25)")
    assert "no such weight" in tab.text_content("#unit")


def test_in_a_sandboxed_frame(pages, opened):
    frame = pages("users_own")[2]._repr_mimebundle_()["text/html"]
    assert 'sandbox="allow-scripts"' in frame
    tab = opened(f"<!doctype html><html lang=en><title>notebook</title><body>{frame}{frame}</body></html>")
    inner = tab.frames[1]
    inner.wait_for_selector("#count")
    inner.focus("#step")
    inner.press("#step", "ArrowRight")
    assert inner.text_content("#count").startswith("2 /")
    assert tab.frames[2].text_content("#count").startswith("1 /")


def test_narrow_screens_have_one_column_and_an_upright_diagram(pages, opened):
    tab = opened(pages("tutorial")[2], viewport={"width": 420, "height": 800})
    assert tab.is_hidden("#diagram svg") and tab.is_visible("#rail")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 420
    all_places = "all => all.map(b => [b.textContent, b.getBoundingClientRect().y])"
    places = tab.eval_on_selector_all("#rail button", all_places)
    forward = [y for text, y in places if text.startswith("Forward")]
    backward = [y for text, y in places if text.startswith("Backward")]
    assert forward == sorted(forward) and backward == sorted(backward, reverse=True) and forward == backward[::-1]
    tab.click("#rail-7")
    assert tab.text_content("#count") == "8 / 10"


def luminance(tab, selector, which):
    colour = tab.eval_on_selector(selector, f"e => getComputedStyle(e).{which}")
    red, green, blue = (int(c) for c in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_dark(pages, opened):
    tab = opened(pages("tutorial")[2], color_scheme="dark")
    assert luminance(tab, "body", "backgroundColor") < 40 < 200 < luminance(tab, "body", "color")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 420])
def test_axe_finds_no_violations(scheme, width, pages, opened):
    code = axe()
    page = pages("tutorial")[2]
    tab = opened(page, color_scheme=scheme, viewport={"width": width, "height": 900})
    # The page's policy lets no other code in; the tool comes by the browser's own door.
    tab.evaluate(code)
    for step in (0, 4, 5, 7, 9):
        tab.evaluate("n => { symcnn.go(n); symcnn.choose(symcnn.page.steps[n].makes[0], 0); }", step)
        found = tab.evaluate("axe.run().then(r => r.violations.map(v => [v.id, ...v.nodes.map(n => n.html)]))")
        assert found == [], f"step {step + 1}"


def test_a_film_has_a_second_slider(opened):
    x, y = digit()
    network = tutorial_network(filters=2, window=5)
    recorder = sc.Recorder(network.J, x=x, y=y)
    digits = sc.data.mnist_mini()
    part = {name: array[:320] for name, array in digits.train.items()}
    sc.fit(network.J, part, epochs=1, batch=32, optimizer=sc.SGD(lr=0.1), watch=recorder)
    page = recorder.page()
    assert page.data["moments"][0] == "step 0" and page.data["moments"][-1] == "step 10"
    tab = opened(page, "#step=5&moment=1")
    assert tab.text_content("#when") == "step 0"
    before = tab.evaluate("symcnn.tensors.J.at(0)[0]")
    tab.keyboard.press("]")
    assert tab.text_content("#when") == page.data["moments"][1]
    assert tab.evaluate("location.hash").endswith("moment=2")
    last = len(page.data["moments"]) - 1
    assert tab.evaluate(f"symcnn.tensors.J.at({last})[0]") != before
    program = sc.compile(network.J)
    assert tab.evaluate(f"symcnn.tensors.J.at({last})[0]") == float(program(x=x[None], y=[y]))


def test_odd_names_and_numbers_are_text(opened):
    x = sc.Input("</script><b>&\"'\\", (None, 3))
    J = sc.sum(sc.Exp(sc.tanh(x * sc.Param("w<i>", [1, 2, 3])), name="величина <x>"))
    tab = opened(sc.explain(J, {x: [0.0, np.nan, np.inf]}))
    assert tab.evaluate("document.querySelectorAll('b:not(h2 b), i').length") == 0
    assert "NaN" in tab.text_content("#tensors")


def test_a_page_too_large_says_what_it_left_out(opened):
    x, y = sc.Input("x", (None, 3, 96, 96)), sc.Input("y", (None,), dtype="int64")
    z = sc.conv(x, 64, 5, name="wide", seed=0)
    J = sc.softmax_cross_entropy(sc.dense(sc.mean_pool(sc.sigmoid(z), 4), 10, seed=1), y)
    page = sc.explain(J, x=np.random.default_rng(0).random((3, 96, 96), dtype=np.float32), y=1)
    assert len(page.html.encode()) < 5_000_000
    tab = opened(page)
    assert "too large" in tab.text_content("#notes")
    assert "of 64 are on this page" in tab.text_content("#tensors")
    worst = tab.evaluate(ALL_SHARES)
    assert max(worst.values()) < 2e-5
