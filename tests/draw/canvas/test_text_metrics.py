"""Widths of texts are never estimated below those of a real font."""

from symcnn.draw.canvas.text_metrics import text_width, wrapped

# The advances of DejaVu Sans (the widest of the fonts asked for), in thousandths of the size.
DEJAVU = {
    "a": 613, "b": 635, "i": 278, "j": 278, "l": 278, "m": 974, "r": 411, "t": 392, "w": 818, "x": 592, "z": 525,
    "A": 684, "J": 295, "M": 863, "N": 748, "W": 989, "0": 636, "1": 636, "9": 636, " ": 318, "(": 390, ")": 390,
    "[": 390, ",": 318, ".": 318, "·": 318, "+": 838, "−": 838, "=": 838, "/": 337, "*": 500, "_": 500, "^": 838,
    "²": 401, "∇": 669, "δ": 612, "σ": 634, "Σ": 632, "∂": 517, "×": 838, "ᵀ": 444, "′": 227, "…": 1000, ">": 838,
}  # fmt: skip


def test_widths_are_generous():
    short = {c: (DEJAVU[c], text_width(c, 1000)) for c in DEJAVU if text_width(c, 1000) < DEJAVU[c] * 0.92}
    assert short == {}
    for line in ("z1 = x * rot90(W1, 2) + b1", "δ(z1) = δ(a1) · a1 · (1 − a1)", "∇W2 = δ(z2) a1", "1×28×28"):
        real = sum(DEJAVU.get(c, 636) for c in line) / 1000
        assert real <= text_width(line, 1)


def test_other_scripts():
    assert text_width("名前", 10) >= 20
    assert text_width("e\u0301", 10) == text_width("e", 10)


def test_lines_are_broken_at_spaces_and_long_words_anywhere():
    assert wrapped("", 10, 50, 3) == [""]
    lines = wrapped("word " * 20, 10, 80, 3)
    assert len(lines) == 3 and lines[-1].endswith("…")
    assert all(text_width(line, 10) <= 80 for line in lines)
    pieces = wrapped("x" * 50, 10, 80, 10)
    assert "".join(pieces) == "x" * 50 and all(text_width(p, 10) <= 80 for p in pieces)
