"""Elements of SVG are well formed, whatever the texts in them are."""

from xml.etree import ElementTree

from symcnn.draw.canvas import svg_writer as svg
from symcnn.draw.canvas.geometry import Path, Rect, Text


def test_texts_are_escaped():
    odd = '<a href="b">&\'c'
    group = (
        svg.group(odd, "kind", odd, odd)
        + svg.text((1, 2), odd, 12)
        + "".join(svg.image("data:,", Rect(0, 0, 1, 1), odd))
    )
    root = ElementTree.fromstring(svg.document("k", "", 10, 5.25, odd, odd, [group, svg.CLOSE]))
    assert (root.get("viewBox"), root.get("height")) == ("0 0 10 5.3", "5.3")
    found = {element.tag.rpartition("}")[2]: element for element in root.iter()}
    assert found["g"].get("id") == found["text"].text == found["image"][0].text == found["desc"].text == odd


def test_lines_and_shapes():
    line = Path((0, 0), [((1, 1),), ((1, 2), (3, 4), (5.55, 6))])
    assert svg.data_of(line) == "M0,0L1,1C1,2 3,4 5.6,6"
    assert (
        svg.path(svg.corners((0, 0), (2, 3)), "line", "6 3")
        == '<path class="line" stroke-dasharray="6 3" d="M0,0L2,3"/>'
    )
    assert svg.circle((1, 2), 3, "unit") == '<circle class="unit" cx="1" cy="2" r="3"/>'
    assert svg.rect(Rect(1, 2, 3, 4), "box") == '<rect class="box" x="1" y="2" width="3" height="4"/>'


def test_lines_of_a_text_are_below_each_other():
    first, second = svg.texts(Text(5, 10, ("a", "b"), 12), "note")
    assert first == '<text class="note" x="5" y="22" font-size="12" text-anchor="middle">a</text>'
    assert second == '<text class="note" x="5" y="37" font-size="12" text-anchor="middle">b</text>'
