"""The steps of a page: the forward pass and then the sweep, in the order in which the engine ran them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...engine.trace import Trace
from ...equations.equation import Equation
from ...equations.lines import forward_lines, sent_lines
from ...graph.declared import sentences_of
from ...graph.leaves import Const, Param
from ...graph.node import Node
from ...text import plain_text
from ..diagram.model import DiagramModel
from .links import is_masked, slope_key
from .recording import Parts, Recording
from .weighted_sums import added_up

Step = dict[str, Any]
_TABLE = "A table says which channels each filter sees.", "A weight that does not exist has no gradient."
_MOVED = "Each error goes back to where its number came from."


def steps_of(recording: Recording, story: DiagramModel) -> list[Step]:
    """All steps: one for each named value, and one for each visit of the sweep to a named value."""
    return _Steps(recording, story).all()


class _Steps:
    def __init__(self, recording: Recording, story: DiagramModel) -> None:
        self.recording, self.story = recording, story
        self.notation, self.values = recording.notation, recording.values
        self.boxes = {box.node: box for box in story.boxes if box.node is not None}
        self.needed = {box.key for box in story.boxes if box.twin is not None and box.twin.needed}
        self.wires: dict[str, list[tuple[str, str]]] = {box.key: [] for box in story.boxes}
        for source, reader in story.edges:
            self.wires[reader].append((source, reader))
        self.place = {node: n for n, node in enumerate(recording.traces[0].order)}
        self.sent = self._sent()

    def all(self) -> list[Step]:
        """The steps in order."""
        forward = sorted(self.values.computed, key=self.place.__getitem__)
        back = [node for node in self.notation.deltas if node in self.sent]
        back.sort(key=lambda node: self.place[self.notation.deltas[node]])
        return [*map(self._forward, forward), *map(self._backward, back)]

    def _sent(self) -> dict[Node, dict[Node, str]]:
        """For each value that the sweep visits: whose errors its step makes, and the keys of these tensors."""
        found: dict[Node, dict[Node, str]] = {self.values.J: {}}
        for source, readers in self.recording.senders.items():
            for reader in readers:
                one = self.recording.error_name(source)
                key = self.recording.part_name(source, reader) if len(readers) > 1 else one
                found.setdefault(reader, {})[source] = key
        return found

    def _forward(self, node: Node) -> Step:
        box, name = self.boxes[node], self.recording.name(node)
        sources = [s for s in self.values.sources(node) if s in self.values.symbols]
        beside = [] if node.ndim else self.recording.beside.get(node, [])
        return {
            "direction": "forward",
            "value": name,
            "title": f"Forward · {box.title}",
            "equations": _mathml(forward_lines(self.notation, node)),
            "sentence": self._sentences(node)[0],
            "reads": [self.recording.name(s) for s in sources],
            "beside": beside,
            "makes": [name],
            "element": f"value-{box.key}",
            "wires": [f"edge-{a}:{b}" for a, b in self.wires[box.key]],
        }

    def _backward(self, node: Node) -> Step:
        box, name = self.boxes[node], self.recording.name(node)
        assert box.twin is not None
        makes = sorted(self.sent[node], key=lambda source: isinstance(source, Param))
        error = self.recording.error_name(node)
        sums = self._sums(node)
        parts = [key for weights in sums.values() for key, _ in weights]
        return {
            "direction": "backward",
            "value": name,
            "error": error,
            "title": f"Backward · {box.twin.title}",
            "equations": _mathml(sent_lines(self.notation, node)),
            "sentence": self._sentences(node)[1],
            "reads": list(dict.fromkeys([error, *self._read_by(node), *parts])),
            "makes": [self.sent[node][source] for source in makes],
            "sums": sums,
            "element": f"back-{box.key}",
            "wires": [f"error-{a}:{b}" for a, b in self.wires[box.key] if self._is_returning(a, b)],
        }

    def _sums(self, node: Node) -> dict[str, list[tuple[str, float]]]:
        """For the errors that its step makes of what stands at the same place: the parts with their weights."""
        found = {}
        for source, key in self.sent[node].items():
            parts = self.recording.sums.get((node, source), [])
            each = [self._added_up(key, parts, trace) for trace in self.recording.traces]
            if each[0] and all(weights == each[0] for weights in each):
                found[key] = each[0]
        return found

    def _added_up(self, key: str, parts: Parts, trace: Trace) -> list[tuple[str, float]] | None:
        recorded = self.recording.recorded
        numbers = {part: trace[recorded[part].node] for part, _ in parts}
        return added_up(trace[recorded[key].node], [(part, trace[weight]) for part, weight in parts], numbers)

    def _is_returning(self, source: str, reader: str) -> bool:
        """Whether an error that is needed comes back along an edge."""
        return (source, reader) in self.story.sent and source in self.needed

    def _read_by(self, node: Node) -> list[str]:
        """What the rule reads from the forward pass, and the slopes that it multiplies with."""
        name = self.recording.name
        made = {name(source) for source in self.sent[node]}
        links = self.recording.links[node]
        slopes = [slope_key(name(node), name(link.source)) for link in links if link.kind == "slope"]
        others = [name(link.other) for link in links if link.other is not None and name(link.source) in made]
        maxima = [name(link.source) for link in links if link.kind == "first maximum"]
        others.sort(key=lambda key: isinstance(self.recording.recorded[key].node, Param))
        read = [*slopes, *others, *maxima, *self.recording.beside.get(node, [])]
        return [key for key in dict.fromkeys(read) if key in self.recording.recorded]

    def _sentences(self, node: Node) -> tuple[str, str]:
        """What the nodes behind a value's formula say about their rules: forward, and in reverse."""
        inner = self.values.inner(node)
        said = {n: sentences_of(n) for n in inner}
        forward = [_TABLE[0] if self._is_table(n) else said[n][0] for n in inner]
        backward = [text for n in reversed(inner) for text in self._said_of_errors(n, said[n][1])]
        return _joined(forward) or plain_text(_about(node)), _joined(backward) or _MOVED

    def _said_of_errors(self, node: Node, texts: Sequence[str]) -> Iterable[str]:
        """Of what a node says of its inputs' errors: of those that are needed; all, if its rule sends nothing on."""
        if self._is_table(node):
            texts = [_TABLE[1]] * len(node.inputs)
        receivers = self.notation.receivers.get(node, ())
        if not receivers:
            return texts
        return [text for source, text in zip(node.inputs, texts, strict=True) if self._is_told(source, receivers)]

    def _is_told(self, source: Node, receivers: Sequence[Node]) -> bool:
        return source in receivers and self.notation.is_needed(source) and not isinstance(source, Const)

    def _is_table(self, node: Node) -> bool:
        return any(is_masked(node, slot) for slot in range(len(node.inputs)))


def _about(node: Node) -> str:
    """The first paragraph of a type's documentation, for what only moves numbers and says nothing of itself."""
    return " ".join((type(node).__doc__ or type(node).__name__).split("\n\n")[0].split())


def _joined(texts: Iterable[str]) -> str:
    """Sentences one after the other, each once."""
    return plain_text(" ".join(dict.fromkeys(text for text in texts if text)))


def _mathml(lines: list[Equation]) -> list[str]:
    return [line.mathml for line in lines]
