"""The error function, whose derivative is the bell curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..graph.node import Node
from .elementwise import Exp

_NEAR = {
    "float32": (
        *(7.87587506e-5, -8.01686429e-4, 5.18908742e-3, -2.6854212e-2, 1.12835947e-1, -3.76126267e-1),
        1.12837917,
    ),
    "float64": (
        *(5.9571761477489114e-11, -1.1372848856791674e-9, 1.4659775274047436e-8, -1.6350312701054695e-7),
        *(1.6461000484121368e-6, -1.4925595266831182e-5, 1.2055331111642711e-4, -8.5483269808337899e-4),
        *(5.2239776248180145e-3, -2.6866170645076793e-2, 1.1283791670954879e-1, -3.7612638903183748e-1),
        1.1283791670955126,
    ),
}
"""erf(x) / x by x^2 from 0 to 1, the highest power first; see `benchmarks/function_polynomials.py`."""
_BEYOND = {
    "float32": (
        *(4.54695136e-2, -5.92596131e-2, -1.67081545e-1, 2.70151936e-1, 7.12717224e-2, 2.81668589e-1, 2.75167307e-1),
        *(2.82862068e-1, -3.6488598e-5),
    ),
    "float64": (
        *(5.5250793978112512e-2, -5.0451457492718212e-1, 2.1189863599350697, -5.3911954307297836, 9.2010323547352139),
        *(-1.1027166089681997e1, 9.5048346418956634, -6.0713140429776397, 3.0713869822062799, -1.2694736835598904),
        *(3.2375923408301359e-1, -9.8391986549245708e-2, 1.0188117584549978e-1, 1.7363019992709062e-1),
        *(2.4712577070718897e-1, 2.8207247022251442e-1, 2.8209585138544854e-1, -2.3585086223305635e-8),
    ),
}
"""e^(x^2) (1 - erf(x)) by 1 / (1 + x/2), for x from 1 to 6; from there on, erf(x) is 1."""


class Erf(Node):
    """The error function: 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x.

    Notes
    -----
    The array API standard has no such function. Up to 1, it is computed as x times a polynomial of x^2; beyond, as
    1 - e^(-x^2) times a polynomial of 1 / (1 + x/2).
    """

    x: Node
    latex = r"\operatorname{{erf}}({x})"
    text = "erf({x})"
    says = (
        "A smooth step from −1 to 1: how much of a bell curve lies within ±√2 x.",
        "Each error is multiplied by the bell curve 2/√π e^(−x²).",
    )

    def forward(self, xp: Any, x: Any) -> Any:
        if x.dtype == xp.float64 or x.dtype == xp.float32:
            return _erf(xp, x, "float64" if x.dtype == xp.float64 else "float32")
        return xp.astype(_erf(xp, xp.astype(x, xp.float32), "float32"), x.dtype)  # float16, which the standard lacks

    def backward(self, delta: Node) -> tuple[Node]:
        return (delta * (2 / math.sqrt(math.pi) * Exp(-(self.x * self.x))),)


def _erf(xp: Any, x: Any, kind: str) -> Any:
    size = xp.abs(x)
    small = xp.where(size > 1, xp.ones_like(x), x)
    near = small * _polynomial(small * small, _NEAR[kind])
    large = xp.where(size > 6, 6 * xp.ones_like(x), size)
    beyond = 1 - xp.exp(-large * large) * _polynomial(1 / (1 + 0.5 * large), _BEYOND[kind])
    return xp.where(size > 1, xp.where(x < 0, -beyond, beyond), near)


def _polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Horner's rule; the highest power comes first."""
    total = 0 * x + coefficients[0]
    for c in coefficients[1:]:
        total = total * x + c
    return total


def erf(x: Node) -> Node:
    """The error function of each element; see `Erf`.

    Examples
    --------
    >>> import symcnn as sc
    >>> sc.compile(sc.erf(sc.Input("x", (3,))))(x=[-9, 0, 0.5])
    array([-1.       ,  0.       ,  0.5204999], dtype=float32)
    """
    return Erf(x)
