"""Equations as MathML: latex2mathml converts the LaTeX, and what it makes of it is mended here.

It spells the words of ``\\operatorname`` out letter by letter, takes apart what stands in ``\\text``, doubles primes
into towers, and writes some signs in ways that only MathML 3 knows. Words and primes are therefore set aside before,
each behind a sign that no formula has, and put back after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ..text import plain_text, shape_text
from .words import without_latex

if TYPE_CHECKING:
    from .equation import Equation

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"
_FIRST_PLACE = 0xE000
"""Where the signs for what is set aside begin: a private area of Unicode."""
_PLACES = 0x1900
_GAP = {"width": "0.167em"}
_BAR = {"fence": "true", "stretchy": "true"}
_BARS = {
    r"\lvert": ("prefix", "|"),
    r"\rvert": ("postfix", "|"),
    r"\lVert": ("prefix", "‖"),
    r"\rVert": ("postfix", "‖"),
}
_ASIDE = re.compile(r"\\(?:operatorname|text)(?=\{)|\\[lr][vV]ert(?![A-Za-z])|'+(?:\^(?:\{|.))?")
_ALIGNED = {
    "left": "text-align: left",
    "right": "text-align: right; text-align: -moz-right; text-align: -webkit-right",
}
"""MathML Core leaves alignment to CSS; browsers move the blocks inside a cell only for values of their own."""
_SIZES = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}
_CLOSING = {")", "]", "}", "|", "‖"}
_SIGNS = {"*": "∗", "-": "−", "×": "×", "·": "·"}
"""Signs that are operators, whatever the converter takes them for, and how they are written."""
_WORD = re.compile(r"[^\W\d_]\w+")


def line(equation: Equation) -> str:
    """One equation as a ``<math>`` element."""
    return _math([_left(equation), *_right(equation)])


def table(parts: dict[str, list[Equation]]) -> str:
    """Equations under their headings as a ``<math>`` element with a table: sides, shape, remark."""
    rows = []
    for heading, lines in parts.items():
        title = Element("mtext")
        title.text = heading
        rows.append(_element("mtr", [_cell([title], "left", "0.8em", columnspan="4")]))
        for e in lines:
            shape = converted(shape_text(e.shape), str(e.shape))
            cells = [_cell([_left(e)], "right"), _cell(_right(e), "left"), _cell([shape], "left", side="2em")]
            cells += [_cell([_words(e.note)], "left", side="1em")] if e.note else []
            rows.append(_element("mtr", cells))
    return _math([_element("mtable", rows, displaystyle="true")])


def _left(e: Equation) -> Element:
    return converted(e.sides[0], e.left)


def _right(e: Equation) -> list[Element]:
    """The equals sign and what stands to the right of it."""
    sign = Element("mo")
    sign.text = e.sign
    return [sign, converted(e.sides[1], e.right)]


def _math(content: list[Element]) -> str:
    math = _element("math", content, xmlns=_NAMESPACE, display="block")
    return ElementTree.tostring(math, encoding="unicode")


def _element(tag: str, content: list[Element], **attributes: str) -> Element:
    found = Element(tag, attributes)
    found.extend(content)
    return found


def _cell(content: list[Element], align: str, top: str = "", side: str = "", **attributes: str) -> Element:
    styles = [_ALIGNED[align]] + [f"padding-top: {top}"] * bool(top) + [f"padding-left: {side}"] * bool(side)
    return _element("mtd", content, style="; ".join(styles), **attributes)


def _words(text: str) -> Element:
    words = Element("mtext")
    words.text = plain_text(text)
    return words


# From LaTeX -------------------------------------------------------------------------------


def converted(latex: str, text: str) -> Element:
    """A piece of LaTeX as MathML; the piece of `text` where a template's LaTeX cannot be converted.

    Examples
    --------
    >>> from xml.etree import ElementTree
    >>> ElementTree.tostring(converted(r"\\operatorname{rot90}(W_{1}, 2)", ""), encoding="unicode")[:49]
    '<mrow><mi>rot90</mi><mo stretchy="false">(</mo><m'
    """
    try:
        return ElementTree.fromstring(_converted(latex))
    except Exception:  # a user's template may hold anything: the text says it then
        return _words(text)


@lru_cache(maxsize=4096)
def _converted(latex: str) -> str:
    from latex2mathml.converter import convert

    source, aside = _set_aside(latex)
    made = re.sub(r'\sxmlns="[^"]*"', "", convert(source))
    root = ElementTree.fromstring(made)[0]
    if any(len(element) != _SIZES.get(element.tag, len(element)) for element in root.iter()):
        raise ValueError(f"something is missing in {latex!r}")
    _mend(root, aside)
    return ElementTree.tostring(root, encoding="unicode")


def _set_aside(latex: str) -> tuple[str, dict[str, Element]]:
    """The LaTeX with a sign in place of all words, bars and primes, and what each sign stands for."""
    free = (chr(n) for n in range(_FIRST_PLACE, _FIRST_PLACE + _PLACES) if chr(n) not in latex)
    latex = latex.replace(r"\textstyle", "")
    aside: dict[str, Element] = {}
    signs: dict[tuple[str, ...], str] = {}
    source, at = "", 0
    while found := _ASIDE.search(latex, at):
        kind, end = found[0], found.end()
        if kind.startswith("'"):
            primes, _, rest = kind.partition("^")
            tag, attributes, shown = "mo", {"lspace": "0", "rspace": "0"}, "′″‴"[min(len(primes), 3) - 1]
            before, after = "^{", rest[1:] if rest.startswith("{") else f"{rest}}}"
        elif kind in _BARS:
            form, shown = _BARS[kind]
            tag, attributes, before, after = "mo", {"form": form, **_BAR}, " ", " "
        else:
            end = _closing(latex, end)
            shown = without_latex(latex[found.end() + 1 : end - 1])
            tag, attributes, before, after = ("mi" if kind == r"\operatorname" else "mtext"), {}, " ", " "
        key = (tag, shown, *attributes.values())
        if key not in signs:
            signs[key] = next(free)
            aside[signs[key]] = Element(tag, attributes)
            aside[signs[key]].text = shown
        source += latex[at : found.start()] + before + signs[key] + after
        at = end
    return source + latex[at:], aside


def _closing(latex: str, opening: int) -> int:
    """The place after the brace that closes the one at `opening`."""
    depth = 0
    for found in re.compile(r"\\.|[{}]").finditer(latex, opening):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    raise ValueError(f"a brace is not closed in {latex!r}")


# What the converter makes, mended ------------------------------------------------------------


def _mend(root: Element, aside: dict[str, Element]) -> None:
    for element in root.iter():
        text = element.text or ""
        if text in aside:
            kept = aside[text]
            element.tag, element.text, element.attrib = kept.tag, kept.text, dict(kept.attrib)
        elif (element.tag == "mo" and len(text) > 1 and text.isalpha()) or text == "⊤":
            element.tag = "mi"
        elif text == "∑":
            element.attrib = {"largeop": "false", "movablelimits": "false"}
        elif text in _SIGNS:
            element.tag, element.text = "mo", _SIGNS[text]
        if element.tag == "mtd":
            align = element.attrib.pop("columnalign", "")
            element.attrib |= {"style": _ALIGNED[align]} if align in _ALIGNED else {}
    for element in list(root.iter("mrow")) + list(root.iter("mtd")) + list(root.iter("msqrt")):
        element[:] = list(_spaced([e for e in element if e.tag != "mo" or e.text or len(e)]))


def _spaced(row: list[Element]) -> Iterator[Element]:
    """A row with a small gap between the name of a function and what stands beside it without a bracket."""
    for n, element in enumerate(row):
        before = row[n - 1] if n else None
        if before is not None and before.tag not in ("mo", "mspace") and element.tag not in ("mo", "mspace"):
            named = [_is_function(e) for e in (before, element)]
            if any(named):
                yield Element("mspace", _GAP)
        if before is not None and before.text == "," and element.text == ")":
            before.set("rspace", "0")  # (3,)
        if before is not None and before.tag == "mo" and before.text not in _CLOSING and element.text == "−":
            element.set("form", "prefix")  # (−x): a sign, no difference
        yield element


def _is_function(element: Element) -> bool:
    """Whether this is the name of a function, with or without a subscript."""
    while element.tag in ("msub", "msup", "msubsup") and len(element):
        element = element[0]
    return element.tag == "mi" and _WORD.fullmatch(element.text or "") is not None
