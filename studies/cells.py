"""Rows as cells of text, for tables on a terminal, in a notebook and in a page."""

from __future__ import annotations

from collections.abc import Sequence

from splitfog.formulations.objective import RATES
from splitfog.formulations.overview import percent, status_words
from splitfog.instances.readable import html_text, printable
from splitfog.studies.row import Row

NO_BOUND = "no bound"

OVER_PLACEMENTS = (
    "Optima and gaps of placements are over placements: a plan with slices may be cheaper."
)
"""Said beside rows of which one has a bound over placements only."""


def headers(objective: str) -> tuple[str, ...]:
    """What stands above the cells of an objective's rows.

    Parameters
    ----------
    objective
        Its name.
    """
    value = "value /s" if objective in RATES else "value s"
    return ("instance", "solver", "seed", value, "gap", "speed-up", "seconds", "status")


def shown_cells(row: Row) -> tuple[str, ...]:
    """The cells of a row under `headers`; a dash where there is no number."""
    stopped = row.stopped_by not in (None, "finished")
    status = status_words(row.status, row.proven_over)
    return (
        printable(row.instance),
        printable(row.solver),
        str(row.seed),
        "-" if row.value is None else f"{row.value:.6g}",
        gap_cell(row),
        factor(row.speedup),
        "-" if row.runtime_s is None else f"{row.runtime_s:.4f}",
        f"{status} ({row.stopped_by})" if stopped else status,
    )


def gap_cell(row: Row) -> str:
    """The gap in per cent; `no bound` of a plan that none is known for, a dash without a plan."""
    return NO_BOUND if row.gap is None and row.value is not None else percent(row.gap)


def reservation(rows: Sequence[Row]) -> str:
    """What the gaps and optima of rows leave open; empty where all of them hold over all plans."""
    return OVER_PLACEMENTS if any(row.proven_over == "placements" for row in rows) else ""


def note_html(note: str) -> str:
    """A sentence as a paragraph of HTML; nothing for none."""
    return f"<p>{html_text(note)}</p>" if note else ""


def factor(value: float | None) -> str:
    """A speed-up: `2.5x`."""
    return "-" if value is None else f"{value:.3g}x"


def text_table(headers: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """Lines of plain text in columns, the first `left` of them flush left, the others right."""
    lines = [[printable(cell) for cell in line] for line in lines]
    columns = list(zip(headers, *lines))
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in (headers, ["-" * width for width in widths], *lines)
    )
