"""Checks of everything but numbers: the formula, pickles and copies."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Iterator
from string import Formatter
from typing import Any

import numpy as np

from ..graph.declared import misfit_of_influence, misfit_of_sentences
from ..graph.errors import place_of
from ..graph.graph import Graph
from ..graph.leaves import BatchSize, Input
from ..graph.node import Node
from .cases import drawn, evaluate
from .findings import Problem, Unchecked

_BATCH = 2


# The formula ---------------------------------------------------------------------------------


def formula_shows_inputs(sample: Node) -> Iterator[Problem]:
    """The formula, as text and as LaTeX, can be filled in and shows every input."""
    for kind in ("text", "latex"):
        yield from _formula(sample, kind)


def _formula(sample: Node, kind: str) -> Iterator[Problem]:
    template, parts = sample.template(kind), sample.parts()
    known = ", ".join(f"{{{name}}}" for name in parts)
    marks = {name: f"<{name}>" for name in parts}
    try:
        shown = template.format(**marks)
        used = {re.split(r"[.\[]", field)[0] for _, field, _, _ in Formatter().parse(template) if field is not None}
    except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
        yield Problem(
            f"the {kind} formula {template!r} cannot be filled in: {type(error).__name__}: {error}",
            f"it can show {known}; write {{{{ and }}}} for braces that are meant as such",
        )
        return
    for name in _hidden(sample, [parts[u] for u in used]):
        yield Problem(
            f"the {kind} formula {template!r} does not show the input {name!r}",
            f"declare {kind} with {{{name}}} in it, or a template(kind) method",
        )
    if kind == "latex" and (loose := re.search(r"[\^_](<\w+>)", shown)):
        part = loose[1][1:-1]
        yield Problem(
            f"the latex formula {template!r} puts only the first letter of {part!r} above or below the line",
            f"write {{{{{{{part}}}}}}}: doubled braces stay in the formula",
        )


def _hidden(sample: Node, shown: list[Any]) -> list[str]:
    """The fields that hold an input which no shown part is, or contains. The batch size needs no mention."""
    nodes = [n for part in shown for n in (part if isinstance(part, tuple) else (part,)) if isinstance(n, Node)]
    made = [n for n in nodes if n not in sample.inputs]
    seen = {*nodes, *(Graph(*made).nodes if made else [])}
    hidden = []
    for name in sample.node_fields:
        value = getattr(sample, name)
        inputs = [n for n in (value if isinstance(value, tuple) else (value,)) if n is not None]
        if any(n not in seen and not isinstance(n, BatchSize) for n in inputs):
            hidden.append(name)
    return hidden


# What a page says ----------------------------------------------------------------------------


def page_is_told(sample: Node) -> Iterator[Problem]:
    """`influence` and `sentences` are what a page can read."""
    if wrong := misfit_of_influence(sample.influence(), len(sample.inputs)):
        yield Problem(wrong, f"influence is at {place_of(type(sample).influence)}")
    if wrong := misfit_of_sentences(sample.sentences(), len(sample.inputs)):
        yield Problem(wrong, f"sentences is at {place_of(type(sample).sentences)}")


# Pickles and copies --------------------------------------------------------------------------


def survives_copying(sample: Node) -> Iterator[Problem]:
    """A copy and a deep copy are the same node over the same (or equal) inputs."""
    yield from _same(sample, copy.copy(sample), "a copy")
    yield from _same(sample, copy.deepcopy(sample), "a deep copy")


def survives_pickling(sample: Node) -> Iterator[Problem]:
    """A pickled node is the same node over equal inputs."""
    if not _importable(type(sample)):
        raise Unchecked(f"pickle cannot find the class {type(sample).__qualname__} by its name")
    yield from _same(sample, pickle.loads(pickle.dumps(sample)), "a pickled node")


def _importable(cls: type) -> bool:
    """Whether pickle finds the class again: by its name, or by what it was made from."""
    try:
        return pickle.loads(pickle.dumps(cls)) is cls
    except (pickle.PicklingError, AttributeError):
        return False


def _same(sample: Node, other: Node, how: str) -> Iterator[Problem]:
    mend = "leave __reduce__, __copy__ and __deepcopy__ to Node, and keep only hashable attributes"
    alike = type(other) is type(sample) and other.spec == sample.spec and other.name == sample.name
    if not alike or other.attributes != sample.attributes:
        yield Problem(f"{how} of {sample!r} is {other!r}", mend)
        return
    before, after = drawn([sample], _BATCH), drawn([other], _BATCH)
    with np.errstate(all="ignore"):
        (a,), (b,) = evaluate([sample], before, _BATCH), evaluate([other], after, _BATCH)
    if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
        yield Problem(f"{how} of {sample!r} has another value", mend)
    names = [[n.name for n in Graph(node).order if isinstance(n, Input)] for node in (sample, other)]
    if names[0] != names[1]:
        yield Problem(f"{how} of {sample!r} reads the inputs {names[1]}", mend)
