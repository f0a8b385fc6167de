"""Tables for papers."""

from __future__ import annotations

import pytest

from splitfog.studies.latex import latex_number, latex_text
from tests.studies.small_rows import ROWS


def test_a_table_is_a_tabular_with_booktabs() -> None:
    """Seeds have a column as there are two; dashes where there is no number."""
    lines = ROWS.to_latex().splitlines()
    assert lines[1] == r"\begin{tabular}{llrrrrr}"
    assert lines[3] == r"instance & solver & seed & value (s) & gap & speed-up & time (s) \\"
    assert lines[5] == r"i & hpa & 0 & 0.2 & 50.00 \% & 2 & 0.5 \\"
    assert lines[7] == r"i & ilp & 7 & -- & -- & -- & 0.5 \\"
    assert [line for line in lines if line.endswith("rule")] == [
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
    ]


def test_columns_are_chosen_by_name() -> None:
    """In the order asked for; an unknown one is refused with those there are."""
    assert r"a, b & optimal \\" in ROWS.to_latex(["reason", "status"])
    with pytest.raises(LookupError, match="column 'speed-up', did you mean 'speedup'"):
        ROWS.to_latex(["speed-up"])


def test_all_of_latex_is_escaped() -> None:
    """Every letter that LaTeX takes for a command stands as itself."""
    assert latex_text(r"a&b%c$d#e_f{g}") == r"a\&b\%c\$d\#e\_f\{g\}"
    assert latex_text("\\~^<>") == (
        r"\textbackslash{}\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.131234, "0.1312"),
        (12345.6, r"$1.235 \times 10^{4}$"),
        (1.25e-7, r"$1.25 \times 10^{-7}$"),
        (0, "0"),
    ],
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    """Powers of ten are written as such."""
    assert latex_number(value) == text
