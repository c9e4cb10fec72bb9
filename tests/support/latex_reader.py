"""Turns the LaTeX of equations into the notation of their text, which `equation_reader` computes."""

import re

_COMMANDS = {
    r"\odot": "·", r"\cdot": "·", r"\ast": "*", r"\times": "×", r"\,": " ", r"\ge": "≥", r"\le": "≤", r"\lt": "<",
    r"\gt": ">", r"\infty": "∞", r"\sigma": "σ", r"\log": "log", r"\tanh": "tanh", r"\max": "max", r"\min": "min",
    r"\sin": "sin", r"\cos": "cos", r"\sinh": "sinh", r"\cosh": "cosh", r"\arcsin": "asin", r"\arccos": "acos",
    r"\arctan": "atan", r"\wedge": " and ", r"\vee": " or ", r"\oplus": " xor ", r"\neg": " not ", r"\bmod": " mod ",
    r"\lfloor": "⌊", r"\rfloor": "⌋",
    r"\left": "", r"\right": "", r"\lvert": "abs(", r"\rvert": ")", r"\textstyle": "", r"\_": "_", r"\sum": "Σ",
}  # fmt: skip
_OVER_AXES = ("mean", "max", "min", "var", "first_max", "concat", "flip", "cumsum", "cumsum_from_end", "Σ")


def as_text(latex, names):
    """LaTeX in the notation of the text; `names` maps the LaTeX of each name to its text."""
    known = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
    known = re.compile(rf"(?<![A-Za-z\\])(?:{known})(?![A-Za-z_{{'])|(?:{known})(?![A-Za-z_{{'])(?<=\))")
    out, at, latex = "", 0, latex.replace(r" \times ", "×")
    while at < len(latex):
        rest = latex[at:]
        if (name := known.match(latex, at)) and not (latex[at].isalpha() and latex[at - 1 : at].isalpha()):
            out += names[name[0]]
            at = name.end()
        elif rest.startswith(r"\frac"):
            (above, at), (below, at) = (first := group(latex, at + 5)), group(latex, first[1])
            out += f"(({as_text(above, names)}) / ({as_text(below, names)}))"
        elif rest.startswith(r"\begin{cases}"):
            inside, at = environment(latex, at)
            (a, condition), (b, _) = [split(row, "&") for row in split(inside, r"\\")]
            out += f"where({as_text(condition, names)}, {as_text(a, names)}, {as_text(b, names)})"
        elif rest.startswith((r"\operatorname{", r"\text{")):
            word, at = group(latex, latex.index("{", at))
            out += word.replace(r"\_", "_")
        elif rest.startswith(r"\sqrt"):
            inside, at = group(latex, at + 5)
            out += f"sqrt({as_text(inside, names)})"
        elif found := re.match(r"\\ast_\{(?:(\\text\{full\})?(?:, )?(\d*))\}", rest):
            full, groups = found.groups()
            out, at = out + "*" + ("_full" if full else "") + (f"_{groups}" if groups else ""), at + found.end()
        elif latex[at] in "^_":
            inside, end = group(latex, at + 1) if latex[at + 1] == "{" else (latex[at + 1], at + 2)
            out += script(out, latex[at], inside, names)
            at = end
        elif command := re.match(r"\\(?:[A-Za-z]+|.)", rest):
            out, at = out + _COMMANDS[command[0]], at + command.end()
        else:
            out, at = out + {"-": "−"}.get(latex[at], latex[at]), at + 1
    return out


def script(before, sign, inside, names):
    if sign == "^":
        return {r"\top": "ᵀ", "2": "²"}.get(inside) or f"^({as_text(inside, names)})"
    word = re.search(r"[^\W\d]+$", before)
    if word and re.fullmatch(r"[\d, ]+|\d+×\d+", inside):
        if "×" in inside or word[0] in _OVER_AXES:
            digits = inside.replace("×", "x").replace(", ", "")
            return digits.translate(str.maketrans("0123456789x", "₀₁₂₃₄₅₆₇₈₉ₓ"))
        return f"_{inside}"
    return f"[{as_text(inside, names)}]" if before.endswith(")") else f"_{inside}"


def group(latex, at):
    """What stands in the braces that open at `at`, and the place behind them."""
    depth = 0
    for found in re.compile(r"\\.|[{}]").finditer(latex, at):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            return latex[at + 1 : found.start()], found.end()
    raise AssertionError(latex)


def environment(latex, at):
    depth = 0
    for found in re.compile(r"\\(begin|end)\{cases\}").finditer(latex, at):
        depth += 1 if found[1] == "begin" else -1
        if depth == 0:
            return latex[at + len(r"\begin{cases}") : found.start()], found.end()
    raise AssertionError(latex)


def split(latex, mark):
    """The parts between marks outside of inner environments."""
    parts, depth, last = [], 0, 0
    for found in re.finditer(rf"\\(begin|end)\{{cases\}}|{re.escape(mark)}", latex):
        if found[1]:
            depth += 1 if found[1] == "begin" else -1
        elif depth == 0:
            parts.append(latex[last : found.start()])
            last = found.end()
    return [*parts, latex[last:]]
