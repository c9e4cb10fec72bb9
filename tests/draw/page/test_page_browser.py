"""The step-through page in a real browser, offline: its numbers, its shares, its keys, its looks."""

import base64

import numpy as np
import pytest
from pages import FLAGS, NETWORKS, axe, chromium, digit, tutorial

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
