"""The step-through page: a network runs forward and back on real input, and a person steps through the sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...graph.node import Node
    from .page import Page


def explain(J: Node, feeds: Mapping[Any, Any] | None = None, /, **named: Any) -> Page:
    """Run a network forward and back on one example, as a page on which every step can be looked at.

    The page is one HTML file that loads nothing: each value and each error as images, each step with its equation
    and a sentence; a click on a unit shows what it was computed from, or where its error goes.

    Parameters
    ----------
    J : Node
        A scalar, such as a loss.
    feeds, **named
        Arrays by input name, as for a program: one example, with its batch axis of length 1 or without it.

    Raises
    ------
    FeedError
        If there is more than one example, or the feeds do not fit.

    Examples
    --------
    >>> import symcnn as sc
    >>> x, y = sc.Input("x", (None, 4)), sc.Input("y", (None,), dtype="int64")
    >>> page = sc.explain(sc.softmax_cross_entropy(sc.dense(x, 3, seed=0), y), x=[1, 2, 3, 4], y=2)
    >>> [(step["direction"], step["makes"]) for step in page.data["steps"]]
    [('forward', ['z1']), ('forward', ['J']), ('backward', ['δ(z1)']), ('backward', ['∇W1', '∇b1'])]
    """
    from .recorder import Recorder

    recorder = Recorder(J, feeds, **named)
    recorder.record()
    return recorder.page()
