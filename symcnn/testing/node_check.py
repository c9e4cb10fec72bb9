"""`check_node`: everything that a node type owes, checked on its samples."""

from __future__ import annotations

import traceback

import numpy as np

from ..graph.arguments import flag
from ..graph.errors import DTypeError, NodeTypeError, call_site, message
from ..graph.node import Node
from .attributes import formula_shows_attributes
from .derivatives import first_derivative, rule_keeps_contract, second_derivative, vocabulary_is_closed
from .findings import Check, Problem, Report, Unchecked
from .form import formula_shows_inputs, page_is_told, survives_copying, survives_pickling
from .forward import (
    dtypes_are_kept,
    engines_agree,
    forward_is_finite,
    forward_is_portable,
    forward_is_silent,
    forward_keeps_promise,
    forward_runs,
    rows_are_independent,
)
from .reading import units_read_windows

_RUNS = Check("forward runs, and leaves its inputs alone", forward_runs)
_SHAPE = Check("forward returns the shape and dtype that infer promises", forward_keeps_promise, (_RUNS,))
_ROWS = Check("rows of the batch are computed independently", rows_are_independent, (_RUNS,))
_FINITE = Check("forward returns finite numbers for the samples", forward_is_finite, (_RUNS,))
_RULE = Check("backward returns one node an input, of its shape", rule_keeps_contract)
_ALL = (_RUNS, _SHAPE, _FINITE, _RULE)
_FIRST = Check("the first derivative equals central differences", first_derivative, _ALL)
_SECOND = Check("the second derivative equals central differences", second_derivative, (*_ALL, _FIRST))
_OF_DERIVATIVES = (_FIRST, _SECOND)
CHECKS = (
    _RUNS,
    _SHAPE,
    _FINITE,
    Check("float16, float32 and float64 stay what they are", dtypes_are_kept, (_RUNS, _SHAPE)),
    _ROWS,
    Check("forward overflows, divides by 0 and warns nowhere", forward_is_silent, (_RUNS, _FINITE)),
    Check("forward runs on the array API standard's strict namespace", forward_is_portable, (_RUNS,)),
    _RULE,
    _FIRST,
    _SECOND,
    Check("what backward returns is differentiable to the third order", vocabulary_is_closed, _ALL),
    Check("the engines compute what the forward rules compute", engines_agree, (_RUNS, _SHAPE, _RULE)),
    Check("a unit reads its windows, and nothing else", units_read_windows, (_RUNS, _SHAPE, _ROWS)),
    Check("the formula shows every input", formula_shows_inputs),
    Check("the formula shows every attribute that changes the value", formula_shows_attributes, (_RUNS,)),
    Check("influence and sentences are what a page can read", page_is_told),
    Check("copies are the same node", survives_copying, (_RUNS,)),
    Check("pickles are the same node", survives_pickling, (_RUNS,)),
)
"""In the order in which they are done: what others need comes first."""


def check_node(node: Node | type[Node], *, exact: bool = True) -> Report:
    """Check everything that a node type owes, with NumPy's engine and the one that ``backend="auto"`` stands for.

    Parameters
    ----------
    node : node type, or Node
        A type is checked on each of its ``samples()``. An element-wise type without attributes has them by
        itself; others declare them. A node is checked alone.
    exact : bool
        Whether the backward rule is to be the derivative of the forward rule. False for one that is not, on purpose
        (guided backpropagation, straight-through): it is not compared with central differences, and the report says so.

    Returns
    -------
    Report
        Prints as a list of the checks that passed.

    Raises
    ------
    NodeTypeError
        If something is wrong: the text lists all of it, each point with what to mend.

    Examples
    --------
    >>> import symcnn as sc
    >>> class Softplus(sc.Node):
    ...     '''log(1 + e^z), element by element.'''
    ...     z: sc.Node
    ...     latex = r"\\log(1 + e^{{{z}}})"
    ...     def forward(self, xp, z):
    ...         return xp.logaddexp(z, 0 * z)
    ...     def backward(self, delta):
    ...         return delta * sc.sigmoid(self.z),
    >>> report = check_node(Softplus)
    >>> report.samples
    ('Softplus(x): (None, 2, 3) float32',)
    >>> "the second derivative equals central differences" in report.passed
    True

    A node is checked with its attributes:

    >>> x = sc.Input("x", (None, 1, 4, 4))
    >>> print(check_node(sc.max_pool(x, 2)).samples[0])
    Pool(x, size=(2, 2), mode='max'): (None, 1, 2, 2) float32
    """
    flag(exact, "check_node: exact")
    samples = _samples(node)
    subject = type(samples[0]).__name__
    passed: dict[str, None] = {}
    unchecked: dict[str, str] = {}
    problems: list[tuple[Node, Problem]] = []
    for sample in samples:
        failed: set[Check] = set()
        for check in CHECKS:
            if failed.intersection(check.needs):
                failed.add(check)
                continue
            try:
                if check in _OF_DERIVATIVES and not exact:
                    raise Unchecked("the rule is not meant to be the derivative: exact=False")
                found = _found(check, sample)
            except Unchecked as reason:
                unchecked[check.title] = str(reason)
                continue
            problems += [(sample, problem) for problem in found]
            if found:
                failed.add(check)
            else:
                passed[check.title] = None
    if problems:
        raise NodeTypeError(_told(subject, problems))
    never = {title: reason for title, reason in unchecked.items() if title not in passed}
    return Report(subject, tuple(repr(s) for s in samples), tuple(passed), never)


def _samples(node: Node | type[Node]) -> list[Node]:
    if isinstance(node, Node):
        return [node]
    if not (isinstance(node, type) and issubclass(node, Node)):
        raise DTypeError(message(f"expected a node type or a node, got {node!r}", site=call_site()))
    samples = list(node.samples())
    strange = [s for s in samples if not isinstance(s, node)]
    if strange:
        raise NodeTypeError(f"{node.__name__}.samples() returned {strange[0]!r}; return nodes of the type itself")
    if not samples:
        raise NodeTypeError(f"{node.__name__}.samples() is empty: there is nothing to check; return small examples")
    return samples


def _found(check: Check, sample: Node) -> list[Problem]:
    """The problems that a check finds; an error that a rule raises is one, too."""
    try:
        with np.errstate(all="ignore"):
            return list(check.find(sample))
    except Unchecked:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        frame = next(f for f in reversed(frames) if f.name != "__getattr__")  # where a node says what it lacks
        what = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return [Problem(what, f"it was raised at {frame.filename}:{frame.lineno}, while checking: {check.title}")]


def _told(subject: str, problems: list[tuple[Node, Problem]]) -> str:
    """All problems as one text; what several samples show is told once."""
    told: dict[Problem, Node] = {}
    for sample, problem in problems:
        told.setdefault(problem, sample)
    points = "1 point" if len(told) == 1 else f"{len(told)} points"
    lines = [f"{subject} does not keep what a node type owes, in {points}"]
    for number, (problem, sample) in enumerate(told.items(), start=1):
        lines += [f"{number}. {problem.what}", f"   to mend: {problem.mend}", f"   seen on {sample!r}"]
    return message(*lines)
