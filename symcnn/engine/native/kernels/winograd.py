"""Winograd's products: two neighbouring results of three taps take four products instead of six.

For results z0, z1 of values d0 .. d3 and taps g0 .. g2, with h = (g0 + g2) / 2::

    p0 = (d0 - d2) g0               z0 = p0 + p1 + p2
    p1 = (d1 + d2) (h + g1 / 2)     z1 = p1 - p2 - p3
    p2 = (d2 - d1) (h - g1 / 2)
    p3 = (d1 - d3) g2

This is F(2, 3) of S. Winograd's book (Arithmetic Complexity of Computations, SIAM 1980), which A. Lavin and S. Gray
brought to convolutional networks (arXiv 1509.09308). They nest it in both axes; here it runs along the rows alone,
where four sums a pair leave registers for several filters. A longer row of taps is taken in threes. For a rest of two::

    p0 = (d0 - d1) g0               z0 = p0 + p1
    p1 = d1 (g0 + g1)               z1 = p1 - p3
    p3 = (d1 - d2) g1

and for one, p0 = d0 g0 and p3 = -d1 g0, with z0 = p0 and z1 = -p3. So all of a row's p0 can be added up, all p1, and so
on, over all rows and channels, too; and only then are they made results.

The gradient of the taps, for errors e0, e1 of z0, z1, is the same the other way round. With q0 .. q3 the products of
e0, e0 + e1, e0 - e1, e1 and what p0 .. p3 have of the values, added up over all places::

    of three taps                of two           of one
    g0: q0 + (q1 + q2) / 2       g0: q0 + q1      g0: q0 - q3
    g1: (q1 - q2) / 2            g1: q1 - q3
    g2: (q1 + q2) / 2 - q3

What is added is as large as the largest of the four values and of the three taps, and so is the rounding. Where these
are of one size, as in networks, that is as exact as the direct way; a small result beside large ones is not. A number
that is not finite spoils the results whose windows it is in, as in the direct way; but of a gradient, all three taps.
Sums of numbers beyond half of the largest one overflow, and halves of weights below the smallest normal one lose bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..ir.loops import Builder, Value

PRODUCTS = {3: (0, 1, 2, 3), 2: (0, 1, 3), 1: (0, 3)}
"""Which products two neighbouring results take of three taps, of two and of one."""
ADDITIONS = {3: 4, 2: 2, 1: 0}
"""How many sums and differences of values these products need."""


def threes(taps: int) -> list[tuple[int, int]]:
    """A row of taps in threes and a rest, each by its first and its size.

    Examples
    --------
    >>> threes(5)
    [(0, 3), (3, 2)]
    """
    return [(v, min(3, taps - v)) for v in range(0, taps, 3)]


def of_values(b: Builder, d: Sequence[Value | None], n: int) -> Value | None:
    """What product n has of the values, one more than there are taps; None stands for 0."""
    match len(d) - 1, n:
        case 3, 0:
            return _difference(b, d[0], d[2])
        case 3, 1:
            return _sum(b, d[1], d[2])
        case 3, 2:
            return _difference(b, d[2], d[1])
        case 3, 3:
            return _difference(b, d[1], d[3])
        case 2, 0:
            return _difference(b, d[0], d[1])
        case 2, 1:
            return d[1]
        case 2, 3:
            return _difference(b, d[1], d[2])
        case 1, 0:
            return d[0]
    return _difference(b, None, d[1])


def of_taps(b: Builder, g: Sequence[Value]) -> dict[int, Value]:
    """What products have of two or three taps, where that is a sum; p0 has the first tap itself, and p3 the last."""
    if len(g) == 2:
        return {1: b.binary("fadd", *g)}
    half = b.number(0.5, g[0].type.lanes)
    ends, middle = b.binary("fmul", b.binary("fadd", g[0], g[2]), half), b.binary("fmul", g[1], half)
    return {1: b.binary("fadd", ends, middle), 2: b.binary("fsub", ends, middle)}


def of_errors(b: Builder, e: Sequence[Value]) -> list[Value]:
    """What each product has of two errors; or of one, as if the second were 0, but then there is no p3."""
    if len(e) == 1:
        return [e[0]] * 3
    return [e[0], b.binary("fadd", *e), b.binary("fsub", *e), e[1]]


def results(b: Builder, p: Sequence[Value]) -> tuple[Value, Value]:
    """Two neighbouring results of the sums of all four products."""
    p0, p1, p2, p3 = p
    return b.binary("fadd", b.binary("fadd", p0, p2), p1), b.binary("fsub", b.binary("fsub", p1, p2), p3)


def gradients(b: Builder, q: Mapping[int, Value]) -> list[Value]:
    """The gradients of three taps, of two or of one, of the sums of their products."""
    if 1 not in q:
        return [b.binary("fsub", q[0], q[3])]
    if 2 not in q:
        return [b.binary("fadd", q[0], q[1]), b.binary("fsub", q[1], q[3])]
    half = b.number(0.5, q[0].type.lanes)
    ends = b.binary("fmul", b.binary("fadd", q[1], q[2]), half)
    middle = b.binary("fmul", b.binary("fsub", q[1], q[2]), half)
    return [b.binary("fadd", q[0], ends), middle, b.binary("fsub", ends, q[3])]


def _sum(b: Builder, x: Value | None, y: Value | None) -> Value | None:
    if x is None or y is None:
        return y if x is None else x
    return b.binary("fadd", x, y)


def _difference(b: Builder, x: Value | None, y: Value | None) -> Value | None:
    if y is None:
        return x
    return b.unary("fneg", y) if x is None else b.binary("fsub", x, y)
