"""A story as a graph for Graphviz. The package ``graphviz`` writes it; no program ``dot`` is needed for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .story import Box, Story
from .style import BACKWARD, FORWARD, GREY, LOSS, PARAMETER

if TYPE_CHECKING:
    import graphviz


def digraph(story: Story) -> graphviz.Digraph:
    """The graph: columns by rank, the backward lane under the forward one."""
    import graphviz

    graph = graphviz.Digraph("backprop", comment=f"Backpropagation of {graphviz.escape(story.name)}")
    graph.attr(rankdir="LR", nodesep="0.35", ranksep="0.6", label=_label(story.note), fontname="Helvetica")
    graph.attr("node", shape="box", style="rounded", fontname="Helvetica", fontsize="12", color=FORWARD)
    graph.attr("edge", fontname="Helvetica", fontsize="10")
    for box in story.boxes:
        _box(graph, box)
    _edges(graph, story)
    _bundles(graph, story)
    return graph


def _label(*lines: str) -> str:
    """Lines of a label as they are: nothing in them is a command of Graphviz."""
    import graphviz

    label: str = graphviz.escape("\n".join(lines))
    return label


def _box(graph: graphviz.Digraph, box: Box) -> None:
    color = {"input": GREY, "loss": LOSS, "fold": GREY}.get(box.kind, FORWARD)
    style = "" if box.kind == "input" else "rounded"
    with graph.subgraph() as column:
        column.attr(rank="same")
        column.node(f"value-{box.key}", _label(box.title, *box.lines), color=color, style=style)
        if box.twin is not None:
            twin = box.twin
            style = "dashed" if box.kind == "input" else "rounded,dashed"
            color = BACKWARD if twin.needed else GREY
            column.node(f"back-{box.key}", _label(twin.title, *twin.lines), color=color, style=style)
    if box.twin is not None:
        ends = f"value-{box.key}", f"back-{box.key}"
        shown = {"label": _label(box.twin.reads), "arrowhead": "vee"} if box.twin.reads else {"style": "invis"}
        graph.edge(*ends, **{"color": GREY, "fontcolor": "#5f5f5f", "style": "dotted", **shown})


def _edges(graph: graphviz.Digraph, story: Story) -> None:
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


def _bundles(graph: graphviz.Digraph, story: Story) -> None:
    twins = {box.key for box in story.boxes if box.twin is not None}
    for bundle in story.bundles:
        first = bundle.readers[0]
        with graph.subgraph() as column:
            column.attr(rank="same")
            column.node(f"parameter-{bundle.key}", _label(*bundle.lines), color=PARAMETER, style="")
            column.node(f"value-{first}")
            if bundle.gradients:
                column.node(f"gradient-{bundle.key}", _label(*bundle.gradients), color=BACKWARD, style="dashed")
        for reader in bundle.readers:
            constraint = "true" if reader == first else "false"
            graph.edge(f"parameter-{bundle.key}", f"value-{reader}", color=PARAMETER, constraint=constraint)
            if bundle.gradients and reader in twins:
                ends = f"back-{reader}", f"gradient-{bundle.key}"
                graph.edge(*ends, color=BACKWARD, style="dashed", arrowhead="empty", constraint=constraint)
