"""What callers give as arguments, checked: whole numbers, options, pairs, flags."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from ..text import quoted
from .errors import ArgumentError, DTypeError, call_site, message


def positive_int(value: object, what: str) -> int:
    """`value` as an int of at least 1.

    Raises
    ------
    DTypeError
        For a float, a bool or anything else that is not an integer.
    ArgumentError
        For 0 and negative numbers.
    """
    return _at_least(1, value, what)


def natural(value: object, what: str) -> int:
    """`value` as an int of at least 0; errors as for `positive_int`."""
    return _at_least(0, value, what)


def _at_least(least: int, value: object, what: str) -> int:
    number = whole(value, what)
    if number < least:
        raise ArgumentError(message(f"{what} is {number}; it must be at least {least}", site=call_site()))
    return number


def whole(value: object, what: str) -> int:
    """`value` as an int; floats and bools are refused, NumPy's integers are fine."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise DTypeError(message(f"{what} is {quoted(value)}; it must be a whole number", site=call_site())) from None


def chosen(value: object, options: tuple[str, ...], what: str) -> str:
    """`value`, which must be one of the texts `options`.

    Raises
    ------
    ArgumentError
        Otherwise; the message lists the options.
    """
    if isinstance(value, str) and value in options:
        return value
    listed = ", ".join(repr(o) for o in options[:-1])
    raise ArgumentError(
        message(f"{what} {quoted(value)} is not known; expected {listed} or {options[-1]!r}", site=call_site())
    )


def items(value: object) -> list[Any] | None:
    """What a tuple, a list or an array with axes holds, one level deep; None for any other thing.

    Examples
    --------
    >>> items((1, 2)), items(3), items("ab")
    ([1, 2], None, None)
    """
    if isinstance(value, tuple | list):
        return list(value)
    unpack = getattr(value, "tolist", None) if not isinstance(value, type) and getattr(value, "ndim", 0) > 0 else None
    found = unpack() if unpack else None
    return found if isinstance(found, list) else None


def listed(value: object) -> list[Any] | None:
    """What anything holds that can be gone through, a generator too; None for text, a mapping, and all other things.

    Examples
    --------
    >>> listed(n * n for n in (1, 2)), listed("ab"), listed({"a": 1}), listed(3)
    ([1, 4], None, None, None)
    """
    if isinstance(value, str | bytes | Mapping):
        return None
    try:
        return list(value)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        return None


def flag(value: object, what: str) -> bool:
    """`value` as True or False, which it must be: text such as "no" would be true. 0 and 1 are fine.

    Examples
    --------
    >>> flag(True, "bias"), flag(0, "bias")
    (True, False)
    """
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_") or (type(value) is int and value in (0, 1)):
        return bool(value)
    raise DTypeError(message(f"{what} is {quoted(value)}; expected True or False", site=call_site()))


def pair(value: object, what: str) -> tuple[int, int]:
    """`value` as (height, width): one number stands for both.

    Examples
    --------
    >>> pair(2, "size"), pair((1, 3), "size")
    ((2, 2), (1, 3))
    """
    sides = items(value)
    if sides is None:
        number = positive_int(value, what)
        return number, number
    if len(sides) != 2:
        what = f"{what} is {quoted(value)}; give one number or (height, width)"
        raise ArgumentError(message(what, site=call_site()))
    return positive_int(sides[0], what), positive_int(sides[1], what)


def number_from(value: object, low: float, below: float, what: str, *, open: bool = False) -> float:
    """`value` as a float from `low` on, or with `open` above it, and below `below`.

    Raises
    ------
    DTypeError
        For what is no number.
    ArgumentError
        For one that is out of this range, NaN among them.

    Examples
    --------
    >>> number_from(0.5, 0, 1, "dropout: rate")
    0.5
    """
    try:
        if isinstance(value, str | bytes | bool):
            raise TypeError
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise DTypeError(message(f"{what} is {quoted(value)}; it must be a number", site=call_site())) from None
    if not (low < number if open else low <= number) or not number < below:
        end = "" if below == float("inf") else f" and below {below:g}"
        expected = f"{'above' if open else 'at least'} {low:g}{end}"
        raise ArgumentError(message(f"{what} is {quoted(value)}; it must be {expected}", site=call_site()))
    return number
