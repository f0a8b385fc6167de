"""Tables for papers: LaTeX with booktabs, every text escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from splitfog.formulations.overview import status_words
from splitfog.instances.lookup import look_up
from splitfog.instances.readable import printable
from splitfog.studies.cells import gap_cell
from splitfog.studies.row import Row

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        **{name: name.replace("_", " ") for name in Row.__struct_fields__},
        "value": "value (s)",
        "lower_bound": "bound (s)",
        "upper_bound": "bound (1/s)",
        "speedup": "speed-up",
        "runtime_s": "time (s)",
    }
)
"""What stands above each column of a row."""


def latex_rows(rows: Sequence[Row], columns: Sequence[str] | None = None) -> str:
    """Rows as a `tabular`; `columns` are names of a row's fields, None: the usual ones.

    The usual ones are instance, solver, value, gap, speed-up and time, with objective and seed
    where the rows have several.

    Raises
    ------
    LookupError
        For a column that is none.
    """
    chosen = _usual(rows) if columns is None else columns
    headers = [look_up(HEADERS, name, "column") for name in chosen]
    lines = [[_cell(row, name) for name in chosen] for row in rows]
    numbers = ("value", "lower_bound", "upper_bound", "gap", "speedup", "runtime_s", "seed")
    kinds = "".join("r" if name in numbers else "l" for name in chosen)
    return latex_table(kinds, headers, lines)


def latex_table(kinds: str, headers: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A `tabular` with columns of these kinds; headers are escaped here, cells are not."""
    body = [" & ".join(line) + r" \\" for line in lines]
    head = " & ".join(map(latex_text, headers)) + r" \\"
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            rf"\begin{{tabular}}{{{kinds}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def latex_text(text: str) -> str:
    """A text as it stands, for LaTeX."""
    return "".join(_SPECIAL.get(letter, letter) for letter in printable(text))


def latex_number(value: float) -> str:
    r"""Four digits: `0.1312`, `$1.312 \times 10^{-5}$`."""
    return re.sub(r"^(.*)e\+?(-?)0*(\d+)$", r"$\1 \\times 10^{\2\3}$", f"{value:.4g}")


def _usual(rows: Sequence[Row]) -> list[str]:
    several = {
        name: len({getattr(row, name) for row in rows}) > 1 for name in ("objective", "seed")
    }
    return [
        "instance",
        *(["objective"] if several["objective"] else []),
        "solver",
        *(["seed"] if several["seed"] else []),
        *("value", "gap", "speedup", "runtime_s"),
    ]


def _cell(row: Row, name: str) -> str:
    value = getattr(row, name)
    if name == "gap" and row.value is not None:
        return latex_text(gap_cell(row))
    if value is None:
        return "--"
    if name == "seed":
        return str(value)
    if name == "status":
        return latex_text(status_words(row.status, row.proven_over))
    return latex_number(value) if isinstance(value, float | int) else latex_text(value)
