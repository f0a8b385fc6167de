"""Rows as cells of text, for tables on a terminal, in a notebook and in a page."""

from __future__ import annotations

from collections.abc import Sequence

from splitfog.formulations.overview import percent
from splitfog.studies.row import Row

HEADERS = ("instance", "solver", "seed", "value s", "gap", "speed-up", "seconds", "status")


def shown_cells(row: Row) -> tuple[str, ...]:
    """The cells of a row under `HEADERS`; a dash where there is no number."""
    stopped = row.stopped_by not in (None, "finished")
    return (
        row.instance,
        row.solver,
        str(row.seed),
        "-" if row.value is None else f"{row.value:.6g}",
        percent(row.gap),
        factor(row.speedup),
        "-" if row.runtime_s is None else f"{row.runtime_s:.4f}",
        f"{row.status} ({row.stopped_by})" if stopped else row.status,
    )


def factor(value: float | None) -> str:
    """A speed-up: `2.5x`."""
    return "-" if value is None else f"{value:.3g}x"


def text_table(headers: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """Lines of plain text in columns, the first `left` of them flush left, the others right."""
    columns = list(zip(headers, *lines))
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in (headers, ["-" * width for width in widths], *lines)
    )
