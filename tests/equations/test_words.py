"""Words survive in formulas, whatever signs they hold."""

import pytest

from symcnn.equations.words import latex_text, latex_words, without_latex, written


def test_names_cannot_break_a_line_or_a_file():
    assert latex_text("a\nb\x00") == r"a b\backslash x00"
    assert written("a\nb\x00c\ud800", "", "text") == r"a b\x00c\ud800"
    assert latex_text("50% {x}_1\\") == r"50\% \{x\}\_1\backslash "
    assert written(None, "", "text") == ""


@pytest.mark.parametrize(
    "name", ["a_b <c>", "\\", "50% {x}_1\\", "$x$ ^ ~ & #", "<lambda>", "a\\ b", "größe 名前", "x$ y", "$<$"]
)
def test_latex_can_be_read_back(name):
    assert without_latex(latex_text(name)) == name
    assert without_latex(latex_words(name).removeprefix(r"\text{").removesuffix("}")) == name
