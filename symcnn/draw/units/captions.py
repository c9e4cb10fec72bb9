"""What a figure of units says in words: the names of rows and filters, the letters, the dashes, the sentences below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...graph.node import Node
from ...text import plain_text
from ..canvas.text_metrics import wrapped
from .chain import Chain
from .rows import Row
from .sheet import BODY, FILTERS, SMALL

_KINDS = {"input": "input", "conv": "conv maps", "local": "local maps", "pool": "pooled maps", "dense": "dense"}


@dataclass(frozen=True)
class Filter:
    """What tells a filter from others: a letter and a colour.

    Attributes
    ----------
    letter : str
    colour : str
        A class of the style sheet.
    """

    letter: str
    colour: str


class Filters:
    """The filters that are drawn, each with a letter of its own; tied layers have the same letters.

    Parameters
    ----------
    rows : list of Row
    most : int
        How many maps of a row are drawn.
    """

    def __init__(self, rows: Sequence[Row], most: int) -> None:
        self._found: dict[tuple[Node, int], Filter] = {}
        for row in rows:
            for f in range(min(row.maps, most)) if row.kind == "conv" else ():
                n = len(self._found)
                self._found.setdefault(row.filter(f), Filter(letters(n), f"c{n % len(FILTERS)}"))

    def of(self, row: Row, unit: int) -> Filter:
        """The filter that makes a map."""
        return self._found[row.filter(unit)]

    def colour(self, row: Row | None, unit: int) -> str:
        """The colour of a map: of the filter that made it, through pools too; none for maps of the input."""
        while row is not None and row.kind == "pool" and row.is_map_by_map:
            row = row.below
        return self.of(row, unit).colour if row is not None and row.kind == "conv" else ""


def letters(n: int) -> str:
    """A, B, ..., Z, AA, AB, ...

    Examples
    --------
    >>> letters(0), letters(25), letters(26), letters(701)
    ('A', 'Z', 'AA', 'ZZ')
    """
    text = ""
    n += 1
    while n:
        n, rest = divmod(n - 1, 26)
        text = chr(65 + rest) + text
    return text


def dash(n: int) -> str:
    """The dashes of the n-th weight, unlike those of any other: solid, dashed, dotted, then a dash and n - 2 dots.

    Examples
    --------
    >>> [dash(n) for n in range(4)]
    ['', '6 3', '1.5 3', '8 3 1.5 3']
    """
    return ("", "6 3", "1.5 3")[n] if n < 3 else "8 3" + " 1.5 3" * (n - 2)


def title(row: Row) -> str:
    """What a row is called: by its own name, by that of its parameters, by its kind."""
    kind = f"{_KINDS[row.kind]} {row.number}" if row.number else _KINDS[row.kind]
    return next((name for name in (row.node.name, *row.names) if name.strip()), kind)


def brief(row: Row) -> str:
    """The name of a row in a legend: shortened where it is long."""
    return wrapped(plain_text(title(row)), BODY, 200.0, 1)[0]


def details(row: Row, flat: bool) -> list[str]:
    """How a row is made; `flat` where there is one axis only."""
    size = row.window
    window = f"{size[0]}×{size[1]}" if not flat or 1 not in size else str(max(size))
    if row.kind == "conv":
        made = [f"filters of {window}"]
    elif row.kind == "local":
        made = [f"own weights for each {window}"]
    else:
        made = [f"{row.mode} of {window}"] if row.kind == "pool" else []
    if row.kind != "dense":
        made += [*row.onto, *([row.stride] if row.stride else [])]
    named = [n for n in row.names if n != title(row)]
    extra = [*named, *row.notes]
    return [*made, *([", ".join(extra)] if extra else [])]


def count(row: Row, flat: bool) -> str:
    """How many maps and units: 6@28×28, 2@8, 10 units."""
    if row.kind == "dense":
        return _many(row.maps, "unit")
    height, width = row.size
    size = str(max(row.size)) if flat else f"{height}×{width}"
    return f"{row.maps:,}@{size}"


def label_lines(row: Row, drawn: int, flat: bool, width: float) -> list[tuple[str, float, str]]:
    """What stands beside a row, in lines of at most `width`: text, size, class."""
    lines = [(title(row), BODY, "bold"), (count(row, flat), BODY, "")]
    lines += [(text, SMALL, "quiet") for text in (*details(row, flat), *more(row, drawn))]
    return [(line, size, kind) for text, size, kind in lines for line in wrapped(plain_text(text), size, width, 3)]


def more(row: Row, drawn: int) -> list[str]:
    """How much of a row is drawn, where it is not all."""
    what = "units" if row.kind == "dense" else "maps"
    return [f"… {drawn} of {row.maps:,} {what}"] if drawn < row.maps else []


def shared(row: Row, unit: int) -> str:
    """How many weights the units of a filter share: "3 shared weights, 1 bias"."""
    weights = _many(row.weights(unit), "shared weight")
    return f"{weights}, 1 bias" if row.has_bias else weights


def sentences(chain: Chain, dashes: bool, most: int) -> list[str]:
    """The sentences below a figure; `dashes` where lines of weights are drawn."""
    rows = chain.rows
    found = []
    convs = [row for row in rows if row.kind == "conv"]
    if convs:
        found.append("Same colour and letter: tied weights.")
        if dashes and any(row.exists is not None for row in convs):
            several = any(len(row.seen(f)) > 1 for row in convs for f in range(min(row.maps, most)))
            where = "Same dash to the same map" if several else "Same dash"
            found.append(f"{where}: the same weight.")
    pools = [
        (row.mode, row.window[0] * row.window[1] * len(row.seen(row.maps // 2))) for row in rows if row.kind == "pool"
    ]
    if pools:
        ways = dict.fromkeys(f"the {mode} of {_many(units, 'unit')}" for mode, units in pools)
        found.append(f"Each pooled unit is {', or '.join(ways)}.")
    if any(row.kind == "local" for row in rows):
        found.append("The units of local maps have weights of their own, which no other unit shares.")
    if any(row.kind == "dense" for row in rows):
        found.append("A dense unit reads all units below, each with a weight of its own.")
    if dashes and any(row.zeros(0) or row.zeros(1) for row in rows):
        found.append("A 0 is padding.")
    if dashes and any(row.kind != "dense" and row.maps > most for row in rows):
        found.append("Lines to maps that are not drawn are left out.")
    return [*dict.fromkeys(found), chain.rest]


def _many(n: int, what: str) -> str:
    """1 unit, 2 units."""
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def summary(chain: Chain, flat: bool) -> str:
    """The figure in one sentence, for those who do not see it."""
    return "From the input upwards: " + "; ".join(
        ", ".join([title(row), count(row, flat), *details(row, flat)]) for row in chain.rows
    )


def weight_name(row: Row, letter: str, channel: int | None, tap: tuple[int, int]) -> str:
    """What a weight is called: WA[2], or WA[channel, 2] where there are more; None stands for any channel."""
    parts = []
    if row.exists is not None and row.exists.shape[1] > 1:
        parts.append("·" if channel is None else str(channel))
    parts += [str(t) for t, size in zip(tap, row.window, strict=True) if size > 1]
    return f"W{letter}[{', '.join(parts) or '0'}]"
