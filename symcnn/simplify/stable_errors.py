"""How the sweep passes logarithms whose naive error is NaN where the right one is not.

The error of z in log(softmax(z)) is naively 1 / softmax(z) times the derivative of the softmax: at large scores,
infinity times 0. The stable form, log_softmax(z), has the right error. But the softmax is a node of the user's, whose
error can be asked for, and which others may read. So the error of a logarithm goes two ways: what stands between it and
z gets the naive error, which is theirs; z gets what comes through the stable form, and nothing of the naive one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..graph.errors import made_by_rule
from ..graph.node import Node
from ..nodes.elementwise import Log
from .stable import Stable, stable_form
from .zero_errors import added

Sent = tuple[tuple[Node, Node], ...]
Rule = Callable[[Node, Node], Sent]


class Detours:
    """What the nodes of one sweep send, with detours around what stands behind a logarithm.

    Parameters
    ----------
    nodes : sequence of Node
        The nodes of the sweep. A logarithm takes its detour where all that it goes around is among them.
    errors : {Node: Node}
        The errors where the sweep begins.
    rule : callable
        What a node's own rule sends, given its error.
    """

    def __init__(self, nodes: Sequence[Node], errors: Mapping[Node, Node], rule: Rule) -> None:
        self._rule = rule
        self._forms = _forms(nodes)
        self._around: dict[Node, list[Node]] = {}
        """For each node that is gone around: the logarithms whose errors do that."""
        for log, form in self._forms.items():
            for node in form.past:
                self._around.setdefault(node, []).append(log)
        self._own = {node: error for node, error in errors.items() if node in self._around}
        """Of these nodes' errors, the part that goes on by their own rules: what no logarithm has sent."""
        self._naive: dict[Node, dict[Node, Node]] = {log: {} for log in self._forms}
        """The other part, by logarithm."""
        self._stable: dict[Node, dict[Node, Node]] = {}
        """What comes through each stable form, and has not been sent yet."""

    def sent(self, node: Node, delta: Node) -> Sent:
        """What `node` sends to its inputs when its error is `delta`."""
        if node in self._forms:
            self._stable[node] = self._through(node, delta)
            return self._sent_on(self._rule(node, delta), self._naive[node])
        if node not in self._around:
            return self._sent_on(self._rule(node, delta), self._own)
        sent = self._sent_on(self._rule(node, self._own[node]), self._own) if node in self._own else ()
        for log in self._around[node]:
            if node in self._naive[log]:
                sent += self._sent_around(node, log)
        return sent

    def _sent_around(self, node: Node, log: Node) -> Sent:
        """What the error of `log` sends on at a node that it goes around, and to where the detour ends."""
        naive, stable = self._naive[log], self._stable[log]
        past = self._forms[log].past
        on = tuple((source, error) for source, error in self._rule(node, naive[node]) if source in past)
        ends = tuple((source, stable.pop(source)) for source in node.inputs if source in stable)
        return self._sent_on(on, naive) + self._sent_on(ends, self._own)

    def _sent_on(self, sent: Sent, parts: dict[Node, Node]) -> Sent:
        """`sent`, added up in `parts` for what is gone around."""
        for source, error in sent:
            if source in self._around:
                parts[source] = added(parts[source], error) if source in parts else error
        return sent

    def _through(self, log: Node, delta: Node) -> dict[Node, Node]:
        """The errors of what the stable form is computed from."""
        form = self._forms[log]
        ends = {source for node in form.past for source in node.inputs} - form.past
        errors = {form.node: delta}
        for node in reversed(_between(form.node, ends)):
            if node in errors:
                for source, error in self._rule(node, errors[node]):
                    errors[source] = added(errors[source], error) if source in errors else error
        return {end: errors[end] for end in ends if end in errors}


def _forms(nodes: Sequence[Node]) -> dict[Node, Stable]:
    """The stable forms of the logarithms among `nodes` that have one."""
    every = set(nodes)
    forms: dict[Node, Stable] = {}
    for node in nodes:
        if isinstance(node, Log):
            form = made_by_rule(node, "backward rule", stable_form, node)
            if form is not None and form.past <= every:
                forms[node] = form
    return forms


def _between(last: Node, ends: set[Node]) -> list[Node]:
    """What `last` is computed by, down to `ends`, inputs first."""
    order: dict[Node, None] = {}
    todo = [last]
    while todo:
        node = todo[-1]
        if node in ends or node in order:
            todo.pop()
        elif missing := [i for i in node.inputs if i not in ends and i not in order]:
            todo.extend(missing)
        else:
            order[node] = None
    return list(order)
