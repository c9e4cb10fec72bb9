"""Tables as text and HTML, and what notebooks show of the house's records."""

from xml.etree import ElementTree

import pytest

import symcnn as sc
from symcnn.engine.profile import Profile
from symcnn.show.tables import Rows, Table
from symcnn.train import Epoch


def cells(html):
    """The texts of each row of an HTML table, read by a parser that is strict."""
    root = ElementTree.fromstring(f"<div>{html}</div>")
    return [[cell.text or "" for cell in row] for row in root.iter("tr")]


def html(record):
    """What a notebook shows of a record."""
    shown = record._repr_mimebundle_()
    assert list(shown) == ["text/html", "text/plain"] and shown["text/plain"] == repr(record)
    return shown["text/html"]


def test_html_holds_what_the_text_holds():
    table = Table(
        ["a", "b"], [["<b>&", "1"], ['"', "2"]], left={0}, foot=[["total", "3"]], title="<t>", notes=["n & m"]
    )
    assert cells(table.html) == [["a", "b"], ["<b>&", "1"], ['"', "2"], ["total", "3"]]
    assert "<b>" not in table.html and "&lt;t&gt;" in table.html and "n &amp; m" in table.html
    assert str(table).splitlines() == ["<t>", "a      b", "<b>&   1", '"      2', "────────", "total  3", "n & m"]


def test_a_long_table_says_what_a_notebook_leaves_out():
    table = Table(["n"], [[str(n)] for n in range(1000)])
    rows = [cell for (cell,) in cells(table.html)]
    assert len(rows) == 202 and rows[100:103] == ["99", "… 800 more rows …", "900"]
    assert [line.strip() for line in str(table).splitlines()] == ["n", *map(str, range(1000))]


def test_lone_surrogates_can_be_written():
    assert Table(["\ud800"], [["\udfff"]]).html.encode("utf-8")


def test_a_notebook_looks_at_no_row_that_it_does_not_show():
    written = []

    def row(n):
        written.append(n)
        return [str(n)]

    html = Table(["n"], Rows(range(10**6), row)).html
    assert "… 999,800 more rows …" in html and written == [*range(100), *range(10**6 - 100, 10**6)]


def records():
    x = sc.Input("<x>", (None, 3))
    J = sc.squared_error(sc.dense(x, 1, seed=0, name="<lambda>"), sc.Input("t", (None, 1)))
    feeds = {"<x>": [[1, 2, 3]], "t": [[1]]}
    return [sc.summary(J), sc.fit(J, feeds), sc.compile(J).profile(feeds, runs=1), sc.testing.check_node(sc.Tanh)]


@pytest.mark.parametrize("number", range(4))
def test_notebooks_show_records_as_tables(number):
    record = records()[number]
    rows = cells(html(record))
    assert len(rows) > 1 and len({len(row) for row in rows}) == 1
    for word in rows[1]:
        assert word in str(record)


def test_a_history_with_gaps():
    history = sc.History([1.0], [Epoch(1.0, 0.1, {"loss": 2.0}), Epoch(float("nan"), 0.1, {"accuracy": 0.5})])
    assert cells(html(history))[1:] == [
        ["1", "1.0000", "2.0000", "", "0.10"],
        ["2", "nan", "", "0.5000", "0.10"],
    ]
    assert history.csv().splitlines()[1:] == ["1,1,2,,0.1", "2,nan,,0.5,0.1"]
    assert cells(html(sc.History())) == [["epoch", "loss", "seconds"]]
    assert len(cells(html(Profile([], 0, "numpy", 0)))) == 1
