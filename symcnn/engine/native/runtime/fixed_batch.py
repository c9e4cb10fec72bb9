"""`FixedBatch`: a plan of a fixed number of rows, run by what was bound of the same plan without that number."""

from __future__ import annotations

from ....graph.node import Node
from ...binding import Binding
from ...feeds import Feeds
from ...plan import Plan
from ...profile import Nest
from ..analysis.open_batch import Opened


class FixedBatch(Binding):
    """A plan over the buffers of another one: what is fed and asked for are twins, whose arrays are the same.

    Parameters
    ----------
    plan : Plan
        Of a fixed number of rows.
    batch : int
        What the program calls its batch.
    inner : Binding
        The plan without it.
    found : Opened
        How they belong together.
    """

    def __init__(self, plan: Plan, batch: int, inner: Binding, found: Opened) -> None:
        super().__init__(plan, batch, inner.values, inner.calls, inner.nbytes)
        self.inner, self.found = inner, found
        self.values |= {node: self.values[found.twins[node]] for node in plan.outputs}

    def feed(self, feeds: Feeds) -> None:
        """Arrays for the inputs."""
        twins = self.found.twins
        self.inner.feed({twins[node]: value for node, value in feeds.items() if node in twins})  # type: ignore[misc]

    def forget_feeds(self) -> None:
        """The callers' arrays are not held any longer."""
        self.inner.forget_feeds()

    @property
    def updates_parameters(self) -> bool:
        """Whether native code writes the new values into the parameters."""
        return self.inner.updates_parameters

    def compute(self, update: bool = False, guard: bool = False) -> None:
        """Compute all values once, and, if asked and possible, update the parameters."""
        self.inner.compute(update, guard)

    def times(self) -> list[tuple[Node, str, float]]:
        """Compute all values once, one loop nest after the other: what each took."""
        return self.inner.times()

    def nests(self) -> list[Nest | None]:
        """The loop nests that `times` tells of, in its order."""
        return self.inner.nests()

    def peak(self) -> float | None:
        """Operations in a second that this machine can do in one thread."""
        return self.inner.peak()

    def all_finite(self) -> bool:
        """Whether no output of the last run has a NaN or an infinity."""
        return self.inner.all_finite()

    def describe(self, loops: bool) -> list[str]:
        """What is taken as the batch, and the report of what is computed."""
        names = ", ".join(i.name for i in self.found.batch)
        return [f"the first axis of {names} is the batch: {self.found.rows} rows", *self.inner.describe(loops)]

    def advice(self) -> str:
        """What to declare so that more is computed natively, where most of the work is not; else nothing."""
        return self.inner.advice()
