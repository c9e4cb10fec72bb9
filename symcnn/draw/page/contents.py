"""What a page says, as data: its tensors, its links, its steps, and what it had to leave out."""

from __future__ import annotations

import base64
import math
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...graph.leaves import Const, Input, Param
from ...graph.node import Node
from ...graph.spec import is_real
from ..diagram.model import size_text
from ..maps.colours import INF, LEVELS, NAN, Scale
from .budget import Kept, kept_maps, room_for_numbers
from .compact import compact
from .links import as_record
from .page import Page
from .recording import Recorded, Recording
from .steps import steps_of

SCHEMA = 1
"""The version of the data; it changes when code that reads one version could not read another."""

Numbers = NDArray[Any]


def contents(recording: Recording) -> Page:
    """The page of what a recording has kept."""
    story = recording.teller.tell()
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "heading": "Backpropagation, step by step",
        "output": recording.name(recording.values.J),
        "moments": recording.moments,
        "tensors": {},
        "links": [as_record(link, recording.name) for links in recording.links.values() for link in links],
        "steps": steps_of(recording, story),
        "palettes": _palettes(),
        "notes": [],
    }
    diagram = compact(story)
    tensors = _Tensors(recording, len(Page(data, diagram).html.encode()))
    return Page(data | {"tensors": tensors.records(), "notes": tensors.notes()}, diagram)


class _Tensors:
    """The tensors of a page, each at every moment, within the budget."""

    def __init__(self, recording: Recording, others: int) -> None:
        self.recording = recording
        self.all = list(recording.recorded.values())
        self.arrays = {r.key: self._arrays(r) for r in self.all}
        sizes = {key: (a[0].shape, len(a) * a[0].itemsize) for key, a in self.arrays.items()}
        self.kept = kept_maps(sizes, room_for_numbers(others, len(sizes)))

    def _arrays(self, recorded: Recorded) -> list[Numbers]:
        """What it was at each moment; what is fed stays as it is."""
        fixed = isinstance(recorded.node, Input | Const)
        traces = self.recording.traces[:1] if fixed else self.recording.traces
        return _narrow([_of_the_example(recorded.node, trace[recorded.node]) for trace in traces])

    def records(self) -> dict[str, Any]:
        """The tensors as the page reads them."""
        return {recorded.key: self._record(recorded) for recorded in self.all}

    def _record(self, recorded: Recorded) -> dict[str, Any]:
        kept = self.kept.get(recorded.key)
        arrays = [a if kept is None else a[: kept.count] for a in self.arrays[recorded.key]]
        signed = Scale.of(arrays).signed
        scales = [Scale.of([a], signed) for a in arrays]
        found: dict[str, Any] = {
            "symbol": recorded.symbol,
            "title": recorded.title,
            "about": size_text(recorded.node.shape),
            "shape": list(arrays[0].shape),
            "kind": "signed" if signed else "positive",
            "scales": [[scale.low, scale.high] for scale in scales],
            "numbers": f"f{arrays[0].itemsize}",
            "data": [base64.b64encode(a.astype(f"<f{a.itemsize}").tobytes()).decode() for a in arrays],
        }
        if recorded.of is not None:
            found["of"] = self.recording.name(recorded.of)
        elif recorded.node in self.recording.values.symbols:
            found["error"] = self.recording.error_name(recorded.node)
        if isinstance(recorded.node, Input) and not is_real(recorded.node.dtype):
            found["integer"] = True
        absent = self._absent(recorded, kept)
        if absent is not None:
            found["absent"] = absent
        if kept is not None:
            found["left"] = f"{kept.count:,} of {kept.all:,} are on this page."
        view = self._view(recorded, kept)
        return found if view is None else found | {"view": view}

    def _absent(self, recorded: Recorded, kept: Kept | None) -> str | None:
        """Which weights do not exist, by a table of connections: a letter for each, "1" where there is none."""
        node = recorded.of if isinstance(recorded.of, Param) else recorded.node
        if not isinstance(node, Param) or node.mask is None:
            return None
        mask = node.mask if kept is None else node.mask[: kept.count]
        return "".join("01"[int(not there)] for there in mask.ravel())

    def _view(self, recorded: Recorded, kept: Kept | None) -> list[int] | None:
        """The weights of a dense layer over maps are shown as maps, too: a row of maps for each unit."""
        node = recorded.of if isinstance(recorded.of, Param) else recorded.node
        if not isinstance(node, Param) or node.ndim != 2:
            return None
        rows, columns = node.value.shape
        for link in chain.from_iterable(self.recording.links.values()):
            maps = [d for d in link.source.shape if d is not None]
            if link.other is node and len(maps) == 3 and maps[1] * maps[2] > 1 and math.prod(maps) == columns:
                return [rows if kept is None else kept.count, *maps]
        return None

    def notes(self) -> list[str]:
        """What is said at the foot of the page."""
        if not self.kept:
            return []
        listed = ", ".join(f"{key} ({k.count:,} of {k.all:,})" for key, k in self.kept.items())
        return [f"The network is too large for one page. Of these tensors only the first maps are here: {listed}."]


def _of_the_example(node: Node, value: Any) -> Numbers:
    """The value without its batch axis."""
    array = np.asarray(value)
    if None in node.shape:
        array = np.take(array, 0, axis=node.shape.index(None))
    return array


def _narrow(arrays: list[Numbers]) -> list[Numbers]:
    """The numbers in half the room, where float32 holds them: neither too large for it nor too small."""
    with np.errstate(all="ignore"):
        narrow = [a.astype(np.float32) for a in arrays]
        wide = [a.astype(np.float64) for a in arrays]
        fits = all(np.allclose(n, w, rtol=1e-6, atol=0.0, equal_nan=True) for n, w in zip(narrow, wide, strict=True))
    return narrow if fits else wide


def _palettes() -> dict[str, Any]:
    """The colours of both scales, and of what is not finite."""
    found: dict[str, Any] = {}
    for kind, signed in (("signed", True), ("positive", False)):
        colours = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in Scale(0.0, 1.0, signed).palette()]
        found[kind] = colours[:LEVELS]
        found |= {"nan": colours[NAN], "infinite": colours[INF]}
    return found
