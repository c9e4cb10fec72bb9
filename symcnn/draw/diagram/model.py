"""What a picture of a sweep tells, before anything has a place: boxes, their twins, parameters, and what reads what.

A box is a named value of the forward pass with the small nodes that its formula goes through, or several values
that are folded. Its twin below holds what the sweep does there: the errors that it sends on, and the gradients.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...graph.leaves import Param
from ...graph.node import Node
from ...graph.spec import Shape
from ..maps.picture import Picture


@dataclass
class BackwardBox:
    """The backward half of a box: what the sweep does when it comes by.

    Attributes
    ----------
    title : str
    lines : list of str
        The errors that are sent on, and gradients.
    needed : bool
        Whether its error is on the way to a gradient.
    reads : str
        What its rule reads from the forward pass.
    pictures : list of Picture
        Maps of its error, after a run.
    """

    title: str
    lines: list[str]
    needed: bool = True
    reads: str = ""
    pictures: list[Picture] = field(default_factory=list)


@dataclass
class Box:
    """A value of the forward pass.

    Attributes
    ----------
    key : str
        Unlike any other box's, stable, and fit for an id.
    kind : "input", "value", "loss" or "fold"
        A fold stands for several values, or for where the graph goes on.
    title : str
    lines : list of str
        The equation.
    symbol, shape : str
        What stands on the edges that leave it.
    error : str
        What stands on the edges that come back to its twin.
    twin : BackwardBox or None
        None where no error comes back: labels.
    node : Node or None
        The value itself; None where a box stands for several.
    norm, error_norm : str
        What else stands on those edges, after a run.
    pictures : list of Picture
        Maps of its value, after a run.
    members : tuple of Node
        The inputs or values that it stands for.
    """

    key: str
    kind: str
    title: str
    lines: list[str]
    symbol: str
    shape: str
    error: str
    twin: BackwardBox | None = None
    node: Node | None = None
    norm: str = ""
    error_norm: str = ""
    pictures: list[Picture] = field(default_factory=list)
    members: tuple[Node, ...] = ()


@dataclass
class Bundle:
    """Parameters with the same readers, which share a box.

    Attributes
    ----------
    key : str
    lines, gradients : list of str
        "W1 (20×1×9×9)", and "∇W1 (20×1×9×9)"; no gradients where no error comes back.
    readers : list of str
        The keys of the boxes that read them, in forward order.
    params : list of Param
    pictures, gradient_pictures : list of Picture
        Filters and their gradients, after a run.
    folded : bool
        Whether a line may stand for many of them.
    """

    key: str
    lines: list[str]
    gradients: list[str]
    readers: list[str]
    params: list[Param] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    gradient_pictures: list[Picture] = field(default_factory=list)
    folded: bool = False


@dataclass
class DiagramModel:
    """All that a picture shows.

    Attributes
    ----------
    boxes : list of Box
        In the order of the forward pass.
    edges : list of (str, str)
        Keys: the value, and the box that reads it.
    sent : set of (str, str)
        Those edges along which an error comes back.
    bundles : list of Bundle
    note : str
        What is folded or left out, if anything, and what was run: a line for each.
    of : str
        The symbol of what was swept; default: that of the last box.
    scales : list of Picture
        What the colours of the pictures mean; each one's title says it.
    below : Below or None
        The lower lane, where that is no mirror image: then no box has a twin.
    """

    boxes: list[Box] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)
    sent: set[tuple[str, str]] = field(default_factory=set)
    bundles: list[Bundle] = field(default_factory=list)
    note: str = ""
    of: str = ""
    scales: list[Picture] = field(default_factory=list)
    below: Below | None = None

    @property
    def name(self) -> str:
        """The symbol of what was swept."""
        return self.of or self.boxes[-1].symbol


@dataclass
class Below(DiagramModel):
    """The backward graph as the sweep made it, node by node; it stands below the forward pass, from right to left.

    Its boxes are of the kinds "made" and "gradient"; its keys are unlike those of the boxes above, too.

    Attributes
    ----------
    homes : {key: key}
        For each box: the one above whose rule made it.
    sums : set of key
        Boxes that add up what several rules send to one value.
    unneeded : set of key
        Boxes that are not on the way to a gradient.
    reads : {key: str}
        What each box reads from the forward pass.
    """

    homes: dict[str, str] = field(default_factory=dict)
    sums: set[str] = field(default_factory=set)
    unneeded: set[str] = field(default_factory=set)
    reads: dict[str, str] = field(default_factory=dict)


class Keys:
    """Keys made from names: fit for an id, all different, and the same in every run."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, name: str) -> str:
        """A key that is not taken yet.

        Examples
        --------
        >>> keys = Keys()
        >>> keys.new("z1"), keys.new("z1"), keys.new("z1′")
        ('z1', 'z1-2', 'z1-u2032')
        """
        stem = re.sub(r"[^A-Za-z0-9_.-]", lambda c: f"-u{ord(c[0]):x}", name) or "-"
        key, number = stem, 1
        while key in self._taken:
            number += 1
            key = f"{stem}-{number}"
        self._taken.add(key)
        return key


def size_text(shape: Shape, batch: str = "") -> str:
    """A shape as it stands on an edge: of one example, unless the batch axis has a name.

    Examples
    --------
    >>> size_text((None, 20, 10, 10)), size_text(())
    ('20×10×10', 'scalar')
    >>> size_text((None,))
    '1 each'
    >>> size_text((None, 2000), "N")
    'N×2000'
    """
    text = "×".join(batch if d is None else str(d) for d in shape if d is not None or batch)
    return text or ("1 each" if shape else "scalar")
