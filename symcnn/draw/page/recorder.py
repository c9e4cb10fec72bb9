"""`Recorder`: runs a network forward and back on one example, as often as one likes, and makes the page of it.

What is recorded are the named values of the picture, their errors, the gradients, and what the inspector needs
beside them: the parts of errors that are sums, and the slopes of functions of each element.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.feeds import Feeds
from ...engine.plan import Plan
from ...engine.trace import Trace
from ...graph.arguments import positive_int, whole
from ...graph.errors import DTypeError, FeedError, NotRunError, call_site, message
from ...graph.leaves import Input
from ...graph.node import Node
from ...text import plain_text, quoted, shown
from .contents import contents
from .page import Page
from .recording import Recording

Array = NDArray[Any]
MOMENTS = 8
"""How many moments of a training are kept at most."""


class Recorder(Recording):
    """Keeps what a network computes on one example: once, or at several moments of a training.

    Give it to `symcnn.fit` as ``watch=``, and then ask for its `page`: a second slider there goes through the moments.

    Parameters
    ----------
    J : Node
        A scalar, such as a loss.
    feeds, **named
        As for `symcnn.explain`.

    Attributes
    ----------
    every : int
        After how many steps of a training a moment is kept; it grows where there would be more than `MOMENTS`.
    moments : list of str

    Examples
    --------
    >>> import symcnn as sc
    >>> x, w = sc.Input("x", (3,)), sc.Param("w", [1, 2, 3])
    >>> recorder = Recorder(sc.sum(sc.tanh(w * x)), x=[0.1, 0.2, 0.3])
    >>> recorder.record("before")
    >>> w.value[:] = 0
    >>> recorder.record("after")
    >>> recorder.page().data["moments"]
    ['before', 'after']
    """

    def __init__(self, J: Node, feeds: Mapping[Any, Any] | None = None, /, **named: Any) -> None:
        super().__init__(J)
        self._feeds = _one_example(self._program.plan, feeds, named)
        self.every = 1

    def record(self, moment: str = "") -> None:
        """Run the network with the parameters as they are now.

        Parameters
        ----------
        moment : str
            What the page calls it: "step 100".
        """
        if not isinstance(moment, str):
            what = f"the moment is {quoted(moment)}; expected a string, which the page shows"
            raise DTypeError(message(what, site=call_site()))
        self.traces.append(self._program.trace(self._feeds))
        self.moments.append(plain_text(moment))

    def __call__(self, done: int, steps: int) -> None:
        """Keep this moment of a training, if it is its turn: each `every` steps, and the last.

        Parameters
        ----------
        done, steps : int
            The steps done, and all that there will be.
        """
        done, steps, self.every = whole(done, "done"), whole(steps, "steps"), positive_int(self.every, "every")
        if done % self.every and done != steps:
            return
        if len(self.moments) >= MOMENTS:
            self.every *= 2
            del self.moments[1::2], self.traces[1::2]
            if done % self.every and done != steps:
                return
        self.record(f"step {done:,}")

    def __reduce__(self) -> Any:
        return _again, (self.back.J, self._feeds, self.every, self.moments, self.traces)

    # The page ------------------------------------------------------------------------------

    def page(self) -> Page:
        """The page of all that was recorded.

        Raises
        ------
        NotRunError
            If nothing was.
        GraphError
            If the page would be too large.
        """
        if not self.traces:
            hint = "recorder.record() runs the network; or give the recorder to sc.fit as watch="
            raise NotRunError(message("nothing was recorded yet", hint, site=call_site()))
        return contents(self)

    def __repr__(self) -> str:
        return f"Recorder of {self.notation.symbol(self.back.J)}: {len(self.moments)} moments"


def _again(J: Node, feeds: Feeds, every: int, moments: list[str], traces: list[Trace]) -> Recorder:
    """A recorder from a pickle or for a copy."""
    made = Recorder(J, feeds)
    made.every, made.moments, made.traces = every, list(moments), list(traces)
    return made


def _meant(plan: Plan, name: str, array: Any) -> Input | None:
    """The input of that name; of several, the first that an example of the array's shape, or a batch of it, fits."""
    named = [i for i in (*plan.inputs, *plan.optional) if i.name == name]

    def fits(node: Input) -> bool:
        sizes = [d for d in node.shape if d is not None]
        whole = [1 if d is None else d for d in node.shape]
        return list(array.shape) in (sizes, whole)

    return next(filter(fits, named), named[0] if named else None)


def _one_example(plan: Plan, feeds: Mapping[Any, Any] | None, named: Mapping[str, Any]) -> Feeds:
    """The feeds with their batch axes, which a single example may come without."""
    found: dict[Any, Any] = {}
    if not isinstance(feeds or {}, Mapping):
        plan.collect(feeds, named)  # which refuses it
    for key, value in [*(feeds or {}).items(), *named.items()]:
        array = _array(value)
        node = _meant(plan, key, array) if isinstance(key, str) else key
        if isinstance(node, Input) and None in node.shape:
            axis = node.shape.index(None)
            if array.ndim == node.ndim - 1:
                array = np.expand_dims(array, axis)
            if array.ndim == node.ndim and array.shape[axis] != 1:
                what = f"a page shows one example; {array.shape[axis]} were fed"
                hint = [f"choose one: {shown(node.name)}={shown(node.name)}[0]"] if array.shape[axis] else []
                raise FeedError(message(what, *hint, node=node))
            found[key] = array
        else:
            found[key] = value
    return {node: array.copy() for node, array in plan.collect(found, {}).items()}


def _array(value: Any) -> Array:
    try:
        return np.asanyarray(value)  # a masked one is refused, too
    except (ValueError, TypeError):
        return np.asarray(None)  # `collect` says what is wrong
