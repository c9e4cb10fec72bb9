"""Logarithms that do not overflow or cancel where the naive ones do: of softmax, sigmoid, and sums of exponentials.

Both passes use them: `simplify` computes the value by the stable form, and the sweep sends the error through it (see
`symcnn.simplify.stable_errors`). The naive error, 1 / softmax(z) times a derivative that is 0 there, is NaN at large
scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..graph.algebra import Add, BroadcastTo, Cast, Div, Mul, Sub, count
from ..graph.node import Node
from ..nodes.border import Crop, Subsample
from ..nodes.conv import Rot90, Swap
from ..nodes.elementwise import Exp, Log, Pow, abs
from ..nodes.loss import LogSoftmax, Softmax
from ..nodes.reduce import LogSumExp, Mean, Sum
from ..nodes.select import Where, where
from ..nodes.shape import Concat, Flip, Reshape, Transpose
from ..nodes.sigmoid import Sigmoid, Softplus
from ..nodes.take import Take
from .neutral import fitted, uniform

_ONE_MOVED = (BroadcastTo, Cast, Crop, Flip, Reshape, Rot90, Subsample, Swap, Take, Transpose)
"""Types that arrange the numbers of their first input: what a logarithm changes it changes before, too."""


@dataclass(frozen=True)
class Stable:
    """The stable form of a node.

    Attributes
    ----------
    node : Node
        Of the same value, shape and dtype, or nearer to the right value.
    past : frozenset of Node
        What stands between the node and what the stable form is computed from: it does not read them.
    """

    node: Node
    past: frozenset[Node]


Find = Callable[[Node], Stable | None]

_DEEPEST = 50
"""How many nodes deep is looked: nobody writes more by hand."""


def stable(node: Node) -> Node | None:
    """The rule of `simplify`: a node of the same value (or nearer to it), or None."""
    found = stable_form(node)
    return None if found is None else found.node


def stable_form(node: Node) -> Stable | None:
    """The stable form of a logarithm, or None where there is none, or `node` is no logarithm.

    Examples
    --------
    >>> import symcnn as sc
    >>> z = sc.Input("z", (None, 4))
    >>> stable_form(sc.log(sc.softmax(z)[:, :2])).node
    Crop(LogSoftmax, widths=((0, 0), (0, 2))): (None, 2) float32
    """
    found = _Search().log(node.x) if type(node) is Log else None
    form = fitted(found.node, node) if found else None
    return Stable(form, found.past) if found and form is not None else None


class _Search:
    """Looks for what the logarithm of a value can be computed by.

    Each method gives a node that is not computed from x, or None; what was looked at is not looked at again. A type
    that is derived from another one has a rule of its own: types are compared, not matched alone.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Find, Node], Stable | None] = {}
        self._depth = 0

    def _find(self, find: Find, x: Node) -> Stable | None:
        if (find, x) not in self._known:
            if self._depth == _DEEPEST:
                return None
            self._depth += 1
            self._known[find, x] = find(x)
            self._depth -= 1
        return self._known[find, x]

    def log(self, x: Node) -> Stable | None:
        """log(x)."""
        return self._find(self._log_of_positive, x) or self._moved(x, self.log, Log)

    def _log_of_positive(self, x: Node) -> Stable | None:
        """log(x), where x is positive whatever its parts are."""
        match x:
            case Softmax(z) if type(x) is Softmax:
                return _over(x, LogSoftmax(z))
            case Sigmoid(z) if type(x) is Sigmoid:
                return _over(x, -Softplus(-z))
            case Sub(one, a) if type(x) is Sub and uniform(one) == 1 and (rest := self._find(self._log_of_rest, a)):
                return _over(x, rest.node, rest)
            case Div(one, a) if type(x) is Div and uniform(one) == 1 and (below := self._log_of_terms(a)):
                return _over(x, -below.node, below)
            case Div(Exp(z) as e, Sum(terms) as total) if type(x) is Div and terms is e and _is_of_rows(total):
                return _over(x, LogSoftmax(z), Stable(e, frozenset({e, total})))
        return (
            self._log_of_terms(x)
            or self._of_factors(x, self._log_of_positive)
            or self._moved(x, self._log_of_positive, None)
        )

    def _of_factors(self, x: Node, find: Find) -> Stable | None:
        """log(x), where x is a product, a quotient, or a known power, of what `find` knows the logarithms of."""
        match x:
            case Mul(a, b) | Div(a, b) if type(x) in (Mul, Div):
                first, second = self._factor(a, find), self._factor(b, find)
                if first is None or second is None or not (first.past or second.past):
                    return None
                below = type(x) is Div
                return _over(x, first.node - second.node if below else first.node + second.node, first, second)
            case Pow(a, b) if type(x) is Pow and uniform(b) and (first := self._find(find, a)):
                return _over(x, b * first.node, first)
            case Sub(a, b) if type(x) is Sub and uniform(b) == 0 and (first := self._find(find, a)):
                return _over(x, first.node, first)
        return None

    def _factor(self, x: Node, find: Find) -> Stable | None:
        """What `find` gives, or the logarithm of a positive number."""
        number = uniform(x)
        if number is None:
            return self._find(find, x)
        return Stable(Log(x), frozenset()) if 0 < number < math.inf else None

    def _log_of_rest(self, a: Node) -> Stable | None:
        """log(1 - a)."""
        match a:
            case Sigmoid(z) if type(a) is Sigmoid:
                return _over(a, -Softplus(z))
            case Div(above, Add(b, c) as below) if type(a) is Div and type(below) is Add:
                one, term = (b, c) if uniform(b) == 1 else (c, b)  # of a sigmoid written by hand
                power = self._find(self._exponent, term) if uniform(one) == 1 else None
                if power is not None and (above is term or uniform(above) == 1):
                    form = -Softplus(power.node if above is term else -power.node)
                    return _over(a, form, power, Stable(form, frozenset({below})))
        return self._moved(a, self._log_of_rest, lambda part: Log(1 - part))

    def _exponent(self, x: Node) -> Stable | None:
        """z, where x is e^z."""
        match x:
            case Exp(z) if type(x) is Exp:
                return _over(x, z)
        return self._of_factors(x, self._exponent) or self._moved(x, self._exponent, None)

    def _log_of_terms(self, x: Node) -> Stable | None:
        """log(x), where x is an exponential, or a sum of some."""
        return self._find(self._exponent, x) or self._find(self._log_of_sum, x)

    def _log_of_sum(self, x: Node) -> Stable | None:
        """log(x), where x is a sum or mean of exponentials, or one plus others or a positive number."""
        match x:
            case Sum(terms) if type(x) is Sum and (z := self._find(self._exponent, terms)):
                return _over(x, LogSumExp(z.node, x.reduced, x.keepdims), z)
            case Mean(terms) if type(x) is Mean and (z := self._find(self._exponent, terms)):
                number = count(tuple(terms.shape[axis] for axis in x.reduced), x.dtype.name)
                return _over(x, LogSumExp(z.node, x.reduced, x.keepdims) - Log(number), z)
            case Add(a, b) if type(x) is Add:
                return self._log_of_two(x, a, b) if uniform(a) is None else self._log_of_two(x, b, a)
        return None

    def _log_of_two(self, x: Node, a: Node, b: Node) -> Stable | None:
        """log(x), where x is a + b, and b may be a positive number."""
        number = uniform(b)
        first = self._log_of_terms(a)
        if first is None:
            return None
        if number == 1:
            return _over(x, Softplus(first.node), first)
        if number is not None:
            c = Log(b)
            return _over(x, c + Softplus(first.node - c), first) if 0 < number < math.inf else None
        second = self._log_of_terms(b)
        return _over(x, _log_add_exp(first.node, second.node), first, second) if second else None

    def _moved(self, x: Node, find: Find, otherwise: Callable[[Node], Node] | None) -> Stable | None:
        """What is found for what x arranges, arranged so; `otherwise` is for parts for which nothing is found."""
        if type(x) not in (*_ONE_MOVED, Where, Concat):
            return None
        places = range(len(x.inputs)) if type(x) is Concat else range(1, 3) if type(x) is Where else range(1)
        found = {n: part for n in places if (part := self._find(find, x.inputs[n]))}
        if not found or (otherwise is None and len(found) < len(places)):
            return None
        inputs = list(x.inputs)
        for n in places:
            inputs[n] = found[n].node if n in found or otherwise is None else otherwise(inputs[n])
        return _over(x, x.with_inputs(inputs), *found.values())


def _is_of_rows(total: Sum) -> bool:
    """Whether it is the sum that a softmax written by hand divides by."""
    return type(total) is Sum and type(total.x) is Exp and total.keepdims and total.reduced == (total.x.ndim - 1,)


def _log_add_exp(a: Node, b: Node) -> Node:
    """log(e^a + e^b): the larger one, and what the other adds to it. Both cases have the derivatives of all orders."""
    apart = where(abs(b) < math.inf, a - b, a)  # two infinities have no difference
    return where(a > b, a + Softplus(b - a), b + Softplus(apart))


def _over(x: Node, form: Node, *found: Stable) -> Stable | None:
    """`form` in the shape of x, past x and all that was found."""
    fits = fitted(form, x)
    return None if fits is None else Stable(fits, frozenset({x}).union(*(part.past for part in found)))
