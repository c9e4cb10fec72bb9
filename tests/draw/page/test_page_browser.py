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
            J, feeds = too_large() if name == "too_large" else NETWORKS[name]()
            made[name] = J, feeds, sc.explain(J, **feeds)
        return made[name]

    return page_of


def rows_of(feeds):
    """The feeds with their batch axis."""
    return {name: np.asarray(value)[None] for name, value in feeds.items()}


ALL_BYTES = """() => Object.values(symcnn.tensors).map((tensor) => {
  const { buffer, byteOffset, byteLength } = tensor.at(0);
  let text = "";
  for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) text += String.fromCharCode(byte);
  return [tensor.key, tensor.shape, btoa(text)];
})"""


def by_numpy(node, feeds):
    """The value for the one example, computed node by node: programs compute several at once, and round otherwise."""
    program = sc.compile(node)
    value = program.trace({i.name: rows_of(feeds)[i.name] for i in program.inputs})[node]
    return value[0] if None in node.shape else value


@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_is_numpys_to_the_last_bit(name, pages, opened):
    J, feeds, page = pages(name)
    tab = opened(page)
    shown = tab.evaluate(ALL_BYTES)
    nodes = {key: r.node for key, r in Recorder(J, **feeds).recorded.items()}
    assert {key for key, _, _ in shown} == set(nodes)
    for key, shape, data in shown:
        value = by_numpy(nodes[key], feeds)
        assert shape == list(value.shape), key
        assert base64.b64decode(data) == value.astype("<f4").tobytes(), key


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


ALL_CLAIMS = """() => {
  const claims = [];
  symcnn.page.steps.forEach((step, n) => {
    symcnn.go(n);
    for (const key of [...step.reads, ...(step.beside || []), ...step.makes]) {
      const tensor = symcnn.tensors[key];
      for (let unit = 0; unit < tensor.size; unit += Math.max(1, Math.floor(tensor.size / 13))) {
        for (const group of symcnn.inspected(step, tensor, unit).groups) {
          const facts = (group.facts || []).filter(([role, name]) => name && role !== "product");
          claims.push(...facts.map(([, name, number]) => [name, number]));
          for (const term of group.terms) {
            const [[, left], [name, right]] = term.factors;
            if (term.value !== left * right && !Number.isNaN(term.value)) claims.push(["no product", term.value]);
            claims.push(...term.factors.filter(([name]) => /\\[/.test(name)));
          }
        }
      }
    }
  });
  return [...new Map(claims.map((claim) => [claim.join(" "), claim])).values()];
}"""


@pytest.mark.parametrize("name", NETWORKS)
def test_every_number_beside_a_name_is_numpys(name, pages, opened):
    J, feeds, page = pages(name)
    claims = opened(page).evaluate(ALL_CLAIMS)
    assert len(claims) > 50
    values = {}
    for record in Recorder(J, **feeds).recorded.values():
        value = by_numpy(record.node, feeds)
        values.setdefault(record.symbol, []).append(value.astype("float32"))
    for text, number in claims:
        symbol, index = text, ()
        if text not in values:
            symbol, _, inside = text.rstrip("]").rpartition("[")
            index = tuple(int(i) for i in inside.split(", "))
        assert any(v[index] == np.float32(number) for v in values[symbol] if v.ndim == len(index)), (text, number)


def choose(tab, step, key, unit):
    """Go to a step and choose a unit, and return the rows of the inspector as texts."""
    tab.evaluate("([n, key, unit]) => { symcnn.go(n); symcnn.choose(key, unit); }", [step, key, unit])
    return tab.eval_on_selector_all("#unit tbody tr", "all => all.map(r => [...r.cells].map(c => c.textContent))")


def shown(number):
    """A number as the page writes it."""
    return f"{float(f'{number:.4g}'):.10g}".replace("-", "−")


def test_the_error_of_a_softmax_is_a_small_table(pages, opened):
    page = pages("tutorial")[2]
    tab = opened(page)
    scores = np.array(tab.evaluate("[...symcnn.tensors.z2.at(0)]"))
    p = np.exp(scores) / np.exp(scores).sum()
    label = int(digit()[1])
    rows = choose(tab, 5, "δ(z2)", label)
    assert [r[1:3] for r in rows] == [[f"softmax(z2)[{label}]{shown(p[label])}", "1"], [f"1[y][{label}]1", "−1"]]
    assert [r[3] for r in rows] == [shown(p[label]), "−1"]
    assert tab.text_content("#unit .sum") == f"Sum: {shown(p[label] - 1)}"
    assert tab.is_visible("#batch") and "N = 1" in tab.text_content("#batch")
    rows = choose(tab, 4, "J", 0)
    assert rows[:2] == [["the label", "y", str(label)], ["there", f"softmax(z2)[{label}]", shown(p[label])]]
    assert tab.text_content("#unit .value") == f"J = {shown(-np.log(p[label]))}"


def test_a_squared_error_too(pages, opened):
    page = pages("lenet5")[2]
    step = next(n for n, s in enumerate(page.data["steps"]) if s["direction"] == "backward")
    tab = opened(page)
    a = tab.evaluate("symcnn.tensors.a5.at(0)[3]")
    rows = choose(tab, step, "δ(a5)", 3)
    assert [r[1:3] for r in rows] == [[f"a5[3]{shown(a)}", "1"], ["t[3]1", "−1"]]
    assert tab.text_content("#unit .value") == f"δ(a5)[3] = {shown(a - 1)}"


def test_a_slope_is_three_numbers(pages, opened):
    tab = opened(pages("tutorial")[2])
    a, error = (tab.evaluate(f"symcnn.tensors['{key}'].at(0)[57]") for key in ("a1", "δ(a1)"))
    rows = choose(tab, 8, "δ(z1)", 57)
    assert rows == [
        ["error", "δ(a1)[0, 2, 17]", shown(error)],
        ["slope f′", "∂a1/∂z1[0, 2, 17]", shown(a * (1 - a))],
        ["product", "δ(z1)[0, 2, 17]", shown(error * a * (1 - a))],
    ]
    assert choose(tab, 8, "δ(a1)", 57) == rows


def test_max_pooling_names_its_switch(pages, opened):
    tab = opened(pages("tutorial_max")[2])
    a1 = np.array(tab.evaluate("[...symcnn.tensors.a1.at(0)]")).reshape(20, 20, 20)
    window = a1[0, 4:6, 6:8]
    switch = int(window.argmax())
    rows = choose(tab, 2, "p1", 23)
    assert [r[2] for r in rows] == [shown(v) for v in window.ravel()]
    assert [n for n, r in enumerate(rows) if r[0] == "the switch"] == [switch]
    rows = choose(tab, 7, "δ(p1)", 23)
    assert [n for n, r in enumerate(rows) if r[2] == "the switch1"] == [switch]
    i, j = divmod(switch, 2)
    choose(tab, 7, "δ(a1)", (4 + i) * 20 + 6 + j)
    assert "It is the switch" in tab.text_content("#unit")
    choose(tab, 7, "δ(a1)", (4 + 1 - i) * 20 + 6 + j)
    assert "gets nothing" in tab.text_content("#unit")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("width", [1400, 420])
def test_a_point_of_a_unit_is_that_unit(name, width, pages, opened):
    wrong = opened(pages(name)[2], viewport={"width": width, "height": 800}).evaluate(
        """() => {
          const wrong = [];
          symcnn.page.steps.forEach((step, n) => {
            symcnn.go(n);
            for (const { maps } of symcnn.panels()) {
              const seen = new Set();
              for (let unit = 0; unit < maps.tensor.size; unit++) {
                const [x, y, w, h] = maps.place(unit);
                if (maps.unitAt(x + w / 2, y + h / 2) !== unit) wrong.push([maps.tensor.key, unit]);
                const isInside = x >= 0 && y >= 0 && x + w <= maps.width && y + h <= maps.height;
                if (!isInside) wrong.push([maps.tensor.key, unit, "outside"]);
                seen.add(`${x} ${y}`);
              }
              if (seen.size !== maps.tensor.size) wrong.push([maps.tensor.key, "on each other"]);
            }
          });
          return wrong;
        }"""
    )
    assert wrong == []


def test_the_ends_of_a_scale_are_numbers(pages, opened):
    tab = opened(pages("tutorial")[2])
    filters = np.array(tab.evaluate("[...symcnn.tensors.W1.at(0)]"))
    heading = tab.text_content("article:has([data-tensor=W1]) h2")
    most = shown(np.abs(filters).max())
    assert heading == f"in W1 20×1×9×9−{most}{most}"
    assert tab.text_content("article:has([data-tensor=b1]) h2").endswith("20all 0")


def test_what_is_not_finite_is_in_the_legend(pages, opened):
    x, y = digit()
    odd = x.copy()
    odd[0, 3, 3], odd[0, 24, 24] = np.nan, np.inf
    network = tutorial_network(filters=2)
    tab = opened(sc.explain(network.J, x=odd, y=y))
    assert "NaN" in tab.text_content("#scales") and "infinite" in tab.text_content("#scales")
    assert "2 NaN or infinite" in tab.text_content("article:has([data-tensor=x]) h2")
    assert "NaN" not in opened(pages("tutorial")[2]).text_content("#scales")
    tab = opened(pages("lenet5")[2], "#step=5")
    assert "no such weight" in tab.text_content("#scales")


def test_the_current_box_of_a_long_network_is_in_view(pages, opened):
    for width, holder in ((1000, "#diagram"), (420, "#rail")):
        page = pages("lenet5")[2]
        tab = opened(page, viewport={"width": width, "height": 800})
        for n in range(len(page.data["steps"])):
            tab.evaluate("n => symcnn.go(n)", n)
            inside = tab.evaluate(
                """holder => {
                  const outer = document.querySelector(holder).getBoundingClientRect();
                  const current = document.querySelector(`${holder} [aria-current=step]`);
                  const box = current.getBoundingClientRect();
                  return box.top >= outer.top - 2 && box.bottom <= outer.bottom + 2
                    && box.left >= outer.left - 2 && box.right <= outer.right + 2;
                }""",
                holder,
            )
            assert inside, (width, n)


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
    page = pages("users_own")[2]
    tab = opened(page, f"#step={len(page.data['steps']) - 1}")
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


@pytest.mark.parametrize(
    ("hash", "step"),
    [("#step=99", 10), ("#step=1e300", 10), ("#step=10", 10), ("#step=0", 1), ("#step=-3", 1), ("#step=x", 1),
     ("#step=7x", 1), ("#step=7.5", 1), ("#step=", 1), ("#step=Infinity", 1), ("#nothing", 1), ("#moment=5&step=3", 3)],
)  # fmt: skip
def test_a_deep_link_too_far_leads_to_the_last_step_and_any_other_bad_one_to_the_first(hash, step, pages, opened):
    tab = opened(pages("tutorial")[2], hash)
    assert tab.text_content("#count") == f"{step} / 10"
    assert tab.evaluate("location.hash") == f"#step={step}"


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
    all_places = "all => all.map(b => [b.className.split(' ')[0], b.getBoundingClientRect().y])"
    places = tab.eval_on_selector_all("#rail button", all_places)
    forward = [y for direction, y in places if direction == "forward"]
    backward = [y for direction, y in places if direction == "backward"]
    assert (
        len(forward) == 5
        and forward == sorted(forward)
        and backward == sorted(backward, reverse=True)
        and forward == backward[::-1]
    )
    tab.click("#rail-7")
    assert tab.text_content("#count") == "8 / 10"


def luminance(tab, selector, which):
    colour = tab.eval_on_selector(selector, f"e => getComputedStyle(e).{which}")
    red, green, blue = (int(c) for c in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_dark(pages, opened):
    tab = opened(pages("tutorial")[2], color_scheme="dark")
    assert luminance(tab, "body", "backgroundColor") < 40 < 200 < luminance(tab, "body", "color")


def too_large():
    """A network whose maps do not all fit on a page."""
    x, y = sc.Input("x", (None, 3, 96, 96)), sc.Input("y", (None,), dtype="int64")
    z = sc.conv(x, 64, 5, name="wide", seed=0)
    J = sc.softmax_cross_entropy(sc.dense(sc.mean_pool(sc.sigmoid(z), 4), 10, seed=1), y)
    return J, {"x": np.random.default_rng(0).random((3, 96, 96), dtype=np.float32), "y": 1}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 420])
@pytest.mark.parametrize("name", ["tutorial", "residual", "two_inputs", "too_large"])
def test_axe_finds_no_violations(name, scheme, width, pages, opened):
    code = axe()
    page = pages(name)[2]
    tab = opened(page, color_scheme=scheme, viewport={"width": width, "height": 900})
    # The page's policy lets no other code in; the tool comes by the browser's own door.
    tab.evaluate(code)
    last = len(page.data["steps"]) - 1
    for step in sorted({0, last // 2, last // 2 + 1, last - 2, last}):
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


def test_a_page_too_large_says_what_it_left_out(pages, opened):
    page = pages("too_large")[2]
    assert len(page.html.encode()) < 5_000_000
    tab = opened(page)
    assert "too large" in tab.text_content("#notes")
    assert "of 64 are on this page" in tab.text_content("#tensors")
    worst = tab.evaluate(ALL_SHARES)
    assert max(worst.values()) < 2e-5


def test_numbers_beyond_float32(opened):
    h, w = sc.Input("h", (None, 3), dtype="float64"), sc.Param("w", np.ones(3))
    tab = opened(sc.explain(sc.sum(sc.tanh(h * w)), h=[1e308, -1e308, 5e-324]))
    assert tab.evaluate("[...symcnn.tensors.h.at(0)]") == [1e308, -1e308, 5e-324]
    assert "1.000e+308" in tab.inner_text("body")
