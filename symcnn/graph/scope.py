"""Within which layers something is made: what its parameters are called by, and what a profile counts together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a layer that no other layer has made.

    Attributes
    ----------
    number : int
        Unlike that of any other call.
    title : str
        What its box is called, with its name: "bn1 · BatchNorm".
    """

    number: int
    title: str


_CALL: ContextVar[Call | None] = ContextVar("symcnn_call", default=None)
_SCOPE: ContextVar[str] = ContextVar("symcnn_scope", default="")


def outermost_call() -> Call | None:
    """The call of a layer within which something is made now."""
    return _CALL.get()


def scoped(name: str, unnamed: str = "") -> str:
    """`name`, after the name of the layer within which it is given; what begins with that already stays as it is.

    Parameters
    ----------
    unnamed : str, optional
        What kind of layer there is between, without a name of its own.

    Examples
    --------
    >>> with within("block1", Call(0, "block1 · Block")):
    ...     scoped("conv1"), scoped("block1.conv1"), scoped("block1"), scoped("W", "conv")
    ('block1.conv1', 'block1.conv1', 'block1', 'block1.conv.W')
    """
    scope = _SCOPE.get()
    if not scope or f"{name}.".startswith(f"{scope}."):
        return name
    return f"{scope}.{unnamed}.{name}" if unnamed else f"{scope}.{name}"


@contextmanager
def within(name: str, call: Call) -> Iterator[None]:
    """What is made meanwhile is made by `call`, unless another layer's call makes this one; names are after `name`."""
    outer = _CALL.set(_CALL.get() or call)
    scope = _SCOPE.set(name or _SCOPE.get())
    try:
        yield
    finally:
        _SCOPE.reset(scope)
        _CALL.reset(outer)
