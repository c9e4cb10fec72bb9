"""A story as a graph for Graphviz. The package ``graphviz`` writes it; no program ``dot`` is needed for that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..canvas.style import BACKWARD, FORWARD, GREY, LOSS, PARAMETER
from .model import Below, Box, DiagramModel

if TYPE_CHECKING:
    import graphviz


_LOOKS = {
    "input": {"color": "#555555", "fillcolor": "#f3f3f3", "style": "filled"},
    "value": {"color": FORWARD, "fillcolor": "#f2f8fc", "style": "rounded,filled"},
    "loss": {"color": LOSS, "fillcolor": "#fbf3da", "style": "rounded,filled"},
    "fold": {"color": FORWARD, "fillcolor": "#ffffff", "style": "rounded,filled,dotted"},
    "twin": {"color": BACKWARD, "fillcolor": "#fff7f1", "style": "rounded,filled,dashed"},
    "unneeded": {"color": GREY, "fillcolor": "#f7f7f7", "fontcolor": "#6b6b6b", "style": "filled,dashed"},
    "parameter": {"color": PARAMETER, "fillcolor": "#e8f6f1", "style": "filled"},
    "gradient": {"color": BACKWARD, "fillcolor": "#e8f6f1", "style": "filled,dashed"},
}
"""How the kinds of boxes look: as in the SVG, in light."""


def digraph(story: DiagramModel) -> graphviz.Digraph:
    """The graph: columns by rank, the backward lane under the forward one."""
    import graphviz

    graph = graphviz.Digraph("backprop", comment=f"Backpropagation of {graphviz.escape(story.name)}")
    graph.attr(rankdir="LR", nodesep="0.35", ranksep="0.6", label=_label(story.note), fontname="Helvetica")
    graph.attr("node", shape="box", fontname="Helvetica", fontsize="12", penwidth="1.3")
    graph.attr("edge", fontname="Helvetica", fontsize="10")
    for box in story.boxes:
        _box(graph, box)
    _edges(graph, story)
    _bundles(graph, story)
    if story.below is not None:
        _below(graph, story.below)
    return graph


def _label(*lines: str) -> str:
    """Lines of a label as they are: nothing in them is a command of Graphviz, or an entity of HTML."""
    import graphviz

    plain = re.sub(r"&(?=#?\w+;)", "&amp;", "\n".join(lines))
    label: str = graphviz.escape(plain)
    return label


def _box(graph: graphviz.Digraph, box: Box) -> None:
    with graph.subgraph() as column:
        column.attr(rank="same")
        column.node(f"value-{box.key}", _label(box.title, *box.lines), **_LOOKS.get(box.kind, _LOOKS["value"]))
        if box.twin is not None:
            twin = box.twin
            look = _LOOKS["twin" if twin.needed else "unneeded"]
            column.node(f"back-{box.key}", _label(twin.title, *twin.lines), **look)
    if box.twin is not None:
        ends = f"value-{box.key}", f"back-{box.key}"
        shown = {"label": _label(box.twin.reads), "arrowhead": "vee"} if box.twin.reads else {"style": "invis"}
        graph.edge(*ends, **{"color": GREY, "fontcolor": "#5f5f5f", "style": "dotted", **shown})


def _edges(graph: graphviz.Digraph, story: DiagramModel) -> None:
    boxes = {box.key: box for box in story.boxes}
    for source, reader in story.edges:
        box = boxes[source]
        label = _label(*(text for text in (box.symbol, box.shape, box.norm) if text))
        graph.edge(f"value-{source}", f"value-{reader}", label=label, color=FORWARD, fontcolor="#004d79")
        if (source, reader) in story.sent and box.twin is not None:
            graph.edge(
                f"back-{source}",
                f"back-{reader}",
                label=_label(*(text for text in (box.error, box.error_norm) if text)),
                dir="back",
                arrowtail="empty",
                style="dashed",
                color=BACKWARD if box.twin.needed else GREY,
                fontcolor="#9c4400" if box.twin.needed else "#6b6b6b",
            )


def _below(graph: graphviz.Digraph, below: Below) -> None:
    """The backward graph, from right to left: each edge is given from what reads to what is read."""
    for box in below.boxes:
        kind = "unneeded" if box.key in below.unneeded else "gradient" if box.kind == "gradient" else "twin"
        graph.node(f"back-{box.key}", _label(box.title, *box.lines), **_LOOKS[kind])
    under = {home: key for key, home in below.homes.items() if key not in below.sums}
    for home, key in under.items():  # the last node that a rule made is under the node whose rule it is
        with graph.subgraph() as column:
            column.attr(rank="same")
            column.node(f"value-{home}")
            column.node(f"back-{key}")
        graph.edge(f"value-{home}", f"back-{key}", style="invis")
    boxes = {box.key: box for box in below.boxes}
    for source, reader in below.edges:
        box, needed = boxes[source], reader not in below.unneeded
        graph.edge(
            f"back-{reader}",
            f"back-{source}",
            label=_label(*(text for text in (box.symbol, box.shape, box.norm) if text)),
            dir="back",
            arrowtail="empty",
            style="dashed",
            color=BACKWARD if needed else GREY,
            fontcolor="#9c4400" if needed else "#6b6b6b",
        )


def _bundles(graph: graphviz.Digraph, story: DiagramModel) -> None:
    """Parameters above what reads them, gradients below. Who else reads them has a copy, which says so.

    A line from one box to readers far apart would wind through the whole picture.
    """
    twins = {box.key for box in story.boxes if box.twin is not None}
    for bundle in story.bundles:
        for reader in bundle.readers:
            first = reader == bundle.readers[0]
            key = bundle.key if first else f"{bundle.key}-{reader}"
            shared = () if first else ("shared",)
            with graph.subgraph() as column:
                column.attr(rank="same")
                column.node(f"parameter-{key}", _label(*bundle.lines, *shared), **_LOOKS["parameter"])
                column.node(f"value-{reader}")
                if bundle.gradients and reader in twins:
                    column.node(f"gradient-{key}", _label(*bundle.gradients, *shared), **_LOOKS["gradient"])
            graph.edge(f"parameter-{key}", f"value-{reader}", color=PARAMETER)
            if bundle.gradients and reader in twins:
                ends = f"back-{reader}", f"gradient-{key}"
                graph.edge(*ends, color=BACKWARD, style="dashed", arrowhead="empty")
